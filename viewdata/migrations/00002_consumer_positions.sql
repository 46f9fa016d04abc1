-- Written by the runtime, package aggregators: one row per aggregator, in the
-- transaction that changes the aggregator's tables.

-- +goose Up
create table consumer_positions (
    consumer_id text primary key,
    -- The tables contain all messages up to and including this global position.
    position    bigint not null,
    -- The message at the position; null before the first.
    message_id  uuid
);
grant select, insert, update, delete, truncate on consumer_positions to view_writer;
grant select on consumer_positions to view_reader;

-- The fence, the first statement of each transaction of an aggregator. It updates the
-- position, or aborts the transaction with VT001 if the position is not the one that
-- the aggregator read. Transactions of two instances wait for each other here.
-- +goose StatementBegin
create function move_position(consumer text, from_position bigint, from_id uuid, to_position bigint, to_id uuid)
returns void
language plpgsql
as $$
begin
    update consumer_positions
    set position = to_position, message_id = to_id
    where consumer_id = consumer
        and position = from_position
        and message_id is not distinct from from_id;
    if not found then
        raise exception 'the position of % is not % (%)', consumer, from_position, from_id using errcode = 'VT001';
    end if;
end
$$;
-- +goose StatementEnd
