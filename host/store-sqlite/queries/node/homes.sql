select distinct home from run
where home is not null and finished_at is null
