//! What the whole of Lyceum costs, measured from outside: a server process on a data folder of its own, asked over
//! HTTP as any client asks it. Each figure stands beside its target.
//!
//! Words on the command line choose parts by name: `cargo bench --bench service -- startup`. What compares
//! with other programs runs only where it is named, `training`, `servers` or `perf_analyzer`, with the programs that it
//! needs: `--python=` one that knows PyTorch, `--keras=` one that knows Keras, `--perf-analyzer=` Triton's own.
#![expect(clippy::expect_used, reason = "a measurement that cannot begin may end so")]
#![expect(clippy::print_stdout, reason = "a table is what a measurement is for")]

mod augmentation;
mod bare;
mod digits;
mod first_step;
mod growth;
mod growth_serving;
mod layers;
mod load;
mod metrics;
mod networks;
mod overhead;
mod overload;
mod perf_analyzer;
mod plot;
mod queue;
mod raw;
mod results;
mod served;
mod server;
mod servers;
mod serving;
mod small_jobs;
mod startup;
mod streams;
mod submit;
mod table;
mod training;

use std::path::Path;

use table::Table;

/// Of a comparison with other programs, where `--rounds=` does not say it.
const ROUNDS: usize = 5;

/// Where data folders stand: beside the build products, since temporary files may be memory.
fn folder() -> tempfile::TempDir {
    tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).expect("a folder")
}

fn main() {
    let (options, words): (Vec<String>, Vec<String>) =
        std::env::args().skip(1).partition(|word| word.starts_with("--"));
    if let [word, spec, dataset] = words.as_slice()
        && word == bare::WORD
    {
        return bare::main(Path::new(spec), Path::new(dataset));
    }
    let wanted = |part: &str| words.is_empty() || words.iter().any(|word| part.contains(word.as_str()));
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    let mut table = Table::begin();
    runtime.block_on(async {
        if compare(&mut table, &options, &words).await {
            return;
        }
        if wanted("startup") {
            startup::measure(&mut table).await;
        }
        if wanted("first_step") {
            first_step::measure(&mut table).await;
        }
        if wanted("submit") {
            submit::measure(&mut table).await;
        }
        if wanted("queue") {
            queue::measure(&mut table).await;
        }
        if wanted("metrics") {
            metrics::measure(&mut table).await;
        }
        if wanted("overhead") {
            overhead::measure(&mut table).await;
        }
        if wanted("overload") {
            overload::measure(&mut table).await;
        }
        if wanted("augmentation") {
            augmentation::measure(&mut table).await;
        }
        if wanted("small_jobs") {
            small_jobs::measure(&mut table).await;
        }
        if wanted("serving") {
            serving::measure(&mut table).await;
        }
        if wanted("layers") {
            layers::measure(&mut table);
        }
        if wanted("streams") {
            streams::measure(&mut table).await;
        }
    });
    table.end();
}

/// Runs what the first word names and whose results are kept, if it names such; the other words choose among networks.
async fn compare(table: &mut Table, options: &[String], words: &[String]) -> bool {
    let option = |name: &str| options.iter().find_map(|option| option.strip_prefix(name));
    let program = |name: &str| option(name).map(Path::new);
    let given = |name: &str| program(name).unwrap_or_else(|| panic!("{name}PROGRAM is missing"));
    let rounds = option("--rounds=").map_or(ROUNDS, |rounds| rounds.parse().expect("a number of rounds"));
    let Some((word, only)) = words.split_first() else { return false };
    match word.as_str() {
        "training" => training::measure(table, given("--python="), program("--keras="), rounds, only).await,
        "servers" => servers::measure(table, given("--python="), rounds).await,
        "growth" => growth::measure().await,
        "perf_analyzer" => perf_analyzer::measure(given("--perf-analyzer="), rounds).await,
        _ => return false,
    }
    true
}
