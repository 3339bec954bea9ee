-- Links in short messages: a link belongs to a message, to a record, or to both; clicks stand in the history of each.
alter table short_link add column message_id uuid;
-- squawk-ignore ban-drop-not-null
alter table short_link alter column record_id drop not null;
alter table sms_template add column shorten boolean not null default false;

create or replace function open_link(wanted text, at timestamptz) returns table (target text, expired boolean)
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
      if hit.message_id is not null then
        insert into message_event (account_id, message_id, id, at, kind, data)
        values (hit.account_id, hit.message_id, new_uuid7(), open_link.at, 'link_clicked',
                jsonb_build_object('url', hit.shown, 'clicks', hit.clicks));
      end if;
      if hit.record_id is not null then
        insert into event (account_id, record_id, id, at, kind, actor, data)
        values (hit.account_id, hit.record_id, new_uuid7(), open_link.at, 'link_clicked', 'customer',
                jsonb_build_object('url', hit.shown, 'clicks', hit.clicks));
      end if;
    exception when check_violation then
      null;  -- no partition holds this history any more
    end;
  end if;
  return query select hit.url, hit.expires_at <= open_link.at;
end $$;
