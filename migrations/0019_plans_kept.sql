-- What runs for every message keeps its plans (decision 0040). Left to itself, Postgres compares a plan for any value with one for this very one; of a
-- partitioned table the latter looks cheaper, because its partition is known, and is made anew for each call: half of what a delivery cost.
-- All of these look rows up by their keys, or walk an index in its order, which is right for any value. Who replaces one of them says it again.
do $$
declare name text;
begin
  foreach name in array array['claim_delivery', 'claim_job', 'claim_traced_delivery', 'effect_insight', 'end_delivery', 'finish_delivery', 'hold_job',
                              'import_step', 'keep_job', 'lease_subscriber', 'note_key_use', 'release_job', 'rest_subscriber', 'wake_deliveries'] loop
    execute format('alter function %s set plan_cache_mode = force_generic_plan', (select p.oid::regprocedure from pg_proc p where p.proname = name and p.pronamespace = 'public'::regnamespace));
  end loop;
end $$;
-- Without values a condition on time counts for a third of the rows, for which a small table would be read whole instead of an index in its order.
alter function claim_delivery(jsonb) set enable_seqscan = off;
alter function wake_deliveries(int, text[], timestamptz, timestamptz, int) set enable_seqscan = off;

-- As in 0000_tables: of indexes that cost the same while there are no statistics the planner takes the one that was made last, which must be the key's.
alter table deliveries drop constraint deliveries_pkey, add primary key (space, id);
alter table jobs drop constraint jobs_pkey, add primary key (space, id);

-- As in 0001_walls, and put into the statements that use it: text || integer is no immutable operator, and kept it out.
create or replace function term_token(p_space int, p_type text, p_term text) returns bigint language sql immutable strict parallel safe
  return ('x' || substr(md5(p_space::text || ':' || length(p_type)::text || ':' || p_type || p_term), 1, 16))::bit(64)::bigint;
