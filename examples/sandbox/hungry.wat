;; Takes memory, a mebibyte at a time, writes to all of it, and does not stop by itself.
(module
  (memory (export "memory") 1)
  (func (export "_start")
    (local $old i32)
    (loop $again
      (local.set $old (memory.grow (i32.const 16)))
      (if (i32.eq (local.get $old) (i32.const -1)) (then (unreachable)))
      (memory.fill (i32.shl (local.get $old) (i32.const 16)) (i32.const 0xA5) (i32.const 1048576))
      (br $again))))
