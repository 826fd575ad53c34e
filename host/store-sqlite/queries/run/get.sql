select
    seq, id, tenant, dag, status, attempt, version, params, trigger, home, pid,
    submitted_at, started_at, finished_at, waiting, message, plan, source, parent, parent_step, item
from run
where id = ?1
