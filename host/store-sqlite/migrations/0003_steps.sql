-- A row for each step of a run. The fence only rises: a write that carries an earlier one changes no row.
create table step (
    run         integer not null,
    idx         integer not null check (idx >= 0),
    name        text    not null,
    role        text    not null,
    status      text    not null check (
        status = 'not_started' or status = 'ready' or status = 'running' or status = 'retrying' or status = 'waiting'
        or status = 'succeeded' or status = 'partially_succeeded' or status = 'failed' or status = 'skipped'
        or status = 'aborted' or status = 'rejected'
    ),
    attempt     integer not null check (attempt >= 0),
    fence       integer not null check (fence >= 0),
    losses      integer not null check (losses >= 0),
    worker      text,
    started_at  integer,
    finished_at integer,
    due_at      integer,
    exit_code   integer,
    message     text,
    primary key (run, idx),
    check (status <> 'running' or worker is not null),
    check (status <> 'retrying' or due_at is not null)
) strict, without rowid;
