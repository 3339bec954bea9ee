-- Runs that sleep: what a voice node needs to go on with an attempt whose flow waits without a leg. The record keeps its status and
-- is due when the wait is over; the row goes when a claim wakes the run, or when the record ends without that.
create table sleeping_run (
  account_id uuid not null, record_id uuid not null, request_id uuid not null, attempt_number smallint not null, attempt_id uuid not null,
  due_at timestamptz not null,                           -- when the wait is over; the record's own due time may be later
  kept text not null,                                    -- the run and what its driver knew, JSON
  result text not null, charged boolean not null, platform_fault boolean not null, struck smallint not null,
  last_call_status text, cost bigint not null,           -- how the attempt is closed if it never goes on
  primary key (account_id, record_id));
create index sleeping_run_of_request on sleeping_run (account_id, request_id);
alter table sleeping_run enable row level security;
create policy tenant on sleeping_run to central_api
  using (account_id = (select nullif(current_setting('central.account', true), '')::uuid))
  with check (account_id = (select nullif(current_setting('central.account', true), '')::uuid));
create policy shard on sleeping_run to central_worker using (true) with check (true);
grant select, delete on sleeping_run to central_api;
grant select, insert, update, delete on sleeping_run to central_worker;
