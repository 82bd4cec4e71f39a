//! The demonstration: whatever ends it, it leaves no process behind.

use std::io::BufRead as _;
use std::path::Path;
use std::process::{Child, Stdio};
use std::time::Duration;

use rustix::process::Signal;

use super::{Server, program, said, signal};

/// A demonstration that has begun to train, and what it says from here on.
fn begun(data: &Path) -> (Child, std::io::BufReader<std::process::ChildStdout>) {
    let mut demo = program()
        .args(["demo", "--data-dir"])
        .arg(data)
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let mut output = std::io::BufReader::new(demo.stdout.take().unwrap());
    let mut line = String::new();
    output.read_line(&mut line).unwrap();
    assert!(line.starts_with("http://127.0.0.1:"), "{line}");
    while !line.contains(" trains ") {
        line.clear();
        assert_ne!(output.read_line(&mut line).unwrap(), 0);
    }
    (demo, output)
}

/// The processes that were started for this data folder.
fn processes_of(data: &Path) -> usize {
    let data = data.to_str().unwrap();
    let command = |entry: std::fs::DirEntry| std::fs::read_to_string(entry.path().join("cmdline")).ok();
    let processes = std::fs::read_dir("/proc").unwrap().filter_map(Result::ok).filter_map(command);
    processes.filter(|command| command.contains(data)).count()
}

fn until_none_is_left(data: &Path) {
    for _ in 0..600 {
        if processes_of(data) == 0 {
            return;
        }
        std::thread::sleep(Duration::from_millis(50));
    }
    panic!("{} processes are left", processes_of(data));
}

#[test]
fn a_demonstration_that_is_broken_off_ends_its_server() {
    let dir = tempfile::tempdir().unwrap();
    let data = dir.path().join("data");
    let (mut demo, _output) = begun(&data);
    assert!(processes_of(&data) >= 2);
    signal(&demo, Signal::INT);
    assert_eq!(demo.wait().unwrap().code(), Some(130));
    until_none_is_left(&data);
    let left: Vec<_> =
        std::fs::read_dir(dir.path()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert_eq!(left, ["data"]);

    // Killed without a chance to say so; what it left is cancelled by the next.
    let (mut demo, _output) = begun(&data);
    signal(&demo, Signal::KILL);
    demo.wait().unwrap();
    until_none_is_left(&data);
}

#[test]
fn a_folder_in_use_is_told_in_a_line() {
    let server = Server::start();
    let data = server.dir.path().join("data");
    let said = said(program().args(["demo", "--data-dir"]).arg(&data));
    assert_eq!((said.code, &said.out[..], said.err.lines().count()), (1, "", 1), "{}", said.err);
    assert!(said.err.contains("is in use by another server"), "{}", said.err);
}
