-- Files that e-mails bring along.

-- name: one_writer
-- One writer of an account at a time, so that two do not fill it together.
select pg_advisory_xact_lock(hashtextextended('account_file' || %(account_id)s::text, 0));

-- name: put_file
insert into account_file (account_id, name, media_type, size_bytes, sha256, created_at, content)
select %(account_id)s, %(name)s, %(media_type)s, %(size_bytes)s, %(sha256)s, %(created_at)s, %(content)s
 where %(size_bytes)s + (select coalesce(sum(f.size_bytes), 0) from account_file f
                          where f.account_id = %(account_id)s and f.name <> %(name)s) <= %(limit)s
on conflict (account_id, name) do update set media_type = excluded.media_type, size_bytes = excluded.size_bytes, sha256 = excluded.sha256,
  created_at = excluded.created_at, content = excluded.content;

-- name: file_page
select name, media_type, size_bytes, sha256, created_at from account_file
 where account_id = %(account_id)s and (%(after)s::text is null or name > %(after)s) order by name limit %(limit)s;

-- name: one_file
select name, media_type, size_bytes, sha256, created_at, content from account_file where account_id = %(account_id)s and name = %(name)s;

-- name: file_sizes
select name, size_bytes from account_file where account_id = %(account_id)s and name = any(%(names)s::text[]);

-- name: drop_file
delete from account_file where account_id = %(account_id)s and name = %(name)s;

-- name: load_files
-- In the order that they are asked for, as many as the limit holds together: files may have grown since a mail was taken.
select f.account_id, f.name, f.media_type, case when sum(f.size_bytes) over (order by w.place) <= %(limit)s then f.content end
  from account_file f join unnest(%(accounts)s::uuid[], %(names)s::text[]) with ordinality as w(account_id, name, place)
    on f.account_id = w.account_id and f.name = w.name;
