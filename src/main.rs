//! The `lyceum` binary.

fn main() -> std::process::ExitCode {
    lyceum::cli::run()
}
