-- A few at a time: nobody waits for a great clean-up.
delete from kv where rowid in (
    select rowid from kv where expires_at is not null and expires_at <= ?1 order by expires_at limit ?2
)
