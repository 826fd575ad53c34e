-- Runs that a step of another run made: `item` is the place among the step's children. Lists show what people and
-- schedules start; a child is found by its id, or through its parent.
alter table run add column parent text;
alter table run add column parent_step integer check ((parent_step is null) = (parent is null));
alter table run add column item integer check ((item is null) = (parent is null));

drop index run_by_time;
drop index run_by_status;
drop index run_by_dag;
drop index run_by_dag_and_status;
create index run_by_time on run (submitted_at) where parent is null;
create index run_by_status on run (status, submitted_at) where parent is null;
create index run_by_dag on run (dag, submitted_at) where parent is null;
create index run_by_dag_and_status on run (dag, status, submitted_at) where parent is null;
create index run_by_parent on run (parent, parent_step, item) where parent is not null;
