-- The index of recordings: nodes add (step 4), the API and webhooks read, the upkeep takes away.

-- name: add_recordings
-- rows: [{account_id, ...}]; kept for the account's own number of days (settings.keep_recordings_days), else %(keep_days)s.
insert into recording (account_id, id, record_id, leg_id, step, name, seconds, channels, bytes, sha256, key, created_at, expires_at)
select d.account_id, d.id, d.record_id, d.leg_id, d.step, d.name, d.seconds, d.channels, d.bytes, d.sha256, d.key, d.created_at,
       d.created_at + make_interval(days => case when jsonb_typeof(a.settings -> 'keep_recordings_days') = 'number'
         then (a.settings ->> 'keep_recordings_days')::int else %(keep_days)s end)
  from jsonb_to_recordset(%(rows)s::jsonb)
    as d(account_id uuid, id uuid, record_id uuid, leg_id uuid, step text, name text, seconds double precision, channels smallint,
         bytes bigint, sha256 text, key text, created_at timestamptz)
  join account a on a.id = d.account_id
on conflict (account_id, id) do nothing;

-- name: recordings_of_record
select r.account_id, r.id, r.record_id, r.leg_id, r.step, r.name, r.seconds, r.channels, r.bytes, r.sha256, r.key, r.created_at,
       r.expires_at, r.deleted_at
  from recording r where r.account_id = %(account_id)s and r.record_id = %(record_id)s order by r.created_at, r.id;

-- name: recording
select r.account_id, r.id, r.record_id, r.leg_id, r.step, r.name, r.seconds, r.channels, r.bytes, r.sha256, r.key, r.created_at,
       r.expires_at, r.deleted_at
  from recording r where r.account_id = %(account_id)s and r.id = %(id)s;

-- name: expired_recordings
-- across accounts: the upkeep deletes for all accounts of the shard.
select r.account_id, r.id, r.record_id, r.leg_id, r.step, r.name, r.seconds, r.channels, r.bytes, r.sha256, r.key, r.created_at,
       r.expires_at, r.deleted_at
  from recording r where r.deleted_at is null and r.expires_at <= %(now)s order by r.expires_at limit %(limit)s;

-- name: recordings_deleted
-- rows: [{account_id, id}]: the row stays as it is but for the time, and the account's audit trail says what was deleted and why.
with gone as (
  update recording r set deleted_at = %(at)s
    from jsonb_to_recordset(%(rows)s::jsonb) as d(account_id uuid, id uuid)
   where r.account_id = d.account_id and r.id = d.id and r.deleted_at is null
  returning r.account_id, r.id, r.record_id, r.name, r.expires_at)
insert into audit (account_id, id, at, actor, action, object, detail)
select g.account_id, new_uuid7(), %(at)s, 'retention', 'recording_deleted', 'recording:' || g.id,
       jsonb_build_object('record_id', g.record_id, 'name', g.name, 'expired_at', g.expires_at)
  from gone g;
