-- +goose Up

-- The role of the message store's server. Roles belong to the cluster, so that the
-- migration of another database may create it concurrently.
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
  -- The number in its write, from 0. It distinguishes a repeated write from one with
  -- other messages.
  ordinal         smallint    not null default 0,
  -- Compared by bytes: names are not sorted for a language.
  stream_name     text        collate "C" not null,
  type            text        collate "C" not null,
  writer          text        collate "C" not null,
  data            jsonb       compression lz4,
  metadata        jsonb       compression lz4,
  constraint messages_global_position primary key (global_position)
);
create unique index messages_id on message_store.messages (id);
create unique index messages_stream on message_store.messages (stream_name, position);
-- By category, the text before the first dash. A separate function would be more
-- readable, but each insert would parse it again.
create index messages_category on message_store.messages (split_part(stream_name, '-', 1), global_position);

-- The single row whose lock a write takes before it numbers its messages, and holds until
-- its commit. It is never updated: dead versions of the row would slow down writes under
-- any old snapshot. Unlike an advisory lock, a row lock writes WAL, so that a result that
-- depends on it waits for a synchronous standby.
create table message_store.append_lock (
  one boolean primary key default true check (one)
);
insert into message_store.append_lock default values;

grant usage on schema message_store to messagestore_server;
grant select, insert on message_store.messages to messagestore_server;
-- To check that no migration is pending.
grant select on message_store.migrations to messagestore_server;
-- A row lock requires the privilege to update. The row has nothing to change.
grant select, update on message_store.append_lock to messagestore_server;

-- +goose Down
drop schema message_store cascade;
