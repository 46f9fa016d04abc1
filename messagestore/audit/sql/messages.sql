-- Every message in global order, with what must be looked at one by one.
select global_position, position, id, stream_name, type, writer,
       time is null as timeless,
       case when jsonb_typeof(data) is distinct from 'object' then coalesce(jsonb_typeof(data), 'null') end as bad_data,
       -- None is read as {}.
       case when jsonb_typeof(metadata) <> 'object' then jsonb_typeof(metadata) end as bad_metadata,
       case when starts_with(stream_name, 'ownership-') then data::text end as claim
  from message_store.messages
 order by global_position
