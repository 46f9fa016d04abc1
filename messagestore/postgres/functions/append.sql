-- append stores a group of units in one statement: lock, checks, numbers and
-- insert. A unit is one or more writes that are stored whole or not at all; a
-- write is messages for one stream and the version that it expects (-1: none,
-- -2: any, -3: exists). The units see each other in order, as if they came one
-- after the other. No id may come twice in a group.
--
-- What has an owner is a category ('claim'): the last message of its stream of
-- claims names the owner, and without one its first writer is. Or a stream, which
-- is its first writer's ('first'). Or what only the one to whom it is pinned may
-- write ('fixed'). Anonymous owns nothing. A unit that takes a category into its
-- writer's possession is preceded by a claim, a message Claimed or Transferred,
-- unless the category is empty and pinned to the writer: so the log says of each
-- message who the owner was.
--
-- Refusals are results and not exceptions: so they too wait for the commit.
create function message_store.append(
  streams        text[],     -- the streams of the group, each once
  unit_writes    int[],      -- of each unit: how many writes
  unit_messages  int[],      -- of each unit: how many messages
  write_streams  int[],      -- of each write: its stream, as a place in streams
  write_expected bigint[],   -- of each write: the version it expects
  write_messages int[],      -- of each write: how many messages
  write_before   int[],      -- of each write: how many messages for its stream come before it in the group
  write_writers  text[],     -- of each write: who writes it
  write_owned    int[],      -- of each write: what must be its writer's, as a place in owned; 0: nothing
  owned          text[],     -- what has an owner, each once: the name of a category or of a stream
  kinds          text[],     -- of each of them: claim, first or fixed
  pinned         text[],     -- of each of them: to whom it is pinned; null: to nobody
  claims_writer  text,       -- who writes the claims
  places         int[],      -- of each message, as the next seven: its stream, as a place in streams
  nth            int[],      -- which message for its stream it is in the group, from 1
  ordinals       smallint[], -- which message of its unit it is, from 0
  ids            uuid[],
  types          text[],
  writers        text[],
  datas          text[],
  metadatas      text[],
  -- The place of the last message before the group; 0 and null: there was none.
  out head             bigint,
  out head_id          uuid,
  out stored_at        timestamptz,
  -- Of each stream: its version before the group, -1 if it was empty.
  out versions         bigint[],
  -- Of each message that was stored: what Postgres prints.
  out printed_data     text[],
  out printed_metadata text[],
  -- Null where each unit is stored and nothing claimed; else what decide returns.
  out outcomes         text[],
  out conflicts        int[],
  out actual_versions  bigint[],
  out id_streams       text[],
  out owners           text[],
  out positions        bigint[],
  out global_positions bigint[],
  -- The claims, null where there are none.
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
  stored        bigint[]; -- of each message: where its id is stored already
  owned_by      text[];   -- of each of owned: whose it is; null: nobody's
  all_stored    boolean;
  new_positions bigint[]; -- of each message, unless all are stored; null: not to be stored
  new_globals   bigint[];
  claims        jsonb;
begin
  -- Elsewhere the statements below would see the log as it was before the lock.
  if current_setting('transaction_isolation') <> 'read committed' then
    raise exception 'append needs read committed, not %', current_setting('transaction_isolation')
      using errcode = 'VT002';
  end if;
  -- An answer means that it is on disk.
  if current_setting('synchronous_commit') in ('off', 'local', 'remote_write') then
    perform set_config('synchronous_commit', 'on', true);
  end if;

  perform from message_store.append_lock for update;

  -- From here on nobody else writes, and what was committed is seen.
  stored_at := clock_timestamp();
  -- One statement, since each costs more to begin than to run; a scalar subquery for
  -- each key uses the index, whatever the statistics.
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

  -- The common case: no id is known, all is its writer's already, and each write
  -- finds what it expects if all before it are stored. Then all are. (Most often all
  -- is the same writer's, which is soon seen.)
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
           case when all_stored then versions[k.place] + k.nth else new_positions[k.n] end,
           stored_at, k.id, k.ordinal, streams[k.place], k.type, k.writer, k.data::jsonb, k.metadata::jsonb
      from unnest(places, nth, ordinals, ids, types, writers, datas, metadatas) with ordinality
        as k(place, nth, ordinal, id, type, writer, data, metadata, n)
     where all_stored or new_globals[k.n] is not null
    returning global_position, data, metadata)
  select array_agg(a.data::text order by a.global_position), array_agg(a.metadata::text order by a.global_position)
    into printed_data, printed_metadata
    from added a;
end
$$;

-- decide gives each unit its outcome, one after the other, and each message that
-- is to be stored its positions.
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
  owned_by       text[],   -- of each of owned: whose it is; null: nobody's
  places         int[],
  ids            uuid[],
  types          text[],
  datas          text[],
  head           bigint,
  versions       bigint[], -- of each stream
  stored         bigint[], -- of each message: where its id is stored already
  -- Of each unit: stored, repeated, or why not: id, owner, version.
  out outcomes         text[],
  -- Of each unit with a conflict: the message and the stream that has its id; or
  -- the write, and the owner or the stream's version.
  out conflicts        int[],
  out actual_versions  bigint[],
  out id_streams       text[],
  out owners           text[],
  -- Of each write: where its last message is.
  out positions        bigint[],
  out global_positions bigint[],
  -- Of each message: where it is to be stored; null where it is not.
  out new_positions    bigint[],
  out new_globals      bigint[],
  -- What is to be stored besides: global_position, category, type and data.
  out claims           jsonb
)
language plpgsql stable
as $$
declare
  next_global bigint := head + 1;
  w           int := 0; -- the write before the unit
  m           int := 0; -- the message before the unit
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

    -- The ids come first: a repeated write is a success whatever it expects.
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
          -- Nothing of the unit is stored: take its numbers back.
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

-- conflict_of_ids compares a unit of which some id is stored with what is stored.
-- It returns no row where the unit is the very one that was stored: the same
-- messages, in the same order, in the same company. Else it returns the first
-- message that differs, or that has its id in other company, and the stream
-- that has it.
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
           -- The write that was stored ends here, too.
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
