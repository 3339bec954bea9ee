-- What flows do beyond their call: contacts and short links (step 4 writes, API reads and writes), and lineage of started requests.

-- name: merge_contact
-- Key by key, so that two calls that keep different values at the same moment both do; null removes. No row: it would be too large.
insert into contact as c (account_id, number, "values", updated_at)
values (%(account_id)s, %(number)s, jsonb_strip_nulls(%(values)s::jsonb), %(now)s)
on conflict (account_id, number) do update set "values" = jsonb_strip_nulls(c."values" || %(values)s::jsonb), updated_at = %(now)s
 where contact_bytes(jsonb_strip_nulls(c."values" || %(values)s::jsonb)) <= %(limit)s
returning account_id;

-- name: contact
select c.number, c."values", c.time_zone, c.updated_at from contact c where c.account_id = %(account_id)s and c.number = %(number)s;

-- name: contact_page
select c.number, c."values", c.time_zone, c.updated_at from contact c
 where c.account_id = %(account_id)s and c.number > %(after)s order by c.number limit %(limit)s;

-- name: put_contact
insert into contact (account_id, number, "values", time_zone, updated_at)
values (%(account_id)s, %(number)s, %(values)s, %(time_zone)s, %(updated_at)s)
on conflict (account_id, number)
  do update set "values" = excluded."values", time_zone = excluded.time_zone, updated_at = excluded.updated_at;

-- name: delete_contact
delete from contact where account_id = %(account_id)s and number = %(number)s;

-- name: add_link
insert into short_link (account_id, id, code, url, shown, record_id, number, step, created_at, expires_at)
values (%(account_id)s, %(id)s, %(code)s, %(url)s, %(shown)s, %(record_id)s, %(number)s, %(step)s, %(created_at)s, %(expires_at)s)
on conflict (account_id, id) do nothing;

-- name: link_code
select l.code from short_link l where l.account_id = %(account_id)s and l.id = %(id)s;

-- name: link_page
-- Newest first.
select l.id, l.code, l.shown, l.record_id, l.number, l.step, l.created_at, l.expires_at, l.clicks, l.first_click_at, l.last_click_at,
       l.message_id
  from short_link l
 where l.account_id = %(account_id)s and (%(before)s::uuid is null or l.id < %(before)s)
 order by l.id desc limit %(limit)s;

-- name: open_link
-- across accounts: whoever follows a link has no account; the function answers for exactly one unguessable code.
select target, expired from open_link(%(code)s, %(at)s);
