//! What is handed out: the folder that `make dist` leaves, and the image, as far as it can be looked at without building
//! one.

use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use clap::Args as _;
use lyceum::config::Config;

const ROOT: &str = env!("CARGO_MANIFEST_DIR");

fn read(file: &str) -> String {
    std::fs::read_to_string(Path::new(ROOT).join(file)).unwrap()
}

/// The libtorch that this test runs with.
fn libtorch() -> PathBuf {
    let maps = std::fs::read_to_string("/proc/self/maps").unwrap();
    let library = maps
        .lines()
        .find_map(|line| line.find('/').map(|at| &line[at..]).filter(|p| p.ends_with("libtorch_cpu.so")));
    Path::new(library.unwrap()).parent().unwrap().parent().unwrap().to_owned()
}

/// The program runs from the folder alone, with the libraries and the data sets in it.
#[test]
fn the_folder_is_all_that_the_program_needs() {
    let scratch = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
    let dist = scratch.path().join("dist");
    let script = Path::new(ROOT).join("scripts/dist.sh");
    let made = Command::new(script).arg(&dist).arg(env!("CARGO_BIN_EXE_lyceum")).arg(libtorch()).status();
    assert!(made.unwrap().success());
    let mut server = Command::new(dist.join("bin/lyceum"))
        .args(["serve", "--listen", "127.0.0.1:0", "--on-shutdown", "checkpoint", "--data-dir"])
        .arg(scratch.path().join("data"))
        .env_clear()
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let mut address = String::new();
    BufReader::new(server.stdout.take().unwrap()).read_line(&mut address).unwrap();
    let maps = std::fs::read_to_string(format!("/proc/{}/maps", server.id())).unwrap();
    let own = dist.join("lib/libtorch_cpu.so");
    assert!(maps.contains(own.to_str().unwrap()), "libtorch is not the folder's own");
    let listen = address.trim().strip_prefix("http://").unwrap().to_owned();
    let healthy = || Command::new(dist.join("bin/health")).env("LYCEUM_LISTEN", &listen).output().unwrap();
    let told = healthy();
    assert!(told.status.success(), "{}", String::from_utf8_lossy(&told.stderr));
    let iris = format!("{}/v1/datasets/iris", address.trim());
    let arrived = (0..100).any(|_| {
        std::thread::sleep(std::time::Duration::from_millis(100));
        Command::new("curl").args(["-sf", "-o", "/dev/null", &iris]).status().unwrap().success()
    });
    assert!(arrived, "the data sets that ship are not there");
    Command::new("kill").arg(server.id().to_string()).status().unwrap();
    assert!(server.wait().unwrap().success());
    assert!(!healthy().status.success(), "a server that is gone is no healthy one");
}

/// The instructions of the Dockerfile, a line each.
fn instructions() -> Vec<String> {
    let text = read("Dockerfile").replace("\\\n", " ");
    let lines = text.lines().map(|line| line.split_whitespace().collect::<Vec<_>>().join(" "));
    lines.filter(|line| !line.is_empty() && !line.starts_with('#')).collect()
}

#[test]
fn the_image_is_made_of_what_is_there() {
    let ignored = read(".dockerignore");
    let sent: Vec<&str> = ignored.lines().filter_map(|line| line.strip_prefix('!')).collect();
    for path in &sent {
        assert!(Path::new(ROOT).join(path).exists(), ".dockerignore lets {path} through, which is not there");
    }
    let mut targets = Vec::new();
    for instruction in instructions() {
        if let Some(copied) = instruction.strip_prefix("COPY ").filter(|copied| !copied.starts_with("--")) {
            let sources: Vec<&str> = copied.split(' ').collect();
            for source in sources[..sources.len() - 1].iter().filter(|source| **source != ".") {
                assert!(sent.contains(source), "{source} is copied but not sent");
            }
        }
        if let Some(command) = instruction.strip_prefix("RUN ") {
            let made = command.split("make ").skip(1).filter_map(|rest| rest.split([';', ' ']).next());
            targets
                .extend(made.filter(|target| !target.is_empty() && *target != "&&").map(ToOwned::to_owned));
        }
    }
    assert_eq!(targets, ["setup", "cuda", "dist"]);
    for target in targets {
        let made = Command::new("make").args(["-n", &target]).current_dir(ROOT).output().unwrap();
        assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
    }
}

/// Whatever the build reads is sent to it.
#[test]
fn the_image_is_sent_what_the_build_reads() {
    let ignored = read(".dockerignore");
    let sent: Vec<&str> = ignored.lines().filter_map(|line| line.strip_prefix('!')).collect();
    let manifest = read("Cargo.toml");
    for path in [".sqlx", "Cargo.lock", "Cargo.toml", "build.rs", "migrations", "src", "scripts", "datasets"]
    {
        assert!(sent.contains(&path), "{path} is not sent");
    }
    // Cargo wants to see every target that the manifest names.
    assert!(!manifest.contains("[[bench]]") || sent.contains(&"benches"));
}

#[test]
fn the_image_runs_as_nobody_and_keeps_one_volume() {
    let instructions = instructions();
    let last =
        |word: &str| instructions.iter().rev().find_map(|line| line.strip_prefix(word)).unwrap_or_default();
    assert_eq!(last("USER "), "lyceum");
    assert_eq!(instructions.iter().filter(|line| line.starts_with("VOLUME")).count(), 1);
    assert!(last("HEALTHCHECK ").contains("bin/health"));
    // What it sets are settings that there are.
    let command = Config::augment_args(clap::Command::new("lyceum"));
    let known = |name: &str| {
        command.get_arguments().any(|argument| argument.get_env().is_some_and(|env| env == name))
    };
    for pair in
        instructions.iter().filter_map(|line| line.strip_prefix("ENV ")).flat_map(|line| line.split(' '))
    {
        let name = pair.split('=').next().unwrap_or_default();
        assert!(!name.starts_with("LYCEUM_") || known(name), "there is no setting {name}");
    }
}
