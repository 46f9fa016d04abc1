-- Written by aggregators/creatorsvideos.

-- +goose Up
create table creators_portal_videos (
    id             uuid primary key,
    owner_id       uuid not null,
    -- Null while it has none; so is the description.
    name           text,
    description    text,
    views          bigint not null default 0,
    source_uri     text,
    -- Null while it cannot be watched, as are the next two.
    transcoded_uri text,
    poster_uri     text,
    content_type   text,
    -- publishing, published or failed.
    status         text not null,
    -- Why it failed, for programs and for people.
    failure_code   text,
    failure_reason text,
    -- The stream position of the last event that is in the row.
    position       bigint not null,
    -- The global position of the event that made the row.
    first_position bigint not null
) with (fillfactor = 70); -- room beside the row for its next count
create index creators_portal_videos_owner on creators_portal_videos (owner_id, first_position);
grant select, insert, update, delete, truncate on creators_portal_videos to view_writer;
grant select on creators_portal_videos to view_reader;

-- What is known of videos that are nobody's yet, until they have a row above: any
-- id can be watched, and the original system lets any be named.
create table ownerless_videos (
    video_id    uuid primary key,
    name        text,
    description text,
    views       bigint not null default 0
);
grant select, insert, update, delete, truncate on ownerless_videos to view_writer;
grant select on ownerless_videos to view_reader;
