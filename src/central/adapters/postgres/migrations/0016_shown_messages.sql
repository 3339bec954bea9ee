-- What people see of messages: the text and the subject with a flow's secrets masked, beside what the customer gets. A list of e-mails
-- reads the subject from its column and never the whole mail.
alter table message add column shown_text text;                                   -- null = the text itself
alter table message add column recipient_hidden boolean not null default false;   -- the number or address is a secret of a flow
alter table message_content add column subject text not null default '';
update message_content set subject = coalesce(body ->> 'subject', '') where body ->> 'subject' <> '';
