-- Written by aggregators/adminmessages: a copy of the log, with indexes that the store
-- does not have, and without password hashes.

-- +goose Up
create table admin_messages (
    global_position bigint primary key,
    id              uuid not null,
    stream_name     text collate "C" not null,
    position        bigint not null,
    category        text collate "C" not null,
    type            text collate "C" not null,
    -- Those of the metadata; null unless they are UUIDs.
    trace_id        uuid,
    user_id         uuid,
    time            timestamptz not null,
    writer          text not null,
    data            jsonb compression lz4 not null,
    metadata        jsonb compression lz4 not null
);
create unique index admin_messages_id on admin_messages (id);
-- One index per filter, in the order of the pages, so that a page reads only its rows.
create index admin_messages_stream on admin_messages (stream_name, global_position);
create index admin_messages_category on admin_messages (category, global_position);
create index admin_messages_type on admin_messages (type, global_position);
create index admin_messages_trace on admin_messages (trace_id, global_position) where trace_id is not null;
create index admin_messages_user on admin_messages (user_id, global_position) where user_id is not null;
grant select, insert, update, delete, truncate on admin_messages to view_writer;
grant select on admin_messages to view_reader;

create table admin_types (
    type          text collate "C" primary key,
    message_count bigint not null
);
grant select, insert, update, delete, truncate on admin_types to view_writer;
grant select on admin_types to view_reader;

create table admin_categories (
    category      text collate "C" primary key,
    message_count bigint not null
);
grant select, insert, update, delete, truncate on admin_categories to view_writer;
grant select on admin_categories to view_reader;
