//! `twinwire check`, and the reading of scenarios that every other verb begins with.

use std::io::IsTerminal;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::exit::{Exit, bad_input, say};
use crate::base::note::Nobody;
use crate::scenario::build::build;
use crate::scenario::diagnostic::{Diagnostic, render};
use crate::scenario::load::load;
use crate::scenario::plan::Plan;
use crate::scenario::text::Source;

/// Validates files; says what is wrong with each.
pub(super) fn check(files: &[PathBuf]) -> Exit {
    let mut exit = Exit::Good;
    for file in files {
        match read(file, &[], None, true) {
            Ok((source, plan)) => match build(&plan, Nobody) {
                Ok(_) => {
                    say(format_args!("{}: ok ({} nodes, {} links)", file.display(), plan.nodes.len(), plan.links.len()))
                }
                Err(mistakes) => exit = tell(&source, &mistakes),
            },
            Err(bad) => exit = bad,
        }
    }
    exit
}

/// Reads and checks one scenario; everything wrong with it goes to standard error.
pub(super) fn read(
    file: &Path,
    sets: &[(String, String)],
    seed: Option<u64>,
    warnings: bool,
) -> Result<(Source, Arc<Plan>), Exit> {
    let source = Source::read(file).map_err(bad_input)?;
    let loaded = load(&source, sets);
    if warnings || loaded.plan.is_none() {
        tell(&source, &loaded.diagnostics);
    }
    let mut plan = loaded.plan.ok_or(Exit::BadInput)?;
    if let Some(seed) = seed {
        plan.seed = seed;
    }
    Ok((source, Arc::new(plan)))
}

/// Shows what was found in a file.
pub(super) fn tell(source: &Source, diagnostics: &[Diagnostic]) -> Exit {
    if !diagnostics.is_empty() {
        eprint!("{}", render(source, diagnostics, std::io::stderr().is_terminal()));
    }
    Exit::BadInput
}

/// A scenario's name: its file without the ending.
pub(super) fn name_of(file: &Path) -> String {
    file.file_stem().map_or_else(|| "scenario".to_owned(), |s| s.to_string_lossy().into_owned())
}
