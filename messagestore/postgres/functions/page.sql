-- share returns the member of a consumer group of the given size that handles the
-- stream, by Message DB's rule: the absolute value of the first 8 bytes of the md5 of the
-- cardinal id, modulo the size. The one value without an absolute value counts as 0.
create function message_store.share(stream_name text, size int) returns bigint
language sql immutable
as $$
  select coalesce(abs(nullif(
    left('x' || md5(split_part(
      case when strpos(stream_name, '-') > 0 then substr(stream_name, strpos(stream_name, '-') + 1) else '' end,
      '+', 1)), 17)::bit(64)::bigint, -9223372036854775808)), 0) % size
$$;

-- names reports whether the value of the key in metadata is a stream of the category.
create function message_store.names(metadata jsonb, key text, category text) returns boolean
language sql immutable
as $$
  select coalesce(jsonb_typeof(metadata->key) = 'string'
                  and strpos(metadata->>key, '-') > 0
                  and split_part(metadata->>key, '-', 1) = category, false)
$$;

-- page returns the next messages of a source: of a stream, of categories, or of all if
-- both are null. It ends after max_messages, max_bytes, max_scanned or half a second, or
-- at the bound, a global position.
--
-- start is the first position, inclusive: in the stream if the source is one, otherwise
-- global. If after_id is not null and the message before start has another id, the caller
-- has read another log and the result is empty.
--
-- Otherwise the last row is not a message and has no stream_name. It has the position up
-- to which, inclusive, messages were scanned (global_position; in a stream position), the
-- id at it if known, and the type 'end' if nothing follows up to the bound.
create function message_store.page(
  stream       text,
  categories   text[],
  start        bigint,
  after_id     uuid,
  bound        bigint,
  backward     boolean,
  only_types   text[], -- null: all
  member       int,    -- of a consumer group, from 0; null: no group
  size         int,    -- of the group
  origin       text,   -- category of originStreamName; null: any
  correlation  text,   -- category of correlationStreamName; null: any
  max_messages int,
  max_bytes    int,
  max_scanned  int
)
returns table (
  global_position bigint, "position" bigint, "time" timestamptz, id uuid,
  stream_name text, type text, writer text, data text, metadata text
)
language plpgsql stable
as $$
declare
  source    refcursor;
  l         message_store.messages;
  scanned_to message_store.messages;
  scanned   int := 0;
  messages  int := 0;
  bytes     int := 0;
  ended     boolean := false; -- nothing follows
  in_time   timestamptz := clock_timestamp() + interval '500 milliseconds';
  direction text := case when backward then 'desc' else 'asc' end;
begin
  if after_id is not null and not exists (
    select from message_store.messages k
     where k.id = after_id
       and case when stream is null then k.global_position = start - 1
                else k.stream_name = stream and k.position = start - 1 end) then
    return;
  end if;

  if stream is not null and backward then
    open source for select * from message_store.messages k
      where k.stream_name = stream and k.position <= start and k.global_position <= bound
      order by k.position desc limit max_scanned;
  elsif stream is not null then
    open source for select * from message_store.messages k
      where k.stream_name = stream and k.position >= start and k.global_position <= bound
      order by k.position limit max_scanned;
  elsif cardinality(categories) between 2 and 32 then
    -- Each category is read in order by its index; the results are merged as they are
    -- fetched.
    open source for execute (
      select string_agg(format(
        '(select * from message_store.messages k where split_part(k.stream_name, ''-'', 1) = $1[%s]'
        ' and k.global_position >= $2 and k.global_position <= $3 order by k.global_position %s)',
        n, direction), ' union all ')
        from generate_series(1, cardinality(categories)) n)
      || ' order by global_position ' || direction || ' limit $4'
      using categories, case when backward then 0 else start end, case when backward then start else bound end, max_scanned;
  elsif cardinality(categories) = 1 and backward then
    open source for select * from message_store.messages k
      where split_part(k.stream_name, '-', 1) = categories[1] and k.global_position <= start
      order by k.global_position desc limit max_scanned;
  elsif cardinality(categories) = 1 then
    open source for select * from message_store.messages k
      where split_part(k.stream_name, '-', 1) = categories[1] and k.global_position >= start and k.global_position <= bound
      order by k.global_position limit max_scanned;
  elsif backward then
    open source for select * from message_store.messages k
      where k.global_position <= start
      order by k.global_position desc limit max_scanned;
  else
    open source for select * from message_store.messages k
      where k.global_position >= start and k.global_position <= bound
      order by k.global_position limit max_scanned;
  end if;

  while messages < max_messages and bytes < max_bytes loop
    exit when scanned % 64 = 63 and clock_timestamp() > in_time;
    fetch source into l;
    ended := not found and scanned < max_scanned;
    exit when not found;
    scanned := scanned + 1;
    scanned_to := l;
    continue when categories is not null and split_part(l.stream_name, '-', 1) <> all (categories)
      or only_types is not null and l.type <> all (only_types)
      or member is not null and message_store.share(l.stream_name, size) <> member
      or origin is not null and not message_store.names(l.metadata, 'originStreamName', origin)
      or correlation is not null and not message_store.names(l.metadata, 'correlationStreamName', correlation);
    global_position := l.global_position;
    "position" := l.position;
    "time" := l.time;
    id := l.id;
    stream_name := l.stream_name;
    type := l.type;
    writer := l.writer;
    data := coalesce(l.data, 'null')::text;
    metadata := coalesce(l.metadata, '{}')::text;
    messages := messages + 1;
    bytes := bytes + octet_length(data) + octet_length(metadata);
    return next;
  end loop;

  global_position := scanned_to.global_position;
  "position" := scanned_to.position;
  id := scanned_to.id;
  type := case when ended then 'end' end;
  "time" := null;
  stream_name := null;
  writer := null;
  data := null;
  metadata := null;
  return next;
end
$$;
