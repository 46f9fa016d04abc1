-- The last saved position of each consumer. Data that is not an object is reported by
-- the pass messages.
select stream_name, position, global_position, data::text
  from (select distinct on (stream_name collate "C") stream_name, position, global_position, data
          from message_store.messages
         where starts_with(stream_name, 'subscriberPosition-') and type = 'Read'
         order by stream_name collate "C", position desc, global_position desc) l
 where jsonb_typeof(data) = 'object'
