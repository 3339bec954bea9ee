-- Steps 3 to 5 as a voice node remembers them: one transaction a group commit. Everything is guarded by the record's fence.

-- name: hand_over_legs
-- A leg row before its INVITE. Only legs that come back may be dialled; fresh = not there before (a repeated commit finds its
-- own). The lock on the record makes this and the reaper see each other: either the leg is here when the reaper looks, or the
-- raised fence is here when the leg is written.
with d as materialized (
  select * from jsonb_to_recordset(%(legs)s::jsonb) as d(account_id uuid, record_id uuid, id uuid, fence int, attempt_number smallint,
    position smallint, number_from text, number_to text, trunk_id uuid, handed_at timestamptz, reserved bigint,
    role text)),
held as materialized (
  select r.account_id, r.id as record_id, d.id from record r join d on r.account_id = d.account_id and r.id = d.record_id
   where r.fence = d.fence and r.owner = %(owner)s and r.lease_until is not null
   order by r.account_id, r.id for no key update of r),
added as (
  insert into leg (account_id, record_id, id, attempt_number, position, role, number_from, number_to, trunk_id, node, fence, handed_at,
                   reserved)
  select d.account_id, d.record_id, d.id, d.attempt_number, d.position, d.role, d.number_from, d.number_to, d.trunk_id, %(owner)s, d.fence,
         d.handed_at, d.reserved
    from d join held using (account_id, record_id, id)
  on conflict do nothing returning id)
select h.account_id, h.record_id, h.id, a.id is not null as fresh from held h left join added a using (id);

-- name: reserve_legs
-- Further legs that can be paid: their attempts give the money back when they end.
update attempt a set reserved = a.reserved + d.reserved
  from (select account_id, record_id, attempt_number, sum(reserved)::bigint as reserved
          from jsonb_to_recordset(%(legs)s::jsonb) as d(account_id uuid, record_id uuid, attempt_number smallint, reserved bigint)
         group by 1, 2, 3) d
 where a.account_id = d.account_id and a.record_id = d.record_id and a.number = d.attempt_number;

-- name: refuse_legs
-- Further legs that cannot be paid are never dialled: their rows go again, in the transaction that made them.
delete from leg l using jsonb_to_recordset(%(legs)s::jsonb) as d(account_id uuid, record_id uuid, id uuid)
 where l.account_id = d.account_id and l.record_id = d.record_id and l.id = d.id;

-- name: answer_legs
-- An open leg obeys whoever leases its record: the reaper puts its own fence on the open legs of what it takes over.
update leg l set connect_at = d.at, sip_call_id = coalesce(d.sip_call_id, l.sip_call_id)
  from jsonb_to_recordset(%(legs)s::jsonb) as d(account_id uuid, record_id uuid, id uuid, at timestamptz, sip_call_id text, fence int)
 where l.account_id = d.account_id and l.record_id = d.record_id and l.id = d.id and l.fence = d.fence and l.status is null;

-- name: end_legs
-- Only an open leg takes its end, and only from whoever leases its record; counts of connection statuses are kept with it.
with d as materialized (
  select * from jsonb_to_recordset(%(legs)s::jsonb) as d(account_id uuid, record_id uuid, request_id uuid, id uuid, ring_at timestamptz,
    connect_at timestamptz, end_at timestamptz, status text, code smallint, q850 smallint, sip_code smallint, local text, phase text,
    hangup_by text, answered_ms int, cost bigint, sip_call_id text, digits jsonb, engine jsonb, fence int)),
ended as (
  update leg l set ring_at = d.ring_at, connect_at = coalesce(l.connect_at, d.connect_at), end_at = d.end_at, status = d.status,
         code = d.code, q850 = d.q850, sip_code = d.sip_code, local = d.local, phase = d.phase, hangup_by = d.hangup_by,
         answered_ms = d.answered_ms, cost = d.cost, sip_call_id = coalesce(d.sip_call_id, l.sip_call_id), digits = d.digits,
         engine = d.engine
    from d where l.account_id = d.account_id and l.record_id = d.record_id and l.id = d.id and l.fence = d.fence and l.status is null
  returning l.account_id, d.request_id, l.status, l.id),
tallied as (
  insert into request_tally (account_id, request_id, counter, n)
  select account_id, request_id, 'call:' || status, count(*) from ended group by 1, 2, 3)
select id from ended;

-- name: add_events
insert into event (account_id, record_id, id, at, late, kind, from_status, to_status, reason, actor, data)
select d.account_id, d.record_id, d.id, d.at, coalesce(d.late, false), d.kind, d.from_status, d.to_status, d.reason,
       coalesce(d.actor, 'central'), d.data
  from jsonb_to_recordset(%(events)s::jsonb) as d(account_id uuid, record_id uuid, id uuid, at timestamptz, late boolean, kind text,
    from_status text, to_status text, reason text, actor text, data jsonb)
on conflict do nothing;

-- name: finish
-- The record's next status together with the event that caused it. Answers per result: accepted; held (request or flow is
-- paused or being stopped: decide again); unlawful (no such edge); lost (the lease is somebody else's now).
with d as materialized (
  select * from jsonb_to_recordset(%(results)s::jsonb) as d(account_id uuid, id uuid, fence int, attempt_number smallint, status text,
    reason text, due_at timestamptz, held_status text, held_due_at timestamptz, attempts_charged smallint, platform_faults smallint,
    struck smallint, last_call_status text, result text, outcome text, charged boolean, cost bigint, variables jsonb, event_id uuid,
    at timestamptz, data jsonb, agent_charged smallint, budget text, abandoned boolean)),
held as materialized (   -- by itself: joined with requests at once, all records of an account may be read to find these
  select r.account_id, r.id, r.request_id, r.status as old_status, r.changed_at from d join record r on r.account_id = d.account_id and r.id = d.id
   where r.fence = d.fence and r.lease_until is not null
   order by r.account_id, r.id for no key update of r),
locked as materialized (
  select h.*, q.control, q.flow_id, f.control as flow_control from held h
    join request q on q.account_id = h.account_id and q.id = h.request_id
    join flow f on f.account_id = q.account_id and f.id = q.flow_id),
accepted as materialized (
  select l.request_id, l.old_status, l.flow_id, c.final, c.counts_as = 'pending' as pending, d.*,
         -- later than the change before it, whatever the clocks of those who made them say
         greatest(d.at, l.changed_at + interval '1 microsecond') as moved_at
    from d join locked l using (account_id, id)
    join move m on m.family = 'flow' and m.from_status = l.old_status and m.to_status = d.status
    join status_catalogue c on c.family = 'flow' and c.name = d.status
   where d.due_at is null or (l.control = 'running' and l.flow_control = 'running')),
done as (
  update record r set status = a.status, reason = a.reason, due_at = a.due_at, lease_until = null, owner = null,
         held_status = a.held_status, held_due_at = a.held_due_at, attempts_charged = coalesce(a.attempts_charged, r.attempts_charged),
         agent_charged = coalesce(a.agent_charged, r.agent_charged),
         platform_faults = coalesce(a.platform_faults, r.platform_faults), struck = coalesce(a.struck, r.struck),
         last_call_status = coalesce(a.last_call_status, r.last_call_status), changed_at = a.moved_at
    from accepted a where r.account_id = a.account_id and r.id = a.id returning r.account_id, r.id),
closed as (
  update attempt t set ended_at = a.at, outcome = a.outcome, result = a.result, charged = a.charged, cost = a.cost, variables = a.variables,
         budget = nullif(a.budget, 'customer'), abandoned = coalesce(a.abandoned, false)
    from accepted a where t.account_id = a.account_id and t.record_id = a.id and t.number = a.attempt_number
  returning t.account_id, t.reserved, t.cost),
told as (
  insert into event (account_id, record_id, id, at, kind, from_status, to_status, reason, data)
  select a.account_id, a.id, a.event_id, a.moved_at, case when a.final then 'record_ended' else 'record_rescheduled' end,
         a.old_status, a.status, a.reason, a.data from accepted a),
tallied as (
  insert into request_tally (account_id, request_id, counter, n, pending)
  select g.account_id, g.request_id, t.counter, sum(t.n), t.pending
    from (select account_id, request_id, old_status, status, final, pending, reason, count(*) as n from accepted group by 1, 2, 3, 4, 5, 6, 7) g
   cross join lateral (values ('status:' || g.old_status, -g.n, true), ('status:' || g.status, g.n, g.pending),
     (case when g.final and g.reason <> '' then 'reason:' || g.reason end, g.n, false)) as t(counter, n, pending)
   where t.counter is not null group by 1, 2, 3, 5 having sum(t.n) <> 0),
due as materialized (
  select account_id, sum(reserved) as reserved, sum(cost) as cost, count(*) as records from closed group by 1
  having sum(reserved) <> 0 or sum(cost) <> 0),
purse as materialized (
  select b.account_id from balance b join due using (account_id) order by b.account_id for no key update of b),
paid as (
  update balance b set balance = b.balance - x.cost, reserved = b.reserved - x.reserved
    from due x join purse using (account_id) where b.account_id = x.account_id returning b.account_id),
booked as (
  insert into ledger (account_id, id, at, kind, amount, reserved, records)
  select x.account_id, new_uuid7(), %(now)s, 'settle', -x.cost, -x.reserved, x.records from due x join paid using (account_id)),
published as (
  insert into outbox (account_id, id, endpoint_id, record_id, request_id, event_type, occurred_at, body)
  select a.account_id, new_uuid7(case v.type when 'record.final' then 2 else 1 end), e.id, a.id, a.request_id, v.type, a.moved_at,
         case v.type when 'record.status' then jsonb_build_object('record_id', a.id, 'request_id', a.request_id,
           'status', a.status, 'previous', a.old_status, 'reason', a.reason) end
    from accepted a join webhook_endpoint e on e.account_id = a.account_id and e.disabled_at is null
     and (e.flow_id is null or e.flow_id = a.flow_id)
   cross join (values ('record.status'), ('record.final')) as v(type)
   where v.type = any(e.events) and (v.type = 'record.status' or a.final))
select d.account_id, d.id, case when a.id is not null then 'accepted'
         when exists (select from event e where e.account_id = d.account_id and e.record_id = d.id and e.id = d.event_id) then 'accepted'
         when l.id is null then 'lost'
         when d.due_at is not null and l.control = 'running' and l.flow_control = 'running' then 'unlawful'
         when d.due_at is not null then case when 'paused' in (l.control, l.flow_control) then 'paused' else 'stopping' end
         else 'unlawful' end as answer
  from d left join accepted a using (account_id, id) left join locked l on l.account_id = d.account_id and l.id = d.id;

-- name: sleep
-- A run that waits without a leg: kept, and its record given back, due when the wait is over. Answers the records that were ours;
-- a repeated commit finds its own event.
with d as materialized (
  select * from jsonb_to_recordset(%(rows)s::jsonb) as d(account_id uuid, id uuid, request_id uuid, fence int, attempt_number smallint,
    attempt_id uuid, at timestamptz, due_at timestamptz, kept text, result text, charged boolean, platform_fault boolean, struck smallint,
    last_call_status text, cost bigint, event_id uuid, data jsonb)),
held as materialized (
  select r.account_id, r.id from d join record r on r.account_id = d.account_id and r.id = d.id
   where r.fence = d.fence and r.owner = %(owner)s and r.lease_until is not null and r.status = 'IN_PROGRESS'
   order by r.account_id, r.id for no key update of r),
given as (
  update record r set due_at = d.due_at, lease_until = null, owner = null,
         changed_at = greatest(d.at, r.changed_at + interval '1 microsecond')
    from d join held using (account_id, id) where r.account_id = d.account_id and r.id = d.id
  returning d.*, r.changed_at as moved_at),
stored as (
  insert into sleeping_run (account_id, record_id, request_id, attempt_number, attempt_id, due_at, kept, result, charged, platform_fault,
                            struck, last_call_status, cost)
  select account_id, id, request_id, attempt_number, attempt_id, due_at, kept, result, charged, platform_fault, struck, last_call_status,
         cost from given),
told as (
  insert into event (account_id, record_id, id, at, kind, data)
  select account_id, id, event_id, moved_at, 'run_put_to_sleep', data from given)
select d.account_id, d.id from d left join given g on g.account_id = d.account_id and g.id = d.id
 where g.id is not null
    or exists (select from event e where e.account_id = d.account_id and e.record_id = d.id and e.id = d.event_id);

-- name: add_traces
insert into sip_trace (account_id, record_id, leg_id, sip_call_id, messages, dropped, blob)
values (%(account_id)s, %(record_id)s, %(leg_id)s, %(sip_call_id)s, %(messages)s, %(dropped)s, %(blob)s)
on conflict do nothing;

-- name: extend
-- Keep the lease of exactly the records this node works on; what does not come back was taken away. Locks in key order.
with held as materialized (
  select r.account_id, r.id from record r
    join jsonb_to_recordset(%(records)s::jsonb) as d(account_id uuid, id uuid, fence int) on r.account_id = d.account_id and r.id = d.id
   where r.fence = d.fence and r.owner = %(owner)s and r.lease_until is not null
   order by r.account_id, r.id for no key update of r)
update record r set lease_until = now() + %(lease)s::interval from held h where r.account_id = h.account_id and r.id = h.id
returning r.account_id, r.id;

-- name: stopping
-- Which of the records that this node works on are to be cut off: force stop of the request.
select r.account_id, r.id from record r join request q on q.account_id = r.account_id and q.id = r.request_id
 where r.lease_until is not null and r.owner = %(owner)s and q.force_stop;
