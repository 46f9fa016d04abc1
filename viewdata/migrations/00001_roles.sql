-- Written by no aggregator: the two roles and their rights.
-- Roles belong to the cluster, so they may exist already, and a migration of another
-- database may create them at the same time.

-- +goose Up
-- +goose StatementBegin
do $$
begin
    create role view_writer login;
    -- Lets a migrating user that is not a superuser take the role.
    grant view_writer to current_user;
exception
    when duplicate_object or unique_violation then null;
end
$$;
-- +goose StatementEnd
-- +goose StatementBegin
do $$
begin
    create role view_reader login;
    grant view_reader to current_user;
exception
    when duplicate_object or unique_violation then null;
end
$$;
-- +goose StatementEnd
revoke all on schema public from public;
grant usage on schema public to view_writer, view_reader;
-- Lets a process with one of these roles see that no migration is pending.
grant select on migrations to view_writer, view_reader;
