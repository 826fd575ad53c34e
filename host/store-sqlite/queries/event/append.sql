insert into run_event (run, version, at, form, body) values (?1, ?2, ?3, ?4, ?5)
