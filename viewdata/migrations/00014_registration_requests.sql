-- Written by aggregators/registrations.

-- +goose Up

-- The registrations that were asked for and have no outcome. One that is repeated
-- gets no event of its own: it ends when the first does, with the same address.
create table registration_requests (
    trace_id uuid primary key,
    user_id  uuid not null,
    -- Trimmed, in lower case, and no longer than an address can be.
    email    text not null
);
create index registration_requests_user on registration_requests (user_id);
grant select, insert, update, delete, truncate on registration_requests to view_writer;
grant select on registration_requests to view_reader;

-- Who is registered with which address, for those that ask later.
create table registered_users (
    user_id uuid,
    email   text,
    primary key (user_id, email)
);
grant select, insert, update, delete, truncate on registered_users to view_writer;
grant select on registered_users to view_reader;

-- Wakes who waits for an operation: notify_operation is that of the videos'.
create trigger registrations_notify
after insert on registrations
for each row execute function notify_operation();

-- The requests of before have to be known, too: the aggregator begins again.
delete from registrations;
delete from consumer_positions where consumer_id = 'aggregators:registrations';
