//! Number and names of a card, as `CARD_INFO` and `/proc/asound/cards` show them.

/// Who a card is. The texts are cut to what their place in a structure holds.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Identity {
    /// Card number.
    pub number: u32,
    /// Short identifier, at most 15 bytes (`hw:CARD=id`).
    pub id: String,
    /// Driver, at most 15 bytes.
    pub driver: String,
    /// Name, at most 31 bytes.
    pub name: String,
    /// Long name, at most 79 bytes.
    pub longname: String,
    /// Name of the mixer, at most 79 bytes.
    pub mixername: String,
    /// Components, space separated, at most 127 bytes.
    pub components: String,
}

/// A text in its place in a structure: cut to leave room for a terminating NUL, the rest zero.
#[must_use]
pub fn text<const N: usize>(text: &str) -> [u8; N] {
    let mut place = [0; N];
    for (to, from) in place.iter_mut().take(N.saturating_sub(1)).zip(text.bytes()) {
        *to = from;
    }
    place
}

#[cfg(test)]
mod tests {
    use super::text;

    #[test]
    fn a_long_text_is_cut_and_terminated() {
        assert_eq!(text::<4>("abcdef"), *b"abc\0");
        assert_eq!(text::<4>("ab"), *b"ab\0\0");
    }
}
