select version, at, form, body
from run_event
where run = (select seq from run where id = ?1) and version > ?2
order by version
