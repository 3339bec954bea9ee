-- The index of recorded prompts (step 4 asks, API and CLI write); the files lie in the prompt folder, named by content.

-- name: find_prompts
select p.account_id, p.name, p.language, p.sha256, p.seconds, p.created_at
  from prompt p where p.account_id = %(account_id)s and p.name = any(%(names)s::text[]);

-- name: prompt_page
select p.account_id, p.name, p.language, p.sha256, p.seconds, p.created_at
  from prompt p where p.account_id = %(account_id)s
   and (%(after_name)s::text is null or (p.name, p.language) > (%(after_name)s, %(after_language)s))
 order by p.name, p.language limit %(limit)s;

-- name: documents_in_use
-- What still makes calls, with the uses whose recordings it holds: those do not depend on the library any more.
select f.name as flow_name, v.number, v.document,
       array(select jsonb_build_array(h.name, h.language) from version_prompt h
              where h.account_id = v.account_id and h.version_id = v.id) as held
  from flow f join flow_version v on v.account_id = f.account_id and v.flow_id = f.id
 where f.account_id = %(account_id)s and (v.number = f.production_version and f.archived_at is null or exists (
   select from request q where q.account_id = f.account_id and q.flow_version_id = v.id and q.open));

-- name: lock_prompts
select p.account_id, p.name, p.language, p.sha256, p.seconds, p.created_at
  from prompt p where p.account_id = %(account_id)s and p.name = any(%(names)s::text[])
 order by p.name, p.language for share;

-- name: hold_prompts
insert into version_prompt (account_id, version_id, name, language, sha256, seconds)
select %(account_id)s, %(version_id)s, h ->> 0, h ->> 1, h ->> 2, (h ->> 3)::real from jsonb_array_elements(%(held)s::jsonb) as h;

-- name: held_prompts
select h.name, h.language, h.sha256, h.seconds from flow_version v
  join version_prompt h on h.account_id = v.account_id and h.version_id = v.id
 where v.account_id = %(account_id)s and v.flow_id = %(id)s and v.number = %(number)s order by h.name, h.language;

-- name: versions_holding
-- Those that play this content under this name: numbered ones, which production may go back to, and tests that are not done.
select f.name as flow, v.number as version,
       v.number is not distinct from f.production_version and f.archived_at is null or u.open as runs
  from version_prompt h
  join flow_version v on v.account_id = h.account_id and v.id = h.version_id
  join flow f on f.account_id = v.account_id and f.id = v.flow_id
 cross join lateral (select exists (
   select from request q where q.account_id = v.account_id and q.flow_version_id = v.id and q.open) as open) u
 where h.account_id = %(account_id)s and h.name = %(name)s and h.sha256 = %(sha256)s and (v.number is not null or u.open)
 group by f.name, v.id, v.number, f.production_version, f.archived_at, u.open
 order by f.name, v.number desc nulls first limit 100;

-- name: delete_prompt
delete from prompt where account_id = %(account_id)s and name = %(name)s and language = %(language)s;

-- name: save_prompt
insert into prompt (account_id, name, language, sha256, seconds, created_at)
values (%(account_id)s, %(name)s, %(language)s, %(sha256)s, %(seconds)s, %(created_at)s)
on conflict (account_id, name, language)
  do update set sha256 = excluded.sha256, seconds = excluded.seconds, created_at = excluded.created_at;

-- name: guard_content
-- Who puts a file in its place, and who takes one away, wait for each other.
select pg_advisory_xact_lock(hashtextextended(%(sha256)s, 15));

-- name: named_contents
-- across accounts: equal contents are one file for all of them.
select c.sha256 from unnest(%(contents)s::text[]) as c(sha256)
 where exists (select from prompt p where p.sha256 = c.sha256) or exists (select from version_prompt h where h.sha256 = c.sha256);
