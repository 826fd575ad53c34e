//! Guests that must lose: each is stopped by its own limit, with its own message, in bounded time, and the run goes on.

use std::time::{Duration, Instant};

use anyhow::{Result, ensure};
use pintle_tests::Home;

/// No guest that is limited to a second of CPU or less may take longer, start and compilation included.
const BOUND: Duration = Duration::from_secs(20);

/// Runs one guest among others: the guest fails with `parts` in its message, the step behind it runs.
fn loses(wat: &str, limits: &str, parts: &[&str]) -> Result<()> {
    let home = Home::new()?;
    home.write("guest.wasm", wat::parse_str(wat)?)?;
    let dag = format!(
        "working_dir: .\nsteps:\n  - id: guest\n    action: wasi.run\n    with: {{path: guest.wasm, limits: {limits}}}\n    \
         continue_on: failed\n  - id: after\n    depends: guest\n    run: echo the run goes on\n"
    );
    let begun = Instant::now();
    let lines = home.start_json(&dag, 1)?;
    let took = begun.elapsed();
    let shown = lines.result()?;
    ensure!(shown.status() == "partially_succeeded", "the run is {}", shown.status());
    shown.expect(&[("guest", "failed"), ("after", "succeeded")])?;
    let message = shown.step("guest")?.message;
    for part in parts {
        ensure!(message.contains(part), "the message lacks {part:?}: {message}");
    }
    ensure!(!message.contains("panicked"), "{message}");
    ensure!(took < BOUND, "it took {took:?}");
    Ok(())
}

#[test]
fn a_guest_that_spins() -> Result<()> {
    loses(r#"(module (func (export "_start") (loop $l (br $l))))"#, "{cpu_ms: 200}", &["CPU limit of 200 ms reached"])
}

#[test]
fn a_guest_that_spins_while_it_is_instantiated() -> Result<()> {
    let wat = r#"(module (func $s (loop $l (br $l))) (start $s) (func (export "_start")))"#;
    loses(wat, "{cpu_ms: 200}", &["CPU limit of 200 ms reached"])
}

#[test]
fn a_guest_that_sleeps_for_ever() -> Result<()> {
    // poll_oneoff with a clock of an hour.
    let wat = r#"(module
      (import "wasi_snapshot_preview1" "poll_oneoff" (func $poll (param i32 i32 i32 i32) (result i32)))
      (memory (export "memory") 1)
      (data (i32.const 16) "\01\00\00\00")
      (func (export "_start")
        (i64.store (i32.const 24) (i64.const 3600000000000))
        (drop (call $poll (i32.const 0) (i32.const 64) (i32.const 1) (i32.const 128)))))"#;
    loses(wat, "{wall_ms: 300}", &["wall time limit of 300 ms reached"])
}

#[test]
fn a_guest_that_eats_memory() -> Result<()> {
    let wat = r#"(module (memory (export "memory") 1)
      (func (export "_start") (loop $l (drop (memory.grow (i32.const 16))) (br $l))))"#;
    loses(wat, "{memory_mib: 8, cpu_ms: 2000}", &["memory limit of 8 MiB reached"])
}

#[test]
fn a_guest_that_begins_with_too_much_memory() -> Result<()> {
    let wat = r#"(module (memory (export "memory") 1024) (func (export "_start")))"#;
    loses(wat, "{memory_mib: 8}", &["memory limit of 8 MiB reached"])
}

#[test]
fn a_guest_that_recurses() -> Result<()> {
    let wat = r#"(module (func $f (export "_start") (call $f)))"#;
    loses(wat, "{cpu_ms: 1000}", &["stack limit", "recurses"])
}

#[test]
fn a_guest_that_grows_its_tables() -> Result<()> {
    let wat = r#"(module (table $t 1 funcref)
      (func (export "_start") (loop $l
        (drop (table.grow $t (ref.null func) (i32.const 1000))) (br $l))))"#;
    loses(wat, "{cpu_ms: 1000}", &["table limit"])
}

const FLOOD: &str = r#"(module
  (import "wasi_snapshot_preview1" "fd_write" (func $write (param i32 i32 i32 i32) (result i32)))
  (memory (export "memory") 2)
  (data (i32.const 0) "\10\00\00\00\00\80\00\00")
  (func (export "_start") (loop $l
    (drop (call $write (i32.const FD) (i32.const 0) (i32.const 1) (i32.const 8))) (br $l))))"#;

#[test]
fn a_guest_that_floods_its_output() -> Result<()> {
    loses(&FLOOD.replace("FD", "1"), "{output_kib: 256, cpu_ms: 5000}", &["output limit of 256 KiB reached"])
}

#[test]
fn a_guest_that_floods_its_standard_error() -> Result<()> {
    loses(&FLOOD.replace("FD", "2"), "{output_kib: 256, cpu_ms: 5000}", &["limit of 256 KiB reached"])
}

#[test]
fn a_guest_that_imports_what_nobody_declared() -> Result<()> {
    let wat = r#"(module (import "env" "launch" (func $launch)) (func (export "_start") (call $launch)))"#;
    loses(wat, "{}", &["env", "launch"])
}

#[test]
fn a_guest_without_a_beginning() -> Result<()> {
    loses(r#"(module (func (export "go")))"#, "{}", &["_start"])
}

#[test]
fn a_guest_that_traps() -> Result<()> {
    loses(r#"(module (func (export "_start") unreachable))"#, "{}", &["unreachable"])
}

#[test]
fn a_guest_that_is_not_wasm_at_all() -> Result<()> {
    let home = Home::new()?;
    home.write("guest.wasm", b"\0asm\x01\0\0\0garbage")?;
    let dag = "working_dir: .\nsteps:\n  - {id: guest, action: wasi.run, with: {path: guest.wasm}}\n";
    let shown = home.start_json(dag, 1)?.result()?;
    let message = shown.step("guest")?.message;
    ensure!(message.contains("guest.wasm"), "{message}");
    Ok(())
}

#[test]
fn a_guest_gets_no_directory_no_environment_and_no_argument_that_it_was_not_given() -> Result<()> {
    // Ends with the number of arguments and variables, plus 16 for every directory that is open.
    let wat = r#"(module
      (import "wasi_snapshot_preview1" "args_sizes_get" (func $args (param i32 i32) (result i32)))
      (import "wasi_snapshot_preview1" "environ_sizes_get" (func $env (param i32 i32) (result i32)))
      (import "wasi_snapshot_preview1" "fd_prestat_get" (func $prestat (param i32 i32) (result i32)))
      (import "wasi_snapshot_preview1" "proc_exit" (func $exit (param i32)))
      (memory (export "memory") 1)
      (func (export "_start") (local $sum i32)
        (drop (call $env (i32.const 0) (i32.const 4)))
        (local.set $sum (i32.load (i32.const 0)))
        (if (i32.eqz (call $prestat (i32.const 3) (i32.const 16)))
          (then (local.set $sum (i32.add (local.get $sum) (i32.const 16)))))
        (call $exit (local.get $sum))))"#;
    let home = Home::new()?.with_env("PINTLE_SECRET", "1");
    home.write("guest.wasm", wat::parse_str(wat)?)?;
    let dag = |with: &str| {
        format!(
            "working_dir: .\nenv: [{{A: b}}]\nsteps:\n  - {{id: guest, action: wasi.run, with: {{path: guest.wasm{with}}}}}\n"
        )
    };
    home.start_json(&dag(""), 0)?;
    let shown = home.start_json(&dag(", env: {X: y, Z: z}"), 1)?.result()?;
    ensure!(shown.step("guest")?.exit_code == Some(2), "{}", shown.0);
    let shown = home.start_json(&dag(", dirs: [{host: ., guest: /d}]"), 1)?.result()?;
    ensure!(shown.step("guest")?.exit_code == Some(16), "{}", shown.0);
    Ok(())
}

#[test]
fn a_script_that_floods_is_kept_whole_in_the_log_and_does_not_fill_the_memory() -> Result<()> {
    const MIB: usize = 48;
    let home = Home::new()?;
    let yaml = format!(
        "steps:\n  - id: flood\n    run: head -c {} /dev/zero | tr '\\0' x | fold -w 127\n  - id: after\n    depends: flood\n    \
         run: echo after\n",
        MIB << 20
    );
    let dag = home.write("flood.yaml", yaml)?.display().to_string();
    let begun = Instant::now();
    let live = home.spawn(["start", &dag, "-q", "-r", "flood"])?;
    let status = format!("/proc/{}/status", live.pid().as_raw_nonzero());
    let mut peak = 0u64;
    let watch = std::thread::spawn(move || {
        while let Ok(text) = std::fs::read_to_string(&status) {
            let kib =
                text.lines().find_map(|line| line.strip_prefix("VmHWM:")?.trim().strip_suffix(" kB")?.parse().ok());
            let Some(kib) = kib else { break };
            peak = peak.max(kib);
            std::thread::sleep(Duration::from_millis(10));
        }
        peak
    });
    live.wait()?.expect_code(0)?;
    let peak = watch.join().unwrap_or_default();
    println!("{MIB} MiB printed in {:?}, at most {peak} KiB of memory", begun.elapsed());
    ensure!(peak < 192 * 1024, "{peak} KiB of memory were used for {MIB} MiB of output");
    ensure!(begun.elapsed() < Duration::from_secs(60), "it took {:?}", begun.elapsed());
    let log = home.logs("flood", "flood")?;
    let printed = log.bytes().filter(|byte| *byte == b'x').count();
    ensure!(printed == MIB << 20, "{printed} bytes of {} are in the log", MIB << 20);
    Ok(())
}

#[test]
fn an_output_that_is_too_large_to_keep_is_told() -> Result<()> {
    let home = Home::new()?;
    let yaml = "steps:\n  - id: big\n    run: head -c 3000000 /dev/zero | tr '\\0' x\n    output: BIG\n  - id: after\n    \
                run: echo after\n";
    let lines = home.start_json(yaml, 1)?;
    let shown = lines.result()?;
    shown.expect(&[("big", "failed"), ("after", "succeeded")])?;
    let message = shown.step("big")?.message;
    ensure!(message.contains("1 MiB") || message.contains("1048576") || message.contains("max_output"), "{message}");
    Ok(())
}

#[test]
fn many_hostile_guests_at_once_do_not_hold_up_the_good_one() -> Result<()> {
    let home = Home::new()?;
    home.write("spin.wasm", wat::parse_str(r#"(module (func (export "_start") (loop $l (br $l))))"#)?)?;
    let mut yaml = String::from("working_dir: .\nsteps:\n");
    for n in 0..8 {
        yaml.push_str(&format!(
            "  - {{id: s{n}, action: wasi.run, with: {{path: spin.wasm, limits: {{cpu_ms: 500}}}}, continue_on: failed}}\n"
        ));
    }
    yaml.push_str("  - id: good\n    action: jq.filter\n    with: {filter: '.a', data: {a: 5}}\n");
    let lines = home.start_json(&yaml, 1)?;
    let position = |step: &str| lines.of("step_ended").position(|line| line["step"] == step);
    let good = position("good");
    ensure!(
        good.is_some_and(|good| (0..8).all(|n| position(&format!("s{n}")) > Some(good))),
        "the good one ended late"
    );
    Ok(())
}
