insert into step (
    run, idx, name, role, status, attempt, fence, losses, worker,
    started_at, finished_at, due_at, exit_code, message
) values (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14)
on conflict (run, idx) do update set
    status = excluded.status, attempt = excluded.attempt, fence = excluded.fence, losses = excluded.losses,
    worker = excluded.worker, started_at = excluded.started_at, finished_at = excluded.finished_at,
    due_at = excluded.due_at, exit_code = excluded.exit_code, message = excluded.message
where excluded.fence >= step.fence
