-- Written by aggregators/adminstreams.

-- +goose Up
create table admin_streams (
    stream_name                  text collate "C" primary key,
    message_count                bigint not null,
    last_message_id              uuid not null,
    last_message_global_position bigint not null
);
grant select, insert, update, delete, truncate on admin_streams to view_writer;
grant select on admin_streams to view_reader;
