//! Files that processes left when they were killed: of nodes that live no more, of blobs that were never finished.
//!
//! The danger: a file of a living process. A node's file goes only while its lock is held here, which a living node
//! does not allow; one that was made and is not locked yet is made once more by its owner. A blob's draft says by
//! itself of nobody's life, so it goes when its process is not there *and* it is old: a process of another container on
//! the same directory is not seen from here, but writes no draft for an hour.

use std::fs::{self, DirEntry, File};
use std::io;
use std::path::Path;
use std::time::{Duration, SystemTime};

use pintle_store::Error;
use rustix::fs::{FlockOperation, flock};
use rustix::io::Errno;

use crate::fault;
use crate::store::Sqlite;

/// A draft is written in seconds.
const DRAFT: Duration = Duration::from_secs(60 * 60);

impl Sqlite {
    /// Removes files of dead nodes and drafts of blobs that nobody finishes; how many. Looks at no more than `most`
    /// files of each kind, so that no start pays for a long history of kills. Blocks for microseconds a file.
    pub fn clear_leftovers(&self, most: usize) -> Result<usize, Error> {
        let layout = self.layout();
        let nodes = each(&layout.nodes(), most, |_| true, remove_dead_node)?;
        let drafts = each(&layout.blobs(), most, is_draft, remove_old_draft)?;
        Ok(nodes + drafts)
    }
}

/// Calls `clear` with the first entries that are `wanted`; how many it removed.
fn each(
    dir: &Path,
    most: usize,
    wanted: impl Fn(&DirEntry) -> bool,
    clear: impl Fn(&Path) -> io::Result<bool>,
) -> Result<usize, Error> {
    let entries = match fs::read_dir(dir) {
        Ok(entries) => entries,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(0),
        Err(error) => return Err(fault::io(error, "read", dir)),
    };
    let mut removed = 0;
    for entry in entries.filter_map(Result::ok).filter(wanted).take(most) {
        let path = entry.path();
        match clear(&path) {
            Ok(gone) => removed += usize::from(gone),
            // Another process was as quick.
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => return Err(fault::io(error, "remove", &path)),
        }
    }
    Ok(removed)
}

fn remove_dead_node(path: &Path) -> io::Result<bool> {
    let file = File::open(path)?;
    match flock(&file, FlockOperation::NonBlockingLockExclusive) {
        // Under the lock: whoever opened it meanwhile sees that it is gone, and makes another.
        Ok(()) => fs::remove_file(path).map(|()| true),
        Err(Errno::WOULDBLOCK) => Ok(false),
        Err(errno) => Err(errno.into()),
    }
}

/// `.<pid>-<number>`, as `blob` names what it has not finished.
fn is_draft(entry: &DirEntry) -> bool {
    entry.file_name().to_str().is_some_and(|name| writer_of(name).is_some())
}

fn writer_of(name: &str) -> Option<u32> {
    let (pid, number) = name.strip_prefix('.')?.split_once('-')?;
    number.parse::<u64>().ok()?;
    pid.parse().ok()
}

fn remove_old_draft(path: &Path) -> io::Result<bool> {
    let writer = path.file_name().and_then(|name| name.to_str()).and_then(writer_of);
    let lives = writer.is_none_or(|pid| Path::new("/proc").join(pid.to_string()).exists());
    let age = SystemTime::now().duration_since(fs::metadata(path)?.modified()?).unwrap_or_default();
    if lives || age < DRAFT {
        return Ok(false);
    }
    fs::remove_file(path).map(|()| true)
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test says so by failing")]
mod tests {
    use pintle_core::ids::NodeId;
    use pintle_store::{Blobs as _, Nodes as _};

    use super::*;
    use crate::layout::Layout;
    use crate::options::Options;

    fn block<T>(future: impl Future<Output = T>) -> T {
        tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(future)
    }

    fn open(dir: &tempfile::TempDir) -> Sqlite {
        Sqlite::open(Options::new(dir.path())).unwrap()
    }

    fn names(dir: &Path) -> Vec<String> {
        let mut names: Vec<String> =
            fs::read_dir(dir).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    }

    fn draft(layout: &Layout, name: &str, age: Duration) {
        let file = File::create(layout.blobs().join(name)).unwrap();
        file.set_modified(SystemTime::now() - age).unwrap();
    }

    #[test]
    fn the_file_of_a_dead_node_goes_and_that_of_a_living_one_stays() {
        let dir = tempfile::tempdir().unwrap();
        let (ours, theirs) = (open(&dir), open(&dir));
        let [one, two] = ["one", "two"].map(|name| NodeId::new(name).unwrap());
        assert!(block(ours.register(&one)).unwrap() && block(theirs.register(&two)).unwrap());
        let layout = ours.layout();
        for dead in ["killed-1", "killed-2", "killed-3"] {
            fs::write(layout.nodes().join(dead), "").unwrap();
        }
        while ours.clear_leftovers(3).unwrap() > 0 {}
        assert_eq!(names(&layout.nodes()), ["one", "two"]);
        assert!(block(ours.is_alive(&two)).unwrap(), "a living node was taken for dead");
        assert!(!block(ours.is_alive(&NodeId::new("killed-1").unwrap())).unwrap());
    }

    #[test]
    fn a_start_looks_at_so_many_files_and_no_more() {
        let dir = tempfile::tempdir().unwrap();
        let store = open(&dir);
        for number in 0..10 {
            fs::write(store.layout().nodes().join(format!("killed-{number}")), "").unwrap();
        }
        assert_eq!(store.clear_leftovers(4).unwrap(), 4);
        assert_eq!(names(&store.layout().nodes()).len(), 6);
    }

    #[test]
    fn a_draft_goes_when_it_is_old_and_its_process_is_gone() {
        let dir = tempfile::tempdir().unwrap();
        let store = open(&dir);
        let layout = store.layout();
        let blob = block(store.put_blob(b"kept".to_vec())).unwrap();
        let (gone, me) = (i32::MAX, std::process::id());
        let old = DRAFT + Duration::from_secs(1);
        draft(layout, &format!(".{gone}-0"), old);
        draft(layout, &format!(".{gone}-1"), Duration::ZERO);
        draft(layout, &format!(".{me}-2"), old);
        draft(layout, ".keep-me", old);
        assert_eq!(store.clear_leftovers(100).unwrap(), 1);
        let mut left = vec![format!(".{gone}-1"), format!(".{me}-2"), ".keep-me".to_owned()];
        left.push(blob.as_str().get(..2).unwrap().to_owned());
        left.sort();
        assert_eq!(names(&layout.blobs()), left);
    }
}
