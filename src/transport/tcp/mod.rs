//! TCP connections (layer 3).
