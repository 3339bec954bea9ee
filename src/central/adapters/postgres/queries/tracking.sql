-- Step 5 for records that nobody works on: expired leases, control actions, folding of counts, closing of requests.

-- name: disown
-- A node that starts again under its own name: its earlier life is over, so its leases end now and the reaper takes them.
update record set lease_until = now() - interval '1 second'
 where lease_until is not null and owner like %(node)s || '/%%' and owner <> %(owner)s and lease_until > now();

-- name: release_strays
-- Records leased by me that I do not know: a claim whose commit was acknowledged into a broken connection.
update record r set lease_until = now() - interval '1 second'
 where r.lease_until is not null and r.owner = %(owner)s
   and not exists (select from jsonb_to_recordset(%(known)s::jsonb) as k(account_id uuid, id uuid)
                    where k.account_id = r.account_id and k.id = r.id);

-- name: reap
-- An expired lease says nothing about what was sent: raise the fence, mark the attempt uncertain, hand over to reconciliation.
-- Its open legs take the fence too: what the earlier owner still says of them comes too late, so that what is read now stays.
with lost as materialized (
  select account_id, id, fence from record where lease_until < now() order by lease_until limit %(n)s for update skip locked),
taken as (
  update record r set lease_until = now() + %(lease)s::interval, owner = %(owner)s, fence = r.fence + 1
    from lost l where r.account_id = l.account_id and r.id = l.id
  returning r.account_id, r.id, r.request_id, r.fence, r.attempts_made, r.attempts_charged, r.platform_faults, r.struck, r.numbers,
            r.expires_at, r.time_zone, r.status, r.agent_charged),
marked as (
  update attempt a set outcome = 'uncertain' from taken t
   where a.account_id = t.account_id and a.record_id = t.id and a.number = t.attempts_made and a.outcome is null),
stamped as (
  update leg l set fence = t.fence from taken t where l.account_id = t.account_id and l.record_id = t.id and l.status is null)
select t.*, q.flow_version_id, q.flow_id, q.end_at, q.control, q.force_stop from taken t
  join request q on q.account_id = t.account_id and q.id = t.request_id;

-- name: legs_of
select l.account_id, l.record_id, l.id, l.attempt_number, l.position, l.number_to, l.handed_at, l.connect_at, l.end_at, l.status,
       l.answered_ms, l.hangup_by, l.cost, l.role
  from leg l join jsonb_to_recordset(%(records)s::jsonb) as d(account_id uuid, id uuid, attempt smallint)
    on l.account_id = d.account_id and l.record_id = d.id and l.attempt_number = d.attempt
 order by l.account_id, l.record_id, l.position, l.handed_at;

-- name: deeds_of
-- What attempts without a leg have done since they began: a message that waits to go or went, an errand that was begun.
with d as materialized (
  select a.account_id, a.record_id, a.started_at from jsonb_to_recordset(%(records)s::jsonb) as d(account_id uuid, id uuid, attempt smallint)
    join attempt a on a.account_id = d.account_id and a.record_id = d.id and a.number = d.attempt)
select d.record_id, 'message' as deed from d
 where exists (select from message m where m.account_id = d.account_id and m.record_id = d.record_id and m.created_at >= d.started_at
                and (m.due_at is not null or m.handed_at is not null))
union all
select d.record_id, 'errand' from d
 where exists (select from event e where e.account_id = d.account_id and e.record_id = d.record_id and e.at >= d.started_at
                and e.kind = 'errand_begun');

-- name: fold_tallies
-- Fresh changes become one row a counter; zero rows disappear. Rows locked by another folder are left for later.
with dirty as (
  select distinct account_id, request_id from (select account_id, request_id from request_tally where fresh limit %(n)s) x),
bit as materialized (
  select t.ctid, t.account_id from request_tally t join dirty d on d.account_id = t.account_id and d.request_id = t.request_id
     for update of t skip locked),
gone as (
  delete from request_tally t using bit b where t.ctid = b.ctid and t.account_id = b.account_id
  returning t.account_id, t.request_id, t.counter, t.n, t.pending)
insert into request_tally (account_id, request_id, counter, n, pending, fresh)
select account_id, request_id, counter, sum(n), bool_or(pending), false from gone group by 1, 2, 3 having sum(n) <> 0;

-- name: close_days
-- A request of inbound calls takes no more of them a day after its first: then it may be completed.
update request set loading = false where open and loading and source = 'inbound' and created_at < %(now)s - interval '25 hours';

-- name: close_requests
-- Completed = loading done and nothing pending (domain 7.5).
with quiet as (
  select q.account_id, q.id, q.flow_id, q.published_status from request q
   where q.open and not q.loading
     and coalesce((select sum(t.n) from request_tally t where t.account_id = q.account_id and t.request_id = q.id and t.pending), 0) = 0
   limit %(n)s for update of q skip locked),
closed as (
  update request q set open = false, published_status = 'Completed',
         control = case when q.control = 'stopping' then 'stopped' else q.control end
    from quiet x where q.account_id = x.account_id and q.id = x.id returning q.account_id, q.id, q.flow_id)
insert into outbox (account_id, id, endpoint_id, request_id, event_type, occurred_at, body)
select c.account_id, new_uuid7(), e.id, c.id, 'request.status', %(now)s,
       jsonb_build_object('request_id', c.id, 'flow_id', c.flow_id, 'status', 'Completed')
  from closed c join webhook_endpoint e on e.account_id = c.account_id and e.disabled_at is null
   and (e.flow_id is null or e.flow_id = c.flow_id) and 'request.status' = any(e.events);

-- name: controlled_requests
-- Requests whose control (or flow's control) asks that waiting records move; running ones with records still in PAUSE were
-- resumed by a process that died before it was through.
select q.account_id, q.id, q.flow_id, case when q.control = 'running' then f.control else q.control end as control
  from request q join flow f on f.account_id = q.account_id and f.id = q.flow_id
 where q.open and (q.control in ('paused', 'stopping') or f.control in ('paused', 'stopping')
    or q.control = 'running' and coalesce((select sum(t.n) from request_tally t
         where t.account_id = q.account_id and t.request_id = q.id and t.counter = 'status:PAUSE'), 0) > 0);

-- Each change of a status is later than the one before it, whatever the clocks of those who made them say: who decided first may
-- be the last to get the row.

-- name: hold_waiting
-- Pause: waiting records become PAUSE and remember what they were and when they were due.
with w as materialized (
  select r.account_id, r.id, r.request_id, r.status, r.due_at from record r
   where r.account_id = %(account_id)s and r.request_id = %(request_id)s and r.due_at is not null
   order by r.due_at limit %(n)s for update skip locked),
held as (
  update record r set status = 'PAUSE', held_status = w.status, held_due_at = w.due_at, due_at = null,
         changed_at = greatest(%(now)s, r.changed_at + interval '1 microsecond')
    from w join move m on m.family = 'flow' and m.from_status = w.status and m.to_status = 'PAUSE'
   where r.account_id = w.account_id and r.id = w.id
  returning r.account_id, r.id, r.request_id, w.status as old_status, r.changed_at as moved_at),
told as (
  insert into event (account_id, record_id, id, at, kind, from_status, to_status, reason, actor)
  select account_id, id, new_uuid7(), moved_at, 'record_paused', old_status, 'PAUSE', 'paused_by_user', %(actor)s from held),
tallied as (
  insert into request_tally (account_id, request_id, counter, n, pending)
  select account_id, request_id, t.counter, sum(t.n), true from held
   cross join lateral (values ('status:' || old_status, -1), ('status:PAUSE', 1)) as t(counter, n) group by 1, 2, 3 having sum(t.n) <> 0),
published as (
  insert into outbox (account_id, id, endpoint_id, record_id, request_id, event_type, occurred_at, body)
  select x.account_id, new_uuid7(), e.id, x.id, x.request_id, 'record.status', x.moved_at, jsonb_build_object('record_id', x.id,
         'request_id', x.request_id, 'status', 'PAUSE', 'previous', x.old_status, 'reason', 'paused_by_user')
    from held x join request q on q.account_id = x.account_id and q.id = x.request_id
    join webhook_endpoint e on e.account_id = x.account_id and e.disabled_at is null and (e.flow_id is null or e.flow_id = q.flow_id)
     and 'record.status' = any(e.events))
select count(*)::int as n from held;

-- name: end_waiting
-- Stop: waiting records end, PARTIAL_COMPLETE after an attempt, else REJECTED (domain 7.4 rows 1 and 2). Two indexes hold those
-- that wait: what is due some time, and what is paused.
with due as materialized (
  select r.account_id, r.id, r.request_id, r.status, r.attempts_made from record r
   where r.account_id = %(account_id)s and r.request_id = %(request_id)s and r.due_at is not null
     and (%(record_id)s::uuid is null or r.id = %(record_id)s)
   order by r.due_at limit %(n)s for update skip locked),
paused as materialized (
  select r.account_id, r.id, r.request_id, r.status, r.attempts_made from record r
   where r.account_id = %(account_id)s and r.request_id = %(request_id)s and r.status = 'PAUSE' and r.lease_until is null
     and (%(record_id)s::uuid is null or r.id = %(record_id)s)
   order by r.id limit %(n)s for update skip locked),
w as (
  select x.*, case when x.attempts_made > 0 then 'PARTIAL_COMPLETE' else 'REJECTED' end as ending
    from (select * from due union all select * from paused) x),
ended as (
  update record r set status = w.ending, reason = 'stopped_by_user', due_at = null, held_status = null, held_due_at = null,
         changed_at = greatest(%(now)s, r.changed_at + interval '1 microsecond')
    from w join move m on m.family = 'flow' and m.from_status = w.status and m.to_status = w.ending
   where r.account_id = w.account_id and r.id = w.id
  returning r.account_id, r.id, r.request_id, w.status as old_status, r.status, r.changed_at as moved_at),
told as (
  insert into event (account_id, record_id, id, at, kind, from_status, to_status, reason, actor, data)
  select account_id, id, new_uuid7(), moved_at, 'record_ended', old_status, status, 'stopped_by_user', %(actor)s,
         jsonb_build_object('rule', case status when 'REJECTED' then '7.4 row 2' else '7.4 row 1' end,
           'sentence', case status when 'REJECTED' then 'Stopped by a user before any attempt was made.'
             else 'Stopped by a user after at least one attempt.' end) from ended),
tallied as (
  insert into request_tally (account_id, request_id, counter, n, pending)
  select account_id, request_id, t.counter, sum(t.n), t.pending from ended
   cross join lateral (values ('status:' || old_status, -1, true), ('status:' || status, 1, false), ('reason:stopped_by_user', 1, false))
      as t(counter, n, pending) group by 1, 2, 3, 5 having sum(t.n) <> 0),
published as (
  insert into outbox (account_id, id, endpoint_id, record_id, request_id, event_type, occurred_at, body)
  select x.account_id, new_uuid7(case v.type when 'record.final' then 2 else 1 end), e.id, x.id, x.request_id, v.type, x.moved_at, v.body
    from ended x join request q on q.account_id = x.account_id and q.id = x.request_id
    join webhook_endpoint e on e.account_id = x.account_id and e.disabled_at is null and (e.flow_id is null or e.flow_id = q.flow_id)
   cross join lateral (values ('record.status', jsonb_build_object('record_id', x.id, 'request_id', x.request_id,
      'status', x.status, 'previous', x.old_status, 'reason', 'stopped_by_user')), ('record.final', null)) as v(type, body)
   where v.type = any(e.events))
select count(*)::int as n, coalesce(jsonb_agg(jsonb_build_object('account_id', account_id, 'id', id)), '[]') as records from ended;

-- name: close_sleepers
-- Records that ended while their runs slept: each open attempt is closed as its run left it, and its money settled. In the
-- transaction that ended them; records without such a run are passed over.
with d as materialized (select * from jsonb_to_recordset(%(records)s::jsonb) as d(account_id uuid, id uuid)),
gone as (
  delete from sleeping_run s using d where s.account_id = d.account_id and s.record_id = d.id returning s.*),
counted as (
  update record r set attempts_charged = r.attempts_charged + g.charged::int, platform_faults = r.platform_faults + g.platform_fault::int,
         struck = r.struck | g.struck, last_call_status = coalesce(g.last_call_status, r.last_call_status)
    from gone g where r.account_id = g.account_id and r.id = g.record_id),
closed as (
  update attempt t set ended_at = %(now)s, outcome = 'done', result = g.result, charged = g.charged, cost = g.cost,
         variables = g.kept::jsonb -> 'run' -> 'variables'
    from gone g where t.account_id = g.account_id and t.record_id = g.record_id and t.number = g.attempt_number
  returning t.account_id, t.reserved, t.cost),
due as materialized (
  select account_id, sum(reserved) as reserved, sum(cost) as cost, count(*) as records from closed group by 1
  having sum(reserved) <> 0 or sum(cost) <> 0),
purse as materialized (
  select b.account_id from balance b join due using (account_id) order by b.account_id for no key update of b),
paid as (
  update balance b set balance = b.balance - x.cost, reserved = b.reserved - x.reserved
    from due x join purse using (account_id) where b.account_id = x.account_id returning b.account_id)
insert into ledger (account_id, id, at, kind, amount, reserved, records)
select x.account_id, new_uuid7(), %(now)s, 'settle', -x.cost, -x.reserved, x.records from due x join paid using (account_id);

-- name: resume_held
-- Resume: PAUSE becomes RESUME, due as remembered or now; the expiry clock stood still while held.
with w as materialized (
  select r.account_id, r.id, r.request_id, r.held_due_at, r.changed_at from record r
   where r.account_id = %(account_id)s and r.request_id = %(request_id)s and r.status = 'PAUSE'
   order by r.id limit %(n)s for update skip locked),
freed as (
  update record r set status = 'RESUME', due_at = greatest(coalesce(w.held_due_at, %(now)s), %(now)s),
         expires_at = least(r.expires_at + (%(now)s - w.changed_at), (select q.end_at from request q where q.account_id = r.account_id and q.id = r.request_id)),
         held_status = null, held_due_at = null, changed_at = greatest(%(now)s, r.changed_at + interval '1 microsecond')
    from w where r.account_id = w.account_id and r.id = w.id returning r.account_id, r.id, r.request_id, r.changed_at as moved_at),
told as (
  insert into event (account_id, record_id, id, at, kind, from_status, to_status, reason, actor)
  select account_id, id, new_uuid7(), moved_at, 'record_resumed', 'PAUSE', 'RESUME', 'resumed_by_user', %(actor)s from freed),
tallied as (
  insert into request_tally (account_id, request_id, counter, n, pending)
  select account_id, request_id, t.counter, sum(t.n), true from freed
   cross join lateral (values ('status:PAUSE', -1), ('status:RESUME', 1)) as t(counter, n) group by 1, 2, 3),
published as (
  insert into outbox (account_id, id, endpoint_id, record_id, request_id, event_type, occurred_at, body)
  select x.account_id, new_uuid7(), e.id, x.id, x.request_id, 'record.status', x.moved_at, jsonb_build_object('record_id', x.id,
         'request_id', x.request_id, 'status', 'RESUME', 'previous', 'PAUSE', 'reason', 'resumed_by_user')
    from freed x join request q on q.account_id = x.account_id and q.id = x.request_id
    join webhook_endpoint e on e.account_id = x.account_id and e.disabled_at is null and (e.flow_id is null or e.flow_id = q.flow_id)
     and 'record.status' = any(e.events))
select count(*)::int as n from freed;

-- name: requeue_short
-- Requeue: INSUFFICIENT_BALANCE or ACCOUNT_VALIDITY_EXPIRED -> RESUME, a new epoch, remaining attempts kept; the request reopens.
with w as materialized (
  select r.account_id, r.id, r.request_id, r.status, r.reason from record r
   where r.account_id = %(account_id)s and r.request_id = %(request_id)s and r.status in ('INSUFFICIENT_BALANCE', 'ACCOUNT_VALIDITY_EXPIRED')
     and exists (select from request q where q.account_id = r.account_id and q.id = r.request_id and q.source <> 'inbound')
   order by r.id limit %(n)s for update skip locked),
freed as (
  update record r set status = 'RESUME', reason = null, due_at = %(now)s, epoch = r.epoch + 1, changed_at = greatest(%(now)s, r.changed_at + interval '1 microsecond'),
         expires_at = greatest(r.expires_at, %(now)s + interval '24 hours')
    from w where r.account_id = w.account_id and r.id = w.id
  returning r.account_id, r.id, r.request_id, w.status as old_status, w.reason as old_reason, r.changed_at as moved_at),
reopened as (
  update request q set open = true, control = case when q.control = 'stopped' then 'running' else q.control end,
         force_stop = q.force_stop and q.control <> 'stopped'      -- a stop that is over must not cut the new calls
    where q.account_id = %(account_id)s and q.id = %(request_id)s and exists (select from freed)),
told as (
  insert into event (account_id, record_id, id, at, kind, from_status, to_status, reason, actor)
  select account_id, id, new_uuid7(), moved_at, 'record_requeued', old_status, 'RESUME', 'requeued_by_user', %(actor)s from freed),
tallied as (
  insert into request_tally (account_id, request_id, counter, n, pending)
  select account_id, request_id, t.counter, sum(t.n), t.pending from freed
   cross join lateral (values ('status:' || old_status, -1, false), ('status:RESUME', 1, true),
      (case when old_reason <> '' then 'reason:' || old_reason end, -1, false)) as t(counter, n, pending)
   where t.counter is not null group by 1, 2, 3, 5),
published as (
  insert into outbox (account_id, id, endpoint_id, record_id, request_id, event_type, occurred_at, body)
  select x.account_id, new_uuid7(), e.id, x.id, x.request_id, 'record.status', x.moved_at, jsonb_build_object('record_id', x.id,
         'request_id', x.request_id, 'status', 'RESUME', 'previous', x.old_status, 'reason', 'requeued_by_user')
    from freed x join request q on q.account_id = x.account_id and q.id = x.request_id
    join webhook_endpoint e on e.account_id = x.account_id and e.disabled_at is null and (e.flow_id is null or e.flow_id = q.flow_id)
     and 'record.status' = any(e.events))
select count(*)::int as n from freed;

-- name: backlog
-- What an operator watches: each figure bounded, so that watching never costs more than the work.
select (select count(*) from request where open)::int as open_requests,
       (select count(*) from record where lease_until is not null)::int as records_in_progress,
       (select count(*) from record where lease_until < now())::int as leases_expired,
       (select count(*) from (select from outbox where state = 'waiting' limit 100000) x)::int as events_waiting,
       (select count(*) from (select from outbox where state = 'parked' limit 100000) x)::int as events_parked,
       (select count(*) from upload where state in ('received', 'loading'))::int as uploads_loading,
       (select count(*) from node where heartbeat_at > now() - interval '5 seconds' and healthy)::int as nodes_alive,
       coalesce((select extract(epoch from now() - until + interval '10 seconds') from leader where role = 'dispatcher'), -1)::float8
         as dispatcher_silent_s,
       (select count(*) from pg_partitioned_table p join pg_class c on c.oid = p.partrelid
         where to_regclass(c.relname || '_' || to_char((now() at time zone 'utc')::date + 1, 'yyyymmdd')) is null)::int as partitions_missing;

-- name: stranded_uploads
-- Received files that nobody loads, and why: 'stopped' by force, 'given_up' by their job, or 'unknown' to any job, because a
-- process died between the last byte and the job. What waits or runs as a job is left alone.
select w.account_id, w.request_id, w.fate from (
  select u.account_id, u.request_id, u.created_at,
         case when q.force_stop and q.control in ('stopping', 'stopped') then 'stopped'
              when j.known then 'known' when j.known is not null then 'given_up'
              when u.created_at < now() - interval '20 seconds' then 'unknown' else 'young' end as fate
    from upload u join request q on q.account_id = u.account_id and q.id = u.request_id
   cross join lateral (
     select bool_or(p.status in ('todo', 'doing')) as known from procrastinate_jobs p
      where p.queueing_lock = 'load/' || u.request_id and p.status in ('todo', 'doing', 'failed')) j
   where u.state in ('received', 'loading')) w
 where w.fate in ('stopped', 'given_up', 'unknown') order by w.created_at limit 100;
