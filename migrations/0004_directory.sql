-- How a space comes to be, over two shards: its id is claimed here, the space is made on its own shard, the claim is made active.
-- Whoever dies between two steps leaves a claim behind. The same Idempotency-Key takes it up again, or the sweep settles it. A lease
-- keeps two of them apart for politeness only: making a space twice under one uid is refused by its shard, activating it twice is one.
-- The response of POST /v1/spaces is kept here, under space 0, because only here the three steps are one.

alter table directory
  add claim_fingerprint bytea,                                  -- of the request that claims, beside its key
  add holder text,                                              -- who is at work on the claim
  add lease_until timestamptz not null default '-infinity';
create index directory_claim on directory (claim) where claim is not null and state = 'creating';
create index directory_creating on directory (claimed_at) where state = 'creating';

-- p: {id, residency, holder, leaseSeconds, idem?: {key, fingerprint}}
-- → {uid, id, residency, resumed} | {replayed, status, position, headers, body} | {refused, retryAfter?}
create function claim_space(p jsonb) returns jsonb
  language plpgsql volatile set search_path = pg_catalog, public, pg_temp as $$
declare
  t timestamptz; k bytea; kept record; d public.directory;
  until timestamptz;
begin
  if current_setting('transaction_isolation') <> 'read committed' then
    raise exception 'claim_space needs read committed' using errcode = 'MR001';
  end if;
  perform set_config('app.space', '0', true);
  if p ? 'idem' then
    k := decode(p #>> '{idem,key}', 'hex');
    -- Two first requests with one key: the second waits for these few statements and then finds the claim of the first.
    perform pg_advisory_xact_lock(hashtextextended('0:' || (p #>> '{idem,key}'), 0));
  end if;
  t := clock_timestamp();
  until := t + make_interval(secs => (p->>'leaseSeconds')::float8);
  if p ? 'idem' then
    -- The claim before the answer: whoever activates it meanwhile has then kept the answer already.
    select * into d from public.directory c where c.claim = k and c.state = 'creating' order by c.uid limit 1 for update;
    if found then
      if d.lease_until > t and d.holder <> p->>'holder' then
        return jsonb_build_object('refused', 'request-in-progress', 'retryAfter', ceil(extract(epoch from d.lease_until - t)));
      end if;
      if d.claim_fingerprint <> decode(p #>> '{idem,fingerprint}', 'hex') then return jsonb_build_object('refused', 'idempotency-key-reused'); end if;
      update public.directory c set holder = p->>'holder', lease_until = until where c.uid = d.uid;
      return jsonb_build_object('uid', d.uid, 'id', d.id, 'residency', d.residency, 'resumed', true);
    end if;
    select i.fingerprint, i.status, i.position, i.headers, i.body into kept from public.idempotency i
      where i.space = 0 and i.key = k and i.at > t - interval '24 hours';
    if found then
      if kept.fingerprint <> decode(p #>> '{idem,fingerprint}', 'hex') then return jsonb_build_object('refused', 'idempotency-key-reused'); end if;
      return jsonb_build_object('replayed', true, 'status', kept.status, 'position', kept.position, 'headers', kept.headers, 'body', kept.body);
    end if;
  end if;
  -- Looked at first so that a refusal does not use up a uid.
  if exists (select from public.directory c where c.id = p->>'id') then return jsonb_build_object('refused', 'space-exists'); end if;
  insert into public.directory (id, residency, state, claim, claim_fingerprint, claimed_at, holder, lease_until)
    values (p->>'id', p->>'residency', 'creating', k, decode(p #>> '{idem,fingerprint}', 'hex'), t, p->>'holder', until)
    on conflict (id) do nothing returning * into d;
  if d.uid is null then return jsonb_build_object('refused', 'space-exists'); end if;
  return jsonb_build_object('uid', d.uid, 'id', d.id, 'residency', d.residency, 'resumed', false);
end $$;

-- The space is on its shard: from now on its id leads there. p: {uid, status, position, headers, body}
-- → {} | {replayed, …} when somebody else has activated it under its key | {refused: 'claim-lost'}
create function activate_space(p jsonb) returns jsonb
  language plpgsql volatile set search_path = pg_catalog, public, pg_temp as $$
declare d public.directory; kept record;
begin
  perform set_config('app.space', '0', true);
  select * into d from public.directory c where c.uid = (p->>'uid')::int for update;
  if not found then return jsonb_build_object('refused', 'claim-lost'); end if;
  if d.state <> 'creating' then
    select i.status, i.position, i.headers, i.body into kept from public.idempotency i where i.space = 0 and i.key = d.claim;
    if not found then return '{}'; end if;
    return jsonb_build_object('replayed', true, 'status', kept.status, 'position', kept.position, 'headers', kept.headers, 'body', kept.body);
  end if;
  update public.directory c set state = 'active', holder = null, lease_until = '-infinity' where c.uid = d.uid;
  if d.claim is not null then
    insert into public.idempotency as i (space, key, fingerprint, status, position, headers, body, at)
      values (0, d.claim, d.claim_fingerprint, (p->>'status')::smallint, (p->>'position')::bigint, p->'headers', p->>'body', clock_timestamp())
      on conflict (space, key) do update set fingerprint = excluded.fingerprint, status = excluded.status, position = excluded.position,
        headers = excluded.headers, body = excluded.body, sealed = null, at = excluded.at;
  end if;
  return '{}';
end $$;

-- Claims that nobody has been at work on for a while; the caller holds them for `lease_seconds`.
create function take_stale_claims(new_holder text, older_seconds float8, lease_seconds float8, most int)
  returns table (uid int, id text, residency text)
  language sql volatile set search_path = pg_catalog, public, pg_temp as $$
  update public.directory d set holder = new_holder, lease_until = clock_timestamp() + make_interval(secs => lease_seconds)
    from (select c.uid from public.directory c
          where c.state = 'creating' and c.claimed_at < clock_timestamp() - make_interval(secs => older_seconds) and c.lease_until < clock_timestamp()
          order by c.claimed_at limit most for update skip locked) stale
    where d.uid = stale.uid
    returning d.uid, d.id, d.residency
$$;

-- Rows of several spaces of this shard, for operators' lists. A way around the second wall, and so it shows settings only.
create function spaces_of(uids int[])
  returns table (space int, id text, state text, settings jsonb, revision int, created_at timestamptz, updated_at timestamptz, epoch int)
  language sql stable security definer set search_path = pg_catalog, public, pg_temp as $$
  select s.space, s.id, s.state, s.settings, s.revision, s.created_at, s.updated_at, h.epoch
    from public.spaces s join public.space_head h on h.space = s.space where s.space = any (uids)
$$;

grant execute on function claim_space(jsonb), activate_space(jsonb), take_stale_claims(text, float8, float8, int), spaces_of(int[]) to meridian_app;
