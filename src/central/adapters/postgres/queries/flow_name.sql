-- Flows that other flows name: for a call that goes on in one (step 4), and for the check that comes before publishing.

-- name: named_flow
-- ``flow``: an id or a name; the id comes first. ``running``: it is switched on and not paused.
select f.id, f.name, f.type, f.archived_at is not null as archived, f.active and f.control = 'running' as running, v.id as version_id
  from flow f
  left join flow_version v on v.account_id = f.account_id and v.flow_id = f.id and v.number = f.production_version
 where f.account_id = %(account_id)s and (f.id = %(flow)s or f.name = %(flow)s) order by (f.id = %(flow)s) desc limit 1;

-- name: known_flows
select n.name from unnest(%(names)s::text[]) as n(name)
 where exists (select from flow f where f.account_id = %(account_id)s and f.archived_at is null and (f.id = n.name or f.name = n.name));

-- name: known_queues
select name from queue where account_id = %(account_id)s and name = any(%(names)s);
