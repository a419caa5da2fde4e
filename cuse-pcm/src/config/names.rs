//! Names of cards and devices: what is allowed, and what they are when nothing is said.

/// A card's id when nothing is said.
pub const DEFAULT_ID: &str = "CUSE";

/// Longest id, bytes.
const ID_LENGTH: usize = 15;

/// Is this an id that the kernel would give a card?
///
/// # Errors
/// Says what is wrong with it.
pub fn check_id(id: &str) -> Result<(), String> {
    let allowed = |c: char| c.is_ascii_alphanumeric() || c == '_';
    if id.is_empty() || id.len() > ID_LENGTH || !id.chars().all(allowed) {
        return Err(format!(
            "the id {id:?} is to be 1 to {ID_LENGTH} letters, digits and _"
        ));
    }
    if id.starts_with(|c: char| c.is_ascii_digit()) {
        return Err(format!(
            "the id {id:?} begins with a digit, and programs would take it for a number"
        ));
    }
    Ok(())
}

pub(super) fn default_id() -> String {
    DEFAULT_ID.to_owned()
}

/// A card's name when nothing is said.
pub(super) fn default_name() -> String {
    "cuse-pcm".to_owned()
}

pub(super) fn default_device_name() -> String {
    "PCM".to_owned()
}

pub(super) fn default_backend() -> String {
    "null".to_owned()
}

pub(super) fn default_substreams() -> u32 {
    1
}
