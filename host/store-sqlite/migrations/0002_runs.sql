-- Runs, their event logs, and the plans that they are pinned to. `run` is a projection of `run_event`, written in the
-- same transaction. The indexes serve lists (newest first, whole or by status, DAG, or both) and the runs of a node;
-- none of them is scanned. Lists of words are chains of `or`, here and in later migrations: `in` builds a temporary
-- table anew in every statement that has to check it.
create table plan (
    digest text not null primary key,
    body   text not null
) strict;

create table run (
    seq          integer not null primary key,
    id           text    not null unique,
    tenant       text    not null,
    dag          text    not null,
    status       text    not null check (
        status = 'queued' or status = 'running' or status = 'waiting'
        or status = 'succeeded' or status = 'partially_succeeded' or status = 'failed'
        or status = 'aborted' or status = 'rejected'
    ),
    attempt      integer not null check (attempt >= 0),
    version      integer not null check (version >= 0),
    params       text    not null,
    trigger      text    not null,
    home         text,
    pid          integer,
    submitted_at integer not null,
    started_at   integer,
    finished_at  integer,
    waiting      text,
    message      text,
    plan         text    not null,
    source       text,
    check ((finished_at is null) = (status = 'queued' or status = 'running' or status = 'waiting'))
) strict;

create index run_by_time on run (submitted_at);
create index run_by_status on run (status, submitted_at);
create index run_by_dag on run (dag, submitted_at);
create index run_by_dag_and_status on run (dag, status, submitted_at);
create index open_run_by_home on run (home) where finished_at is null;

-- `form` is the version of the body's form: readers know all that were ever written.
create table run_event (
    run     integer not null,
    version integer not null check (version > 0),
    at      integer not null,
    form    integer not null,
    body    text    not null,
    primary key (run, version)
) strict, without rowid;
