-- What agents say of their calls, and what follows from it.

-- A queue or a flow has at most one tree. callback_flow: runs the calls that follow, '' = the flow of the call.
create table disposition_tree (
  account_id uuid not null references account (id), id uuid not null, queue_id uuid, flow_id text, required boolean not null default false,
  callback_flow text not null default '', changed_at timestamptz not null,
  primary key (account_id, id), unique (account_id, queue_id), unique (account_id, flow_id), check ((queue_id is null) <> (flow_id is null)),
  foreign key (account_id, queue_id) references queue (account_id, id) on delete cascade,
  foreign key (account_id, flow_id) references flow (account_id, id) on delete cascade);

-- What was chosen once is never changed: it is retired, and its key goes on as the next version.
create table disposition (
  account_id uuid not null, id uuid not null, tree_id uuid not null, key text not null, parent_key text not null default '', name text not null,
  place smallint not null, contact boolean not null default false, success boolean not null default false,
  do_not_call boolean not null default false, callback boolean not null default false, retry_after_s int not null default 0,   -- 0: none
  version int not null default 1, retired_at timestamptz, created_at timestamptz not null, primary key (account_id, id),
  foreign key (account_id, tree_id) references disposition_tree (account_id, id) on delete cascade);
create unique index disposition_in_force on disposition (account_id, tree_id, key) where retired_at is null;

-- A conversation of an agent with a customer, and what he said of it. owed: he has to; none: he has not.
create table call_disposition (
  account_id uuid not null, offer_id uuid not null, agent_id uuid not null, record_id uuid not null, leg_id uuid not null, queue_id uuid,
  flow_id text, number text not null default '', talked_at timestamptz not null,
  state text not null default 'open' check (state in ('open', 'owed', 'saved', 'none')),
  disposition_id uuid, key text not null default '', path text[] not null default '{}', version int not null default 0,
  said jsonb not null default '{}', note text not null default '', callback_at timestamptz, follow_up jsonb, saved_at timestamptz,
  saved_by text not null default '', primary key (account_id, offer_id)) with (fillfactor = 80);
create index call_disposition_owed on call_disposition (account_id, agent_id) where state = 'owed';
create index call_disposition_of on call_disposition (account_id, record_id);
create index call_disposition_used on call_disposition (account_id, disposition_id) where disposition_id is not null;
create index call_disposition_number on call_disposition (account_id, number, talked_at);
create index call_disposition_age on call_disposition using brin (talked_at);

-- last_offer: the conversation that he has, or had last. said: what he says of it is owed or saved, '' = he may or may not.
alter table agent add column last_offer uuid, add column said text not null default '';
-- What the agent reads to the customer.
alter table queue add column script text not null default '';
-- why: a flow asked for the call, or an agent (callback, retry); agent_id: who should have it, if he is there.
alter table flow_start add column why text not null default 'flow', add column agent_id uuid;
-- Who is asked first, when he is free.
alter table queue_place add column preferred_agent uuid;

do $$
declare name text;
begin
  foreach name in array array['disposition_tree', 'disposition', 'call_disposition']
  loop
    execute format('alter table %I enable row level security', name);
    execute format($p$create policy tenant on %I to central_api
      using (account_id = (select nullif(current_setting('central.account', true), '')::uuid))
      with check (account_id = (select nullif(current_setting('central.account', true), '')::uuid))$p$, name);
    execute format('create policy shard on %I to central_worker using (true) with check (true)', name);
    execute format('grant select, insert, update, delete on %I to central_api, central_worker', name);
  end loop;
end $$;
