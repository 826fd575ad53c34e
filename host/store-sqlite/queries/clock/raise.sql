update clock set ceiling_us = max(ceiling_us, ?1) where id = 1
