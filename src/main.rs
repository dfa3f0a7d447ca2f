//! The `twinwire` command.

fn main() -> std::process::ExitCode {
    twinwire::cli::main()
}
