//! TODO layer.
