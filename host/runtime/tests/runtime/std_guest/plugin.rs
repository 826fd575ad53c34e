//! A plugin that stands on the standard library, as `wasm32-wasip2` has it: it does what a library deep inside a plugin
//! may do, and answers what it met as the output `met`. No SDK, so that `rustc` alone builds it, with `--cfg` for what
//! it does and `GUEST_WORLD` for the file that holds its world.

use std::collections::HashMap;
use std::io::Read;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

/// What the linker makes a component from.
#[link_section = "component-type:guest"]
pub static WORLD: [u8; include_bytes!(env!("GUEST_WORLD")).len()] = *include_bytes!(env!("GUEST_WORLD"));

const NONE: [u32; 2] = [0, 0];

fn text(text: &'static str) -> [u32; 2] {
    [text.as_ptr() as u32, text.len() as u32]
}

/// An answer stays where it is: the instance goes with it.
fn answer(words: &[u32]) -> *const u32 {
    Box::leak(Box::<[u32]>::from(words)).as_ptr()
}

#[export_name = "pintle:core/plugin@0.1.0#describe"]
pub extern "C" fn describe() -> *const u32 {
    answer(&[text("acme"), text("1.4.0"), NONE, text("{}"), NONE, NONE].concat())
}

#[export_name = "pintle:core/plugin@0.1.0#check-config"]
pub extern "C" fn check_config(_: u32, _: u32) -> *const u32 {
    answer(&NONE)
}

#[export_name = "pintle:executor/executor@0.1.0#actions"]
pub extern "C" fn actions() -> *const u32 {
    let pure = [0];
    let action = [&text("acme.do")[..], &NONE, &text("{}"), &NONE, &pure].concat();
    answer(&[answer(&action) as u32, 1])
}

#[export_name = "pintle:executor/executor@0.1.0#run"]
pub extern "C" fn run(_: u32) -> *const u32 {
    let met: &'static str = Box::leak(act().into_boxed_str());
    let output = [text("met"), text(met)].concat();
    let (ok, done, no_exit_code) = (0, 0, NONE);
    answer(&[&[ok, done, answer(&output) as u32, 1][..], &no_exit_code, &[0, 0, 0]].concat())
}

#[export_name = "pintle:executor/executor@0.1.0#resume"]
pub extern "C" fn resume(call: u32) -> *const u32 {
    run(call)
}

#[export_name = "pintle:executor/executor@0.1.0#abort"]
pub extern "C" fn abort(_: u32) -> *const u32 {
    answer(&[0; 9])
}

#[cfg(does = "look")]
fn act() -> String {
    println!("printed");
    eprintln!("printed too");
    let mut input = Vec::new();
    let read = std::io::stdin().read_to_end(&mut input).map_or(-1, |read| read as i64);
    let started = Instant::now();
    std::thread::sleep(Duration::from_millis(20));
    let slept = started.elapsed().as_millis();
    let now = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs());
    let random: HashMap<u32, u32> = (0..100).map(|n| (n, n)).collect();
    let met = [
        ("variables", std::env::vars().count().to_string()),
        ("arguments", std::env::args().count().to_string()),
        ("input", read.to_string()),
        ("file", std::fs::read("/etc/passwd").is_ok().to_string()),
        ("relative", std::fs::read("here.txt").is_ok().to_string()),
        ("written", std::fs::write("/tmp/written-by-a-guest", "x").is_ok().to_string()),
        ("listed", std::fs::read_dir("/").is_ok().to_string()),
        ("program", std::process::Command::new("true").spawn().is_ok().to_string()),
        ("thread", std::thread::Builder::new().spawn(|| ()).is_ok().to_string()),
        ("slept", slept.to_string()),
        ("now", now.to_string()),
        ("random", random.len().to_string()),
    ];
    let members: Vec<String> = met.iter().map(|(name, value)| format!("\"{name}\":{value}")).collect();
    format!("{{{}}}", members.join(","))
}

#[cfg(does = "print")]
fn act() -> String {
    loop {
        println!("{}", "x".repeat(1000));
    }
}

#[cfg(does = "sleep")]
fn act() -> String {
    std::thread::sleep(Duration::from_secs(3600));
    String::new()
}

#[cfg(does = "panic")]
fn act() -> String {
    let nothing: [u32; 0] = std::hint::black_box([]);
    nothing[nothing.len()].to_string()
}

#[cfg(does = "exit")]
fn act() -> String {
    std::process::exit(3)
}

#[cfg(does = "connect")]
fn act() -> String {
    std::net::TcpStream::connect("127.0.0.1:80").is_ok().to_string()
}
