//! Settings from flags, the environment and a file, and which of them goes first.

use std::fs;
use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::{Command, Stdio};

use rustix::process::{Pid, Signal, kill_process};
use tempfile::TempDir;

/// A folder with this file of settings in it.
fn folder(settings: &str) -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("lyceum.toml"), settings).unwrap();
    folder
}

/// A server that is to be started in this folder.
fn serve(folder: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_lyceum"));
    command.arg("serve").current_dir(folder);
    command
}

/// The port that the server got, when it has ended in order.
fn port(command: &mut Command) -> u16 {
    let mut child = command.stdout(Stdio::piped()).spawn().unwrap();
    let mut address = String::new();
    BufReader::new(child.stdout.take().unwrap()).read_line(&mut address).unwrap();
    kill_process(Pid::from_child(&child), Signal::TERM).unwrap();
    assert!(child.wait().unwrap().success());
    address.trim().rsplit_once(':').unwrap().1.parse().unwrap()
}

fn refusal(command: &mut Command) -> String {
    let said = command.output().unwrap();
    assert_eq!(said.status.code(), Some(2));
    String::from_utf8(said.stderr).unwrap()
}

#[test]
fn a_flag_goes_before_a_variable_and_that_before_the_file() {
    let settings = "listen = \"127.0.0.1:0\"\nidle-workers = 0\nlog = \"error\"\nshipped-datasets = \"none\"\n\
                    data-dir = \"by-file\"\n";
    let folder = folder(settings);
    let there = |name: &str| folder.path().join(name).join("lyceum.db").exists();
    assert_ne!(port(&mut serve(folder.path())), 8080);
    assert!(there("by-file") && !there("lyceum-data"));
    port(serve(folder.path()).env("LYCEUM_DATA_DIR", "by-variable"));
    assert!(there("by-variable") && !there("by-flag"));
    port(serve(folder.path()).env("LYCEUM_DATA_DIR", "by-nothing").args(["--data-dir", "by-flag"]));
    assert!(there("by-flag") && !there("by-nothing"));

    let other = settings.replace("by-file", "by-other");
    fs::write(folder.path().join("other.toml"), other.clone()).unwrap();
    port(serve(folder.path()).env("LYCEUM_CONFIG", "other.toml"));
    assert!(there("by-other"));
    fs::write(folder.path().join("third.toml"), other.replace("by-other", "by-third")).unwrap();
    port(serve(folder.path()).env("LYCEUM_CONFIG", "other.toml").args(["--config", "third.toml"]));
    assert!(there("by-third"));
}

#[test]
fn a_file_that_is_wrong_starts_no_server() {
    let folder = folder("queue = 10\nlisen = \"127.0.0.1:0\"\nthreads = \"2\"\n");
    let said = refusal(&mut serve(folder.path()));
    assert!(said.contains("lyceum.toml:2: \"lisen\" is not a setting; did you mean \"listen\"?"), "{said}");
    assert!(said.contains("lyceum.toml:3: threads must be a whole number"), "{said}");
    let said = refusal(serve(folder.path()).args(["--config", "nowhere.toml"]));
    assert!(said.contains("nowhere.toml"), "{said}");
    assert!(!folder.path().join("lyceum-data").exists());
}

/// The unit and the settings that ship, as far as they can be tried without being the machine's own.
#[test]
fn what_ships_for_a_service_is_right() {
    let deploy = Path::new(env!("CARGO_MANIFEST_DIR")).join("deploy");
    let folder = tempfile::tempdir().unwrap();
    let mut command = serve(folder.path());
    command.arg("--config").arg(deploy.join("lyceum.toml"));
    command.args(["--data-dir", "data", "--listen", "127.0.0.1:0", "--idle-workers", "0"]);
    port(command.args(["--shipped-datasets", "none", "--log", "error"]));
    assert!(folder.path().join("data/lyceum.db").exists());

    let unit = fs::read_to_string(deploy.join("lyceum.service")).unwrap();
    let unit = unit.replace("/opt/lyceum/bin/lyceum", env!("CARGO_BIN_EXE_lyceum"));
    let path = folder.path().join("lyceum.service");
    fs::write(&path, unit).unwrap();
    match Command::new("systemd-analyze").arg("verify").arg(&path).output() {
        Ok(said) => assert!(said.status.success(), "{}", String::from_utf8_lossy(&said.stderr)),
        Err(missing) => assert_eq!(missing.kind(), std::io::ErrorKind::NotFound, "it could not be run"),
    }
}
