-- Flows: one draft, immutable versions, the production pointer; and control actions on flows and requests.

-- name: create_flow
insert into flow (account_id, id, name, type, draft, draft_hash, draft_findings, created_at, updated_at)
values (%(account_id)s, %(id)s, %(name)s, %(type)s, %(document)s, %(hash)s, %(findings)s, %(at)s, %(at)s);

-- name: flow_page
select f.id, f.name, f.type, f.active, f.control, f.archived_at, f.draft_hash, f.draft_findings, f.production_version,
       f.security_hash is not null as has_security_id, f.created_at, f.updated_at,
       array(select d.number from flow_did d where d.account_id = f.account_id and d.flow_id = f.id order by d.number) as dids
  from flow f where f.account_id = %(account_id)s
   and (%(wanted)s::text is null or f.id = %(wanted)s or f.name = %(wanted)s)
   and (%(after)s::text is null or f.id > %(after)s) order by (f.id = %(wanted)s) desc nulls last, f.id limit %(limit)s;

-- name: draft
select name, type, draft as document, draft_hash as hash, draft_findings as findings from flow
 where account_id = %(account_id)s and id = %(id)s;

-- name: save_draft
update flow set name = %(name)s, type = %(type)s, draft = %(document)s, draft_hash = %(hash)s, draft_findings = %(findings)s, updated_at = %(at)s
 where account_id = %(account_id)s and id = %(id)s and (%(expected)s::text is null or draft_hash = %(expected)s)
returning id;

-- name: flow_exists
select exists (select from flow where account_id = %(account_id)s and id = %(id)s);

-- name: lock_flow
select draft_hash from flow where account_id = %(account_id)s and id = %(id)s for update;

-- name: lock_draft
select draft from flow where account_id = %(account_id)s and id = %(id)s and draft_hash = %(hash)s for update;

-- name: freeze_version
insert into flow_version (account_id, id, flow_id, number, hash, document, findings, created_by, note, created_at)
select f.account_id, %(version_id)s, f.id,
       (select coalesce(max(v.number), 0) + 1 from flow_version v where v.account_id = f.account_id and v.flow_id = f.id),
       f.draft_hash, f.draft, f.draft_findings, %(by)s, %(note)s, %(at)s
  from flow f where f.account_id = %(account_id)s and f.id = %(id)s and f.draft_hash = %(hash)s
returning id, flow_id, number, hash, findings, created_by, note, created_at;

-- name: point_production
update flow set production_version = %(number)s, updated_at = %(at)s
 where account_id = %(account_id)s and id = %(id)s and (%(number)s::int is null or exists (
   select from flow_version v where v.account_id = flow.account_id and v.flow_id = flow.id and v.number = %(number)s))
returning id;

-- name: version_page
select id, flow_id, number, hash, findings, created_by, note, created_at from flow_version
 where account_id = %(account_id)s and flow_id = %(id)s and number is not null and (%(before)s::int is null or number < %(before)s)
 order by number desc limit %(limit)s;

-- name: version_document
select document from flow_version where account_id = %(account_id)s and flow_id = %(id)s and number = %(number)s;

-- name: missing_dids
select array_agg(n.number order by n.number) from unnest(%(numbers)s::text[]) as n(number)
 where not exists (select from did d where d.account_id = %(account_id)s and d.number = n.number);

-- name: inbound_elsewhere
-- Numbers that another inbound flow runs: a call that comes in can run one flow only.
select array_agg(distinct d.number order by d.number) from flow own
  join flow_did d on d.account_id = own.account_id and d.flow_id <> own.id and d.number = any(%(numbers)s)
  join flow f on f.account_id = d.account_id and f.id = d.flow_id and f.type = 'inbound' and f.archived_at is null
 where own.account_id = %(account_id)s and own.id = %(id)s and own.type = 'inbound';

-- name: detach_dids
delete from flow_did where account_id = %(account_id)s and flow_id = %(id)s and number <> all(%(numbers)s::text[]);

-- name: attach_dids
insert into flow_did (account_id, flow_id, number)
select %(account_id)s, %(id)s, n.number from unnest(%(numbers)s::text[]) as n(number) on conflict do nothing;

-- name: set_security
update flow set security_previous_hash = case when %(until)s::timestamptz is null then null else security_hash end,
       security_previous_until = %(until)s, security_hash = %(digest)s, updated_at = %(at)s
 where account_id = %(account_id)s and id = %(id)s;

-- name: request_control
select control, open, loading, flow_id, (select f.control from flow f where f.account_id = q.account_id and f.id = q.flow_id) as flow_control
  from request q where q.account_id = %(account_id)s and q.id = %(id)s;

-- name: set_request_control
update request set control = %(control)s, force_stop = force_stop or %(force)s,
       paused_at = case when %(control)s = 'paused' then coalesce(paused_at, %(at)s) end
 where account_id = %(account_id)s and id = %(id)s;

-- name: set_flow_control
update flow set control = %(control)s, updated_at = %(at)s where account_id = %(account_id)s and id = %(id)s;

-- name: stop_flow_requests
update request set control = 'stopping', force_stop = force_stop or %(force)s
 where account_id = %(account_id)s and flow_id = %(id)s and open and control <> 'stopped';

-- name: open_requests_of_flow
select id from request where account_id = %(account_id)s and flow_id = %(id)s and open order by id;

-- name: running_requests_of_flow
select id from request where account_id = %(account_id)s and flow_id = %(id)s and open and control = 'running' order by id;

-- name: status_counts
-- Records of a request by status, from the tallies that are written with every change.
select substr(t.counter, 8) as status, sum(t.n)::bigint as n from request_tally t
 where t.account_id = %(account_id)s and t.request_id = %(id)s and t.counter like 'status:%%' group by 1 having sum(t.n) <> 0;

-- name: sleeping_records
-- Records whose runs sleep: IN_PROGRESS to look at, waiting to control.
select count(*)::int from sleeping_run s join record r on r.account_id = s.account_id and r.id = s.record_id
 where s.account_id = %(account_id)s and s.request_id = %(id)s and r.status = 'IN_PROGRESS';

-- name: record_request
select request_id from record where account_id = %(account_id)s and id = %(id)s;
