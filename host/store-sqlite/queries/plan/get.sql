select body from plan where digest = ?1
