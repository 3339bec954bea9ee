-- Places in queues, offers to agents, and agents that move with them (path step 4b).

-- name: lock_queues
select q.id from queue q join jsonb_to_recordset(%(places)s::jsonb) as d(account_id uuid, queue text) on q.account_id = d.account_id and q.name = d.queue
 order by q.account_id, q.id for no key update of q;

-- name: enter_places
-- Who may wait gets a place; the others hear why not. Members count who are logged in and have the skills.
with d as materialized (
  select c.*, q.id as queue_id, q.max_length, w.id as wanted_id
    from jsonb_to_recordset(%(places)s::jsonb) as c(account_id uuid, id uuid, record_id uuid, leg_id uuid, number text, queue text, agent text,
      skills jsonb, priority int, patience_until timestamptz, ring_timeout_s real)
    left join queue q on q.account_id = c.account_id and q.name = c.queue
    left join lateral (
      select a.id from agent a where a.account_id = c.account_id and c.agent in (a.key, a.name) and a.status <> 'LOGGED_OUT'
       order by a.key = c.agent desc, a.id limit 1) w on true),
judged as (
  select d.*, case
      when d.queue <> '' and d.queue_id is null or d.agent <> '' and d.wanted_id is null then 'no_agent_available'
      when d.queue_id is not null and not exists (
           select from queue_agent m join agent a on a.account_id = m.account_id and a.id = m.agent_id
            where m.account_id = d.account_id and m.queue_id = d.queue_id and a.status <> 'LOGGED_OUT'
              and not exists (select from jsonb_each_text(d.skills) s where coalesce((a.skills ->> s.key)::int, 0) < s.value::int))
           then 'no_agent_available'
      when d.max_length > 0 and row_number() over (partition by d.account_id, d.queue_id order by d.id)
           + (select count(*) from queue_place p where p.account_id = d.account_id and p.queue_id = d.queue_id and p.state in ('waiting', 'offered'))
           > d.max_length then 'queue_full'
      else '' end as refused
    from d),
made as (
  insert into queue_place (account_id, id, queue_id, wanted_agent, record_id, leg_id, node, number, skills, priority, entered_at,
                           patience_until, ring_timeout_s, state, outcome, over_at, lease_until, preferred_agent)
  select account_id, id, queue_id, wanted_id, record_id, leg_id, %(node)s, number, skills, priority, %(at)s, patience_until, ring_timeout_s,
         case when refused = '' then 'waiting' else 'over' end, refused, case when refused <> '' then %(at)s end, %(at)s + %(lease)s::interval,
         (select s.agent_id from record r join flow_start s on s.account_id = r.account_id and s.request_id = r.request_id
           where r.account_id = judged.account_id and r.id = judged.record_id)
    from judged)
select id, refused from judged;

-- name: waiting
select p.account_id, p.id, p.queue_id, p.entered_at, p.priority, p.wanted_agent, p.skills, p.passed,
       split_part(p.node, '/', 1), p.preferred_agent
  from queue_place p where p.state = 'waiting' and p.lease_until > %(at)s and p.patience_until > %(at)s
 order by p.account_id, p.id;

-- name: rules
select q.account_id, q.id, q.strategy, q.last_order, q.last_agent, q.ages_s from queue q where q.account_id = any(%(accounts)s);

-- name: free_agents
select a.account_id, a.id, a.since, case when a.calls_on = %(today)s then a.calls else 0 end, a.skills,
       coalesce(jsonb_object_agg(m.queue_id, jsonb_build_array(m.tier, m.place)) filter (where m.queue_id is not null), '{}'),
       case when a.phone = 'sip' then a.phone_node else '' end
  from agent a left join queue_agent m on m.account_id = a.account_id and m.agent_id = a.id
 where a.account_id = any(%(accounts)s) and a.status = 'IDLE' and a.wanted = '' and (a.phone = 'number' or a.phone_node <> '')
 group by a.account_id, a.id;

-- name: make_offers
-- Only agents who are still IDLE, for places that still wait. Their offer is open before anybody rings them. As in all moves of
-- agents each is later than the one before, to the millisecond, whatever the clocks of the machines say.
with d as materialized (
  select * from jsonb_to_recordset(%(offers)s::jsonb) as c(account_id uuid, id uuid, place_id uuid, agent_id uuid, turn int)),
place as (
  select p.account_id, p.id, p.node, p.queue_id, p.ring_timeout_s from queue_place p
   where p.state = 'waiting' and exists (select from d where d.account_id = p.account_id and d.place_id = p.id)
   order by p.id for no key update),
old as (
  select a.account_id, a.id, a.since, greatest(date_trunc('milliseconds', %(at)s::timestamptz), a.since + interval '1 millisecond') as at,
         d.id as offer_id, d.place_id, p.node, d.turn, p.queue_id,
         coalesce(p.ring_timeout_s, q.ring_timeout_s, 20) as ring_timeout_s, coalesce(q.caller_id, '') as caller_id
    from d join place p on p.account_id = d.account_id and p.id = d.place_id
    join agent a on a.account_id = d.account_id and a.id = d.agent_id and a.status = 'IDLE'
    left join queue q on q.account_id = p.account_id and q.id = p.queue_id
   order by a.id for no key update of a),
made as (
  insert into offer (account_id, id, place_id, agent_id, node, made_at, ring_timeout_s, caller_id)
  select account_id, offer_id, place_id, id, node, %(at)s, ring_timeout_s, caller_id from old
  on conflict (account_id, agent_id) where ended_at is null do nothing returning account_id, id, place_id, agent_id),
rung as (
  update agent a set status = 'INCOMING', since = o.at, reason = 'offered' from made m, old o
   where a.account_id = m.account_id and a.id = m.agent_id and o.account_id = a.account_id and o.offer_id = m.id
     and exists (select from move v where v.family = 'agent' and v.from_status = a.status and v.to_status = 'INCOMING')
  returning a.account_id, a.id, a.since as at, o.since, o.offer_id),
told as (
  insert into agent_event (account_id, agent_id, id, at, from_status, to_status, reason, lasted_ms, offer_id)
  select account_id, id, new_uuid7(), at, 'IDLE', 'INCOMING', 'offered', round(extract(epoch from at - since) * 1000)::bigint, offer_id
    from rung),
offered as (
  update queue_place p set state = 'offered' from made m where p.account_id = m.account_id and p.id = m.place_id and p.state = 'waiting'),
turned as (
  update queue q set last_order = o.turn, last_agent = o.id from old o
   where q.account_id = o.account_id and q.id = o.queue_id and o.turn is not null
     and o.offer_id = (select max(x.offer_id::text)::uuid from old x where x.account_id = q.account_id and x.queue_id = q.id and x.turn is not null))
select count(*)::int from rung;

-- name: renew_places
update queue_place set lease_until = %(at)s + %(lease)s::interval where id = any(%(mine)s) and node = %(node)s and state <> 'over';

-- name: node_offers
select o.place_id, o.id, o.agent_id, a.name, case when a.phone = 'number' then a.number else '' end, o.ring_timeout_s, o.caller_id
  from offer o join agent a on a.account_id = o.account_id and a.id = o.agent_id
 where o.node = %(node)s and o.ended_at is null and o.taken_at is null and a.status = 'INCOMING' order by o.id;

-- name: node_withdrawn
-- Agents who were logged out while they were rung, or talked.
select o.place_id, o.id from offer o join agent a on a.account_id = o.account_id and a.id = o.agent_id
 where o.node = %(node)s and o.ended_at is null and a.status not in ('INCOMING', 'ON_CALL') order by o.id;

-- name: places_over
select id, outcome from queue_place where id = any(%(mine)s) and state = 'over';

-- name: lock_offers
select o.account_id, o.id, o.place_id, o.agent_id, o.taken_at is not null, p.state,
       (select count(*)::int from offer r where r.account_id = o.account_id and r.place_id = o.place_id and r.ended_at is null and r.id <> o.id),
       a.status, a.wanted, a.wanted_code, a.misses, a.said, q.wrap_up_s, coalesce(q.misses, 2)
  from offer o join queue_place p on p.account_id = o.account_id and p.id = o.place_id
  join agent a on a.account_id = o.account_id and a.id = o.agent_id
  left join queue q on q.account_id = p.account_id and q.id = p.queue_id
 where o.ended_at is null and (o.id = any(%(ids)s) or o.place_id = any(%(places)s))
 order by p.id, o.id for no key update of p, o, a;

-- name: take_offers
update offer set taken_at = %(at)s where id = any(%(ids)s) and ended_at is null and taken_at is null;

-- name: close_offers
update offer o set ended_at = %(at)s, outcome = d.outcome
  from jsonb_to_recordset(%(ended)s::jsonb) as d(account_id uuid, id uuid, outcome text)
 where o.account_id = d.account_id and o.id = d.id and o.ended_at is null;

-- name: move_places
update queue_place p set state = d.state, outcome = d.outcome, agent_id = coalesce(d.agent_id, p.agent_id),
       answered_at = case when d.state = 'talking' then %(at)s else p.answered_at end,
       over_at = case when d.state = 'over' then %(at)s end,
       passed = case when d.passed is null or d.passed = any(p.passed) then p.passed else p.passed || d.passed end
  from (select account_id, id, (array_agg(state))[1] as state, (array_agg(outcome))[1] as outcome, (array_agg(agent_id))[1] as agent_id,
               (array_agg(passed))[1] as passed
          from jsonb_to_recordset(%(places)s::jsonb) as c(account_id uuid, id uuid, state text, outcome text, agent_id uuid, passed uuid)
         group by account_id, id) d
 where p.account_id = d.account_id and p.id = d.id and p.state <> 'over';

-- name: move_agents
-- The status with its event, only along lawful edges; the rows are locked by this transaction already.
with d as materialized (
  select * from jsonb_to_recordset(%(moves)s::jsonb) as c(account_id uuid, agent_id uuid, from_status text, to_status text, reason text,
    pause_code text, offer_id uuid, wrap_up_s float, missed boolean, answered boolean)),
old as (
  select a.account_id, a.id, a.since, greatest(date_trunc('milliseconds', %(at)s::timestamptz), a.since + interval '1 millisecond') as at
    from agent a join d on d.account_id = a.account_id and d.agent_id = a.id and a.status = d.from_status
   order by a.id for no key update of a),
talked as (            -- what he has to say of it: the queue's dispositions go before the flow's
  select o.account_id, o.id as offer_id, o.agent_id, p.record_id, p.leg_id, p.queue_id, t.flow_id, p.number, coalesce(n.required, false) as owed
    from d join old h on h.account_id = d.account_id and h.id = d.agent_id
    join offer o on o.account_id = d.account_id and o.id = d.offer_id
    join queue_place p on p.account_id = o.account_id and p.id = o.place_id
    left join record r on r.account_id = p.account_id and r.id = p.record_id
    left join request t on t.account_id = r.account_id and t.id = r.request_id
    left join lateral (
      select x.required from disposition_tree x where x.account_id = p.account_id and (x.queue_id = p.queue_id or x.flow_id = t.flow_id)
         and exists (select from disposition y where y.account_id = x.account_id and y.tree_id = x.id and y.retired_at is null)
       order by x.queue_id is null limit 1) n on true
   where d.answered),
noted as (
  insert into call_disposition (account_id, offer_id, agent_id, record_id, leg_id, queue_id, flow_id, number, talked_at, state)
  select account_id, offer_id, agent_id, record_id, leg_id, queue_id, flow_id, number, %(at)s, case when owed then 'owed' else 'open' end from talked
  on conflict do nothing),
moved as (
  update agent a set status = d.to_status, since = o.at, reason = d.reason, pause_code = d.pause_code,
         wanted = case when d.to_status = a.wanted then '' else a.wanted end,
         wanted_code = case when d.to_status = a.wanted then '' else a.wanted_code end,
         wrap_up_until = case when d.wrap_up_s > 0 then %(at)s + make_interval(secs => d.wrap_up_s) end,
         misses = case when d.missed then a.misses + 1 when d.answered then 0 else a.misses end,
         calls = case when d.answered then case when a.calls_on = %(today)s then a.calls + 1 else 1 end else a.calls end,
         calls_on = case when d.answered then %(today)s else a.calls_on end,
         last_offer = case when d.answered then d.offer_id else a.last_offer end,
         said = case when not d.answered then a.said when w.owed then 'owed' else '' end
    from d join old o on o.account_id = d.account_id and o.id = d.agent_id
    left join talked w on w.account_id = d.account_id and w.offer_id = d.offer_id
   where a.account_id = d.account_id and a.id = d.agent_id and a.status = d.from_status
     and exists (select from move v where v.family = 'agent' and v.from_status = d.from_status and v.to_status = d.to_status)
  returning a.account_id, a.id, d.from_status, d.to_status, d.reason, d.pause_code, d.offer_id, o.since, o.at),
told as (
  insert into agent_event (account_id, agent_id, id, at, from_status, to_status, reason, pause_code, lasted_ms, offer_id)
  select account_id, id, new_uuid7(), at, from_status, to_status, reason, pause_code,
         round(extract(epoch from at - since) * 1000)::bigint, offer_id from moved)
select count(*)::int from moved;

-- name: stranded
select p.account_id, p.id, case when p.lease_until < %(at)s then 'lost' else 'no_agent_available' end
  from queue_place p
 where p.state <> 'over' and (p.lease_until < %(at)s or p.state = 'waiting' and case
       when p.wanted_agent is not null then not exists (
            select from agent a where a.account_id = p.account_id and a.id = p.wanted_agent and a.status <> 'LOGGED_OUT')
       else not exists (
            select from queue_agent m join agent a on a.account_id = m.account_id and a.id = m.agent_id
             where m.account_id = p.account_id and m.queue_id = p.queue_id and a.status <> 'LOGGED_OUT') end)
 order by p.id limit %(n)s;

-- name: phones
-- Those of agents who are logged out too: a phone that registers before its agent logs in need not try again.
select id, phone_password from agent where phone = 'sip' and phone_password <> '' order by id;

-- name: phones_there
update agent set phone_node = case when id = any(%(agents)s) then %(node)s else '' end
 where (phone_node = %(node)s and not id = any(%(agents)s)) or (id = any(%(agents)s) and phone_node <> %(node)s);
