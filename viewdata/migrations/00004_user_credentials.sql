-- Written by aggregators/usercredentials.

-- +goose Up
create table user_credentials (
    id                           uuid primary key,
    -- Trimmed and in lower case, whatever the event has.
    email                        text not null,
    password_hash                text not null,
    admin                        boolean not null default false,
    confirmed                    boolean not null default false,
    -- Since the last log-in or lock.
    failed_logins                bigint not null default 0,
    locked_until                 timestamptz,
    -- The version of the stream authentication-<id>; -1 while it is empty.
    last_authentication_position bigint not null default -1
);
-- Not unique: the original system lets two register one address at once. A hash,
-- since a btree refuses a long text, and nobody sorts here.
create index user_credentials_email on user_credentials using hash (email);
grant select, insert, update, delete, truncate on user_credentials to view_writer;
grant select on user_credentials to view_reader;
