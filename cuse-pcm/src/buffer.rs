//! What a substream's ring is made of.
