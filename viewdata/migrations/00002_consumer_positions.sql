-- Written by the frame, package aggregators: each aggregator its own row, in the
-- transaction of its rows.

-- +goose Up
create table consumer_positions (
    consumer_id text primary key,
    -- All up to and including this global position is in the tables.
    position    bigint not null,
    -- The message at the position; null before the first.
    message_id  uuid
);
grant select, insert, update, delete, truncate on consumer_positions to view_writer;
grant select on consumer_positions to view_reader;
