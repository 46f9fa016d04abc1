-- Written by aggregators/registrations.

-- +goose Up

-- Commands to register that have no outcome yet. A repeated command, with the same user
-- and address, causes no event of its own: it has the outcome of the first.
create table registration_requests (
    trace_id uuid primary key,
    user_id  uuid not null,
    -- Trimmed, in lower case, and cut to the maximum length of an address.
    email    text not null
);
create index registration_requests_user on registration_requests (user_id);
grant select, insert, update, delete, truncate on registration_requests to view_writer;
grant select on registration_requests to view_reader;

-- The registered users, for repeated commands that come later.
create table registered_users (
    user_id uuid,
    email   text,
    primary key (user_id, email)
);
grant select, insert, update, delete, truncate on registered_users to view_writer;
grant select on registered_users to view_reader;

-- Notifies the channel operations: migration 00013 created notify_operation.
create trigger registrations_notify
after insert on registrations
for each row execute function notify_operation();

-- Earlier commands must be in the new tables too, so the aggregator starts from the
-- beginning of the log.
delete from registrations;
delete from consumer_positions where consumer_id = 'aggregators:registrations';
