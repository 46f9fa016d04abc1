-- append stores a group of units in one statement: it takes the lock, checks the
-- units, numbers the messages and inserts them. A unit is one or more writes that are
-- stored all or none. A write has messages for one stream and its expected version
-- (-1: none, -2: any, -3: exists). Each unit sees those before it. An id must not be
-- repeated within a group.
--
-- Three kinds of things have an owner. A category ('claim') belongs to the owner that
-- the last message of its stream of claims names, or else to its first writer. A
-- stream ('first') belongs to its first writer. The third kind ('fixed') belongs to
-- the principal to which it is pinned. Anonymous owns nothing. A unit by which a
-- category gets a new owner is preceded by a claim, a message Claimed or Transferred,
-- unless the category is empty and pinned to the writer. Thus the log contains the
-- owner at each message.
--
-- A refusal is a result and not an exception, so that it waits for the commit, too.
create function message_store.append(
  streams        text[],     -- the distinct streams of the group
  unit_writes    int[],      -- of each unit: the number of its writes
  unit_messages  int[],      -- of each unit: the number of its messages
  write_streams  int[],      -- of each write: the index of its stream in streams
  write_expected bigint[],   -- of each write: its expected version
  write_messages int[],      -- of each write: the number of its messages
  write_before   int[],      -- of each write: the number of messages for its stream before it in the group
  write_writers  text[],     -- of each write: its writer
  write_owned    int[],      -- of each write: the index in owned of what its writer must own; 0: nothing
  owned          text[],     -- the distinct categories or streams that have an owner
  kinds          text[],     -- of each of them: claim, first or fixed
  pinned         text[],     -- of each of them: the principal to which it is pinned, or null
  claims_writer  text,       -- the writer of the claims
  places         int[],      -- of each message, like the next seven: the index of its stream in streams
  nth            int[],      -- its number among the messages for its stream in the group, from 1
  ordinals       smallint[], -- its number among the messages of its unit, from 0
  ids            uuid[],
  types          text[],
  writers        text[],
  datas          text[],
  metadatas      text[],
  -- The head before the group; 0 and null if the log was empty.
  out head             bigint,
  out head_id          uuid,
  out stored_at        timestamptz,
  -- Of each stream: its version before the group, -1 if it was empty.
  out versions         bigint[],
  -- Of each stored message: its data and metadata as Postgres prints them.
  out printed_data     text[],
  out printed_metadata text[],
  -- Null if every unit is stored without a claim; otherwise as decide returns them.
  out outcomes         text[],
  out conflicts        int[],
  out actual_versions  bigint[],
  out id_streams       text[],
  out owners           text[],
  out positions        bigint[],
  out global_positions bigint[],
  -- The claims, or null.
  out claim_globals    bigint[],
  out claim_positions  bigint[],
  out claim_ids        uuid[],
  out claim_streams    text[],
  out claim_types      text[],
  out claim_datas      text[]
)
language plpgsql
as $$
declare
  stored        bigint[]; -- of each message: the global position at which its id is already stored
  owned_by      text[];   -- of each of owned: its owner, or null
  all_stored    boolean;
  new_positions bigint[]; -- of each message, unless all are stored; null: not stored
  new_globals   bigint[];
  claims        jsonb;
begin
  -- In another isolation the statements below would see the log before the lock.
  if current_setting('transaction_isolation') <> 'read committed' then
    raise exception 'append needs read committed, not %', current_setting('transaction_isolation')
      using errcode = 'VT002';
  end if;
  -- A result promises that the messages are on disk.
  if current_setting('synchronous_commit') in ('off', 'local', 'remote_write') then
    perform set_config('synchronous_commit', 'on', true);
  end if;

  perform from message_store.append_lock for update;

  -- From here on there is no other writer, and all committed messages are visible.
  stored_at := clock_timestamp();
  -- One statement, since each takes longer to start than to run. A scalar subquery per
  -- key uses the index, whatever the statistics are.
  select coalesce(h.global_position, 0), h.id,
         array(select coalesce((select l.position from message_store.messages l
                                 where l.stream_name = k.name order by l.position desc limit 1), -1)
                 from unnest(streams) with ordinality k(name, n) order by k.n),
         array(select (select l.global_position from message_store.messages l where l.id = k.id)
                 from unnest(ids) with ordinality k(id, n) order by k.n),
         array(select case k.kind
                      when 'claim' then coalesce(
                        (select l.data->>'owner' from message_store.messages l
                          where l.stream_name = 'ownership-' || k.name order by l.position desc limit 1),
                        (select l.writer from message_store.messages l
                          where split_part(l.stream_name, '-', 1) = k.name order by l.global_position limit 1))
                      when 'first' then (select l.writer from message_store.messages l
                                          where l.stream_name = k.name and l.writer <> 'anonymous' order by l.position limit 1)
                      else k.pinned end
                 from unnest(owned, kinds, pinned) with ordinality k(name, kind, pinned, n) order by k.n)
    into head, head_id, versions, stored, owned_by
    from (values (1)) always
    left join (select l.global_position, l.id from message_store.messages l
                order by l.global_position desc limit 1) h on true;

  -- The common case: no id is stored, the writers own everything already, and each
  -- write finds its expected version if all before it are stored. Then all are stored.
  -- (Mostly one writer owns everything, which is tested first.)
  all_stored := array_remove(stored, null) = '{}';
  if all_stored and owned <> '{}'
     and (write_writers[1] = all (write_writers) and write_writers[1] = all (owned_by)
          and coalesce(write_writers[1] = all (pinned), true)) is not true then
    all_stored := not exists (
      select from unnest(write_owned, write_writers) k(owned, writer)
       where k.owned > 0 and (owned_by[k.owned] is distinct from k.writer or pinned[k.owned] <> k.writer));
  end if;
  if all_stored and not -2 = all (write_expected) then
    all_stored := not exists (
      select from unnest(write_streams, write_expected, write_before) k(stream, expected, before)
       where not (k.expected = -2 or k.expected = versions[k.stream] + k.before
                  or k.expected = -3 and versions[k.stream] + k.before >= 0));
  end if;
  if not all_stored then
    select d.* into outcomes, conflicts, actual_versions, id_streams, owners, positions, global_positions,
                    new_positions, new_globals, claims
      from message_store.decide(streams, unit_writes, unit_messages, write_streams, write_expected,
                                write_messages, write_writers, write_owned, owned, kinds, pinned, owned_by,
                                places, ids, types, datas, head, versions, stored) d;
  end if;

  if claims <> '[]' then
    with added as (
      insert into message_store.messages
        (global_position, position, time, id, stream_name, type, writer, data, metadata)
      select k.global_position,
             coalesce((select l.position from message_store.messages l
                        where l.stream_name = 'ownership-' || k.category order by l.position desc limit 1), -1) + 1,
             stored_at, gen_random_uuid(), 'ownership-' || k.category, k.type, claims_writer, k.data, '{}'
        from jsonb_to_recordset(claims) k(global_position bigint, category text, type text, data jsonb)
      returning *)
    select array_agg(a.global_position order by a.global_position), array_agg(a.position order by a.global_position),
           array_agg(a.id order by a.global_position), array_agg(a.stream_name order by a.global_position),
           array_agg(a.type order by a.global_position), array_agg(a.data::text order by a.global_position)
      into claim_globals, claim_positions, claim_ids, claim_streams, claim_types, claim_datas
      from added a;
  end if;

  with added as (
    insert into message_store.messages
      (global_position, position, time, id, ordinal, stream_name, type, writer, data, metadata)
    select case when all_stored then head + k.n else new_globals[k.n] end,
           case when all_stored then versions[k.stream] + k.nth else new_positions[k.n] end,
           stored_at, k.id, k.ordinal, streams[k.stream], k.type, k.writer, k.data::jsonb, k.metadata::jsonb
      from unnest(places, nth, ordinals, ids, types, writers, datas, metadatas) with ordinality
        as k(stream, nth, ordinal, id, type, writer, data, metadata, n)
     where all_stored or new_globals[k.n] is not null
    returning global_position, data, metadata)
  select array_agg(a.data::text order by a.global_position), array_agg(a.metadata::text order by a.global_position)
    into printed_data, printed_metadata
    from added a;
end
$$;

-- decide returns the outcome of each unit, in order, and the positions of each message
-- to be stored.
create function message_store.decide(
  streams        text[],
  unit_writes    int[],
  unit_messages  int[],
  write_streams  int[],
  write_expected bigint[],
  write_messages int[],
  write_writers  text[],
  write_owned    int[],
  owned          text[],
  kinds          text[],
  pinned         text[],
  owned_by       text[],   -- of each of owned: its owner, or null
  places         int[],
  ids            uuid[],
  types          text[],
  datas          text[],
  head           bigint,
  versions       bigint[], -- of each stream
  stored         bigint[], -- of each message: the global position at which its id is already stored
  -- Of each unit: stored, repeated, or the failed check: id, owner, version.
  out outcomes         text[],
  -- Of each unit with a failed check: the message, and the stream that has its id; or
  -- the write, and the owner or the version of the stream.
  out conflicts        int[],
  out actual_versions  bigint[],
  out id_streams       text[],
  out owners           text[],
  -- Of each write: the positions of its last message.
  out positions        bigint[],
  out global_positions bigint[],
  -- Of each message: its positions, or null if it is not stored.
  out new_positions    bigint[],
  out new_globals      bigint[],
  -- Additional messages: global_position, category, type and data.
  out claims           jsonb
)
language plpgsql stable
as $$
declare
  next_global bigint := head + 1;
  w           int := 0; -- writes before the unit
  m           int := 0; -- messages before the unit
  i           int;
  s           int;
  o           int;
  who         text;
  owner       text;
  expected    bigint;
  conflict    record;
begin
  claims := '[]';
  outcomes := array_fill(null::text, array[cardinality(unit_writes)]);
  conflicts := array_fill(null::int, array[cardinality(unit_writes)]);
  actual_versions := array_fill(null::bigint, array[cardinality(unit_writes)]);
  id_streams := outcomes;
  owners := outcomes;
  positions := array_fill(null::bigint, array[cardinality(write_streams)]);
  global_positions := positions;
  new_positions := array_fill(null::bigint, array[cardinality(ids)]);
  new_globals := new_positions;

  for u in 1 .. cardinality(unit_writes) loop
    outcomes[u] := 'stored';
    who := write_writers[w + 1];

    -- The ids are checked first: a repeated write succeeds whatever its expected version.
    if exists (select from generate_series(m + 1, m + unit_messages[u]) n where stored[n] is not null) then
      select c.* into conflict from message_store.conflict_of_ids(
        array(select streams[places[n]] from generate_series(m + 1, m + unit_messages[u]) n order by n),
        ids[m + 1 : m + unit_messages[u]], types[m + 1 : m + unit_messages[u]], datas[m + 1 : m + unit_messages[u]]) c;
      if conflict.message is null then
        outcomes[u] := 'repeated';
        i := m;
        for k in w + 1 .. w + unit_writes[u] loop
          i := i + write_messages[k];
          if write_messages[k] > 0 then
            global_positions[k] := stored[i];
            positions[k] := (select l.position from message_store.messages l where l.global_position = stored[i]);
          else
            global_positions[k] := 0;
            positions[k] := versions[write_streams[k]];
          end if;
        end loop;
      else
        outcomes[u] := 'id';
        conflicts[u] := m + conflict.message;
        id_streams[u] := conflict.stream_name;
      end if;
    else
      for k in w + 1 .. w + unit_writes[u] loop
        o := write_owned[k];
        owner := coalesce(pinned[o], nullif(owned_by[o], 'anonymous'), who);
        if o > 0 and owner <> who then
          outcomes[u] := 'owner';
          conflicts[u] := k;
          owners[u] := owner;
          exit;
        end if;
      end loop;

      i := m;
      for k in w + 1 .. w + unit_writes[u] loop
        exit when outcomes[u] <> 'stored';
        s := write_streams[k];
        expected := write_expected[k];
        if not (expected = -2 or expected = versions[s] or expected = -3 and versions[s] >= 0) then
          outcomes[u] := 'version';
          conflicts[u] := k;
          actual_versions[u] := versions[s];
          -- Nothing of the unit is stored, so its numbers are free again.
          for b in w + 1 .. k - 1 loop
            versions[write_streams[b]] := versions[write_streams[b]] - write_messages[b];
          end loop;
          exit;
        end if;
        for n in 1 .. write_messages[k] loop
          i := i + 1;
          versions[s] := versions[s] + 1;
          new_positions[i] := versions[s];
        end loop;
        positions[k] := versions[s];
        global_positions[k] := 0;
      end loop;

      if outcomes[u] = 'stored' then
        for k in w + 1 .. w + unit_writes[u] loop
          o := write_owned[k];
          continue when o = 0 or owned_by[o] = who;
          if kinds[o] = 'claim' and (owned_by[o] is not null or pinned[o] is null) then
            owner := nullif(owned_by[o], 'anonymous');
            claims := claims || jsonb_build_object(
              'global_position', next_global, 'category', owned[o],
              'type', case when owner is null then 'Claimed' else 'Transferred' end,
              'data', jsonb_strip_nulls(jsonb_build_object('owner', who, 'from', owner)));
            next_global := next_global + 1;
          end if;
          owned_by[o] := who;
        end loop;
        i := m;
        for k in w + 1 .. w + unit_writes[u] loop
          for n in 1 .. write_messages[k] loop
            i := i + 1;
            new_globals[i] := next_global;
            global_positions[k] := next_global;
            next_global := next_global + 1;
          end loop;
        end loop;
      end if;
    end if;

    w := w + unit_writes[u];
    m := m + unit_messages[u];
  end loop;
end
$$;

-- conflict_of_ids compares a unit of which an id is stored with the stored messages. It
-- returns no row if they are the same messages in the same order, and were written
-- without others. Otherwise it returns the first message that differs, or whose id was
-- written with other messages, and the stream that has the id.
create function message_store.conflict_of_ids(streams_of text[], ids uuid[], types text[], datas text[])
returns table (message int, stream_name text)
language sql stable
as $$
  with unit as (
    select k.n, l.stream_name, l.global_position,
           l.id is not null and l.stream_name = k.stream_name and l.type = k.type and l.data = k.data::jsonb
             and l.ordinal = k.n - 1 as same
      from unnest(streams_of, ids, types, datas) with ordinality k(stream_name, id, type, data, n)
      left join lateral (select * from message_store.messages l where l.id = k.id) l on true
  ), whole as (
    select bool_and(same) and max(global_position - n) = min(global_position - n)
           -- The stored write ends here, too.
           and not exists (select from message_store.messages f
                            where f.global_position = max(unit.global_position) + 1 and f.ordinal > 0) as same
      from unit
  )
  select unit.n::int, unit.stream_name
    from unit, whole
   where whole.same is not true and unit.stream_name is not null
   order by unit.same, unit.n
   limit 1
$$;
