-- Saved webhook endpoints by name, for the Webhook step of flows (step 4) and for the check that comes before publishing.

-- name: find_endpoint
select e.url, e.auth, e.secrets, e.disabled_at is not null as disabled
  from webhook_endpoint e where e.account_id = %(account_id)s and e.name = %(name)s;

-- name: known_endpoints
select e.name from webhook_endpoint e where e.account_id = %(account_id)s and e.name = any(%(names)s::text[]);
