-- Domains that an account sends e-mail from.

-- name: put_domain
insert into mail_domain (account_id, domain, selector, private_key, algorithm, ed25519_selector, ed25519_key, bounce_domain, created_at,
                         verified_at, ed25519_verified_at, checked_at)
values (%(account_id)s, %(domain)s, %(selector)s, %(private_key)s, %(algorithm)s, %(ed25519_selector)s, %(ed25519_key)s, %(bounce_domain)s,
        %(created_at)s, %(verified_at)s, %(ed25519_verified_at)s, %(checked_at)s)
on conflict (account_id, domain) do update set verified_at = excluded.verified_at, ed25519_verified_at = excluded.ed25519_verified_at,
  checked_at = excluded.checked_at;

-- name: all_domains
select domain, selector, private_key, algorithm, ed25519_selector, ed25519_key, bounce_domain, created_at, verified_at, ed25519_verified_at,
       checked_at
  from mail_domain where account_id = %(account_id)s order by domain;

-- name: drop_domain
delete from mail_domain where account_id = %(account_id)s and domain = %(domain)s;

-- name: mail_of_token
-- A token names a message; its account, the target of its link, and when a mail server took it.
select m.account_id, m.id, m.recipient, coalesce(m.handed_at, m.created_at) as accepted_at, m.status, l.targets[%(number)s::int] as target
  from message m left join mail_link l on l.account_id = m.account_id and l.id = m.ids ->> 'links'
 where m.id = %(id)s and m.channel = 'email';

-- name: hits_around
-- Of the last minute: other links of the message within two seconds, whether this client was a machine, who did the same already.
select (count(distinct e.data ->> 'link') filter (where e.at > %(at)s - interval '2 seconds' and (e.data ->> 'link')::int <> %(link)s::int))::int,
       coalesce(bool_or(e.data ->> 'by' = 'machine' and e.data ->> 'address' = %(address)s and e.data ->> 'agent' = %(agent)s), false),
       coalesce(array_agg(distinct e.data ->> 'by') filter (where e.kind = %(kind)s and coalesce((e.data ->> 'link')::int, 0) = %(link)s::int), '{}')
  from message_event e
 where e.account_id = %(account_id)s and e.message_id = %(id)s and e.kind in ('link_clicked', 'mail_opened')
   and e.at > %(at)s - interval '1 minute';

-- name: unsubscribed
select exists (select from message_event where account_id = %(account_id)s and message_id = %(id)s and kind = 'mail_unsubscribed');
