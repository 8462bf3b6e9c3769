-- Jobs: what goes on behind an answer. One row is the truth: status, lease, how far it is. Messages only wake, and a sweep wakes whatever is
-- not finished. A job takes no position. A kind of job adds functions of its own (its steps, in which it holds the row) and nothing here.
-- Jobs of one lane run one after the other, in the order of their ids; one that has begun goes on before one that has not, whose id may be
-- older: it is made when an upload begins.

create table jobs (
  space int not null, id text collate "C" not null, kind text collate "C" not null,
  of text collate "C" not null default '',  -- what it is about, within its kind: lists are read by it
  lane text collate "C",                    -- null: runs beside all others
  status text not null check (status in ('queued', 'running', 'completed', 'cancelled', 'failed')),
  actor text not null,                      -- on whose behalf: the one who asked
  plan jsonb not null,                      -- what was asked
  state jsonb not null default '{}',        -- how far it is, for its runner
  shown jsonb not null default '{}',        -- members that its view has besides the common ones
  error jsonb,
  created_at timestamptz not null, started_at timestamptz, finished_at timestamptz,
  closed boolean not null default false,    -- nothing is left to do, not even to tidy up after it
  attempts int not null default 0,          -- turns begun since it last got further
  due_at timestamptz not null,
  queued_until timestamptz not null default '-infinity',   -- a message for it is under way
  holder text, lease_until timestamptz not null default '-infinity',
  primary key (space, id)
) partition by hash (space);
create index jobs_list on jobs (space, kind, of, id);
create index jobs_open on jobs (space, due_at) where not closed;
create index jobs_old on jobs (finished_at) where closed;

do $$
declare i int;
begin
  for i in 0..7 loop
    execute format('create table %I partition of jobs for values with (modulus 8, remainder %s)', 'jobs_' || i, i);
  end loop;
  alter table jobs enable row level security;
  alter table jobs force row level security;
  create policy own_space on jobs to meridian_app using (space = (select bound_space())) with check (space = (select bound_space()));
  execute format('create policy owner on jobs to %I using (true) with check (true)', current_user);
  grant select, insert, update, delete on jobs to meridian_app;
end $$;

-- Makes the row: for aside_job and for kinds that write more with it. p: {job, kind, of, lane, actor, plan, shown, at, most}
-- `most`: unfinished jobs of the kind that the space may have, or {refused: jobs-too-many}.
create function start_job(sp int, p jsonb) returns jsonb
  language plpgsql volatile set search_path = pg_catalog, public, pg_temp as $$
declare n int;
begin
  -- Jobs of a space begin one by one, or two could both be the last that fits.
  perform pg_advisory_xact_lock(8, sp);
  -- Done before: the answer was lost, and what was counted then is not counted against it now.
  if exists (select from public.jobs j where j.space = sp and j.id = p->>'job') then return '{}'; end if;
  if p ? 'most' then
    select count(*) into n from public.jobs j where j.space = sp and j.kind = p->>'kind' and not j.closed;
    if n >= (p->>'most')::int then return jsonb_build_object('refused', 'jobs-too-many', 'found', n, 'most', (p->>'most')::int); end if;
  end if;
  insert into public.jobs (space, id, kind, of, lane, status, actor, plan, shown, created_at, due_at)
    values (sp, p->>'job', p->>'kind', coalesce(p->>'of', ''), p->>'lane', 'queued', p->>'actor', p->'plan', coalesce(p->'shown', '{}'), (p->>'at')::timestamptz, (p->>'at')::timestamptz)
    on conflict do nothing;
  return '{}';
end $$;

create function aside_job(sp int, p jsonb) returns jsonb
  language sql volatile set search_path = pg_catalog, public, pg_temp as $$ select public.start_job(sp, p) $$;

-- A job that has ended stays as it ended. What is left to tidy up, its next turn does. p: {job, kind, at, seen}
-- `seen`: the status in which it was found; when it has ended otherwise since, {refused: job-moved}.
create function aside_job_cancel(sp int, p jsonb) returns jsonb
  language plpgsql volatile set search_path = pg_catalog, public, pg_temp as $$
declare now_is text;
begin
  select j.status into now_is from public.jobs j where j.space = sp and j.id = p->>'job' and j.kind = p->>'kind' for update;
  if not found then return '{"refused": "job-missing"}'; end if;
  update public.jobs j set status = 'cancelled', finished_at = (p->>'at')::timestamptz, due_at = (p->>'at')::timestamptz
    where j.space = sp and j.id = p->>'job' and j.status in ('queued', 'running');
  if not found and now_is is distinct from p->>'seen' then return '{"refused": "job-moved"}'; end if;
  return '{}';
end $$;

create function goes_before(o public.jobs, j public.jobs) returns boolean
  language sql immutable as $$
  select (o.started_at is not null and j.started_at is null) or ((o.started_at is null) = (j.started_at is null) and o.id < j.id)
$$;

-- The right to one turn, for `lease` seconds. p: {space, epoch, job, holder, at, lease} → {gone} | {skip: why, after?: seconds} | the job
create function claim_job(p jsonb) returns jsonb
  language plpgsql volatile set search_path = pg_catalog, public, pg_temp as $$
declare sp constant int := (p->>'space')::int; now_ constant timestamptz := (p->>'at')::timestamptz; j public.jobs; until_ timestamptz;
begin
  if not bind_life(sp, (p->>'epoch')::int) then return '{"gone": true}'; end if;
  perform pg_advisory_xact_lock(8, sp);
  select * into j from public.jobs x where x.space = sp and x.id = p->>'job' for update;
  if not found then return '{"gone": true}'; end if;
  if j.closed then return '{"skip": "finished"}'; end if;
  if j.lease_until > now_ then return '{"skip": "leased"}'; end if;
  if j.due_at > now_ then return jsonb_build_object('skip', 'early', 'after', ceil(extract(epoch from j.due_at - now_))::int); end if;
  if j.lane is not null and j.status in ('queued', 'running') and exists (
    select from public.jobs o where o.space = sp and o.lane = j.lane and o.id <> j.id and not o.closed and o.status in ('queued', 'running')
      and (o.lease_until > now_ or goes_before(o, j))) then
    update public.jobs x set queued_until = '-infinity' where x.space = sp and x.id = j.id;
    return '{"skip": "waits"}';
  end if;
  update public.jobs x set status = case x.status when 'queued' then 'running' else x.status end, started_at = coalesce(x.started_at, case when x.status = 'queued' then now_ end),
      holder = p->>'holder', lease_until = now_ + make_interval(secs => (p->>'lease')::float8), queued_until = '-infinity', attempts = x.attempts + 1
    where x.space = sp and x.id = j.id returning * into j;
  return jsonb_build_object('id', j.id, 'kind', j.kind, 'of', j.of, 'status', j.status, 'actor', j.actor, 'plan', j.plan, 'state', j.state, 'shown', j.shown, 'attempts', j.attempts,
    'createdAt', floor(extract(epoch from j.created_at) * 1000)::bigint, 'spaceId', (select s.id from public.spaces s where s.space = sp),
    'alive', exists (select from public.spaces s where s.space = sp and s.state = 'active'));
end $$;

-- Whether the holder still has its turn: every step of a job asks in its own transaction, and prolongs the lease. A step is what gets a job further.
create function hold_job(sp int, job text, who text, now_ timestamptz, lease float8) returns boolean
  language plpgsql volatile set search_path = pg_catalog, public, pg_temp as $$
begin
  update public.jobs x set lease_until = now_ + make_interval(secs => lease), attempts = 0
    where x.space = sp and x.id = job and x.holder = who and x.status = 'running';
  return found;
end $$;

-- A step of which only the row knows. p: {space, epoch, job, holder, at, lease, state?, shown?} → {gone} | {held}
create function keep_job(p jsonb) returns jsonb
  language plpgsql volatile set search_path = pg_catalog, public, pg_temp as $$
declare sp constant int := (p->>'space')::int;
begin
  if not bind_life(sp, (p->>'epoch')::int) then return '{"gone": true}'; end if;
  if not hold_job(sp, p->>'job', p->>'holder', (p->>'at')::timestamptz, (p->>'lease')::float8) then return '{"held": false}'; end if;
  update public.jobs x set state = x.state || coalesce(p->'state', '{}'), shown = x.shown || coalesce(p->'shown', '{}') where x.space = sp and x.id = p->>'job';
  return '{"held": true}';
end $$;

-- Ends a job; within a step of its kind, or by end_job.
create function finish_job(sp int, job text, how text, why jsonb, more jsonb, now_ timestamptz) returns void
  language sql volatile set search_path = pg_catalog, public, pg_temp as $$
  update public.jobs x set status = how, error = why, shown = x.shown || coalesce(more, '{}'), finished_at = now_, attempts = 0 where x.space = sp and x.id = job
$$;

-- p: {space, epoch, job, holder, at, status, error?, shown?} → {gone} | {held}
create function end_job(p jsonb) returns jsonb
  language plpgsql volatile set search_path = pg_catalog, public, pg_temp as $$
declare sp constant int := (p->>'space')::int;
begin
  if not bind_life(sp, (p->>'epoch')::int) then return '{"gone": true}'; end if;
  perform from public.jobs x where x.space = sp and x.id = p->>'job' and x.holder = p->>'holder' and x.status = 'running' for update;
  if not found then return '{"held": false}'; end if;
  perform finish_job(sp, p->>'job', p->>'status', nullif(p->'error', 'null'), p->'shown', (p->>'at')::timestamptz);
  return '{"held": true}';
end $$;

-- Gives the turn back. `spared`: something that it needs is away, which is not the job's fault. `closes`: nothing is left to do.
-- p: {space, epoch, job, holder, dueAt, spared, closes} → {gone} | {wake: [{kind, id}]}: who waited for this one's lane
create function release_job(p jsonb) returns jsonb
  language plpgsql volatile set search_path = pg_catalog, public, pg_temp as $$
declare sp constant int := (p->>'space')::int; j public.jobs; next_ jsonb;
begin
  if not bind_life(sp, (p->>'epoch')::int) then return '{"gone": true}'; end if;
  update public.jobs x set holder = null, lease_until = '-infinity', due_at = (p->>'dueAt')::timestamptz, closed = (p->>'closes')::boolean and x.status not in ('queued', 'running'),
      attempts = greatest(0, x.attempts - case when (p->>'spared')::boolean then 1 else 0 end)
    where x.space = sp and x.id = p->>'job' and x.holder = p->>'holder' returning * into j;
  if not found or j.status in ('queued', 'running') then return '{"wake": []}'; end if;
  select jsonb_agg(jsonb_build_object('kind', o.kind, 'id', o.id)) into next_ from (select o.kind, o.id from public.jobs o
    where o.space = sp and o.lane = j.lane and not o.closed and o.status in ('queued', 'running') order by o.started_at is null, o.id limit 1) o;
  return jsonb_build_object('wake', coalesce(next_, '[]'));
end $$;

-- For the sweep: unfinished jobs that are due and of which no message is under way, over all tenants (or those of `spaces`), the first of each
-- lane; and when each space with unfinished jobs has to be looked at next. Ids and times only.
create function rouse_jobs(spaces int[], now_ timestamptz, until_ timestamptz, most int) returns table (space int, epoch int, wake jsonb, look_at timestamptz)
  language plpgsql volatile security definer set search_path = pg_catalog, public, pg_temp as $$
declare sp int; woken jsonb;
begin
  for sp in select distinct j.space from public.jobs j where not j.closed and (spaces is null or j.space = any (spaces)) limit most loop
    with due as (
      update public.jobs j set queued_until = greatest(j.due_at, now_) + interval '2 minutes'
        where j.space = sp and not j.closed and j.due_at <= until_ and j.lease_until <= now_ and j.queued_until <= now_
          and (j.lane is null or j.status not in ('queued', 'running')
            or not exists (select from public.jobs o where o.space = sp and o.lane = j.lane and not o.closed and o.status in ('queued', 'running') and goes_before(o, j)))
        returning j.kind, j.id, greatest(0, ceil(extract(epoch from j.due_at - now_)))::int as delay)
    select coalesce(jsonb_agg(jsonb_build_object('kind', d.kind, 'id', d.id, 'delay', d.delay)), '[]') into woken from due d;
    return query select sp, h.epoch, woken,
        (select min(greatest(j.due_at, j.lease_until, j.queued_until, now_)) from public.jobs j where j.space = sp and not j.closed)
      from public.space_head h where h.space = sp;
  end loop;
end $$;

-- Jobs that ended long ago are forgotten in small steps.
create function forget_jobs(most int) returns int
  language plpgsql volatile security definer set search_path = pg_catalog, public, pg_temp as $$
declare n int;
begin
  delete from public.jobs j using (select o.space, o.id from public.jobs o where o.closed and o.finished_at < now() - interval '30 days' limit most) old
    where j.space = old.space and j.id = old.id;
  get diagnostics n = row_count;
  return n;
end $$;

grant execute on function start_job(int, jsonb), aside_job(int, jsonb), aside_job_cancel(int, jsonb), goes_before(public.jobs, public.jobs), claim_job(jsonb), hold_job(int, text, text, timestamptz, float8),
  keep_job(jsonb), finish_job(int, text, text, jsonb, jsonb, timestamptz), end_job(jsonb), release_job(jsonb), rouse_jobs(int[], timestamptz, timestamptz, int),
  forget_jobs(int) to meridian_app;
