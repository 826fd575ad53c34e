select run.id, timer.step, timer.kind, timer.due_at
from timer cross join run on run.seq = timer.run
where timer.due_at <= ?1 and run.home is ?2
order by timer.due_at
limit ?3
