//! Why a configuration is refused.

use std::fmt;

/// Why a configuration is refused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Error {
    /// Not TOML, an unknown key, or a value of the wrong type: the parser's words, with line and column.
    Syntax(String),
    /// There is no card in it.
    NoCard,
    /// A card that cannot be.
    Card {
        /// Which.
        number: u32,
        /// Why not.
        why: String,
    },
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Error::Syntax(words) => f.write_str(words.trim_end()),
            Error::NoCard => f.write_str("There is no [[card]] in it"),
            Error::Card { number, why } => write!(f, "Card {number} cannot be: {why}"),
        }
    }
}

impl std::error::Error for Error {}
