-- Written by aggregators/homepage: all videos that were watched, named or published.
-- The home page shows the published ones.

-- +goose Up
create table home_videos (
    video_id           uuid primary key,
    -- Null for a video without a name.
    name               text,
    views              bigint not null default 0,
    -- Both are null until the publication.
    owner_id           uuid,
    -- The global position of VideoPublished.
    published_position bigint
) with (fillfactor = 70); -- space on the page for the next version of a row
-- The order of the pages. It does not contain the views, so that a viewing does not
-- change the index.
create index home_videos_published on home_videos (published_position) where published_position is not null;
grant select, insert, update, delete, truncate on home_videos to view_writer;
grant select on home_videos to view_reader;

-- The viewings that pages contains already must be counted here too, so the aggregator
-- starts from the beginning of the log.
delete from pages;
delete from consumer_positions where consumer_id = 'aggregators:home-page';
