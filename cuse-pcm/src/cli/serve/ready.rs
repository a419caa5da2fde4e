//! Says that programs can open the cards: to the person or script that started us, and to systemd.

use std::os::linux::net::SocketAddrExt as _;
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::net::{SocketAddr, UnixDatagram};
use std::path::Path;

use super::Failure;
use crate::cli::output::print;
use crate::config::Config;

/// Says it.
pub(super) fn tell(config: &Config, at: &Path) -> Result<(), Failure> {
    let cards: Vec<String> = config
        .cards
        .iter()
        .map(|card| format!("card {} ({})", card.number, card.id))
        .collect();
    print(&format!(
        "ready: {} in {}\n",
        cards.join(", "),
        at.display()
    ))?;
    if let Some(socket) = std::env::var_os("NOTIFY_SOCKET") {
        if let Err(error) = notify(socket.as_bytes()) {
            log::warn!("Cannot tell NOTIFY_SOCKET that it is ready: {error}");
        }
    }
    Ok(())
}

fn notify(socket: &[u8]) -> std::io::Result<()> {
    let address = match socket.strip_prefix(b"@") {
        Some(name) => SocketAddr::from_abstract_name(name)?,
        None => SocketAddr::from_pathname(std::ffi::OsStr::from_bytes(socket))?,
    };
    UnixDatagram::unbound()?.send_to_addr(b"READY=1", &address)?;
    Ok(())
}
