select 1 from kv where expires_at is not null and expires_at <= ?1
