//! The CUDA libraries of libtorch. The program is built without them; where their folder is there, they are opened before
//! the first call into libtorch, which then knows GPUs.
#![expect(unsafe_code, reason = "the binding of a C++ shim")]

use std::ffi::{CString, c_char};
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use super::{TorchError, ops};

unsafe extern "C" {
    fn lyceum_open_library(path: *const c_char) -> *mut c_char;
}

/// Where the library stands that draws in the others: in `lib-cuda` beside the program's folder, or beside the libtorch
/// that the program was built with.
fn library(program: &Path) -> Option<PathBuf> {
    let beside = program.parent().and_then(Path::parent).map(|folder| folder.join("lib-cuda"));
    let cached = PathBuf::from(concat!(env!("LYCEUM_LIBTORCH"), "-cuda"));
    let within = |folder: PathBuf| folder.join("libtorch_cuda.so");
    beside.into_iter().chain([cached]).map(within).find(|path| path.is_file())
}

/// The indices of the GPUs that this machine's driver knows; none where the libraries for them are not there. Asked
/// without loading those, which would take a GPU's memory in a process that computes nothing on it.
pub fn gpus(program: &Path) -> Vec<u32> {
    if library(program).is_none() {
        return Vec::new();
    }
    let known = std::fs::read_dir("/proc/driver/nvidia/gpus").map_or(0, Iterator::count);
    (0..u32::try_from(known).unwrap_or(0)).collect()
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
