-- What follows a space's log. A subscriber keeps one checkpoint a space, moved by compare-and-set in the transaction of its effect, so
-- whatever the queues double, lose or reorder, each event has its effect once. What gives up is kept until an operator has looked at it.
-- The effect of subscriber x is the function effect_x(space, payload): a new subscriber is a new function, and nothing here changes.

create table subscribers (
  space int not null, subscriber text collate "C" not null,
  position bigint not null default 0,       -- every event up to here has had its effect
  failures int not null default 0,          -- of the next event, in a row
  retry_at timestamptz not null default '-infinity',
  stopped_at timestamptz,                   -- it may not pass the next event: an operator has to look
  primary key (space, subscriber)
) partition by hash (space);

-- Messages that gave up, and events that a subscriber could not take in. Space 0: no space can be told.
create table dead_letters (
  space int not null, id text collate "C" not null, at timestamptz not null, queue text not null,
  body text,                                -- the message as it was: ids, never content
  subscriber text, position bigint,         -- of an event instead of a message
  reason text not null, attempts int not null,
  redriven_at timestamptz,                  -- its subscriber is to take it in once more
  primary key (space, id)
) partition by hash (space);
create index dead_letters_at on dead_letters (at, id);

do $$
declare t text; i int;
begin
  foreach t in array array['subscribers', 'dead_letters'] loop
    for i in 0..7 loop
      execute format('create table %I partition of %I for values with (modulus 8, remainder %s)', t || '_' || i, t, i);
    end loop;
    execute format('alter table %I enable row level security', t);
    execute format('alter table %I force row level security', t);
    execute format('create policy own_space on %I to meridian_app using (space = (select bound_space())) with check (space = (select bound_space()))', t);
    execute format('create policy owner on %I to %I using (true) with check (true)', t, current_user);
    execute format('grant select, insert, update, delete on %I to meridian_app', t);
  end loop;
end $$;

-- Binds the space; false when it is not there in this life (any more).
create function bind_life(sp int, life int) returns boolean
  language plpgsql volatile set search_path = pg_catalog, public, pg_temp as $$
begin
  if current_setting('transaction_isolation') <> 'read committed' then
    raise exception 'this needs read committed' using errcode = 'MR001';
  end if;
  perform set_config('app.space', sp::text, true);
  return exists (select from public.space_head h where h.space = sp and h.epoch = life);
end $$;

-- p: {space, epoch, subscriber, seen, to, effect?, at} → {gone} | {moved: false} (somebody else has) | {moved: true, effect}
create function advance_subscriber(p jsonb) returns jsonb
  language plpgsql volatile set search_path = pg_catalog, public, pg_temp as $$
declare sp constant int := (p->>'space')::int; who constant text := p->>'subscriber'; done jsonb := 'null';
begin
  if not bind_life(sp, (p->>'epoch')::int) then return '{"gone": true}'; end if;
  if (p->>'seen')::bigint = 0 then
    insert into public.subscribers (space, subscriber) values (sp, who) on conflict do nothing;
  end if;
  update public.subscribers s set position = (p->>'to')::bigint, failures = 0, retry_at = '-infinity'
    where s.space = sp and s.subscriber = who and s.position = (p->>'seen')::bigint and s.stopped_at is null;
  if not found then return '{"moved": false}'; end if;
  if p ? 'effect' then execute format('select public.%I($1, $2)', 'effect_' || who) into done using sp, p->'effect'; end if;
  return jsonb_build_object('moved', true, 'effect', done);
end $$;

-- The event after `seen` failed. p: {space, epoch, subscriber, seen, position, reason, at, retryAt, most, stops, letter}
-- → {gone} | {moved: false} | {failures} | {parked: true} | {stopped: true}
create function fail_subscriber(p jsonb) returns jsonb
  language plpgsql volatile set search_path = pg_catalog, public, pg_temp as $$
declare sp constant int := (p->>'space')::int; who constant text := p->>'subscriber'; n int;
begin
  if not bind_life(sp, (p->>'epoch')::int) then return '{"gone": true}'; end if;
  insert into public.subscribers (space, subscriber) values (sp, who) on conflict do nothing;
  update public.subscribers s set failures = s.failures + 1, retry_at = (p->>'retryAt')::timestamptz
    where s.space = sp and s.subscriber = who and s.position = (p->>'seen')::bigint and s.stopped_at is null returning s.failures into n;
  if not found then return '{"moved": false}'; end if;
  if n < (p->>'most')::int then return jsonb_build_object('failures', n); end if;
  insert into public.dead_letters (space, id, at, queue, subscriber, position, reason, attempts)
    values (sp, (p->>'letter'), (p->>'at')::timestamptz, 'changes', who, (p->>'position')::bigint, p->>'reason', n);
  if (p->>'stops')::boolean then
    update public.subscribers s set stopped_at = (p->>'at')::timestamptz where s.space = sp and s.subscriber = who;
    return '{"stopped": true}';
  end if;
  update public.subscribers s set position = (p->>'position')::bigint, failures = 0, retry_at = '-infinity' where s.space = sp and s.subscriber = who;
  return '{"parked": true}';
end $$;

-- A parked event is taken in once more. p: {space, epoch, subscriber, letter, effect?, failed?: reason}
create function settle_parked(p jsonb) returns jsonb
  language plpgsql volatile set search_path = pg_catalog, public, pg_temp as $$
declare sp constant int := (p->>'space')::int; who constant text := p->>'subscriber'; done jsonb := 'null';
begin
  if not bind_life(sp, (p->>'epoch')::int) then return '{"gone": true}'; end if;
  if p ? 'failed' then
    update public.dead_letters d set redriven_at = null, reason = p->>'failed', attempts = d.attempts + 1
      where d.space = sp and d.id = (p->>'letter') and d.redriven_at is not null;
    return jsonb_build_object('moved', found);
  end if;
  delete from public.dead_letters d where d.space = sp and d.id = (p->>'letter') and d.subscriber = who and d.redriven_at is not null;
  if not found then return '{"moved": false}'; end if;
  if p ? 'effect' then execute format('select public.%I($1, $2)', 'effect_' || who) into done using sp, p->'effect'; end if;
  return jsonb_build_object('moved', true, 'effect', done);
end $$;

-- Spaces in which something has not followed the log: all, or those of `spaces`. Ids and numbers only. A space without a checkpoint has
-- followed nothing; one that is stopped waits for an operator and not for us.
create function lagging_spaces(spaces int[], names text[], now_ timestamptz, most int) returns table (space int, epoch int, "position" bigint, look_at timestamptz)
  language sql stable security definer set search_path = pg_catalog, public, pg_temp as $$
  select h.space, h.epoch, h.position, min(greatest(coalesce(s.retry_at, '-infinity'), now_))
    from public.space_head h cross join unnest(names) as n(name)
    left join public.subscribers s on s.space = h.space and s.subscriber = n.name
    where (spaces is null or h.space = any (spaces)) and s.stopped_at is null
      and (coalesce(s.position, 0) < h.position
        or exists (select from public.dead_letters d where d.space = h.space and d.subscriber = n.name and d.redriven_at is not null))
    group by h.space, h.epoch, h.position limit most
$$;

-- Dead letters of every space of this shard, for operators: oldest first, after (after_at, after_id).
create function dead_letters_after(after_at timestamptz, after_id text, most int)
  returns table (space int, id text, at timestamptz, queue text, body text, subscriber text, "position" bigint, reason text, attempts int, redriven_at timestamptz, stopped boolean)
  language sql stable security definer set search_path = pg_catalog, public, pg_temp as $$
  select d.space, d.id, d.at, d.queue, d.body, d.subscriber, d.position, d.reason, d.attempts, d.redriven_at,
      exists (select from public.subscribers s where s.space = d.space and s.subscriber = d.subscriber and s.stopped_at is not null and s.position < d.position)
    from public.dead_letters d where (d.at, d.id) > (after_at, after_id) order by d.at, d.id limit most
$$;

create function count_dead_letters(most int) returns bigint
  language sql stable security definer set search_path = pg_catalog, public, pg_temp as $$
  select count(*) from (select from public.dead_letters limit most) d
$$;

-- A letter's message, for whoever puts it back into its queue; an event is handed to its subscriber here and now. NULL: no such letter.
create function redrive_dead_letter(letter text, now_ timestamptz) returns jsonb
  language plpgsql volatile security definer set search_path = pg_catalog, public, pg_temp as $$
declare d public.dead_letters; h public.space_head;
begin
  select * into d from public.dead_letters l where l.id = letter for update;
  if not found then return null; end if;
  select * into h from public.space_head x where x.space = d.space;
  if d.subscriber is not null then
    update public.subscribers s set stopped_at = null, failures = 0, retry_at = '-infinity'
      where s.space = d.space and s.subscriber = d.subscriber and s.stopped_at is not null and s.position < d.position;
    -- The subscriber had not passed the event: it comes to it by itself.
    if found then delete from public.dead_letters l where l.space = d.space and l.id = d.id;
    else update public.dead_letters l set redriven_at = now_ where l.space = d.space and l.id = d.id; end if;
  end if;
  return jsonb_build_object('space', d.space, 'epoch', h.epoch, 'position', h.position, 'queue', d.queue, 'body', d.body, 'subscriber', d.subscriber);
end $$;

-- Gives it up. A subscriber that stopped at it goes on behind it.
create function drop_dead_letter(letter text) returns jsonb
  language plpgsql volatile security definer set search_path = pg_catalog, public, pg_temp as $$
declare d public.dead_letters; h public.space_head;
begin
  delete from public.dead_letters l where l.id = letter returning * into d;
  if not found then return null; end if;
  update public.subscribers s set position = d.position, stopped_at = null, failures = 0, retry_at = '-infinity'
    where s.space = d.space and s.subscriber = d.subscriber and s.stopped_at is not null and s.position < d.position;
  select * into h from public.space_head x where x.space = d.space;
  return jsonb_build_object('space', d.space, 'epoch', h.epoch, 'position', h.position, 'queue', d.queue, 'body', d.body, 'subscriber', d.subscriber);
end $$;

-- p: {space, id, at, queue, body, reason, attempts}. A letter that comes twice is one.
create function keep_dead_letter(p jsonb) returns boolean
  language plpgsql volatile set search_path = pg_catalog, public, pg_temp as $$
begin
  perform set_config('app.space', p->>'space', true);
  insert into public.dead_letters (space, id, at, queue, body, reason, attempts)
    values ((p->>'space')::int, p->>'id', (p->>'at')::timestamptz, p->>'queue', p->>'body', p->>'reason', (p->>'attempts')::int) on conflict do nothing;
  return found;
end $$;

-- Writes that take no position: an idempotency key and an effect, in one transaction, as commit_write has them. The effect of "x" is the
-- function aside_x(space, payload): it answers {} or {refused, …}, refuses before it writes, and done twice with one payload is done once.
-- p: {space, known?, again?, idem?, placeholders, does, effect}
create function write_aside(p jsonb) returns jsonb
  language plpgsql volatile set search_path = pg_catalog, public, pg_temp as $$
declare
  sp constant int := (p->>'space')::int; t constant timestamptz := clock_timestamp();
  head public.space_head; idem record; done jsonb; k bytea; at_text text; full_body text;
begin
  if current_setting('transaction_isolation') <> 'read committed' then
    raise exception 'write_aside needs read committed' using errcode = 'MR001';
  end if;
  perform set_config('app.space', sp::text, true);
  if p ? 'idem' then
    k := decode(p #>> '{idem,key}', 'hex');
    if coalesce((p->>'again')::boolean, false) then
      perform pg_advisory_xact_lock(hashtextextended(sp || ':' || (p #>> '{idem,key}'), 0));
    elsif not pg_try_advisory_xact_lock(hashtextextended(sp || ':' || (p #>> '{idem,key}'), 0)) then
      return jsonb_build_object('refused', 'request-in-progress');
    end if;
    select i.fingerprint, i.status, i.position, i.headers, i.body, i.sealed into idem from public.idempotency i
      where i.space = sp and i.key = k and i.at > t - interval '24 hours';
    if found then
      if idem.fingerprint <> decode(p #>> '{idem,fingerprint}', 'hex') then return jsonb_build_object('refused', 'idempotency-key-reused'); end if;
      return jsonb_build_object('replayed', true, 'status', idem.status, 'position', idem.position, 'headers', idem.headers, 'body', idem.body, 'sealed', idem.sealed);
    end if;
  end if;
  select * into head from public.space_head h where h.space = sp;
  if not found then return jsonb_build_object('refused', 'space-missing'); end if;
  if (p #>> '{known,settings}')::bigint < head.settings_pos or (p #>> '{known,schema}')::bigint < head.schema_pos or (p #>> '{known,keys}')::bigint < head.keys_pos then
    return jsonb_build_object('refused', 'knowledge-outdated', 'position', head.position);
  end if;
  execute format('select public.%I($1, $2)', 'aside_' || (p->>'does')) into done
    using sp, (p->'effect') || jsonb_build_object('head', head.position, 'at', date_trunc('milliseconds', t));
  if done ? 'refused' then return done || jsonb_build_object('position', head.position); end if;
  at_text := to_char(date_trunc('milliseconds', t) at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"');
  if p ? 'idem' then
    full_body := replace(replace(p #>> '{idem,body}', p #>> '{placeholders,at}', at_text), p #>> '{placeholders,position}', head.position::text);
    insert into public.idempotency as i (space, key, fingerprint, status, position, headers, body, sealed, at)
      values (sp, k, decode(p #>> '{idem,fingerprint}', 'hex'), (p #>> '{idem,status}')::smallint, head.position, p #> '{idem,headers}', full_body, p #>> '{idem,sealed}', t)
      on conflict (space, key) do update set fingerprint = excluded.fingerprint, status = excluded.status, position = excluded.position,
        headers = excluded.headers, body = excluded.body, sealed = excluded.sealed, at = excluded.at;
  end if;
  return jsonb_build_object('position', head.position, 'first', head.position, 'at', at_text);
end $$;

grant execute on function bind_life(int, int), advance_subscriber(jsonb), fail_subscriber(jsonb), settle_parked(jsonb), lagging_spaces(int[], text[], timestamptz, int),
  dead_letters_after(timestamptz, text, int), count_dead_letters(int), redrive_dead_letter(text, timestamptz), drop_dead_letter(text),
  keep_dead_letter(jsonb), write_aside(jsonb) to meridian_app;
