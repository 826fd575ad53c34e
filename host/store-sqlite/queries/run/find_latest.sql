select
    seq, id, tenant, dag, status, attempt, version, params, trigger, home, pid,
    submitted_at, started_at, finished_at, waiting, message, plan, source
from run
where dag = ?1
order by submitted_at desc, seq desc
limit 1
