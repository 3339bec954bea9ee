-- Messages as people read them.

-- name: message_page
select m.id, m.channel, m.status, m.reason, m.detail, m.recipient, m.sender, m.text, m.encoding, m.parts, m.tries, m.cost, m.purpose, m.step,
       m.client_identifier, m.created_at, m.changed_at, m.deadline, m.due_at, m.handed_at, m.record_id, m.request_id, m.testing,
       coalesce(c.name, '') as carrier, coalesce(b.subject, '') as subject, m.shown_text, m.recipient_hidden
  from message m
  left join carrier c on c.account_id = m.account_id and c.id = m.carrier_id
  left join message_content b on b.account_id = m.account_id and b.id = m.content_id
 where m.account_id = %(account_id)s and m.channel = %(channel)s and (%(id)s::uuid is null or m.id = %(id)s)
   and (%(before)s::uuid is null or m.id < %(before)s) and (%(status)s::text is null or m.status = %(status)s)
   and (%(record_id)s::uuid is null or m.record_id = %(record_id)s) and (%(request_id)s::uuid is null or m.request_id = %(request_id)s)
   and (%(recipient)s::text is null or (m.recipient = %(recipient)s and not m.recipient_hidden))
   and (%(client_identifier)s::text is null or m.client_identifier = %(client_identifier)s)
 order by m.account_id, m.id desc limit %(limit)s;

-- name: one_message
select m.id, m.channel, m.status, m.reason, m.detail, m.recipient, m.sender, m.text, m.encoding, m.parts, m.tries, m.cost, m.purpose, m.step,
       m.client_identifier, m.created_at, m.changed_at, m.deadline, m.due_at, m.handed_at, m.record_id, m.request_id, m.testing,
       coalesce(c.name, '') as carrier, coalesce(b.subject, '') as subject, m.shown_text, m.recipient_hidden
  from message m
  left join carrier c on c.account_id = m.account_id and c.id = m.carrier_id
  left join message_content b on b.account_id = m.account_id and b.id = m.content_id
 where m.account_id = %(account_id)s and m.id = %(id)s;

-- name: message_history
select e.message_id, e.at, e.kind, e.late, e.from_status, e.to_status, e.reason, e.part, e.data
  from message_event e where e.account_id = %(account_id)s and e.message_id = any(%(ids)s) order by e.message_id, e.id;

-- name: message_counts
select m.status, count(*)::int from message m
 where m.account_id = %(account_id)s and m.channel = %(channel)s and (%(request_id)s::uuid is null or m.request_id = %(request_id)s)
 group by 1;

-- name: text_page
select t.id, t.sender, t.recipient, t.text, coalesce(c.name, '') as carrier, t.came_at, t.opted_out,
       t.flow_id, case when t.start_state = 'started' then t.request_id end as request_id, t.start_state, t.start_detail, t.answer_state
  from inbound_text t left join carrier c on c.account_id = t.account_id and c.id = t.carrier_id
 where t.account_id = %(account_id)s and (%(before)s::uuid is null or t.id < %(before)s)
   and (%(sender)s::text is null or t.sender = %(sender)s) and (%(recipient)s::text is null or t.recipient = %(recipient)s)
   and (%(came_from)s::timestamptz is null or t.came_at >= %(came_from)s) and (%(came_to)s::timestamptz is null or t.came_at < %(came_to)s)
 order by t.account_id, t.id desc limit %(limit)s;
