-- Written by aggregators/videooperations.

-- +goose Up
create table video_operations (
    trace_id       uuid primary key,
    video_id       uuid not null,
    succeeded      boolean not null,
    -- Why it did not, for people; null where it did.
    failure_reason text,
    -- Who asked, and who alone may see it.
    owner_id       uuid not null,
    -- The reason for programs; null also where the original system gives none.
    failure_code   text
);
grant select, insert, update, delete, truncate on video_operations to view_writer;
grant select on video_operations to view_reader;

-- The publishings that were asked for and have no outcome. One that is repeated
-- gets no event of its own: the outcome of the first is that of all.
create table video_publish_requests (
    trace_id uuid primary key,
    video_id uuid not null,
    owner_id uuid not null
);
create index video_publish_requests_video on video_publish_requests (video_id, owner_id);
grant select, insert, update, delete, truncate on video_publish_requests to view_writer;
grant select on video_publish_requests to view_reader;

-- Their outcomes, for those that ask later.
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

-- Wakes who waits for an operation: its trace id goes to the channel operations,
-- when the row is there.
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
