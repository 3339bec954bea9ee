-- Calls that come in: whose number was called, and the record that each call becomes (path steps 1 and 2 in one).

-- name: called_numbers
-- Whom a number belongs to and the inbound flow that it runs; no row for a number that nobody has. ``running``: the flow is on,
-- not archived, not paused and published.
select d.number, d.account_id, d.trunk_id, d.channel_cap, f.id, v.id,
       coalesce(f.active and f.archived_at is null and f.control = 'running' and v.id is not null, false) as running
  from did d
  left join flow_did fd on fd.account_id = d.account_id and fd.number = d.number
  left join flow f on f.account_id = d.account_id and f.id = fd.flow_id and f.type = 'inbound'
  left join flow_version v on v.account_id = d.account_id and v.flow_id = f.id and v.number = f.production_version
 where d.number = any(%(numbers)s)
 order by d.number, running, f.id nulls first;

-- name: blocked_callers
select c.account_id, c.number from jsonb_to_recordset(%(callers)s::jsonb) as c(account_id uuid, number text)
 where exists (select from list_entry e where e.account_id = c.account_id and e.list = 'blacklist'
                 and (e.expires_at is null or e.expires_at > %(now)s)
                 and case when e.prefix then starts_with(c.number, e.number) else e.number = c.number end);

-- name: open_requests
-- The request of the day, made by the day's first call of a flow version; and by the first one after a stop, which ends the calls
-- that are there and not those to come.
insert into request (account_id, id, flow_id, flow_version_id, source, name, loading, created_at)
select distinct on (d.account_id, d.version_id, d.name) d.account_id, d.request_id, d.flow_id, d.version_id, 'inbound',
       d.name || case when earlier.n > 0 then ' (' || earlier.n + 1 || ')' else '' end, true, %(now)s
  from jsonb_to_recordset(%(calls)s::jsonb) as d(account_id uuid, request_id uuid, flow_id text, version_id uuid, name text)
 cross join lateral (
   select count(*) as n, bool_or(q.control = 'running') as running from request q
    where q.account_id = d.account_id and q.flow_version_id = d.version_id and q.source = 'inbound' and starts_with(q.name, d.name)) earlier
 where earlier.running is not true
on conflict (account_id, flow_version_id, name) where source = 'inbound' do nothing;

-- name: admit_calls
-- Each call becomes a record: leased by its node with its attempt and leg, or ended at once when the account cannot take it.
with d as materialized (
  select c.*, q.id as of_request from jsonb_to_recordset(%(calls)s::jsonb) as c(account_id uuid, id uuid, flow_id text, version_id uuid,
      name text, called text, caller text, leg_id uuid, trunk_id uuid, arrived_at timestamptz, status text, reason text, attempt_id uuid,
      event_id uuid, policy_id text, policy_version int, data jsonb)
   cross join lateral (
     select r.id from request r
      where r.account_id = c.account_id and r.flow_version_id = c.version_id and r.source = 'inbound' and starts_with(r.name, c.name)
        and r.control = 'running' order by r.created_at desc limit 1) q),
made as (
  insert into record (account_id, id, request_id, row_number, fence, attempts_made, lease_until, changed_at, status, reason, owner,
                      numbers)
  select account_id, id, of_request, 0, 1, (leg_id is not null)::int, case when leg_id is not null then now() + %(lease)s::interval end,
         %(now)s, status, reason, case when leg_id is not null then %(owner)s end, array[caller]
    from d on conflict do nothing returning id, account_id),
tried as (
  insert into attempt (account_id, record_id, number, id, epoch, fence, node, started_at, policy_id, policy_version)
  select d.account_id, d.id, 1, d.attempt_id, 1, 1, %(owner)s, %(now)s, d.policy_id, d.policy_version
    from d join made using (account_id, id) where d.leg_id is not null),
legged as (
  insert into leg (account_id, record_id, id, attempt_number, position, direction, number_from, number_to, trunk_id, node, fence,
                   handed_at, ring_at)
  select d.account_id, d.id, d.leg_id, 1, 0, 'inbound', d.caller, d.called, d.trunk_id, %(owner)s, 1, d.arrived_at, d.arrived_at
    from d join made using (account_id, id) where d.leg_id is not null),
told as (
  insert into event (account_id, record_id, id, at, kind, to_status, reason, data)
  select d.account_id, d.id, d.event_id, d.arrived_at, 'call_arrived', d.status, d.reason, d.data
    from d join made using (account_id, id)),
tallied as (
  insert into request_tally (account_id, request_id, counter, n, pending)
  select g.account_id, g.of_request, t.counter, sum(t.n), t.pending
    from (select d.account_id, d.of_request, d.status, d.reason, d.leg_id is not null as taken, count(*) as n
            from d join made using (account_id, id) group by 1, 2, 3, 4, 5) g
   cross join lateral (values ('added', g.n, false), ('status:' || g.status, g.n, g.taken),
     (case when g.taken then 'attempts' else 'reason:' || g.reason end, g.n, false)) as t(counter, n, pending)
   group by 1, 2, 3, 5),
published as (
  insert into outbox (account_id, id, endpoint_id, record_id, request_id, event_type, occurred_at, body)
  select d.account_id, new_uuid7(case v.type when 'record.final' then 2 else 1 end), e.id, d.id, d.of_request, v.type, %(now)s,
         case v.type when 'record.status' then jsonb_build_object('record_id', d.id, 'request_id', d.of_request, 'status', d.status,
           'previous', null, 'reason', d.reason) end
    from d join made using (account_id, id)
    join webhook_endpoint e on e.account_id = d.account_id and e.disabled_at is null and (e.flow_id is null or e.flow_id = d.flow_id)
   cross join (values ('record.status'), ('record.final')) as v(type)
   where v.type = any(e.events) and (v.type = 'record.status' or d.leg_id is null))
select d.account_id, d.id, d.of_request from d join made using (account_id, id);
