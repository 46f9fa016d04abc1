-- Written by aggregators/usercredentials.

-- +goose Up
create table user_credentials (
    id                           uuid primary key,
    -- Trimmed and in lower case, also if that of the event is not.
    email                        text not null,
    password_hash                text not null,
    admin                        boolean not null default false,
    confirmed                    boolean not null default false,
    -- Since the last successful log-in or the last lock.
    failed_logins                bigint not null default 0,
    locked_until                 timestamptz,
    -- The version of the stream authentication-<id>; -1 while it is empty.
    last_authentication_position bigint not null default -1
);
-- Not unique, since the original system can register an address twice. A hash index,
-- since a btree refuses long texts.
create index user_credentials_email on user_credentials using hash (email);
grant select, insert, update, delete, truncate on user_credentials to view_writer;
grant select on user_credentials to view_reader;
