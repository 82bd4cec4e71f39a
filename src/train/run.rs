//! Runs a plan with its method, and says how it ended whatever happens.

use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind};

use tch::Device;

use crate::spec;
use crate::spec::report::{ErrorKind, Fingerprint, Outcome, RunError};
use crate::torch::{cuda, ops};

use super::checkpoint::CheckpointError;

/// Why a method ended before it was done.
#[derive(Debug)]
pub(crate) enum Ended {
    Cancelled,
    /// Behind a checkpoint.
    Stopped,
    Failed(RunError),
}

impl Ended {
    pub(crate) fn failed(kind: ErrorKind, detail: impl Into<String>, hint: Option<&str>) -> Self {
        Self::Failed(RunError { kind, detail: detail.into(), hint: hint.map(str::to_owned) })
    }
}

impl From<CheckpointError> for Ended {
    fn from(error: CheckpointError) -> Self {
        Self::failed(ErrorKind::Internal, error.to_string(), None)
    }
}

impl From<crate::data::DataError> for Ended {
    fn from(error: crate::data::DataError) -> Self {
        Self::failed(ErrorKind::Data, error.to_string(), None)
    }
}

/// How a method ended. What libtorch refuses comes as a panic, since a proven plan leaves it nothing to refuse but
/// memory that is not there.
pub(super) fn outcome(method: impl FnOnce() -> Result<(), Ended>) -> Outcome {
    let failed = |error| Outcome::Failed { error };
    match catch_unwind(AssertUnwindSafe(method)) {
        Ok(Ok(())) => Outcome::Succeeded,
        Ok(Err(Ended::Cancelled)) => Outcome::Cancelled,
        Ok(Err(Ended::Stopped)) => Outcome::Stopped,
        Ok(Err(Ended::Failed(error))) if error.kind == ErrorKind::Internal => failed(explain(&error.detail)),
        Ok(Err(Ended::Failed(error))) => failed(error),
        Err(panic) => failed(explain(message_of(panic.as_ref()))),
    }
}

fn message_of(panic: &(dyn Any + Send)) -> &str {
    panic
        .downcast_ref::<String>()
        .map(String::as_str)
        .or_else(|| panic.downcast_ref::<&str>().copied())
        .unwrap_or("training broke off")
}

/// What broke training, in words for whoever posted it.
fn explain(message: &str) -> RunError {
    let lower = message.to_lowercase();
    let memory = [
        "out of memory",
        "can't allocate memory",
        "cannot allocate memory",
        "not enough memory",
        "cublas_status_alloc_failed",
        "cudnn_status_alloc_failed",
    ];
    if memory.iter().any(|words| lower.contains(words)) {
        let asked = asked_bytes(&lower)
            .map_or_else(String::new, |bytes| format!("; it asked for {} MiB more", bytes.div_ceil(1 << 20)));
        // Behind the first line stands where it arose.
        let on_gpu = lower.lines().next().is_some_and(|line| line.contains("cuda") || line.contains("cudnn"));
        let (whose, hint) = if on_gpu {
            ("GPU", "lower training.batch_size, or take a GPU with more memory")
        } else {
            ("job", "raise resources.memory_mb or lower training.batch_size")
        };
        return RunError {
            kind: ErrorKind::OutOfMemory,
            detail: format!(
                "the network, its batch and its gradients did not fit into the memory of the {whose}{asked}"
            ),
            hint: Some(hint.into()),
        };
    }
    // libtorch's messages go on with where in its own code they arose.
    let detail = message.lines().next().unwrap_or_default().chars().take(500).collect();
    RunError { kind: ErrorKind::Internal, detail, hint: None }
}

/// What could not be had, where libtorch tells: "you tried to allocate 4096 bytes", or of a GPU "tried to allocate 20.00 MiB.".
fn asked_bytes(message: &str) -> Option<u64> {
    let mut words = message.split_once("tried to allocate ")?.1.split(' ');
    let number: f64 = words.next()?.parse().ok()?;
    let unit = match words.next()?.trim_end_matches('.') {
        "bytes" => 0,
        "kib" => 10,
        "mib" => 20,
        "gib" => 30,
        _ => return None,
    };
    Some((number * f64::from(1 << unit)) as u64)
}

/// Readies this thread for a job's device and threads.
pub(super) fn prepare(resources: &spec::Resources) -> Result<Device, Ended> {
    ops::set_threads(resources.threads.get());
    ops::spread_threads(resources.threads.get());
    ops::deterministic(true);
    device(resources.device).map_err(Ended::Failed)
}

/// Where a job computes. `auto` has been resolved when a job starts; where it has not, it is a GPU if there is one.
fn device(wanted: spec::Device) -> Result<Device, RunError> {
    match wanted {
        spec::Device::Cpu => Ok(Device::Cpu),
        spec::Device::Auto => Ok(if cuda::count() > 0 { Device::Cuda(0) } else { Device::Cpu }),
        spec::Device::Cuda(index) => {
            let index = index.unwrap_or(0);
            if index < cuda::count() {
                return Ok(Device::Cuda(index as usize));
            }
            Err(RunError {
                kind: ErrorKind::Internal,
                detail: format!("there is no cuda:{index} on this machine"),
                hint: Some("set resources.device to \"cpu\" or \"auto\"".into()),
            })
        }
    }
}

/// `cpu` or `cuda:N`.
pub(crate) fn device_name(device: Device) -> String {
    match device {
        Device::Cuda(index) => format!("cuda:{index}"),
        _ => "cpu".into(),
    }
}

/// What decides whether two runs give equal bytes.
pub(crate) fn fingerprint(device: Device, threads: u32) -> Fingerprint {
    Fingerprint {
        build: env!("CARGO_PKG_VERSION").into(),
        libtorch: crate::torch::LIBTORCH_VERSION.into(),
        cpu: cpu_capability().into(),
        threads,
        device: device_name(device),
    }
}

/// The instructions that libtorch's kernels are chosen by, in its own words.
fn cpu_capability() -> &'static str {
    if is_x86_feature_detected!("avx512f")
        && is_x86_feature_detected!("avx512vl")
        && is_x86_feature_detected!("avx512bw")
        && is_x86_feature_detected!("avx512dq")
        && is_x86_feature_detected!("fma")
    {
        "AVX512"
    } else if is_x86_feature_detected!("avx2") && is_x86_feature_detected!("fma") {
        "AVX2"
    } else {
        "DEFAULT"
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn error_of(method: impl FnOnce() -> Result<(), Ended>) -> RunError {
        match outcome(method) {
            Outcome::Failed { error } => error,
            other => panic!("{other:?} is no failure"),
        }
    }

    #[test]
    fn memory_that_is_not_there_is_told_apart() {
        let huge = || {
            let _ = tch::Tensor::zeros([1 << 50], (tch::Kind::Float, Device::Cpu));
            Ok(())
        };
        let error = error_of(huge);
        assert_eq!(error.kind, ErrorKind::OutOfMemory);
        assert!(error.detail.ends_with("it asked for 4294967296 MiB more"), "{}", error.detail);
        let told = || {
            let allocation = "you tried to allocate 4096 bytes. Error code 12";
            let message = format!("dense.kernel: can't allocate memory: {allocation}\nframe #0");
            Err(Ended::failed(ErrorKind::Internal, message, None))
        };
        assert_eq!(error_of(told).kind, ErrorKind::OutOfMemory);
        let broken = || panic!("shapes differ\nat some line of libtorch");
        let error = error_of(broken);
        assert_eq!((error.kind, error.detail.as_str()), (ErrorKind::Internal, "shapes differ"));
    }

    #[test]
    fn a_gpu_that_is_not_there_is_refused() {
        assert_eq!(device(spec::Device::Cpu), Ok(Device::Cpu));
        assert!(device(spec::Device::Cuda(Some(63))).is_err());
    }
}
