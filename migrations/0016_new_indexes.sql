-- New indexes for types with many entries: the job that checks a type's next schema (0011_imports) writes the rows of what is indexed anew as well,
-- before the type is saved. `types.pending` is {job, document, rows?, over?}: `rows` is the shape that rows and references are made by meanwhile,
-- which holds all of the type's own, so that readers miss nothing; `over` says that the check has ended and its rows are being put right.

-- As in 0011_imports, with the shape of rows. A check that is over is superseded: by one that writes every row. p: … and {rows?}
create or replace function aside_schema_check(sp int, p jsonb) returns jsonb
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
  if coalesce(found_, 0) <> (p->>'revision')::int
    or exists (select from public.types y where y.space = sp and y.type = p->>'type' and y.pending is not null and not (y.pending ? 'over' and p ? 'rows')) then
    delete from public.jobs j where j.space = sp and j.id = p->>'job';
    return jsonb_build_object('refused', 'version-conflict', 'at', jsonb_build_array(jsonb_build_object('index', 0, 'stream', 'type:' || (p->>'type'))));
  end if;
  update public.types y set pending = jsonb_build_object('job', p->>'job', 'document', p->'document')
      || case when p ? 'rows' then jsonb_build_object('rows', p->'rows') else '{}' end
    where y.space = sp and y.type = p->>'type';
  return '{}';
end $$;

-- The type is saved by its check. p: {space, epoch, job, holder, at, lease, type, change, leaves} → {gone} | {held: false} | {refused, …} | {committed}
-- `leaves`: rows hold more than the type that is saved, which the job's tidying takes from them.
create or replace function complete_schema_check(p jsonb) returns jsonb
  language plpgsql volatile set search_path = pg_catalog, public, pg_temp as $$
declare sp constant int := (p->>'space')::int; done jsonb;
begin
  if not bind_life(sp, (p->>'epoch')::int) then return '{"gone": true}'; end if;
  perform from public.jobs j where j.space = sp and j.id = p->>'job' and j.holder = p->>'holder' and j.status = 'running' for update;
  if not found then return '{"held": false}'; end if;
  done := commit_write((p->'change') || jsonb_build_object('check', p->>'job'));
  if done ? 'refused' then return done; end if;
  update public.types y set pending = case when coalesce((p->>'leaves')::boolean, false) then y.pending || '{"over": true}' end
    where y.space = sp and y.type = p->>'type' and y.pending->>'job' = p->>'job';
  perform finish_job(sp, p->>'job', 'completed', null, jsonb_build_object('position', done->'position'), (p->>'at')::timestamptz);
  return jsonb_build_object('committed', done);
end $$;

-- However a check has ended, nobody has to satisfy its schema any more. Rows that it has written are put right first: it is forgotten when they are.
-- p: {space, epoch, job, type, isCleaned?} → {gone} | {isDirty}
create or replace function drop_schema_check(p jsonb) returns jsonb
  language plpgsql volatile set search_path = pg_catalog, public, pg_temp as $$
declare sp constant int := (p->>'space')::int; left_ jsonb;
begin
  if not bind_life(sp, (p->>'epoch')::int) then return '{"gone": true}'; end if;
  perform pg_advisory_xact_lock(7, sp);
  update public.types y set pending = case when y.pending ? 'rows' and not coalesce((p->>'isCleaned')::boolean, false) then y.pending || '{"over": true}' end
    where y.space = sp and y.type = p->>'type' and y.pending->>'job' = p->>'job' returning y.pending into left_;
  return jsonb_build_object('isDirty', left_ is not null);
end $$;

-- No slot is used.
create function no_slots() returns jsonb language sql immutable parallel safe as $$
  select jsonb_object_agg(s || i, null) from (values ('n', 8), ('t', 16), ('k', 4)) x(s, most) cross join lateral generate_series(1, most) i
$$;

-- One entry's sort rows and references as a shape makes them of one version, wherever that is the version that stands: what was written since it was
-- read is as its writer left it. No event, no position. Rows that are so already are not touched.
create function write_index_row(sp int, etype text, eid text, empty jsonb, x jsonb) returns void
  language plpgsql volatile set search_path = pg_catalog, public, pg_temp set plan_cache_mode = force_generic_plan as $$
declare
  slots constant jsonb := empty || (x->'ix') - 'tokens'; version_ constant int := (x->>'version')::int; side_ "char";
  terms_ bigint[]; d public.draft_ix; d2 public.draft_ix; q public.published_ix; q2 public.published_ix; sides "char"[] := '{}';
begin
  terms_ := coalesce((select array_agg(distinct term_token(sp, etype, t.term)) from jsonb_array_elements_text(x #> '{ix,tokens}') t(term)), '{}');
  if exists (select from public.entries e where e.space = sp and e.id = eid and e.type = etype and e.version = version_) then
    sides := sides || 'd'::"char";
    select * into d from public.draft_ix i where i.space = sp and i.type = etype and i.id = eid;
    d2 := jsonb_populate_record(d, slots);
    d2.terms := terms_;
    if found and d2 is distinct from d then
      delete from public.draft_ix i where i.space = sp and i.type = etype and i.id = eid;
      insert into public.draft_ix select d2.*;
    end if;
  end if;
  if exists (select from public.published p where p.space = sp and p.id = eid and p.type = etype and p.version = version_) then
    sides := sides || 'p'::"char";
    select * into q from public.published_ix i where i.space = sp and i.type = etype and i.id = eid;
    q2 := jsonb_populate_record(q, slots);
    q2.terms := terms_;
    if found and q2 is distinct from q then
      delete from public.published_ix i where i.space = sp and i.type = etype and i.id = eid;
      insert into public.published_ix select q2.*;
    end if;
  end if;
  foreach side_ in array sides loop
    delete from public.refs f where f.space = sp and f.id = eid and f.side = side_
      and not exists (select from jsonb_to_recordset(x->'refs') as r(path text, target text, type text) where r.path = f.path and r.target = f.target and r.type = f.type);
    insert into public.refs (space, id, side, path, target, type)
      select sp, eid, side_, r.path, r.target, r.type from jsonb_to_recordset(x->'refs') as r(path text, target text, type text) on conflict do nothing;
  end loop;
end $$;

-- A step of a check that indexes, or of putting rows right after one. It is the job's turn, its check is what the type waits for, and the shape was made
-- for this type, or nothing is written. p: {space, epoch, job, holder, at, lease, type, revision, phase: fill | clean, rows: [{id, versions: [{version, ix, refs}]}], state, shown?}
-- → {gone} | {held: false} | {moved: true} | {head}
create function write_index_rows(p jsonb) returns jsonb
  language plpgsql volatile set search_path = pg_catalog, public, pg_temp as $$
declare
  sp constant int := (p->>'space')::int; fills constant boolean := p->>'phase' = 'fill'; etype constant text := p->>'type'; empty constant jsonb := no_slots();
  head bigint; x jsonb; v jsonb;
begin
  if not bind_life(sp, (p->>'epoch')::int) then return '{"gone": true}'; end if;
  perform from public.jobs j where j.space = sp and j.id = p->>'job' and j.holder = p->>'holder' and (j.status = 'running') = fills and not j.closed for update;
  if not found then return '{"held": false}'; end if;
  perform pg_advisory_xact_lock(7, sp);
  if not exists (select from public.types y where y.space = sp and y.type = etype and y.revision = (p->>'revision')::int
                 and y.pending->>'job' = p->>'job' and y.pending ? 'over' <> fills) then
    return '{"moved": true}';
  end if;
  for x in select jsonb_array_elements(p->'rows') loop
    for v in select jsonb_array_elements(x->'versions') loop perform write_index_row(sp, etype, x->>'id', empty, v); end loop;
  end loop;
  select h.position into head from public.space_head h where h.space = sp;
  update public.jobs j set lease_until = (p->>'at')::timestamptz + make_interval(secs => (p->>'lease')::float8), attempts = 0,
      state = j.state || (p->'state') || jsonb_build_object('head', head), shown = j.shown || coalesce(p->'shown', '{}')
    where j.space = sp and j.id = p->>'job';
  return jsonb_build_object('head', head);
end $$;

-- As in 0011_imports, and: writers make the rows that a check asks for; a check that has ended is obeyed by nobody; and while one is under way its
-- type is saved by nobody else, who could index what it does not know of.
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
  -- A check of a type's next schema is under way: what is written meanwhile satisfies that too and has its rows, or is decided by somebody who does
  -- not know of it. Rows made for a check that has ended would stay when it is tidied up after.
  if exists (select from public.types y where y.space = sp and y.pending is not null) or p @? '$.relies[*].pending' then
    if exists (select from (select distinct x.type from jsonb_to_recordset(p->'entries') as x(type text, change text, draft jsonb, publication jsonb)
                 where x.change = 'changed' and (x.draft is not null or x.publication->>'to' = 'current')) x
               left join lateral (select y.pending->>'job' as job, y.pending ? 'rows' as rows from public.types y
                 where y.space = sp and y.type = x.type and not y.pending ? 'over' offset 0) y on true
               left join lateral (select r.pending, r.rows from jsonb_to_recordset(p->'relies') as r(type text, pending text, rows boolean)
                 where r.type = x.type limit 1) r on true
               where r.pending is distinct from y.job or (y.rows and not coalesce(r.rows, false))) then
      return jsonb_build_object('refused', 'knowledge-outdated', 'settings', head.settings_pos, 'schema', head.schema_pos, 'keys', head.keys_pos);
    end if;
    select jsonb_agg(jsonb_build_object('index', 0, 'stream', 'type:' || y.type)) into bad
      from jsonb_to_recordset(p->'types') as x(type text, gone boolean)
      cross join lateral (select y.type, y.pending->>'job' as job from public.types y
        where y.space = sp and y.type = x.type and not y.pending ? 'over' offset 0) y
      where not coalesce(x.gone, false) and y.job is distinct from p->>'check';
    if bad is not null then return jsonb_build_object('refused', 'version-conflict', 'at', bad); end if;
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

grant execute on function no_slots(), write_index_row(int, text, text, jsonb, jsonb), write_index_rows(jsonb) to meridian_app;
