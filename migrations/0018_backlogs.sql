-- What a delivery costs does not grow with what waits behind it (decision 0039). How many of an endpoint's are under way was counted over all
-- that waited for it, the next ones were sorted out of all that were due, and the sweep read every one of them each minute.

create index deliveries_next on deliveries (space, webhook, due_at, position) where state = 'pending';
create index deliveries_held on deliveries (space, webhook) where state = 'pending' and holder is not null;
drop index deliveries_due;

-- As in 0008_webhooks, but in the index's order, and looked up one by one. What somebody else holds is theirs to wake or to end: whoever waited
-- for it would find it ended, and two that wait for one another's would both fail.
create or replace function wake_deliveries(sp int, whose text[], now_ timestamptz, until_ timestamptz, most int) returns jsonb
  language plpgsql volatile set search_path = pg_catalog, public, pg_temp as $$
declare ids text[] := '{}'; one text; out_ jsonb;
begin
  foreach one in array whose loop
    -- Of one bound alone the planner would expect a third of all.
    ids := ids || array(select x.id from public.deliveries x where x.space = sp and x.webhook = one and x.state = 'pending'
      and x.due_at >= '-infinity' and x.due_at <= until_ and x.queued_until <= now_ and x.lease_until <= now_ order by x.due_at, x.position limit most for update skip locked);
  end loop;
  with woken as (
    update public.deliveries d set queued_until = greatest(d.due_at, now_) + interval '2 minutes' where d.space = sp and d.id = any (ids)
      returning d.id, greatest(0, ceil(extract(epoch from d.due_at - now_)))::int as delay)
  select coalesce(jsonb_agg(jsonb_build_object('id', w.id, 'delay', w.delay)), '[]') into out_ from woken w;
  return out_;
end $$;

-- As in 0011_imports, and: of an endpoint that is gone, or was disabled since, two hundred are called off at a time and not one.
-- The right to make one attempt, for `lease` seconds. p: {space, epoch, delivery, holder, at, lease, slots, most, wakeUntil, wake}
-- → {gone} | {skip: why, after?: seconds, wake?} | {delivery, webhook, …}
create or replace function claim_delivery(p jsonb) returns jsonb
  language plpgsql volatile set search_path = pg_catalog, public, pg_temp as $$
declare
  sp constant int := (p->>'space')::int; now_ constant timestamptz := (p->>'at')::timestamptz; whose text;
  d public.deliveries; other public.deliveries; w public.webhooks; s public.webhook_state; busy int; told jsonb;
begin
  if not bind_life(sp, (p->>'epoch')::int) then return '{"gone": true}'; end if;
  select x.webhook into whose from public.deliveries x where x.space = sp and x.id = p->>'delivery';
  if not found then return '{"gone": true}'; end if;
  select * into s from public.webhook_state x where x.space = sp and x.webhook = whose for update;
  select * into d from public.deliveries x where x.space = sp and x.id = p->>'delivery' for update;
  if d.state <> 'pending' then return '{"skip": "finished"}'; end if;
  select * into w from public.webhooks x where x.space = sp and x.id = whose;
  if w.id is null or not w.enabled or w.from_pos <> d.generation
     or (d.replay <> '' and exists (select from public.webhook_replays r where r.space = sp and r.id = d.replay and r.cancelled_at is not null)) then
    perform end_delivery(d, 'cancelled', now_);
    -- And, of what waits next, whatever is not wanted any more either.
    for other in
      select (x.d).* from (select o as d from public.deliveries o where o.space = sp and o.webhook = whose and o.state = 'pending' and o.due_at >= '-infinity' and o.due_at <= now_
          and o.lease_until <= now_ order by o.due_at, o.position limit 200 for update skip locked) x
        where w.id is null or not w.enabled or (x.d).generation <> w.from_pos or (x.d).replay = d.replay and d.replay <> '' and d.generation = w.from_pos
    loop
      perform end_delivery(other, 'cancelled', now_);
    end loop;
    return jsonb_build_object('skip', 'cancelled', 'wake', wake_deliveries(sp, array[whose], now_, (p->>'wakeUntil')::timestamptz, (p->>'wake')::int));
  end if;
  if d.lease_until > now_ then return '{"skip": "leased"}'; end if;
  if d.due_at > now_ then
    return case when d.due_at = 'infinity' then '{"skip": "waits"}' else jsonb_build_object('skip', 'early', 'after', ceil(extract(epoch from d.due_at - now_))::int) end;
  end if;
  if s.open_until > now_ then
    update public.deliveries x set due_at = s.open_until, queued_until = '-infinity' where x.space = sp and x.id = d.id;
    return jsonb_build_object('skip', 'open', 'wake', wake_deliveries(sp, array[whose], now_, (p->>'wakeUntil')::timestamptz, 1));
  end if;
  select count(*) into busy from public.deliveries x where x.space = sp and x.webhook = whose and x.state = 'pending' and x.holder is not null and x.lease_until > now_;
  -- While it fails, one at a time finds out whether it still does.
  if busy >= (case when s.failures > 0 then 1 else (p->>'slots')::int end) then
    update public.deliveries x set queued_until = '-infinity' where x.space = sp and x.id = d.id;
    return '{"skip": "full"}';
  end if;
  if d.attempts >= (p->>'most')::int then
    -- Whoever held it never came back, every time.
    perform end_delivery(d, 'failed', now_);
    return jsonb_build_object('skip', 'spent', 'wake', wake_deliveries(sp, array[whose], now_, (p->>'wakeUntil')::timestamptz, (p->>'wake')::int));
  end if;
  update public.deliveries x set attempts = x.attempts + 1, holder = p->>'holder', lease_until = now_ + make_interval(secs => (p->>'lease')::float8),
      queued_until = '-infinity' where x.space = sp and x.id = d.id;
  told := case d.event when 'webhook.test' then null when 'import.completed' then told_import(sp, d.lane) else told_event(sp, d.position) end;
  return jsonb_build_object('delivery', d.id, 'webhook', w.id, 'event', d.event, 'position', d.position, 'replay', d.replay <> '', 'attempt', d.attempts + 1,
    'url', w.url, 'secret', w.secret, 'previousSecret', case when w.previous_until > now_ then w.previous_secret end, 'createdAt', floor(extract(epoch from d.created_at) * 1000)::bigint,
    'space', (select x.id from public.spaces x where x.space = sp), 'told', told);
end $$;

-- Endpoints of a space for which something waits, from one to the next: Postgres has no loose index scan of its own.
create function waiting_endpoints(sp int) returns text[]
  language plpgsql stable set search_path = pg_catalog, public, pg_temp as $$
begin
  return (
    with recursive e as (
      (select d.webhook from public.deliveries d where d.space = sp and d.state = 'pending' order by d.webhook limit 1)
      union all
      select (select d.webhook from public.deliveries d where d.space = sp and d.state = 'pending' and d.webhook > e.webhook order by d.webhook limit 1) from e where e.webhook is not null)
    select coalesce(array_agg(e.webhook), '{}') from e where e.webhook is not null);
end $$;

-- Spaces in which something waits to be delivered.
create function waiting_spaces(most int) returns setof int
  language plpgsql stable set search_path = pg_catalog, public, pg_temp as $$
begin
  return query
    with recursive e as (
      (select d.space from public.deliveries d where d.state = 'pending' order by d.space limit 1)
      union all
      select (select d.space from public.deliveries d where d.state = 'pending' and d.space > e.space order by d.space limit 1) from e where e.space is not null)
    select e.space from e where e.space is not null limit most;
end $$;

-- Since when the oldest delivery is due that nobody has a lease on, in at most so many spaces.
create function oldest_due_delivery(now_ timestamptz, most int) returns timestamptz
  language plpgsql stable set search_path = pg_catalog, public, pg_temp as $$
begin
  return (
    select min(f.due_at) from waiting_spaces(most) s(space) cross join lateral unnest(waiting_endpoints(s.space)) e(webhook)
      cross join lateral (select d.due_at from public.deliveries d where d.space = s.space and d.webhook = e.webhook and d.state = 'pending' and d.lease_until <= now_
        order by d.due_at, d.position limit 1 offset 0) f where f.due_at <= now_);
end $$;

-- As in 0008_webhooks, but from endpoint to endpoint: the space is looked at again when the first of one is due, or a lease is over.
create or replace function rouse_deliveries(spaces int[], now_ timestamptz, until_ timestamptz, most int) returns table (space int, epoch int, wake jsonb, replay text, look_at timestamptz)
  language plpgsql volatile security definer set search_path = pg_catalog, public, pg_temp as $$
declare sp int; whose text[];
begin
  for sp in select s.space from (select unnest(spaces) as space union select waiting_spaces(most) where spaces is null) s limit most loop
    whose := waiting_endpoints(sp);
    continue when whose = '{}';
    return query select sp, h.epoch, wake_deliveries(sp, whose, now_, until_, 50), null::text,
        (select min(least(f.due_at, (select min(x.lease_until) from public.deliveries x
            where x.space = sp and x.webhook = e.webhook and x.state = 'pending' and x.holder is not null and x.lease_until > now_)))
          from unnest(whose) e(webhook) left join lateral (select d.due_at from public.deliveries d where d.space = sp and d.webhook = e.webhook and d.state = 'pending'
            and d.lease_until <= now_ order by d.due_at, d.position limit 1 offset 0) f on true)
      from public.space_head h where h.space = sp;
  end loop;
  return query select r.space, h.epoch, '[]'::jsonb, r.id, now_ from public.webhook_replays r join public.space_head h on h.space = r.space
    where (spaces is null or r.space = any (spaces)) and r.reached < r.to_pos and r.cancelled_at is null;
end $$;

-- As in 0014_metrics, but for the oldest delivery, which was the oldest of those that were counted.
create or replace function shard_metrics(names text[], now_ timestamptz, most int) returns table (metric text, what text, value float8)
  language plpgsql stable security definer set search_path = pg_catalog, public, pg_temp as $$
begin
  return query
    with d as (select x.due_at, x.lease_until from public.deliveries x where x.state = 'pending' limit most),
         s as (select case when lease_until > now_ then 'leased' when due_at = 'infinity' then 'waiting' when due_at > now_ then 'scheduled' else 'due' end as state, due_at from d)
    select 'deliveries', k.state, (select count(*) from s where s.state = k.state)::float8 from unnest(array['due', 'leased', 'scheduled', 'waiting']) k(state)
    union all select 'deliveries_oldest', null, coalesce(extract(epoch from now_ - oldest_due_delivery(now_, most)), 0)::float8;

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

grant execute on function waiting_endpoints(int), waiting_spaces(int), oldest_due_delivery(timestamptz, int) to meridian_app;
