//! `bare-cuse` serves the bare CUSE device, in a process of its own as the card is.

fn main() -> std::io::Result<()> {
    cuse_pcm_tests::bare_cuse::serve_device()
}
