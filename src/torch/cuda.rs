//! The CUDA libraries of libtorch. The program is built without them; where their folder is there, they are opened before
//! the first call into libtorch, which then knows GPUs.
#![expect(unsafe_code, reason = "the binding of a C++ shim")]

use std::ffi::{CString, c_char};
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use tch::Cuda;

use super::{TorchError, ops};

unsafe extern "C" {
    fn lyceum_open_library(path: *const c_char) -> *mut c_char;
    fn lyceum_free_gpu_memory(index: i8, bytes: *mut u64) -> *mut c_char;
}

/// Where the library stands that draws in the others: in `lib-cuda` beside the program's folder, or beside the libtorch
/// that the program was built with.
fn library(program: &Path) -> Option<PathBuf> {
    let beside = program.parent().and_then(Path::parent).map(|folder| folder.join("lib-cuda"));
    let cached = PathBuf::from(concat!(env!("LYCEUM_LIBTORCH"), "-cuda"));
    let within = |folder: PathBuf| folder.join("libtorch_cuda.so");
    beside.into_iter().chain([cached]).map(within).find(|path| path.is_file())
}

/// Whether this program may find GPUs: the libraries for them are there, and traces of a driver.
pub fn is_likely(program: &Path) -> bool {
    let driver = ["/dev/nvidiactl", "/proc/driver/nvidia/version", "/dev/dxg"];
    library(program).is_some() && driver.iter().any(|file| Path::new(file).exists())
}

/// How many GPUs libtorch can compute on in this process, once the libraries are open.
pub fn count() -> u32 {
    if Cuda::is_available() { u32::try_from(Cuda::device_count()).unwrap_or(0) } else { 0 }
}

/// What is free of a GPU's memory, in bytes; 0 where that is not known.
pub fn free_bytes(index: usize) -> u64 {
    let mut bytes = 0;
    // SAFETY: the place outlives the call.
    let told = ops::checked(unsafe { lyceum_free_gpu_memory(index as i8, &raw mut bytes) });
    told.map_or(0, |()| bytes)
}

/// Opens the libraries if they are there. Answers where they are.
pub fn open(program: &Path) -> Result<Option<PathBuf>, TorchError> {
    let Some(path) = library(program) else { return Ok(None) };
    let name = CString::new(path.as_os_str().as_bytes()).map_err(|error| TorchError(error.to_string()))?;
    // SAFETY: the name ends in a zero byte and outlives the call.
    ops::checked(unsafe { lyceum_open_library(name.as_ptr()) })?;
    Ok(Some(path))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_library_is_told() {
        let folder = tempfile::tempdir().unwrap();
        let program = folder.path().join("bin/lyceum");
        std::fs::create_dir(folder.path().join("lib-cuda")).unwrap();
        std::fs::write(folder.path().join("lib-cuda/libtorch_cuda.so"), "no library").unwrap();
        let error = open(&program).unwrap_err().to_string();
        assert!(error.contains("libtorch_cuda.so"), "{error}");
    }
}
