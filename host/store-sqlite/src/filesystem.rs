//! Where a data directory must not lie.
//!
//! SQLite's write-ahead log wants shared memory, and all of us want locks that are dropped when their process dies.
//! Network file systems promise one or the other, seldom both, and fail by losing data. They are refused by name.

use std::path::Path;

use pintle_store::Error;

/// `statfs` types of file systems whose locks or mappings reach over a network.
const NETWORKED: [(u64, &str); 16] = [
    (0x6969, "NFS"),
    (0x517B, "SMB"),
    (0xFF53_4D42, "CIFS"),
    (0xFE53_4D42, "SMB2"),
    (0x0102_1997, "9P"),
    (0x00C3_6400, "Ceph"),
    (0x5346_414F, "AFS"),
    (0x6B41_4653, "AFS"),
    (0x7375_7245, "Coda"),
    (0x564C, "NCP"),
    (0x0BD0_0BD0, "Lustre"),
    (0x4750_4653, "GPFS"),
    (0x0116_1970, "GFS2"),
    (0x7461_636F, "OCFS2"),
    (0x1983_0326, "BeeGFS"),
    (0x2003_0528, "OrangeFS"),
];

/// The type of everything behind FUSE: what it is, the mount's own type says.
const FUSE: u64 = 0x6573_5546;

/// Mount types behind FUSE that reach over a network. Local ones (`fuseblk`, `fuse.fuse-overlayfs`) are fine.
const NETWORKED_FUSE: [(&str, &str); 12] = [
    ("fuse.sshfs", "SSHFS"),
    ("fuse.s3fs", "S3"),
    ("fuse.rclone", "rclone"),
    ("fuse.gcsfuse", "GCS"),
    ("fuse.goofys", "S3"),
    ("fuse.mount-s3", "S3"),
    ("fuse.davfs", "WebDAV"),
    ("fuse.davfs2", "WebDAV"),
    ("fuse.glusterfs", "GlusterFS"),
    ("fuse.juicefs", "JuiceFS"),
    ("fuse.ceph", "Ceph"),
    ("fuse.ceph-fuse", "Ceph"),
];

/// Refuses a directory on a network file system; `pretend` stands in for its type.
pub(crate) fn check(dir: &Path, pretend: Option<u64>) -> Result<(), Error> {
    let Some(magic) = pretend.or_else(|| rustix::fs::statfs(dir).ok().map(|fs| magic_of(fs.f_type))) else {
        return Ok(()); // What cannot be looked at is reported by whoever opens it.
    };
    let mount = if magic == FUSE { mount_type(dir) } else { None };
    match networked(magic, mount.as_deref()) {
        Some(kind) => Err(Error::NetworkFileSystem { path: dir.to_owned(), kind }),
        None => Ok(()),
    }
}

/// The 32 bits that name a type; the field is signed here and unsigned there.
fn magic_of(raw: rustix::fs::FsWord) -> u64 {
    (raw as u64) & 0xFFFF_FFFF
}

/// The network that a file system reaches over, by its type and the type of its mount.
fn networked(magic: u64, mount: Option<&str>) -> Option<&'static str> {
    match mount {
        Some(mount) if magic == FUSE => NETWORKED_FUSE.iter().find(|(name, _)| *name == mount).map(|(_, kind)| *kind),
        Some(_) | None => NETWORKED.iter().find(|(known, _)| *known == magic).map(|(_, kind)| *kind),
    }
}

/// The type of the mount that a directory is on, by its device number in `/proc/self/mountinfo`.
fn mount_type(dir: &Path) -> Option<String> {
    let device = rustix::fs::stat(dir).ok()?.st_dev;
    let device = format!("{}:{}", rustix::fs::major(device), rustix::fs::minor(device));
    mount_type_in(&std::fs::read_to_string("/proc/self/mountinfo").ok()?, &device)
}

/// Lines read `id parent major:minor root point options [tags] - type source options`.
fn mount_type_in(mountinfo: &str, device: &str) -> Option<String> {
    let line = mountinfo.lines().find(|line| line.split(' ').nth(2) == Some(device))?;
    let (_, after) = line.split_once(" - ")?;
    after.split(' ').next().map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn networks_are_named_and_local_disks_are_not() {
        for (magic, kind) in NETWORKED {
            assert_eq!(networked(magic, None), Some(kind));
        }
        for (name, kind) in NETWORKED_FUSE {
            assert_eq!(networked(FUSE, Some(name)), Some(kind));
        }
        let local = [0xEF53, 0x5846_5342, 0x9123_683E, 0x0102_1994, 0x794C_7630, 0x2FC1_2FC1];
        assert!(local.iter().all(|magic| networked(*magic, None).is_none()), "ext4, XFS, btrfs, tmpfs, overlay, ZFS");
        assert_eq!(networked(FUSE, Some("fuseblk")), None);
        assert_eq!(networked(FUSE, Some("fuse.fuse-overlayfs")), None);
    }

    #[test]
    fn the_mount_is_found_by_its_device() {
        let info =
            "22 1 0:21 / /proc rw - proc proc rw\n31 22 0:44 / /mnt/far rw,nosuid shared:7 - fuse.sshfs me@far:/ rw\n";
        assert_eq!(mount_type_in(info, "0:44").as_deref(), Some("fuse.sshfs"));
        assert_eq!(mount_type_in(info, "0:45"), None);
    }

    #[test]
    fn the_refusal_names_directory_and_kind() {
        let refusal = check(Path::new("/somewhere"), Some(0x6969)).map_err(|e| e.to_string());
        assert_eq!(
            refusal,
            Err(
                "/somewhere is on a network file system (NFS), where locks cannot be trusted: choose a directory on a \
                 local disk"
                    .to_owned()
            )
        );
    }
}
