-- The messages that have the id of an earlier one.
select stream_name, position, global_position, id, first
  from (select stream_name, position, global_position, id,
               first_value(global_position) over same as first, row_number() over same as n
          from message_store.messages
         where id is not null
        window same as (partition by id order by global_position)) l
 where n > 1
