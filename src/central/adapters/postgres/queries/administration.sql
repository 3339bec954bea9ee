-- The control plane: accounts, people, keys, policies, endpoints, idempotency, the audit trail. One account a transaction.

-- name: add_audit
insert into audit (account_id, id, at, actor, action, object, detail)
values (%(account_id)s, %(id)s, %(at)s, %(actor)s, %(action)s, %(object)s, %(detail)s);

-- name: audit_page
select id, at, actor, action, object, detail from audit
 where account_id = %(account_id)s and (%(before)s::uuid is null or id < %(before)s) order by id desc limit %(limit)s;

-- name: create_account
insert into account (id, name, kind, state, valid_until, currency, credit_limit, rate_plan, country, time_zone, international,
  plain_http_webhooks, pending_cap, channel_cap, cps_cap, api_per_minute, weight, policy_id, policy_version, check_ip, settings, created_at,
  recording, sms, email)
values (%(id)s, %(name)s, %(kind)s, %(state)s, %(valid_until)s, %(currency)s, %(credit_limit)s, %(rate_plan)s, %(country)s,
  %(time_zone)s, %(international)s, %(plain_http_webhooks)s, %(pending_cap)s, %(channel_cap)s, %(cps_cap)s, %(api_per_minute)s,
  %(weight)s, %(policy_id)s, %(policy_version)s, %(check_ip)s, %(settings)s, %(created_at)s, %(recording)s, %(sms)s, %(email)s);

-- name: create_balance
insert into balance (account_id, balance) values (%(account_id)s, %(balance)s);

-- name: account
select a.id, a.name, a.kind, a.state, a.valid_until, a.currency, a.credit_limit, a.rate_plan, a.country, a.time_zone, a.international,
       a.plain_http_webhooks, a.pending_cap, a.channel_cap, a.cps_cap, a.api_per_minute, a.weight, a.policy_id, a.policy_version,
       a.check_ip, a.settings, a.created_at, coalesce(b.balance, 0) as balance, coalesce(b.reserved, 0) as reserved,
       a.recording, a.sms, a.email
  from account a left join balance b on b.account_id = a.id where a.id = %(account_id)s;

-- name: account_page
select a.id, a.name, a.kind, a.state, a.valid_until, a.currency, a.credit_limit, a.rate_plan, a.country, a.time_zone, a.international,
       a.plain_http_webhooks, a.pending_cap, a.channel_cap, a.cps_cap, a.api_per_minute, a.weight, a.policy_id, a.policy_version,
       a.check_ip, a.settings, a.created_at, coalesce(b.balance, 0) as balance, coalesce(b.reserved, 0) as reserved,
       a.recording, a.sms, a.email
  from account a left join balance b on b.account_id = a.id
 where %(after)s::uuid is null or a.id > %(after)s order by a.id limit %(limit)s;

-- name: add_ledger_entry
insert into ledger (account_id, id, at, kind, amount, reserved, records, note)
values (%(account_id)s, %(id)s, %(at)s, %(kind)s, %(amount)s, %(reserved)s, %(records)s, %(note)s);

-- name: add_to_balance
update balance set balance = balance + %(amount)s where account_id = %(account_id)s returning balance;

-- name: ledger_page
select id, at, kind, amount, reserved, records, note from ledger
 where account_id = %(account_id)s and (%(before)s::uuid is null or id < %(before)s) order by id desc limit %(limit)s;

-- name: enlist_person
-- An existing person keeps name and password: the function is owned by central_owner, see the migration.
select id from enlist_person(%(id)s, %(email)s, %(name)s, %(password_hash)s);

-- name: add_membership
insert into membership (account_id, person_id, role, extra_rights)
values (%(account_id)s, %(person_id)s, %(role)s, %(extra_rights)s) on conflict do nothing;

-- name: members
select m.person_id, p.email, p.name, m.role, m.extra_rights, m.created_at, p.disabled_at
  from membership m join person p on p.id = m.person_id
 where m.account_id = %(account_id)s and (%(person_id)s::uuid is null or m.person_id = %(person_id)s) order by p.email;

-- name: change_membership
update membership set role = coalesce(%(role)s, role), extra_rights = coalesce(%(extra_rights)s::text[], extra_rights)
 where account_id = %(account_id)s and person_id = %(person_id)s;

-- name: remove_membership
delete from membership where account_id = %(account_id)s and person_id = %(person_id)s;

-- name: set_password
update person p set password_hash = %(password_hash)s
 where p.id = %(person_id)s and not belongs_elsewhere(p.id, %(account_id)s) and exists (
   select from membership m where m.account_id = %(account_id)s and m.person_id = p.id);

-- name: create_key
-- No row: the agent whose desk it is to open is not there.
insert into api_key (account_id, id, name, hash, hint, role, scopes, created_by, created_at, expires_at, agent_id)
select %(account_id)s, %(id)s, %(name)s, %(hash)s, %(hint)s, %(role)s, %(scopes)s, %(created_by)s, %(created_at)s, %(expires_at)s, %(agent_id)s
 where %(agent_id)s::uuid is null or exists (select from agent a where a.account_id = %(account_id)s and a.id = %(agent_id)s for share);

-- name: key_page
select id, name, hint, role, scopes, created_by, created_at, last_used_at, expires_at, revoked_at, agent_id from api_key
 where account_id = %(account_id)s and (%(after)s::uuid is null or id > %(after)s) order by id limit %(limit)s;

-- name: revoke_key
update api_key set revoked_at = coalesce(revoked_at, %(at)s) where account_id = %(account_id)s and id = %(id)s
returning id, name, hint, role, scopes, created_by, created_at, last_used_at, expires_at, revoked_at, agent_id;

-- name: key_holder
select account_id, key_id, role, scopes, agent_id from key_holder(%(hash)s);

-- name: key_hint
select hint from api_key where account_id = %(account_id)s and id = %(id)s;

-- name: policy_rows
select id, version, effective_from, author, legal_reference, body from policy order by id, version;

-- name: add_policy
insert into policy (id, version, effective_from, author, legal_reference, body)
values (%(id)s, %(version)s, %(effective_from)s, %(author)s, %(legal_reference)s, %(body)s) on conflict do nothing;

-- name: create_endpoint
insert into webhook_endpoint (account_id, id, name, url, flow_id, events, auth, secrets, is_default, created_at)
values (%(account_id)s, %(id)s, %(name)s, %(url)s, %(flow_id)s, %(events)s, %(auth)s, %(secrets)s, %(is_default)s, %(created_at)s);

-- name: endpoint
select id, name, url, flow_id, events, auth, secrets, is_default, disabled_at, disabled_reason, created_at from webhook_endpoint
 where account_id = %(account_id)s and id = %(id)s;

-- name: endpoint_page
select id, name, url, flow_id, events, auth, secrets, is_default, disabled_at, disabled_reason, created_at from webhook_endpoint
 where account_id = %(account_id)s and (%(after)s::uuid is null or id > %(after)s) order by id limit %(limit)s;

-- name: drop_endpoint_outbox
delete from outbox where account_id = %(account_id)s and endpoint_id = %(id)s;

-- name: drop_endpoint
delete from webhook_endpoint where account_id = %(account_id)s and id = %(id)s;

-- name: delivery_page
select outbox_id, endpoint_id, record_id, event_type, at, tries, status_code, duration_ms, outcome, error from delivery
 where account_id = %(account_id)s and endpoint_id = %(endpoint_id)s and (%(before)s::timestamptz is null or at < %(before)s)
 order by at desc limit %(limit)s;

-- name: reserve_key
-- Take the key, or take over one that was never answered and is stale; no row back: somebody else has it.
insert into idempotency as i (account_id, key, fingerprint, created_at, answer)
values (%(account_id)s, %(key)s, %(fingerprint)s, now(), jsonb_build_object('subject', %(subject)s::text))
on conflict (account_id, key) do update set created_at = now(), fingerprint = excluded.fingerprint
 where i.status_code is null and i.created_at < now() - %(stale)s::interval
returning (answer ->> 'subject')::uuid;

-- name: reserved_key
select fingerprint, status_code, answer from idempotency where account_id = %(account_id)s and key = %(key)s;

-- name: answer_key
update idempotency set fingerprint = %(fingerprint)s, status_code = %(status_code)s, answer = %(answer)s
 where account_id = %(account_id)s and key = %(key)s;

-- name: release_key
delete from idempotency where account_id = %(account_id)s and key = %(key)s and status_code is null;

-- name: ping
select 1;
