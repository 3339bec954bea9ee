-- Agents, queues, pause codes, and the orders that move an agent's status (path step 4b).

-- name: create_agent
insert into agent (account_id, id, key, name, kind, groups, skills, number, phone, status, since, reason, created_at)
values (%(account_id)s, %(id)s, %(key)s, %(name)s, %(kind)s, %(groups)s, %(skills)s, %(number)s, %(phone)s, 'LOGGED_OUT', %(created_at)s,
  'created', %(created_at)s);

-- name: agent_page
select a.id, a.key, a.name, a.kind, a.groups, a.skills, a.number, a.phone, a.phone_password <> '' as has_phone, a.status, a.since, a.reason,
       a.pause_code, a.wanted, a.wanted_code, a.misses, a.wrap_up_until, a.heard_at, a.created_at, a.said,
       (select coalesce(jsonb_agg(jsonb_build_object('id', q.id, 'name', q.name, 'tier', m.tier, 'place', m.place) order by q.name), '[]')
          from queue_agent m join queue q on q.account_id = m.account_id and q.id = m.queue_id
         where m.account_id = a.account_id and m.agent_id = a.id) as queues
  from agent a where a.account_id = %(account_id)s and (%(id)s::uuid is null or a.id = %(id)s)
   and (%(after)s::uuid is null or a.id > %(after)s) order by a.id limit %(limit)s;

-- name: set_phone_password
update agent set phone_password = %(password)s where account_id = %(account_id)s and id = %(id)s;

-- name: lock_agent
select status from agent where account_id = %(account_id)s and id = %(id)s for update;

-- name: drop_agent
-- His keys end with him.
with keys as (
  update api_key set revoked_at = %(at)s where account_id = %(account_id)s and agent_id = %(id)s and revoked_at is null)
delete from agent where account_id = %(account_id)s and id = %(id)s;

-- name: create_queue
insert into queue (account_id, id, name, strategy, ring_timeout_s, max_wait_s, max_length, wrap_up_s, misses, ages_s, service_level_s, music,
                   caller_id, script, created_at)
values (%(account_id)s, %(id)s, %(name)s, %(strategy)s, %(ring_timeout_s)s, %(max_wait_s)s, %(max_length)s, %(wrap_up_s)s, %(misses)s,
  %(ages_s)s, %(service_level_s)s, %(music)s, %(caller_id)s, %(script)s, %(created_at)s);

-- name: queue_page
select q.id, q.name, q.strategy, q.ring_timeout_s, q.max_wait_s, q.max_length, q.wrap_up_s, q.misses, q.ages_s, q.service_level_s, q.music,
       q.caller_id, q.script, q.created_at,
       (select count(*)::int from queue_agent m where m.account_id = q.account_id and m.queue_id = q.id) as agents
  from queue q where q.account_id = %(account_id)s and (%(id)s::uuid is null or q.id = %(id)s)
   and (%(after)s::uuid is null or q.id > %(after)s) order by q.id limit %(limit)s;

-- name: own_did
select exists (select from did where account_id = %(account_id)s and number = %(number)s);

-- name: lock_queue
select exists (select from queue where account_id = %(account_id)s and id = %(id)s for update);

-- name: queue_in_use
select exists (select from queue_place where account_id = %(account_id)s and queue_id = %(id)s and state <> 'over');

-- name: drop_queue
delete from queue where account_id = %(account_id)s and id = %(id)s;

-- name: queue_members
select m.agent_id, m.tier, m.place, a.key, a.name from queue_agent m
  join agent a on a.account_id = m.account_id and a.id = m.agent_id
 where m.account_id = %(account_id)s and m.queue_id = %(id)s order by m.tier, m.place, a.key;

-- name: missing_agent
select w.agent_id from jsonb_to_recordset(%(members)s) as w(agent_id uuid)
 where not exists (select from agent a where a.account_id = %(account_id)s and a.id = w.agent_id) limit 1;

-- name: drop_other_members
delete from queue_agent m where m.account_id = %(account_id)s and m.queue_id = %(id)s
   and not exists (select from jsonb_to_recordset(%(members)s) as w(agent_id uuid) where w.agent_id = m.agent_id);

-- name: put_members
insert into queue_agent (account_id, queue_id, agent_id, tier, place)
select %(account_id)s, %(id)s, w.agent_id, w.tier, w.place from jsonb_to_recordset(%(members)s) as w(agent_id uuid, tier smallint, place smallint)
on conflict (account_id, queue_id, agent_id) do update set tier = excluded.tier, place = excluded.place;

-- name: drop_member
delete from queue_agent where account_id = %(account_id)s and queue_id = %(id)s and agent_id = %(agent_id)s;

-- name: pause_codes
select code, name, limit_s, productive from pause_code where account_id = %(account_id)s order by code;

-- name: put_pause_code
insert into pause_code (account_id, code, name, limit_s, productive) values (%(account_id)s, %(code)s, %(name)s, %(limit_s)s, %(productive)s)
on conflict (account_id, code) do update set name = excluded.name, limit_s = excluded.limit_s, productive = excluded.productive;

-- name: drop_pause_code
delete from pause_code where account_id = %(account_id)s and code = %(code)s;

-- name: turn
-- Orders, judged under the row's lock by the rule that came along: now, when the call is written up, or not at all. Each change is
-- later than the one before it, to the millisecond, whatever the clocks say: an agent's history has no gaps and no overlaps.
with asked as materialized (
  select * from jsonb_to_recordset(%(turns)s::jsonb) as w(account_id uuid, agent_id uuid, goal text, reason text, at_once text[], later text[],
    next_wanted boolean, code text, phone text, actor text, supervisor boolean)),
held as materialized (
  select a.account_id, a.id, a.status as old_status, a.since as old_since, a.wanted as old_wanted, a.wanted_code as old_code,
         a.pause_code as paused_for,
         greatest(date_trunc('milliseconds', %(at)s::timestamptz), a.since + interval '1 millisecond') as at
    from asked w join agent a on a.account_id = w.account_id and a.id = w.agent_id order by a.account_id, a.id for no key update of a),
judged as (
  select h.*, w.goal, w.code, w.phone, w.actor, w.reason, w.next_wanted and h.old_wanted <> '' as follows,
         h.old_status = any(w.at_once) and (w.supervisor or w.goal <> 'IDLE' or w.next_wanted or h.paused_for <> %(forced)s) as now,
         h.old_status = any(w.later) and (w.supervisor or h.old_code <> %(forced)s) as later
    from held h join asked w on w.account_id = h.account_id and w.agent_id = h.id),
decided as (
  select account_id, id, old_status, old_since, at, phone, actor, now, later,
         case when follows then old_wanted else goal end as goal, case when follows then 'asked_for' else reason end as reason,
         case when follows then old_code when goal in ('PAUSED', 'LOGGED_OUT') then code else '' end as code
    from judged),
moved as (
  update agent a set status = d.goal, since = d.at, reason = d.reason, pause_code = case when d.goal = 'PAUSED' then d.code else '' end,
         wanted = '', wanted_code = '', wrap_up_until = null, misses = case when d.reason in ('logged_in', 'resumed') then 0 else a.misses end,
         phone = coalesce(nullif(d.phone, ''), a.phone), heard_at = case when d.reason = 'logged_in' then d.at else a.heard_at end,
         changes = a.changes + 1
    from decided d join move m on m.family = 'agent' and m.from_status = d.old_status and m.to_status = d.goal
   where d.now and a.account_id = d.account_id and a.id = d.id
  returning a.account_id, a.id, a.status, a.since, a.pause_code),
postponed as (
  update agent a set wanted = case when d.goal = 'IDLE' then '' else d.goal end, wanted_code = case when d.goal = 'IDLE' then '' else d.code end
    from decided d where d.later and not d.now and a.account_id = d.account_id and a.id = d.id
  returning a.account_id, a.id, a.wanted),
told as (
  insert into agent_event (account_id, agent_id, id, at, from_status, to_status, reason, pause_code, lasted_ms, actor)
  select d.account_id, d.id, new_uuid7(), d.at, d.old_status, d.goal, d.reason, d.code,
         round(extract(epoch from d.at - d.old_since) * 1000)::bigint, d.actor
    from decided d join moved m on m.account_id = d.account_id and m.id = d.id)
select h.id, case when m.id is not null then 'moved' when p.id is not null then 'later' else 'kept' end as effect, h.old_status,
       coalesce(m.status, h.old_status), coalesce(m.since, h.old_since),
       case when m.id is not null then '' else coalesce(p.wanted, h.old_wanted) end, coalesce(m.pause_code, h.paused_for)
  from held h left join moved m on m.account_id = h.account_id and m.id = h.id
  left join postponed p on p.account_id = h.account_id and p.id = h.id;

-- name: switch_phone
update agent set phone = %(phone)s where account_id = %(account_id)s and id = %(id)s and status not in ('INCOMING', 'ON_CALL');

-- name: heard
with w as materialized (
  select a.account_id, a.id from jsonb_to_recordset(%(agents)s::jsonb) as h(account_id uuid, id uuid)
    join agent a on a.account_id = h.account_id and a.id = h.id order by a.account_id, a.id for no key update of a)
update agent a set heard_at = case when a.status = 'LOGGED_OUT' then a.heard_at else greatest(a.heard_at, %(at)s) end
  from w where a.account_id = w.account_id and a.id = w.id returning a.id, a.status;

-- name: tend
-- Who is not heard any more and has no call is logged out; a wrap-up ends by its limit; what was asked for before is done.
-- A number of direct dial has no desk that could be heard.
with due as materialized (
  select a.account_id, a.id, a.status as old_status, a.since as old_since, a.wanted, a.wanted_code,
         a.kind = 'dynamic' and coalesce(a.heard_at, a.since) < %(at)s - %(silence)s::interval as silent,
         greatest(date_trunc('milliseconds', %(at)s::timestamptz), a.since + interval '1 millisecond') as at
    from agent a
   where a.status <> 'LOGGED_OUT' and (
         a.status in ('IDLE', 'PAUSED', 'WRAPPING_UP') and a.kind = 'dynamic' and coalesce(a.heard_at, a.since) < %(at)s - %(silence)s::interval
      or a.status = 'WRAPPING_UP' and a.wrap_up_until <= %(at)s
      or a.status = 'IDLE' and a.wanted <> '' or a.status = 'PAUSED' and a.wanted = 'LOGGED_OUT')
   order by a.account_id, a.id limit %(n)s for no key update skip locked),
decided as (
  select account_id, id, old_status, old_since, at,
         case when silent then 'LOGGED_OUT' when wanted <> '' then wanted else 'IDLE' end as goal,
         case when silent then 'not_heard' when wanted <> '' then 'asked_for' else 'wrap_up_over' end as reason,
         case when silent then '' else wanted_code end as code
    from due),
moved as (
  update agent a set status = d.goal, since = d.at, reason = d.reason, pause_code = case when d.goal = 'PAUSED' then d.code else '' end,
         wanted = '', wanted_code = '', wrap_up_until = null, changes = a.changes + 1
    from decided d join move m on m.family = 'agent' and m.from_status = d.old_status and m.to_status = d.goal
   where a.account_id = d.account_id and a.id = d.id
  returning a.account_id, a.id),
told as (
  insert into agent_event (account_id, agent_id, id, at, from_status, to_status, reason, pause_code, lasted_ms, actor)
  select d.account_id, d.id, new_uuid7(), d.at, d.old_status, d.goal, d.reason, d.code,
         round(extract(epoch from d.at - d.old_since) * 1000)::bigint, 'central'
    from decided d join moved m on m.account_id = d.account_id and m.id = d.id)
select count(*)::int from moved;

-- name: agent_events
select e.id, e.at, e.from_status, e.to_status, e.reason, e.pause_code, e.lasted_ms, e.actor, e.offer_id,
       case when e.from_status = 'ON_CALL' then coalesce(array_to_string(c.path, ' / '), '') else '' end as disposition
  from agent_event e left join call_disposition c on c.account_id = e.account_id and c.offer_id = e.offer_id
 where e.account_id = %(account_id)s and e.agent_id = %(id)s and (%(before)s::uuid is null or e.id < %(before)s)
 order by e.id desc limit %(limit)s;

-- name: board
select a.id, a.key, a.name, a.phone, case when a.phone = 'number' then a.number else '' end as number, a.status, a.since, a.pause_code,
       coalesce(c.limit_s, 0) as pause_limit_s, a.wanted,
       array(select q.name from queue_agent m join queue q on q.account_id = m.account_id and q.id = m.queue_id
              where m.account_id = a.account_id and m.agent_id = a.id order by q.name) as queues,
       w.name as queue, f.name as flow, p.record_id, p.leg_id
  from agent a
  left join offer o on o.account_id = a.account_id and o.agent_id = a.id and o.ended_at is null
  left join queue_place p on p.account_id = o.account_id and p.id = o.place_id
  left join queue w on w.account_id = p.account_id and w.id = p.queue_id
  left join record r on r.account_id = p.account_id and r.id = p.record_id
  left join request t on t.account_id = r.account_id and t.id = r.request_id
  left join flow f on f.account_id = t.account_id and f.id = t.flow_id
  left join pause_code c on c.account_id = a.account_id and c.code = a.pause_code
 where a.account_id = %(account_id)s and a.status <> 'LOGGED_OUT' and (%(after)s::uuid is null or a.id > %(after)s)
 order by a.id limit %(limit)s;
