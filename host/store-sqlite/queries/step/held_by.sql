select 1 from step
where run = (select seq from run where id = ?1) and idx = ?2 and fence = ?3 and status = 'running'
