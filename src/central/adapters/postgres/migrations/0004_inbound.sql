-- Calls that come in: by what their peers are known, how many a number takes at once, and one request a day for each flow version.
alter table trunk add column inbound text not null default 'address';
alter table trunk add constraint trunk_inbound check (inbound in ('none', 'address', 'digest')) not valid;
alter table did add column channel_cap int;
alter table did add constraint did_channel_cap check (channel_cap >= 0) not valid;
-- squawk-ignore require-concurrent-index-creation
create unique index request_inbound on request (account_id, flow_version_id, name) where source = 'inbound';
