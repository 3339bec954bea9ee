-- Upkeep: rows whose time is over go in small batches, so that nobody waits for a lock. History by day is dropped as partitions.

-- name: old_idempotency
delete from idempotency where (account_id, key) in (
  select account_id, key from idempotency where created_at < %(before)s limit %(n)s);

-- name: old_deliveries
delete from delivery where (account_id, outbox_id, endpoint_id, at) in (
  select account_id, outbox_id, endpoint_id, at from delivery where at < %(before)s limit %(n)s);

-- name: old_parked
delete from outbox where (account_id, id) in (
  select account_id, id from outbox where state = 'parked' and occurred_at < %(before)s limit %(n)s);

-- name: old_audit
delete from audit where (account_id, id) in (select account_id, id from audit where at < %(before)s limit %(n)s);

-- name: old_ledger
-- The sum of what goes stays as one line, so that the ledger still adds up to the balance.
with old as (
  select account_id, id, amount from ledger where at < %(before)s and note <> 'carried forward' limit %(n)s),
gone as (delete from ledger l using old o where l.account_id = o.account_id and l.id = o.id returning l.account_id, l.amount)
insert into ledger (account_id, id, at, kind, amount, note)
select account_id, new_uuid7(), %(before)s, 'correction', sum(amount), 'carried forward' from gone group by 1 having sum(amount) <> 0;

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
