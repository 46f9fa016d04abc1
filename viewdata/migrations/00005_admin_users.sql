-- Written by aggregators/adminusers.

-- +goose Up
create table admin_users (
    id                                        uuid primary key,
    -- Empty until the registration. Pages are in this order, by bytes.
    email                                     text collate "C" not null default '',
    registration_email_sent                   boolean not null default false,
    -- The reason of the last failed attempt to send the mail; null unless all failed.
    registration_email_failed                 text,
    confirmed                                 boolean not null default false,
    admin                                     boolean not null default false,
    last_identity_event_global_position       bigint not null default 0,
    login_count                               bigint not null default 0,
    last_authentication_event_global_position bigint not null default 0
);
create index admin_users_email on admin_users (email, id);
grant select, insert, update, delete, truncate on admin_users to view_writer;
grant select on admin_users to view_reader;
