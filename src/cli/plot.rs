//! `twinwire plot`.

use std::path::{Path, PathBuf};

use super::exit::{Exit, bad_input, say};
use crate::report::plots::output::redraw;

/// Redraws the plots of run folders.
pub(super) fn plot(folders: &[PathBuf], png: bool, out: Option<&Path>) -> Exit {
    match draw(folders, png, out) {
        Err(message) => bad_input(message),
        Ok(written) => {
            written.iter().for_each(|path| say(path.display()));
            Exit::Good
        }
    }
}

/// Draws every plot; says which files it wrote.
pub(super) fn draw(folders: &[PathBuf], png: bool, out: Option<&Path>) -> Result<Vec<PathBuf>, String> {
    redraw(folders, png, out)
}
