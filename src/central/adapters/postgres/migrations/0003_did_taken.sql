-- A number belongs to one account. Accounts do not see each other's numbers, so one function, owned by central_owner, answers
-- exactly that: which of the wanted numbers (null: none) another account has and this one has not. It takes a lock until the
-- transaction ends, so that two accounts cannot both be the first.
create function did_elsewhere(wanted text[], here uuid) returns text
language sql security definer set search_path = public as $$
  select pg_advisory_xact_lock(hashtext('did'));
  select min(d.number) from did d
   where d.number = any(wanted) and d.account_id <> here
     and not exists (select from did own where own.account_id = here and own.number = d.number);
$$;
revoke all on function did_elsewhere(text[], uuid) from public;
grant execute on function did_elsewhere(text[], uuid) to central_api, central_worker;
