-- Which flow a text from a person starts, and what became of it. Texts that came together and start one flow share a request.
create table text_route (
  account_id uuid not null, id uuid not null, recipient text not null default '', keyword text not null default '', carrier_id uuid,
  flow_id text not null, created_at timestamptz not null, primary key (account_id, id),
  foreign key (account_id, flow_id) references flow (account_id, id) on delete cascade,
  unique nulls not distinct (account_id, recipient, keyword, carrier_id));

alter table inbound_text add column flow_id text;
alter table inbound_text add column request_id uuid;
alter table inbound_text add column start_state text not null default '';
alter table inbound_text add column start_detail text not null default '';
-- squawk-ignore require-concurrent-index-creation
create index inbound_text_waits on inbound_text (request_id) where start_state = 'waits';
-- squawk-ignore require-concurrent-index-creation
create index inbound_text_sender on inbound_text (account_id, sender, came_at);

alter table text_route enable row level security;
create policy tenant on text_route to central_api
  using (account_id = (select nullif(current_setting('central.account', true), '')::uuid))
  with check (account_id = (select nullif(current_setting('central.account', true), '')::uuid));
create policy shard on text_route to central_worker using (true) with check (true);
grant select, insert, update, delete on text_route to central_api, central_worker;
