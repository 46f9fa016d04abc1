-- Written by nobody: what a rebuild needs, which fills temporary tables. On a
-- database of its own Postgres grants it to everybody, elsewhere perhaps not.

-- +goose Up
-- +goose StatementBegin
do $$
begin
    execute format('grant temporary on database %I to view_writer', current_database());
end
$$;
-- +goose StatementEnd
