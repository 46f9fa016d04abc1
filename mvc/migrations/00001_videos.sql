-- One row a video is all there is: who owns it, what the player shows, how far
-- its transcoding is, and how often it was watched.

-- +goose Up
create table videos (
    id                 bigint generated always as identity primary key,
    -- By what REST calls it, so that both versions have the same paths.
    video_id           uuid not null unique,
    owner_id           uuid not null,
    name               text not null default '',
    description        text not null default '',
    transcoding_status text not null default 'pending',
    view_count         bigint not null default 0
);
