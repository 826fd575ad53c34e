update run set
    attempt = ?2, version = ?3, pid = ?4, started_at = ?5, finished_at = ?6, waiting = ?7, message = ?8,
    status = ?9, home = ?10
where seq = ?1
