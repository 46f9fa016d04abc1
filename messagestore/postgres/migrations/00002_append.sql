-- +goose Up

-- append stores a group of units in one statement: lock, checks, numbers and
-- insert. A unit is one or more writes that are stored whole or not at all; a
-- write is messages for one stream and the version that it expects (-1: none,
-- -2: any, -3: exists). The units see each other in order, as if they came one
-- after the other. No id may come twice in a group.
--
-- Refusals are results and not exceptions: so they too wait for the commit.
-- +goose StatementBegin
create function message_store.append(
  streams        text[],   -- the streams of the group, each once
  unit_writes    int[],    -- of each unit: how many writes
  unit_messages  int[],    -- of each unit: how many messages
  write_streams  int[],    -- of each write: its stream, as a place in streams
  write_expected bigint[], -- of each write: the version it expects
  write_messages int[],    -- of each write: how many messages
  streams_of     text[],   -- of each message, as the next five
  ids            uuid[],
  types          text[],
  writers        text[],
  datas          text[],
  metadatas      text[],
  -- The place of the last message before the group; 0 and null: there was none.
  out head             bigint,
  out head_id          uuid,
  out stored_at        timestamptz,
  -- Of each unit: stored, repeated, version or id (which it conflicts with).
  out outcomes         text[],
  -- Of each unit with a conflict: the write it comes from and the stream's
  -- version, or the message and the stream that has its id.
  out conflicts        int[],
  out actual_versions  bigint[],
  out id_streams       text[],
  -- Of each write: where its last message is.
  out positions        bigint[],
  out global_positions bigint[],
  -- Of each message that was stored: what Postgres prints.
  out printed_data     text[],
  out printed_metadata text[]
)
language plpgsql
set plan_cache_mode = force_generic_plan
as $$
declare
  versions     bigint[];   -- of each stream, as the group goes on
  stored       bigint[];   -- of each message: where its id is stored already
  some_stored  boolean;
  new_position bigint[];   -- of each message to be stored
  new_global   bigint[];
  new_ordinal  smallint[];
  next_global  bigint;
  w            int := 0;   -- the write before the unit
  m            int := 0;   -- the message before the unit
  i            int;
  s            int;
  expected     bigint;
  conflict     record;
begin
  -- Elsewhere the statements below would see the log as it was before the lock.
  if current_setting('transaction_isolation') <> 'read committed' then
    raise exception 'append needs read committed, not %', current_setting('transaction_isolation')
      using errcode = 'VT001';
  end if;
  -- An answer means that it is on disk.
  if current_setting('synchronous_commit') in ('off', 'local', 'remote_write') then
    perform set_config('synchronous_commit', 'on', true);
  end if;

  perform from message_store.append_lock for update;

  -- From here on nobody else writes, and what was committed is seen.
  stored_at := clock_timestamp();
  select l.global_position, l.id into head, head_id
    from message_store.messages l order by l.global_position desc limit 1;
  head := coalesce(head, 0);
  next_global := head + 1;
  -- A scalar subquery for each key uses the index, whatever the statistics.
  versions := array(
    select coalesce((select l.position from message_store.messages l
                      where l.stream_name = k.name order by l.position desc limit 1), -1)
      from unnest(streams) with ordinality k(name, n) order by k.n);
  stored := array(
    select (select l.global_position from message_store.messages l where l.id = k.id)
      from unnest(ids) with ordinality k(id, n) order by k.n);
  some_stored := exists (select from unnest(stored) k(at) where k.at is not null);

  outcomes := array_fill(null::text, array[cardinality(unit_writes)]);
  conflicts := array_fill(null::int, array[cardinality(unit_writes)]);
  actual_versions := array_fill(null::bigint, array[cardinality(unit_writes)]);
  id_streams := outcomes;
  positions := array_fill(null::bigint, array[cardinality(write_streams)]);
  global_positions := positions;
  new_position := array_fill(null::bigint, array[cardinality(ids)]);
  new_global := new_position;
  new_ordinal := new_position;

  for u in 1 .. cardinality(unit_writes) loop
    outcomes[u] := 'stored';

    -- The ids come first: a repeated write is a success whatever it expects.
    if some_stored and exists (select from generate_series(m + 1, m + unit_messages[u]) n where stored[n] is not null) then
      select c.* into conflict from message_store.conflict_of_ids(
        streams_of[m + 1 : m + unit_messages[u]], ids[m + 1 : m + unit_messages[u]],
        types[m + 1 : m + unit_messages[u]], datas[m + 1 : m + unit_messages[u]]) c;
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
      i := m;
      for k in w + 1 .. w + unit_writes[u] loop
        s := write_streams[k];
        expected := write_expected[k];
        if not (expected = -2 or expected = versions[s] or expected = -3 and versions[s] >= 0) then
          outcomes[u] := 'version';
          conflicts[u] := k;
          actual_versions[u] := versions[s];
          exit;
        end if;
        for n in 1 .. write_messages[k] loop
          i := i + 1;
          versions[s] := versions[s] + 1;
          new_position[i] := versions[s];
          new_global[i] := next_global + i - m - 1;
          new_ordinal[i] := i - m - 1;
        end loop;
        positions[k] := versions[s];
        global_positions[k] := case when write_messages[k] > 0 then new_global[i] else 0 end;
      end loop;

      if outcomes[u] = 'stored' then
        next_global := next_global + unit_messages[u];
      else
        -- Nothing of the unit is stored: take its numbers back.
        for k in w + 1 .. conflicts[u] - 1 loop
          versions[write_streams[k]] := versions[write_streams[k]] - write_messages[k];
        end loop;
        for n in m + 1 .. i loop
          new_global[n] := null;
        end loop;
      end if;
    end if;

    w := w + unit_writes[u];
    m := m + unit_messages[u];
  end loop;

  with added as (
    insert into message_store.messages
      (global_position, position, time, id, ordinal, stream_name, type, writer, data, metadata)
    select k.global_position, k.position, stored_at, k.id, k.ordinal, k.stream_name, k.type, k.writer,
           k.data::jsonb, k.metadata::jsonb
      from unnest(new_global, new_position, new_ordinal, streams_of, ids, types, writers, datas, metadatas)
        as k(global_position, position, ordinal, stream_name, id, type, writer, data, metadata)
     where k.global_position is not null
    returning global_position, data, metadata)
  select array_agg(a.data::text order by a.global_position), array_agg(a.metadata::text order by a.global_position)
    into printed_data, printed_metadata
    from added a;
end
$$;
-- +goose StatementEnd

-- conflict_of_ids compares a unit of which some id is stored with what is stored.
-- It returns no row where the unit is the very one that was stored: the same
-- messages, in the same order, in the same company. Else it returns the first
-- message that differs, or that has its id in other company, and the stream
-- that has it.
-- +goose StatementBegin
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
    select bool_and(same) and max(global_position) - min(global_position) = count(*) - 1
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
-- +goose StatementEnd

-- +goose Down
drop function message_store.append;
drop function message_store.conflict_of_ids;
