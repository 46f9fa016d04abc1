-- +goose Up

-- The version of the functions in the schema. A newer version replaces all of them.
create table message_store.functions (
  one     boolean primary key default true check (one),
  version int     not null
);
insert into message_store.functions (version) values (0);
grant select on message_store.functions to messagestore_server;

-- For tables that an earlier version of the first migration created.
alter table message_store.messages
  alter column stream_name type text collate "C",
  alter column type        type text collate "C",
  alter column writer      type text collate "C";

-- +goose Down
drop table message_store.functions;
