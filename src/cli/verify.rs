//! `twinwire verify`: replays recorded runs.

use std::fs;
use std::path::{Path, PathBuf};

use super::check::{name_of, read, tell};
use super::exit::{Exit, bad_input, mention, say};
use super::huge_pages;
use super::progress::Bar;
use crate::observe::lock::Lock;
use crate::observe::parting::PartingSearch;
use crate::observe::run::{RunError, places_of, run, watch};

/// Replays every scenario that has a lock beside it; with `update`, records every scenario.
pub(super) fn verify(paths: &[PathBuf], update: bool) -> Exit {
    huge_pages::prefer();
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
            Ok(false) => mention(format_args!("{}: not recorded (no .lock); record it with --update", file.display())),
            Err(other) => exit = worse(exit, other),
        }
    }
    if checked == 0 && exit == Exit::Good {
        return bad_input("nothing was recorded there; record with --update");
    }
    exit
}

/// One file that cannot be read does not hide the others.
fn worse(a: Exit, b: Exit) -> Exit {
    if a == Exit::BadInput { a } else { b }
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
    let name = file.display();
    let unreadable = |e: &dyn std::fmt::Display| bad_input(format!("{}: {e}", lock_path.display()));
    let recorded = match fs::read_to_string(&lock_path) {
        _ if update => None,
        Ok(text) => Some(Lock::parse(&text).map_err(|e| unreadable(&e))?),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(false),
        Err(error) => return Err(unreadable(&error)),
    };
    let (source, plan) = read(file, &[], recorded.as_ref().map(|lock| lock.seed), false)?;
    let failed = |error| match error {
        RunError::Scenario(mistakes) => tell(&source, &mistakes),
        RunError::Trace(error) => bad_input(error),
    };
    let bar = Bar::new(&name_of(file));
    let run = run(&plan, &name_of(file), None, &mut |p| bar.show(p));
    bar.done();
    let digest = run.map_err(failed)?.digest;
    let Some(recorded) = recorded else {
        fs::write(&lock_path, Lock::new(plan.seed, &digest).to_toml()).map_err(|e| unreadable(&e))?;
        say(format_args!("{name}: recorded {} ({} records)", digest.hex, digest.records));
        return Ok(true);
    };
    if digest.hex == recorded.digest {
        say(format_args!("{name}: same ({} records)", digest.records));
        return Ok(true);
    }
    say(format_args!("{name}: DIFFERS\ndigest {} recorded, {} now", recorded.digest, digest.hex));
    let mut search = PartingSearch::new(&places_of(&plan), &recorded);
    watch(&plan, &mut search, &mut |_| {}).map_err(failed)?;
    match search.finish() {
        Some(parting) => say(parting),
        None => say("no event differs but perhaps the last: the digest in the lock is not that of its records"),
    }
    Err(Exit::Failed)
}
