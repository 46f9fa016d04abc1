-- Written by aggregators/registrations.

-- +goose Up
create table registrations (
    trace_id  uuid primary key,
    user_id   uuid not null,
    succeeded boolean not null,
    -- The reason of a rejection, for programs and for people; null after a success.
    code      text,
    reason    text
);
grant select, insert, update, delete, truncate on registrations to view_writer;
grant select on registrations to view_reader;
