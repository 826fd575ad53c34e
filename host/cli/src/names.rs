//! What RUN means: an id, the beginning of one, the name or file of a DAG, or `latest`.

use std::path::Path;

use anyhow::bail;
use pintle_store::{RunFilter, RunRow, Store};

/// The word for the run that was submitted last.
const LATEST: &str = "latest";

/// The run that a person means.
pub(crate) async fn find(store: &dyn Store, text: &str) -> anyhow::Result<RunRow> {
    let mut found = candidates(store, text).await?;
    if found.len() > 1 {
        let ids: Vec<String> = found.iter().map(|row| format!("{} ({})", row.id, row.dag)).collect();
        bail!("`{text}` is the beginning of {} runs: {}; write more of it", ids.len(), ids.join(", "));
    }
    match found.pop() {
        Some(row) => Ok(row),
        None if text == LATEST => bail!("there are no runs yet: `pintle start FILE` makes the first"),
        None => bail!("no run has the id `{text}`, and no DAG of that name has run: `pintle history` lists the runs"),
    }
}

async fn candidates(store: &dyn Store, text: &str) -> anyhow::Result<Vec<RunRow>> {
    if text == LATEST {
        return Ok(store.list(&RunFilter::default(), None, 1).await?.rows);
    }
    let found = store.find(text).await?;
    if !found.is_empty() {
        return Ok(found);
    }
    match stem(text) {
        Some(stem) => Ok(store.find(stem).await?),
        None => Ok(Vec::new()),
    }
}

/// A DAG that names itself nothing is named after its file.
fn stem(text: &str) -> Option<&str> {
    let name = Path::new(text).file_name()?.to_str()?;
    name.strip_suffix(".yaml").or_else(|| name.strip_suffix(".yml"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_stands_for_its_dag() {
        assert_eq!(stem("dags/etl.yaml"), Some("etl"));
        assert_eq!(stem("etl.yml"), Some("etl"));
        assert_eq!(stem("etl"), None);
        assert_eq!(stem("/"), None);
    }
}
