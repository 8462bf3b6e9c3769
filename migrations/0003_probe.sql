-- Equality by terms. Operators on arrays are not leakproof, so under a row-level policy their index is never used: these functions
-- run as the owner and bind the space themselves. Nothing but a caller's own space can be asked for, and never more rows than `most`.
-- `p_all`: terms that a row must all have; `p_any`: terms of which it must have one; NULL: not asked.
create function ix_probe(p_type text, p_all bigint[], p_any bigint[], most int) returns setof published_ix
  language plpgsql stable security definer rows 1000 set search_path = pg_catalog, public, pg_temp set plan_cache_mode = force_custom_plan as $$
declare sp constant int := bound_space();
begin
  -- An empty "all" would be true of every row and no question for this index.
  if p_all is not null and cardinality(p_all) = 0 then return; end if;
  if p_all is null and p_any is null then return;
  elsif p_any is null then
    return query select * from public.published_ix i where i.space = sp and i.type = p_type and i.terms @> p_all limit most;
  elsif p_all is null then
    return query select * from public.published_ix i where i.space = sp and i.type = p_type and i.terms && p_any limit most;
  else
    return query select * from public.published_ix i where i.space = sp and i.type = p_type and i.terms @> p_all and i.terms && p_any limit most;
  end if;
end $$;

create function ix_probe_drafts(p_type text, p_all bigint[], p_any bigint[], most int) returns setof draft_ix
  language plpgsql stable security definer rows 1000 set search_path = pg_catalog, public, pg_temp set plan_cache_mode = force_custom_plan as $$
declare sp constant int := bound_space();
begin
  if p_all is not null and cardinality(p_all) = 0 then return; end if;
  if p_all is null and p_any is null then return;
  elsif p_any is null then
    return query select * from public.draft_ix i where i.space = sp and i.type = p_type and i.terms @> p_all limit most;
  elsif p_all is null then
    return query select * from public.draft_ix i where i.space = sp and i.type = p_type and i.terms && p_any limit most;
  else
    return query select * from public.draft_ix i where i.space = sp and i.type = p_type and i.terms @> p_all and i.terms && p_any limit most;
  end if;
end $$;
grant execute on function ix_probe(text, bigint[], bigint[], int), ix_probe_drafts(text, bigint[], bigint[], int) to meridian_app;
