select
    seq, id, tenant, dag, status, attempt, version, params, trigger, home, pid,
    submitted_at, started_at, finished_at, waiting, message, plan, source, parent, parent_step, item
from run
where parent = ?1 and (parent_step, item) >= (?2, ?3)
order by parent_step, item
limit ?4
