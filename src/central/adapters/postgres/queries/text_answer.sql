-- What people are answered who write HELP, STOP or START. Which text is owed an answer: keep_texts in message.sql.

-- name: put_text_answer
insert into text_answer (account_id, id, recipient, wish, text, created_at)
values (%(account_id)s, %(id)s, %(recipient)s, %(wish)s, %(text)s, %(created_at)s)
on conflict (account_id, recipient, wish) do update set text = excluded.text
returning id;

-- name: text_answer_page
select id, wish, text, created_at, recipient from text_answer
 where account_id = %(account_id)s and (%(after)s::uuid is null or id > %(after)s) order by id limit %(limit)s;

-- name: drop_text_answer
delete from text_answer where account_id = %(account_id)s and id = %(id)s;

-- name: owed_answers
-- The text as it is now; one that was taken away meanwhile is none.
select t.account_id, t.id, t.sender, t.recipient, t.wish, coalesce(a.text, case when t.wish = 'help' then %(help)s else '' end)
  from (select * from inbound_text w where w.answer_state = 'waits' order by w.id limit %(limit)s) t
  left join lateral (
    select x.text from text_answer x where x.account_id = t.account_id and x.wish = t.wish and x.recipient in ('', ltrim(t.recipient, '+'))
     order by x.recipient = '' limit 1) a on true
 order by t.id;

-- name: answers_ended
update inbound_text t set answer_state = d.state
  from jsonb_to_recordset(%(rows)s::jsonb) as d(account_id uuid, id uuid, state text)
 where t.account_id = d.account_id and t.id = d.id and t.answer_state = 'waits';
