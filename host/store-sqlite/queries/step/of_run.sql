select
    idx, name, role, status, attempt, fence, losses, worker,
    started_at, finished_at, due_at, exit_code, message
from step
where run = (select seq from run where id = ?1)
order by idx
