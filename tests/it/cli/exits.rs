//! How commands end when something is not as it should be.

use serde_json::json;

use super::{Server, long_job, program, said};

#[test]
fn help_is_there_and_wrong_usage_is_told() {
    let help = said(program().arg("--help"));
    for command in ["demo", "serve", "plan", "datasets", "jobs", "models", "completions"] {
        let line = help.out.lines().find(|line| line.trim_start().starts_with(command)).unwrap();
        assert!(line.trim().len() > command.len() + 10, "{line}");
    }
    assert!(!help.out.contains("run-worker"));
    let long = said(program().args(["jobs", "submit", "--help"]));
    assert!(long.out.contains("Exit codes:") && long.out.contains("--watch"), "{}", long.out);
    for shell in ["bash", "zsh", "fish"] {
        assert!(said(program().args(["completions", shell])).out.contains("submit"));
    }
    for wrong in [
        &["jobs"][..],
        &["jobs", "submit"],
        &["jobs", "submit", "a.json", "--watch", "--wait"],
        &["plan", "a.json", "--server", "ftp://localhost"],
        &["nothing"],
    ] {
        assert_eq!(said(program().args(wrong)).code, 2, "{wrong:?}");
    }
}

#[test]
fn no_server_is_told_in_a_line() {
    let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let server = format!("127.0.0.1:{port}");
    let said = said(program().args(["jobs", "list", "--server", &server]));
    assert_eq!((said.code, said.err.lines().count()), (4, 1), "{}", said.err);
    assert!(said.err.contains("no server answers at http://127.0.0.1"), "{}", said.err);
}

#[test]
fn another_kind_of_server_is_no_server() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap().to_string();
    std::thread::spawn(move || {
        use std::io::{Read, Write};
        let (mut client, _) = listener.accept().unwrap();
        let _request = client.read(&mut [0; 4096]).unwrap();
        client
            .write_all(b"HTTP/1.1 404 Not Found\r\ncontent-length: 2\r\nconnection: close\r\n\r\nno")
            .unwrap();
    });
    let said = said(program().args(["models", "list", "--server", &address]));
    assert_eq!(said.code, 4);
    assert!(said.err.contains("no Lyceum server"), "{}", said.err);
}

#[test]
fn what_is_refused_is_told_with_every_place() {
    let server = Server::with_iris();
    let changes = json!({
        "/seed": -1,
        "/training/model/layers/0": {"type": "dense", "unit": 3},
        "/training/metrics": ["acuracy"]});
    let file = server.job(&changes);
    for command in [&["plan", &file][..], &["jobs", "submit", &file, "--watch"]] {
        let said = server.run(command);
        assert_eq!((said.code, &said.out[..]), (2, ""));
        let lines: Vec<&str> = said.err.lines().collect();
        assert!(lines[0].starts_with("lyceum: the body has "), "{}", said.err);
        for place in ["/seed: ", "/training/model/layers/0/unit: ", "/training/metrics/0: "] {
            assert!(lines[1..].iter().any(|line| line.starts_with(place)), "{place}\n{}", said.err);
        }
    }
    let problem = server.run(&["plan", &file, "--json"]);
    assert_eq!((problem.code, &problem.documents()[0]["status"]), (2, &json!(422)));

    let file = server.file("broken.json", "{\"name\": ");
    let table = server.file("broken.csv", "a,b\n1,2\n3\n");
    let picture = server.file("picture.png", b"\x89PNG\r\n\x1a\n");
    for (command, told) in [
        (&["plan", &file][..], "JSON"),
        (&["plan", "/nowhere/job.json"], "cannot read /nowhere/job.json"),
        (&["jobs", "show", "nothing"], "there is no job with the id or the name nothing"),
        (&["jobs", "watch", "0193a5a0-7c1e-7b3a-9d2f-0d3c7a1b2c3d"], "there is no"),
        (&["jobs", "list", "--status", "sleeping"], "status: must be one of"),
        (&["datasets", "add", &table], "line 3"),
        (&["datasets", "add", &file], "--format is needed"),
        (&["datasets", "show", "iris@9"], "there is no"),
        (&["models", "show", "nothing"], "there is no"),
        (&["models", "predict", "nothing", &picture], "there is no"),
        (&["models", "predict", "nothing", &file], "neither JSON nor"),
    ] {
        let said = server.run(command);
        assert_eq!(said.code, 2, "{command:?}: {}", said.err);
        assert!(said.err.contains(told), "{command:?}: {}", said.err);
    }
}

#[test]
fn a_failed_and_a_cancelled_job_end_their_commands_so() {
    let server = Server::with_iris();
    let diverges = json!({
        "/training/dataset/target": "petal_width_cm",
        "/training/model": {"layers": [{"type": "dense", "units": 1}]},
        "/training/loss": "mean_squared_error",
        "/training/metrics": [],
        "/training/optimizer": {"type": "sgd", "learning_rate": 1000.0}});
    let failed = server.run(&["jobs", "submit", &server.job(&diverges), "--wait"]);
    assert_eq!(failed.code, 1, "{}", failed.err);
    assert!(failed.out.contains("iris failed") && failed.out.contains("(diverged)"), "{}", failed.out);
    assert!(server.run(&["jobs", "show", "iris"]).out.contains("hint "));
    assert_eq!(server.run(&["jobs", "show", "iris"]).code, 0);
    for order in ["cancel", "pause", "resume"] {
        assert_eq!(server.run(&["jobs", order, "iris"]).code, 2, "{order}");
    }

    let id = server.run(&["jobs", "submit", &server.job(&long_job())]).out.trim_end().to_owned();
    for (order, told) in [("pause", "paused"), ("resume", "long is ")] {
        let said = server.run(&["jobs", order, "long"]);
        assert!(said.code == 0 && said.out.contains(told), "{order}: {}{}", said.out, said.err);
    }
    let cancelled = server.run(&["jobs", "cancel", "long"]);
    assert!(cancelled.code == 0 && cancelled.out.contains("cancelled"), "{}{}", cancelled.out, cancelled.err);
    let watched = server.run(&["jobs", "watch", &id, "--json"]);
    assert_eq!(watched.code, 3);
    assert_eq!(watched.documents().last().unwrap()["status"], "cancelled");
}
