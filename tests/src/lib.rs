//! Helpers for tests from outside.
