//! What is large stays bearable: processor time of the commands, so that a machine with other work decides nothing.

use std::fmt::Write as _;

use anyhow::{Context, Result, ensure};
use pintle_tests::Home;

/// Processor seconds of all commands that this test has waited for.
fn spent() -> Result<f64> {
    let stat = std::fs::read_to_string("/proc/self/stat")?;
    // Behind the name, which may hold anything: the fields from the third on.
    let fields: Vec<&str> = stat.rsplit_once(')').context("a name in brackets")?.1.split_whitespace().collect();
    let ticks = |place: usize| -> Result<u64> { Ok(fields.get(place).context("a field")?.parse()?) };
    let children = ticks(13)? + ticks(14)?;
    Ok(children as f64 / rustix::param::clock_ticks_per_second() as f64)
}

#[test]
fn ten_thousand_steps_are_checked_within_a_second() -> Result<()> {
    let home = Home::new()?;
    let mut yaml = String::from("steps:\n  - {id: s0, run: echo 0}\n");
    for n in 1..10_000 {
        let _ok = writeln!(yaml, "  - {{id: s{n}, run: echo {n}, depends: [s{}, s{}]}}", n - 1, n / 2);
    }
    home.write("large.yaml", yaml)?;
    let before = spent()?;
    home.run(["validate", "large.yaml", "--output", "json"])?.expect_code(0)?.expect_printed(&["\"steps\":10000"])?;
    let took = spent()? - before;
    println!("validate: {took:.2} s of processor time");
    ensure!(took < 1.0, "10,000 steps took {took:.2} s to check");
    Ok(())
}

#[test]
fn ten_thousand_items_are_over_within_half_a_minute() -> Result<()> {
    let home = Home::new()?;
    let items: Vec<String> = (0..10_000).map(|n| n.to_string()).collect();
    let yaml = format!(
        "steps:\n  - id: each\n    foreach:\n      items: [{}]\n      max_concurrent: 100\n      steps:\n        - {{id: one, action: noop}}\n",
        items.join(",")
    );
    home.write("items.yaml", yaml)?;
    let before = spent()?;
    home.run(["start", "items.yaml", "--durability", "process", "--quiet"])?.expect_code(0)?;
    let took = spent()? - before;
    println!("foreach: {took:.2} s of processor time");
    ensure!(took < 30.0, "10,000 items took {took:.2} s");
    Ok(())
}
