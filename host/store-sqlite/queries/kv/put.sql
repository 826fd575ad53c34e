insert into kv (tenant, binding, key, value, version, expires_at) values (?1, ?2, ?3, ?4, ?5, ?6)
on conflict (tenant, binding, key) do update set
    value = excluded.value, version = excluded.version, expires_at = excluded.expires_at
