-- How much there is of what e-mails bring along, so that only as much is read as there is room for. Null = not measured (older rows).
alter table message_content add column bytes bigint;
