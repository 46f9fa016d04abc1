-- +goose Up

-- The role of the message store's server. Roles belong to the cluster: another
-- database's migration may make it at the same moment.
-- +goose StatementBegin
do $$
begin
  create role messagestore_server login;
exception when duplicate_object or unique_violation then
  null;
end
$$;
-- +goose StatementEnd

create schema if not exists message_store;

create table message_store.messages (
  global_position bigint      not null,
  position        bigint      not null,
  time            timestamptz not null default clock_timestamp(),
  id              uuid        not null,
  -- The place in its write, from 0: by it a repeated write is told from one in
  -- other company.
  ordinal         smallint    not null default 0,
  -- By bytes: names are compared and listed, not sorted for people.
  stream_name     text        collate "C" not null,
  type            text        collate "C" not null,
  writer          text        collate "C" not null,
  data            jsonb       compression lz4,
  metadata        jsonb       compression lz4,
  constraint messages_global_position primary key (global_position)
);
create unique index messages_id on message_store.messages (id);
create unique index messages_stream on message_store.messages (stream_name, position);
-- By category: what stands left of the first dash. A function of our own would be
-- nicer to read, and would be parsed again by each insert.
create index messages_category on message_store.messages (split_part(stream_name, '-', 1), global_position);

-- The one row whose lock a write takes before it takes numbers, and holds to its
-- commit. It is locked, never updated: the dead versions of an updated row would
-- make each write slower under any old snapshot. A row lock writes WAL, unlike
-- an advisory lock: so what rests on it waits for a synchronous standby, too.
create table message_store.append_lock (
  one boolean primary key default true check (one)
);
insert into message_store.append_lock default values;

grant usage on schema message_store to messagestore_server;
grant select, insert on message_store.messages to messagestore_server;
-- To see that there is nothing to migrate.
grant select on message_store.migrations to messagestore_server;
-- A row lock needs the right to update; the row has nothing to be changed.
grant select, update on message_store.append_lock to messagestore_server;

-- +goose Down
drop schema message_store cascade;
