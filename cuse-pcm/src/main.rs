//! The program `cuse-pcm`.

fn main() -> std::process::ExitCode {
    cuse_pcm::cli::main()
}
