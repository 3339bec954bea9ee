-- Messages that are taken back: what waits ends, and the carrier is asked about what it has. A priority of a message's own.
alter table message add column take_back_at timestamptz;   -- set while that is wanted: when the carrier is asked next
alter table message add column priority smallint;          -- null = the carrier's
-- squawk-ignore require-concurrent-index-creation
create index message_take_back on message (account_id, carrier_id, take_back_at) where take_back_at is not null;
