-- What people are answered who write HELP, STOP or START, and which texts wait for an answer, have it, or get none.
create table text_answer (
  account_id uuid not null, id uuid not null, recipient text not null default '', wish text not null, text text not null,
  created_at timestamptz not null, primary key (account_id, id), unique (account_id, recipient, wish),
  check (wish in ('help', 'stop', 'start')));

alter table inbound_text add column wish text not null default '';
alter table inbound_text add column answer_state text not null default '';
-- squawk-ignore require-concurrent-index-creation
create index inbound_text_owed on inbound_text (id) where answer_state = 'waits';

alter table text_answer enable row level security;
create policy tenant on text_answer to central_api
  using (account_id = (select nullif(current_setting('central.account', true), '')::uuid))
  with check (account_id = (select nullif(current_setting('central.account', true), '')::uuid));
create policy shard on text_answer to central_worker using (true) with check (true);
grant select, insert, update, delete on text_answer to central_api, central_worker;
