-- Written by aggregators/creatorsvideos.

-- +goose Up
create table creators_portal_videos (
    id             uuid primary key,
    owner_id       uuid not null,
    -- The name and the description are null until the video has them.
    name           text,
    description    text,
    views          bigint not null default 0,
    source_uri     text,
    -- This and the next two columns are null until the publication.
    transcoded_uri text,
    poster_uri     text,
    content_type   text,
    -- publishing, published or failed.
    status         text not null,
    -- The reason of a failure, for programs and for people.
    failure_code   text,
    failure_reason text,
    -- The stream position of the last event in the row.
    position       bigint not null,
    -- The global position of the event that created the row.
    first_position bigint not null
) with (fillfactor = 70); -- space on the page for the next version of a row
create index creators_portal_videos_owner on creators_portal_videos (owner_id, first_position);
grant select, insert, update, delete, truncate on creators_portal_videos to view_writer;
grant select on creators_portal_videos to view_reader;

-- The data of videos without an owner, until they have a row above: any ID can be
-- watched, and the original system accepts names for any ID.
create table ownerless_videos (
    video_id    uuid primary key,
    name        text,
    description text,
    views       bigint not null default 0
);
grant select, insert, update, delete, truncate on ownerless_videos to view_writer;
grant select on ownerless_videos to view_reader;
