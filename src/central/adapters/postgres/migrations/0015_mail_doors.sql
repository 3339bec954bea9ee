-- How the mailbox is that a relay's reports come back to.
alter table carrier add column mailbox_state text not null default '';

-- A second signature of a domain: made with it, used once its record is published. ed25519_selector '' = it has none.
alter table mail_domain add column ed25519_selector text not null default '';
alter table mail_domain add column ed25519_key text not null default '';
alter table mail_domain add column ed25519_verified_at timestamptz;

-- Files that e-mails bring along, by the name that flows and e-mails call them.
create table account_file (
  account_id uuid not null references account (id), name text not null, media_type text not null, size_bytes int not null,
  sha256 text not null, content bytea not null, created_at timestamptz not null, primary key (account_id, name));
alter table account_file alter column content set storage external;
alter table account_file enable row level security;
create policy tenant on account_file to central_api
  using (account_id = (select nullif(current_setting('central.account', true), '')::uuid))
  with check (account_id = (select nullif(current_setting('central.account', true), '')::uuid));
create policy shard on account_file to central_worker using (true) with check (true);
grant select, insert, update, delete on account_file to central_api;
grant select on account_file to central_worker;
