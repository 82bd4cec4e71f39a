//! Training beside other programs: the same network on the same examples as a job, as the scripts that users of PyTorch
//! and of Keras would write, in turns.

use std::path::Path;

use serde_json::Value;
use tokio::process::Command;

use crate::digits;
use crate::networks::{self, Network};
use crate::results::{Better, Group, Measure, Results};
use crate::served::serve;
use crate::server::Server;
use crate::table::{Figures, Table, Target};

const STEP: Measure = Measure { name: "step", unit: "ms", places: 2, better: Better::Less, relative: false };
const FASTER: Measure =
    Measure { name: "Lyceum is faster", unit: "×", places: 2, better: Better::More, relative: true };
const ACCURACY: Measure =
    Measure { name: "test images known", unit: "%", places: 1, better: Better::More, relative: false };
const THREADS: [u32; 2] = [1, 2];
const HOW: &str = "The same networks, trained for one epoch on the same images of MNIST in batches of 64 with Adam, by a job \
                   of Lyceum's server and by the scripts `bench/train.py` and `bench/train_keras.py`. A step is the mean \
                   from the end of the first to the end of the last, so that compiling does not count. The job tells its \
                   loss at every step and its accuracy. Each is tested on the 10,000 test images: a faster run that learns \
                   less would not count.";

/// A way to train that is not ours.
struct Other<'a> {
    name: &'static str,
    python: &'a Path,
    script: &'static str,
    options: &'static [&'static str],
}

/// What a script tells.
struct Told {
    step: f64,
    accuracy: f64,
    versions: Value,
}

impl Other<'_> {
    /// Runs the script, or says why it cannot.
    async fn run(&self, network: &Network, threads: u32) -> Result<Told, String> {
        let program = Path::new(env!("CARGO_MANIFEST_DIR")).join("bench").join(self.script);
        // A session of its own, as a worker has: the system shares a busy machine out by session.
        let output = Command::new("setsid")
            .arg("--wait")
            .arg(self.python)
            .arg(program)
            .arg(network.word)
            .args(["--examples", &network.compared.to_string(), "--threads", &threads.to_string()])
            .args(self.options)
            .env("PYTHONDONTWRITEBYTECODE", "1")
            .output()
            .await
            .expect("the script runs");
        let said = String::from_utf8_lossy(&output.stderr);
        if !output.status.success() {
            return Err(said.trim().lines().last().unwrap_or("it ended without a word").to_owned());
        }
        let told: Value = serde_json::from_slice(&output.stdout).map_err(|error| error.to_string())?;
        let number = |name: &str| told[name].as_f64().expect("a number");
        Ok(Told { step: number("seconds"), accuracy: number("accuracy"), versions: told["versions"].clone() })
    }
}

/// The name of a row.
fn on(program: &str, threads: u32) -> String {
    format!("{program}, {threads} thread{}", if threads == 1 { "" } else { "s" })
}

pub(crate) async fn measure(
    table: &mut Table,
    python: &Path,
    keras: Option<&Path>,
    rounds: usize,
    only: &[String],
) {
    let folder = crate::folder();
    // The scripts give way to nobody, and neither do the runs that they are compared with.
    let server = Server::start(folder.path(), &["--threads", "2", "--run-niceness", "0"]).await;
    let mut results = Results::new("training", "Training, beside other programs", HOW);
    for (network, target) in networks::all().iter().zip([1.2, 1.5, 1.3]) {
        if only.is_empty() || only.iter().any(|word| word == network.word) {
            let group = compare(&server, network, [python, keras.unwrap_or(python)], rounds, &mut results);
            let group = group.await;
            judge(table, &group, target);
            results.groups.push(group);
        }
    }
    if only.is_empty() {
        results.end();
    }
}

async fn compare(
    server: &Server,
    network: &Network,
    [python, keras]: [&Path; 2],
    rounds: usize,
    results: &mut Results,
) -> Group {
    let dataset = digits::upload(server, network.compared).await;
    let eager = Other { name: "PyTorch, indexed", python, script: "train.py", options: &[] };
    let mut others = vec![
        Other { name: "PyTorch, DataLoader", python, script: "train.py", options: &["--loader"] },
        Other { name: "torch.compile", python, script: "train.py", options: &["--compile"] },
    ];
    if keras != python {
        others.push(Other { name: "Keras on JAX", python: keras, script: "train_keras.py", options: &[] });
    }
    let mut group = Group::new(network.name);
    let mut suits = None;
    for round in 0..rounds {
        let mut ours = [0.0; 2];
        let mut theirs = [0.0; 2];
        for (at, threads) in THREADS.into_iter().enumerate() {
            let served = serve(server, &network.job_over(&dataset, threads)).await;
            ours[at] = served.step * 1e3;
            group.add(&on("Lyceum", threads), STEP, ours[at]);
            let known = served.metrics["test_accuracy"].as_f64().expect("an accuracy");
            group.add(&on("Lyceum", threads), ACCURACY, known * 100.0);
        }
        for (at, threads) in THREADS.into_iter().enumerate() {
            let told = eager.run(network, threads).await.expect("PyTorch trains");
            theirs[at] = told.step * 1e3;
            add(&mut group, &on(eager.name, threads), &told, ours[at], results);
        }
        // The others take as many threads as suited PyTorch at first.
        let at = *suits.get_or_insert(usize::from(theirs[1] < theirs[0]));
        let mut absent = Vec::new();
        for other in &others {
            match other.run(network, THREADS[at]).await {
                Ok(told) => add(&mut group, &on(other.name, THREADS[at]), &told, ours[at], results),
                Err(why) => {
                    println!("{} is left out: {why}", other.name);
                    absent.push(other.name);
                }
            }
        }
        others.retain(|other| !absent.contains(&other.name));
        println!("{}: round {} of {rounds} is done", network.name, round + 1);
    }
    group
}

fn add(group: &mut Group, name: &str, told: &Told, ours: f64, results: &mut Results) {
    let step = told.step * 1e3;
    group.add(name, STEP, step);
    group.add(name, FASTER, step / ours);
    group.add(name, ACCURACY, told.accuracy * 100.0);
    for (program, version) in told.versions.as_object().expect("versions") {
        results.versions.insert(program.clone(), version.as_str().unwrap_or_default().to_owned());
    }
}

/// PyTorch at its own best against Lyceum on as many threads, and what compiled may not be faster than it.
fn judge(table: &mut Table, group: &Group, target: f64) {
    let values = |name: &str, measure: &Measure| {
        let row = group.rows.iter().filter(|row| row.program.starts_with(name));
        let figures = row.flat_map(|row| &row.figures).filter(|(one, _)| one.name == measure.name);
        figures.map(|(_, values)| values.clone()).collect::<Vec<_>>()
    };
    let eager = values("PyTorch, indexed", &STEP).into_iter().zip(values("PyTorch, indexed", &FASTER));
    let best = eager.min_by(|one, other| {
        Figures::new(one.0.clone()).median().total_cmp(&Figures::new(other.0.clone()).median())
    });
    if let Some((_, faster)) = best {
        let what = format!("faster than PyTorch at its best, {}", group.name);
        table.row(&what, &Figures::new(faster), 2, "×", Target::AtLeast(target));
    }
    for faster in values("torch.compile", &FASTER) {
        table.row("  faster than torch.compile", &Figures::new(faster), 2, "×", Target::AtLeast(1.0));
    }
}
