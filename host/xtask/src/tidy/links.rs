//! Links between documents lead somewhere.

use std::path::{Component, Path, PathBuf};

use anyhow::Result;

use super::{Fault, Tree};

pub(super) fn check(tree: &Tree) -> Result<Vec<Fault>> {
    let mut faults = Vec::new();
    for file in tree.ending(".md") {
        for (target, line) in targets(&tree.read(file)?) {
            let path = target.split('#').next().unwrap_or_default();
            let elsewhere = path.is_empty() || path.contains("://") || path.starts_with("mailto:");
            if !elsewhere && !leads_somewhere(tree, file, path) {
                faults.push(Fault::at(file, line, format!("the link leads nowhere: {target}")));
            }
        }
    }
    Ok(faults)
}

fn leads_somewhere(tree: &Tree, from: &str, path: &str) -> bool {
    let directory = Path::new(from).parent().unwrap_or(Path::new(""));
    let mut resolved = PathBuf::new();
    for part in directory.join(path).components() {
        match part {
            Component::ParentDir if !resolved.pop() => return false,
            Component::Normal(name) => resolved.push(name),
            Component::ParentDir | Component::CurDir | Component::RootDir | Component::Prefix(_) => {}
        }
    }
    tree.root.join(resolved).exists()
}

/// Targets of inline links `[text](target)` and references `[name]: target`, outside code.
fn targets(text: &str) -> Vec<(String, usize)> {
    let mut found = Vec::new();
    let mut fenced = false;
    for (line, number) in text.lines().zip(1..) {
        if line.trim_start().starts_with("```") {
            fenced = !fenced;
        }
        if fenced {
            continue;
        }
        let prose: String = line.split('`').step_by(2).collect::<Vec<_>>().join("``");
        for (at, _) in prose.match_indices("](") {
            let rest = prose.get(at + 2..).unwrap_or_default();
            if let Some(target) = rest.split([')', ' ']).next() {
                found.push((target.trim_matches(['<', '>']).to_owned(), number));
            }
        }
        if let Some((name, target)) = prose.split_once("]: ")
            && name.starts_with('[')
            && !name.starts_with("[^")
            && let Some(target) = target.split_whitespace().next()
        {
            found.push((target.to_owned(), number));
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::super::faults_in;
    use super::check;

    #[test]
    fn links_that_lead_nowhere_are_found() {
        let text = "See [a](b.md) and [c](sub/d.md#x).\n\n[ref]: ../up.md\n";
        let faults = faults_in(check, &[("docs/a.md", text), ("docs/b.md", "")]);
        assert_eq!(
            faults,
            ["docs/a.md:1: the link leads nowhere: sub/d.md#x", "docs/a.md:3: the link leads nowhere: ../up.md"]
        );
    }

    #[test]
    fn code_addresses_and_anchors_are_left_alone() {
        let text = "`[a](b)` [here](#part) [there](https://pintle.example/x)\n```\n[x](y)\n```\n[dir](docs)\n";
        assert!(faults_in(check, &[("a.md", text), ("docs/b.md", "[up](../a.md)")]).is_empty());
    }
}
