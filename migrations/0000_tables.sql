-- Tables of a shard. Everything that belongs to a space carries its uid as `space` and is hash-partitioned by it
-- (8 partitions: enough to keep indexes shallow; each one more costs every fresh connection planning time).
-- Times in read models are cut to milliseconds, which is what the API shows, sorts and compares; events keep microseconds.

-- The directory: public ids, and nothing else about a space. Read and written on the home shard only.
create table directory (
  id text collate "C" primary key,
  uid int generated always as identity unique,
  residency text not null,
  state text not null check (state in ('creating', 'active', 'deleted')),
  claim bytea,                      -- idempotency key of the request that is creating it
  claimed_at timestamptz not null default now()
);

-- One row a space, changed by every commit: HOT updates need the free room.
create table space_head (
  space int primary key,
  epoch int not null default 1,
  position bigint not null default 0,
  at timestamptz not null default '-infinity',
  settings_pos bigint not null default 0,   -- position of the last change of the space's settings
  schema_pos bigint not null default 0,     -- … of any content type
  keys_pos bigint not null default 0,       -- … of any API key
  entries bigint not null default 0
) with (fillfactor = 20, autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 200);

create table spaces (
  space int primary key,
  id text collate "C" not null,
  state text not null check (state in ('active', 'deleted')),
  settings jsonb not null,
  revision int not null,
  created_at timestamptz not null,
  updated_at timestamptz not null
);

create table streams (
  space int not null, stream text collate "C" not null,
  version int not null,             -- events in the stream
  draft_version int not null default 0,  -- an id used again after DELETE goes on counting
  position bigint not null,
  primary key (space, stream)
) partition by hash (space);

create table events (
  space int not null, position bigint not null, stream text collate "C" not null, version int not null,
  type text not null, schema smallint not null, data jsonb not null, meta jsonb not null, at timestamptz not null,
  tags text[] not null default '{}',  -- what cached answers may depend on and this event changed (freshness digest)
  primary key (space, position), unique (space, stream, version)
) partition by hash (space);

create table commits (                -- lets a call whose answer was lost find out that it committed
  space int not null, id uuid not null, first bigint not null, position bigint not null, at timestamptz not null,
  primary key (space, id)
) partition by hash (space);

create table idempotency (
  space int not null, key bytea not null, fingerprint bytea not null, status smallint not null, position bigint not null,
  headers jsonb not null, body text not null, sealed text, at timestamptz not null,
  primary key (space, key)
) partition by hash (space);

create table types (
  space int not null, type text collate "C" not null,
  revision int not null, position bigint not null, document jsonb not null, shape jsonb not null,
  created_at timestamptz not null, updated_at timestamptz not null,
  primary key (space, type)
) partition by hash (space);

create table type_count (
  space int not null, type text collate "C" not null, drafts bigint not null, published bigint not null,
  primary key (space, type)
) partition by hash (space);

create table api_keys (
  space int not null, id text collate "C" not null, name text not null, scopes text[] not null,
  hash bytea not null,                       -- SHA-256 of the secret part
  previous_hash bytea, previous_until timestamptz,  -- rotation overlap
  created_at timestamptz not null, expires_at timestamptz, revoked_at timestamptz, last_used_at timestamptz,
  revision int not null, position bigint not null,
  primary key (space, id)
) partition by hash (space);

-- Drafts: the latest state of every entry.
create table entries (
  space int not null, id text collate "C" not null, type text collate "C" not null, slug text collate "C",
  status text not null check (status in ('draft', 'published', 'changed', 'archived')),
  fields jsonb not null, version int not null, published_version int, revision int not null, position bigint not null,
  created_at timestamptz not null, updated_at timestamptz not null, published_at timestamptz,
  created_by text not null, updated_by text not null
) partition by hash (space);
create unique index entries_slug on entries (space, type, slug) where slug is not null;
create index entries_type on entries (space, type, position);
alter table entries add primary key (space, id);

-- Every state a draft ever had.
create table revision (
  space int not null, id text collate "C" not null, version int not null, type text collate "C" not null, slug text collate "C",
  fields jsonb not null, position bigint not null, at timestamptz not null, actor text not null,
  primary key (space, id, version)
) partition by hash (space);

-- What readers are given: the current published version.
create table published (
  space int not null, id text collate "C" not null, type text collate "C" not null, slug text collate "C",
  version int not null, from_pos bigint not null, fields jsonb not null,
  created_at timestamptz not null, updated_at timestamptz not null, published_at timestamptz not null
) partition by hash (space);
create unique index published_slug on published (space, type, slug) where slug is not null;
alter table published add primary key (space, id);

-- References, of drafts ('d') and of what is published ('p').
create table refs (
  space int not null, id text collate "C" not null, side "char" not null, path text not null, target text collate "C" not null,
  type text collate "C" not null            -- the type that the schema asks of the target
) partition by hash (space);
create index refs_target on refs (space, target);
alter table refs add primary key (space, id, side, path, target);

-- Sort rows: narrow, one an entry, no document. A type's slot map says which field and locale a slot holds.
-- NULL in a slot: the type does not use it. Missing value: 'Infinity', U+10FFFF, so that missing sorts last.
create table published_ix (
  space int not null, type text collate "C" not null, id text collate "C" not null, from_pos bigint not null,
  slug text collate "C", created_at timestamptz not null, updated_at timestamptz not null, published_at timestamptz not null,
  n1 float8, n2 float8, n3 float8, n4 float8, n5 float8, n6 float8, n7 float8, n8 float8,
  t1 text collate "C", t2 text collate "C", t3 text collate "C", t4 text collate "C", t5 text collate "C", t6 text collate "C",
  t7 text collate "C", t8 text collate "C", t9 text collate "C", t10 text collate "C", t11 text collate "C", t12 text collate "C",
  t13 text collate "C", t14 text collate "C", t15 text collate "C", t16 text collate "C",
  k1 bytea, k2 bytea, k3 bytea, k4 bytea,   -- declared composites, order-preserving tuples
  terms bigint[] not null default '{}'      -- equality tokens of every indexed scalar, array element and reference
) partition by hash (space);

create table draft_ix (like published_ix) partition by hash (space);
alter table draft_ix add status text not null, alter published_at drop not null;
alter table draft_ix alter terms set default '{}';

-- Versions that were published and no longer are: [from_pos, to_pos).
create table published_past (like published_ix) partition by hash (space);
alter table published_past add version int not null, add to_pos bigint not null;
create index published_past_ended on published_past (space, type, to_pos, id);
alter table published_past add primary key (space, id, from_pos);

create index idempotency_at on idempotency (at);
create index commits_at on commits (at);

do $$
declare t text; c text; i int;
begin
  foreach t in array array['published_ix', 'draft_ix'] loop
    foreach c in array array['n1','n2','n3','n4','n5','n6','n7','n8','t1','t2','t3','t4','t5','t6','t7','t8','t9','t10','t11','t12',
                             't13','t14','t15','t16','k1','k2','k3','k4','slug','published_at'] loop
      execute format('create index on %I (space, type, %I, id) where %I is not null', t, c, c);
    end loop;
    foreach c in array array['created_at', 'updated_at', 'from_pos'] loop
      execute format('create index on %I (space, type, %I, id)', t, c);
    end loop;
    -- Orders whose last part is "those that have none, by id".
    execute format('create index on %I (space, type, id) where slug is null', t);
    execute format('create index on %I using gin (terms) with (fastupdate = off)', t);
  end loop;
  create index on draft_ix (space, type, id) where published_at is null;
  create index on draft_ix (space, type, status, id);
  alter table published_ix add primary key (space, type, id);
  alter table draft_ix add primary key (space, type, id);
  -- Primary keys are made after all other indexes, and partitions after both: until a table has statistics the planner holds its indexes
  -- for equally good and takes the youngest, and plans that it caches then would look for one entry by walking its whole type.
  foreach t in array array['streams', 'events', 'commits', 'idempotency', 'types', 'type_count', 'api_keys', 'entries', 'revision',
                           'published', 'refs', 'published_ix', 'draft_ix', 'published_past'] loop
    for i in 0..7 loop
      execute format('create table %I partition of %I for values with (modulus 8, remainder %s)', t || '_' || i, t, i);
    end loop;
  end loop;
end $$;
