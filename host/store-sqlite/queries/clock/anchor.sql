update clock set boot_id = ?1, offset_us = ?2, ceiling_us = ?3 where id = 1
