update counter set value = value + 1 where name = 'kv' returning value
