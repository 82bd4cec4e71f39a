//! What the whole of Lyceum costs, measured from outside: a server process on a data folder of its own, asked over
//! HTTP as any client asks it. Each figure stands beside its target.
//!
//! Words on the command line choose parts by name: `cargo bench --profile dev --bench service -- startup`. With
//! `--python=PROGRAM`, which must know PyTorch, training is compared with PyTorch's and nothing else is measured.
#![expect(clippy::expect_used, reason = "a measurement that cannot begin may end so")]
#![expect(clippy::print_stdout, reason = "a table is what a measurement is for")]

mod augmentation;
mod bare;
mod first_step;
mod layers;
mod load;
mod metrics;
mod networks;
mod overhead;
mod overload;
mod pytorch;
mod queue;
mod served;
mod server;
mod serving;
mod small_jobs;
mod startup;
mod streams;
mod submit;
mod table;

use std::path::Path;

use table::Table;

/// Where data folders stand: beside the build products, since temporary files may be memory.
fn folder() -> tempfile::TempDir {
    tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).expect("a folder")
}

fn main() {
    let (options, words): (Vec<String>, Vec<String>) =
        std::env::args().skip(1).partition(|word| word.starts_with("--"));
    let python = options.iter().find_map(|option| option.strip_prefix("--python="));
    if let [word, spec, dataset] = words.as_slice()
        && word == bare::WORD
    {
        return bare::main(Path::new(spec), Path::new(dataset));
    }
    let wanted = |part: &str| words.is_empty() || words.iter().any(|word| part.contains(word.as_str()));
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    let mut table = Table::begin();
    runtime.block_on(async {
        if let Some(python) = python {
            return pytorch::measure(&mut table, Path::new(python)).await;
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
