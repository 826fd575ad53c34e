;; A guest that behaves: counts the lines of zones.csv in the directory that it was given, and prints the number.
(module
  (import "wasi_snapshot_preview1" "path_open"
    (func $path_open (param i32 i32 i32 i32 i32 i64 i64 i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "fd_read" (func $fd_read (param i32 i32 i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "fd_write" (func $fd_write (param i32 i32 i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "proc_exit" (func $proc_exit (param i32)))
  (memory (export "memory") 1)
  ;; 0: one buffer (address, length); 8: bytes read or written; 12: the file; 32: the path; 64..84: the number as text;
  ;; 1024: 32 KiB to read into.
  (data (i32.const 32) "zones.csv")

  (func $lines_in (param $length i32) (result i32)
    (local $at i32) (local $lines i32)
    (block $done
      (loop $next
        (br_if $done (i32.eq (local.get $at) (local.get $length)))
        (local.set $lines
          (i32.add (local.get $lines)
            (i32.eq (i32.load8_u offset=1024 (local.get $at)) (i32.const 10))))
        (local.set $at (i32.add (local.get $at) (i32.const 1)))
        (br $next)))
    (local.get $lines))

  ;; Writes the digits backwards, the last at 83, and answers where they begin.
  (func $digits (param $number i32) (result i32)
    (local $at i32)
    (local.set $at (i32.const 84))
    (i32.store8 (local.get $at) (i32.const 10))
    (loop $next
      (local.set $at (i32.sub (local.get $at) (i32.const 1)))
      (i32.store8 (local.get $at)
        (i32.add (i32.const 48) (i32.rem_u (local.get $number) (i32.const 10))))
      (local.set $number (i32.div_u (local.get $number) (i32.const 10)))
      (br_if $next (local.get $number)))
    (local.get $at))

  (func (export "_start")
    (local $lines i32) (local $from i32)
    (if (call $path_open
          (i32.const 3) (i32.const 0) (i32.const 32) (i32.const 9) (i32.const 0)
          (i64.const 2) (i64.const 0) (i32.const 0) (i32.const 12))
      (then (call $proc_exit (i32.const 1))))
    (block $end
      (loop $more
        (i32.store (i32.const 0) (i32.const 1024))
        (i32.store (i32.const 4) (i32.const 32768))
        (if (call $fd_read (i32.load (i32.const 12)) (i32.const 0) (i32.const 1) (i32.const 8))
          (then (call $proc_exit (i32.const 2))))
        (br_if $end (i32.eqz (i32.load (i32.const 8))))
        (local.set $lines (i32.add (local.get $lines) (call $lines_in (i32.load (i32.const 8)))))
        (br $more)))
    (local.set $from (call $digits (local.get $lines)))
    (i32.store (i32.const 0) (local.get $from))
    (i32.store (i32.const 4) (i32.sub (i32.const 85) (local.get $from)))
    (drop (call $fd_write (i32.const 1) (i32.const 0) (i32.const 1) (i32.const 8)))))
