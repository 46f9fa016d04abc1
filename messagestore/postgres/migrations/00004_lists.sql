-- +goose Up

-- counts has the number of streams and messages of each category up to counted. Later
-- messages are counted by the query. Thus a write counts nothing, and a list counts no
-- more messages than one call of count_messages.
create table message_store.counts (
  category text   collate "C" primary key,
  streams  bigint not null,
  messages bigint not null
);
create table message_store.counted (
  one             boolean primary key default true check (one),
  global_position bigint  not null
);
insert into message_store.counted (global_position) values (0);
grant select, insert, update on message_store.counts, message_store.counted to messagestore_server;

-- +goose Down
drop table message_store.counts;
drop table message_store.counted;
