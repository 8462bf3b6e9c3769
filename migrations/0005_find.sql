-- The read that nearly every uncached answer starts with: one published entry by id or by slug. Planning it costs several times what
-- running it does, and every statement over HTTP is planned anew; inside a function it is planned once a session. It runs with the
-- caller's rights: the policy holds here as everywhere. Within a type no entry has another's id as its slug, so at most one row is found.
-- Without sequential scans: a plan made while the table was empty would otherwise be kept.
create function find_published(p_space int, p_type text, p_name text) returns setof published
  language plpgsql stable rows 1 set search_path = pg_catalog, public, pg_temp set plan_cache_mode = force_generic_plan set enable_seqscan = off as $$
begin
  return query select * from public.published p where p.space = p_space and p.type = p_type and (p.id = p_name or p.slug = p_name) limit 1;
end $$;
grant execute on function find_published(int, text, text) to meridian_app;
