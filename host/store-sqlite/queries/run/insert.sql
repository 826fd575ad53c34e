insert into run (
    id, tenant, dag, status, attempt, version, params, trigger, home, pid,
    submitted_at, started_at, finished_at, waiting, message, plan, source, parent, parent_step, item
) values (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17, ?18, ?19, ?20)
