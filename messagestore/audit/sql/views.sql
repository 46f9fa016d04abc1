select 'consumer_positions/' || consumer_id, position, message_id
  from public.consumer_positions
