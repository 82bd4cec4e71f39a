//! A small disk that can be filled up: a file system of the server's own in memory, where the machine lets one be
//! mounted, else the one that containers have.

use std::io::Write;
use std::path::PathBuf;
use std::process::Command;

use super::served::Served;

/// Mounts the small disk on the folder `$0`, for the command that follows and its children alone.
const MOUNT: &str = r#"mount -t tmpfs -o size=48m none "$0" && exec "$@""#;

/// More than this is no small disk, and nothing to fill up.
const LARGEST: u64 = 256 << 20;

/// A server whose data folder stands on a small disk.
pub(crate) struct OnSmallDisk {
    pub(crate) server: Served,
    mounted: bool,
}

impl OnSmallDisk {
    pub(crate) fn start(arguments: &[&str]) -> Self {
        let mounted = Command::new("unshare").args(["-rm", "mount", "-t", "tmpfs", "none", "/mnt"]).output();
        if mounted.is_ok_and(|done| done.status.success()) {
            let folder = tempfile::tempdir().unwrap();
            let place = folder.path().to_str().unwrap().to_owned();
            let command = ["unshare", "-rm", "sh", "-c", MOUNT, &place];
            return Self { server: Served::start_by(&command, folder, arguments), mounted: true };
        }
        let shared = rustix::fs::statvfs("/dev/shm").unwrap();
        let size = shared.f_blocks * shared.f_frsize;
        assert!(size <= LARGEST, "this test needs to mount a small disk, or a small /dev/shm");
        let folder = tempfile::tempdir_in("/dev/shm").unwrap();
        Self { server: Served::start_by(&[], folder, arguments), mounted: false }
    }

    fn filler(&self) -> PathBuf {
        self.server.data().join("filler")
    }

    /// Leaves no room.
    pub(crate) fn fill(&self) {
        let mut filler = std::fs::File::create(self.filler()).unwrap();
        for size in [1 << 20, 4 << 10, 1] {
            while filler.write_all(&vec![1; size]).is_ok() {}
        }
    }

    pub(crate) fn make_room(&self) {
        std::fs::remove_file(self.filler()).unwrap();
    }

    /// Puts a disk that is only read in the place of the artifacts and the uploads, where disks may be mounted.
    pub(crate) fn make_read_only(&self) -> bool {
        let id = self.server.id().to_string();
        let enter =
            ["-t", &id, "-U", "-m", "--preserve-credentials", "mount", "-t", "tmpfs", "-o", "ro", "none"];
        let seen = format!("/proc/{id}/root");
        self.mounted
            && ["artifacts", "uploads"].into_iter().all(|folder| {
                let place = self.server.data().join(folder);
                let place = place.to_str().unwrap().strip_prefix(&seen).unwrap();
                Command::new("nsenter").args(enter).arg(place).status().unwrap().success()
            })
    }
}
