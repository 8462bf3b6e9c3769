-- What a shard has waiting, over all tenants, for /metrics: names, labels and numbers. Everything that is counted stands in rows, so that any
-- isolate tells the same. One row a sample; `what` is the sample's label besides the shard.
create function shard_metrics(names text[], now_ timestamptz, most int) returns table (metric text, what text, value float8)
  language plpgsql stable security definer set search_path = pg_catalog, public, pg_temp as $$
begin
  return query
    with d as (select x.due_at, x.lease_until from public.deliveries x where x.state = 'pending'),
         s as (select case when lease_until > now_ then 'leased' when due_at = 'infinity' then 'waiting' when due_at > now_ then 'scheduled' else 'due' end as state, due_at from d)
    select 'deliveries', k.state, (select count(*) from s where s.state = k.state)::float8 from unnest(array['due', 'leased', 'scheduled', 'waiting']) k(state)
    union all select 'deliveries_oldest', null, coalesce((select extract(epoch from now_ - min(due_at)) from s where state = 'due'), 0)::float8;

  return query
    with r as (select x.created_at from public.webhook_replays x where x.reached < x.to_pos and x.cancelled_at is null)
    select 'jobs', 'webhook-replay', count(*)::float8 from r
    union all select 'jobs_oldest', 'webhook-replay', coalesce(extract(epoch from now_ - min(created_at)), 0)::float8 from r;
  if to_regclass('public.jobs') is not null then
    return query execute
      'select m.metric, j.kind, m.value from (select x.kind, count(*)::float8 as n, coalesce(extract(epoch from $1 - min(x.created_at)), 0)::float8 as age
         from public.jobs x where not x.closed group by x.kind) j
       cross join lateral (values (''jobs'', j.n), (''jobs_oldest'', j.age)) m(metric, value)' using now_;
  end if;

  -- The age is that of the first event that has not been followed; of at most `most` spaces, because each is looked up.
  return query
    with l as (
      select n.name, h.space, h.position as head, coalesce(s.position, 0) as seen, s.stopped_at is not null as stopped
        from public.space_head h cross join unnest(names) as n(name)
        left join public.subscribers s on s.space = h.space and s.subscriber = n.name
        where coalesce(s.position, 0) < h.position)
    select m.metric, n.name, m.value from unnest(names) as n(name) cross join lateral (
      select count(*)::float8 as spaces, coalesce(max(l.head - l.seen), 0)::float8 as positions, count(*) filter (where l.stopped)::float8 as stopped,
        coalesce((select extract(epoch from now_ - min(e.at)) from (select * from l b where b.name = n.name limit most) b
          join public.events e on e.space = b.space and e.position = b.seen + 1), 0)::float8 as age
        from l where l.name = n.name) a
      cross join lateral (values ('lag_spaces', a.spaces), ('lag_positions', a.positions), ('stopped', a.stopped), ('lag_oldest', greatest(a.age, 0))) m(metric, value);

  return query
    select 'dead_letters', null::text, (select count(*) from (select from public.dead_letters limit most) x)::float8
    union all select 'dead_letters_oldest', null, coalesce((select extract(epoch from now_ - min(at)) from public.dead_letters), 0)::float8;
end $$;
grant execute on function shard_metrics(text[], timestamptz, int) to meridian_app;
