-- Step 1, intake: a chunk of rows becomes records, first events and counts in one transaction, as central_api under the policy.

-- name: flow_for_request
select f.id, f.name, f.type, f.active, f.archived_at, f.draft, f.draft_hash, f.production_version,
       (select v.id from flow_version v where v.account_id = f.account_id and v.flow_id = f.id and v.number = f.production_version) as version_id,
       (select count(*) from flow_did d where d.account_id = f.account_id and d.flow_id = f.id)::int as dids
  from flow f where f.id = %(flow)s or f.name = %(flow)s order by (f.id = %(flow)s) desc limit 1;

-- name: draft_to_freeze
-- Locked: what is frozen is what was looked at.
select draft, draft_hash from flow where id = %(flow_id)s for share;

-- name: freeze_draft
insert into flow_version (account_id, id, flow_id, hash, document, findings, created_by)
select f.account_id, %(version_id)s, f.id, %(hash)s, f.draft, f.draft_findings, %(actor)s from flow f where f.id = %(flow_id)s
on conflict (account_id, flow_id, hash) where number is null do nothing;

-- name: frozen_draft
select id from flow_version where flow_id = %(flow_id)s and number is null and hash = %(hash)s;

-- name: version_document
select account_id, flow_id, number, document from flow_version where id = %(version_id)s;

-- name: account
select a.id, a.name, a.kind, a.state, a.valid_until, a.currency, a.credit_limit, a.rate_plan, a.country, a.time_zone,
       a.international, a.pending_cap, a.channel_cap, a.cps_cap, a.weight, a.policy_id, a.policy_version, a.plain_http_webhooks,
       a.recording, a.sms, a.email,
       (select jsonb_object_agg(v.list, jsonb_build_object('version', v.version, 'entries', v.entries, 'fresh_at', v.fresh_at))
          from list_version v where v.account_id = a.id) as lists,
       (select b.balance - b.reserved from balance b where b.account_id = a.id) as free
  from account a where a.id = %(account_id)s;

-- name: insert_request
insert into request (account_id, id, flow_id, flow_version_id, testing, source, name, loading, checksum, priority, end_at, reload_of, created_at)
values (%(account_id)s, %(id)s, %(flow_id)s, %(version_id)s, %(testing)s, %(source)s, %(name)s, %(loading)s, %(checksum)s, %(priority)s,
        %(end_at)s, %(reload_of)s, %(now)s)
on conflict (account_id, id) do nothing;

-- name: insert_flow_start
insert into flow_start (account_id, request_id, started_by, chain, depth)
select %(account_id)s, %(id)s, %(started_by)s, %(chain)s, %(depth)s
 where (select count(*) from flow_start s where s.account_id = %(account_id)s and s.chain = %(chain)s) < %(most)s;

-- name: lineage
select s.chain, s.depth from flow_start s where s.account_id = %(account_id)s and s.request_id = %(id)s;

-- name: first_record
-- As intake judged it: its first event bears its own id.
select r.id, e.to_status, e.reason from record r join event e on e.account_id = r.account_id and e.record_id = r.id and e.id = r.id
 where r.account_id = %(account_id)s and r.request_id = %(id)s order by r.id limit 1;

-- name: guard_file
-- Two equal files for one flow at once: the second waits here until the first one's checksum can be seen.
select pg_advisory_xact_lock(hashtextextended(%(flow_id)s || encode(%(checksum)s, 'hex'), 14));

-- name: same_file
-- A file that failed before its first row loaded nothing: it may come again, once the flow or the options fit it.
select q.id from request q where q.flow_id = %(flow_id)s and q.checksum = %(checksum)s and q.created_at > %(since)s and q.id <> %(id)s
   and not exists (select from upload u where u.account_id = q.account_id and u.request_id = q.id and u.state = 'failed'
                    and u.rows_done = 0)
 limit 1;

-- name: insert_upload
insert into upload (account_id, request_id, file_name, media_type, options) values (%(account_id)s, %(id)s, %(file_name)s, %(media_type)s, %(options)s);

-- name: add_chunk
insert into upload_chunk (account_id, request_id, n, bytes) values (%(account_id)s, %(id)s, %(n)s, %(bytes)s);

-- name: received
with u as (
  update upload set state = 'received', size = %(size)s where request_id = %(id)s and state = 'receiving' returning account_id, request_id)
update request q set checksum = %(checksum)s from u where q.account_id = u.account_id and q.id = u.request_id;

-- name: fail_upload
with u as (
  update upload set state = 'failed', error = %(error)s where request_id = %(id)s and state not in ('loaded', 'failed') returning account_id, request_id),
gone as (delete from upload_chunk c using u where c.account_id = u.account_id and c.request_id = u.request_id)
update request q set loading = false, error = %(error)s from u where q.account_id = u.account_id and q.id = u.request_id;

-- name: upload_state
select u.file_name, u.media_type, u.options, u.rows_done, u.state, q.flow_version_id, q.testing, q.end_at, q.priority, q.created_at, q.control
  from upload u join request q on q.account_id = u.account_id and q.id = u.request_id where u.request_id = %(id)s;

-- name: chunk_bytes
select bytes from upload_chunk where request_id = %(id)s and n = %(n)s;

-- name: begin_loading
update upload set state = 'loading', detected = %(detected)s where request_id = %(id)s and state in ('received', 'loading');

-- name: rows_done
-- Two loaders never store the same rows: only who knows how far the file is read may go on.
update upload set rows_done = %(after)s where request_id = %(id)s and rows_done = %(before)s and state = 'loading';

-- name: loaded
with u as (update upload set state = 'loaded' where request_id = %(id)s returning account_id, request_id),
gone as (delete from upload_chunk c using u where c.account_id = u.account_id and c.request_id = u.request_id)
update request q set loading = false from u where q.account_id = u.account_id and q.id = u.request_id;

-- name: hits
-- What the account's lists hold about the chunk's numbers: (number, list, entry). Numbers travel as one comma-separated text.
-- As an array they are sorted and looked up in one walk along each index; a join would descend into it once a number.
select number, list, number as entry from list_entry
 where account_id = %(account_id)s and list in ('blacklist', 'whitelist') and number = any(string_to_array(%(numbers)s, ',')) and not prefix
   and (expires_at is null or expires_at > %(now)s)
union all
select number, 'dnd', coalesce(nullif(array_to_string(categories, ','), ''), register) from dnd_entry
 where account_id = %(account_id)s and number = any(string_to_array(%(numbers)s, ',')) and register = any(%(registers)s);

-- name: prefixes
select list, number from list_entry where prefix and (expires_at is null or expires_at > %(now)s);

-- name: loaded_numbers
-- First numbers of the records of this request, to know repeats when loading goes on after an interruption.
select numbers[1] from record where request_id = %(id)s and cardinality(numbers) > 0;

-- name: guard_capacity
select pg_advisory_xact_lock(hashtextextended(%(account_id)s::text, 9));

-- name: pending
select coalesce(sum(n), 0)::bigint from request_tally where account_id = %(account_id)s and pending;

-- name: make_incoming
create temp table if not exists incoming (
  id uuid, row_number int, priority smallint, due_at timestamptz, expires_at timestamptz, status text, reason text,
  client_identifier text, time_zone text, numbers text[], variables jsonb, data jsonb) on commit delete rows;

-- name: copy_incoming
copy incoming (id, row_number, priority, due_at, expires_at, status, reason, client_identifier, time_zone, numbers, variables, data) from stdin;

-- name: insert_records
insert into record (account_id, id, request_id, row_number, priority, due_at, expires_at, changed_at, status, reason, client_identifier,
                    time_zone, numbers, variables)
select %(account_id)s, i.id, %(request_id)s, i.row_number, i.priority, i.due_at, i.expires_at, %(now)s, i.status, i.reason,
       i.client_identifier, i.time_zone, i.numbers, i.variables
  from incoming i where i.status = 'UNPROCESSED' or exists (
    select from move m where m.family = 'flow' and m.from_status = 'UNPROCESSED' and m.to_status = i.status);

-- name: insert_first_events
-- The first event has the record's own id: it is the one that made it.
insert into event (account_id, record_id, id, at, kind, from_status, to_status, reason, data)
select %(account_id)s, i.id, i.id, %(now)s, 'record_created', 'UNPROCESSED', i.status, i.reason, i.data from incoming i;

-- name: count_records
insert into request_tally (account_id, request_id, counter, n, pending)
select %(account_id)s, %(request_id)s, t.counter, t.n, t.pending
  from jsonb_to_recordset(%(tallies)s::jsonb) as t(counter text, n bigint, pending boolean);

-- name: publish_rejected
-- Records that end at intake are final too: their endpoints hear of it.
insert into outbox (account_id, id, endpoint_id, record_id, request_id, event_type, occurred_at)
select %(account_id)s, new_uuid7(), e.id, i.id, %(request_id)s, 'record.final', %(now)s
  from incoming i join status_catalogue c on c.family = 'flow' and c.name = i.status and c.final
  join webhook_endpoint e on e.account_id = %(account_id)s and e.disabled_at is null and (e.flow_id is null or e.flow_id = %(flow_id)s)
   and 'record.final' = any(e.events);

-- name: origin
select flow_id, testing, name, priority from request where id = %(id)s;

-- name: final_records
select r.id, r.numbers, r.client_identifier, r.time_zone, r.variables from record r
  join status_catalogue c on c.family = 'flow' and c.name = r.status and c.final
 where r.account_id = %(account_id)s and r.request_id = %(id)s and r.id > %(after)s and cardinality(r.numbers) > 0
 order by r.id limit %(limit)s;
