select version from kv
where tenant = ?1 and binding = ?2 and key = ?3 and (expires_at is null or expires_at > ?4)
