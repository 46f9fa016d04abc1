-- Whether an id is repeated.
select exists (select from message_store.messages where id is not null group by id having count(*) > 1)
