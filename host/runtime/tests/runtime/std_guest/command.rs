//! A program of a stranger, built by `rustc` alone for `wasm32-wasip1` and `wasm32-wasip2`: says what it was given and
//! what it can reach.

use std::io::Read;

fn main() {
    let mut input = String::new();
    std::io::stdin().read_to_string(&mut input).expect("standard input is text");
    let args: Vec<String> = std::env::args().collect();
    let variables: Vec<(String, String)> = std::env::vars().collect();
    println!("{args:?} {variables:?} {input:?}");
    println!("{:?}", std::fs::read_to_string("/data/in.txt").ok());
    println!("{}", std::fs::write("/data/out.txt", "written").is_ok());
    for outside in ["/etc/passwd", "/data/../../etc/passwd", "p.wasm"] {
        println!("{}", std::fs::read(outside).is_ok());
    }
    eprintln!("{}", std::net::TcpStream::connect(&args[1]).is_ok());
    std::process::exit(7);
}
