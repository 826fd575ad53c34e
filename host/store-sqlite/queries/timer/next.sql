select timer.due_at
from timer cross join run on run.seq = timer.run
where run.home is ?1
order by timer.due_at
limit 1
