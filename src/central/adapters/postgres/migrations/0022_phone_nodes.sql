-- The voice node at which an agent's SIP phone has registered, '' = at none.
alter table agent add column phone_node text not null default '';
