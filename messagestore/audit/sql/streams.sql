-- Every position of every stream, repeated ones in succession.
select stream_name, position, global_position
  from message_store.messages
 where stream_name is not null and position is not null
 order by stream_name collate "C", position, global_position
