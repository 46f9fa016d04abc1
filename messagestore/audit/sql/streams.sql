-- Every place in a stream, with those that are there twice next to each other.
select stream_name, position, global_position
  from message_store.messages
 where stream_name is not null and position is not null
 order by stream_name collate "C", position, global_position
