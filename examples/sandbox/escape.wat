;; Tries to read a file outside of the one directory that it was given. If the door is shut, it says so on standard
;; error and ends with 77; if it ever gets out, it ends with 0.
(module
  (import "wasi_snapshot_preview1" "path_open"
    (func $path_open (param i32 i32 i32 i32 i32 i64 i64 i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "fd_write" (func $fd_write (param i32 i32 i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "proc_exit" (func $proc_exit (param i32)))
  (memory (export "memory") 1)
  (data (i32.const 0) "\20\00\00\00\2c\00\00\00")                    ;; one buffer: at 32, 44 bytes
  (data (i32.const 32) "../sandbox.yaml: outside of what I was given\0a")
  (func (export "_start")
    ;; Directory 3 is the first that was mapped; the path is the first 15 bytes of the message; 2 is the right to read.
    (if (i32.eqz (call $path_open
          (i32.const 3) (i32.const 0) (i32.const 32) (i32.const 15) (i32.const 0)
          (i64.const 2) (i64.const 0) (i32.const 0) (i32.const 16)))
      (then (call $proc_exit (i32.const 0))))
    (i32.store (i32.const 4) (i32.const 45))
    (drop (call $fd_write (i32.const 2) (i32.const 0) (i32.const 1) (i32.const 16)))
    (call $proc_exit (i32.const 77))))
