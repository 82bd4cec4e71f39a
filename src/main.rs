//! The `lyceum` binary.

#[global_allocator]
static ALLOCATOR: lyceum::allocator::Allocator = lyceum::allocator::Allocator;

fn main() -> std::process::ExitCode {
    lyceum::cli::run()
}
