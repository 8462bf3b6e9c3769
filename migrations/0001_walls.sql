-- Row-level security: the second wall under the tenant-bound reader and writer. The Worker's role owns nothing, cannot bypass
-- policies, and is granted the partitioned parents only: a partition read directly is not covered by its parent's policy.

do $$ begin
  if not exists (select from pg_roles where rolname = 'meridian_app') then create role meridian_app login; end if;
end $$;
alter role meridian_app nosuperuser nobypassrls;
-- Connection options do not travel over HTTP: limits live on the role.
alter role meridian_app set lock_timeout = '2s';
alter role meridian_app set statement_timeout = '5s';
alter role meridian_app set idle_in_transaction_session_timeout = '5s';
alter role meridian_app set transaction_timeout = '10s';
alter role meridian_app set jit = off;
alter role meridian_app set max_parallel_workers_per_gather = 0;
alter role meridian_app set timezone = 'UTC';

revoke all on schema public from public;
grant usage on schema public to meridian_app;
revoke execute on all functions in schema public from public;
-- Not "in schema public": privileges by schema can only add to those that everybody has by default.
alter default privileges revoke execute on functions from public;

-- The space that this transaction is bound to; NULL when none is ('' is what a finished local setting leaves behind).
create function bound_space() returns int language sql stable parallel safe
  return nullif(current_setting('app.space', true), '')::int;
grant execute on function bound_space() to meridian_app;

do $$
declare t text;
begin
  foreach t in array array['space_head', 'spaces', 'streams', 'events', 'commits', 'idempotency', 'types', 'type_count', 'api_keys', 'entries',
                           'revision', 'published', 'refs', 'published_ix', 'draft_ix', 'published_past'] loop
    execute format('alter table %I enable row level security', t);
    execute format('alter table %I force row level security', t);
    execute format('create policy own_space on %I to meridian_app using (space = (select bound_space())) with check (space = (select bound_space()))', t);
    -- FORCE applies to the owner too: definer functions and maintenance run as the owner.
    execute format('create policy owner on %I to %I using (true) with check (true)', t, current_user);
    execute format('grant select, insert, update, delete on %I to meridian_app', t);
  end loop;
end $$;
grant select, insert, update, delete on directory to meridian_app;

-- First statement of every read: binds the space and says what this snapshot knows of it.
create function bind_space(p_space int)
  returns table (space int, epoch int, "position" bigint, settings_pos bigint, schema_pos bigint, keys_pos bigint)
  language plpgsql volatile set search_path = pg_catalog, public, pg_temp as $$
begin
  perform set_config('app.space', p_space::text, true);
  return query select h.space, h.epoch, h.position, h.settings_pos, h.schema_pos, h.keys_pos from public.space_head h where h.space = p_space;
end $$;
grant execute on function bind_space(int) to meridian_app;

-- Equality tokens. md5 and not hashtext: the same on every major version, so that rebuilt rows are equal byte for byte.
-- The space is inside the token: tenants stay apart within one GIN index.
create function term_token(p_space int, p_type text, p_term text) returns bigint language sql immutable strict parallel safe
  return ('x' || substr(md5(p_space::text || ':' || length(p_type) || ':' || p_type || p_term), 1, 16))::bit(64)::bigint;
grant execute on function term_token(int, text, text) to meridian_app;
