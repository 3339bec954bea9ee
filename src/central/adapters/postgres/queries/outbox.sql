-- Step 6, publishing: the queue of webhook events. Batches travel as one jsonb parameter (jsonb_to_recordset).
-- The claim's fence is (owner, tries): every claim raises tries, and a result counts only where both still match.

-- name: walk_in_order
-- For the rest of the transaction: what an index can give in order is never sorted, so a limit ends the walk.
select set_config('enable_sort', 'off', true);

-- name: claim_deliveries
-- Due events of enabled endpoints, per endpoint at most what is free of its share; of a record only its oldest waiting event.
-- Bounded work: per free place ten rows of the queue are looked at. Those that stand behind another event of their record are
-- put off, so that the next claim looks further; when that event is through, finish_deliveries calls them back (and should the
-- two miss each other, they come back by themselves when a lease's time is over).
-- Places go round: to the account that holds the fewest, within it to the endpoint that got the fewest, then to the oldest.
-- The lock re-checks lease_until, so two publishers never take one row; a record whose first event another one holds is passed
-- over. Without sorting (walk_in_order), with a comparison of whole index rows, and by ctid (of rows locked here) the planner has
-- no way but short walks of outbox_due and outbox_order, whatever it believes: old statistics once made this claim take 20 s.
with busy as (
  select e.account_id, e.id as endpoint_id, h.n as held, sum(h.n) over (partition by e.account_id) as account_held
    from webhook_endpoint e cross join lateral (
      select count(*)::int as n from (
        select b.account_id from outbox b
         where b.account_id = e.account_id and b.endpoint_id = e.id and b.lease_until > %(at)s
         order by b.lease_until limit %(per_endpoint)s) x) h
   where e.disabled_at is null),
seen as materialized (
  select s.*, %(per_endpoint)s::int - b.held as share, b.account_held from busy b cross join lateral (
    select o.ctid as place, o.account_id, o.endpoint_id, o.record_id, o.id, o.due_at from outbox o
     where o.account_id = b.account_id and o.endpoint_id = b.endpoint_id and o.state = 'waiting' and o.due_at <= %(at)s
       and (o.lease_until is null or o.lease_until <= %(at)s)
     order by o.due_at, o.id limit 10 * greatest(0, least(%(per_endpoint)s::int - b.held, %(limit)s::int)) for update of o skip locked) s),
ordered as materialized (
  select s.*, s.record_id is null or s.id = (
    select b.id from outbox b
     where (b.account_id, b.endpoint_id, b.record_id) >= (s.account_id, s.endpoint_id, s.record_id) and b.state = 'waiting'
       and (b.account_id, b.endpoint_id, b.record_id) <= (s.account_id, s.endpoint_id, s.record_id) and b.record_id is not null
     order by b.account_id, b.endpoint_id, b.record_id, b.id limit 1) as is_first from seen s),
turns as (
  select o.*, row_number() over (partition by o.account_id, o.endpoint_id order by o.due_at, o.id) as turn from ordered o where o.is_first),
picked as (
  select t.place, row_number() over (partition by t.account_id order by t.turn, t.due_at, t.id) + t.account_held as in_account
    from turns t where t.turn <= t.share order by in_account, t.due_at, t.id limit %(limit)s),
put_off as (
  update outbox o set due_at = %(at)s + %(lease)s where o.ctid = any(array(select b.place from ordered b where not b.is_first))),
taken as (
  update outbox o set lease_until = %(at)s + %(lease)s, owner = %(owner)s, tries = o.tries + 1,
         first_tried_at = coalesce(o.first_tried_at, %(at)s)
   where o.ctid = any(array(select p.place from picked p))
  returning o.*)
select t.account_id, t.id, t.endpoint_id, t.record_id, t.request_id, t.event_type, t.occurred_at, t.body, t.tries,
       t.first_tried_at, e.url, e.secrets, e.auth, a.plain_http_webhooks as plain_http
  from taken t
  join webhook_endpoint e on e.account_id = t.account_id and e.id = t.endpoint_id
  join account a on a.id = t.account_id
 order by t.due_at, t.id;

-- name: finish_deliveries
-- results: [{account_id, endpoint_id, id, tries, kind, due_at, error, at, record_id, event_type, status_code, duration_ms, outcome}],
-- kind = delivered | retry | parked. Locks are taken in key order, so two publishers cannot deadlock. As in the claim, whole index
-- rows are compared, so that the next event of a record is found by outbox_order, not by walking all that waits.
with d as materialized (
  select * from jsonb_to_recordset(%(results)s::jsonb) as d(
    account_id uuid, endpoint_id uuid, id uuid, tries int, kind text, due_at timestamptz, error text, at timestamptz, record_id uuid,
    event_type text, status_code int, duration_ms int, outcome text)),
mine as materialized (
  select o.account_id, o.endpoint_id, o.id, o.record_id, d.due_at, d.error,
         case when d.kind = 'retry' and exists (
           select 1 from webhook_endpoint e where e.account_id = o.account_id and e.id = o.endpoint_id and e.disabled_at is not null)
           then 'parked' else d.kind end as kind
    from (select * from d order by d.account_id, d.id) d
   cross join lateral (
     select x.account_id, x.endpoint_id, x.id, x.record_id, x.state from outbox x
      where x.account_id = d.account_id and x.id = d.id and x.owner = %(owner)s and x.tries = d.tries limit 1 for update) o
   where o.state = 'waiting'),          -- asked here, so that no partial index is in the way of the key
left_queue as (
  delete from outbox o using mine m
   where o.account_id = m.account_id and o.endpoint_id = m.endpoint_id and o.id = m.id and m.kind = 'delivered'),
kept as (
  update outbox o set state = case m.kind when 'retry' then 'waiting' else 'parked' end, due_at = coalesce(m.due_at, o.due_at),
         lease_until = null, owner = null, last_error = m.error
    from mine m where o.account_id = m.account_id and o.endpoint_id = m.endpoint_id and o.id = m.id and m.kind <> 'delivered'),
following as materialized (            -- the next event of the record: found first, then looked up by its key
  select m.account_id, n.id from mine m cross join lateral (
      select b.id from outbox b
       where (b.account_id, b.endpoint_id, b.record_id) >= (m.account_id, m.endpoint_id, m.record_id) and b.state = 'waiting'
         and (b.account_id, b.endpoint_id, b.record_id) <= (m.account_id, m.endpoint_id, m.record_id) and b.record_id is not null
         and b.id > m.id
       order by b.account_id, b.endpoint_id, b.record_id, b.id limit 1) n
   where m.kind <> 'retry'),
called_back as (                       -- claims have put it off; now it has its turn by age
  update outbox o set due_at = o.occurred_at
    from following f where o.account_id = f.account_id and o.id = f.id and o.lease_until is null and o.due_at > o.occurred_at),
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
