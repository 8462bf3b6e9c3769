-- The one way in: every write is one call of commit_write(jsonb), one statement, READ COMMITTED, on the primary.
-- Order inside: bind the space → idempotency key (lock, replay) → the space's lock → every check → every write. Refusals return
-- as data before the first write. Each statement inside takes its own snapshot, so what follows the lock sees what the lock waited
-- for: never mark these functions STABLE, never call them under REPEATABLE READ.
-- Advisory locks: (7, space) orders the space; the bigint form is the idempotency key's. Both die with the transaction.

-- Writes the sort row of one draft. Slots that the type does not use arrive absent and stay NULL.
create function put_draft_row(sp int, pos bigint, x jsonb, ix jsonb) returns void
  language plpgsql volatile set search_path = pg_catalog, public, pg_temp as $$
declare slots public.draft_ix;
begin
  delete from public.draft_ix d where d.space = sp and d.type = x->>'type' and d.id = x->>'id';
  slots := jsonb_populate_record(null::public.draft_ix, ix);
  select sp, e.type, e.id, pos, e.slug, e.created_at, e.updated_at, e.published_at, e.status,
         coalesce((select array_agg(distinct term_token(sp, e.type, t.term)) from jsonb_array_elements_text(ix->'tokens') t(term)), '{}')
    into slots.space, slots.type, slots.id, slots.from_pos, slots.slug, slots.created_at, slots.updated_at, slots.published_at, slots.status, slots.terms
    from public.entries e where e.space = sp and e.id = x->>'id';
  insert into public.draft_ix select slots.*;
end $$;

-- Ends the current published version at `pos`: the sort row moves to the past.
create function close_published(sp int, entry text, pos bigint) returns void
  language plpgsql volatile set search_path = pg_catalog, public, pg_temp as $$
begin
  insert into public.published_past
    select i.*, p.version, pos from public.published p join public.published_ix i on i.space = sp and i.type = p.type and i.id = p.id
    where p.space = sp and p.id = entry;
  delete from public.published_ix i using public.published p where p.space = sp and p.id = entry and i.space = sp and i.type = p.type and i.id = entry;
end $$;

-- One entry of a commit: `x` says what happened to it; see EntryChange in src/platform/event-log/commit.ts.
create function apply_entry(sp int, base bigint, at_ timestamptz, x jsonb) returns void
  language plpgsql volatile set search_path = pg_catalog, public, pg_temp set plan_cache_mode = force_generic_plan as $$
declare
  eid constant text := x->>'id'; etype constant text := x->>'type'; pos constant bigint := base + (x->>'n')::int;
  act constant text := x->>'actor';
begin
  if x->>'change' = 'deleted' then
    perform close_published(sp, eid, pos);
    delete from public.published p where p.space = sp and p.id = eid;
    delete from public.entries e where e.space = sp and e.id = eid;
    delete from public.draft_ix d where d.space = sp and d.type = etype and d.id = eid;
    delete from public.refs f where f.space = sp and f.id = eid;
    return;
  end if;
  if x ? 'draft' then
    insert into public.entries as e (space, id, type, slug, status, fields, version, published_version, revision, position, created_at, updated_at, created_by, updated_by)
      values (sp, eid, etype, x #>> '{draft,slug}', x->>'status', x #> '{draft,fields}', (x->>'version')::int, (x->>'publishedVersion')::int, (x->>'revision')::int, pos, at_, at_, act, act)
      on conflict (space, id) do update set slug = excluded.slug, status = excluded.status, fields = excluded.fields, version = excluded.version,
        published_version = excluded.published_version, revision = excluded.revision, position = excluded.position, updated_at = at_, updated_by = act;
    insert into public.revision (space, id, version, type, slug, fields, position, at, actor)
      values (sp, eid, (x->>'version')::int, etype, x #>> '{draft,slug}', x #> '{draft,fields}', base + (x #>> '{draft,n}')::int, at_, act);
    delete from public.refs f where f.space = sp and f.id = eid and f.side = 'd';
    insert into public.refs (space, id, side, path, target, type)
      select sp, eid, 'd', r.path, r.target, r.type from jsonb_to_recordset(x #> '{draft,refs}') as r(path text, target text, type text) on conflict do nothing;
  else
    update public.entries e set status = x->>'status', published_version = (x->>'publishedVersion')::int, revision = (x->>'revision')::int, position = pos
      where e.space = sp and e.id = eid;
  end if;
  if x ? 'publication' then
    perform close_published(sp, eid, base + (x #>> '{publication,n}')::int);
    if x #>> '{publication,to}' = 'nothing' then
      delete from public.published p where p.space = sp and p.id = eid;
      delete from public.refs f where f.space = sp and f.id = eid and f.side = 'p';
      update public.entries e set published_at = null where e.space = sp and e.id = eid;
    else
      update public.entries e set published_at = at_ where e.space = sp and e.id = eid;
      insert into public.published as p (space, id, type, slug, version, from_pos, fields, created_at, updated_at, published_at)
        select sp, e.id, e.type, e.slug, e.version, base + (x #>> '{publication,n}')::int, e.fields, e.created_at, e.updated_at, at_ from public.entries e where e.space = sp and e.id = eid
        on conflict (space, id) do update set slug = excluded.slug, version = excluded.version, from_pos = excluded.from_pos, fields = excluded.fields,
          updated_at = excluded.updated_at, published_at = at_;
      delete from public.refs f where f.space = sp and f.id = eid and f.side = 'p';
      insert into public.refs (space, id, side, path, target, type)
        select sp, eid, 'p', f.path, f.target, f.type from public.refs f where f.space = sp and f.id = eid and f.side = 'd';
    end if;
  end if;
  if x #> '{draft,ix}' is not null then
    perform put_draft_row(sp, pos, x, x #> '{draft,ix}');
  else
    update public.draft_ix d set status = e.status, published_at = e.published_at, from_pos = pos
      from public.entries e where e.space = sp and e.id = eid and d.space = sp and d.type = etype and d.id = eid;
  end if;
  if x #>> '{publication,to}' = 'current' then
    insert into public.published_ix
      select d.space, d.type, d.id, base + (x #>> '{publication,n}')::int, d.slug, d.created_at, d.updated_at, at_,
             d.n1, d.n2, d.n3, d.n4, d.n5, d.n6, d.n7, d.n8, d.t1, d.t2, d.t3, d.t4, d.t5, d.t6, d.t7, d.t8, d.t9, d.t10, d.t11, d.t12, d.t13, d.t14, d.t15, d.t16,
             d.k1, d.k2, d.k3, d.k4, d.terms
      from public.draft_ix d where d.space = sp and d.type = etype and d.id = eid;
  end if;
end $$;

-- New sort rows for an entry whose type changed its slots; no event, no position: the type's event stands for all.
create function reindex_entry(sp int, x jsonb) returns void
  language plpgsql volatile set search_path = pg_catalog, public, pg_temp as $$
declare slots public.published_ix; pos bigint;
begin
  if x ? 'draft' then
    select d.from_pos into pos from public.draft_ix d where d.space = sp and d.type = x->>'type' and d.id = x->>'id';
    perform put_draft_row(sp, pos, x, x->'draft');
  end if;
  if x ? 'published' then
    slots := jsonb_populate_record(null::public.published_ix, x->'published');
    select i.space, i.type, i.id, i.from_pos, i.slug, i.created_at, i.updated_at, i.published_at,
           coalesce((select array_agg(distinct term_token(sp, i.type, t.term)) from jsonb_array_elements_text(x #> '{published,tokens}') t(term)), '{}')
      into slots.space, slots.type, slots.id, slots.from_pos, slots.slug, slots.created_at, slots.updated_at, slots.published_at, slots.terms
      from public.published_ix i where i.space = sp and i.type = x->>'type' and i.id = x->>'id';
    if not found then return; end if;
    delete from public.published_ix i where i.space = sp and i.type = x->>'type' and i.id = x->>'id';
    insert into public.published_ix select slots.*;
  end if;
  if x ? 'refs' then
    delete from public.refs f where f.space = sp and f.id = x->>'id';
    insert into public.refs (space, id, side, path, target, type)
      select sp, x->>'id', r.side, r.path, r.target, r.type from jsonb_to_recordset(x->'refs') as r(side "char", path text, target text, type text) on conflict do nothing;
  end if;
end $$;

-- Everything that the decision relied on, looked at again under the lock. NULL: nothing stands in the way.
create function commit_refusal(sp int, head public.space_head, p jsonb) returns jsonb
  language plpgsql volatile set search_path = pg_catalog, public, pg_temp set plan_cache_mode = force_generic_plan as $$
declare bad jsonb;
begin
  if (p #>> '{known,settings}')::bigint < head.settings_pos or (p #>> '{known,schema}')::bigint < head.schema_pos or (p #>> '{known,keys}')::bigint < head.keys_pos then
    return jsonb_build_object('refused', 'knowledge-outdated', 'settings', head.settings_pos, 'schema', head.schema_pos, 'keys', head.keys_pos);
  end if;
  select jsonb_agg(jsonb_build_object('index', x.i, 'stream', x.id, 'expected', x.x, 'found', coalesce(v.version, 0)) order by x.i) into bad
    from jsonb_to_recordset(p->'streams') as x(i int, id text, x int)
    left join lateral (select v.version from public.streams v where v.space = sp and v.stream = x.id offset 0) v on true
    where coalesce(v.version, 0) <> x.x;
  if bad is not null then return jsonb_build_object('refused', 'version-conflict', 'at', bad); end if;
  if (p->>'schemaAt')::bigint < head.schema_pos then
    return jsonb_build_object('refused', 'version-conflict', 'at', jsonb_build_array(jsonb_build_object('index', 0, 'stream', 'types')));
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

create function commit_write(p jsonb) returns jsonb
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
  for r in select * from jsonb_to_recordset(p->'streams') as x(id text, x int, n int, d int) loop
    insert into public.streams as v (space, stream, version, draft_version, position) values (sp, r.id, r.x + r.n, coalesce(r.d, 0), base + n_ev)
      on conflict (space, stream) do update set version = excluded.version, draft_version = coalesce(r.d, v.draft_version), position = excluded.position;
  end loop;
  for x in select jsonb_array_elements(p->'entries') loop perform apply_entry(sp, base, at_ms, x); end loop;
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
    -- what the digest may not have heard of yet: the changes after `seen`, of the last 64 positions at most
    'recent', coalesce((select jsonb_agg(jsonb_build_object('position', e.position, 'tags', e.tags) order by e.position) from public.events e
      where e.space = sp and e.position > greatest(base + n_ev - 64, coalesce((p->>'seen')::bigint, 0)) and e.tags <> '{}'), '[]'::jsonb),
    'recentFrom', greatest(base + n_ev - 64, coalesce((p->>'seen')::bigint, 0)));
end $$;

grant execute on function put_draft_row(int, bigint, jsonb, jsonb), close_published(int, text, bigint), apply_entry(int, bigint, timestamptz, jsonb),
  reindex_entry(int, jsonb), commit_refusal(int, public.space_head, jsonb), commit_write(jsonb) to meridian_app;

-- Small deletes instead of partitions by day: what a key or a lost answer can no longer ask for. Runs as the owner, from the sweep.
create function forget_expired(most int) returns int language plpgsql volatile security definer set search_path = pg_catalog, public, pg_temp as $$
declare n int; m int;
begin
  delete from public.idempotency i using (select space, key from public.idempotency where at < now() - interval '25 hours' limit most) o where i.space = o.space and i.key = o.key;
  get diagnostics n = row_count;
  delete from public.commits c using (select space, id from public.commits where at < now() - interval '1 hour' limit most) o where c.space = o.space and c.id = o.id;
  get diagnostics m = row_count;
  return n + m;
end $$;
grant execute on function forget_expired(int) to meridian_app;

-- Heads of the spaces that were written to lately, over all tenants: ids and numbers only. For the sweep and for measuring lag.
create function recent_heads(since timestamptz, most int) returns table (space int, epoch int, "position" bigint)
  language sql stable security definer set search_path = pg_catalog, public, pg_temp as $$
  select h.space, h.epoch, h.position from public.space_head h where h.at >= since order by h.at desc limit most
$$;
grant execute on function recent_heads(timestamptz, int) to meridian_app;
