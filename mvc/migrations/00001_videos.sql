-- The only table. A row has the owner of a video, the data that the player shows, the
-- state of the transcoding and the number of viewings.

-- +goose Up
create table videos (
    id                 bigint generated always as identity primary key,
    -- The id in REST paths, so that both versions have the same paths.
    video_id           uuid not null unique,
    owner_id           uuid not null,
    name               text not null default '',
    description        text not null default '',
    transcoding_status text not null default 'pending',
    view_count         bigint not null default 0
);
