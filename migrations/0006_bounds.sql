-- What one answer, one commit and one space may cost, so that none of them can take the database from the others.

-- The role's own limit ends a statement before the Worker gives up on it (2.4 s a commit): what was cancelled is known not to have been
-- done, and says nothing about the endpoint. Reads are given less: see bind_space.
alter role meridian_app set statement_timeout = '2200ms';

-- First statement of every read, with a limit for each of those that follow it.
create function bind_space(p_space int, p_statement_ms int)
  returns table (space int, epoch int, "position" bigint, settings_pos bigint, schema_pos bigint, keys_pos bigint)
  language plpgsql volatile set search_path = pg_catalog, public, pg_temp as $$
begin
  perform set_config('app.space', p_space::text, true), set_config('statement_timeout', p_statement_ms::text, true);
  return query select h.space, h.epoch, h.position, h.settings_pos, h.schema_pos, h.keys_pos from public.space_head h where h.space = p_space;
end $$;
grant execute on function bind_space(int, int) to meridian_app;

-- Bytes of a document as it travels to the Worker: as text inside a JSON string.
create function travel_size(fields jsonb) returns int language sql immutable strict parallel safe
  return octet_length(replace(replace(fields::text, '\', '\\'), '"', '\"')) + 2;
grant execute on function travel_size(jsonb) to meridian_app;

-- Kept beside each document, so that a page knows what fits without unpacking what does not. NULL: written before there was this column.
alter table entries add size int;
alter table published add size int;
alter table revision add size int;
create function keep_size() returns trigger language plpgsql as $$
begin
  new.size := public.travel_size(new.fields);
  return new;
end $$;
create trigger keep_size before insert or update of fields on entries for each row execute function keep_size();
create trigger keep_size before insert or update of fields on published for each row execute function keep_size();
create trigger keep_size before insert or update of fields on revision for each row execute function keep_size();

-- Bytes of a content type as every place that answers for its space loads it; its name, revision, position and times are the 250.
create function loaded_bytes(document jsonb, shape jsonb) returns bigint language sql immutable parallel safe
  return 250 + coalesce(travel_size(document), 0) + coalesce(travel_size(shape), 0);
grant execute on function loaded_bytes(jsonb, jsonb) to meridian_app;

-- When a key was last used, kept at most hourly. No event and no position: nothing that is answered depends on it.
create function note_key_use(p_space int, p_key text) returns void
  language plpgsql volatile set search_path = pg_catalog, public, pg_temp as $$
begin
  perform set_config('app.space', p_space::text, true);
  update public.api_keys k set last_used_at = date_trunc('milliseconds', clock_timestamp())
    where k.space = p_space and k.id = p_key and (k.last_used_at is null or k.last_used_at < clock_timestamp() - interval '1 hour');
end $$;
grant execute on function note_key_use(int, text) to meridian_app;

-- As in 0002_commit, and: what moved but was not relied on stands in nobody's way (`relies`: types by revision; the key by its own last
-- event), and what a space's types may take together is bounded here, under the lock.
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
