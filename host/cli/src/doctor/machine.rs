//! The machine: kernel, limits, shells, time, and the plugins inside this binary.

use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

use rustix::fs::{Mode, OFlags, ResolveFlags};
use rustix::process::{PidfdFlags, Resource, getrlimit};

use super::Check;
use crate::plugin;
use crate::settings::Settings;

/// Fewer open files are not enough for all slots.
const FILES: u64 = 1024;
/// 2025-01-01: no wall clock that is right is before this.
const EPOCH: u64 = 1_735_689_600;

/// All checks of the machine.
pub(super) fn checks(settings: &Settings) -> Vec<Check> {
    vec![
        version(),
        kernel(&missing_calls()),
        open_files(getrlimit(Resource::Nofile).current),
        shells(settings),
        proc(Path::new("/proc/self/stat")),
        time(SystemTime::now()),
        Check::of("embedded plugins", plugin::check().map(|count| format!("{count}, each as its row describes it"))),
    ]
}

fn version() -> Check {
    let system = rustix::system::uname();
    let found = format!(
        "pintle {} on {} {} ({})",
        env!("CARGO_PKG_VERSION"),
        system.sysname().to_string_lossy(),
        system.release().to_string_lossy(),
        system.machine().to_string_lossy()
    );
    Check::good("version", found)
}

/// What the worker and the files interface stand on, and is not there.
fn missing_calls() -> Vec<&'static str> {
    let pidfd = rustix::process::pidfd_open(rustix::process::getpid(), PidfdFlags::empty()).is_ok();
    let openat2 =
        rustix::fs::openat2(rustix::fs::CWD, ".", OFlags::PATH | OFlags::CLOEXEC, Mode::empty(), ResolveFlags::BENEATH)
            .is_ok();
    [("pidfd_open", pidfd), ("openat2", openat2)].iter().filter(|(_, has)| !has).map(|(name, _)| *name).collect()
}

fn kernel(missing: &[&str]) -> Check {
    if missing.is_empty() {
        return Check::good("kernel features", "pidfd_open, openat2");
    }
    let advice = "use Linux 5.6 or later, and a seccomp profile that lets these calls through";
    Check::bad("kernel features", format!("{} cannot be used", missing.join(", ")), advice)
}

fn open_files(limit: Option<u64>) -> Check {
    match limit {
        Some(limit) if limit < FILES => Check::odd(
            "open files",
            format!("at most {limit}"),
            format!("many steps at once need more: `ulimit -n {FILES}`"),
        ),
        Some(limit) => Check::good("open files", format!("at most {limit}")),
        None => Check::good("open files", "no limit"),
    }
}

fn shells(settings: &Settings) -> Check {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let find = |program: &str| -> Option<PathBuf> {
        if program.contains('/') {
            return Some(PathBuf::from(program)).filter(|path| is_program(path));
        }
        std::env::split_paths(&path).map(|dir| dir.join(program)).find(|path| is_program(path))
    };
    let Some(sh) = find("sh") else {
        return Check::bad("shells", "there is no `sh` in PATH", "install one (`dash`, `busybox`), or set PATH");
    };
    let wanted = settings.default_shell.as_deref().and_then(|shell| shell.split_whitespace().next());
    match wanted {
        Some(shell) => match find(shell) {
            Some(found) => Check::good("shells", format!("{}, {}", sh.display(), found.display())),
            None => Check::bad(
                "shells",
                format!("default_shell `{shell}` is not there"),
                "install it, or change `default_shell`",
            ),
        },
        None => Check::good("shells", sh.display().to_string()),
    }
}

fn is_program(path: &Path) -> bool {
    use std::os::unix::fs::PermissionsExt as _;
    path.metadata().is_ok_and(|meta| meta.is_file() && meta.permissions().mode() & 0o111 != 0)
}

/// What an interrupted run left behind is found there.
fn proc(stat: &Path) -> Check {
    match std::fs::read_to_string(stat) {
        Ok(_) => Check::good("processes", "/proc can be read"),
        Err(error) => Check::bad(
            "processes",
            format!("/proc cannot be read: {error}"),
            "mount it: what an interrupted run left running is found there",
        ),
    }
}

fn time(now: SystemTime) -> Check {
    if now.duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs()) < EPOCH {
        return Check::odd(
            "time",
            "the clock stands before 2025",
            "set it, and let it be kept (`timedatectl set-ntp true`)",
        );
    }
    let local = jiff::Zoned::now();
    Check::good("time", local.strftime("%Y-%m-%d %H:%M:%S %Z").to_string())
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::super::Mark;
    use super::*;

    /// How it ended, what was found, and what to do.
    fn told(check: &Check) -> (Mark, &str, &str) {
        (check.mark, &check.found, &check.advice)
    }

    #[test]
    fn a_kernel_without_what_is_needed_is_told() {
        let advice = "use Linux 5.6 or later, and a seccomp profile that lets these calls through";
        assert_eq!(told(&kernel(&["openat2"])), (Mark::Bad, "openat2 cannot be used", advice));
        let both = kernel(&["pidfd_open", "openat2"]);
        assert_eq!(told(&both), (Mark::Bad, "pidfd_open, openat2 cannot be used", advice));
        assert_eq!(told(&kernel(&[])), (Mark::Good, "pidfd_open, openat2", ""));
        assert_eq!(missing_calls(), Vec::<&str>::new(), "the machine of this test has them");
    }

    #[test]
    fn too_few_open_files_are_told() {
        let advice = "many steps at once need more: `ulimit -n 1024`";
        assert_eq!(told(&open_files(Some(1023))), (Mark::Odd, "at most 1023", advice));
        assert_eq!(told(&open_files(Some(1024))), (Mark::Good, "at most 1024", ""));
        assert_eq!(told(&open_files(None)), (Mark::Good, "no limit", ""));
    }

    #[test]
    fn a_machine_without_proc_is_told() {
        let found = "/proc cannot be read: No such file or directory (os error 2)";
        let advice = "mount it: what an interrupted run left running is found there";
        assert_eq!(told(&proc(Path::new("/nowhere/self/stat"))), (Mark::Bad, found, advice));
        assert_eq!(told(&proc(Path::new("/proc/self/stat"))), (Mark::Good, "/proc can be read", ""));
    }

    #[test]
    fn a_clock_that_was_never_set_is_told() {
        let advice = "set it, and let it be kept (`timedatectl set-ntp true`)";
        let before = UNIX_EPOCH + Duration::from_secs(EPOCH - 1);
        assert_eq!(told(&time(before)), (Mark::Odd, "the clock stands before 2025", advice));
        let long_before = UNIX_EPOCH - Duration::from_secs(1);
        assert_eq!(told(&time(long_before)), (Mark::Odd, "the clock stands before 2025", advice));
        assert_eq!(time(UNIX_EPOCH + Duration::from_secs(EPOCH)).mark, Mark::Good);
    }
}
