-- Written by aggregators/homepage: every video that was watched, named or
-- published. Those that are published are on the home page.

-- +goose Up
create table home_videos (
    video_id           uuid primary key,
    -- Null while it has none.
    name               text,
    views              bigint not null default 0,
    -- Both null while it is not published.
    owner_id           uuid,
    -- The global position of VideoPublished.
    published_position bigint
) with (fillfactor = 70); -- room beside the row for its next count
-- The order of the pages. It does not have the views, so a viewing need not
-- change it.
create index home_videos_published on home_videos (published_position) where published_position is not null;
grant select, insert, update, delete, truncate on home_videos to view_writer;
grant select on home_videos to view_reader;

-- The viewings that are in pages already have to be counted here, too: the
-- aggregator begins again.
delete from pages;
delete from consumer_positions where consumer_id = 'aggregators:home-page';
