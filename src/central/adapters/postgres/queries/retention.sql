-- Upkeep: rows whose time is over go in small batches, so that nobody waits for a lock. History by day is dropped as partitions.

-- name: old_idempotency
delete from idempotency where (account_id, key) in (
  select account_id, key from idempotency where created_at < %(before)s limit %(n)s);

-- name: abandoned_uploads
-- Files whose last byte never came and whose receiver died without saying so: their requests end empty (domain 7.2, deadline).
with u as (
  update upload set state = 'failed', error = jsonb_build_object('code', 'upload_interrupted', 'message',
    'The connection ended before the whole file was here.') where (account_id, request_id) in (
    select account_id, request_id from upload where state = 'receiving' and created_at < %(before)s limit %(n)s)
  returning account_id, request_id, error),
gone as (delete from upload_chunk c using u where c.account_id = u.account_id and c.request_id = u.request_id)
update request q set loading = false, error = u.error from u where q.account_id = u.account_id and q.id = u.request_id;

-- name: old_deliveries
delete from delivery where (account_id, outbox_id, endpoint_id, at) in (
  select account_id, outbox_id, endpoint_id, at from delivery where at < %(before)s limit %(n)s);

-- name: old_parked
delete from outbox where (account_id, id) in (
  select account_id, id from outbox where state = 'parked' and occurred_at < %(before)s limit %(n)s);

-- name: old_audit
delete from audit where (account_id, id) in (select account_id, id from audit where at < %(before)s limit %(n)s);

-- name: old_recordings
-- What was deleted is told for as long as the audit trail tells it.
delete from recording where (account_id, id) in (
  select account_id, id from recording where deleted_at < %(before)s limit %(n)s);

-- name: old_ledger
-- The sum of what goes stays as one line, so that the ledger still adds up to the balance.
with old as (
  select account_id, id, amount, reserved from ledger where at < %(before)s and note <> 'carried forward' limit %(n)s),
gone as (delete from ledger l using old o where l.account_id = o.account_id and l.id = o.id returning l.account_id, l.amount, l.reserved)
insert into ledger (account_id, id, at, kind, amount, reserved, note)
select account_id, new_uuid7(), %(before)s, 'correction', sum(amount), sum(reserved), 'carried forward' from gone group by 1
having sum(amount) <> 0 or sum(reserved) <> 0;

-- name: old_records
delete from record where (account_id, id) in (
  select r.account_id, r.id from request q join record r on r.account_id = q.account_id and r.request_id = q.id
   where not q.open and q.created_at < %(before)s and r.changed_at < %(before)s limit %(n)s);

-- name: empty_requests
with old as (
  select q.account_id, q.id from request q where not q.open and q.created_at < %(before)s
     and not exists (select from record r where r.account_id = q.account_id and r.request_id = q.id) limit %(n)s),
tallies as (delete from request_tally t using old o where t.account_id = o.account_id and t.request_id = o.id),
uploads as (delete from upload u using old o where u.account_id = o.account_id and u.request_id = o.id)
delete from request q using old o where q.account_id = o.account_id and q.id = o.id;

-- name: old_agent_events
delete from agent_event where (account_id, agent_id, id) in (
  select account_id, agent_id, id from agent_event where at < %(before)s limit %(n)s);

-- name: old_links
delete from short_link where (account_id, id) in (
  select account_id, id from short_link where expires_at < %(before)s limit %(n)s);

-- name: old_messages
with old as (
  select account_id, id from message where created_at < %(before)s and due_at is null and lease_until is null and silent_at is null limit %(n)s),
parts as (delete from message_part p using old o where p.account_id = o.account_id and p.message_id = o.id)
delete from message m using old o where m.account_id = o.account_id and m.id = o.id;

-- name: old_contents
delete from message_content where (account_id, id) in (
  select account_id, id from message_content where created_at < %(before)s limit %(n)s);

-- name: old_mail_links
delete from mail_link where (account_id, id) in (select account_id, id from mail_link where created_at < %(before)s limit %(n)s);

-- name: old_reports
delete from unknown_report where id in (select id from unknown_report where came_at < %(before)s limit %(n)s);

-- name: old_texts
delete from inbound_text where (account_id, id) in (
  select account_id, id from inbound_text where came_at < %(before)s limit %(n)s);

-- name: old_strays
delete from stray_receipt where (account_id, carrier_id, id) in (
  select account_id, carrier_id, id from stray_receipt where came_at < %(before)s limit %(n)s);
