//! Reading tables.

use std::collections::BTreeMap;
use std::fmt;
use std::fs;
use std::path::Path;

/// One rule.
#[derive(Debug, Clone)]
pub(crate) struct Case {
    /// Folder and file of its table.
    pub(crate) file: String,
    line: usize,
    pub(crate) title: String,
    /// Words of the `@` line above.
    pub(crate) how: Vec<String>,
    /// The texts in force, by name.
    pub(crate) shared: BTreeMap<String, String>,
    pub(crate) input: String,
    pub(crate) wanted: String,
}

impl fmt::Display for Case {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}: {}", self.file, self.line, self.title)
    }
}

impl Case {
    pub(crate) fn shared(&self, name: &str) -> &str {
        self.shared.get(name).map(String::as_str).unwrap_or_default()
    }

    /// A word of the `@` line by its place.
    pub(crate) fn how(&self, place: usize) -> &str {
        self.how.get(place).map(String::as_str).unwrap_or_default()
    }
}

/// All cases below a directory, in the order of files and lines.
pub(crate) fn cases(directory: &str) -> Vec<Case> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/values").join(directory);
    let mut files: Vec<_> = fs::read_dir(&root).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    let mut all = Vec::new();
    for file in files {
        let name = format!("{directory}/{}", file.file_name().unwrap().to_str().unwrap());
        all.extend(read(&name, &fs::read_to_string(&file).unwrap()));
    }
    assert!(!all.is_empty(), "no case below {directory}");
    all
}

fn read(file: &str, text: &str) -> Vec<Case> {
    let mut cases: Vec<Case> = Vec::new();
    let (mut how, mut shared) = (Vec::new(), BTreeMap::new());
    let mut lines = text.lines().enumerate();
    while let Some((number, line)) = lines.next() {
        if let Some(name) = line.strip_prefix("~~~ ") {
            let block: Vec<&str> = lines.by_ref().map(|(_, line)| line).take_while(|line| *line != "~~~").collect();
            shared.insert(name.to_owned(), block.join("\n"));
        } else if let Some(words) = line.strip_prefix("@ ") {
            how = words.split_whitespace().map(str::to_owned).collect();
        } else if let Some(title) = line.strip_prefix("== ") {
            let (how, shared) = (how.clone(), shared.clone());
            let (input, wanted) = (String::new(), String::new());
            cases.push(Case {
                file: file.to_owned(),
                line: number + 1,
                title: title.to_owned(),
                how,
                shared,
                input,
                wanted,
            });
        } else if let Some((sign, rest)) = line.split_at_checked(1).filter(|(sign, _)| matches!(*sign, "<" | ">")) {
            let case = cases.last_mut().unwrap();
            let side = if sign == "<" { &mut case.input } else { &mut case.wanted };
            if !side.is_empty() {
                side.push('\n');
            }
            side.push_str(rest.strip_prefix(' ').unwrap_or(rest));
        } else if !line.is_empty() && !line.starts_with('#') {
            panic!("{file}:{}: not a line of a table: {line}", number + 1);
        }
    }
    cases
}
