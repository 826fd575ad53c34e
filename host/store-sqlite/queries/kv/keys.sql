select key from kv
where tenant = ?1 and binding = ?2 and key > ?3 and key >= ?4 and key < ?4 || char(0x10ffff)
    and (expires_at is null or expires_at > ?5)
order by key
limit ?6
