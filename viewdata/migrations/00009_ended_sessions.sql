-- Written by aggregators/sessions.

-- +goose Up
create table ended_sessions (
    session_id uuid primary key,
    -- Null if the ID in the name of the event's stream is not a UUID.
    user_id    uuid,
    time       timestamptz not null
);
-- Finds rows that are older than any session can be.
create index ended_sessions_time on ended_sessions (time);
grant select, insert, update, delete, truncate on ended_sessions to view_writer;
grant select on ended_sessions to view_reader;
