//! `twinwire verify`: replays recorded runs.

use std::fs;
use std::path::{Path, PathBuf};

use super::check::{name_of, read, tell};
use super::exit::{Exit, bad_input, say};
use crate::observe::lock::Lock;
use crate::observe::run::{RunError, run};

/// Replays every scenario that has a lock beside it; with `update`, records every scenario.
pub(super) fn verify(paths: &[PathBuf], update: bool) -> Exit {
    let mut files = Vec::new();
    for path in paths {
        if let Err(error) = collect(path, &mut files) {
            return bad_input(format!("{}: {error}", path.display()));
        }
    }
    files.sort();
    if files.is_empty() {
        return bad_input("no scenario files there");
    }
    let (mut checked, mut exit) = (0, Exit::Good);
    for file in &files {
        match one(file, update) {
            Ok(true) => checked += 1,
            Ok(false) => eprintln!("{}: not recorded (no .lock); record it with --update", file.display()),
            Err(Exit::BadInput) => return Exit::BadInput,
            Err(other) => exit = other,
        }
    }
    if checked == 0 && exit == Exit::Good {
        return bad_input("nothing was recorded there; record with --update");
    }
    exit
}

fn collect(path: &Path, files: &mut Vec<PathBuf>) -> std::io::Result<()> {
    if !path.is_dir() {
        fs::metadata(path)?;
        files.push(path.to_owned());
        return Ok(());
    }
    for entry in fs::read_dir(path)? {
        let entry = entry?.path();
        if entry.is_dir() {
            collect(&entry, files)?;
        } else if entry.extension().is_some_and(|e| e == "toml") {
            files.push(entry);
        }
    }
    Ok(())
}

/// Replays one scenario. False: it has no lock.
fn one(file: &Path, update: bool) -> Result<bool, Exit> {
    let lock_path = file.with_extension("lock");
    let recorded = match fs::read_to_string(&lock_path) {
        Ok(text) => Some(Lock::parse(&text).map_err(|e| bad_input(format!("{}: {e}", lock_path.display())))?),
        Err(_) => None,
    };
    if recorded.is_none() && !update {
        return Ok(false);
    }
    let seed = recorded.as_ref().filter(|_| !update).map(|lock| lock.seed);
    let (source, plan) = read(file, &[], seed, false)?;
    let run = run(&plan, &name_of(file), None, &mut |_| {}).map_err(|error| match error {
        RunError::Scenario(mistakes) => tell(&source, &mistakes),
        RunError::Trace(error) => bad_input(error),
    })?;
    let name = file.display();
    if update {
        let text = Lock::new(plan.seed, &run.digest).to_toml();
        fs::write(&lock_path, text).map_err(|e| bad_input(format!("{}: {e}", lock_path.display())))?;
        say(format_args!("{name}: recorded {}", run.digest.hex));
        return Ok(true);
    }
    let Some(recorded) = recorded else { return Ok(false) };
    match recorded.compare(&run.digest) {
        Ok(()) => {
            say(format_args!("{name}: same ({} records)", run.digest.records));
            Ok(true)
        }
        Err(difference) => {
            say(format_args!("{name}: DIFFERS\n{difference}"));
            Err(Exit::Failed)
        }
    }
}
