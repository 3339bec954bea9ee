-- What was recorded: a row is written once its file is in the storage, and stays after the file was deleted, as the deletion log.
create table recording (
  account_id uuid not null references account (id), id uuid not null, record_id uuid not null, leg_id uuid not null,
  step text not null default '',                         -- of the Record step; empty = the whole call
  name text not null, seconds double precision not null, channels smallint not null, bytes bigint not null, sha256 text not null,
  key text not null,                                     -- its place in the storage
  created_at timestamptz not null, expires_at timestamptz not null, deleted_at timestamptz, primary key (account_id, id));
create index recording_of_record on recording (account_id, record_id);
create index recording_expired on recording (expires_at) where deleted_at is null;
create index recording_deleted on recording (deleted_at) where deleted_at is not null;
alter table recording enable row level security;
create policy tenant on recording to central_api
  using (account_id = (select nullif(current_setting('central.account', true), '')::uuid))
  with check (account_id = (select nullif(current_setting('central.account', true), '')::uuid));
create policy shard on recording to central_worker using (true) with check (true);
grant select on recording to central_api;
grant select, insert, update, delete on recording to central_worker;
