//! `bare-fuse DIR` serves the bare server's file in DIR, in a process of its own as the card is, and says `ready`.
#![allow(clippy::panic, reason = "a benchmark's helper fails loudly")]

use std::path::Path;

use cuse_pcm_tests::bare_fuse::BareServer;

fn main() -> std::io::Result<()> {
    let Some(at) = std::env::args().nth(1) else {
        panic!("usage: bare-fuse DIR");
    };
    let _server = BareServer::start(Path::new(&at))?;
    println!("ready");
    loop {
        std::thread::park();
    }
}
