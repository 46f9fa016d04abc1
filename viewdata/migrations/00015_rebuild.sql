-- Written by no aggregator: the right to create the temporary tables of a rebuild. By
-- default all roles have it, but an administrator may have revoked it.

-- +goose Up
-- +goose StatementBegin
do $$
begin
    execute format('grant temporary on database %I to view_writer', current_database());
end
$$;
-- +goose StatementEnd
