-- Imports: an uploaded file in chunks, each idempotent by itself: what became of its lines, what is still to be published, and its errors.
-- A step commits entries and moves its chunk and its job in one transaction, so whatever is delivered twice or dies half-way happens once.

create table import_chunks (
  space int not null, job text collate "C" not null, n int not null,
  starts bigint not null, bytes int not null,          -- where in the file
  first_line int not null, lines int not null,         -- physical lines, from 1
  done int not null default 0,                         -- lines whose drafts are through
  pending jsonb not null default '[]',                 -- to be published when all drafts are there: [[line, id, version, "created" | "updated"], …]
  published int not null default 0,                    -- of these, how many are through
  errors jsonb not null default '[]',                  -- [{line, pointer, code, detail}, …]
  primary key (space, job, n)
) partition by hash (space);
create index import_chunks_wrong on import_chunks (space, job, n) where errors <> '[]';
create index import_chunks_pending on import_chunks (space, job, n) where pending <> '[]';

do $$
declare i int;
begin
  for i in 0..7 loop
    execute format('create table %I partition of import_chunks for values with (modulus 8, remainder %s)', 'import_chunks_' || i, i);
  end loop;
  alter table import_chunks enable row level security;
  alter table import_chunks force row level security;
  create policy own_space on import_chunks to meridian_app using (space = (select bound_space())) with check (space = (select bound_space()));
  execute format('create policy owner on import_chunks to %I using (true) with check (true)', current_user);
  grant select, insert, update, delete on import_chunks to meridian_app;
end $$;

-- Unfinished jobs of a kind, over all tenants of this shard: a number and nothing else.
create function unfinished_jobs(what text, most int) returns int
  language sql stable security definer set search_path = pg_catalog, public, pg_temp as $$
  select count(*)::int from (select from public.jobs j where not j.closed and j.kind = what limit most) j
$$;

-- p: as start_job, and {chunks: [[starts, bytes, first line, lines], …], mostOfAll}
create function aside_import(sp int, p jsonb) returns jsonb
  language plpgsql volatile set search_path = pg_catalog, public, pg_temp as $$
declare refused jsonb;
begin
  if unfinished_jobs('import', (p->>'mostOfAll')::int) >= (p->>'mostOfAll')::int then return '{"refused": "backlog"}'; end if;
  refused := start_job(sp, p);
  if refused ? 'refused' then return refused; end if;
  insert into public.import_chunks (space, job, n, starts, bytes, first_line, lines)
    select sp, p->>'job', c.n - 1, (c.x->>0)::bigint, (c.x->>1)::int, (c.x->>2)::int, (c.x->>3)::int
    from jsonb_array_elements(p->'chunks') with ordinality as c(x, n) on conflict do nothing;
  return '{}';
end $$;

-- Lines of one chunk get through a pass: their entries' commit (`change`, as commit_write takes it) and what is known of them afterwards.
-- p: {space, epoch, job, holder, at, lease, pass, chunk, seen, to, change?, pending?, errors, counts: {created, updated, unchanged, failed}, next: state}
-- → {gone} | {held: false} | {moved: false}: done before | {refused, …}: nothing was written | {committed?: what commit_write answered}
create function import_step(p jsonb) returns jsonb
  language plpgsql volatile set search_path = pg_catalog, public, pg_temp as $$
declare
  sp constant int := (p->>'space')::int; jid constant text := p->>'job'; k constant int := (p->>'chunk')::int; one constant boolean := (p->>'pass')::int = 1;
  c public.import_chunks; done jsonb; made jsonb := p->'counts';
begin
  if not bind_life(sp, (p->>'epoch')::int) then return '{"gone": true}'; end if;
  if not hold_job(sp, jid, p->>'holder', (p->>'at')::timestamptz, (p->>'lease')::float8) then return '{"held": false}'; end if;
  select * into c from public.import_chunks x where x.space = sp and x.job = jid and x.n = k for update;
  if not found or (case when one then c.done else c.published end) <> (p->>'seen')::int then return '{"moved": false}'; end if;
  if p ? 'change' then
    done := commit_write(p->'change');
    if done ? 'refused' then return done; end if;
  end if;
  update public.import_chunks x set done = case when one then (p->>'to')::int else x.done end, published = case when one then x.published else (p->>'to')::int end,
      pending = x.pending || coalesce(p->'pending', '[]'), errors = x.errors || (p->'errors')
    where x.space = sp and x.job = jid and x.n = k;
  update public.jobs j set state = j.state || (p->'next'), shown = j.shown || jsonb_build_object(
      'processed', (j.shown->>'processed')::int + (made->>'created')::int + (made->>'updated')::int + (made->>'unchanged')::int + (made->>'failed')::int,
      'created', (j.shown->>'created')::int + (made->>'created')::int, 'updated', (j.shown->>'updated')::int + (made->>'updated')::int,
      'unchanged', (j.shown->>'unchanged')::int + (made->>'unchanged')::int, 'failed', (j.shown->>'failed')::int + (made->>'failed')::int)
      || case when done is null then '{}'::jsonb else jsonb_build_object('position', done->'position') end
    where j.space = sp and j.id = jid;
  return case when done is null then '{}'::jsonb else jsonb_build_object('committed', done) end;
end $$;

-- Messages of an import take no position and are no event's: one with each of these endpoints, at the space's head.
drop index deliveries_once;
create unique index deliveries_once on deliveries (space, webhook, replay, position) where event not in ('webhook.test', 'import.completed');

-- The last step: completed, and told. p: {space, epoch, job, holder, at, lease, visibleAt, wakeUntil, wake} → {gone} | {held: false} | {wake}
create function complete_import(p jsonb) returns jsonb
  language plpgsql volatile set search_path = pg_catalog, public, pg_temp as $$
declare sp constant int := (p->>'space')::int; now_ constant timestamptz := (p->>'at')::timestamptz; whose text[];
begin
  if not bind_life(sp, (p->>'epoch')::int) then return '{"gone": true}'; end if;
  if not hold_job(sp, p->>'job', p->>'holder', now_, (p->>'lease')::float8) then return '{"held": false}'; end if;
  perform finish_job(sp, p->>'job', 'completed', null, '{}', now_);
  select array_agg(w.id order by w.id) into whose from public.webhooks w where w.space = sp and w.enabled and 'import.completed' = any (w.events);
  if whose is null then return '{"wake": []}'; end if;
  perform from public.webhook_state s where s.space = sp and s.webhook = any (whose) order by s.webhook for update;
  insert into public.deliveries (space, id, webhook, generation, lane, position, event, state, created_at, visible_at, due_at)
    select sp, delivery_id(), w.id, w.from_pos, 'import:' || (p->>'job'), h.position, 'import.completed', 'pending', now_, (p->>'visibleAt')::timestamptz, (p->>'visibleAt')::timestamptz
    from public.webhooks w join public.space_head h on h.space = sp where w.space = sp and w.id = any (whose) and w.enabled;
  return jsonb_build_object('wake', wake_deliveries(sp, whose, now_, (p->>'wakeUntil')::timestamptz, (p->>'wake')::int));
end $$;

-- What is told of an import, in the form of told_event.
create function told_import(sp int, lane text) returns jsonb
  language sql stable set search_path = pg_catalog, public, pg_temp as $$
  select jsonb_build_object('type', 'ImportCompleted', 'stream', lane, 'at', floor(extract(epoch from j.finished_at) * 1000)::bigint, 'data', j.shown)
  from public.jobs j where j.space = sp and j.id = substr(lane, 8)
$$;

-- As in 0008_webhooks, and: what import.completed tells of is a job, not an event.
-- The right to make one attempt, for `lease` seconds. p: {space, epoch, delivery, holder, at, lease, slots, most, wakeUntil, wake}
-- → {gone} | {skip: why, after?: seconds, wake?} | {delivery, webhook, …}
create or replace function claim_delivery(p jsonb) returns jsonb
  language plpgsql volatile set search_path = pg_catalog, public, pg_temp as $$
declare
  sp constant int := (p->>'space')::int; now_ constant timestamptz := (p->>'at')::timestamptz; whose text;
  d public.deliveries; w public.webhooks; s public.webhook_state; busy int; told jsonb;
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
  select count(*) into busy from public.deliveries x where x.space = sp and x.webhook = whose and x.state = 'pending' and x.lease_until > now_;
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

-- As in 0010_jobs, with what its kinds keep beside the row.
create or replace function forget_jobs(most int) returns int
  language plpgsql volatile security definer set search_path = pg_catalog, public, pg_temp as $$
declare n int;
begin
  with old as (select o.space, o.id from public.jobs o where o.closed and o.finished_at < now() - interval '30 days' limit least(most, 20)),
       chunks as (delete from public.import_chunks c using old o where c.space = o.space and c.job = o.id)
  delete from public.jobs j using old o where j.space = o.space and j.id = o.id;
  get diagnostics n = row_count;
  return n;
end $$;

grant execute on function unfinished_jobs(text, int), aside_import(int, jsonb), import_step(jsonb), complete_import(jsonb), told_import(int, text) to meridian_app;
