select version from run where id = ?1
