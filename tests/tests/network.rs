//! A data directory on a network file system: one sentence, exit code 1, nothing written there.
//!
//! The file system is a real mount of type `fuse.sshfs`. This test is its server, through the kernel's FUSE, and knows
//! no more of the protocol (`linux/fuse.h`) than an empty directory needs.

use std::fs::{File, OpenOptions};
use std::io::{self, Read as _, Write as _};
use std::os::fd::AsRawFd as _;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::thread::JoinHandle;

use anyhow::{Context as _, Result, anyhow, ensure};
use pintle_tests::Home;
use rustix::io::{Errno, FdFlags, fcntl_setfd};

const LOOKUP: u32 = 1;
const GETATTR: u32 = 3;
const STATFS: u32 = 17;
const INIT: u32 = 26;
/// FORGET and BATCH_FORGET want no answer.
const FORGET: [u32; 2] = [2, 42];
/// SETATTR, SYMLINK, MKNOD, MKDIR, UNLINK, RMDIR, RENAME, LINK, WRITE, CREATE, FALLOCATE, RENAME2.
const CHANGES: [u32; 12] = [4, 6, 8, 9, 10, 11, 12, 13, 16, 35, 43, 45];

/// A mounted directory whose server is far away, as far as anybody can tell who looks at it.
struct Far {
    at: PathBuf,
    serving: Option<JoinHandle<io::Result<Vec<u32>>>>,
}

impl Far {
    fn mount(at: &Path) -> Result<Self> {
        std::fs::create_dir_all(at)?;
        let device = OpenOptions::new().read(true).write(true).open("/dev/fuse").context("/dev/fuse")?;
        // `mount` makes the mount, of the descriptor that it inherits.
        fcntl_setfd(&device, FdFlags::empty())?;
        let options = format!("fd={},rootmode=40000,user_id=0,group_id=0", device.as_raw_fd());
        let mount = ["-i", "-t", "fuse.sshfs", "-o", &options, "me@far:/"];
        let mounted = Command::new("mount").args(mount).arg(at).output()?;
        ensure!(mounted.status.success(), "{}", String::from_utf8_lossy(&mounted.stderr));
        fcntl_setfd(&device, FdFlags::CLOEXEC)?;
        Ok(Self { at: at.to_owned(), serving: Some(std::thread::spawn(move || serve(device))) })
    }

    fn unmount(&self) -> bool {
        Command::new("umount").arg("-l").arg(&self.at).status().is_ok_and(|status| status.success())
    }

    /// Unmounts, and tells what the server was asked.
    fn end(mut self) -> Result<Vec<u32>> {
        let serving = self.serving.take().context("it is served")?;
        ensure!(self.unmount(), "{} cannot be unmounted", self.at.display());
        Ok(serving.join().map_err(|_| anyhow!("the server panicked"))??)
    }
}

impl Drop for Far {
    fn drop(&mut self) {
        // A mount that is left behind does not fail the test that used it.
        let _left = self.serving.is_some() && self.unmount();
    }
}

/// Answers until the file system is unmounted.
fn serve(mut device: File) -> io::Result<Vec<u32>> {
    let mut asked = Vec::new();
    let mut buffer = vec![0; 64 << 10];
    loop {
        let request = match device.read(&mut buffer) {
            Ok(len) => buffer.get(..len).unwrap_or_default(),
            Err(error) if Errno::from_io_error(&error) == Some(Errno::NODEV) => return Ok(asked),
            Err(error) => return Err(error),
        };
        // A request begins with its length, what it is, and the number that its answer repeats.
        let Some([_, _, _, _, a, b, c, d, number @ ..]) = request.first_chunk::<16>() else {
            return Err(io::ErrorKind::InvalidData.into());
        };
        let request = u32::from_ne_bytes([*a, *b, *c, *d]);
        asked.push(request);
        if !FORGET.contains(&request) {
            device.write_all(&answer(request, *number))?;
        }
    }
}

/// The answers that an empty directory needs.
fn answer(request: u32, number: [u8; 8]) -> Vec<u8> {
    let body: Vec<u32> = match request {
        // Version 7.31, writes of a page.
        INIT => [&[7, 31, 0, 0, 0, 4096, 1][..], &[0; 9]].concat(),
        // A directory (mode 0755, two links, blocks of 4096 bytes) without times.
        GETATTR => [&[0; 19][..], &[0o040_755, 2, 0, 0, 0, 4096, 0]].concat(),
        STATFS => [&[0; 10][..], &[4096, 255, 4096, 0], &[0; 6]].concat(),
        _ => Vec::new(),
    };
    let error = match request {
        LOOKUP => Errno::NOENT.raw_os_error(),
        _ if body.is_empty() => Errno::NOSYS.raw_os_error(),
        _ => 0,
    };
    let body: Vec<u8> = body.into_iter().flat_map(u32::to_ne_bytes).collect();
    // The length of all, the error below zero, the number of the request.
    let len = u32::try_from(16 + body.len()).unwrap_or(u32::MAX);
    [&len.to_ne_bytes()[..], &(-error).to_ne_bytes(), &number, &body].concat()
}

#[test]
#[ignore = "needs root: it mounts a file system"]
fn a_data_directory_on_a_network_file_system() -> Result<()> {
    let home = Home::new()?;
    home.write("ok.yaml", "steps:\n  - id: a\n    run: echo fine\n")?;
    let far = Far::mount(&home.data())?;
    let ended = home.run(["start", "ok.yaml"])?;
    let asked = far.end()?;
    let said = format!(
        "{} is on a network file system (SSHFS), where locks cannot be trusted: choose a directory on a local disk",
        home.data().display()
    );
    ended.expect_message(1, &[&said])?;
    ensure!(!ended.stdout.contains("fine"), "it ran all the same");
    ensure!(asked.contains(&STATFS), "it was not this file system that was looked at: {asked:?}");
    ensure!(!asked.iter().any(|request| CHANGES.contains(request)), "something was written there: {asked:?}");
    Ok(())
}
