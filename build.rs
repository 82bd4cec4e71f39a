//! Compiles the C++ shim over libtorch, and tells the binary where to find libtorch: beside it, then in the folder it
//! was built with.

use std::path::Path;

#[expect(clippy::disallowed_methods, reason = "what a build script is told stands in the environment")]
fn main() {
    const SHIM: &str = "src/torch/shim.cpp";
    println!("cargo:rerun-if-changed=build.rs");
    println!("cargo:rerun-if-changed={SHIM}");
    println!("cargo:rerun-if-env-changed=LIBTORCH");
    println!("cargo:rerun-if-env-changed=DEP_TCH_LIBTORCH_LIB");
    let libtorch = std::env::var("LIBTORCH").unwrap_or_default();
    println!("cargo:rustc-link-arg=-Wl,-rpath,$ORIGIN/../lib");
    println!("cargo:rustc-link-arg=-Wl,-rpath,{libtorch}/lib");
    println!("cargo:rustc-env=LYCEUM_LIBTORCH={libtorch}");

    // What torch-sys was built against is what the shim is built against.
    let libraries = std::env::var("DEP_TCH_LIBTORCH_LIB").unwrap_or_else(|_| format!("{libtorch}/lib"));
    let root = Path::new(&libraries).parent().map(Path::to_path_buf).unwrap_or_default();
    cc::Build::new()
        .cpp(true)
        .std("c++17")
        .opt_level(2)
        .debug(false)
        .warnings(false)
        .include(root.join("include"))
        .include(root.join("include/torch/csrc/api/include"))
        .file(SHIM)
        .compile("lyceum_shim");
    for library in ["torch_cpu", "c10"] {
        println!("cargo:rustc-link-lib={library}");
    }
}
