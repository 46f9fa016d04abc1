-- Written by aggregators/registrations.

-- +goose Up
create table registrations (
    trace_id  uuid primary key,
    user_id   uuid not null,
    succeeded boolean not null,
    -- Why it did not, for programs and for people; null where it did.
    code      text,
    reason    text
);
grant select, insert, update, delete, truncate on registrations to view_writer;
grant select on registrations to view_reader;
