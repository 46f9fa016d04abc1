-- Every message in global order, with the columns that are verified one by one.
select global_position, position, id, stream_name, type, writer,
       nullif(concat_ws(', ',
         case when global_position is null then 'global position' end,
         case when position is null then 'position' end,
         case when id is null then 'id' end,
         case when stream_name is null then 'stream' end,
         case when type is null then 'type' end,
         case when coalesce(writer, '') = '' then 'writer' end,
         case when time is null then 'time' end), '') as missing,
       case when jsonb_typeof(data) is distinct from 'object' then coalesce(jsonb_typeof(data), 'null') end as bad_data,
       -- Null is read as {}.
       case when jsonb_typeof(metadata) <> 'object' then jsonb_typeof(metadata) end as bad_metadata,
       case when starts_with(stream_name, 'ownership-') then data::text end as claim
  from message_store.messages
 order by global_position
