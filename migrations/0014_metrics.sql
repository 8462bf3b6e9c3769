-- What a shard has waiting, over all tenants, for /metrics: names, labels and numbers. Everything that is counted stands in rows, so that any
-- isolate tells the same. Nothing is counted beyond `most`. One row a sample; `what` is the sample's label besides the shard. Below: traces of deliveries, and letters settled once.
create function shard_metrics(names text[], now_ timestamptz, most int) returns table (metric text, what text, value float8)
  language plpgsql stable security definer set search_path = pg_catalog, public, pg_temp as $$
begin
  return query
    with d as (select x.due_at, x.lease_until from public.deliveries x where x.state = 'pending' limit most),
         s as (select case when lease_until > now_ then 'leased' when due_at = 'infinity' then 'waiting' when due_at > now_ then 'scheduled' else 'due' end as state, due_at from d)
    select 'deliveries', k.state, (select count(*) from s where s.state = k.state)::float8 from unnest(array['due', 'leased', 'scheduled', 'waiting']) k(state)
    union all select 'deliveries_oldest', null, coalesce((select extract(epoch from now_ - min(due_at)) from s where state = 'due'), 0)::float8;

  return query
    with r as (select x.created_at from public.webhook_replays x where x.reached < x.to_pos and x.cancelled_at is null limit most)
    select 'jobs', 'webhook-replay', count(*)::float8 from r
    union all select 'jobs_oldest', 'webhook-replay', coalesce(extract(epoch from now_ - min(created_at)), 0)::float8 from r;
  if to_regclass('public.jobs') is not null then
    return query execute
      'select m.metric, j.kind, m.value from (select x.kind, count(*)::float8 as n, coalesce(extract(epoch from $1 - min(x.created_at)), 0)::float8 as age
         from (select o.kind, o.created_at from public.jobs o where not o.closed limit $2) x group by x.kind) j
       cross join lateral (values (''jobs'', j.n), (''jobs_oldest'', j.age)) m(metric, value)' using now_, most;
  end if;

  -- The age is that of the first event that has not been followed, of at most `most` spaces.
  return query
    with l as (
      select n.name, h.space, h.position as head, h.seen, h.stopped_at is not null as stopped
        from unnest(names) as n(name) cross join lateral (select h.space, h.position, coalesce(s.position, 0) as seen, s.stopped_at
          from public.space_head h left join public.subscribers s on s.space = h.space and s.subscriber = n.name
          where coalesce(s.position, 0) < h.position limit most) h)
    select m.metric, n.name, m.value from unnest(names) as n(name) cross join lateral (
      select count(*)::float8 as spaces, coalesce(max(l.head - l.seen), 0)::float8 as positions, count(*) filter (where l.stopped)::float8 as stopped,
        coalesce((select extract(epoch from now_ - min(e.at)) from (select * from l b where b.name = n.name) b
          join public.events e on e.space = b.space and e.position = b.seen + 1), 0)::float8 as age
        from l where l.name = n.name) a
      cross join lateral (values ('lag_spaces', a.spaces), ('lag_positions', a.positions), ('stopped', a.stopped), ('lag_oldest', greatest(a.age, 0))) m(metric, value);

  return query
    select 'dead_letters', null::text, (select count(*) from (select from public.dead_letters limit most) x)::float8
    union all select 'dead_letters_oldest', null, coalesce((select extract(epoch from now_ - min(at)) from public.dead_letters), 0)::float8;
end $$;
grant execute on function shard_metrics(text[], timestamptz, int) to meridian_app;

-- A delivery's claim with the trace that came with the write it tells of: what is sent goes on with it. Messages of their own have none.
create function claim_traced_delivery(p jsonb) returns jsonb
  language plpgsql volatile set search_path = pg_catalog, public, pg_temp as $$
declare claim constant jsonb := public.claim_delivery(p);
begin
  if not claim ? 'position' or claim->>'event' in ('webhook.test', 'import.completed') then return claim; end if;
  return claim || jsonb_build_object('traceparent', (select e.meta->>'traceparent' from public.events e
    where e.space = (p->>'space')::int and e.position = (claim->>'position')::bigint));
end $$;
grant execute on function claim_traced_delivery(jsonb) to meridian_app;

-- What is known on this shard of a key and a letter, before anything is done on any: a key may have been used for a letter of another shard.
-- p: as of settle_letter → {refused} | {replayed, …} | {found}
create function find_letter(p jsonb) returns jsonb
  language plpgsql volatile security definer set search_path = pg_catalog, public, pg_temp as $$
declare k constant bytea := decode(p #>> '{once,key}', 'hex'); kept public.idempotency;
begin
  if k is not null then
    if not pg_try_advisory_xact_lock(hashtextextended('0:' || (p #>> '{once,key}'), 0)) then return '{"refused": "request-in-progress"}'; end if;
    select * into kept from public.idempotency i where i.space = 0 and i.key = k and i.at > clock_timestamp() - interval '24 hours';
    if found then
      if kept.fingerprint <> decode(p #>> '{once,fingerprint}', 'hex') then return '{"refused": "idempotency-key-reused"}'; end if;
      return jsonb_build_object('replayed', true, 'status', kept.status, 'headers', kept.headers, 'body', kept.body);
    end if;
  end if;
  return jsonb_build_object('found', exists (select from public.dead_letters l where l.id = p->>'letter'));
end $$;
grant execute on function find_letter(jsonb) to meridian_app;

-- What an operator did with a letter, once for each idempotency key: effect and answer are one transaction on the letter's shard. The answer is kept
-- for space 0, because the letter that named its space is gone. p: {letter, does: drop | redrive, at, once?: {key, fingerprint, status, headers, body}}
-- → null: no such letter here | {refused} | {replayed, …} | what the effect answers
create function settle_letter(p jsonb) returns jsonb
  language plpgsql volatile security definer set search_path = pg_catalog, public, pg_temp as $$
declare k constant bytea := decode(p #>> '{once,key}', 'hex'); t constant timestamptz := clock_timestamp(); done jsonb := find_letter(p);
begin
  -- Once more, because the key is held from here to the end of the effect.
  if not done ? 'found' then return done; end if;
  done := case p->>'does' when 'drop' then public.drop_dead_letter(p->>'letter') else public.redrive_dead_letter(p->>'letter', (p->>'at')::timestamptz) end;
  -- A message that is redriven is settled when it has been sent: it is dropped then, under the same key.
  if done is null or k is null or (p->>'does' = 'redrive' and done->>'subscriber' is null) then return done; end if;
  insert into public.idempotency as i (space, key, fingerprint, status, position, headers, body, at)
    values (0, k, decode(p #>> '{once,fingerprint}', 'hex'), (p #>> '{once,status}')::smallint, 0, p #> '{once,headers}', p #>> '{once,body}', t)
    on conflict (space, key) do update set fingerprint = excluded.fingerprint, status = excluded.status, position = 0, headers = excluded.headers,
      body = excluded.body, sealed = null, at = excluded.at;
  return done;
end $$;
grant execute on function settle_letter(jsonb) to meridian_app;
