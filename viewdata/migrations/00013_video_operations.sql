-- Written by aggregators/videooperations.

-- +goose Up
create table video_operations (
    trace_id       uuid primary key,
    video_id       uuid not null,
    succeeded      boolean not null,
    -- The reason of a failure, for people; null after a success.
    failure_reason text,
    -- The user who gave the command, and the only one who may see the row.
    owner_id       uuid not null,
    -- The reason for programs; null also for events of the original system.
    failure_code   text
);
grant select, insert, update, delete, truncate on video_operations to view_writer;
grant select on video_operations to view_reader;

-- Commands to publish a video that have no outcome yet. A repeated command causes no
-- event of its own: the outcome of the first is that of all.
create table video_publish_requests (
    trace_id uuid primary key,
    video_id uuid not null,
    owner_id uuid not null
);
create index video_publish_requests_video on video_publish_requests (video_id, owner_id);
grant select, insert, update, delete, truncate on video_publish_requests to view_writer;
grant select on video_publish_requests to view_reader;

-- The outcomes, for repeated commands that come later.
create table video_publish_outcomes (
    video_id       uuid,
    owner_id       uuid,
    succeeded      boolean not null,
    failure_reason text,
    failure_code   text,
    primary key (video_id, owner_id)
);
grant select, insert, update, delete, truncate on video_publish_outcomes to view_writer;
grant select on video_publish_outcomes to view_reader;

-- Notifies the channel operations of the trace ID of each new row, at the commit.
-- +goose StatementBegin
create or replace function notify_operation() returns trigger
language plpgsql
as $$
begin
    perform pg_notify('operations', new.trace_id::text);
    return null;
end
$$;
-- +goose StatementEnd
create trigger video_operations_notify
after insert on video_operations
for each row execute function notify_operation();
