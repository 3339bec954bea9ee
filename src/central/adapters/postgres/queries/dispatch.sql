-- Step 2, dispatch: shares become grants, grants become claims. One jsonb parameter a batch.

-- name: lead
-- Take or keep the leader's place; the epoch rises when the holder changes. Empty answer: somebody else leads.
insert into leader as l (role, epoch, holder, until) values (%(role)s, 1, %(holder)s, now() + %(lease)s::interval)
on conflict (role) do update
  set until = now() + %(lease)s::interval, holder = excluded.holder, epoch = l.epoch + (l.holder <> excluded.holder)::int
  where l.holder = excluded.holder or l.until < now()
returning epoch;

-- name: heartbeat
insert into node as n (name, generation, kind, channels, cps, address, draining, healthy, detail)
values (%(name)s, %(generation)s, %(kind)s, %(channels)s, %(cps)s, %(address)s, %(draining)s, %(healthy)s, %(detail)s::jsonb)
on conflict (name) do update set generation = excluded.generation, kind = excluded.kind, channels = excluded.channels,
  cps = excluded.cps, address = excluded.address, draining = excluded.draining, healthy = excluded.healthy,
  detail = excluded.detail, heartbeat_at = now(),
  started_at = case when n.generation = excluded.generation then n.started_at else now() end;

-- name: alive_nodes
-- Nodes that can take work, with what they hold: leased records and grants not yet taken.
select n.name, n.channels, n.cps, coalesce(l.n, 0)::int as leased, coalesce(g.n, 0)::bigint as granted, n.kind
  from node n
  left join (select r.owner, count(*) as n from record r where r.lease_until is not null group by 1) l on l.owner = n.name || '/' || n.generation
  left join (select node, sum(n) as n from dispatch_grant group by 1) g on g.node = n.name
 where n.heartbeat_at > now() - %(stale)s::interval and not n.draining and n.healthy and n.kind = any(%(kinds)s)
 order by n.name;

-- name: demands
-- Every running request with records due now: how many (up to cap), and the weights and caps above it.
select q.account_id, q.flow_id, q.id as request_id, q.priority, q.weight, q.flow_version_id, a.weight as account_weight,
       a.channel_cap, a.cps_cap, due.n as due
  from request q
  join account a on a.id = q.account_id
  join flow f on f.account_id = q.account_id and f.id = q.flow_id
 cross join lateral (select count(*)::int as n from (
    select from record r where r.account_id = q.account_id and r.request_id = q.id and r.due_at <= %(now)s limit %(cap)s) x) due
 where q.open and q.control = 'running' and f.control = 'running' and due.n > 0;

-- name: in_flight
-- Leased records and open grants by account, flow and version: the places in use, rebuilt from the rows each time.
select account_id, flow_id, sum(n)::int as n, flow_version_id from (
  select r.account_id, q.flow_id, q.flow_version_id, count(*) as n from record r
    join request q on q.account_id = r.account_id and q.id = r.request_id
   where r.lease_until is not null group by 1, 2, 3
  union all
  select g.account_id, q.flow_id, q.flow_version_id, sum(g.n) from dispatch_grant g
    join request q on q.account_id = g.account_id and q.id = g.request_id group by 1, 2, 3) x group by 1, 2, 4;

-- name: open_grants
select account_id, request_id, sum(n)::int as n from dispatch_grant group by 1, 2;

-- name: grant
-- Written only while the epoch is still the leader's: a leader that lost its place changes nothing.
-- The lock keeps the place from changing hands before these rows are seen: whoever leads next counts them.
with mine as materialized (
  select l.role from leader l where l.role = 'dispatcher' and l.epoch = %(epoch)s and l.holder = %(holder)s for share)
insert into dispatch_grant (node, account_id, request_id, n, epoch, queue_id)
select g.node, g.account_id, g.request_id, g.n, %(epoch)s, g.queue_id
  from jsonb_to_recordset(%(grants)s::jsonb) as g(node text, account_id uuid, request_id uuid, n int, queue_id uuid), mine;

-- name: drop_stale_grants
delete from dispatch_grant where granted_at < now() - %(age)s::interval;

-- name: take_grants
delete from dispatch_grant where node = %(node)s returning account_id, request_id, n, queue_id;

-- name: pick
-- The due records of each granted request, locked, with what the lists say about each of their numbers.
with quota as (
  select * from jsonb_to_recordset(%(quota)s::jsonb) as q(account_id uuid, request_id uuid, n int)),
picked as materialized (
  select r.* from quota q
    join request rq on rq.account_id = q.account_id and rq.id = q.request_id and rq.control = 'running'
    join flow f on f.account_id = rq.account_id and f.id = rq.flow_id and f.control = 'running'
   cross join lateral (
    select x.account_id, x.id, x.request_id, x.fence, x.status, x.epoch, x.attempts_made, x.attempts_charged, x.platform_faults,
           x.struck, x.numbers, x.variables, x.time_zone, x.expires_at, x.client_identifier, x.due_at, x.agent_charged,
           rq.flow_id, rq.flow_version_id, rq.testing, rq.end_at
      from record x
     where x.account_id = q.account_id and x.request_id = q.request_id and x.due_at <= %(now)s
     order by x.due_at, x.priority desc limit q.n for update of x skip locked) r)
select p.*, listed.hits from picked p
  left join lateral (
    select jsonb_agg(jsonb_build_array(h.number, h.list)) as hits from (
      select e.number, e.list from unnest(p.numbers) as n(number)
        join list_entry e on e.account_id = p.account_id and e.list in ('blacklist', 'whitelist') and e.number = n.number
                         and not e.prefix and (e.expires_at is null or e.expires_at > %(now)s)
      union all
      select e.number, 'dnd:' || e.register from unnest(p.numbers) as n(number)
        join dnd_entry e on e.account_id = p.account_id and e.number = n.number) h) listed on true;

-- name: sleepers
-- Asked only where a picked record may have a run that sleeps; the others pay nothing for those.
select s.account_id, s.record_id, s.attempt_id, s.kept
  from jsonb_to_recordset(%(records)s::jsonb) as d(account_id uuid, id uuid)
  join sleeping_run s on s.account_id = d.account_id and s.record_id = d.id;

-- name: wake_sleepers
-- In the transaction of the claim: from here on the run lives in the memory of the node that leases its record.
delete from sleeping_run s using jsonb_to_recordset(%(records)s::jsonb) as d(account_id uuid, id uuid)
 where s.account_id = d.account_id and s.record_id = d.id;

-- name: lists_of_number
select distinct e.list from list_entry e
 where e.account_id = %(account_id)s and e.list in ('blacklist', 'whitelist') and (e.expires_at is null or e.expires_at > %(now)s)
   and (e.number = %(number)s and not e.prefix or e.prefix and starts_with(%(number)s, e.number));

-- name: prefix_entries
select account_id, list, number from list_entry
 where prefix and account_id = any(%(accounts)s) and (expires_at is null or expires_at > %(now)s);

-- name: account_facts
-- Accounts of a batch with their list versions; balances apart, because only those are locked.
select a.id, a.name, a.kind, a.state, a.valid_until, a.currency, a.credit_limit, a.rate_plan, a.country, a.time_zone,
       a.international, a.pending_cap, a.channel_cap, a.cps_cap, a.weight, a.policy_id, a.policy_version, a.plain_http_webhooks,
       a.recording, a.sms, a.email,
       (select jsonb_object_agg(v.list, jsonb_build_object('version', v.version, 'entries', v.entries, 'fresh_at', v.fresh_at))
          from list_version v where v.account_id = a.id) as lists,
       exists (select from contact c where c.account_id = a.id and c.time_zone is not null) as zoned
  from account a where a.id = any(%(accounts)s);

-- name: contacts
-- Asked only where a flow of the batch reads what is kept about contacts, or an account keeps their time zones.
select c.account_id, c.number, c."values", c.time_zone, c.updated_at
  from jsonb_to_recordset(%(wanted)s::jsonb) as w(account_id uuid, number text)
  join contact c on c.account_id = w.account_id and c.number = w.number;

-- name: lock_balances
select b.account_id, b.balance, b.reserved from balance b where b.account_id = any(%(accounts)s) order by b.account_id for update;

-- name: balances
-- Without a lock: a claim judges by what it sees, and ``reserve`` refuses what was spent meanwhile.
select b.account_id, b.balance, b.reserved from balance b where b.account_id = any(%(accounts)s);

-- name: credit_limits
select id, credit_limit from account where id = any(%(accounts)s);

-- name: reserve
-- One row a move that the account can pay; the last statement of its transaction, because every worker waits for this row.
with m as (select * from jsonb_to_recordset(%(moves)s::jsonb) as m(account_id uuid, id uuid, reserved bigint, records int)),
booked as (
  update balance b set reserved = b.reserved + m.reserved from m join account a on a.id = m.account_id
   where b.account_id = m.account_id and b.balance + a.credit_limit - b.reserved >= m.reserved returning b.account_id)
insert into ledger (account_id, id, at, kind, amount, reserved, records)
select m.account_id, m.id, %(now)s, 'reserve', 0, m.reserved, m.records from m join booked using (account_id);

-- name: settle_claim
-- The judged batch: ended, put back, handed over or woken. Only a record handed over gets an attempt, one that is woken goes on
-- with its own; both are IN_PROGRESS (the fence rises).
with d as materialized (
  select * from jsonb_to_recordset(%(decisions)s::jsonb) as d(account_id uuid, id uuid, verdict text, from_status text,
    status text, reason text, due_at timestamptz, struck smallint, attempt_id uuid, event_id uuid, data jsonb, reserved bigint,
    policy_id text, policy_version int, dnd_version bigint, blacklist_version bigint)),
moved as (
  update record r set status = d.status, reason = d.reason, due_at = d.due_at,
         changed_at = greatest(%(now)s, r.changed_at + interval '1 microsecond'),  -- later than the change before it, whatever the clocks say
         lease_until = case when d.verdict in ('hand_over', 'wake') then now() + %(lease)s::interval end,
         owner = case when d.verdict in ('hand_over', 'wake') then %(owner)s end,
         fence = r.fence + (d.verdict in ('hand_over', 'wake'))::int,
         attempts_made = r.attempts_made + (d.verdict = 'hand_over')::int,
         struck = coalesce(d.struck, r.struck), held_status = null, held_due_at = null
    from d where r.account_id = d.account_id and r.id = d.id and r.status = d.from_status
     and (d.status = d.from_status or exists (
          select from move m where m.family = 'flow' and m.from_status = d.from_status and m.to_status = d.status))
  -- with everything the rows below need: joining d again would be quadratic, because nobody knows how many rows move
  returning d.*, r.request_id, r.fence, r.attempts_made, r.epoch, r.changed_at as moved_at),
handed as (
  insert into attempt (account_id, record_id, number, id, epoch, fence, node, started_at, reserved, policy_id, policy_version,
                       dnd_version, blacklist_version)
  select m.account_id, m.id, m.attempts_made, m.attempt_id, m.epoch, m.fence, %(owner)s, %(now)s, m.reserved, m.policy_id,
         m.policy_version, m.dnd_version, m.blacklist_version
    from moved m where m.verdict = 'hand_over'),
told as (
  insert into event (account_id, record_id, id, at, kind, from_status, to_status, reason, data)
  select m.account_id, m.id, m.event_id, m.moved_at,
         case m.verdict when 'hand_over' then 'record_claimed' when 'end' then 'record_ended' when 'wake' then 'run_woken'
           else 'record_put_back' end,
         m.from_status, m.status, m.reason, m.data
    from moved m),
tallied as (
  insert into request_tally (account_id, request_id, counter, n, pending)
  select g.account_id, g.request_id, t.counter, sum(t.n), t.pending
    from (select account_id, request_id, from_status, status, verdict, reason, count(*) as n from moved group by 1, 2, 3, 4, 5, 6) g
    join status_catalogue o on o.family = 'flow' and o.name = g.from_status
    join status_catalogue c on c.family = 'flow' and c.name = g.status
   cross join lateral (values ('status:' || g.from_status, -g.n, o.counts_as = 'pending'), ('status:' || g.status, g.n, c.counts_as = 'pending'),
      (case when g.verdict = 'hand_over' then 'attempts' end, g.n, false),
      (case when c.final then 'reason:' || g.reason end, g.n, false)) as t(counter, n, pending)
   where t.counter is not null and (g.status <> g.from_status or t.counter = 'attempts')
   group by 1, 2, 3, 5 having sum(t.n) <> 0),
published as (
  insert into outbox (account_id, id, endpoint_id, record_id, request_id, event_type, occurred_at, body)
  select m.account_id, new_uuid7(case v.type when 'record.final' then 2 else 1 end), e.id, m.id, m.request_id, v.type, m.moved_at,
         case v.type when 'record.status' then jsonb_build_object('record_id', m.id, 'request_id', m.request_id, 'status', m.status,
           'previous', m.from_status, 'reason', m.reason) end
    from moved m
    join status_catalogue c on c.family = 'flow' and c.name = m.status
    join request q on q.account_id = m.account_id and q.id = m.request_id
    join webhook_endpoint e on e.account_id = m.account_id and e.disabled_at is null and (e.flow_id is null or e.flow_id = q.flow_id)
   cross join (values ('record.status'), ('record.final')) as v(type)
   where v.type = any(e.events) and case v.type when 'record.final' then c.final else m.status <> m.from_status end)
select account_id, id, fence, attempts_made from moved;

-- name: flow_documents
select v.account_id, v.id, v.flow_id, v.number, v.document,
       (select coalesce(jsonb_agg(jsonb_build_array(h.name, h.language, h.sha256)), '[]') from version_prompt h
         where h.account_id = v.account_id and h.version_id = v.id) as prompts
  from flow_version v where v.id = any(%(ids)s);

-- name: flow_dids
select d.account_id, d.flow_id, d.number from flow_did d where (d.account_id, d.flow_id) in (
  select account_id, flow_id from jsonb_to_recordset(%(flows)s::jsonb) as f(account_id uuid, flow_id text))
 order by d.number;

-- name: trunks
select t.account_id, t.id, t.name, t.host, t.port, t.transport, t.username, t.password, t.codecs, t.channel_cap, t.cps_cap,
       t.enabled, t.tag_calls, t.inbound,
       (select coalesce(jsonb_agg(jsonb_build_array(r.prefix, r.priority)), '[]') from trunk_route r
         where r.account_id = t.account_id and r.trunk_id = t.id) as routes
  from trunk t where t.enabled order by t.account_id, t.id;

-- name: policies
select id, version, body from policy;

-- name: account_policies
select id, policy_id, policy_version from account where id = any(%(accounts)s);
