-- A version plays the recordings that its prompts meant when it was frozen, and the operator may take capabilities away.

-- As the flow asks (name, language) and what it gets. A use without a row was frozen before this, or lacked its recording then.
create table version_prompt (
  account_id uuid not null, version_id uuid not null, name text not null, language text not null, sha256 text not null,
  seconds real not null, primary key (account_id, version_id, name, language),
  foreign key (account_id, version_id) references flow_version (account_id, id) on delete cascade);
create index version_prompt_content on version_prompt (sha256);
create index version_prompt_name on version_prompt (account_id, name);
alter table version_prompt enable row level security;
create policy tenant on version_prompt to central_api
  using (account_id = (select nullif(current_setting('central.account', true), '')::uuid))
  with check (account_id = (select nullif(current_setting('central.account', true), '')::uuid));
create policy shard on version_prompt to central_worker using (true) with check (true);
grant select, insert on version_prompt to central_api;
grant select on version_prompt to central_worker;
-- squawk-ignore require-concurrent-index-creation
create index prompt_content on prompt (sha256);

alter table account add column recording boolean not null default true;
alter table account add column sms boolean not null default true;
alter table account add column email boolean not null default true;
