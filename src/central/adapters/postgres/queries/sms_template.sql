-- Texts that a registry knows.

-- name: put_template
-- No row: the account has as many as it may.
insert into sms_template (account_id, id, text, entity_id, sender, shorten)
select %(account_id)s, %(id)s, %(text)s, %(entity_id)s, %(sender)s, %(shorten)s
 where exists (select from sms_template t where t.account_id = %(account_id)s and t.id = %(id)s)
    or (select count(*) from sms_template t where t.account_id = %(account_id)s) < %(most)s
on conflict (account_id, id) do update set text = excluded.text, entity_id = excluded.entity_id, sender = excluded.sender, shorten = excluded.shorten
returning xmax = 0;

-- name: template_page
select id, text, entity_id, sender, shorten from sms_template
 where account_id = %(account_id)s and (%(after)s::text is null or id > %(after)s) order by id limit %(limit)s;

-- name: one_template
select id, text, entity_id, sender, shorten from sms_template where account_id = %(account_id)s and id = %(id)s;

-- name: drop_template
delete from sms_template where account_id = %(account_id)s and id = %(id)s;
