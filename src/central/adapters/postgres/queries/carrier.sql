-- Carriers as an account sets them up.

-- name: create_carrier
insert into carrier (account_id, id, name, channel, kind, settings, secrets, enabled, created_at)
values (%(account_id)s, %(id)s, %(name)s, %(channel)s, %(kind)s, %(settings)s, %(secrets)s, %(enabled)s, %(created_at)s);

-- name: change_carrier
update carrier set name = %(name)s, settings = %(settings)s, secrets = %(secrets)s, enabled = %(enabled)s, changes = changes + 1
 where account_id = %(account_id)s and id = %(id)s;

-- name: drop_routes
delete from carrier_route where account_id = %(account_id)s and carrier_id = %(id)s;

-- name: set_routes
insert into carrier_route (account_id, carrier_id, prefix, priority, share, cost)
select %(account_id)s, %(id)s, r.prefix, r.priority, r.share, r.cost
  from jsonb_to_recordset(%(routes)s) as r(prefix text, priority smallint, share smallint, cost bigint);

-- name: carrier_page
select c.id, c.name, c.kind, c.settings, c.secrets, c.enabled, c.created_at,
       (select coalesce(jsonb_agg(jsonb_build_object('prefix', r.prefix, 'priority', r.priority, 'share', r.share, 'cost', r.cost)
          order by r.prefix), '[]') from carrier_route r where r.account_id = c.account_id and r.carrier_id = c.id) as routes,
       c.state, c.state_detail, c.state_at, c.mailbox_state
  from carrier c where c.account_id = %(account_id)s and (%(id)s::uuid is null or c.id = %(id)s)
   and (%(after)s::uuid is null or c.id > %(after)s) order by c.id limit %(limit)s;

-- name: strand_messages
-- What waits for a carrier that goes waits for another one.
update message set carrier_id = null where account_id = %(account_id)s and carrier_id = %(id)s and due_at is not null;

-- name: drop_carrier
delete from carrier where account_id = %(account_id)s and id = %(id)s;
