;; Never ends: counts for ever, and asks the host for nothing.
(module
  (memory (export "memory") 1)
  (global $turns (mut i64) (i64.const 0))
  (func (export "_start")
    (loop $again
      (global.set $turns (i64.add (global.get $turns) (i64.const 1)))
      (br $again))))
