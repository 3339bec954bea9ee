-- Which flow a text starts, and the texts that wait for that.

-- name: put_text_route
-- No row: the carrier is not of this account.
insert into text_route (account_id, id, recipient, keyword, carrier_id, flow_id, created_at)
select %(account_id)s, %(id)s, %(recipient)s, %(keyword)s, %(carrier_id)s::uuid, %(flow_id)s, %(created_at)s
 where %(carrier_id)s::uuid is null or exists (select from carrier c where c.account_id = %(account_id)s and c.id = %(carrier_id)s)
on conflict (account_id, recipient, keyword, carrier_id) do update set flow_id = excluded.flow_id
returning id;

-- name: text_route_page
select id, flow_id, created_at, recipient, keyword, carrier_id from text_route
 where account_id = %(account_id)s and (%(after)s::uuid is null or id > %(after)s) order by id limit %(limit)s;

-- name: drop_text_route
delete from text_route where account_id = %(account_id)s and id = %(id)s;

-- name: waiting_texts
with due as materialized (
  select distinct w.request_id, w.account_id from inbound_text w where w.start_state = 'waits' order by w.request_id limit %(limit)s)
select t.account_id, t.request_id, t.flow_id, t.id, t.sender, t.recipient, t.text
  from due join inbound_text t on t.account_id = due.account_id and t.request_id = due.request_id and t.start_state = 'waits'
 order by t.request_id, t.id;

-- name: text_start_ended
update inbound_text set start_state = %(state)s, start_detail = %(detail)s
 where account_id = %(account_id)s and request_id = %(request_id)s and start_state = 'waits';
