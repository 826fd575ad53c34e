//! The files below `claims/`: which programs run on behalf of which claim.
//!
//! A file is written before the first program of its claim starts and goes away when the last has ended, so a file
//! whose worker is gone means that something may be left. Nothing is synced to the disk: after a power loss the boot
//! id differs, and nothing can be left.
//!
//! ```text
//! boot 0f6b...                 the machine's boot id
//! worker 812 558120            pid and start time of whoever wrote this
//! group 840 558161 812         group, start time of its leader, session: one line a program
//! ```
//!
//! The `group` line can only be written once there is a group. Between the two, tens of microseconds in which the
//! dynamic loader of the program is at work, the marker in its environment is what finds it.
//!
//! A file that goes away is not removed but set aside (`.spare-<pid>-<start time>-<number>`) for the next claim of this
//! process: ext4 passes over every inode that was deleted in the last minutes whenever it looks for a free one, so a
//! file made and removed for each step made each of them slower than the one before (by 0.2 ms after some thousands).

use std::collections::HashMap;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Write};
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use rustix::fs::{CWD, RenameFlags, renameat_with};

use crate::error::Error;
use crate::kin::{Group, Stat};
use crate::limits;

/// Pid and start time: names one process of one boot.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Writer {
    pub(crate) pid: i32,
    pub(crate) started: u64,
}

/// The directory, from the side of whoever runs programs.
#[derive(Debug)]
pub(crate) struct Claims {
    dir: PathBuf,
    header: String,
    writer: Writer,
    files: Mutex<Files>,
}

#[derive(Debug, Default)]
struct Files {
    /// Claims on whose behalf programs run.
    held: HashMap<String, Held>,
    spares: Vec<Spare>,
    /// Of the next spare that is set aside.
    number: u64,
}

#[derive(Debug)]
struct Held {
    programs: usize,
    /// All of them write into one file, which begins with our header: it may be another claim's later.
    whole: bool,
}

/// A file that was a claim's, with nothing but the header in it.
#[derive(Debug)]
struct Spare {
    path: PathBuf,
    file: File,
}

/// One running program's hold on the file of its claim.
#[derive(Debug)]
pub(crate) struct Hold {
    claims: Arc<Claims>,
    claim: String,
    /// None once it was set aside.
    file: Option<File>,
}

/// What a claim file says.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Record {
    pub(crate) boot: String,
    pub(crate) writer: Option<Writer>,
    pub(crate) groups: Vec<Group>,
}

impl Writer {
    /// This process.
    pub(crate) fn me() -> io::Result<Self> {
        let pid = i32::try_from(std::process::id()).map_err(io::Error::other)?;
        let stat = Stat::of(pid).ok_or_else(|| io::Error::other("/proc/self/stat cannot be read"))?;
        Ok(Self { pid, started: stat.started })
    }
}

impl Claims {
    /// Makes the directory, closed to other users, if it is missing.
    pub(crate) fn open(data_dir: &Path) -> Result<Self, Error> {
        let dir = directory(data_dir);
        let failed = |source| Error::ClaimsDir { path: dir.clone(), source };
        fs::DirBuilder::new().recursive(true).mode(0o700).create(&dir).map_err(failed)?;
        fs::set_permissions(&dir, fs::Permissions::from_mode(0o700)).map_err(failed)?;
        let dir = dir.canonicalize().map_err(failed)?;
        let writer = Writer::me().map_err(Error::Proc)?;
        let boot = boot_id().map_err(Error::Proc)?;
        let header = format!("boot {boot}\nworker {} {}\n", writer.pid, writer.started);
        Ok(Self { dir, header, writer, files: Mutex::default() })
    }

    /// Who writes here.
    pub(crate) fn writer(&self) -> Writer {
        self.writer
    }

    /// The directory of the files.
    pub(crate) fn dir(&self) -> &Path {
        &self.dir
    }

    /// Before a program starts: makes the claim's file, or holds the one that is there.
    pub(crate) fn hold(self: &Arc<Self>, claim: &str) -> io::Result<Hold> {
        let (mut files, path) = (self.files(), self.dir.join(claim));
        let file = if let Some(held) = files.held.get_mut(claim) {
            let (file, fresh) = match OpenOptions::new().append(true).open(&path) {
                // Somebody took it away.
                Err(error) if error.kind() == io::ErrorKind::NotFound => (self.make(&path)?.0, true),
                opened => (opened?, false),
            };
            held.whole &= !fresh;
            held.programs += 1;
            file
        } else {
            let spare = files.spares.pop().and_then(|spare| spare.become_file_of(&path));
            let (file, whole) = spare.map_or_else(|| self.make(&path), |file| Ok((file, true)))?;
            files.held.insert(claim.to_owned(), Held { programs: 1, whole });
            file
        };
        drop(files);
        Ok(Hold { claims: Arc::clone(self), claim: claim.to_owned(), file: Some(file) })
    }

    fn files(&self) -> MutexGuard<'_, Files> {
        self.files.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The file with our header at its end; whether it has nothing else.
    fn make(&self, path: &Path) -> io::Result<(File, bool)> {
        let open = |new: bool| OpenOptions::new().append(true).create(true).create_new(new).mode(0o600).open(path);
        let (mut file, whole) = match open(true) {
            // What an earlier claim of this name left must not be lost.
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => (open(false)?, false),
            made => (made?, true),
        };
        match file.write_all(self.header.as_bytes()) {
            Ok(()) => Ok((file, whole)),
            Err(error) => {
                let _ = fs::remove_file(path);
                Err(error)
            }
        }
    }

    /// Nothing of the claim runs any more: its file goes away. A whole one is kept for another claim.
    fn release(&self, files: &mut Files, claim: &str, file: Option<File>) -> io::Result<()> {
        let path = self.dir.join(claim);
        let Some(file) = file.filter(|_| files.spares.len() < limits::SPARE_CLAIM_FILES) else { return remove(&path) };
        let Writer { pid, started } = self.writer;
        let spare = self.dir.join(format!("{SPARE}{pid}-{started}-{}", files.number));
        files.number = files.number.wrapping_add(1);
        let set_aside = || {
            file.set_len(self.header.len() as u64)?;
            // Not over a file of the same name: a worker in another container may have set it aside.
            Ok::<(), io::Error>(renameat_with(CWD, &path, CWD, &spare, RenameFlags::NOREPLACE)?)
        };
        if set_aside().is_err() {
            return remove(&path);
        }
        files.spares.push(Spare { path: spare, file });
        Ok(())
    }
}

impl Drop for Claims {
    fn drop(&mut self) {
        for spare in self.files.get_mut().unwrap_or_else(PoisonError::into_inner).spares.drain(..) {
            // One that stays is found by whoever looks for what processes left.
            let _ = remove(&spare.path);
        }
    }
}

impl Spare {
    /// None: it is gone, or the claim has a file already, which must not be lost.
    fn become_file_of(self, path: &Path) -> Option<File> {
        match renameat_with(CWD, &self.path, CWD, path, RenameFlags::NOREPLACE) {
            Ok(()) => Some(self.file),
            Err(_) => {
                let _ = remove(&self.path);
                None
            }
        }
    }
}

impl Hold {
    /// Names the group that was started.
    pub(crate) fn record(&mut self, group: Group) -> io::Result<()> {
        let line = format!("group {} {} {}\n", group.id, group.started, group.session);
        self.file.as_ref().map_or(Ok(()), |mut file| file.write_all(line.as_bytes()))
    }
}

impl Drop for Hold {
    /// The last one makes the file go away: nothing of the claim runs any more.
    fn drop(&mut self) {
        let mut files = self.claims.files();
        match files.held.get_mut(&self.claim) {
            Some(held) if held.programs > 1 => held.programs -= 1,
            Some(_) | None => {
                let whole = files.held.remove(&self.claim).is_some_and(|held| held.whole);
                let file = self.file.take().filter(|_| whole);
                if let Err(error) = self.claims.release(&mut files, &self.claim, file) {
                    tracing::warn!(claim = self.claim, %error, "a claim file could not be removed");
                }
            }
        }
    }
}

impl Record {
    /// Reads a file; nothing if it does not exist, or was set aside meanwhile: then it may be another claim's by now.
    pub(crate) fn read(path: &Path) -> io::Result<Option<Self>> {
        let read = || -> io::Result<Option<Self>> {
            let (file, mut text) = (File::open(path)?, String::new());
            let inode = file.metadata()?.ino();
            file.take(limits::CLAIM_FILE).read_to_string(&mut text)?;
            Ok((fs::metadata(path)?.ino() == inode).then(|| Self::parse(&text)))
        };
        match read() {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            answer => answer,
        }
    }

    /// A torn last line (the disk was full) is no line.
    fn parse(text: &str) -> Self {
        let mut record = Self::default();
        for line in text.split_inclusive('\n').filter_map(|line| line.strip_suffix('\n')) {
            let mut words = line.split(' ');
            let key = words.next();
            let mut number = || words.next().and_then(|word| word.parse::<u64>().ok());
            let pid = |number: Option<u64>| number.and_then(|number| i32::try_from(number).ok());
            match key {
                Some("boot") => record.boot = line.trim_start_matches("boot ").to_owned(),
                Some("worker") => {
                    record.writer = pid(number()).zip(number()).map(|(pid, started)| Writer { pid, started });
                }
                Some("group") => {
                    if let (Some(id), Some(started), Some(session)) = (pid(number()), number(), pid(number())) {
                        record.groups.push(Group { id, started, session });
                    }
                }
                Some(_) | None => {}
            }
        }
        record
    }

    /// Nothing survives a boot.
    pub(crate) fn of_this_boot(&self) -> io::Result<bool> {
        Ok(self.boot.is_empty() || self.boot == boot_id()?)
    }
}

/// How the name of a file begins that is no claim's at the moment; no claim's name does.
const SPARE: &str = ".spare-";

/// Whether a file name is that of a spare one.
pub(crate) fn is_spare(name: &str) -> bool {
    name.starts_with(SPARE)
}

/// Where the claim files of a data directory are.
pub(crate) fn directory(data_dir: &Path) -> PathBuf {
    data_dir.join("claims")
}

/// The file that holds a script of the claim.
pub(crate) fn script_file(dir: &Path, claim: &str, number: u64) -> PathBuf {
    dir.join(format!("{claim}.{number}.script"))
}

/// Whether a file name is one of the claim's private files: `<claim>.out`, `<claim>.<number>.script`. Claims end in a
/// digit, so no claim's own file looks like that.
pub(crate) fn is_private_file(name: &str, claim: &str) -> bool {
    let Some(rest) = name.strip_prefix(claim).and_then(|rest| rest.strip_prefix('.')) else { return false };
    rest == "out"
        || rest.strip_suffix(".script").is_some_and(|n| !n.is_empty() && n.bytes().all(|b| b.is_ascii_digit()))
}

/// The claim that a file below the directory belongs to: its own file, or a private one.
pub(crate) fn claim_of(name: &str) -> &str {
    let script = name.strip_suffix(".script").and_then(|rest| rest.rsplit_once('.')).map(|(claim, _)| claim);
    let claim = script.or_else(|| name.strip_suffix(".out")).unwrap_or(name);
    if is_private_file(name, claim) { claim } else { name }
}

/// A claim's name is a file name.
pub(crate) fn is_claim(name: &str) -> bool {
    !name.is_empty() && name.len() <= 200 && !name.starts_with('.') && !name.chars().any(|c| c == '/' || c.is_control())
}

/// Removes a file that may be gone already.
pub(crate) fn remove(path: &Path) -> io::Result<()> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        Ok(()) | Err(_) => Ok(()),
    }
}

/// Differs after each boot.
pub(crate) fn boot_id() -> io::Result<String> {
    fs::read_to_string("/proc/sys/kernel/random/boot_id").map(|id| id.trim().to_owned())
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test may fail by panic")]

    use super::*;

    const GROUP: Group = Group { id: 840, started: 558_161, session: 812 };

    #[test]
    fn a_file_lives_as_long_as_a_program_of_its_claim() {
        let data = tempfile::tempdir().unwrap();
        let claims = Arc::new(Claims::open(data.path()).unwrap());
        let path = directory(data.path()).join("r-0-1");
        let mut first = claims.hold("r-0-1").unwrap();
        let second = claims.hold("r-0-1").unwrap();
        first.record(GROUP).unwrap();
        let record = Record::read(&path).unwrap().unwrap();
        assert_eq!(record.groups, [GROUP]);
        assert_eq!(record.writer, Some(claims.writer()));
        assert!(record.of_this_boot().unwrap());
        drop(first);
        assert!(path.exists(), "one program still runs");
        drop(second);
        assert_eq!(Record::read(&path).unwrap(), None);
    }

    fn names(claims: &Claims) -> Vec<String> {
        let names = fs::read_dir(claims.dir()).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap());
        let mut names: Vec<String> = names.collect();
        names.sort();
        names
    }

    #[test]
    fn a_file_that_goes_away_is_the_next_claims_and_says_nothing_of_the_first() {
        let data = tempfile::tempdir().unwrap();
        let claims = Arc::new(Claims::open(data.path()).unwrap());
        let path = |claim: &str| claims.dir().join(claim);
        let mut first = claims.hold("r-0-1").unwrap();
        first.record(GROUP).unwrap();
        let inode = fs::metadata(path("r-0-1")).unwrap().ino();
        drop(first);
        assert!(names(&claims).iter().all(|name| is_spare(name) && !is_claim(name)), "{:?}", names(&claims));

        let mut second = claims.hold("r-1-1").unwrap();
        assert_eq!(fs::metadata(path("r-1-1")).unwrap().ino(), inode, "no other file was made");
        let other = Group { id: 9, ..GROUP };
        second.record(other).unwrap();
        let record = Record::read(&path("r-1-1")).unwrap().unwrap();
        assert_eq!((record.groups, record.writer), (vec![other], Some(claims.writer())));
        assert_eq!(names(&claims), ["r-1-1"]);
        drop(second);

        // What an earlier claim of the name left is not lost, and goes into no other claim's file.
        let left = "group 840 558161 812\n";
        fs::write(path("r-2-1"), left).unwrap();
        let kept = claims.hold("r-2-1").unwrap();
        assert_eq!(Record::read(&path("r-2-1")).unwrap().unwrap().groups, [GROUP]);
        drop(kept);
        let ours = Record { boot: boot_id().unwrap(), writer: Some(claims.writer()), groups: Vec::new() };
        let next: Vec<Hold> = (3..6).map(|n| claims.hold(&format!("r-{n}-1")).unwrap()).collect();
        for n in 3..6 {
            assert_eq!(Record::read(&path(&format!("r-{n}-1"))).unwrap().unwrap(), ours);
        }
        drop(next);

        // What somebody takes away is made anew, also while a program runs.
        let one = claims.hold("r-6-1").unwrap();
        names(&claims).iter().for_each(|name| fs::remove_file(claims.dir().join(name)).unwrap());
        let mut two = claims.hold("r-6-1").unwrap();
        two.record(GROUP).unwrap();
        drop(one);
        assert_eq!(Record::read(&path("r-6-1")).unwrap().unwrap(), Record { groups: vec![GROUP], ..ours });
        drop(two);
        assert_eq!(names(&claims), [""; 0], "two files of one claim are no spare");

        let dir = claims.dir().to_owned();
        drop(claims);
        assert_eq!(fs::read_dir(dir).unwrap().count(), 0, "nothing is left when the worker goes");
    }

    #[test]
    fn only_so_many_files_are_set_aside() {
        let data = tempfile::tempdir().unwrap();
        let claims = Arc::new(Claims::open(data.path()).unwrap());
        let many: Vec<Hold> =
            (0..=limits::SPARE_CLAIM_FILES).map(|n| claims.hold(&format!("r-{n}-1")).unwrap()).collect();
        drop(many);
        assert_eq!(names(&claims).len(), limits::SPARE_CLAIM_FILES);
    }

    #[test]
    fn a_torn_line_is_no_line() {
        let record = Record::parse("boot b\nworker 1 2\ngroup 840 558161 812\ngroup 84");
        assert_eq!(record.groups, [GROUP]);
        assert!(!record.of_this_boot().unwrap(), "another boot");
    }

    #[test]
    fn private_files_of_one_claim_are_not_those_of_another() {
        assert!(is_private_file("a-0-1.out", "a-0-1"));
        assert!(is_private_file("a-0-1.12.script", "a-0-1"));
        for (name, claim) in [
            ("a-0-1", "a-0-1"),
            ("a-0-1.out", "a-0-1"),
            ("a-0-1.12.script", "a-0-1"),
            ("a.out-0-1.out", "a.out-0-1"),
            ("a-0-1.x.script", "a-0-1.x.script"),
        ] {
            assert_eq!(claim_of(name), claim, "{name}");
        }
        for other in ["a-0-1", "a-0-1.b-0-1", "a-0-1.b-0-1.out", "a-0-12.out", "a-0-1..script"] {
            assert!(!is_private_file(other, "a-0-1"), "{other}");
        }
    }

    #[test]
    fn the_directory_is_closed_to_others() {
        let data = tempfile::tempdir().unwrap();
        let claims = Claims::open(data.path()).unwrap();
        assert_eq!(fs::metadata(claims.dir()).unwrap().permissions().mode() & 0o777, 0o700);
    }
}
