-- Written by nobody: the two roles, and what they may.
-- Roles belong to the whole cluster, so another database may have them already,
-- and another migrator may make them at this moment.

-- +goose Up
-- +goose StatementBegin
do $$
begin
    create role view_writer login;
    -- For a migrating user who is no superuser, so that it can work as the role.
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
-- So that a migrator with no more than a role sees that nothing is to be done.
grant select on migrations to view_writer, view_reader;
