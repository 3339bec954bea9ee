-- What agents say of their calls, and what follows from it (path step 4b).

-- name: owner_there
select exists (select from queue where account_id = %(account_id)s and id = %(queue_id)s)
    or exists (select from flow where account_id = %(account_id)s and id = %(flow_id)s);

-- name: tree
select id, required, callback_flow, changed_at from disposition_tree
 where account_id = %(account_id)s and (queue_id = %(queue_id)s or flow_id = %(flow_id)s);

-- name: choices
select id, key, parent_key as parent, name, contact, success, do_not_call, callback, retry_after_s, version, retired_at from disposition
 where account_id = %(account_id)s and tree_id = %(tree_id)s and (retired_at is null or %(retired)s)
 order by retired_at is not null, place, key, version;

-- name: put_tree
with put as (
  update disposition_tree set required = %(required)s, callback_flow = %(callback_flow)s, changed_at = %(at)s
   where account_id = %(account_id)s and (queue_id = %(queue_id)s or flow_id = %(flow_id)s) returning id),
made as (
  insert into disposition_tree (account_id, id, queue_id, flow_id, required, callback_flow, changed_at)
  select %(account_id)s, %(id)s, %(queue_id)s, %(flow_id)s, %(required)s, %(callback_flow)s, %(at)s where not exists (select from put)
  returning id)
select id from put union all select id from made;

-- name: lock_owner
-- One writer a tree at a time.
select pg_advisory_xact_lock(hashtextextended(%(account_id)s::text || coalesce(%(queue_id)s::text, %(flow_id)s), 26));

-- name: callback_flow_there
select id from flow where account_id = %(account_id)s and (id = %(flow)s or name = %(flow)s) order by (id = %(flow)s) desc limit 1;

-- name: retire_choices
-- What was chosen once stays as it was.
with gone as (
  select d.account_id, d.id, exists (
           select from call_disposition c where c.account_id = d.account_id and c.disposition_id = d.id) as used
    from disposition d where d.account_id = %(account_id)s and d.id = any(%(ids)s)),
retired as (
  update disposition d set retired_at = %(at)s from gone g where d.account_id = g.account_id and d.id = g.id and g.used)
delete from disposition d using gone g where d.account_id = g.account_id and d.id = g.id and not g.used;

-- name: add_choices
insert into disposition (account_id, id, tree_id, key, parent_key, name, place, contact, success, do_not_call, callback, retry_after_s,
                         version, created_at)
select %(account_id)s, c.id, %(tree_id)s, c.key, c.parent, c.name, c.place, c.contact, c.success, c.do_not_call, c.callback, c.retry_after_s,
       1 + coalesce((select max(d.version) from disposition d
                      where d.account_id = %(account_id)s and d.tree_id = %(tree_id)s and d.key = c.key), c.former), %(at)s
  from jsonb_to_recordset(%(choices)s) as c(id uuid, key text, parent text, name text, place smallint, contact boolean, success boolean,
    do_not_call boolean, callback boolean, retry_after_s int, former int);

-- name: place_choices
update disposition d set place = c.place from jsonb_to_recordset(%(places)s) as c(id uuid, place smallint)
 where d.account_id = %(account_id)s and d.id = c.id;

-- name: desk_call
select o.id as offer_id, p.record_id, p.leg_id, case when o.id = a.last_offer or o.ended_at is null then a.status else '' end as status,
       a.name as agent_name, p.queue_id, q.name as queue, coalesce(q.script, '') as script, p.number, c.talked_at,
       coalesce(c.state, '') as state, coalesce(c.key, '') as key, coalesce(c.note, '') as note, coalesce(c.path, '{}') as path,
       c.callback_at, c.follow_up, c.saved_at, r.request_id, f.id as flow_id, f.name as flow, t.flow_version_id,
       coalesce(t.testing, false) as testing, r.client_identifier, r.time_zone, coalesce(r.numbers, '{}') as numbers,
       coalesce(r.variables, '{}') as variables,
       (select coalesce(jsonb_object_agg(n.note ->> 'name', coalesce(n.note ->> 'value', '') order by e.at, e.id, n.at), '{}')
          from event e cross join lateral jsonb_array_elements(e.data -> 'notes') with ordinality as n(note, at)
         where e.account_id = p.account_id and e.record_id = p.record_id and e.kind = 'flow_walked' and n.note ->> 'kind' = 'variable'
           and n.note ->> 'name' is not null) as gathered,
       nullif(s.why, 'flow') as why
  from agent a
  join offer o on o.account_id = a.account_id and o.agent_id = a.id and o.id = coalesce(%(offer_id)s::uuid, (
         select x.id from offer x where x.account_id = a.account_id and x.agent_id = a.id and x.ended_at is null), a.last_offer)
  join queue_place p on p.account_id = o.account_id and p.id = o.place_id
  left join queue q on q.account_id = p.account_id and q.id = p.queue_id
  left join call_disposition c on c.account_id = o.account_id and c.offer_id = o.id
  left join record r on r.account_id = p.account_id and r.id = p.record_id
  left join request t on t.account_id = r.account_id and t.id = r.request_id
  left join flow f on f.account_id = t.account_id and f.id = t.flow_id
  left join flow_start s on s.account_id = t.account_id and s.request_id = t.id
 where a.account_id = %(account_id)s and a.id = %(agent_id)s;

-- name: past_calls
select c.record_id, c.talked_at, a.name as agent, q.name as queue, f.name as flow, c.state, c.path, c.note
  from call_disposition c
  left join agent a on a.account_id = c.account_id and a.id = c.agent_id
  left join queue q on q.account_id = c.account_id and q.id = c.queue_id
  left join flow f on f.account_id = c.account_id and f.id = c.flow_id
 where c.account_id = %(account_id)s and c.number = %(number)s and c.talked_at < %(before)s
 order by c.talked_at desc, c.offer_id limit %(limit)s;

-- name: lock_agent_call
select a.status in ('ON_CALL', 'WRAPPING_UP') and a.last_offer = %(offer_id)s from agent a
 where a.account_id = %(account_id)s and a.id = %(agent_id)s for no key update;

-- name: lock_said
select c.state from call_disposition c
 where c.account_id = %(account_id)s and c.offer_id = %(offer_id)s and c.agent_id = %(agent_id)s for no key update;

-- name: link_request
update flow_start set why = %(why)s, agent_id = %(agent_id)s where account_id = %(account_id)s and request_id = %(request_id)s;

-- name: save_said
with saved as (
  update call_disposition c set state = 'saved', disposition_id = %(disposition_id)s, key = %(key)s, path = %(path)s, version = %(version)s,
         said = %(said)s, note = %(note)s, callback_at = %(callback_at)s, follow_up = %(follow_up)s, saved_at = %(at)s, saved_by = %(by)s
   where c.account_id = %(account_id)s and c.offer_id = %(offer_id)s returning c.account_id, c.record_id, c.agent_id),
free as (
  update agent a set said = 'saved' from saved s where a.account_id = s.account_id and a.id = s.agent_id)
insert into event (account_id, record_id, id, at, kind, actor, data)
select s.account_id, s.record_id, new_uuid7(), %(at)s, 'disposition_saved', %(by)s, %(event)s from saved s;

-- name: close_owed
-- Agents who had to say something and have gone on: nothing was saved, and that is what the record tells.
with gone as materialized (
  select c.account_id, c.offer_id, c.agent_id, c.record_id from call_disposition c
    left join agent a on a.account_id = c.account_id and a.id = c.agent_id
   where c.state = 'owed' and (a.id is null or a.last_offer is distinct from c.offer_id or a.status not in ('ON_CALL', 'WRAPPING_UP'))
   order by c.account_id, c.offer_id limit %(n)s for no key update of c skip locked),
closed as (
  update call_disposition c set state = 'none', saved_at = %(at)s, saved_by = 'central' from gone g
   where c.account_id = g.account_id and c.offer_id = g.offer_id returning c.account_id, c.offer_id),
told as (
  insert into event (account_id, record_id, id, at, kind, data)
  select g.account_id, g.record_id, new_uuid7(), %(at)s, 'disposition_saved',
         jsonb_strip_nulls(jsonb_build_object('none', true, 'offer_id', g.offer_id, 'agent', (
           select a.name from agent a where a.account_id = g.account_id and a.id = g.agent_id)))
    from gone g),
free as (
  update agent a set said = '' from gone g where a.account_id = g.account_id and a.id = g.agent_id and a.last_offer = g.offer_id)
select count(*)::int from closed;
