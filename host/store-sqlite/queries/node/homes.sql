select distinct home from run
where home is not null and status in ('queued', 'running', 'waiting')
