//! Every document below `cases/` against what it must become: `x.plan` (the plan as JSON) and `x.notice`, or `x.err`
//! (all faults as text). A case is added by adding `x.yaml`; `UPDATE=1` writes the answers, to be read before they are
//! kept.
#![expect(clippy::unwrap_used, clippy::panic, reason = "a test that cannot read its files has failed")]

use std::fs;
use std::path::{Path, PathBuf};

use pintle_spec::{SourceFile, parse};

#[path = "cases/plugins.rs"]
mod plugins;

use plugins::plugins;

#[test]
fn documents_become_what_their_cases_say() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/cases");
    let mut documents = Vec::new();
    gather(&root, &mut documents);
    documents.sort();
    assert!(documents.len() >= 60, "only {} cases were found", documents.len());
    let update = std::env::var_os("UPDATE").is_some();
    let wrong: Vec<String> = documents.iter().flat_map(|document| check(&root, document, update)).collect();
    assert!(wrong.is_empty(), "{}\n\nrun with UPDATE=1 and read the difference", wrong.join("\n\n"));
}

fn gather(directory: &Path, documents: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            gather(&path, documents);
        } else if path.extension().is_some_and(|extension| extension == "yaml") {
            documents.push(path);
        }
    }
}

fn check(root: &Path, document: &Path, update: bool) -> Vec<String> {
    let shown = document.strip_prefix(root).unwrap().to_str().unwrap().replace('\\', "/");
    let bytes = fs::read(document).unwrap();
    let answer = SourceFile::from_bytes(shown.clone(), &bytes).and_then(|source| parse(&source, &plugins()));
    let [plan, notice, err] = match answer {
        Ok(parsed) => {
            let plan = serde_json::to_string_pretty(&parsed.plan).unwrap();
            let notices = parsed.notices.render(pintle_spec::Colours::Off);
            [plan, notices, String::new()]
        }
        Err(faults) => [String::new(), String::new(), faults.to_string()],
    };
    [("plan", plan), ("notice", notice), ("err", err)]
        .into_iter()
        .filter_map(|(extension, text)| compare(&shown, &document.with_extension(extension), &text, update))
        .collect()
}

/// What differs, if anything does. No text means that there is no file.
fn compare(shown: &str, file: &Path, text: &str, update: bool) -> Option<String> {
    let got = if text.is_empty() { String::new() } else { format!("{}\n", text.trim_end()) };
    if update {
        match got.is_empty() {
            true if file.exists() => fs::remove_file(file).unwrap(),
            true => {}
            false => fs::write(file, &got).unwrap(),
        }
    }
    let wanted = match fs::read_to_string(file) {
        Ok(wanted) => wanted,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => String::new(),
        Err(error) => panic!("{}: {error}", file.display()),
    };
    let extension = file.extension().unwrap().to_str().unwrap();
    (wanted != got).then(|| format!("{shown} ({extension})\n--- wanted\n{wanted}--- got\n{got}"))
}
