delete from timer where run = ?1 and step = ?2 and kind = ?3
