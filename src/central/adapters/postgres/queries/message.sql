-- Messages: accepted, handed over, answered, heard of again. A batch travels as one jsonb parameter or as arrays.

-- name: number_hits
-- What the lists say about those who are to get an SMS.
with w as (select * from unnest(%(accounts)s::uuid[], %(recipients)s::text[]) as w(account_id, recipient))
select w.account_id, w.recipient, e.list from w
  join list_entry e on e.account_id = w.account_id and e.list in ('blacklist', 'whitelist') and e.number = w.recipient
   and not e.prefix and (e.expires_at is null or e.expires_at > %(at)s)
union all   -- entries that hold ranges; accounts have few of them, or none
select w.account_id, w.recipient, e.list from w
  join list_entry e on e.account_id = w.account_id and e.list in ('blacklist', 'whitelist') and e.prefix
   and starts_with(w.recipient, e.number) and (e.expires_at is null or e.expires_at > %(at)s)
union all
select w.account_id, w.recipient, 'dnd:' || e.register from w
  join dnd_entry e on e.account_id = w.account_id and e.number = w.recipient;

-- name: address_hits
with w as (select * from unnest(%(accounts)s::uuid[], %(recipients)s::text[]) as w(account_id, recipient))
select w.account_id, w.recipient, 'suppressed:' || s.reason as list from w
  join suppression s on s.account_id = w.account_id and s.address = lower(w.recipient)
   and s.since is not null and s.lifted_at is null and (s.expires_at is null or s.expires_at > %(at)s)
union all
select w.account_id, w.recipient, 'whitelist' from w
  join list_entry e on e.account_id = w.account_id and e.list = 'mail_whitelist'
   and e.number in (lower(w.recipient), split_part(lower(w.recipient), '@', 2)) and (e.expires_at is null or e.expires_at > %(at)s);

-- name: routes
-- ``needs``: the registration ids that the carrier must get with each message.
select r.account_id, r.carrier_id, r.prefix, r.priority, r.share, r.cost,
       coalesce((select array_agg(x ->> 'source') from jsonb_array_elements(c.settings -> 'tlvs') as x), '{}') as needs
  from carrier_route r join carrier c on c.account_id = r.account_id and c.id = r.carrier_id
 where r.account_id = any(%(accounts)s) and c.enabled and c.channel = %(channel)s;

-- name: templates
-- Those that messages name. One that is not there has no text; whether its account keeps any other is told with it.
select w.account_id, w.id, t.text, t.entity_id, t.sender, t.shorten,
       t.id is not null or exists (select from sms_template x where x.account_id = w.account_id) as kept
  from unnest(%(accounts)s::uuid[], %(ids)s::text[]) as w(account_id, id)
  left join sms_template t on t.account_id = w.account_id and t.id = w.id;

-- name: proved_domains
select account_id, domain from mail_domain where account_id = any(%(accounts)s) and verified_at is not null;

-- name: add_messages
-- Stored once: who sends the same id again hears what was stored first.
with d as materialized (
  select * from jsonb_to_recordset(%(messages)s::jsonb) as d(account_id uuid, id uuid, record_id uuid, request_id uuid, content_id uuid,
    carrier_id uuid, created_at timestamptz, due_at timestamptz, deadline timestamptz, parts smallint, testing boolean, channel text,
    status text, reason text, detail text, recipient text, sender text, text text, encoding text, purpose text, step text,
    client_identifier text, ids jsonb, event_id uuid, shown_text text, recipient_hidden boolean, priority smallint)),
added as (
  insert into message (account_id, id, record_id, request_id, content_id, carrier_id, created_at, changed_at, due_at, deadline, parts,
                       testing, channel, status, reason, detail, recipient, sender, text, encoding, purpose, step, client_identifier, ids,
                       shown_text, recipient_hidden, priority)
  select account_id, id, record_id, request_id, content_id, carrier_id, created_at, created_at, due_at, deadline, parts, testing, channel,
         status, reason, detail, recipient, sender, text, encoding, purpose, step, client_identifier, ids, shown_text, recipient_hidden,
         priority
    from d on conflict do nothing
  returning account_id, id),
told as (
  insert into message_event (account_id, message_id, id, at, kind, to_status, reason, data)
  select d.account_id, d.id, d.event_id, d.created_at, 'message_accepted', d.status, nullif(d.reason, ''),
         jsonb_strip_nulls(jsonb_build_object('parts', d.parts, 'encoding', nullif(d.encoding, ''), 'detail', nullif(d.detail, ''),
           'due_at', d.due_at))
    from d join added using (account_id, id)),
published as (
  insert into outbox (account_id, id, endpoint_id, record_id, request_id, event_type, occurred_at, body)
  select d.account_id, new_uuid7(), e.id, d.record_id, d.request_id, d.channel || '.status', d.created_at, jsonb_strip_nulls(jsonb_build_object(
         'message_id', d.id, 'record_id', d.record_id, 'request_id', d.request_id, 'client_identifier', nullif(d.client_identifier, ''),
         'step', nullif(d.step, ''), 'channel', d.channel, 'to', case when d.recipient_hidden then '***' else d.recipient end, 'status', d.status, 'reason', nullif(d.reason, ''), 'parts', d.parts))
    from d join added using (account_id, id)
    join webhook_endpoint e on e.account_id = d.account_id and e.disabled_at is null and (d.channel || '.status') = any(e.events)
     and e.flow_id is null
   where d.due_at is null)
select d.id, coalesce(m.status, d.status) as status, coalesce(m.reason, d.reason) as reason
  from d left join message m on m.account_id = d.account_id and m.id = d.id;

-- name: add_links
insert into short_link (account_id, id, code, url, shown, record_id, number, step, created_at, expires_at, message_id)
select d.account_id, d.id, d.code, d.url, d.shown, d.record_id, d.number, d.step, d.created_at, d.expires_at, d.message_id
  from jsonb_to_recordset(%(links)s::jsonb) as d(account_id uuid, id uuid, code text, url text, shown text, record_id uuid, number text,
    step text, created_at timestamptz, expires_at timestamptz, message_id uuid)
on conflict (account_id, id) do nothing;

-- name: adopt_links
-- A link belongs to the first message that carries it.
update short_link l set message_id = d.id
  from jsonb_to_recordset(%(held)s::jsonb) as d(account_id uuid, id uuid, code text)
 where l.account_id = d.account_id and l.code = d.code and l.message_id is null;

-- name: add_contents
insert into message_content (account_id, id, body, subject, created_at, bytes)
select d.account_id, d.id, d.body, d.subject, d.created_at, octet_length(d.body::text)
  from jsonb_to_recordset(%(contents)s::jsonb) as d(account_id uuid, id uuid, body jsonb, subject text, created_at timestamptz) on conflict do nothing;

-- name: contents
select c.id, c.body from message_content c join unnest(%(accounts)s::uuid[], %(ids)s::uuid[]) as w(account_id, id) using (account_id, id);

-- name: due
select m.account_id, m.id, m.channel, m.status, m.recipient, m.sender, m.text, m.encoding, m.parts, m.tries, m.carrier_id, m.purpose,
       m.created_at, m.deadline, m.ids, m.cost, m.testing, m.reason, m.handed_at, m.content_id, m.record_id, m.request_id,
       m.lease_until is not null as handed, m.due_at, m.priority
  from message m
 where m.account_id = %(account_id)s and m.carrier_id = %(carrier_id)s and m.due_at <= %(at)s and m.take_back_at is null
 order by m.due_at limit %(n)s for update skip locked;

-- name: due_of
-- Those of them that are still due, and that nobody else looks at now.
select m.account_id, m.id, m.channel, m.status, m.recipient, m.sender, m.text, m.encoding, m.parts, m.tries, m.carrier_id, m.purpose,
       m.created_at, m.deadline, m.ids, m.cost, m.testing, m.reason, m.handed_at, m.content_id, m.record_id, m.request_id,
       m.lease_until is not null as handed, m.due_at, m.priority
  from message m join unnest(%(ids)s::uuid[]) as w(id) using (id)
 where m.account_id = %(account_id)s and m.carrier_id = %(carrier_id)s and m.due_at <= %(at)s and m.take_back_at is null
 order by m.due_at for update of m skip locked;

-- name: last_turns
-- Asked once when a carrier is opened: it reads what waits for a later time.
select distinct on (m.sender) m.sender, m.due_at, m.parts from message m
 where m.account_id = %(account_id)s and m.carrier_id = %(carrier_id)s and m.due_at > %(at)s and m.reason = %(reason)s
 order by m.sender, m.due_at desc;

-- name: due_mails
-- Due e-mails but for those that we have, oldest first: as many as their contents allow, and one in any case. Nothing is locked.
with due as materialized (
  select m.account_id, m.id, m.channel, m.status, m.recipient, m.sender, m.text, m.encoding, m.parts, m.tries, m.carrier_id, m.purpose,
         m.created_at, m.deadline, m.ids, m.cost, m.testing, m.reason, m.handed_at, m.content_id, m.record_id, m.request_id,
         m.lease_until is not null as handed, m.due_at, m.priority, row_number() over (order by m.due_at) as place
    from message m
   where m.account_id = %(account_id)s and m.carrier_id = %(carrier_id)s and m.due_at <= %(at)s and m.id <> all(%(but)s::uuid[])
     and m.take_back_at is null
   order by m.due_at limit %(n)s),
sized as (
  select d.id, d.place, sum((select coalesce(c.bytes, 4 * pg_column_size(c.body)) from message_content c
                              where c.account_id = d.account_id and c.id = d.content_id)) over (order by d.place) as bytes from due d)
select d.account_id, d.id, d.channel, d.status, d.recipient, d.sender, d.text, d.encoding, d.parts, d.tries, d.carrier_id, d.purpose,
       d.created_at, d.deadline, d.ids, d.cost, d.testing, d.reason, d.handed_at, d.content_id, d.record_id, d.request_id, d.handed, d.due_at, d.priority
  from due d join sized s using (id) where coalesce(s.bytes, 0) <= %(bytes)s or s.place = 1 order by s.place;

-- name: states
select m.id, m.status, m.reason from message m
  join unnest(%(accounts)s::uuid[], %(ids)s::uuid[]) as w(account_id, id) using (account_id, id);

-- name: by_ids
-- What news need of a message: its text and the ids in it stay where they are.
select m.account_id, m.id, m.channel, m.status, m.recipient, m.sender, m.encoding, m.parts, m.tries, m.carrier_id, m.purpose, m.created_at,
       m.deadline, m.cost, m.testing, m.reason, m.handed_at, m.content_id, m.record_id, m.request_id, m.lease_until is not null as handed, m.due_at
  from message m join jsonb_to_recordset(%(keys)s::jsonb) as w(a uuid, i uuid) on m.account_id = w.a and m.id = w.i
 order by m.account_id, m.id for no key update of m;

-- name: parts_of
select p.message_id, p.part, p.carrier_id, p.remote_id, p.status, p.states
  from message_part p join jsonb_to_recordset(%(keys)s::jsonb) as w(a uuid, i uuid) on p.account_id = w.a and p.message_id = w.i
 order by p.message_id, p.part;

-- name: by_remote_ids
-- As by_ids, of those that a carrier calls so.
with named as materialized (
  select distinct p.account_id, p.message_id from message_part p
   where p.account_id = %(account_id)s and p.carrier_id = %(carrier_id)s and p.remote_id <> ''
     and p.remote_id = any(array(select jsonb_array_elements_text(%(remote_ids)s::jsonb))))
select m.account_id, m.id, m.channel, m.status, m.recipient, m.sender, m.encoding, m.parts, m.tries, m.carrier_id, m.purpose, m.created_at,
       m.deadline, m.cost, m.testing, m.reason, m.handed_at, m.content_id, m.record_id, m.request_id, m.lease_until is not null as handed, m.due_at
  from message m join named n on m.account_id = n.account_id and m.id = n.message_id
 order by m.account_id, m.id for no key update of m;

-- name: parts_of_remote_ids
-- All parts of these; asked after the lock, in a statement of its own, so that they are as the lock left them.
with named as materialized (
  select distinct p.account_id, p.message_id from message_part p
   where p.account_id = %(account_id)s and p.carrier_id = %(carrier_id)s and p.remote_id <> ''
     and p.remote_id = any(array(select jsonb_array_elements_text(%(remote_ids)s::jsonb))))
select p.message_id, p.part, p.carrier_id, p.remote_id, p.status, p.states
  from message_part p join named n on p.account_id = n.account_id and p.message_id = n.message_id
 order by p.message_id, p.part;

-- name: settle_foreseen
-- First receipts of messages of one part, written as they were decided where the message is so; then nothing is read first. Rows are
-- taken in the order of their ids, as everywhere. ``whole``: the part was as assumed as well, else news of it were stored meanwhile.
with d as materialized (
  select * from jsonb_to_recordset(%(told)s::jsonb) as d(id uuid, remote_id text, forms text[], about text[], at timestamptz, kind text,
    status text, reason text, key text, data jsonb)),
named as materialized (
  select d.*, p.account_id, p.message_id, p.part, p.remote_id = d.remote_id as exactly, count(*) over (partition by d.id) as fitting,
         p.status = 'SENT_TO_QUEUE' and p.states = '{}' as untold
    from d join message_part p on p.account_id = %(account_id)s and p.carrier_id = %(carrier_id)s and p.remote_id <> ''
     and p.remote_id = any(d.forms)),
alone as materialized (select * from named where fitting = 1 and untold order by message_id),
moved as (
  update message m set status = d.status, reason = d.reason, detail = '', silent_at = null, take_back_at = null,
         changed_at = greatest(%(at)s, m.changed_at + interval '1 microsecond')
    from alone d
   where m.account_id = d.account_id and m.id = d.message_id and m.channel = 'sms' and m.status = 'SENT_TO_QUEUE' and m.parts = 1
     and m.carrier_id = %(carrier_id)s and m.silent_at is not null and (d.exactly or m.recipient = any(d.about))
     and d.status in (select v.to_status from move v where v.family = 'sms' and v.from_status = 'SENT_TO_QUEUE')
  returning m.account_id, m.id, m.record_id, m.request_id, m.client_identifier, m.step, m.recipient, m.recipient_hidden, m.status, m.reason,
            m.parts, m.tries, m.changed_at, d.id as line_id, d.at, d.kind, d.key, d.part, d.data),
parts as (
  update message_part p set status = m.status, states = array[m.key], tries = m.tries from moved m
   where p.account_id = m.account_id and p.message_id = m.id and p.part = m.part and p.status = 'SENT_TO_QUEUE' and p.states = '{}'
  returning p.message_id),
told as (
  insert into message_event (account_id, message_id, id, at, kind, from_status, to_status, reason, data)
  select account_id, id, line_id, at, kind, 'SENT_TO_QUEUE', status, nullif(reason, ''), data from moved),
published as (
  insert into outbox (account_id, id, endpoint_id, record_id, request_id, event_type, occurred_at, body)
  select m.account_id, new_uuid7(), e.id, m.record_id, m.request_id, 'sms.status', m.changed_at, jsonb_strip_nulls(jsonb_build_object(
         'message_id', m.id, 'record_id', m.record_id, 'request_id', m.request_id, 'client_identifier', nullif(m.client_identifier, ''),
         'step', nullif(m.step, ''), 'channel', 'sms', 'to', case when m.recipient_hidden then '***' else m.recipient end,
         'status', m.status, 'previous', 'SENT_TO_QUEUE', 'reason', nullif(m.reason, ''), 'parts', m.parts))
    from moved m join webhook_endpoint e on e.account_id = m.account_id and e.disabled_at is null and 'sms.status' = any(e.events)
     and e.flow_id is null)
select m.line_id, (select count(*) from parts) = (select count(*) from moved) as whole from moved m;

-- name: keep_hand_overs
-- Whoever stores an answer meanwhile has the row, and it needs no lease any more.
with held as (
  select m.account_id, m.id from message m join unnest(%(accounts)s::uuid[], %(ids)s::uuid[]) as w(account_id, id) using (account_id, id)
   where m.owner = %(owner)s and m.lease_until is not null for no key update of m skip locked)
update message m set lease_until = %(at)s + %(lease_time)s::interval from held where m.account_id = held.account_id and m.id = held.id;

-- name: lost_hand_overs
select account_id, id from message where lease_until < %(at)s order by lease_until limit %(n)s for no key update skip locked;

-- name: silent
select account_id, id from message where silent_at < %(at)s order by silent_at limit %(n)s for no key update skip locked;

-- name: unheard
-- What the carrier calls messages of which it has told nothing final, those that are given up first first.
select p.remote_id from message m
  join message_part p on p.account_id = m.account_id and p.message_id = m.id
 where m.account_id = %(account_id)s and m.carrier_id = %(carrier_id)s and m.channel = 'sms' and m.silent_at < %(before)s
   and p.carrier_id = m.carrier_id and p.remote_id <> '' and p.status = 'SENT_TO_QUEUE'
 order by m.silent_at limit %(n)s;

-- name: overdue
select account_id, id from message where due_at is not null and deadline < %(at)s order by deadline limit %(n)s for no key update skip locked;

-- name: taken_back
select account_id, id from message where take_back_at is not null and due_at is not null order by take_back_at limit %(n)s for no key update skip locked;

-- name: take_back
-- Wished for where it can be: it waits with us, or an SMPP carrier has it and was not asked before.
with m as materialized (
  select m.account_id, m.id, m.channel, m.status, m.due_at is not null as waits, m.lease_until is not null as handed,
         m.take_back_at is not null as wished, coalesce(c.kind, '') as kind,
         exists (select from message_part p where p.account_id = m.account_id and p.message_id = m.id and p.remote_id <> '') as named,
         exists (select from message_part p, unnest(p.states) as s
                  where p.account_id = m.account_id and p.message_id = m.id and starts_with(s, 'CANCEL:')) as answered
    from message m left join carrier c on c.account_id = m.account_id and c.id = m.carrier_id
   where m.account_id = %(account_id)s and m.id = %(id)s and m.channel = %(channel)s for no key update of m),
wished as (
  update message x set take_back_at = %(at)s from m
   where x.account_id = m.account_id and x.id = m.id and not m.wished
     and (m.waits or (m.channel = 'sms' and m.kind = 'smpp' and m.status = 'SENT_TO_QUEUE' and (m.handed or m.named) and not m.answered))
  returning x.account_id, x.id),
told as (
  insert into message_event (account_id, message_id, id, at, kind)
  select account_id, id, new_uuid7(), %(at)s, 'take_back_asked' from wished)
select m.status, m.waits, m.answered, m.wished or exists (select from wished) as wished from m;

-- name: to_cancel
-- What this carrier has and is to give back, asked again each minute until it answers; parts without a name cannot be asked for.
with due as (
  select m.account_id, m.id from message m
   where m.account_id = %(account_id)s and m.carrier_id = %(carrier_id)s and m.take_back_at <= %(at)s and m.silent_at is not null
     and m.status = 'SENT_TO_QUEUE' order by m.take_back_at limit %(n)s for no key update skip locked),
asked as (
  update message m set take_back_at = %(at)s + interval '1 minute' from due where m.account_id = due.account_id and m.id = due.id
  returning m.account_id, m.id, m.sender, m.recipient)
select distinct p.remote_id, a.sender, a.recipient from asked a
  join message_part p on p.account_id = a.account_id and p.message_id = a.id
 where p.carrier_id = %(carrier_id)s and p.remote_id <> '' and p.status = 'SENT_TO_QUEUE'
   and not exists (select from unnest(p.states) as s where starts_with(s, 'CANCEL:'));

-- name: move_messages
-- Status, place and money together; only along lawful edges. The rows are locked by this transaction already.
with d as materialized (
  select * from jsonb_to_recordset(%(moves)s::jsonb) as d(account_id uuid, id uuid, from_status text, status text, reason text, detail text,
    due_at timestamptz, lease boolean, silent_at timestamptz, carrier_id uuid, cost bigint, ids jsonb)),
moved as (
  update message m set status = d.status, reason = d.reason, detail = d.detail, due_at = d.due_at, silent_at = d.silent_at,
         lease_until = case when d.lease then %(at)s + %(lease_time)s::interval end,
         handed_at = case when d.lease then %(at)s else m.handed_at end,
         owner = case when d.lease then %(owner)s end,
         tries = m.tries + d.lease::int, carrier_id = d.carrier_id, cost = d.cost, ids = coalesce(d.ids, m.ids),
         take_back_at = case when d.status = d.from_status then m.take_back_at end,
         changed_at = greatest(%(at)s, m.changed_at + interval '1 microsecond')
    from d where m.account_id = d.account_id and m.id = d.id and m.status = d.from_status
     and (d.status = d.from_status or exists (
          select from move v where v.family = m.channel and v.from_status = d.from_status and v.to_status = d.status))
  returning m.account_id, m.id, m.record_id, m.request_id, m.client_identifier, m.step, m.channel, m.recipient, m.recipient_hidden, m.status,
            d.from_status, m.reason, m.parts, m.changed_at),
published as (
  insert into outbox (account_id, id, endpoint_id, record_id, request_id, event_type, occurred_at, body)
  select m.account_id, new_uuid7(), e.id, m.record_id, m.request_id, m.channel || '.status', m.changed_at, jsonb_strip_nulls(jsonb_build_object(
         'message_id', m.id, 'record_id', m.record_id, 'request_id', m.request_id, 'client_identifier', nullif(m.client_identifier, ''),
         'step', nullif(m.step, ''), 'channel', m.channel, 'to', case when m.recipient_hidden then '***' else m.recipient end, 'status', m.status, 'previous', m.from_status,
         'reason', nullif(m.reason, ''), 'parts', m.parts))
    from moved m join webhook_endpoint e on e.account_id = m.account_id and e.disabled_at is null
     and (m.channel || '.status') = any(e.events) and e.flow_id is null
   where m.status <> m.from_status)
select count(*)::int from moved;

-- name: add_message_events
insert into message_event (account_id, message_id, id, at, late, kind, from_status, to_status, reason, part, data)
select d.account_id, d.message_id, d.id, d.at, d.late, d.kind, d.from_status, d.to_status, d.reason, d.part, d.data
  from jsonb_to_recordset(%(events)s::jsonb) as d(account_id uuid, message_id uuid, id uuid, at timestamptz, late boolean, kind text,
    from_status text, to_status text, reason text, part smallint, data jsonb)
on conflict do nothing;

-- name: keep_parts
insert into message_part (account_id, message_id, part, carrier_id, tries, remote_id, status, states, created_at)
select d.account_id, d.message_id, d.part, d.carrier_id, d.tries, d.remote_id, d.status, d.states, %(at)s
  from jsonb_to_recordset(%(parts)s::jsonb) as d(account_id uuid, message_id uuid, part smallint, carrier_id uuid, tries smallint,
    remote_id text, status text, states text[])
on conflict (account_id, message_id, part) do update set carrier_id = excluded.carrier_id, tries = excluded.tries,
  remote_id = excluded.remote_id, status = excluded.status, states = excluded.states;

-- name: book_messages
-- What messages have cost, one line an account and batch.
with m as (select * from jsonb_to_recordset(%(sums)s::jsonb) as m(account_id uuid, id uuid, amount bigint, n int)),
booked as (update balance b set balance = b.balance - m.amount from m where b.account_id = m.account_id returning b.account_id)
insert into ledger (account_id, id, at, kind, amount, reserved, records, note)
select m.account_id, m.id, %(at)s, 'settle', -m.amount, 0, 0, m.n || ' messages' from m join booked using (account_id);

-- name: keep_strays
insert into stray_receipt (account_id, carrier_id, id, remote_id, forms, body, came_at)
select %(account_id)s, %(carrier_id)s, d.id, d.remote_id, d.forms, d.body, d.came_at
  from jsonb_to_recordset(%(strays)s::jsonb) as d(id uuid, remote_id text, forms text[], body jsonb, came_at timestamptz) on conflict do nothing;

-- name: take_strays
with gone as (
  delete from stray_receipt s
   where s.account_id = %(account_id)s and s.carrier_id = %(carrier_id)s and s.forms && %(remote_ids)s::text[]
  returning s.id, s.body)
select body from gone order by id;

-- name: matchable_strays
-- The ids that answers gave meanwhile, by any form in which receipts write them.
select distinct p.remote_id from stray_receipt s
  join message_part p on p.account_id = s.account_id and p.carrier_id = s.carrier_id and p.remote_id = any(s.forms)
 where s.account_id = %(account_id)s and s.carrier_id = %(carrier_id)s and s.came_at > %(at)s - interval '10 minutes' limit %(n)s;

-- name: stranded
-- What waits for a carrier that is switched off, gone, or has not been serving for half a minute.
select m.account_id, m.id from carrier c
 cross join lateral (
   select x.account_id, x.id, x.channel from message x where x.account_id = c.account_id and x.carrier_id = c.id and x.due_at is not null
    order by x.due_at limit %(n)s for no key update skip locked) m
 where (not c.enabled or c.state not in ('up', 'slow', 'normal') and coalesce(c.state_at, c.created_at) < %(at)s - interval '30 seconds')
   and exists (select from carrier o where o.account_id = c.account_id and o.channel = c.channel and o.id <> c.id and o.enabled
                and o.state in ('up', 'slow', 'normal'))
union all
select m.account_id, m.id from account a
 cross join lateral (
   select x.account_id, x.id from message x where x.account_id = a.id and x.carrier_id is null and x.due_at is not null
    order by x.due_at limit %(n)s for no key update skip locked) m
 where m.account_id = a.id
   and exists (select from carrier o where o.account_id = a.id and o.enabled and o.state in ('up', 'slow', 'normal'));

-- name: serving_routes
select r.account_id, c.channel, r.carrier_id, r.prefix, r.priority, r.share, r.cost
  from carrier_route r join carrier c on c.account_id = r.account_id and c.id = r.carrier_id
 where r.account_id = any(%(accounts)s) and c.enabled and c.state in ('up', 'slow', 'normal');

-- name: keep_texts
-- Texts that start one flow are told the request that they will be, at most 500 to a request: the id of the first of them.
with d as materialized (
  select * from jsonb_to_recordset(%(texts)s::jsonb) as d(id uuid, sender text, recipient text, text text, came_at timestamptz, wish text,
    keyword text)),
routed as (
  select d.id, d.sender, r.flow_id, row_number() over (partition by d.sender order by d.id) + (
           select count(*) from inbound_text t where t.account_id = %(account_id)s and t.sender = d.sender and t.flow_id is not null
              and t.start_state <> 'refused' and t.came_at > %(at)s - interval '1 hour') as nth
    from d cross join lateral (
      select x.flow_id from text_route x
       where x.account_id = %(account_id)s and x.recipient in ('', ltrim(d.recipient, '+')) and x.keyword in ('', d.keyword)
         and (x.carrier_id is null or x.carrier_id = %(carrier_id)s)
       order by x.recipient = '', x.keyword = '', x.carrier_id is null limit 1) r
   where d.wish = ''),
owed as (   -- who is answered: seldom, and nobody whom the account itself blacklisted, or who said STOP before
  select d.id, case when d.nth + w.in_hour > 1 or d.nth_of_all + w.in_day > %(most_answers)s then 'too_many' else 'waits' end as state
    from (select d.*, row_number() over (partition by d.sender, d.wish order by d.id) as nth,
                 row_number() over (partition by d.sender order by d.id) as nth_of_all
            from d where d.wish <> '' and d.sender ~ '^[0-9]{8,15}$') d
   cross join lateral (
    select count(*) filter (where t.wish = d.wish and t.came_at > %(at)s - interval '1 hour') as in_hour, count(*) as in_day
      from inbound_text t where t.account_id = %(account_id)s and t.sender = d.sender and t.answer_state in ('waits', 'answered')
       and t.came_at > %(at)s - interval '1 day') w
   where coalesce((select x.text from text_answer x where x.account_id = %(account_id)s and x.wish = d.wish
            and x.recipient in ('', ltrim(d.recipient, '+')) order by x.recipient = '' limit 1), case when d.wish = 'help' then 'text' else '' end) <> ''
     and not exists (select from list_entry e where e.account_id = %(account_id)s and e.list = 'blacklist' and e.number = d.sender and not e.prefix
            and (e.expires_at is null or e.expires_at > %(at)s) and (d.wish = 'stop' or e.note is distinct from 'said STOP by SMS'))),
grouped as (
  select id, flow_id, (row_number() over (partition by flow_id order by id) - 1) / 500 as part from routed where nth <= %(most)s),
starting as (
  select id, flow_id, first_value(id) over (partition by flow_id, part order by id) as request_id from grouped),
kept as (
  insert into inbound_text (account_id, id, carrier_id, sender, recipient, text, came_at, opted_out, flow_id, request_id, start_state,
                            start_detail, wish, answer_state)
  select %(account_id)s, d.id, %(carrier_id)s, d.sender, d.recipient, d.text, d.came_at, d.wish = 'stop', r.flow_id, s.request_id,
         case when s.id is not null then 'waits' when r.id is not null then 'refused' else '' end,
         case when r.id is not null and s.id is null then 'too_many_texts: This sender has started too many flows within an hour.' else '' end,
         d.wish, coalesce(o.state, '')
    from d left join routed r on r.id = d.id left join starting s on s.id = d.id left join owed o on o.id = d.id
  on conflict do nothing returning account_id, id)
insert into outbox (account_id, id, endpoint_id, event_type, occurred_at, body)
select e.account_id, new_uuid7(), e.id, 'sms.received', d.came_at, jsonb_build_object('text_id', d.id, 'from', d.sender, 'to', d.recipient,
       'text', d.text, 'opted_out', d.wish = 'stop')
  from d join kept using (id)
  join webhook_endpoint e on e.account_id = kept.account_id and e.disabled_at is null and 'sms.received' = any(e.events) and e.flow_id is null;

-- name: obey_texts
-- STOP blacklists for calls and messages; START takes back what a STOP did, nothing that the account itself decided.
with d as materialized (
  select distinct on (sender) sender, wish from jsonb_to_recordset(%(texts)s::jsonb) as d(id uuid, sender text, wish text)
   where wish in ('stop', 'start') and sender ~ '^[0-9]{8,15}$' order by sender, id desc),
stopped as (
  insert into list_entry (account_id, list, number, prefix, note, created_at)
  select %(account_id)s, 'blacklist', sender, false, 'said STOP by SMS', %(at)s from d where wish = 'stop'
  on conflict (account_id, list, number, prefix) do update set expires_at = null, note = excluded.note where list_entry.expires_at is not null
  returning number, xmax = 0 as fresh),
freed as (
  delete from list_entry e using d where d.wish = 'start' and e.account_id = %(account_id)s and e.list = 'blacklist' and e.number = d.sender
     and not e.prefix and e.note = 'said STOP by SMS' returning e.number)
insert into list_version as v (account_id, list, version, entries)
select %(account_id)s, 'blacklist', 1, (select count(*) from stopped where fresh) from (select 1) x
 where exists (select from stopped) or exists (select from freed)
on conflict (account_id, list) do update set version = v.version + 1,
  entries = greatest(0, v.entries + (select count(*) from stopped where fresh) - (select count(*) from freed));

-- name: carriers
select c.account_id, c.id, c.name, c.channel, c.kind, c.settings, c.secrets, c.changes,
       (select coalesce(jsonb_agg(jsonb_build_object('carrier_id', r.carrier_id, 'prefix', r.prefix, 'priority', r.priority, 'share', r.share,
          'cost', r.cost)), '[]') from carrier_route r where r.account_id = c.account_id and r.carrier_id = c.id) as routes, a.plain_http_webhooks, a.country
  from carrier c join account a on a.id = c.account_id
 where case %(kind)s when '' then c.enabled else c.kind = %(kind)s end order by c.account_id, c.id;

-- name: tell_carrier
update carrier set state = %(state)s, state_detail = %(detail)s, state_at = %(at)s
 where account_id = %(account_id)s and id = %(id)s and (state, state_detail) is distinct from (%(state)s, %(detail)s);

-- name: tell_mailbox
update carrier set mailbox_state = %(state)s where account_id = %(account_id)s and id = %(id)s and mailbox_state <> %(state)s;

-- name: keep_targets
-- Used anew they are kept longer.
insert into mail_link (account_id, id, targets, created_at)
select d.account_id, d.id, d.targets, %(at)s from jsonb_to_recordset(%(targets)s::jsonb) as d(account_id uuid, id text, targets text[])
on conflict (account_id, id) do update set created_at = excluded.created_at where mail_link.created_at < excluded.created_at - interval '1 day';

-- name: identities
select domain, bounce_domain,
       array[selector, private_key] || case when ed25519_verified_at is not null then array[ed25519_selector, ed25519_key] else '{}' end
  from mail_domain where account_id = %(account_id)s and verified_at is not null order by domain;

-- name: mails_named
-- As by_ids, of e-mails by their ids alone: proved by their bounce address, or the local part of their header.
select m.account_id, m.id, m.channel, m.status, m.recipient, m.sender, m.encoding, m.parts, m.tries, m.carrier_id, m.purpose, m.created_at,
       m.deadline, m.cost, m.testing, m.reason, m.handed_at, m.content_id, m.record_id, m.request_id, m.lease_until is not null as handed, m.due_at
  from message m
 where m.channel = 'email' and m.id = any(array(select jsonb_array_elements_text(%(named)s::jsonb)::uuid))
   and (%(account_id)s::uuid is null or m.account_id = %(account_id)s)
 order by m.account_id, m.id for no key update of m;

-- name: told_before
-- Copies of one report are stored once, and so many reports of a message. Asked after the lock, in a statement of its own.
select e.message_id, e.data ->> 'report_id', e.kind = 'report_came' from message m
  join message_event e on e.account_id = m.account_id and e.message_id = m.id
 where m.channel = 'email' and m.id = any(array(select jsonb_array_elements_text(%(named)s::jsonb)::uuid)) and e.data ? 'report_id';

-- name: keep_unknown
insert into unknown_report (id, body, came_at)
select d.id, d.body, %(at)s from jsonb_to_recordset(%(reports)s::jsonb) as d(id text, body jsonb) on conflict do nothing;

-- name: suppress
-- What only counts: five soft failures over at least seven days, or two refusals without a code (reason bounced_twice), without a
-- delivery between, see unfail. All else suppresses at once.
insert into suppression as s (account_id, address, reason, message_id, since, soft_failures, first_soft_at, detail, updated_at)
select d.account_id, lower(d.address), d.reason, d.message_id, case when not d.counts then %(at)s::timestamptz end,
       d.counts::int, case when d.counts then %(at)s::timestamptz end, d.detail, %(at)s
  from (select distinct on (account_id, lower(address)) d.*, d.reason in ('soft_bounces', 'bounced_twice') as counts
          from jsonb_to_recordset(%(rows)s::jsonb) as d(account_id uuid, address text, reason text, message_id uuid, detail text)
         order by account_id, lower(address), d.reason in ('soft_bounces', 'bounced_twice')) d
on conflict (account_id, address) do update set updated_at = excluded.updated_at, detail = excluded.detail, lifted_at = null, lifted_by = null,
  soft_failures = case when s.lifted_at is not null then 0 else s.soft_failures end + excluded.soft_failures,
  first_soft_at = coalesce(s.first_soft_at, excluded.first_soft_at),
  expires_at = case when excluded.since is null then s.expires_at end,   -- what is known for certain does not run out
  (reason, source, message_id, since) = (
    select case when x.force then s.reason else excluded.reason end, case when x.force then s.source else 'message' end,
           excluded.message_id,
           case when x.force then s.since when excluded.since is not null then excluded.since
                when excluded.reason = 'bounced_twice' and s.soft_failures >= 1 then %(at)s::timestamptz
                when s.soft_failures + 1 >= 5 and s.first_soft_at <= %(at)s::timestamptz - interval '7 days' then %(at)s::timestamptz end
      from (select s.since is not null and s.lifted_at is null and (s.expires_at is null or s.expires_at > %(at)s) as force) x);

-- name: unfail
-- A delivery takes soft failures back. A failure that is being stored at this moment may as well have come after it.
with only_counted as (
  select s.account_id, s.address from suppression s
    join unnest(%(accounts)s::uuid[], %(addresses)s::text[]) as w(account_id, address) on s.account_id = w.account_id and s.address = lower(w.address)
   where s.since is null for update of s skip locked)
delete from suppression s using only_counted o where s.account_id = o.account_id and s.address = o.address;
