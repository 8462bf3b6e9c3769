-- What was found about the text that is published. A read model behind the log, by a subscriber (0007): it takes no position and may be some
-- seconds late; `version` says what was looked at. It holds numbers about an entry and nothing of its text.

create table analyses (
  space int not null, id text collate "C" not null,
  locale text collate "C" not null,         -- the default one always; others where the entry has text of its own in them
  type text collate "C" not null, version int not null,
  position bigint not null,                 -- of the publication that was looked at
  score smallint,                           -- 0 to 100; NULL: there is nothing to be looked at
  checks jsonb not null, analysed_at timestamptz not null,
  primary key (space, id, locale)
) partition by hash (space);

do $$
declare i int;
begin
  for i in 0..7 loop
    execute format('create table %I partition of analyses for values with (modulus 8, remainder %s)', 'analyses_' || i, i);
  end loop;
  alter table analyses enable row level security;
  alter table analyses force row level security;
  create policy own_space on analyses to meridian_app using (space = (select bound_space())) with check (space = (select bound_space()));
  execute format('create policy owner on analyses to %I using (true) with check (true)', current_user);
  grant select, insert, update, delete on analyses to meridian_app;
end $$;

-- p: {at, entries: [{id, position: null} | {id, type, version, position, analyses: [{locale, score, checks}]}]}. `position` is that of the
-- publication that was read, null when nothing was published. What is no longer so is left to the event that made it so.
create function effect_insight(sp int, p jsonb) returns jsonb
  language plpgsql volatile set search_path = pg_catalog, public, pg_temp as $$
begin
  delete from public.analyses a using jsonb_to_recordset(p->'entries') as x(id text, position bigint, analyses jsonb)
    where a.space = sp and a.id = x.id and case when x.position is null
      then not exists (select from public.published b where b.space = sp and b.id = x.id)
      else a.position < x.position and not exists (select from jsonb_to_recordset(x.analyses) as l(locale text) where l.locale = a.locale)
        and exists (select from public.published b where b.space = sp and b.id = x.id and b.from_pos = x.position) end;
  insert into public.analyses as a (space, id, locale, type, version, position, score, checks, analysed_at)
    select sp, x.id, l.locale, x.type, x.version, x.position, l.score, l.checks, (p->>'at')::timestamptz
      from jsonb_to_recordset(p->'entries') as x(id text, type text, version int, position bigint, analyses jsonb)
      cross join lateral jsonb_to_recordset(x.analyses) as l(locale text, score smallint, checks jsonb)
      where x.position is not null and exists (select from public.published b where b.space = sp and b.id = x.id and b.from_pos = x.position)
      order by x.id, l.locale
    on conflict (space, id, locale) do update set type = excluded.type, version = excluded.version, position = excluded.position,
      score = excluded.score, checks = excluded.checks, analysed_at = excluded.analysed_at
      where a.position <= excluded.position;
  return '{}';
end $$;
grant execute on function effect_insight(int, jsonb) to meridian_app;

-- Whoever takes turns runs once a space at a time, and rests between: the end of both stands here. A run that dies leaves a lease that ends by itself.
alter table subscribers add column turn_at timestamptz not null default '-infinity';

-- What was published before there was insight is not gone through: it is looked at when it is published next.
insert into subscribers (space, subscriber, position) select h.space, 'insight', h.position from space_head h on conflict do nothing;

-- Whether there is anything for a subscriber to do at a time.
create function is_behind(sp int, who text, t timestamptz) returns boolean
  language sql stable set search_path = pg_catalog, public, pg_temp as $$
  select exists (select from public.space_head h left join public.subscribers s on s.space = h.space and s.subscriber = who
      where h.space = sp and coalesce(s.position, 0) < h.position and s.stopped_at is null and coalesce(s.retry_at, '-infinity') <= t)
    or exists (select from public.dead_letters d where d.space = sp and d.subscriber = who and d.redriven_at is not null)
$$;

-- p: {space, epoch, subscriber, at, until} → {gone} | {leased}: false when there is nothing to do, somebody is at it, or its rest is not over.
create function lease_subscriber(p jsonb) returns jsonb
  language plpgsql volatile set search_path = pg_catalog, public, pg_temp as $$
declare sp constant int := (p->>'space')::int; who constant text := p->>'subscriber'; t constant timestamptz := (p->>'at')::timestamptz;
begin
  if not bind_life(sp, (p->>'epoch')::int) then return '{"gone": true}'; end if;
  if not is_behind(sp, who, t) then return '{"leased": false}'; end if;
  insert into public.subscribers (space, subscriber) values (sp, who) on conflict do nothing;
  update public.subscribers s set turn_at = (p->>'until')::timestamptz where s.space = sp and s.subscriber = who and s.turn_at <= t;
  return jsonb_build_object('leased', found);
end $$;

-- p: {space, epoch, subscriber, until: of the lease, at, rest: its end} → {gone} | {isBehind, head}
create function rest_subscriber(p jsonb) returns jsonb
  language plpgsql volatile set search_path = pg_catalog, public, pg_temp as $$
declare sp constant int := (p->>'space')::int; who constant text := p->>'subscriber';
begin
  if not bind_life(sp, (p->>'epoch')::int) then return '{"gone": true}'; end if;
  update public.subscribers s set turn_at = (p->>'rest')::timestamptz
    where s.space = sp and s.subscriber = who and s.turn_at = (p->>'until')::timestamptz;
  return jsonb_build_object('isBehind', is_behind(sp, who, (p->>'at')::timestamptz), 'head', (select h.position from public.space_head h where h.space = sp));
end $$;
grant execute on function is_behind(int, text, timestamptz), lease_subscriber(jsonb), rest_subscriber(jsonb) to meridian_app;
