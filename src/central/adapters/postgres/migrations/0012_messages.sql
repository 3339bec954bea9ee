-- Messages: SMS and e-mail from acceptance to their last news. Who takes them over for us is a carrier: SMPP binds, an HTTP
-- gateway, an SMTP relay.

create table carrier (
  account_id uuid not null references account (id), id uuid not null, name text not null,
  channel text not null check (channel in ('sms', 'email')), kind text not null check (kind in ('smpp', 'http', 'smtp')),
  settings jsonb not null default '{}', secrets jsonb not null default '{}', enabled boolean not null default true,
  changes int not null default 0,                      -- whoever runs it opens it anew when this has risen
  state text not null default 'down', state_detail text not null default '', state_at timestamptz,
  created_at timestamptz not null default now(), primary key (account_id, id), unique (account_id, name));
-- The longest prefix wins, then the lowest priority, then the lowest cost; ``share`` divides what is equal.
create table carrier_route (
  account_id uuid not null, carrier_id uuid not null, prefix text not null default '', priority smallint not null default 1,
  share smallint not null default 1, cost bigint not null default 0,   -- millionths of the account's currency a part
  primary key (account_id, carrier_id, prefix),
  foreign key (account_id, carrier_id) references carrier (account_id, id) on delete cascade);
-- Texts that a registry knows (in India: DLT); a text must match one where the account says so.
create table sms_template (
  account_id uuid not null references account (id), id text not null, entity_id text not null default '', sender text not null default '',
  text text not null, created_at timestamptz not null default now(), primary key (account_id, id));
-- Who gets no more e-mail of an account, and why. SMS opt-outs stand in the blacklist, because calls obey them too.
create table suppression (
  account_id uuid not null references account (id), address text not null, reason text not null, message_id uuid,
  soft_failures int not null default 0, first_soft_at timestamptz, since timestamptz, expires_at timestamptz,   -- since null: only counted so far
  lifted_at timestamptz, lifted_by text, detail text not null default '', updated_at timestamptz not null default now(),
  primary key (account_id, address));
-- Sender domains that the account has proved, and the keys that sign for them.
create table mail_domain (
  account_id uuid not null references account (id), domain text not null, selector text not null, private_key text not null,
  algorithm text not null default 'rsa', verified_at timestamptz, checked_at timestamptz, findings jsonb not null default '[]',
  bounce_domain text not null default '', created_at timestamptz not null default now(), primary key (account_id, domain));

-- What several recipients get alike: the parts of an e-mail.
create table message_content (
  account_id uuid not null, id uuid not null, body jsonb not null, created_at timestamptz not null, primary key (account_id, id));
alter table message_content alter column body set storage extended;

create table message (
  account_id uuid not null references account (id), id uuid not null, record_id uuid, request_id uuid, content_id uuid,
  carrier_id uuid,
  created_at timestamptz not null, changed_at timestamptz not null,
  due_at timestamptz,                       -- set exactly while it waits in our queue
  lease_until timestamptz,                  -- set exactly while it is handed over and no answer is stored
  silent_at timestamptz,                    -- set while news of the far end is expected: when we stop waiting for them
  deadline timestamptz not null, handed_at timestamptz,
  cost bigint not null default 0, tries smallint not null default 0, parts smallint not null default 1,
  testing boolean not null default false,
  channel text not null, status text not null, reason text not null default '', detail text not null default '',
  recipient text not null, sender text not null default '', text text not null default '', encoding text not null default '',
  purpose text not null, step text not null default '', owner text, client_identifier text not null default '',
  ids jsonb not null default '{}',
  primary key (account_id, id), check ((due_at is not null)::int + (lease_until is not null)::int <= 1)
) with (fillfactor = 70, autovacuum_vacuum_scale_factor = 0.02, autovacuum_analyze_scale_factor = 0.02);
create index message_due on message (account_id, carrier_id, due_at) where due_at is not null;
create index message_overdue on message (deadline) where due_at is not null;
create index message_lease on message (lease_until) where lease_until is not null;
create index message_silent on message (silent_at) where silent_at is not null;
create index message_unheard on message (account_id, carrier_id, silent_at) where silent_at is not null and channel = 'sms';
create index message_of_request on message (account_id, request_id) where request_id is not null;
create index message_age on message using brin (created_at);
create index message_by_id on message (id) where channel = 'email';   -- a bounce address names the message alone
create index message_of_record on message (account_id, record_id) where record_id is not null;
-- A part as the far end knows it.
create table message_part (
  account_id uuid not null, message_id uuid not null, part smallint not null, carrier_id uuid not null, tries smallint not null,
  remote_id text not null default '', status text not null, states text[] not null default '{}', created_at timestamptz not null,
  primary key (account_id, message_id, part)) with (fillfactor = 80);
create index message_part_remote on message_part (carrier_id, remote_id) where remote_id <> '';
-- Receipts that came before the answer to their message, or belong to nothing that we know.
create table stray_receipt (
  account_id uuid not null, carrier_id uuid not null, id uuid not null, remote_id text not null, forms text[] not null, body jsonb not null,
  came_at timestamptz not null, primary key (account_id, carrier_id, id));
create index stray_receipt_forms on stray_receipt using gin (forms);
create index stray_receipt_age on stray_receipt (came_at);
-- What people wrote to us.
create table inbound_text (
  account_id uuid not null, id uuid not null, carrier_id uuid not null, sender text not null, recipient text not null, text text not null,
  came_at timestamptz not null, opted_out boolean not null default false, primary key (account_id, id));
-- Where tracked links lead, by number from 1; ``message.ids`` names the set, as messages of one template share it.
create table mail_link (
  account_id uuid not null, id text not null, targets text[] not null, created_at timestamptz not null, primary key (account_id, id));
-- News of e-mail that fits no message of ours: kept for people, never a status.
create table unknown_report (
  id text primary key, body jsonb not null, came_at timestamptz not null);
grant select, insert, delete on unknown_report to central_worker;
create table message_event (
  account_id uuid not null, message_id uuid not null, id uuid not null, at timestamptz not null, late boolean not null default false,
  kind text not null, from_status text, to_status text, reason text, part smallint, data jsonb,
  primary key (account_id, message_id, id)) partition by range (message_id);

do $$
declare name text;
begin
  foreach name in array array['carrier', 'carrier_route', 'sms_template', 'suppression', 'mail_domain', 'message_content', 'message',
    'message_part', 'stray_receipt', 'inbound_text', 'mail_link', 'message_event']
  loop
    execute format('alter table %I enable row level security', name);
    execute format($p$create policy tenant on %I to central_api
      using (account_id = (select nullif(current_setting('central.account', true), '')::uuid))
      with check (account_id = (select nullif(current_setting('central.account', true), '')::uuid))$p$, name);
    execute format('create policy shard on %I to central_worker using (true) with check (true)', name);
    execute format('grant select, insert, update, delete on %I to central_api, central_worker', name);
  end loop;
end $$;
