-- What flows do beyond their call (domain 15): start records of other flows, keep values about contacts, make short links.

-- Which record started a request, and how far down a chain of such starts it stands: flows cannot start each other for ever.
create table flow_start (
  account_id uuid not null, request_id uuid not null, started_by uuid not null, chain uuid not null, depth smallint not null,
  primary key (account_id, request_id),
  foreign key (account_id, request_id) references request (account_id, id) on delete cascade);
create index flow_start_chain on flow_start (account_id, chain);

-- Lasting values of a contact number: $user.key.* of every flow of the account.
create table contact (
  account_id uuid not null references account (id), number text not null, "values" jsonb not null default '{}', time_zone text,
  updated_at timestamptz not null default now(), primary key (account_id, number));
create index contact_zoned on contact (account_id) where time_zone is not null;
-- UTF-8 bytes of names and values, as a record's variables are measured.
create function contact_bytes(held jsonb) returns bigint language sql immutable parallel safe set search_path = public as $$
  select coalesce(sum(octet_length(key) + octet_length(value)), 0)::bigint from jsonb_each_text(held);
$$;

-- The id comes from the attempt and the errand that made the link, so that it is made once. Shown: the address without secrets.
create table short_link (
  account_id uuid not null references account (id), id uuid not null, code text not null, url text not null, shown text not null,
  record_id uuid not null, number text not null, step text not null, created_at timestamptz not null, expires_at timestamptz not null,
  clicks int not null default 0, first_click_at timestamptz, last_click_at timestamptz,
  primary key (account_id, id)) with (fillfactor = 80);
create unique index short_link_code on short_link (code);
create index short_link_expiry on short_link (expires_at);

do $$
declare name text;
begin
  foreach name in array array['flow_start', 'contact', 'short_link']
  loop
    execute format('alter table %I enable row level security', name);
    execute format($p$create policy tenant on %I to central_api
      using (account_id = (select nullif(current_setting('central.account', true), '')::uuid))
      with check (account_id = (select nullif(current_setting('central.account', true), '')::uuid))$p$, name);
    execute format('create policy shard on %I to central_worker using (true) with check (true)', name);
    execute format('grant select, insert, update, delete on %I to central_api, central_worker', name);
  end loop;
end $$;

-- Who follows a link has no account: one function, owned by central_owner, answers where exactly this code leads and counts the
-- click. The first clicks stand in the record's history; that of very old records may be gone already.
create function open_link(wanted text, at timestamptz) returns table (target text, expired boolean)
language plpgsql security definer set search_path = public as $$
declare hit short_link;
begin
  update short_link l set clicks = l.clicks + (l.expires_at > open_link.at)::int,
         first_click_at = case when l.expires_at > open_link.at then coalesce(l.first_click_at, open_link.at) else l.first_click_at end,
         last_click_at = case when l.expires_at > open_link.at then open_link.at else l.last_click_at end
   where l.code = wanted returning l.* into hit;
  if not found then
    return;
  end if;
  if hit.expires_at > open_link.at and hit.clicks <= 20 then
    begin
      insert into event (account_id, record_id, id, at, kind, actor, data)
      values (hit.account_id, hit.record_id, new_uuid7(), open_link.at, 'link_clicked', 'customer',
              jsonb_build_object('url', hit.shown, 'clicks', hit.clicks));
    exception when check_violation then
      null;  -- no partition holds this record's history any more
    end;
  end if;
  return query select hit.url, hit.expires_at <= open_link.at;
end $$;
revoke all on function open_link(text, timestamptz) from public;
grant execute on function open_link(text, timestamptz) to central_api;
