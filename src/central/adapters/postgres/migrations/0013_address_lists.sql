-- Lists of e-mail addresses: who gets no more mail says by what he came there, and tests write to listed addresses and domains.
-- squawk-ignore ban-drop-constraint
alter table list_entry drop constraint list_entry_list_check;
alter table list_entry add constraint list_entry_list_check check (list in ('blacklist', 'whitelist', 'mail_whitelist')) not valid;
alter table suppression add column source text not null default 'message';
