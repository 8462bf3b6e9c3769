-- The same as `find_published` for what editors and previews read: planned once a session.
create function find_draft(p_space int, p_type text, p_name text) returns setof entries
  language plpgsql stable rows 1 set search_path = pg_catalog, public, pg_temp set plan_cache_mode = force_generic_plan set enable_seqscan = off as $$
begin
  return query select * from public.entries e
    where e.space = p_space and e.type = p_type and (e.id = p_name or e.slug = p_name) and e.status <> 'archived' limit 1;
end $$;
grant execute on function find_draft(int, text, text) to meridian_app;

-- The most frequent read of all in one statement: it binds the space, and tells what this snapshot knows of it beside the entry. A function that
-- is stable sees the snapshot of the statement that calls it, whatever it binds, so head and entry belong together without a transaction
-- around them. One row if the space is there; its entry's columns are null if the entry is not. With the caller's rights, as above.
create function read_published(p_space int, p_type text, p_name text)
  returns table (epoch int, "position" bigint, settings_pos bigint, schema_pos bigint, keys_pos bigint,
                 id text, type text, slug text, version int, fields jsonb, created_at timestamptz, updated_at timestamptz, published_at timestamptz)
  language plpgsql stable rows 1 set search_path = pg_catalog, public, pg_temp set plan_cache_mode = force_generic_plan set enable_seqscan = off as $$
begin
  perform set_config('app.space', p_space::text, true);
  return query select h.epoch, h.position, h.settings_pos, h.schema_pos, h.keys_pos,
      p.id, p.type, p.slug, p.version, p.fields, p.created_at, p.updated_at, p.published_at
    from public.space_head h left join lateral (
      select * from public.published e where e.space = p_space and e.type = p_type and (e.id = p_name or e.slug = p_name) limit 1) p on true
    where h.space = p_space;
end $$;
grant execute on function read_published(int, text, text) to meridian_app;

create function read_draft(p_space int, p_type text, p_name text)
  returns table (epoch int, "position" bigint, settings_pos bigint, schema_pos bigint, keys_pos bigint,
                 id text, type text, slug text, version int, fields jsonb, created_at timestamptz, updated_at timestamptz, published_at timestamptz,
                 status text, published_version int, created_by text, updated_by text)
  language plpgsql stable rows 1 set search_path = pg_catalog, public, pg_temp set plan_cache_mode = force_generic_plan set enable_seqscan = off as $$
begin
  perform set_config('app.space', p_space::text, true);
  return query select h.epoch, h.position, h.settings_pos, h.schema_pos, h.keys_pos,
      d.id, d.type, d.slug, d.version, d.fields, d.created_at, d.updated_at, d.published_at,
      d.status, d.published_version, d.created_by, d.updated_by
    from public.space_head h left join lateral (
      select * from public.entries e
        where e.space = p_space and e.type = p_type and (e.id = p_name or e.slug = p_name) and e.status <> 'archived' limit 1) d on true
    where h.space = p_space;
end $$;
grant execute on function read_draft(int, text, text) to meridian_app;
