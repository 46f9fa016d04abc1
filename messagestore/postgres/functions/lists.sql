-- count_messages counts at most at_most further messages and returns the global
-- position up to which, inclusive, all are counted.
create function message_store.count_messages(at_most int) returns bigint
language plpgsql
as $$
declare
  first bigint;
  last  bigint;
begin
  select c.global_position into first from message_store.counted c for update;
  select max(l.global_position) into last
    from (select k.global_position from message_store.messages k
           where k.global_position > first order by k.global_position limit at_most) l;
  if last is null then
    return first;
  end if;
  insert into message_store.counts as c (category, streams, messages)
  select split_part(l.stream_name, '-', 1), count(*) filter (where l.position = 0), count(*)
    from message_store.messages l
   where l.global_position > first and l.global_position <= last
   group by 1
  on conflict (category) do update
    set streams = c.streams + excluded.streams, messages = c.messages + excluded.messages;
  update message_store.counted set global_position = last;
  return last;
end
$$;

-- categories returns the categories after the given name, or only_one, with their owners
-- according to the log.
create function message_store.categories(after text, only_one text, at_most int)
returns table (category text, owner text, streams bigint, messages bigint)
language sql stable
as $$
  with since as (
    select split_part(l.stream_name, '-', 1) as category, count(*) filter (where l.position = 0) as streams, count(*) as messages
      from message_store.messages l
     where l.global_position > (select c.global_position from message_store.counted c)
     group by 1
  ), total as (
    select k.category, sum(k.streams)::bigint as streams, sum(k.messages)::bigint as messages
      from (table since union all table message_store.counts) k
     where k.category > after and (only_one is null or k.category = only_one)
     group by 1
     order by 1
     limit at_most
  )
  select t.category,
         coalesce((select l.data->>'owner' from message_store.messages l
                    where l.stream_name = 'ownership-' || t.category order by l.position desc limit 1),
                  (select nullif(l.writer, 'anonymous') from message_store.messages l
                    where split_part(l.stream_name, '-', 1) = t.category order by l.global_position limit 1)),
         t.streams, t.messages
    from total t
$$;

-- streams returns the streams whose names are after the first and before the second
-- argument (null: no bound). It skips from name to name by the index, so that its cost
-- depends on the number of returned streams only.
create function message_store.streams(after text, below text, at_most int)
returns table (stream_name text, last_position bigint, last_time timestamptz)
language plpgsql stable
as $$
begin
  stream_name := after;
  for i in 1 .. at_most loop
    stream_name := (select l.stream_name from message_store.messages l
                     where l.stream_name > streams.stream_name order by l.stream_name limit 1);
    exit when stream_name is null or stream_name >= below collate "C";
    select l.position, l.time into last_position, last_time
      from message_store.messages l where l.stream_name = streams.stream_name order by l.position desc limit 1;
    return next;
  end loop;
end
$$;
