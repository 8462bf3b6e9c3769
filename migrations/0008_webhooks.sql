-- Webhooks: endpoints, what they are told, and the attempts to tell them. An endpoint is an inline read model of the stream webhook:<id>.
-- It follows by a trigger and not inside commit_write, which then need not know of every context: a row is its events and nothing else.
-- Lock order everywhere: the endpoint's row of webhook_state, then deliveries. It is what makes "the oldest of its lane" a question with
-- one answer: while it is held, nobody adds to the endpoint's lanes and nobody finishes in them.

create table webhooks (
  space int not null, id text collate "C" not null, url text not null, events text[] not null, types text[], description text,
  enabled boolean not null, disabled_reason text,
  secret text not null, previous_secret text, previous_until timestamptz,   -- sealed
  from_pos bigint not null,                 -- since when it is told: the event that made or enabled it; deliveries carry it
  created_at timestamptz not null, updated_at timestamptz not null, revision int not null, position bigint not null,
  primary key (space, id)
) partition by hash (space);

-- How an endpoint fares. Not part of the log: attempts take no position.
create table webhook_state (
  space int not null, webhook text collate "C" not null,
  failures int not null default 0,          -- in a row
  failing_since timestamptz, open_until timestamptz not null default '-infinity',   -- its breaker
  primary key (space, webhook)
) partition by hash (space);

create table deliveries (
  space int not null, id text collate "C" not null, webhook text collate "C" not null,
  generation bigint not null,               -- the endpoint's from_pos when it was made: another one means it was disabled since
  replay text collate "C" not null default '',
  lane text collate "C" not null, position bigint not null, event text not null,
  state text not null check (state in ('pending', 'delivered', 'failed', 'cancelled')), attempts int not null default 0,
  created_at timestamptz not null, visible_at timestamptz not null,
  due_at timestamptz not null,              -- infinity: an older one of its lane is unfinished
  queued_until timestamptz not null default '-infinity',   -- a message for it is under way
  holder text, lease_until timestamptz not null default '-infinity', finished_at timestamptz,
  primary key (space, id)
) partition by hash (space);
create unique index deliveries_once on deliveries (space, webhook, replay, position) where event <> 'webhook.test';
create index deliveries_lane on deliveries (space, webhook, replay, lane, position) where state = 'pending';
create index deliveries_due on deliveries (space, webhook, due_at) where state = 'pending';
create index deliveries_list on deliveries (space, webhook, id);
create index deliveries_old on deliveries (finished_at) where state <> 'pending';

create table delivery_attempts (
  space int not null, delivery text collate "C" not null, n int not null, at timestamptz not null, took_ms int not null,
  status int, error text, request jsonb not null, response jsonb,
  primary key (space, delivery, n)
) partition by hash (space);

create table webhook_replays (
  space int not null, id text collate "C" not null, webhook text collate "C" not null, from_pos bigint not null, to_pos bigint not null,
  reached bigint not null,                  -- events up to here have their deliveries
  cancelled_at timestamptz, created_at timestamptz not null, started_at timestamptz,
  primary key (space, id)
) partition by hash (space);

do $$
declare t text; i int;
begin
  foreach t in array array['webhooks', 'webhook_state', 'deliveries', 'delivery_attempts', 'webhook_replays'] loop
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

create function follow_webhook() returns trigger
  language plpgsql set search_path = pg_catalog, public, pg_temp as $$
declare
  sp constant int := new.space; wid constant text := substr(new.stream, 9); d constant jsonb := new.data;
  at_ms constant timestamptz := date_trunc('milliseconds', new.at);
begin
  case new.type
    when 'WebhookCreated' then
      insert into public.webhooks (space, id, url, events, types, description, enabled, disabled_reason, secret, from_pos, created_at, updated_at, revision, position)
        values (sp, wid, d->>'url', array(select jsonb_array_elements_text(d->'events')),
          case when jsonb_typeof(d->'types') = 'array' then array(select jsonb_array_elements_text(d->'types')) end,
          d->>'description', (d->>'enabled')::boolean, null, d->>'secret', new.position, at_ms, at_ms, new.version, new.position);
      insert into public.webhook_state (space, webhook) values (sp, wid);
    when 'WebhookChanged' then
      update public.webhooks w set url = d->>'url', events = array(select jsonb_array_elements_text(d->'events')),
          types = case when jsonb_typeof(d->'types') = 'array' then array(select jsonb_array_elements_text(d->'types')) end,
          description = d->>'description', enabled = (d->>'enabled')::boolean,
          disabled_reason = case when (d->>'enabled')::boolean = w.enabled then w.disabled_reason end,
          from_pos = case when (d->>'enabled')::boolean and not w.enabled then new.position else w.from_pos end,
          updated_at = at_ms, revision = new.version, position = new.position
        where w.space = sp and w.id = wid;
      update public.webhook_state s set failures = 0, failing_since = null, open_until = '-infinity'
        where s.space = sp and s.webhook = wid and (d->>'enabled')::boolean
          and exists (select from public.webhooks w where w.space = sp and w.id = wid and w.from_pos = new.position);
    when 'WebhookDisabled' then
      update public.webhooks w set enabled = false, disabled_reason = d->>'reason', updated_at = at_ms, revision = new.version, position = new.position
        where w.space = sp and w.id = wid;
    when 'WebhookSecretRotated' then
      update public.webhooks w set secret = d->>'secret', previous_secret = d->>'previous', previous_until = (d->>'previousUntil')::timestamptz,
          updated_at = at_ms, revision = new.version, position = new.position
        where w.space = sp and w.id = wid;
    when 'WebhookDeleted' then
      delete from public.webhooks w where w.space = sp and w.id = wid;
      delete from public.webhook_state s where s.space = sp and s.webhook = wid;
    else raise exception 'unknown event % of %', new.type, new.stream;
  end case;
  return null;
end $$;
create trigger follow_webhook after insert on events for each row when (new.stream like 'webhook:%') execute function follow_webhook();

-- Sorts by time of making.
create function delivery_id() returns text language sql volatile set search_path = pg_catalog, public, pg_temp as $$
  select lpad(to_hex(floor(extract(epoch from clock_timestamp()) * 1000)::bigint), 12, '0') || substr(md5(random()::text || clock_timestamp()::text), 1, 12)
$$;

-- Deliveries that a message should wake: the first of their lanes, due before `until`, not under way, at most `most` an endpoint.
-- Marks them as under way, because a queue may be slow.
create function wake_deliveries(sp int, whose text[], now_ timestamptz, until_ timestamptz, most int) returns jsonb
  language plpgsql volatile set search_path = pg_catalog, public, pg_temp as $$
declare out_ jsonb;
begin
  with woken as (
    update public.deliveries d set queued_until = greatest(d.due_at, now_) + interval '2 minutes'
      from unnest(whose) as e(webhook) cross join lateral (
        select x.id from public.deliveries x where x.space = sp and x.webhook = e.webhook and x.state = 'pending' and x.due_at <= until_
          and x.queued_until <= now_ and x.lease_until <= now_ order by x.due_at, x.position limit most offset 0) h
      where d.space = sp and d.id = h.id
      returning d.id, greatest(0, ceil(extract(epoch from d.due_at - now_)))::int as delay)
  select coalesce(jsonb_agg(jsonb_build_object('id', w.id, 'delay', w.delay)), '[]') into out_ from woken w;
  return out_;
end $$;

-- Makes deliveries of events. p: {at, visibleAt, wakeUntil, wake, events: [{position, event, instead?, type?, lane}], replay?, webhook?}
-- `instead`: what the event is called for those who do not ask for `event`. → deliveries to wake
create function effect_webhooks(sp int, p jsonb) returns jsonb
  language plpgsql volatile set search_path = pg_catalog, public, pg_temp as $$
declare
  now_ constant timestamptz := (p->>'at')::timestamptz; seen_at constant timestamptz := (p->>'visibleAt')::timestamptz;
  rep constant text := coalesce(p->>'replay', ''); whose text[];
begin
  select array_agg(w.id order by w.id) into whose from public.webhooks w
    where w.space = sp and w.enabled and (not p ? 'webhook' or w.id = p->>'webhook')
      and exists (select from jsonb_to_recordset(p->'events') as x(position bigint, event text, instead text, type text)
        where (rep <> '' or x.position > w.from_pos) and (x.event = any (w.events) or x.instead = any (w.events)) and (w.types is null or x.type is null or x.type = any (w.types)));
  if whose is null then return '[]'; end if;
  perform from public.webhook_state s where s.space = sp and s.webhook = any (whose) order by s.webhook for update;
  insert into public.deliveries (space, id, webhook, generation, replay, lane, position, event, state, created_at, visible_at, due_at)
    select sp, delivery_id(), w.id, w.from_pos, rep, x.lane, x.position, case when x.event = any (w.events) then x.event else x.instead end,
           'pending', now_, seen_at,
           case when row_number() over (partition by w.id, x.lane order by x.position) > 1 then 'infinity'
                when exists (select from public.deliveries o where o.space = sp and o.webhook = w.id and o.replay = rep and o.lane = x.lane and o.state = 'pending') then 'infinity'
                else seen_at end
    from public.webhooks w cross join jsonb_to_recordset(p->'events') as x(position bigint, event text, instead text, type text, lane text)
    where w.space = sp and w.id = any (whose) and w.enabled
      and (rep <> '' or x.position > w.from_pos) and (x.event = any (w.events) or x.instead = any (w.events)) and (w.types is null or x.type is null or x.type = any (w.types))
    order by w.id, x.position
    on conflict do nothing;
  return wake_deliveries(sp, whose, now_, (p->>'wakeUntil')::timestamptz, (p->>'wake')::int);
end $$;

-- An event as it is told: its own data without content, and the entry as the event left it. The revision table keeps every draft.
create function told_event(sp int, pos bigint) returns jsonb
  language plpgsql stable set search_path = pg_catalog, public, pg_temp set plan_cache_mode = force_generic_plan as $$
declare e public.events; eid text; r record; born record; shown record; before_ record; out_ jsonb;
begin
  select * into e from public.events x where x.space = sp and x.position = pos;
  if not found then return null; end if;
  out_ := jsonb_build_object('type', e.type, 'stream', e.stream, 'schema', e.schema, 'at', floor(extract(epoch from e.at) * 1000)::bigint,
    'data', e.data - 'fields' - 'document' - 'shape' - 'secret' - 'previous');
  if e.stream not like 'entry:%' then return out_; end if;
  eid := substr(e.stream, 7);
  select v.version, v.type, v.slug, v.fields, v.actor, floor(extract(epoch from v.at) * 1000)::bigint as at into r
    from public.revision v where v.space = sp and v.id = eid and v.position <= pos order by v.version desc limit 1;
  select x.meta->>'actor' as actor, floor(extract(epoch from x.at) * 1000)::bigint as at into born from public.events x
    where x.space = sp and x.stream = e.stream and x.version <= e.version and x.type = 'EntryCreated' order by x.version desc limit 1;
  select x.type, (x.data->>'version')::int as version, floor(extract(epoch from x.at) * 1000)::bigint as at into shown from public.events x
    where x.space = sp and x.stream = e.stream and x.version <= e.version and x.type <> 'EntryUpdated' order by x.version desc limit 1;
  select x.type, (x.data->>'version')::int as version into before_ from public.events x
    where x.space = sp and x.stream = e.stream and x.version < e.version and x.type <> 'EntryUpdated' order by x.version desc limit 1;
  return out_ || jsonb_build_object('draft', to_jsonb(r), 'born', to_jsonb(born), 'shown', to_jsonb(shown), 'before', to_jsonb(before_));
end $$;

-- Ends a delivery and makes the next of its lane due, in one transaction. The endpoint's row is held by the caller.
create function end_delivery(d public.deliveries, how text, now_ timestamptz) returns void
  language plpgsql volatile set search_path = pg_catalog, public, pg_temp as $$
begin
  update public.deliveries x set state = how, finished_at = now_, holder = null, lease_until = '-infinity', due_at = 'infinity'
    where x.space = d.space and x.id = d.id;
  update public.deliveries x set due_at = greatest(x.visible_at, now_)
    where x.space = d.space and x.id = (select o.id from public.deliveries o where o.space = d.space and o.webhook = d.webhook and o.replay = d.replay
      and o.lane = d.lane and o.state = 'pending' order by o.position, o.id limit 1) and x.due_at = 'infinity';
end $$;

-- The right to make one attempt, for `lease` seconds. p: {space, epoch, delivery, holder, at, lease, slots, most, wakeUntil, wake}
-- → {gone} | {skip: why, after?: seconds, wake?} | {delivery, webhook, …}
create function claim_delivery(p jsonb) returns jsonb
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
  if d.event <> 'webhook.test' then told := told_event(sp, d.position); end if;
  return jsonb_build_object('delivery', d.id, 'webhook', w.id, 'event', d.event, 'position', d.position, 'replay', d.replay <> '', 'attempt', d.attempts + 1,
    'url', w.url, 'secret', w.secret, 'previousSecret', case when w.previous_until > now_ then w.previous_secret end, 'createdAt', floor(extract(epoch from d.created_at) * 1000)::bigint,
    'space', (select x.id from public.spaces x where x.space = sp), 'told', told);
end $$;

-- p: {space, epoch, delivery, holder, at, ok, final, retryAt, most, weight, took, status, error, request, response, wakeUntil, wake, breakAfter, openFor: [seconds], keepFailing: seconds}
-- → {gone} | {late: true} (the lease was over and somebody else has it) | {state, failing, webhook, wake}
create function finish_delivery(p jsonb) returns jsonb
  language plpgsql volatile set search_path = pg_catalog, public, pg_temp as $$
declare
  sp constant int := (p->>'space')::int; now_ constant timestamptz := (p->>'at')::timestamptz; whose text; well constant boolean := (p->>'ok')::boolean;
  d public.deliveries; s public.webhook_state; ended text := 'pending'; fails int; breaks int;
begin
  if not bind_life(sp, (p->>'epoch')::int) then return '{"gone": true}'; end if;
  select x.webhook into whose from public.deliveries x where x.space = sp and x.id = p->>'delivery';
  if not found then return '{"gone": true}'; end if;
  select * into s from public.webhook_state x where x.space = sp and x.webhook = whose for update;
  select * into d from public.deliveries x where x.space = sp and x.id = p->>'delivery' for update;
  if d.state <> 'pending' or d.holder is distinct from p->>'holder' then return '{"late": true}'; end if;
  insert into public.delivery_attempts (space, delivery, n, at, took_ms, status, error, request, response)
    values (sp, d.id, d.attempts, now_, (p->>'took')::int, (p->>'status')::int, p->>'error', p->'request', nullif(p->'response', 'null')) on conflict do nothing;
  if well then
    ended := 'delivered';
    update public.webhook_state x set failures = 0, failing_since = null, open_until = '-infinity'
      where x.space = sp and x.webhook = whose and (x.failures > 0 or x.failing_since is not null);
    s.failing_since := null;
  else
    if (p->>'final')::boolean or d.attempts >= (p->>'most')::int then ended := 'failed'; end if;
    fails := s.failures + (p->>'weight')::int;
    breaks := fails / (p->>'breakAfter')::int;
    s.failing_since := coalesce(s.failing_since, now_);
    update public.webhook_state x set failures = fails, failing_since = s.failing_since,
        open_until = case when breaks > 0 then now_ + make_interval(secs => (p->'openFor'->>least(breaks - 1, jsonb_array_length(p->'openFor') - 1))::float8) else x.open_until end
      where x.space = sp and x.webhook = whose;
  end if;
  if ended = 'pending' then
    update public.deliveries x set due_at = (p->>'retryAt')::timestamptz, holder = null, lease_until = '-infinity', queued_until = '-infinity'
      where x.space = sp and x.id = d.id;
  else perform end_delivery(d, ended, now_); end if;
  return jsonb_build_object('state', ended, 'failing', not well and s.failing_since <= now_ - make_interval(secs => (p->>'keepFailing')::float8),
    'webhook', whose, 'wake', wake_deliveries(sp, array[whose], now_, (p->>'wakeUntil')::timestamptz, (p->>'wake')::int));
end $$;

-- The next chunk of a replay. p: {space, epoch, replay, seen, to, at, effect?} → {gone} | {moved: false} | {moved: true, effect}
create function advance_replay(p jsonb) returns jsonb
  language plpgsql volatile set search_path = pg_catalog, public, pg_temp as $$
declare sp constant int := (p->>'space')::int; done jsonb := 'null';
begin
  if not bind_life(sp, (p->>'epoch')::int) then return '{"gone": true}'; end if;
  update public.webhook_replays r set reached = (p->>'to')::bigint, started_at = coalesce(r.started_at, (p->>'at')::timestamptz)
    where r.space = sp and r.id = p->>'replay' and r.reached = (p->>'seen')::bigint and r.cancelled_at is null;
  if not found then return '{"moved": false}'; end if;
  if p ? 'effect' then done := effect_webhooks(sp, p->'effect'); end if;
  return jsonb_build_object('moved', true, 'effect', done);
end $$;

-- A message of its own, not part of the log. p: {webhook, delivery, head, at, wakeUntil}
create function aside_webhook_test(sp int, p jsonb) returns jsonb
  language plpgsql volatile set search_path = pg_catalog, public, pg_temp as $$
declare w public.webhooks; now_ constant timestamptz := (p->>'at')::timestamptz;
begin
  select * into w from public.webhooks x where x.space = sp and x.id = p->>'webhook';
  if not found then return '{"refused": "webhook-missing"}'; end if;
  if not w.enabled then return '{"refused": "webhook-disabled"}'; end if;
  insert into public.deliveries (space, id, webhook, generation, lane, position, event, state, created_at, visible_at, due_at)
    values (sp, p->>'delivery', w.id, w.from_pos, 'test:' || (p->>'delivery'), (p->>'head')::bigint, 'webhook.test', 'pending', now_, now_, now_) on conflict do nothing;
  return '{}';
end $$;

create function aside_webhook_replay(sp int, p jsonb) returns jsonb
  language plpgsql volatile set search_path = pg_catalog, public, pg_temp as $$
declare w public.webhooks; last_ bigint := coalesce((p->>'toPosition')::bigint, (p->>'head')::bigint);
begin
  select * into w from public.webhooks x where x.space = sp and x.id = p->>'webhook';
  if not found then return '{"refused": "webhook-missing"}'; end if;
  if not w.enabled then return '{"refused": "webhook-disabled"}'; end if;
  if last_ > (p->>'head')::bigint or (p->>'fromPosition')::bigint > last_ then return '{"refused": "replay-range"}'; end if;
  insert into public.webhook_replays (space, id, webhook, from_pos, to_pos, reached, created_at)
    values (sp, p->>'replay', w.id, (p->>'fromPosition')::bigint, last_, (p->>'fromPosition')::bigint - 1, (p->>'at')::timestamptz) on conflict do nothing;
  return '{}';
end $$;

create function aside_webhook_replay_cancel(sp int, p jsonb) returns jsonb
  language plpgsql volatile set search_path = pg_catalog, public, pg_temp as $$
begin
  update public.webhook_replays r set cancelled_at = coalesce(r.cancelled_at, (p->>'at')::timestamptz)
    where r.space = sp and r.id = p->>'replay' and r.webhook = p->>'webhook';
  if not found then return '{"refused": "job-missing"}'; end if;
  return '{}';
end $$;

-- For the sweep: what is due before `until_`, over all tenants (or those of `spaces`), marked as under way; and when each space with unfinished
-- deliveries has to be looked at next. Ids and times only. `replay`: one that has events left.
create function rouse_deliveries(spaces int[], now_ timestamptz, until_ timestamptz, most int) returns table (space int, epoch int, wake jsonb, replay text, look_at timestamptz)
  language plpgsql volatile security definer set search_path = pg_catalog, public, pg_temp as $$
declare sp int; whose text[];
begin
  for sp, whose in
    select o.space, array_agg(distinct o.webhook) from public.deliveries o
      where o.state = 'pending' and (spaces is null or o.space = any (spaces)) group by o.space limit most
  loop
    return query select sp, h.epoch, wake_deliveries(sp, whose, now_, until_, 50), null::text,
        (select min(greatest(x.due_at, x.lease_until, x.queued_until)) from public.deliveries x where x.space = sp and x.state = 'pending')
      from public.space_head h where h.space = sp;
  end loop;
  return query select r.space, h.epoch, '[]'::jsonb, r.id, now_ from public.webhook_replays r join public.space_head h on h.space = r.space
    where (spaces is null or r.space = any (spaces)) and r.reached < r.to_pos and r.cancelled_at is null;
end $$;

-- Deliveries that ended long ago are forgotten in small steps, with their attempts, and replays after them.
create function forget_deliveries(most int) returns int
  language plpgsql volatile security definer set search_path = pg_catalog, public, pg_temp as $$
declare n int; older constant timestamptz := now() - interval '30 days';
begin
  with old as (select d.space, d.id from public.deliveries d where d.state <> 'pending' and d.finished_at < older limit most),
       gone as (delete from public.delivery_attempts a using old o where a.space = o.space and a.delivery = o.id)
  delete from public.deliveries d using old o where d.space = o.space and d.id = o.id;
  get diagnostics n = row_count;
  delete from public.webhook_replays r where r.created_at < older and (r.reached >= r.to_pos or r.cancelled_at is not null);
  return n;
end $$;

grant execute on function follow_webhook(), delivery_id(), wake_deliveries(int, text[], timestamptz, timestamptz, int), effect_webhooks(int, jsonb), told_event(int, bigint),
  end_delivery(public.deliveries, text, timestamptz), claim_delivery(jsonb), finish_delivery(jsonb), advance_replay(jsonb), aside_webhook_test(int, jsonb),
  aside_webhook_replay(int, jsonb), aside_webhook_replay_cancel(int, jsonb), rouse_deliveries(int[], timestamptz, timestamptz, int), forget_deliveries(int) to meridian_app;
