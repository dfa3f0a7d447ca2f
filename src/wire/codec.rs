//! A whole packet to and from bytes.
