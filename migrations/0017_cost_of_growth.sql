-- What a commit and what follows it cost does not grow with the space. Under row-level security a condition with `coalesce` in it is looked at row by
-- row and bounds no index, and of one bound alone the planner expects a third of the log: each commit read all events of its space. And whoever
-- asks in a join whether some entries are published has all that are read, to be hashed.

-- As in 0011_imports, but for what it tells of the last changes.
create or replace function commit_write(p jsonb) returns jsonb
  language plpgsql volatile set search_path = pg_catalog, public, pg_temp set plan_cache_mode = force_generic_plan as $$
declare
  sp constant int := (p->>'space')::int;
  t constant timestamptz := clock_timestamp();
  head public.space_head; idem record; past record; r record; x jsonb; k bytea; bad jsonb; base bigint; n_ev int; at_ timestamptz; at_ms timestamptz; at_text text; full_body text; recent_from bigint;
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
  -- What the digest may not have heard of yet: the changes after `seen`, of this commit, or of the last 64 positions, at most. Told in variables and
  -- between two bounds: the index is walked from there, however long the log is.
  recent_from := greatest(base + n_ev - greatest(64, n_ev), coalesce((p->>'seen')::bigint, 0));
  return jsonb_build_object('position', base + n_ev, 'first', base + 1, 'at', at_text,
    'recent', coalesce((select jsonb_agg(jsonb_build_object('position', e.position, 'tags', e.tags) order by e.position) from public.events e
      where e.space = sp and e.position > recent_from and e.position <= base + n_ev and e.tags <> '{}'), '[]'::jsonb),
    'recentFrom', recent_from);
end $$;

-- As in 0012_insight: each entry is looked up by itself.
create or replace function effect_insight(sp int, p jsonb) returns jsonb
  language plpgsql volatile set search_path = pg_catalog, public, pg_temp as $$
declare x record; now_ bigint;
begin
  for x in select * from jsonb_to_recordset(p->'entries') as e(id text, type text, version int, position bigint, analyses jsonb) order by e.id loop
    select b.from_pos into now_ from public.published b where b.space = sp and b.id = x.id;
    if x.position is null and now_ is null then delete from public.analyses a where a.space = sp and a.id = x.id;
    end if;
    continue when x.position is null or now_ is distinct from x.position;
    delete from public.analyses a where a.space = sp and a.id = x.id and a.position < x.position
      and not exists (select from jsonb_to_recordset(x.analyses) as l(locale text) where l.locale = a.locale);
    insert into public.analyses as a (space, id, locale, type, version, position, score, checks, analysed_at)
      select sp, x.id, l.locale, x.type, x.version, x.position, l.score, l.checks, (p->>'at')::timestamptz
        from jsonb_to_recordset(x.analyses) as l(locale text, score smallint, checks jsonb) order by l.locale
      on conflict (space, id, locale) do update set type = excluded.type, version = excluded.version, position = excluded.position,
        score = excluded.score, checks = excluded.checks, analysed_at = excluded.analysed_at
        where a.position <= excluded.position;
  end loop;
  return '{}';
end $$;
