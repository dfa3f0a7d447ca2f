//! Layer 9: what people look at. Plots, the text of the summary, the run folder and the
//! comparison of two of them. Reads the files of a run folder, never the engine.

pub mod diff;
pub mod folder;
pub mod html;
pub mod plots;
pub mod read;
pub mod text;
pub mod twin;
