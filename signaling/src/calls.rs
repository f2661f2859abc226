//! All calls.
