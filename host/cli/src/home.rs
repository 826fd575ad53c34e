//! What the cli itself keeps in the data directory, and what of the environment steps are given.

use std::fs::{self, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _, PermissionsExt as _};
use std::path::Path;

use anyhow::Context as _;
use pintle_core::ids::NodeId;

/// Name of the key's file.
const KEY: &str = "key";

/// The data directory's key: 32 random bytes that seal what runs remember of their submission. Made once; two
/// processes that make it at the same time end with the same one.
pub(crate) fn key(home: &Path) -> anyhow::Result<[u8; 32]> {
    let path = home.join(KEY);
    match fs::read(&path) {
        Ok(bytes) => return check_key(&path, &bytes),
        Err(error) if error.kind() == io::ErrorKind::NotFound => {}
        Err(error) => {
            return Err(error)
                .with_context(|| format!("cannot read the key `{}`; make it readable by this user", path.display()));
        }
    }
    make_key(home, &path).with_context(|| {
        format!("cannot make the key `{}`; make the directory writable, or choose another with --home", path.display())
    })?;
    check_key(&path, &fs::read(&path)?)
}

fn check_key(path: &Path, bytes: &[u8]) -> anyhow::Result<[u8; 32]> {
    let open = fs::metadata(path).is_ok_and(|meta| meta.permissions().mode() & 0o077 != 0);
    if open {
        anyhow::bail!(
            "the key `{0}` can be read by others: `chmod 600 {0}`, and see who could have read it",
            path.display()
        );
    }
    bytes.try_into().map_err(|_| {
        anyhow::anyhow!("the key `{}` has {} bytes and not 32: restore it from a copy", path.display(), bytes.len())
    })
}

/// Written whole under another name, then given its own: whoever comes second finds the first one's.
fn make_key(home: &Path, path: &Path) -> io::Result<()> {
    fs::DirBuilder::new().recursive(true).mode(0o700).create(home)?;
    let mut bytes = [0; 32];
    random(&mut bytes)?;
    let draft = home.join(format!("{KEY}.{}", uuid::Uuid::now_v7().simple()));
    let mut file = OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&draft)?;
    file.write_all(&bytes)?;
    file.sync_all()?;
    let linked = fs::hard_link(&draft, path);
    fs::remove_file(&draft)?;
    match linked {
        Err(error) if error.kind() != io::ErrorKind::AlreadyExists => Err(error),
        Ok(()) | Err(_) => fs::File::open(home)?.sync_all(),
    }
}

/// Bytes that nobody can guess.
pub(crate) fn random(bytes: &mut [u8]) -> io::Result<()> {
    let mut filled = 0;
    while let Some(rest) = bytes.get_mut(filled..).filter(|rest| !rest.is_empty()) {
        filled += rustix::rand::getrandom(rest, rustix::rand::GetRandomFlags::empty())?;
    }
    Ok(())
}

/// This process on this data directory. Never used twice, so a lock of that name is this process's own.
pub(crate) fn node() -> anyhow::Result<NodeId> {
    Ok(NodeId::new(uuid::Uuid::now_v7().simple().to_string())?)
}

/// Names that steps are given of this process's environment; a name that ends with `*` stands for all that begin so.
const PASSED: [&str; 17] = [
    "PATH",
    "HOME",
    "USER",
    "LOGNAME",
    "SHELL",
    "TMPDIR",
    "TERM",
    "LANG",
    "LC_*",
    "TZ",
    "LD_LIBRARY_PATH",
    "XDG_*",
    "DAGU_*",
    "PINTLE_*",
    "EDITOR",
    "VISUAL",
    "SSH_AUTH_SOCK",
];

/// The part of an environment that steps are given. Names or values that are not UTF-8 cannot be passed on.
pub(crate) fn passed_env(all: impl Iterator<Item = (std::ffi::OsString, std::ffi::OsString)>) -> Vec<(String, String)> {
    let passes = |name: &str| {
        PASSED.iter().any(|known| match known.strip_suffix('*') {
            Some(prefix) => name.starts_with(prefix),
            None => name == *known,
        })
    };
    all.filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)))
        .filter(|(name, _)| passes(name))
        .collect()
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test may fail loudly")]
mod tests {
    use super::*;

    #[test]
    fn the_key_is_made_once_and_for_its_owner_alone() {
        let dir = tempfile::tempdir().unwrap();
        let home = dir.path().join("new");
        let keys: Vec<[u8; 32]> = std::thread::scope(|scope| {
            let threads: Vec<_> = (0..8).map(|_| scope.spawn(|| key(&home).unwrap())).collect();
            threads.into_iter().map(|thread| thread.join().unwrap()).collect()
        });
        assert!(keys.iter().all(|key| keys.first() == Some(key) && *key != [0; 32]));
        assert_eq!(fs::metadata(home.join(KEY)).unwrap().permissions().mode() & 0o777, 0o600);
        assert_eq!(fs::metadata(&home).unwrap().permissions().mode() & 0o777, 0o700);
        assert_eq!(fs::read_dir(&home).unwrap().count(), 1, "a draft was left behind");
    }

    #[test]
    fn a_key_that_is_open_or_cut_is_refused() {
        let dir = tempfile::tempdir().unwrap();
        key(dir.path()).unwrap();
        let path = dir.path().join(KEY);
        fs::set_permissions(&path, fs::Permissions::from_mode(0o644)).unwrap();
        assert!(key(dir.path()).unwrap_err().to_string().contains("can be read by others: `chmod 600"));
        fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
        fs::write(&path, b"short").unwrap();
        assert!(key(dir.path()).unwrap_err().to_string().contains("has 5 bytes and not 32"));
    }

    #[test]
    fn a_key_that_cannot_be_read_or_made_is_named() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join(KEY);
        fs::create_dir(&path).unwrap();
        let said = key(dir.path()).unwrap_err().to_string();
        assert_eq!(said, format!("cannot read the key `{}`; make it readable by this user", path.display()));
        let said = key(Path::new("/proc/none")).unwrap_err().to_string();
        let sentence = "make the directory writable, or choose another with --home";
        assert_eq!(said, format!("cannot make the key `/proc/none/key`; {sentence}"));
    }

    #[test]
    fn steps_are_given_a_part_of_the_environment() {
        let all =
            ["PATH", "LC_ALL", "XDG_RUNTIME_DIR", "DAGU_X", "AWS_SECRET_ACCESS_KEY", "LC", "HOMEX", "GITHUB_TOKEN"];
        let given = passed_env(all.iter().map(|name| ((*name).into(), "1".into())));
        let names: Vec<&str> = given.iter().map(|(name, _)| name.as_str()).collect();
        assert_eq!(names, ["PATH", "LC_ALL", "XDG_RUNTIME_DIR", "DAGU_X"]);
    }
}
