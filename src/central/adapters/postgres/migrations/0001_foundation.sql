-- The foundation: every table of the path of a record. Run as central_owner; roles exist already (roles.sql).
-- account_id stands first in every key. Row-level security is on from here; central_worker sees all accounts of the shard.

-- ------------------------------------------------------------------------------------------------ catalogue (not tenant)
create table move (
  family text not null, from_status text not null, to_status text not null,
  primary key (family, from_status, to_status));
create table status_catalogue (
  family text not null, name text not null, final boolean not null, counts_as text not null,
  primary key (family, name));
create table policy (
  id text not null, version int not null, effective_from timestamptz not null default now(),
  author text not null default '', legal_reference text not null default '', body jsonb not null,
  primary key (id, version));

-- ------------------------------------------------------------------------------------------------ accounts and people
create table account (
  id uuid primary key, name text not null, kind text not null default 'company', state text not null default 'active',
  valid_until date, currency text not null default 'INR', credit_limit bigint not null default 0,
  rate_plan jsonb not null default '{"name": "free", "voice": [{"prefix": "", "pulse_s": 60, "per_pulse": 0}]}',
  country text not null default 'IN', time_zone text not null default 'Asia/Kolkata',
  international boolean not null default false, plain_http_webhooks boolean not null default false,
  pending_cap int not null default 1000000, channel_cap int not null default 200, cps_cap int not null default 50,
  api_per_minute int not null default 6000, weight int not null default 1,
  policy_id text not null default 'IN', policy_version int, check_ip boolean not null default false,
  settings jsonb not null default '{}', created_at timestamptz not null default now());
-- balance apart from account: it changes with every batch, the account hardly ever. Amounts in millionths of the currency.
create table balance (
  account_id uuid primary key references account (id), balance bigint not null default 0,
  reserved bigint not null default 0 check (reserved >= 0)) with (fillfactor = 50);
create table ledger (
  account_id uuid not null, id uuid not null, at timestamptz not null default now(), kind text not null
    check (kind in ('topup', 'reserve', 'settle', 'release', 'correction')),
  amount bigint not null, reserved bigint not null default 0, records int not null default 0, note text not null default '',
  primary key (account_id, id));
create table person (
  id uuid primary key, email text not null unique, name text not null default '', password_hash text,
  created_at timestamptz not null default now(), disabled_at timestamptz);
create table membership (
  account_id uuid not null references account (id), person_id uuid not null references person (id), role text not null,
  extra_rights text[] not null default '{}', created_at timestamptz not null default now(),
  primary key (account_id, person_id));
create table api_key (
  account_id uuid not null references account (id), id uuid not null, name text not null, hash bytea not null, hint text not null,
  role text not null, scopes text[], created_by uuid, created_at timestamptz not null default now(), last_used_at timestamptz,
  expires_at timestamptz, revoked_at timestamptz, primary key (account_id, id));
create unique index api_key_hash on api_key (hash);
create table audit (
  account_id uuid not null, id uuid not null, at timestamptz not null default now(), actor text not null, action text not null,
  object text not null, detail jsonb not null default '{}', primary key (account_id, id));

-- ------------------------------------------------------------------------------------------------ numbers and lists
create table trunk (
  account_id uuid not null references account (id), id uuid not null, name text not null, host text not null,
  port int not null default 5060, transport text not null default 'udp' check (transport in ('udp', 'tcp', 'tls')),
  username text not null default '', password text not null default '', codecs text[] not null default '{ulaw,alaw}',
  channel_cap int not null default 100, cps_cap int not null default 20, enabled boolean not null default true,
  tag_calls boolean not null default false, created_at timestamptz not null default now(),
  primary key (account_id, id), unique (account_id, name));
create table trunk_route (
  account_id uuid not null, trunk_id uuid not null, prefix text not null default '', priority smallint not null default 1,
  primary key (account_id, prefix, priority, trunk_id),
  foreign key (account_id, trunk_id) references trunk (account_id, id) on delete cascade);
create table did (
  account_id uuid not null references account (id), number text not null, trunk_id uuid, label text not null default '',
  created_at timestamptz not null default now(), primary key (account_id, number));
create table list_entry (
  account_id uuid not null, list text not null check (list in ('blacklist', 'whitelist')), number text not null,
  prefix boolean not null default false, expires_at timestamptz, note text not null default '',
  created_at timestamptz not null default now(), primary key (account_id, list, number, prefix));
create index list_entry_prefix on list_entry (account_id, list) where prefix;
create table dnd_entry (
  account_id uuid not null, number text not null, register text not null default 'NCPR', categories text[] not null default '{}',
  primary key (account_id, number, register));
create table list_version (
  account_id uuid not null, list text not null, version bigint not null default 0, entries bigint not null default 0,
  fresh_at timestamptz, primary key (account_id, list));

-- ------------------------------------------------------------------------------------------------ flows
create table flow (
  account_id uuid not null references account (id), id text not null, name text not null, type text not null, active boolean not null default true,
  control text not null default 'running' check (control in ('running', 'paused', 'stopping')),
  archived_at timestamptz, draft bytea not null, draft_hash text not null, draft_findings jsonb not null default '[]',
  production_version int, security_hash bytea,
  security_previous_hash bytea, security_previous_until timestamptz, updated_by text not null default '',
  created_at timestamptz not null default now(), updated_at timestamptz not null default now(),
  primary key (account_id, id), unique (account_id, name));
create table flow_version (           -- number null: frozen snapshot of the draft for testing requests, found by its hash
  account_id uuid not null, id uuid not null, flow_id text not null, number int, hash text not null, document bytea not null,
  findings jsonb not null default '[]', created_by text not null default '', note text not null default '',
  created_at timestamptz not null default now(), primary key (account_id, id),
  foreign key (account_id, flow_id) references flow (account_id, id));
create unique index flow_version_number on flow_version (account_id, flow_id, number) where number is not null;
create unique index flow_version_snapshot on flow_version (account_id, flow_id, hash) where number is null;
create table flow_did (
  account_id uuid not null, flow_id text not null, number text not null, primary key (account_id, flow_id, number),
  foreign key (account_id, flow_id) references flow (account_id, id) on delete cascade,
  foreign key (account_id, number) references did (account_id, number) on delete cascade);
create table prompt (
  account_id uuid not null, name text not null, language text not null default '', sha256 text not null, seconds real not null,
  created_at timestamptz not null default now(), primary key (account_id, name, language));

-- ------------------------------------------------------------------------------------------------ requests and records
create table request (
  account_id uuid not null references account (id), id uuid not null, flow_id text not null, flow_version_id uuid not null,
  testing boolean not null default false, source text not null, name text not null default '',
  control text not null default 'running' check (control in ('running', 'paused', 'stopping', 'stopped')),
  force_stop boolean not null default false,
  loading boolean not null default false, open boolean not null default true, checksum bytea, priority smallint not null default 0,
  weight int not null default 1, created_at timestamptz not null default now(), end_at timestamptz, paused_at timestamptz,
  reload_of uuid, published_status text, error jsonb, created_by text not null default '',
  primary key (account_id, id), foreign key (account_id, flow_version_id) references flow_version (account_id, id)
) with (fillfactor = 80);
create index request_open on request (account_id, id) where open;
create index request_checksum on request (account_id, flow_id, checksum) where checksum is not null;
create table upload (
  account_id uuid not null, request_id uuid not null, file_name text not null, media_type text not null, options jsonb not null default '{}',
  size bigint not null default 0, rows_done bigint not null default 0, state text not null default 'receiving'
    check (state in ('receiving', 'received', 'loading', 'loaded', 'failed')),
  detected jsonb not null default '{}', error jsonb, created_at timestamptz not null default now(), primary key (account_id, request_id));
create table upload_chunk (
  account_id uuid not null, request_id uuid not null, n int not null, bytes bytea not null, primary key (account_id, request_id, n));
alter table upload_chunk alter column bytes set storage external;

create table record (
  account_id uuid not null, id uuid not null, request_id uuid not null, row_number int not null,
  epoch smallint not null default 1, fence int not null default 0,
  attempts_made smallint not null default 0, attempts_charged smallint not null default 0,
  platform_faults smallint not null default 0, struck smallint not null default 0,      -- bit i: numbers[i+1] proved permanently bad
  priority smallint not null default 0,
  due_at timestamptz,                       -- set exactly while the record waits to be claimed
  lease_until timestamptz, expires_at timestamptz, held_due_at timestamptz, changed_at timestamptz not null,
  status text not null, reason text, owner text, held_status text, last_call_status text,
  client_identifier text, time_zone text, numbers text[] not null, variables jsonb not null default '{}',
  primary key (account_id, id),
  check ((due_at is not null)::int + (lease_until is not null)::int <= 1)
) with (fillfactor = 80, autovacuum_vacuum_scale_factor = 0.02, autovacuum_analyze_scale_factor = 0.02);
create index record_due on record (account_id, request_id, due_at, priority desc) where due_at is not null;
create index record_lease on record (lease_until) where lease_until is not null;
create index record_held on record (account_id, request_id, id) where status = 'PAUSE';
create index record_of_request on record (account_id, request_id, id);
-- Counts that always add up: append-only changes, summed when read, folded by the tracker. No row is a lock for two writers.
create table request_tally (
  account_id uuid not null, request_id uuid not null, counter text not null, n bigint not null, pending boolean not null default false,
  fresh boolean not null default true);       -- not folded yet
create index request_tally_fresh on request_tally (account_id, request_id) where fresh;
create index request_tally_of on request_tally (account_id, request_id) include (counter, n);
create index request_tally_pending on request_tally (account_id) include (n) where pending;

-- ------------------------------------------------- history: partitioned by the day that record_id (UUID version 7) carries
create table event (
  account_id uuid not null, record_id uuid not null, id uuid not null, at timestamptz not null, late boolean not null default false,
  kind text not null, from_status text, to_status text, reason text, actor text not null default 'central', data jsonb,
  primary key (account_id, record_id, id)) partition by range (record_id);
create table attempt (
  account_id uuid not null, record_id uuid not null, number smallint not null, id uuid not null, epoch smallint not null, fence int not null,
  node text not null, started_at timestamptz not null, ended_at timestamptz, outcome text check (outcome in ('done', 'uncertain', 'unknown')),
  result text, charged boolean, reserved bigint not null default 0, cost bigint not null default 0,
  policy_id text not null, policy_version int not null, dnd_version bigint, blacklist_version bigint, variables jsonb,
  primary key (account_id, record_id, number)) partition by range (record_id);
create table leg (
  account_id uuid not null, record_id uuid not null, id uuid not null, attempt_number smallint not null, position smallint not null,
  role text not null default 'customer', direction text not null default 'outbound', number_from text, number_to text not null,
  trunk_id uuid, node text not null, fence int not null, handed_at timestamptz not null, ring_at timestamptz, connect_at timestamptz,
  end_at timestamptz, status text, code smallint, q850 smallint, sip_code smallint, local text, phase text, hangup_by text,
  answered_ms int, cost bigint not null default 0, reserved bigint not null default 0, sip_call_id text, digits jsonb, engine jsonb,
  primary key (account_id, record_id, id)) partition by range (record_id);
create table sip_trace (
  account_id uuid not null, record_id uuid not null, leg_id uuid not null, sip_call_id text not null, messages smallint not null,
  dropped int not null default 0, blob bytea not null, primary key (account_id, record_id, leg_id)) partition by range (record_id);

-- ------------------------------------------------------------------------------------------------ dispatch
create table leader (
  role text primary key, epoch bigint not null default 0, holder text not null default '', until timestamptz not null default '-infinity');
create table node (
  name text primary key, generation text not null, kind text not null, channels int not null, cps int not null, address text not null default '',
  draining boolean not null default false, healthy boolean not null default true, started_at timestamptz not null default now(),
  heartbeat_at timestamptz not null default now(), detail jsonb not null default '{}');
create table dispatch_grant (
  id bigint generated always as identity primary key, node text not null, account_id uuid not null, request_id uuid not null,
  n int not null check (n > 0), epoch bigint not null, granted_at timestamptz not null default now());
create index dispatch_grant_node on dispatch_grant (node);

-- ------------------------------------------------------------------------------------------------ publishing
create table webhook_endpoint (
  account_id uuid not null references account (id), id uuid not null, name text not null, url text not null, flow_id text, events text[] not null,
  auth jsonb not null default '{}', secrets text[] not null, is_default boolean not null default false, disabled_at timestamptz,
  disabled_reason text, created_at timestamptz not null default now(), primary key (account_id, id), unique (account_id, name));
create table outbox (                  -- body null: rendered when first delivered, from rows that no longer change
  account_id uuid not null, id uuid not null, endpoint_id uuid not null, record_id uuid, request_id uuid, event_type text not null,
  occurred_at timestamptz not null, body jsonb, state text not null default 'waiting' check (state in ('waiting', 'parked')),
  due_at timestamptz not null default now(), tries int not null default 0, first_tried_at timestamptz, lease_until timestamptz,
  owner text, last_error text, primary key (account_id, id)) with (fillfactor = 80, autovacuum_vacuum_scale_factor = 0.01);
create index outbox_due on outbox (account_id, endpoint_id, due_at, id) where state = 'waiting';
create index outbox_order on outbox (account_id, endpoint_id, record_id, id) where state = 'waiting' and record_id is not null;
create index outbox_lease on outbox (account_id, endpoint_id, lease_until) where lease_until is not null;
create index outbox_parked on outbox (account_id, id) where state = 'parked';
create table delivery (
  account_id uuid not null, outbox_id uuid not null, endpoint_id uuid not null, record_id uuid, event_type text not null,
  at timestamptz not null, tries int not null, status_code int, duration_ms int, outcome text not null, error text,
  primary key (account_id, outbox_id, endpoint_id, at));
create index delivery_of_record on delivery (account_id, record_id) where record_id is not null;

-- ------------------------------------------------------------------------------------------------ API
create table idempotency (
  account_id uuid not null, key text not null, fingerprint bytea not null, created_at timestamptz not null default now(),
  status_code int, answer jsonb, primary key (account_id, key));

-- ------------------------------------------------------------------------------------------------ tenancy
do $$
declare name text;
begin
  foreach name in array array['balance', 'ledger', 'membership', 'api_key', 'audit', 'trunk', 'trunk_route', 'did', 'list_entry',
    'dnd_entry', 'list_version', 'flow', 'flow_version', 'flow_did', 'prompt', 'request', 'upload', 'upload_chunk', 'record',
    'request_tally', 'event', 'attempt', 'leg', 'sip_trace', 'webhook_endpoint', 'outbox', 'delivery', 'idempotency']
  loop
    execute format('alter table %I enable row level security', name);
    -- the subselect is evaluated once a statement; a reused connection holds an empty string, hence nullif
    execute format($p$create policy tenant on %I to central_api
      using (account_id = (select nullif(current_setting('central.account', true), '')::uuid))
      with check (account_id = (select nullif(current_setting('central.account', true), '')::uuid))$p$, name);
    execute format('create policy shard on %I to central_worker using (true) with check (true)', name);
    execute format('grant select, insert, update, delete on %I to central_api, central_worker', name);
  end loop;
end $$;
alter table account enable row level security;
create policy tenant on account to central_api using (id = (select nullif(current_setting('central.account', true), '')::uuid));
create policy shard on account to central_worker using (true) with check (true);
grant select, update on account to central_api;
grant select, insert, update on account to central_worker;
grant select on move, status_catalogue, policy to central_api, central_worker;
grant insert on policy to central_worker;
-- A person may belong to several accounts: an account sees its own people only (the policy of membership narrows the test).
alter table person enable row level security;
create policy tenant on person to central_api using (exists (select from membership m where m.person_id = person.id));
create policy shard on person to central_worker using (true) with check (true);
grant select, update on person to central_api;
grant select, insert, update on person to central_worker;
-- Enlisting asks for an address before the person is known here; an existing person's name and password are never touched.
create function enlist_person(new_id uuid, new_email text, new_name text, new_hash text) returns table (id uuid, created boolean)
language sql security definer set search_path = public as $$
  with made as (
    insert into person (id, email, name, password_hash) values (new_id, lower(new_email), new_name, new_hash)
    on conflict (email) do nothing returning person.id)
  select made.id, true from made union all
  select p.id, false from person p where p.email = lower(new_email) and not exists (select from made);
$$;
revoke all on function enlist_person(uuid, text, text, text) from public;
grant execute on function enlist_person(uuid, text, text, text) to central_api, central_worker;
-- A password opens every account of its person, so no single account may set it for a person of several.
create function belongs_elsewhere(wanted uuid, here uuid) returns boolean
language sql stable security definer set search_path = public as $$
  select exists (select from membership m where m.person_id = wanted and m.account_id <> here);
$$;
revoke all on function belongs_elsewhere(uuid, uuid) from public;
grant execute on function belongs_elsewhere(uuid, uuid) to central_api, central_worker;
grant select, insert, update, delete on leader, node, dispatch_grant to central_worker;
grant select on node to central_api;
grant usage, select on all sequences in schema public to central_worker;

-- Who holds a key is asked before the account is known: one function, owned by central_owner, answers exactly that.
create function authenticate_key(key_hash bytea) returns table (account_id uuid, key_id uuid, role text, scopes text[])
language sql security definer set search_path = public as $$
  update api_key k set last_used_at = now()
   where k.hash = key_hash and k.revoked_at is null and (k.expires_at is null or k.expires_at > now())
     and (k.last_used_at is null or k.last_used_at < now() - interval '1 minute');
  select k.account_id, k.id, k.role, k.scopes from api_key k
   where k.hash = key_hash and k.revoked_at is null and (k.expires_at is null or k.expires_at > now());
$$;
revoke all on function authenticate_key(bytea) from public;
grant execute on function authenticate_key(bytea) to central_api;

-- Time-ordered ids where one statement makes rows of its own (RFC 9562 version 7; uuidv7() exists only from PostgreSQL 18).
-- ``place`` (0 to 4095) orders ids that one statement makes for the same record within a millisecond.
create function new_uuid7(place int default 0) returns uuid language sql volatile parallel safe as $$
  select encode(set_byte(set_byte(overlay(uuid_send(gen_random_uuid())
    placing substring(int8send((extract(epoch from clock_timestamp()) * 1000)::bigint) from 3) from 1 for 6),
    6, 112 + place / 256), 7, place % 256), 'hex')::uuid
$$;
