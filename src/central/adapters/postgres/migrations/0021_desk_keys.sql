-- A key may belong to an agent: with it he works at his own desk, and at nobody else's.
alter table api_key add column agent_id uuid;

-- Takes the place of authenticate_key, which processes of the release before still call while they run.
create function key_holder(key_hash bytea) returns table (account_id uuid, key_id uuid, role text, scopes text[], agent_id uuid)
language sql security definer set search_path = public as $$
  update api_key k set last_used_at = now()
   where k.hash = key_hash and k.revoked_at is null and (k.expires_at is null or k.expires_at > now())
     and (k.last_used_at is null or k.last_used_at < now() - interval '1 minute');
  select k.account_id, k.id, k.role, k.scopes, k.agent_id from api_key k
   where k.hash = key_hash and k.revoked_at is null and (k.expires_at is null or k.expires_at > now());
$$;
revoke all on function key_holder(bytea) from public;
grant execute on function key_holder(bytea) to central_api;
