delete from kv where tenant = ?1 and binding = ?2 and key = ?3
