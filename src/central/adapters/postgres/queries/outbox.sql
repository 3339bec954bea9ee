-- Step 6, publishing: the queue of webhook events. Batches travel as one jsonb parameter (jsonb_to_recordset).
-- The claim's fence is (owner, tries): every claim raises tries, and a result counts only where both still match.

-- name: claim_deliveries
-- Due events of enabled endpoints, per endpoint at most what is free of its share; of a record only its oldest waiting event.
-- The lock re-checks lease_until, so two publishers never take one row; a record whose first event another one holds is passed over.
with free as (
  select e.account_id, e.id as endpoint_id,
         greatest(0, %(per_endpoint)s::int - (
           select count(*)::int from outbox b
            where b.account_id = e.account_id and b.endpoint_id = e.id and b.state = 'waiting' and b.lease_until > %(at)s)) as n
    from webhook_endpoint e where e.disabled_at is null),
picked as (
  select p.account_id, p.endpoint_id, p.id from free f cross join lateral (
    select o.account_id, o.endpoint_id, o.id, o.due_at from outbox o
     where o.account_id = f.account_id and o.endpoint_id = f.endpoint_id and o.state = 'waiting' and o.due_at <= %(at)s
       and (o.lease_until is null or o.lease_until <= %(at)s)
       and (o.record_id is null or not exists (
         select 1 from outbox b
          where b.account_id = o.account_id and b.endpoint_id = o.endpoint_id and b.record_id = o.record_id
            and b.state = 'waiting' and b.id < o.id))
     order by o.due_at, o.id limit f.n for update of o skip locked) p
   order by p.due_at, p.id limit %(limit)s),
taken as (
  update outbox o set lease_until = %(at)s + %(lease)s, owner = %(owner)s, tries = o.tries + 1,
         first_tried_at = coalesce(o.first_tried_at, %(at)s)
    from picked p where o.account_id = p.account_id and o.endpoint_id = p.endpoint_id and o.id = p.id
  returning o.*)
select t.account_id, t.id, t.endpoint_id, t.record_id, t.request_id, t.event_type, t.occurred_at, t.body, t.tries,
       t.first_tried_at, e.url, e.secrets, e.auth, a.plain_http_webhooks as plain_http
  from taken t
  join webhook_endpoint e on e.account_id = t.account_id and e.id = t.endpoint_id
  join account a on a.id = t.account_id
 order by t.due_at, t.id;

-- name: finish_deliveries
-- results: [{account_id, endpoint_id, id, tries, kind, due_at, error, at, record_id, event_type, status_code, duration_ms, outcome}],
-- kind = delivered | retry | parked. Locks are taken in key order, so two publishers cannot deadlock.
with d as materialized (
  select * from jsonb_to_recordset(%(results)s::jsonb) as d(
    account_id uuid, endpoint_id uuid, id uuid, tries int, kind text, due_at timestamptz, error text, at timestamptz, record_id uuid,
    event_type text, status_code int, duration_ms int, outcome text)),
mine as materialized (
  select o.account_id, o.endpoint_id, o.id, o.record_id, d.due_at, d.error,
         case when d.kind = 'retry' and exists (
           select 1 from webhook_endpoint e where e.account_id = o.account_id and e.id = o.endpoint_id and e.disabled_at is not null)
           then 'parked' else d.kind end as kind
    from outbox o join d on d.account_id = o.account_id and d.endpoint_id = o.endpoint_id and d.id = o.id
   where o.owner = %(owner)s and o.tries = d.tries and o.state = 'waiting'
   order by o.account_id, o.endpoint_id, o.id for update of o),
left_queue as (
  delete from outbox o using mine m
   where o.account_id = m.account_id and o.endpoint_id = m.endpoint_id and o.id = m.id and m.kind = 'delivered'),
kept as (
  update outbox o set state = case m.kind when 'retry' then 'waiting' else 'parked' end, due_at = coalesce(m.due_at, o.due_at),
         lease_until = null, owner = null, last_error = m.error
    from mine m where o.account_id = m.account_id and o.endpoint_id = m.endpoint_id and o.id = m.id and m.kind <> 'delivered'),
behind as (                            -- later events of the record wait too: else each claim would look at them in vain
  update outbox o set due_at = m.due_at from mine m
   where m.kind = 'retry' and o.account_id = m.account_id and o.endpoint_id = m.endpoint_id and o.record_id = m.record_id
     and o.state = 'waiting' and o.lease_until is null and o.id > m.id and o.due_at < m.due_at),
told as (
  insert into delivery (account_id, outbox_id, endpoint_id, record_id, event_type, at, tries, status_code, duration_ms, outcome, error)
  select d.account_id, d.id, d.endpoint_id, d.record_id, d.event_type, d.at, d.tries, d.status_code, d.duration_ms, d.outcome, d.error from d
  on conflict do nothing)
select count(*)::int as finished from mine;

-- name: disable_endpoints
-- endpoints: [{account_id, id}]. What is being sent at this moment is parked when it comes back (finish_deliveries).
with d as materialized (
  select * from jsonb_to_recordset(%(endpoints)s::jsonb) as d(account_id uuid, id uuid)),
disabled as (
  update webhook_endpoint e set disabled_at = %(at)s, disabled_reason = %(reason)s
    from d where e.account_id = d.account_id and e.id = d.id and e.disabled_at is null),
waiting as materialized (
  select o.account_id, o.endpoint_id, o.id from outbox o join d on d.account_id = o.account_id and d.id = o.endpoint_id
   where o.state = 'waiting' and (o.lease_until is null or o.lease_until <= %(at)s)
   order by o.account_id, o.endpoint_id, o.id for update of o)
update outbox o set state = 'parked', lease_until = null, owner = null, last_error = coalesce(o.last_error, 'endpoint disabled')
  from waiting w where o.account_id = w.account_id and o.endpoint_id = w.endpoint_id and o.id = w.id;

-- name: queue_depth
select count(*) filter (where o.state = 'waiting')::int as waiting, count(*) filter (where o.state = 'parked')::int as parked,
       coalesce(%(at)s - min(o.occurred_at) filter (where o.state = 'waiting'), interval '0') as oldest
  from outbox o join webhook_endpoint e on e.account_id = o.account_id and e.id = o.endpoint_id;

-- name: store_bodies
-- bodies: [{account_id, endpoint_id, id, body}]: from now on every try sends the same bytes.
with d as materialized (
  select * from jsonb_to_recordset(%(bodies)s::jsonb) as d(account_id uuid, endpoint_id uuid, id uuid, body jsonb))
update outbox o set body = d.body from d
 where o.account_id = d.account_id and o.endpoint_id = d.endpoint_id and o.id = d.id;

-- name: list_parked
select o.id, o.endpoint_id, o.record_id, o.event_type, o.occurred_at, o.tries, o.first_tried_at, coalesce(o.last_error, '') as last_error
  from outbox o
 where o.account_id = %(account_id)s and o.state = 'parked' and (%(endpoint_id)s::uuid is null or o.endpoint_id = %(endpoint_id)s)
   and (%(after)s::uuid is null or o.id > %(after)s)
 order by o.id limit %(limit)s;

-- name: endpoint_state
select e.disabled_at from webhook_endpoint e where e.account_id = %(account_id)s and e.id = %(endpoint_id)s for share;

-- name: replay_parked
update outbox o set state = 'waiting', due_at = %(at)s, tries = 0, first_tried_at = null, lease_until = null, owner = null
 where o.account_id = %(account_id)s and o.endpoint_id = %(endpoint_id)s and o.state = 'parked'
   and (%(ids)s::uuid[] is null or o.id = any(%(ids)s));
