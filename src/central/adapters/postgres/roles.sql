-- The three roles of the database, without log-in: the program connects with one URL and says SET ROLE at each connection.
-- Run by whoever the URL names (superuser, or CREATEROLE), before the migrations and again at each of them.
do $$
declare name text;
begin
  foreach name in array array['central_owner', 'central_api', 'central_worker']
  loop
    if not exists (select from pg_roles where rolname = name) then
      begin
        execute format('create role %I nologin', name);
      exception when duplicate_object or unique_violation then
        null;  -- roles belong to the whole server: another database of it was prepared in the same moment
      end;
    end if;
    begin  -- being a member is not enough since PostgreSQL 16, so try what the program will do
      perform set_config('role', name, true);
      perform set_config('role', 'none', true);
    exception when insufficient_privilege then
      execute format('grant %I to %I', name, session_user);
    end;
  end loop;
  if not has_schema_privilege('central_owner', 'public', 'create') then
    grant usage, create on schema public to central_owner;
  end if;
  if not has_schema_privilege('central_api', 'public', 'usage') or not has_schema_privilege('central_worker', 'public', 'usage') then
    grant usage on schema public to central_api, central_worker;
  end if;
end $$;
