select digest, staged from plugin where digest = ?1
