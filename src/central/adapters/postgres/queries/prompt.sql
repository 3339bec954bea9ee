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
select f.name as flow_name, v.number, v.document from flow f join flow_version v on v.account_id = f.account_id and v.flow_id = f.id
 where f.account_id = %(account_id)s and (v.number = f.production_version and f.archived_at is null or exists (
   select from request q where q.account_id = f.account_id and q.flow_version_id = v.id and q.open));

-- name: delete_prompt
delete from prompt where account_id = %(account_id)s and name = %(name)s and language = %(language)s;

-- name: save_prompts
insert into prompt (account_id, name, language, sha256, seconds, created_at)
select d.account_id, d.name, d.language, d.sha256, d.seconds, d.created_at
  from jsonb_to_recordset(%(prompts)s::jsonb)
    as d(account_id uuid, name text, language text, sha256 text, seconds real, created_at timestamptz)
 order by d.account_id, d.name, d.language
on conflict (account_id, name, language)
  do update set sha256 = excluded.sha256, seconds = excluded.seconds, created_at = excluded.created_at;
