//! `noun.rs` + `noun/`, never `mod.rs`.

use anyhow::Result;

use super::{Fault, Tree};

pub(super) fn check(tree: &Tree) -> Result<Vec<Fault>> {
    let named = tree.ending("mod.rs").filter(|file| file.rsplit('/').next() == Some("mod.rs"));
    Ok(named.map(|file| Fault::of(file, format!("name it `{}.rs`", file.trim_end_matches("/mod.rs")))).collect())
}

#[cfg(test)]
mod tests {
    use super::super::faults_in;
    use super::check;

    #[test]
    fn a_mod_file_is_told_its_right_name() {
        let files = [("host/core/src/run/mod.rs", ""), ("host/core/src/run.rs", ""), ("host/core/src/pmod.rs", "")];
        assert_eq!(faults_in(check, &files), ["host/core/src/run/mod.rs: name it `host/core/src/run.rs`"]);
    }
}
