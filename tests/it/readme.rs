//! Every command of README.md is run, and does what the page says.

use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};

use serde_json::Value;

const ROOT: &str = env!("CARGO_MANIFEST_DIR");

/// A fenced block.
struct Block {
    language: String,
    text: String,
}

fn blocks(page: &str) -> Vec<Block> {
    let mut blocks: Vec<Block> = Vec::new();
    let mut inside = false;
    for line in page.lines() {
        match line.strip_prefix("```") {
            Some(language) if !inside => {
                blocks.push(Block { language: language.to_owned(), text: String::new() });
                inside = true;
            }
            Some(_) => inside = false,
            None if inside => blocks.last_mut().unwrap().text.extend([line, "\n"]),
            None => {}
        }
    }
    blocks
}

/// A server as a user starts it, ended when it is dropped.
struct Served {
    child: Child,
    address: String,
}

impl Served {
    fn start(data_dir: &Path) -> Self {
        let mut child = Command::new(env!("CARGO_BIN_EXE_lyceum"))
            .args(["serve", "--listen", "127.0.0.1:0", "--on-shutdown", "checkpoint", "--data-dir"])
            .arg(data_dir)
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let address = line.trim().strip_prefix("http://").unwrap().to_owned();
        Self { child, address }
    }
}

impl Drop for Served {
    fn drop(&mut self) {
        let _ = Command::new("kill").arg(self.child.id().to_string()).status();
        let _ = self.child.wait();
    }
}

/// Whether an answer holds what the page shows of it: texts and nulls as they are, of numbers that they are numbers,
/// and no more members or items in a list than there are.
fn holds(shown: &Value, answer: &Value, at: &str) {
    match (shown, answer) {
        (Value::Object(shown), Value::Object(answer)) => {
            for (name, shown) in shown {
                let member = answer.get(name).unwrap_or_else(|| panic!("{at} has no \"{name}\""));
                holds(shown, member, &format!("{at}/{name}"));
            }
        }
        (Value::Array(shown), Value::Array(answer)) => {
            assert_eq!(shown.len(), answer.len(), "{at}");
            for (index, (shown, answer)) in shown.iter().zip(answer).enumerate() {
                holds(shown, answer, &format!("{at}/{index}"));
            }
        }
        (Value::Number(shown), Value::Number(_)) if shown.is_f64() => {}
        _ => assert_eq!(shown, answer, "{at}"),
    }
}

#[test]
fn every_command_does_what_the_page_says() {
    let page = std::fs::read_to_string(Path::new(ROOT).join("README.md")).unwrap();
    let blocks = blocks(&page);
    let folder = tempfile::tempdir().unwrap();
    let server = Served::start(&folder.path().join("data"));
    let mut script = String::from("set -euo pipefail\n");
    let mut outputs = Vec::new();
    for (index, block) in blocks.iter().enumerate().filter(|(_, block)| block.language == "sh") {
        if block.text.starts_with("make ") {
            block.text.lines().for_each(is_a_target);
            continue;
        }
        assert!(!block.text.contains("make "), "a block of commands and targets of make");
        // In braces, so that what one block sets the next has.
        let commands = block.text.replace("localhost:8080", &server.address);
        script.extend(["{\n", &commands, "} > ", &index.to_string(), "\n"]);
        let shown = blocks.get(index + 1).filter(|next| next.language != "sh");
        outputs.push((index, shown));
    }
    let ran = Command::new("bash").arg("-c").arg(&script).current_dir(folder.path()).output().unwrap();
    assert!(ran.status.success(), "{}\n{script}", String::from_utf8_lossy(&ran.stderr));
    assert!(outputs.iter().filter(|(_, shown)| shown.is_some()).count() >= 4);
    for (index, shown) in outputs {
        let output = std::fs::read_to_string(folder.path().join(index.to_string())).unwrap();
        match shown {
            Some(shown) if shown.language == "json" => {
                let answer = serde_json::from_str(&output).unwrap_or_else(|_| panic!("no JSON: {output}"));
                holds(&serde_json::from_str(&shown.text).unwrap(), &answer, "");
            }
            Some(shown) => {
                let mut lines = output.lines();
                for line in shown.text.lines() {
                    assert!(lines.any(|told| told == line), "\"{line}\" does not follow in\n{output}");
                }
            }
            None => {}
        }
    }
}

/// Targets are not run by a test that make runs: make says what it would do.
fn is_a_target(line: &str) {
    let arguments: Vec<&str> = line.split_whitespace().skip(1).collect();
    let made = Command::new("make").arg("-n").args(&arguments).current_dir(ROOT).output().unwrap();
    assert!(made.status.success(), "{line}: {}", String::from_utf8_lossy(&made.stderr));
}
