-- Dialer flows: what a queue can serve, and how many dials of a paced one may begin (path step 2, ADR 46).

-- name: allow
insert into dial_allowance (account_id, queue_id, mode, granted, used, decided_at, expires_at)
select d.account_id, d.queue_id, d.mode, d.granted, 0, d.decided_at, d.expires_at
  from jsonb_to_recordset(%(decided)s::jsonb) as d(account_id uuid, queue_id uuid, mode text, granted int, decided_at timestamptz,
    expires_at timestamptz)
  join queue q on q.account_id = d.account_id and q.id = d.queue_id
 order by 1, 2
on conflict (account_id, queue_id) do update set mode = excluded.mode, granted = excluded.granted, used = 0,
  decided_at = excluded.decided_at, expires_at = excluded.expires_at;

-- name: allowances
select account_id, queue_id, mode, granted, decided_at, expires_at, used from dial_allowance order by 1, 2;

-- name: spend
-- The claim's part: under the row's lock, so that all nodes together begin no more dials than were granted.
with quota as (
  select * from jsonb_to_recordset(%(quota)s::jsonb) as q(account_id uuid, request_id uuid, queue_id uuid, n int)),
held as materialized (
  select a.account_id, a.queue_id, greatest(0, a.granted - a.used) as n from dial_allowance a
   where a.expires_at > %(now)s and (a.account_id, a.queue_id) in (select account_id, queue_id from quota)
   order by a.account_id, a.queue_id for update),
shared as materialized (
  select q.account_id, q.request_id, q.queue_id, least(q.n, greatest(0, h.n - coalesce(sum(q.n) over (
           partition by q.account_id, q.queue_id order by q.request_id rows between unbounded preceding and 1 preceding), 0)))::int as n
    from quota q join held h using (account_id, queue_id)),
spent as (
  update dial_allowance a set used = a.used + s.n
    from (select account_id, queue_id, sum(n)::int as n from shared group by 1, 2) s
   where a.account_id = s.account_id and a.queue_id = s.queue_id)
select account_id, request_id, n from shared where n > 0;

-- name: rooms
-- Per queue: free agents with the skills asked for, places that wait for one, and claims on their way to a place: granted, or
-- leased and without a place since their attempt began. One snapshot, so that nothing is counted twice or missed.
with asked as materialized (
  select a.*, q.id as queue_id from jsonb_to_recordset(%(asked)s::jsonb) as a(key int, account_id uuid, queue text, skills jsonb, versions uuid[])
    join queue q on q.account_id = a.account_id and q.name = a.queue)
select k.key, k.queue_id,
       (select count(*)::int from queue_agent m join agent g on g.account_id = m.account_id and g.id = m.agent_id
         where m.account_id = k.account_id and m.queue_id = k.queue_id and g.status = 'IDLE' and g.wanted = ''
           and not exists (select from jsonb_each_text(k.skills) s where coalesce((g.skills ->> s.key)::int, 0) < s.value::int)) as free,
       (select count(*)::int from queue_place p
         where p.account_id = k.account_id and p.queue_id = k.queue_id and p.state = 'waiting' and p.lease_until > %(now)s) as waiting,
       (select coalesce(sum(d.n), 0)::int from dispatch_grant d
          join request r on r.account_id = d.account_id and r.id = d.request_id
         where d.account_id = k.account_id and r.flow_version_id = any(k.versions)) as granted,
       (select count(*)::int from record r
          join request t on t.account_id = r.account_id and t.id = r.request_id
         where r.account_id = k.account_id and r.lease_until is not null and t.flow_version_id = any(k.versions)
           and not exists (select from queue_place p join attempt x on x.account_id = r.account_id and x.record_id = r.id and x.number = r.attempts_made
                            where p.account_id = r.account_id and p.record_id = r.id and p.entered_at >= x.started_at)) as coming,
       a.mode, case when a.expires_at > %(now)s then greatest(0, a.granted - a.used) end as allowed
  from asked k left join dial_allowance a on a.account_id = k.account_id and a.queue_id = k.queue_id;
