-- Trunks with their routes, DIDs, and the phone lists of an account.

-- name: create_trunk
insert into trunk (account_id, id, name, host, port, transport, username, password, codecs, channel_cap, cps_cap, enabled, tag_calls, inbound, created_at)
values (%(account_id)s, %(id)s, %(name)s, %(host)s, %(port)s, %(transport)s, %(username)s, %(password)s, %(codecs)s,
  %(channel_cap)s, %(cps_cap)s, %(enabled)s, %(tag_calls)s, %(inbound)s, %(created_at)s);

-- name: add_routes
insert into trunk_route (account_id, trunk_id, prefix, priority)
select %(account_id)s, %(trunk_id)s, r.prefix, r.priority from jsonb_to_recordset(%(routes)s) as r(prefix text, priority smallint)
on conflict do nothing;

-- name: drop_routes
delete from trunk_route where account_id = %(account_id)s and trunk_id = %(trunk_id)s;

-- name: trunk_page
select t.id, t.name, t.host, t.port, t.transport, t.username, t.password, t.codecs, t.channel_cap, t.cps_cap, t.enabled, t.tag_calls,
       t.inbound, t.created_at, (select coalesce(jsonb_agg(jsonb_build_object('prefix', r.prefix, 'priority', r.priority) order by r.prefix, r.priority), '[]')
                        from trunk_route r where r.account_id = t.account_id and r.trunk_id = t.id) as routes
  from trunk t where t.account_id = %(account_id)s and (%(id)s::uuid is null or t.id = %(id)s)
   and (%(after)s::uuid is null or t.id > %(after)s) order by t.id limit %(limit)s;

-- name: free_trunk_dids
update did set trunk_id = null where account_id = %(account_id)s and trunk_id = %(id)s;

-- name: drop_trunk
delete from trunk where account_id = %(account_id)s and id = %(id)s;

-- name: missing_trunks
select count(*)::int from jsonb_to_recordset(%(dids)s) as d(trunk_id uuid)
 where d.trunk_id is not null and not exists (select from trunk t where t.account_id = %(account_id)s and t.id = d.trunk_id);

-- name: did_elsewhere
select did_elsewhere(%(numbers)s, %(account_id)s);

-- name: put_dids
with put as (
  insert into did as x (account_id, number, trunk_id, label, channel_cap, created_at)
  select %(account_id)s, d.number, d.trunk_id, d.label, d.channel_cap, d.created_at
    from jsonb_to_recordset(%(dids)s) as d(number text, trunk_id uuid, label text, channel_cap int, created_at timestamptz)
  on conflict (account_id, number) do update set trunk_id = excluded.trunk_id, label = excluded.label, channel_cap = excluded.channel_cap
  returning (xmax = 0) as new)
select count(*) filter (where new)::int from put;

-- name: did_page
select d.number, d.trunk_id, d.label, d.created_at, d.channel_cap,
       array(select f.flow_id from flow_did f where f.account_id = d.account_id and f.number = d.number order by f.flow_id) as flows
  from did d where d.account_id = %(account_id)s and (%(after)s::text is null or d.number > %(after)s) order by d.number limit %(limit)s;

-- name: did_in_use
select exists (select from flow_did where account_id = %(account_id)s and number = %(number)s);

-- name: drop_did
delete from did where account_id = %(account_id)s and number = %(number)s;

-- name: list_states
-- Bounces and complaints suppress too, without a version: what is in force is counted when somebody asks, so far and no further.
with suppressed as materialized (
  select count(*) as n from (
    select from suppression s where s.account_id = %(account_id)s and s.since is not null limit %(most_counted)s + 1) as s)
select n.list, coalesce(v.version, 0) as version, v.fresh_at,
       case n.list when 'suppression' then (select least(n, %(most_counted)s) from suppressed) else coalesce(v.entries, 0) end as entries,
       n.list = 'suppression' and (select n > %(most_counted)s from suppressed) as more
  from unnest(array['blacklist', 'whitelist', 'dnd', 'suppression', 'mail_whitelist']) with ordinality as n(list, position)
  left join list_version v on v.account_id = %(account_id)s and v.list = n.list order by n.position;

-- name: lock_list
-- One writer a list at a time; the row is made when it is missing.
insert into list_version (account_id, list) values (%(account_id)s, %(list)s)
on conflict (account_id, list) do update set version = list_version.version;

-- name: stage_list
create temporary table staged_entry (
  number text, prefix boolean, expires_at timestamptz, note text, register text, categories text[], reason text, source text) on commit drop;

-- name: stage_entries
insert into staged_entry select * from jsonb_to_recordset(%(entries)s)
  as e(number text, prefix boolean, expires_at timestamptz, note text, register text, categories text[], reason text, source text);

-- name: merge_phone_list
with merged as (
  insert into list_entry as x (account_id, list, number, prefix, expires_at, note)
  select distinct on (number, prefix) %(account_id)s::uuid, %(list)s, number, prefix, expires_at, note from staged_entry
  on conflict (account_id, list, number, prefix) do update set expires_at = excluded.expires_at, note = excluded.note
  returning (xmax = 0) as new)
select count(*) filter (where new), count(*) filter (where not new) from merged;

-- name: merge_dnd_list
with merged as (
  insert into dnd_entry as x (account_id, number, register, categories)
  select distinct on (number, register) %(account_id)s::uuid, number, register, categories from staged_entry
  on conflict (account_id, number, register) do update set categories = excluded.categories
  returning (xmax = 0) as new)
select count(*) filter (where new), count(*) filter (where not new) from merged;

-- name: merge_suppression
-- Who is in force keeps why and since when; what is only counted, lifted or over begins anew.
with merged as (
  insert into suppression as s (account_id, address, reason, source, since, expires_at, detail, updated_at)
  select distinct on (number) %(account_id)s::uuid, number, coalesce(nullif(reason, ''), 'added'), coalesce(nullif(source, ''), 'person'),
         %(at)s::timestamptz, expires_at, note, %(at)s::timestamptz from staged_entry order by number
  on conflict (account_id, address) do update set expires_at = excluded.expires_at, lifted_at = null, lifted_by = null,
    updated_at = excluded.updated_at, detail = coalesce(nullif(excluded.detail, ''), s.detail),
    (reason, source, since, message_id) = (
      select case when x then s.reason else excluded.reason end, case when x then s.source else excluded.source end,
             case when x then s.since else excluded.since end, case when x then s.message_id end
        from (select s.since is not null and (s.expires_at is null or s.expires_at > %(at)s) as x) as in_force)
  returning since = %(at)s::timestamptz as new)
select count(*) filter (where new), count(*) filter (where not new) from merged;

-- name: lift_suppressions
update suppression x set lifted_at = %(at)s, lifted_by = %(actor)s, since = null, soft_failures = 0, first_soft_at = null, updated_at = %(at)s
  from staged_entry s where x.account_id = %(account_id)s and x.address = s.number and x.since is not null;

-- name: search_suppression
select address as number, expires_at, detail as note, since as created_at, reason, source, message_id from suppression
 where account_id = %(account_id)s and since is not null and starts_with(address, %(low)s)
   and (%(after)s::text is null or address > %(after)s) and %(high)s::text is null
 order by address limit %(limit)s;

-- name: search_mail_list
select number, expires_at, note, created_at from list_entry
 where account_id = %(account_id)s and list = %(list)s and starts_with(number, %(low)s)
   and (%(after)s::text is null or number > %(after)s) and %(high)s::text is null
 order by number limit %(limit)s;

-- name: find_phone_entry
select number, prefix, expires_at, note, created_at from list_entry
 where account_id = %(account_id)s and list = %(list)s and (number = %(entry)s and not prefix or prefix and starts_with(%(entry)s, number))
   and (expires_at is null or expires_at > %(at)s)
 order by prefix, length(number) desc limit 1;

-- name: find_dnd_entry
select number, register, categories from dnd_entry where account_id = %(account_id)s and number = %(entry)s order by register limit 1;

-- name: find_suppression
select address as number, expires_at, detail as note, since as created_at, reason, source, message_id from suppression
 where account_id = %(account_id)s and address = %(entry)s and since is not null and (expires_at is null or expires_at > %(at)s);

-- name: find_mail_entry
select number, expires_at, note, created_at from list_entry
 where account_id = %(account_id)s and list = %(list)s and number in (%(entry)s, split_part(%(entry)s, '@', 2))
   and (expires_at is null or expires_at > %(at)s)
 order by strpos(number, '@') = 0 limit 1;

-- name: index_staged
create index on staged_entry (number);

-- name: prune_phone_list
delete from list_entry x where x.account_id = %(account_id)s and x.list = %(list)s
   and not exists (select from staged_entry s where s.number = x.number and s.prefix = x.prefix);

-- name: prune_dnd_list
delete from dnd_entry x where x.account_id = %(account_id)s
   and not exists (select from staged_entry s where s.number = x.number and s.register = x.register);

-- name: remove_phone_entries
delete from list_entry x using staged_entry s
 where x.account_id = %(account_id)s and x.list = %(list)s and x.number = s.number and x.prefix = s.prefix;

-- name: remove_dnd_entries
delete from dnd_entry x using staged_entry s where x.account_id = %(account_id)s and x.number = s.number and x.register = s.register;

-- name: advance_list
update list_version set version = version + 1, entries = entries + %(added)s - %(removed)s,
       fresh_at = coalesce(%(fresh_at)s, fresh_at)
 where account_id = %(account_id)s and list = %(list)s
returning list, version, entries, fresh_at;

-- name: search_phone_list
select number, prefix, expires_at, note, created_at from list_entry
 where account_id = %(account_id)s and list = %(list)s and number >= %(low)s and (%(high)s::text is null or number < %(high)s)
   and (%(after)s::text is null or (number, prefix) > (%(after)s, %(after_prefix)s))
 order by number, prefix limit %(limit)s;

-- name: search_dnd_list
select number, register, categories from dnd_entry
 where account_id = %(account_id)s and number >= %(low)s and (%(high)s::text is null or number < %(high)s)
   and (%(after)s::text is null or (number, register) > (%(after)s, %(after_register)s))
 order by number, register limit %(limit)s;
