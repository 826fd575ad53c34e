select boot_id, offset_us, ceiling_us from clock where id = 1
