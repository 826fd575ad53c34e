insert into migration (number, name, checksum, at) values (?1, ?2, ?3, ?4)
