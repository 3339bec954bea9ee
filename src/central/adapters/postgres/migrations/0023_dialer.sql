-- Dialer flows: the agent's budget, which budget an attempt was charged to, and how many dials a paced queue may begin.

alter table record add column agent_charged smallint not null default 0;   -- attempts_charged is the customer's budget
alter table attempt add column budget text;                                -- null: the customer's
alter table attempt add column abandoned boolean not null default false;   -- he answered, and no agent was there in time
-- squawk-ignore ban-drop-not-null
alter table queue_place alter column leg_id drop not null;                 -- of a dialer: an agent is awaited before a customer is called
-- squawk-ignore ban-drop-not-null
alter table call_disposition alter column leg_id drop not null;            -- likewise

-- A grant of records whose dials are paced: the claim spends the allowance of this queue.
alter table dispatch_grant add column queue_id uuid;

-- The last decision about a queue: so many dials, and how many of them claims have begun; nothing of it holds after expires_at.
create table dial_allowance (
  account_id uuid not null, queue_id uuid not null, mode text not null check (mode in ('predictive', 'progressive')),
  granted int not null check (granted >= 0), used int not null default 0, decided_at timestamptz not null, expires_at timestamptz not null,
  primary key (account_id, queue_id),
  foreign key (account_id, queue_id) references queue (account_id, id) on delete cascade) with (fillfactor = 50);

-- squawk-ignore require-concurrent-index-creation
create index queue_place_of_record on queue_place (account_id, record_id, entered_at);

alter table dial_allowance enable row level security;
create policy tenant on dial_allowance to central_api
  using (account_id = (select nullif(current_setting('central.account', true), '')::uuid))
  with check (account_id = (select nullif(current_setting('central.account', true), '')::uuid));
create policy shard on dial_allowance to central_worker using (true) with check (true);
grant select, insert, update, delete on dial_allowance to central_api, central_worker;
