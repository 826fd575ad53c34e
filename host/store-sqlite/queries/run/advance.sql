-- Leaves alone what is indexed: most transactions do not change where a run stands or to whom it belongs.
update run set
    attempt = ?2, version = ?3, pid = ?4, started_at = ?5, finished_at = ?6, waiting = ?7, message = ?8
where seq = ?1
