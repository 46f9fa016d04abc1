-- Written by aggregators/sessions.

-- +goose Up
create table ended_sessions (
    session_id uuid primary key,
    -- Null where the event's stream is nobody's.
    user_id    uuid,
    time       timestamptz not null
);
-- To find those that no session can be as old as.
create index ended_sessions_time on ended_sessions (time);
grant select, insert, update, delete, truncate on ended_sessions to view_writer;
grant select on ended_sessions to view_reader;
