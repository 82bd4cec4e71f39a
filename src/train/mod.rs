//! Training: a proven plan is run step by step, and all that it has to tell goes to a [`RunSink`].
//!
//! Nothing here knows of sockets or tables; of files it reads the folders of a data set and of a stored model, and
//! checkpoints.

pub mod checkpoint;
mod graph;
pub mod methods;
pub mod model;
mod network;
pub mod parent;
pub mod plan;
mod profile;
mod progress;
mod run;
mod sink;

pub use plan::{Catalog, CatalogError, Method, Plan, PlanError, Requirements};
pub use sink::{ArtifactFile, ModelFiles, RecordingSink, RunSink};

use std::path::Path;

use crate::spec::report::Outcome;
use crate::torch::{TorchError, cuda, ops};
use checkpoint::Checkpoint;
use methods::{cross_validation, learning_rate_finder, supervised};

/// Readies a process for training, before anything else calls libtorch: opens the CUDA libraries if they are there.
pub fn wake(program: &Path) {
    match cuda::open(program) {
        Ok(None) => {}
        Ok(Some(library)) => tracing::info!(library = %library.display(), "CUDA's libraries are open"),
        Err(error) => tracing::warn!(%error, "CUDA cannot be used"),
    }
}

/// How many GPUs a process of this program can compute on, which is then ready for it.
pub fn count_gpus(program: &Path) -> Result<u32, TorchError> {
    Ok(cuda::open(program)?.map_or(0, |_| cuda::count()))
}

/// Whether a process of this program might find GPUs to train on.
pub fn may_find_gpus(program: &Path) -> bool {
    cuda::is_likely(program)
}

/// Lets others have what a run has left behind on a GPU, and in memory for it.
pub fn tidy() {
    if let Err(error) = ops::empty_gpu_caches() {
        tracing::warn!(%error, "memory of a GPU is kept");
    }
}

/// Runs a plan from the beginning, or from where a checkpoint stands, on this thread. All that the run makes goes to
/// the sink; the outcome is for the caller to report.
pub fn run(plan: &Plan, resume: Option<Checkpoint>, sink: &mut dyn RunSink) -> Outcome {
    let resources = &plan.spec.resources;
    run::outcome(|| {
        let device = run::prepare(resources)?;
        match &plan.method {
            Method::Supervised(method) => supervised::run(method, &plan.spec, device, resume, sink),
            Method::CrossValidation(method) => {
                cross_validation::run(method, &plan.spec, device, resume, sink)
            }
            Method::LearningRateFinder(method) => learning_rate_finder::run(method, &plan.spec, device, sink),
        }
    })
}
