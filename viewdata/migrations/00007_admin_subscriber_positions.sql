-- Written by aggregators/adminpositions: the saved positions of the components. Those
-- of the aggregators are in consumer_positions.

-- +goose Up
create table admin_subscriber_positions (
    id                           text collate "C" primary key,
    position                     bigint not null,
    last_message_global_position bigint not null
);
grant select, insert, update, delete, truncate on admin_subscriber_positions to view_writer;
grant select on admin_subscriber_positions to view_reader;
