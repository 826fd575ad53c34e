select seq, version, status, home, plan from run where id = ?1
