-- Step 7, reporting: reads of one account, as central_api under row-level security. Pages go by key; counts come from tallies.
-- The last two statements serve step 6, publishing, as central_worker: bodies of webhook events, for a batch of records.

-- name: requests
-- Newest first. Counts are sums of few tally rows, the earliest due time is the first entry of an index: neither grows with the list.
select q.id, q.name, q.flow_id, f.name as flow_name, f.type as flow_type, v.number as flow_version, q.testing, q.source, q.control,
       f.control as flow_control, q.loading, q.priority, q.created_at, q.end_at, q.reload_of, q.error,
       coalesce(t.tallies, '{}') as tallies, d.due_at as earliest_due, u.file_name, u.state as upload_state, u.rows_done, u.detected
  from request q
  join flow f on f.account_id = q.account_id and f.id = q.flow_id
  join flow_version v on v.account_id = q.account_id and v.id = q.flow_version_id
  left join upload u on u.account_id = q.account_id and u.request_id = q.id
  left join lateral (
    select jsonb_object_agg(s.counter, s.n) as tallies, sum(s.pending) as pending,
           sum(s.n) filter (where s.counter = 'attempts') as attempts
      from (select c.counter, sum(c.n)::bigint as n, sum(c.n) filter (where c.pending) as pending from request_tally c
             where c.account_id = q.account_id and c.request_id = q.id group by c.counter) s) t on true
  left join lateral (
    select r.due_at from record r where r.account_id = q.account_id and r.request_id = q.id and r.due_at is not null
     order by r.due_at limit 1) d on q.open
 where q.account_id = %(account_id)s and (%(id)s::uuid is null or q.id = %(id)s) and (%(before)s::uuid is null or q.id < %(before)s)
   and (%(flow)s::text is null or %(flow)s in (q.flow_id, f.name))
   and (%(created_from)s::timestamptz is null or q.created_at >= %(created_from)s)
   and (%(created_to)s::timestamptz is null or q.created_at < %(created_to)s)
   and (%(status)s::text is null or %(status)s = case
         when not q.loading and coalesce(t.pending, 0) = 0 then 'Completed'
         when coalesce(t.attempts, 0) = 0 and d.due_at > %(now)s then 'Scheduled' else 'In process' end)
 order by q.id desc limit %(limit)s;

-- name: request_exists
select 1 from request q where q.account_id = %(account_id)s and q.id = %(request_id)s;

-- name: scan_records
-- One row at least: the last id looked at, beside each match among the next records of the request.
with scanned as materialized (
  select r.* from record r
   where r.account_id = %(account_id)s and r.request_id = %(request_id)s and r.id > %(after)s
   order by r.id limit %(scan)s),
matched as (
  select s.* from scanned s
   where (cardinality(%(statuses)s::text[]) = 0 or s.status = any(%(statuses)s))
     and (%(reason)s::text is null or s.reason = %(reason)s)
     and (%(number)s::text is null or %(number)s = any(s.numbers))
     and (%(client_identifier)s::text is null or s.client_identifier = %(client_identifier)s)
   order by s.id limit %(limit)s)
select l.last, l.n, m.id, m.request_id, m.row_number, m.numbers, m.client_identifier, m.status, m.reason, m.epoch, m.attempts_made,
       m.attempts_charged, m.due_at, m.expires_at, m.changed_at, m.last_call_status, m.time_zone, m.priority, m.held_status, m.held_due_at,
       m.struck, m.variables, w.written
  from (select (array_agg(s.id order by s.id desc))[1] as last, count(*)::int as n from scanned s) l
  left join matched m on true
  left join lateral (
    select e.data -> 'row' -> 'numbers' as written from event e
     where e.account_id = m.account_id and e.record_id = m.id and e.id = m.id) w on m.numbers = '{}'
 order by m.id;

-- name: scan_rejects
-- Refused at intake: the first event (it bears the record's own id) already gave the final status.
with scanned as materialized (
  select r.account_id, r.id, r.row_number, r.status, r.reason, r.client_identifier, r.numbers, r.attempts_made from record r
   where r.account_id = %(account_id)s and r.request_id = %(request_id)s and r.id > %(after)s
   order by r.id limit %(scan)s)
select l.last, l.n, m.row_number as row, m.id as record_id, m.status, m.reason, m.sentence, m.client_identifier, m.numbers
  from (select (array_agg(s.id order by s.id desc))[1] as last, count(*)::int as n from scanned s) l
  left join lateral (
    select s.id, s.row_number, s.status, coalesce(s.reason, '') as reason, coalesce(e.data ->> 'sentence', '') as sentence, s.client_identifier,
           coalesce(e.data -> 'row' -> 'numbers', to_jsonb(s.numbers)) as numbers
      from scanned s join event e on e.account_id = s.account_id and e.record_id = s.id and e.id = s.id
      join status_catalogue c on c.family = 'flow' and c.name = s.status and c.final
     where s.attempts_made = 0 and e.to_status = s.status) m on true
 order by m.id;

-- name: history
-- Everything about one record in one snapshot; the rows come as JSON, each under the names of its columns.
select to_jsonb(r) as record,
       jsonb_build_object('flow_id', q.flow_id, 'flow_name', f.name, 'flow_type', f.type, 'flow_version', v.number, 'flow_version_id', v.id,
         'testing', q.testing, 'request_name', q.name, 'control', q.control, 'flow_control', f.control, 'end_at', q.end_at,
         'currency', o.currency, 'country', o.country, 'started_by', s.started_by, 'started_why', coalesce(s.why, '')) as head,
       (select coalesce(jsonb_agg(to_jsonb(e) order by e.at, e.id), '[]') from event e
         where e.account_id = r.account_id and e.record_id = r.id) as events,
       (select coalesce(jsonb_agg(to_jsonb(a) order by a.number), '[]') from attempt a
         where a.account_id = r.account_id and a.record_id = r.id) as attempts,
       (select coalesce(jsonb_agg(to_jsonb(l) || jsonb_build_object('trunk', t.name) order by l.attempt_number, l.handed_at, l.id), '[]')
          from leg l left join trunk t on t.account_id = l.account_id and t.id = l.trunk_id
         where l.account_id = r.account_id and l.record_id = r.id) as legs,
       (select coalesce(jsonb_agg(to_jsonb(m) || jsonb_build_object('carrier', coalesce(c.name, ''), 'subject', coalesce(b.subject, ''))
                                  order by m.created_at, m.id), '[]')
          from message m
          left join carrier c on c.account_id = m.account_id and c.id = m.carrier_id
          left join message_content b on b.account_id = m.account_id and b.id = m.content_id
         where m.account_id = r.account_id and m.record_id = r.id) as messages
  from record r
  join request q on q.account_id = r.account_id and q.id = r.request_id
  join flow f on f.account_id = q.account_id and f.id = q.flow_id
  join flow_version v on v.account_id = q.account_id and v.id = q.flow_version_id
  join account o on o.id = r.account_id
  left join flow_start s on s.account_id = q.account_id and s.request_id = q.id
 where r.account_id = %(account_id)s and r.id = %(record_id)s;

-- name: traces
select s.leg_id, s.sip_call_id, s.dropped, s.blob from sip_trace s
 where s.account_id = %(account_id)s and s.record_id = %(record_id)s;

-- name: pushes
-- What still waits or was parked, and each try that was made.
select o.id as event_id, e.name as endpoint, o.event_type, o.occurred_at as at, o.state, null as outcome, o.tries, null::int as status_code,
       null::int as duration_ms, o.last_error as error, o.due_at
  from outbox o join webhook_endpoint e on e.account_id = o.account_id and e.id = o.endpoint_id
 where o.account_id = %(account_id)s and o.record_id = %(record_id)s
union all
select d.outbox_id, coalesce(e.name, d.endpoint_id::text), d.event_type, d.at, null, d.outcome, d.tries, d.status_code, d.duration_ms, d.error,
       null
  from delivery d left join webhook_endpoint e on e.account_id = d.account_id and e.id = d.endpoint_id
 where d.account_id = %(account_id)s and d.record_id = %(record_id)s
 order by 4, 1;

-- name: record_span
-- The first and last record of a request: attempts and legs stand in partitions by record id.
select (select r.id from record r where r.account_id = %(account_id)s and r.request_id = %(request_id)s order by r.id limit 1) as first,
       (select r.id from record r where r.account_id = %(account_id)s and r.request_id = %(request_id)s order by r.id desc limit 1) as last,
       (select a.currency from account a where a.id = %(account_id)s) as currency;

-- name: attempt_figures
-- The record is looked up by its key (limit 1): a join may read the account's records anew for each attempt.
select count(*)::int as attempts, min(a.started_at) as first_claim, max(a.ended_at) as last_end, coalesce(sum(a.cost), 0)::bigint as cost
  from attempt a
 cross join lateral (
   select from record r where r.account_id = a.account_id and r.id = a.record_id and r.request_id = %(request_id)s limit 1) own
 where a.account_id = %(account_id)s and a.record_id between %(first)s and %(last)s;

-- name: leg_figures
select coalesce(sum(x.legs), 0)::int as legs, coalesce(sum(x.answered), 0)::int as answered, coalesce(sum(x.answered_ms), 0)::bigint as answered_ms,
       coalesce(sum(x.ring_ms), 0)::bigint as ring_ms, coalesce(sum(x.rang), 0)::int as rang, coalesce(max(x.legs), 0)::int as peak_per_s
  from (
    select count(*) as legs, count(l.connect_at) as answered, sum(l.answered_ms) as answered_ms, count(l.ring_at) as rang,
           sum(extract(epoch from coalesce(l.connect_at, l.end_at) - l.ring_at) * 1000) as ring_ms
      from leg l
     cross join lateral (
       select from record r where r.account_id = l.account_id and r.id = l.record_id and r.request_id = %(request_id)s limit 1) own
     where l.account_id = %(account_id)s and l.record_id between %(first)s and %(last)s
     group by date_trunc('second', l.handed_at)) x;

-- name: record_final
-- targets: [{account_id, record_id}]: the body of record.final (domain section 15) as far as the tables know it; absent data = absent
-- key. Variables as the last attempt left them, over those that came in. Secrets are masked by the caller, who knows the flow.
with r as materialized (   -- by itself: joined with requests at once, all records of an account may be read to find these
  select r.* from jsonb_to_recordset(%(targets)s::jsonb) as t(account_id uuid, record_id uuid)
    join record r on r.account_id = t.account_id and r.id = t.record_id)
select r.account_id, r.id as record_id, v.id as flow_version_id, jsonb_strip_nulls(jsonb_build_object(
         'record_id', r.id, 'request_id', r.request_id, 'client_identifier', r.client_identifier, 'flow_id', q.flow_id,
         'flow_version', v.number, 'flow_type', f.type, 'status', r.status, 'reason', r.reason, 'epoch', r.epoch,
         'attempts', made.attempts, 'variables', r.variables || coalesce(made.variables, '{}'), 'recordings', kept.list,
         'sms', sent.sms, 'emails', sent.emails, 'agent', said.agent, 'disposition', said.disposition)) as body
  from r
  join request q on q.account_id = r.account_id and q.id = r.request_id
  join flow f on f.account_id = q.account_id and f.id = q.flow_id
  join flow_version v on v.account_id = q.account_id and v.id = q.flow_version_id
  cross join lateral (
    select jsonb_agg(jsonb_build_object('attempt_id', a.id, 'number', a.number, 'result', a.result, 'legs', legs.list)
                     order by a.number) as attempts,
           (array_agg(a.variables order by a.number desc))[1] as variables
      from attempt a cross join lateral (
        select jsonb_agg(jsonb_build_object(
                 'leg_id', l.id, 'role', l.role, 'from', l.number_from, 'to', l.number_to,
                 'did', case l.direction when 'outbound' then l.number_from else l.number_to end,
                 'start_time', to_char(l.handed_at at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"+00:00"'),
                 'ring_time', to_char(l.ring_at at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"+00:00"'),
                 'connect_time', to_char(l.connect_at at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"+00:00"'),
                 'end_time', to_char(l.end_at at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"+00:00"'),
                 'duration', l.answered_ms / 1000, 'duration_ms', l.answered_ms, 'status', l.status, 'code', l.code, 'q850', l.q850,
                 'sip_code', l.sip_code, 'hangup_by', l.hangup_by, 'digits', l.digits) order by l.id) as list
          from leg l where l.account_id = a.account_id and l.record_id = a.record_id and l.attempt_number = a.number) legs
     where a.account_id = r.account_id and a.record_id = r.id and a.epoch = r.epoch) made
  cross join lateral (
    select jsonb_agg(jsonb_build_object(
             'recording_id', k.id, 'leg_id', k.leg_id, 'step', nullif(k.step, ''), 'name', k.name, 'seconds', k.seconds,
             'channels', k.channels, 'bytes', k.bytes, 'sha256', k.sha256,
             'created_at', to_char(k.created_at at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"+00:00"')) order by k.created_at, k.id) as list
      from recording k where k.account_id = r.account_id and k.record_id = r.id and k.deleted_at is null) kept
  cross join lateral (
    select jsonb_agg(told.message || jsonb_build_object('parts', told.parts) order by told.created_at, told.id)
             filter (where told.channel = 'sms') as sms,
           jsonb_agg(told.message order by told.created_at, told.id) filter (where told.channel = 'email') as emails
      from (
        select m.channel, m.created_at, m.id, m.parts, jsonb_build_object(
                 'message_id', m.id, 'step', nullif(m.step, ''), 'to', case when m.recipient_hidden then '***' else m.recipient end,
                 'status', m.status, 'reason', nullif(m.reason, '')) as message
          from message m where m.account_id = r.account_id and m.record_id = r.id) told) sent
  left join lateral (     -- the last agent who talked, and what he has said by now
    select jsonb_build_object('agent_id', c.agent_id, 'key', a.key, 'name', a.name) as agent,
           case when c.state = 'saved' then jsonb_build_object('key', c.key, 'path', c.path, 'note', nullif(c.note, ''),
             'contact', c.said -> 'contact', 'success', c.said -> 'success', 'follow_up', c.follow_up) end as disposition
      from call_disposition c left join agent a on a.account_id = c.account_id and a.id = c.agent_id
     where c.account_id = r.account_id and c.record_id = r.id order by c.talked_at desc limit 1) said on true;

-- name: version_documents
-- across accounts: frozen documents, read once by their id, which the caller took from a record of the account.
select v.id, v.account_id, v.flow_id, v.number, v.document from flow_version v where v.id = any(%(ids)s);
