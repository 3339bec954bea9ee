-- Agents, queues, and who is offered which call.

create table queue (
  account_id uuid not null references account (id), id uuid not null, name text not null,
  strategy text not null default 'longest_idle'
    check (strategy in ('ring_all', 'round_robin', 'longest_idle', 'fewest_calls', 'random', 'linear', 'skill_based')),
  ring_timeout_s int not null default 20, max_wait_s int not null default 300, max_length int not null default 0,   -- 0: no limit
  wrap_up_s int default 60,                 -- null: none; 0: until a disposition is saved
  misses int not null default 2,            -- so many missed offers in a row pause an agent; 0: none do
  ages_s int not null default 0,            -- so many seconds of waiting are worth one step of priority; 0: none are
  service_level_s int not null default 20, music text not null default '', caller_id text not null default '',
  last_order int, last_agent uuid,          -- round robin: whom it asked last
  created_at timestamptz not null, primary key (account_id, id), unique (account_id, name));

-- kind: a dynamic agent logs in and out; one of direct dial is a number that is reachable.
create table agent (
  account_id uuid not null references account (id), id uuid not null, key text not null, name text not null,
  kind text not null default 'dynamic' check (kind in ('dynamic', 'direct')),
  groups text[] not null default '{}', skills jsonb not null default '{}', number text not null default '',
  phone text not null default 'sip' check (phone in ('sip', 'number')), phone_password text not null default '',
  status text not null default 'LOGGED_OUT', since timestamptz not null, reason text not null default '', pause_code text not null default '',
  wanted text not null default '' check (wanted in ('', 'PAUSED', 'LOGGED_OUT')), wanted_code text not null default '',
  misses int not null default 0, calls int not null default 0, calls_on date, wrap_up_until timestamptz, heard_at timestamptz,
  changes int not null default 0, created_at timestamptz not null, primary key (account_id, id), unique (account_id, key)
) with (fillfactor = 80);
create index agent_at_work on agent (account_id, status) where status <> 'LOGGED_OUT';

-- tier 1 is asked first; place: his turn in round robin and linear.
create table queue_agent (
  account_id uuid not null, queue_id uuid not null, agent_id uuid not null, tier smallint not null default 1 check (tier between 1 and 9),
  place smallint not null default 0, primary key (account_id, queue_id, agent_id),
  foreign key (account_id, queue_id) references queue (account_id, id) on delete cascade,
  foreign key (account_id, agent_id) references agent (account_id, id) on delete cascade);
create index queue_agent_of on queue_agent (account_id, agent_id);

create table pause_code (
  account_id uuid not null references account (id), code text not null, name text not null, limit_s int not null default 0,   -- 0: none
  productive boolean not null default false, primary key (account_id, code));

-- A customer who waits for an agent, or talks with one; it belongs to the node that has his call, as long as that renews the lease.
create table queue_place (
  account_id uuid not null, id uuid not null, queue_id uuid, wanted_agent uuid, record_id uuid not null, leg_id uuid not null,
  node text not null, number text not null default '', skills jsonb not null default '{}', priority smallint not null default 0,
  entered_at timestamptz not null, patience_until timestamptz not null, ring_timeout_s real, passed uuid[] not null default '{}',
  state text not null default 'waiting' check (state in ('waiting', 'offered', 'talking', 'over')), outcome text not null default '',
  agent_id uuid, answered_at timestamptz, over_at timestamptz, lease_until timestamptz not null,
  primary key (account_id, id)) with (fillfactor = 80);
create index queue_place_open on queue_place (account_id, queue_id, entered_at) where state <> 'over';
create index queue_place_lease on queue_place (lease_until) where state <> 'over';
create index queue_place_age on queue_place using brin (entered_at);

-- An agent is rung for a place. Only one of an agent's offers can be open: whoever disagrees writes nothing.
create table offer (
  account_id uuid not null, id uuid not null, place_id uuid not null, agent_id uuid not null, node text not null,
  made_at timestamptz not null, taken_at timestamptz, ended_at timestamptz, outcome text not null default '',
  ring_timeout_s real not null, caller_id text not null default '', primary key (account_id, id));
create unique index offer_open on offer (account_id, agent_id) where ended_at is null;
create index offer_of_place on offer (account_id, place_id);
create index offer_of_node on offer (node) where ended_at is null;
create index offer_age on offer using brin (made_at);

-- Every change of an agent's status, with how long the one before lasted.
create table agent_event (
  account_id uuid not null, agent_id uuid not null, id uuid not null, at timestamptz not null, from_status text not null, to_status text not null,
  reason text not null, pause_code text not null default '', lasted_ms bigint not null, actor text not null default '', offer_id uuid,
  primary key (account_id, agent_id, id));
create index agent_event_age on agent_event using brin (at);

do $$
declare name text;
begin
  foreach name in array array['queue', 'agent', 'queue_agent', 'pause_code', 'queue_place', 'offer', 'agent_event']
  loop
    execute format('alter table %I enable row level security', name);
    execute format($p$create policy tenant on %I to central_api
      using (account_id = (select nullif(current_setting('central.account', true), '')::uuid))
      with check (account_id = (select nullif(current_setting('central.account', true), '')::uuid))$p$, name);
    execute format('create policy shard on %I to central_worker using (true) with check (true)', name);
    execute format('grant select, insert, update, delete on %I to central_api, central_worker', name);
  end loop;
end $$;
