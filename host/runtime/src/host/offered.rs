//! What this host offers to guests, by name: the table that a component's imports are held against.

/// An interface of `pintle:host`.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Offered {
    /// `http`.
    pub(crate) name: &'static str,
    /// The want that stands for it; none: every plugin has it.
    pub(crate) capability: Option<&'static str>,
    /// Its functions.
    pub(crate) functions: &'static [&'static str],
}

/// Of every interface below.
pub(crate) const VERSION: (u64, u64, u64) = (0, 1, 0);

const fn free(name: &'static str, functions: &'static [&'static str]) -> Offered {
    Offered { name, capability: None, functions }
}

const fn granted(name: &'static str, functions: &'static [&'static str]) -> Offered {
    Offered { name, capability: Some(name), functions }
}

/// All of them.
pub(crate) const OFFERED: [Offered; 15] = [
    free("call", &["unix-ms", "remaining", "cancelled"]),
    free("random", &["bytes"]),
    free("log", &["write"]),
    free("output", &["write"]),
    free("config", &["get"]),
    free("metrics", &["add", "observe"]),
    granted("kv", &["get", "put", "remove", "list-keys"]),
    granted("secrets-reveal", &["reveal"]),
    granted("sign", &["hmac-sha256", "aws-sigv4"]),
    granted("tcp", &["exchange"]),
    granted("http", &["fetch"]),
    granted("blobs", &["size", "read", "create", "append", "sha256"]),
    granted("http-blobs", &["send", "receive"]),
    granted("process", &["run"]),
    granted(
        "files",
        &["read", "write", "append", "load", "store", "inspect", "list-entries", "make-dir", "remove", "rename"],
    ),
];

/// The interface of a name.
pub(crate) fn find(name: &str) -> Option<&'static Offered> {
    OFFERED.iter().find(|offered| offered.name == name)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Reads `interface name {` and `function: func(` out of the WIT text.
    fn written() -> Vec<(String, Vec<String>)> {
        let mut found: Vec<(String, Vec<String>)> = Vec::new();
        for line in include_str!("../../../../wit/host/host.wit").lines() {
            if let Some(rest) = line.strip_prefix("interface ") {
                found.push((rest.split(' ').next().unwrap_or_default().to_owned(), Vec::new()));
            }
            for (before, _) in line.match_indices(": func(").map(|(at, _)| line.split_at(at)) {
                let name = before.rsplit([' ', '{']).next().unwrap_or_default();
                if let Some((_, functions)) = found.last_mut() {
                    functions.push(name.to_owned());
                }
            }
        }
        found
    }

    #[test]
    fn the_table_says_what_the_wit_says() {
        let mut table: Vec<(String, Vec<String>)> =
            OFFERED.iter().map(|o| (o.name.to_owned(), o.functions.iter().map(|&f| f.to_owned()).collect())).collect();
        let mut written = written();
        table.sort();
        written.sort();
        assert_eq!(table, written);
    }
}
