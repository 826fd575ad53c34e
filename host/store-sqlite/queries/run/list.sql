select
    seq, id, tenant, dag, status, attempt, version, params, trigger, home, pid,
    submitted_at, started_at, finished_at, waiting, message, plan, source, parent, parent_step, item
from run
where parent is null and (submitted_at, seq) < (?1, ?2) and submitted_at >= ?3
order by submitted_at desc, seq desc
limit ?4
