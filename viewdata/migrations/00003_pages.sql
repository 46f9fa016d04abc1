-- Written by aggregators/homepage.

-- +goose Up
create table pages (
    page_name text primary key,
    page_data jsonb not null default '{}'
);
grant select, insert, update, delete, truncate on pages to view_writer;
grant select on pages to view_reader;
