insert into timer (run, step, kind, due_at) values (?1, ?2, ?3, ?4)
on conflict (run, step, kind) do update set due_at = excluded.due_at
