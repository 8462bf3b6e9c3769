-- Imports and checks of schemas, which are jobs (0010_jobs).

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
  perform pg_advisory_xact_lock(8, sp);
  if exists (select from public.jobs j where j.space = sp and j.id = p->>'job') then return '{}'; end if;
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
  -- A refusal gets nobody further: the job is held when something was done.
  perform from public.jobs j where j.space = sp and j.id = jid and j.holder = p->>'holder' and j.status = 'running' for update;
  if not found then return '{"held": false}'; end if;
  select * into c from public.import_chunks x where x.space = sp and x.job = jid and x.n = k for update;
  if not found or (case when one then c.done else c.published end) <> (p->>'seen')::int then return '{"moved": false}'; end if;
  if p ? 'change' then
    done := commit_write(p->'change');
    if done ? 'refused' then return done; end if;
  end if;
  perform hold_job(sp, jid, p->>'holder', (p->>'at')::timestamptz, (p->>'lease')::float8);
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
create function told_import(sp int, told_lane text) returns jsonb
  language sql stable set search_path = pg_catalog, public, pg_temp as $$
  select jsonb_build_object('type', 'ImportCompleted', 'stream', told_lane, 'at', floor(extract(epoch from j.finished_at) * 1000)::bigint, 'data', j.shown)
  from public.jobs j where j.space = sp and j.id = substr(told_lane, 8)
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

-- Checks of schemas: a type with many entries is saved by a job, when all of them were looked at. From the moment in which it begins, what is
-- written satisfies both schemas; so whatever was written before is all that there is to look at.
alter table types add pending jsonb;        -- {job, document}

-- p: as start_job, and {type, revision, document}
create function aside_schema_check(sp int, p jsonb) returns jsonb
  language plpgsql volatile set search_path = pg_catalog, public, pg_temp as $$
declare refused jsonb; found_ int;
begin
  perform pg_advisory_xact_lock(8, sp);
  if exists (select from public.jobs j where j.space = sp and j.id = p->>'job') then return '{}'; end if;
  refused := start_job(sp, p);
  if refused ? 'refused' then return refused; end if;
  -- With the space's lock: every commit is before this or after it.
  perform pg_advisory_xact_lock(7, sp);
  select v.version into found_ from public.streams v where v.space = sp and v.stream = 'type:' || (p->>'type');
  if coalesce(found_, 0) <> (p->>'revision')::int or exists (select from public.types y where y.space = sp and y.type = p->>'type' and y.pending is not null) then
    delete from public.jobs j where j.space = sp and j.id = p->>'job';
    return jsonb_build_object('refused', 'version-conflict', 'at', jsonb_build_array(jsonb_build_object('index', 0, 'stream', 'type:' || (p->>'type'))));
  end if;
  update public.types y set pending = jsonb_build_object('job', p->>'job', 'document', p->'document') where y.space = sp and y.type = p->>'type';
  return '{}';
end $$;

-- The type is saved by its check. p: {space, epoch, job, holder, at, lease, type, change} → {gone} | {held: false} | {refused, …} | {committed}
create function complete_schema_check(p jsonb) returns jsonb
  language plpgsql volatile set search_path = pg_catalog, public, pg_temp as $$
declare sp constant int := (p->>'space')::int; done jsonb;
begin
  if not bind_life(sp, (p->>'epoch')::int) then return '{"gone": true}'; end if;
  perform from public.jobs j where j.space = sp and j.id = p->>'job' and j.holder = p->>'holder' and j.status = 'running' for update;
  if not found then return '{"held": false}'; end if;
  done := commit_write(p->'change');
  if done ? 'refused' then return done; end if;
  update public.types y set pending = null where y.space = sp and y.type = p->>'type' and y.pending->>'job' = p->>'job';
  perform finish_job(sp, p->>'job', 'completed', null, jsonb_build_object('position', done->'position'), (p->>'at')::timestamptz);
  return jsonb_build_object('committed', done);
end $$;

-- However a check has ended, nobody has to satisfy its schema any more. p: {space, epoch, job, type}
create function drop_schema_check(p jsonb) returns jsonb
  language plpgsql volatile set search_path = pg_catalog, public, pg_temp as $$
declare sp constant int := (p->>'space')::int;
begin
  if not bind_life(sp, (p->>'epoch')::int) then return '{"gone": true}'; end if;
  update public.types y set pending = null where y.space = sp and y.type = p->>'type' and y.pending->>'job' = p->>'job';
  return '{}';
end $$;

-- As in 0006_bounds, and: checks of schemas that are under way.
create or replace function commit_refusal(sp int, head public.space_head, p jsonb) returns jsonb
  language plpgsql volatile set search_path = pg_catalog, public, pg_temp set plan_cache_mode = force_generic_plan as $$
declare bad jsonb; before bigint; after bigint;
begin
  if (p #>> '{known,settings}')::bigint < head.settings_pos
    or ((p #>> '{known,keys}')::bigint < head.keys_pos and not exists (select from public.api_keys k
      where k.space = sp and k.id = p #>> '{known,key,id}' and k.position = (p #>> '{known,key,position}')::bigint))
    or ((p #>> '{known,schema}')::bigint < head.schema_pos and (not p ? 'relies' or exists (
      select from jsonb_to_recordset(p->'relies') as x(type text, revision int)
      left join lateral (select y.revision from public.types y where y.space = sp and y.type = x.type offset 0) y on true
      where y.revision is distinct from x.revision))) then
    return jsonb_build_object('refused', 'knowledge-outdated', 'settings', head.settings_pos, 'schema', head.schema_pos, 'keys', head.keys_pos);
  end if;
  -- A check of a type's next schema is under way: what is written meanwhile satisfies that too, or is decided by somebody who does not know of it.
  if exists (select from public.types y where y.space = sp and y.pending is not null) then
    if exists (select from (select distinct x.type from jsonb_to_recordset(p->'entries') as x(type text, change text, draft jsonb, publication jsonb)
                 where x.change = 'changed' and (x.draft is not null or x.publication->>'to' = 'current')) x
               cross join lateral (select y.pending->>'job' as job from public.types y where y.space = sp and y.type = x.type and y.pending is not null offset 0) y
               where not exists (select from jsonb_to_recordset(p->'relies') as r(type text, pending text) where r.type = x.type and r.pending = y.job)) then
      return jsonb_build_object('refused', 'knowledge-outdated', 'settings', head.settings_pos, 'schema', head.schema_pos, 'keys', head.keys_pos);
    end if;
  end if;
  select jsonb_agg(jsonb_build_object('index', x.i, 'stream', x.id, 'expected', x.x, 'found', coalesce(v.version, 0)) order by x.i) into bad
    from jsonb_to_recordset(p->'streams') as x(i int, id text, x int)
    left join lateral (select v.version from public.streams v where v.space = sp and v.stream = x.id offset 0) v on true
    where coalesce(v.version, 0) <> x.x;
  if bad is not null then return jsonb_build_object('refused', 'version-conflict', 'at', bad); end if;
  if (p->>'schemaAt')::bigint < head.schema_pos then
    return jsonb_build_object('refused', 'version-conflict', 'at', jsonb_build_array(jsonb_build_object('index', 0, 'stream', 'types')));
  end if;
  -- What every place that answers must load at once. A type that becomes smaller is let through whatever the others take.
  if p ? 'typesMost' then
    select coalesce(sum(loaded_bytes(y.document, y.shape)), 0) into before from public.types y where y.space = sp;
    select before + coalesce(sum(case when coalesce(x.gone, false) then 0 else loaded_bytes(x.document, x.shape) end - coalesce(y.bytes, 0)), 0) into after
      from jsonb_to_recordset(p->'types') as x(type text, document jsonb, shape jsonb, gone boolean)
      left join lateral (select loaded_bytes(y.document, y.shape) as bytes from public.types y where y.space = sp and y.type = x.type offset 0) y on true;
    if after > greatest(before, (p->>'typesMost')::bigint) then
      return jsonb_build_object('refused', 'types-too-large', 'found', after, 'most', (p->>'typesMost')::bigint);
    end if;
  end if;
  -- A slug is one entry's, over drafts and published versions; an id may not equal another's slug within the type, nor a slug another's id.
  if p ? 'names' then
    select jsonb_agg(jsonb_build_object('index', x.i, 'id', x.id, 'name', y.name, 'takenBy', y.taker) order by x.i) into bad
      from jsonb_to_recordset(p->'names') as x(i int, id text, type text, slug text)
      cross join lateral (
        select x.slug as name, e.id as taker from public.entries e where e.space = sp and e.type = x.type and e.slug = x.slug
        union all select x.slug, q.id from public.published q where q.space = sp and q.type = x.type and q.slug = x.slug
        union all select x.slug, e.id from public.entries e where e.space = sp and e.id = x.slug and e.type = x.type
        union all select x.id, e.id from public.entries e where e.space = sp and e.type = x.type and e.slug = x.id
        union all select x.id, q.id from public.published q where q.space = sp and q.type = x.type and q.slug = x.id offset 0) y
      where y.taker <> x.id;
    if bad is not null then return jsonb_build_object('refused', 'slug-taken', 'at', bad); end if;
  end if;
  if p ? 'needs' then
    select jsonb_agg(jsonb_build_object('index', x.i, 'id', x.id, 'path', x.path, 'type', x.type, 'found', e.type) order by x.i, x.path) into bad
      from jsonb_to_recordset(p->'needs') as x(i int, id text, path text, type text)
      left join lateral (select e.type from public.entries e where e.space = sp and e.id = x.id offset 0) e on true
      where e.type is distinct from x.type;
    if bad is not null then return jsonb_build_object('refused', 'reference-missing', 'at', bad); end if;
  end if;
  if p ? 'unreferenced' then
    select jsonb_agg(jsonb_build_object('index', x.i, 'id', x.id, 'by', f.id)) into bad
      from jsonb_to_recordset(p->'unreferenced') as x(i int, id text)
      cross join lateral (select distinct f.id from public.refs f where f.space = sp and f.target = x.id and f.id <> x.id limit 5 offset 0) f;
    if bad is not null then return jsonb_build_object('refused', 'entry-referenced', 'at', bad); end if;
  end if;
  if p ? 'typeEntries' then
    select jsonb_agg(jsonb_build_object('type', x.type, 'position', e.position, 'entries', e.entries)) into bad
      from jsonb_to_recordset(p->'typeEntries') as x(type text, position bigint, entries bigint)
      cross join lateral (select coalesce((select max(e.position) from public.entries e where e.space = sp and e.type = x.type), 0) as position,
                                 coalesce((select c.drafts from public.type_count c where c.space = sp and c.type = x.type), 0) as entries offset 0) e
      where e.position <> x.position or e.entries <> x.entries;
    if bad is not null then return jsonb_build_object('refused', 'type-entries-changed', 'at', bad); end if;
  end if;
  return null;
end $$;

grant execute on function aside_schema_check(int, jsonb), complete_schema_check(jsonb), drop_schema_check(jsonb) to meridian_app;

-- Entries of ids that no stream was ever of, all at once: there is nothing to end, nothing to replace and nobody to look for. Leaves the same
-- rows as apply_entry does one by one, at a fraction of the time that the space is locked.
create function apply_fresh_entries(sp int, base bigint, at_ timestamptz, fresh jsonb) returns void
  language plpgsql volatile set search_path = pg_catalog, public, pg_temp set plan_cache_mode = force_generic_plan as $$
begin
  insert into public.entries (space, id, type, slug, status, fields, version, published_version, revision, position, created_at, updated_at, published_at, created_by, updated_by)
    select sp, x.id, x.type, x.draft->>'slug', x.status, x.draft->'fields', x.version, x."publishedVersion", x.revision, base + x.n, at_, at_,
           case when x.publication is not null then at_ end, x.actor, x.actor
    from jsonb_to_recordset(fresh) as x(id text, type text, status text, version int, "publishedVersion" int, revision int, n int, actor text, draft jsonb, publication jsonb);
  insert into public.revision (space, id, version, type, slug, fields, position, at, actor)
    select sp, x.id, x.version, x.type, x.draft->>'slug', x.draft->'fields', base + (x.draft->>'n')::int, at_, x.actor
    from jsonb_to_recordset(fresh) as x(id text, type text, version int, actor text, draft jsonb);
  insert into public.refs (space, id, side, path, target, type)
    select sp, x.id, s.side, r.path, r.target, r.type
    from jsonb_to_recordset(fresh) as x(id text, draft jsonb, publication jsonb)
    cross join lateral jsonb_to_recordset(x.draft->'refs') as r(path text, target text, type text)
    cross join (values ('d'::"char"), ('p'::"char")) as s(side) where s.side = 'd' or x.publication is not null on conflict do nothing;
  insert into public.draft_ix
    select r.* from jsonb_to_recordset(fresh) as x(id text, type text, status text, n int, draft jsonb, publication jsonb)
    cross join lateral jsonb_populate_record(null::public.draft_ix, (x.draft->'ix') || jsonb_build_object('space', sp, 'type', x.type, 'id', x.id, 'from_pos', base + x.n, 'slug', x.draft->>'slug',
      'created_at', at_, 'updated_at', at_, 'published_at', case when x.publication is not null then at_ end, 'status', x.status,
      'terms', coalesce((select jsonb_agg(distinct term_token(sp, x.type, t.term)) from jsonb_array_elements_text(x.draft #> '{ix,tokens}') t(term)), '[]'))) r;
  if fresh @? '$[*].publication' then
    insert into public.published (space, id, type, slug, version, from_pos, fields, created_at, updated_at, published_at)
      select sp, x.id, x.type, x.draft->>'slug', x.version, base + (x.publication->>'n')::int, x.draft->'fields', at_, at_, at_
      from jsonb_to_recordset(fresh) as x(id text, type text, version int, draft jsonb, publication jsonb) where x.publication is not null;
    insert into public.published_ix
      select d.space, d.type, d.id, base + (x.publication->>'n')::int, d.slug, d.created_at, d.updated_at, at_,
             d.n1, d.n2, d.n3, d.n4, d.n5, d.n6, d.n7, d.n8, d.t1, d.t2, d.t3, d.t4, d.t5, d.t6, d.t7, d.t8, d.t9, d.t10, d.t11, d.t12, d.t13, d.t14, d.t15, d.t16,
             d.k1, d.k2, d.k3, d.k4, d.terms
      from jsonb_to_recordset(fresh) as x(id text, type text, publication jsonb)
      cross join lateral (select * from public.draft_ix d where d.space = sp and d.type = x.type and d.id = x.id offset 0) d where x.publication is not null;
  end if;
end $$;

-- As in 0002_commit, and: entries that are all new are written at once, and so are streams; a large commit answers all of its own changes.
create or replace function commit_write(p jsonb) returns jsonb
  language plpgsql volatile set search_path = pg_catalog, public, pg_temp set plan_cache_mode = force_generic_plan as $$
declare
  sp constant int := (p->>'space')::int;
  t constant timestamptz := clock_timestamp();
  head public.space_head; idem record; past record; r record; x jsonb; k bytea; bad jsonb; base bigint; n_ev int; at_ timestamptz; at_ms timestamptz; at_text text; full_body text;
begin
  if current_setting('transaction_isolation') <> 'read committed' then
    raise exception 'commit_write needs read committed' using errcode = 'MR001';
  end if;
  perform set_config('app.space', sp::text, true);

  -- 1. The idempotency key: its lock is the lease, its row the truth. A repeated call of ours waits for the first one instead of refusing.
  if p ? 'idem' then
    k := decode(p #>> '{idem,key}', 'hex');
    if coalesce((p->>'again')::boolean, false) then
      perform pg_advisory_xact_lock(hashtextextended(sp || ':' || (p #>> '{idem,key}'), 0));
    elsif not pg_try_advisory_xact_lock(hashtextextended(sp || ':' || (p #>> '{idem,key}'), 0)) then
      return jsonb_build_object('refused', 'request-in-progress');
    end if;
  end if;
  if coalesce((p->>'again')::boolean, false) then
    perform pg_advisory_xact_lock(7, sp);
    select c.first, c.position, c.at into past from public.commits c where c.space = sp and c.id = (p->>'commit')::uuid;
    if found then
      return jsonb_build_object('position', past.position, 'first', past.first, 'again', true,
        'at', to_char(date_trunc('milliseconds', past.at) at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"'));
    end if;
  end if;
  if p ? 'idem' then
    select i.fingerprint, i.status, i.position, i.headers, i.body, i.sealed into idem from public.idempotency i
      where i.space = sp and i.key = k and i.at > t - interval '24 hours';
    if found then
      if idem.fingerprint <> decode(p #>> '{idem,fingerprint}', 'hex') then return jsonb_build_object('refused', 'idempotency-key-reused'); end if;
      return jsonb_build_object('replayed', true, 'status', idem.status, 'position', idem.position, 'headers', idem.headers, 'body', idem.body, 'sealed', idem.sealed);
    end if;
  end if;

  -- 2. The space's lock: from here on this space stands still until we commit.
  perform pg_advisory_xact_lock(7, sp);
  if p ? 'create' then
    insert into public.space_head (space, epoch) values (sp, (p #>> '{create,epoch}')::int) on conflict (space) do nothing;
    if not found then return jsonb_build_object('refused', 'space-exists'); end if;
  end if;
  select * into head from public.space_head h where h.space = sp;
  if not found then return jsonb_build_object('refused', 'space-missing'); end if;

  -- 3. Every refusal, before the first write (a space being created has nothing to refuse).
  bad := commit_refusal(sp, head, p);
  if bad is not null then return bad || jsonb_build_object('position', head.position); end if;

  -- 4. Every write. The time is monotone in position: strictly later than the commit before.
  base := head.position; n_ev := jsonb_array_length(p->'events'); at_ := greatest(clock_timestamp(), head.at + interval '1 microsecond');
  at_ms := date_trunc('milliseconds', at_); at_text := to_char(at_ms at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"');
  update public.space_head h set position = base + n_ev, at = at_, entries = h.entries + coalesce((p->>'entriesDelta')::bigint, 0),
      settings_pos = coalesce(base + (p #>> '{moved,settings}')::int, h.settings_pos),
      schema_pos = coalesce(base + (p #>> '{moved,schema}')::int, h.schema_pos),
      keys_pos = coalesce(base + (p #>> '{moved,keys}')::int, h.keys_pos)
    where h.space = sp and h.position = base;
  if not found then raise exception 'space % moved outside its lock', sp using errcode = '40001'; end if;
  insert into public.events (space, position, stream, version, type, schema, data, meta, at, tags)
    select sp, base + x.n, x.stream, x.version, x.type, x.schema, x.data, p->'meta', at_, array(select jsonb_array_elements_text(x.tags))
    from jsonb_to_recordset(p->'events') as x(n int, stream text, version int, type text, schema smallint, data jsonb, tags jsonb);
  insert into public.streams as v (space, stream, version, draft_version, position)
    select sp, x.id, x.x + x.n, coalesce(x.d, 0), base + n_ev from jsonb_to_recordset(p->'streams') as x(id text, x int, n int, d int)
    on conflict (space, stream) do update set version = excluded.version, position = excluded.position,
      draft_version = case when excluded.draft_version > 0 then excluded.draft_version else v.draft_version end;
  for x in select e.x from jsonb_array_elements(p->'entries') as e(x) where not coalesce((e.x->>'fresh')::boolean, false) loop perform apply_entry(sp, base, at_ms, x); end loop;
  if p @? '$.entries[*] ? (@.fresh == true)' then
    perform apply_fresh_entries(sp, base, at_ms, jsonb_path_query_array(p, '$.entries[*] ? (@.fresh == true)'));
  end if;
  for x in select jsonb_array_elements(p->'reindex') loop perform reindex_entry(sp, x); end loop;
  for r in select * from jsonb_to_recordset(p->'counts') as x(type text, drafts int, published int) loop
    insert into public.type_count as c (space, type, drafts, published) values (sp, r.type, r.drafts, r.published)
      on conflict (space, type) do update set drafts = c.drafts + r.drafts, published = c.published + r.published;
  end loop;
  for r in select * from jsonb_to_recordset(p->'types') as x(type text, revision int, n int, document jsonb, shape jsonb, gone boolean) loop
    if coalesce(r.gone, false) then delete from public.types y where y.space = sp and y.type = r.type;
    else
      insert into public.types as y (space, type, revision, position, document, shape, created_at, updated_at)
        values (sp, r.type, r.revision, base + r.n, r.document, r.shape, at_ms, at_ms)
        on conflict (space, type) do update set revision = excluded.revision, position = excluded.position, document = excluded.document, shape = excluded.shape, updated_at = at_ms;
    end if;
  end loop;
  for r in select * from jsonb_to_recordset(p->'keys') as x(id text, n int, revision int, name text, scopes jsonb, hash text, previous text, "previousUntil" timestamptz, "expiresAt" timestamptz, revoked boolean) loop
    insert into public.api_keys as y (space, id, name, scopes, hash, previous_hash, previous_until, created_at, expires_at, revoked_at, revision, position)
      values (sp, r.id, r.name, array(select jsonb_array_elements_text(r.scopes)), decode(r.hash, 'hex'), decode(r.previous, 'hex'), r."previousUntil", at_ms, r."expiresAt",
              case when r.revoked then at_ms end, r.revision, base + r.n)
      on conflict (space, id) do update set name = excluded.name, scopes = excluded.scopes, hash = excluded.hash, previous_hash = excluded.previous_hash,
        previous_until = excluded.previous_until, expires_at = excluded.expires_at, revoked_at = coalesce(y.revoked_at, excluded.revoked_at), revision = excluded.revision, position = excluded.position;
  end loop;
  if p ? 'settings' then
    insert into public.spaces as s (space, id, state, settings, revision, created_at, updated_at)
      values (sp, p #>> '{settings,id}', p #>> '{settings,state}', p #> '{settings,document}', (p #>> '{settings,revision}')::int, at_ms, at_ms)
      on conflict (space) do update set state = excluded.state, settings = excluded.settings, revision = excluded.revision, updated_at = at_ms;
  end if;
  insert into public.commits (space, id, first, position, at) values (sp, (p->>'commit')::uuid, base + 1, base + n_ev, at_);
  if p ? 'idem' then
    full_body := replace(replace(p #>> '{idem,body}', p #>> '{placeholders,at}', at_text), p #>> '{placeholders,position}', (base + n_ev)::text);
    insert into public.idempotency as i (space, key, fingerprint, status, position, headers, body, sealed, at)
      values (sp, k, decode(p #>> '{idem,fingerprint}', 'hex'), (p #>> '{idem,status}')::smallint, base + n_ev, p #> '{idem,headers}', full_body, p #>> '{idem,sealed}', t)
      on conflict (space, key) do update set fingerprint = excluded.fingerprint, status = excluded.status, position = excluded.position,
        headers = excluded.headers, body = excluded.body, sealed = excluded.sealed, at = excluded.at;
  end if;
  return jsonb_build_object('position', base + n_ev, 'first', base + 1, 'at', at_text,
    -- what the digest may not have heard of yet: the changes after `seen`, of this commit, or of the last 64 positions, at most
    'recent', coalesce((select jsonb_agg(jsonb_build_object('position', e.position, 'tags', e.tags) order by e.position) from public.events e
      where e.space = sp and e.position > greatest(base + n_ev - greatest(64, n_ev), coalesce((p->>'seen')::bigint, 0)) and e.tags <> '{}'), '[]'::jsonb),
    'recentFrom', greatest(base + n_ev - greatest(64, n_ev), coalesce((p->>'seen')::bigint, 0)));
end $$;

grant execute on function apply_fresh_entries(int, bigint, timestamptz, jsonb) to meridian_app;
