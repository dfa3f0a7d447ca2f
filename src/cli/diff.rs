//! `twinwire diff`.

use std::path::Path;

use super::exit::{Exit, bad_input, say};
use crate::report::diff;

/// Shows the first event in which two runs differ.
pub(super) fn diff(a: &Path, b: &Path) -> Exit {
    match diff::diff(a, b) {
        Err(error) => bad_input(error),
        Ok(None) => {
            say(format_args!("no event differs"));
            Exit::Good
        }
        Ok(Some(difference)) => {
            say(format_args!("{difference}"));
            Exit::Failed
        }
    }
}
