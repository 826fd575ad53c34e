-- What becomes due, one row for each step (-1: the run itself) and kind.
create table timer (
    run    integer not null,
    step   integer not null check (step >= -1),
    kind   text    not null check (
        kind = 'retry' or kind = 'repeat' or kind = 'wait' or kind = 'timeout' or kind = 'run_retry'
    ),
    due_at integer not null,
    primary key (run, step, kind)
) strict, without rowid;

create index timer_by_due on timer (due_at);
