//! The run folder, written whole or not at all: everything goes to a hidden sibling, which takes
//! the folder's name in one step when it is complete.

use std::fs::{self, File};
use std::io::{self, BufWriter};
use std::path::{Path, PathBuf};

use crate::observe::files::Files;
use crate::observe::series::Series;
use crate::observe::summary::Summary;

use super::html;
use super::plots;
use super::plots::canvas::DrawError;
use super::read::{ReadError, RunData};
use super::thin;

/// Files by which a folder is known as one of ours: of a run, or of a pair of runs.
const PROOFS: [&str; 2] = ["summary.json", "twin.json"];

/// A run folder that is being written. Dropped without [`RunFolder::commit`], it leaves nothing.
#[derive(Debug)]
pub struct RunFolder {
    target: PathBuf,
    partial: PathBuf,
    replace: bool,
    committed: bool,
}

/// The scratch files of windows and of queues' lengths.
const WINDOWS: &str = ".windows";
const DEPTHS: &str = ".depths";

/// A run folder could not be written.
#[derive(Debug, thiserror::Error)]
pub enum FolderError {
    /// There is something at its place.
    #[error("{0} exists already; choose another folder, or overwrite it with --force")]
    Exists(PathBuf),
    /// `--force` was given, but what stands there was not written by us.
    #[error("{0} exists and is no run folder (it has no summary.json), so even --force leaves it alone")]
    NotARunFolder(PathBuf),
    /// The path ends in no name.
    #[error("{0} cannot be the name of a folder")]
    NoName(PathBuf),
    /// The operating system refused.
    #[error("cannot write {path}: {source}")]
    Io {
        /// What was being written.
        path: PathBuf,
        /// Why it failed.
        source: io::Error,
    },
    /// What was written could not be read back.
    #[error(transparent)]
    Read(#[from] ReadError),
    /// A plot could not be drawn.
    #[error(transparent)]
    Draw(#[from] DrawError),
}

impl RunFolder {
    /// Begins to write the run folder `target`. With `force`, a run folder that stands there is
    /// replaced at the end; anything else that stands there is an error.
    pub fn begin(target: &Path, force: bool) -> Result<Self, FolderError> {
        let mut replace = false;
        if target.symlink_metadata().is_ok() {
            let empty = || fs::read_dir(target).is_ok_and(|mut entries| entries.next().is_none());
            replace = match force {
                false => return Err(FolderError::Exists(target.to_owned())),
                true if PROOFS.iter().any(|name| target.join(name).is_file()) || empty() => true,
                true => return Err(FolderError::NotARunFolder(target.to_owned())),
            };
        }
        let partial = sibling(target, "partial")?;
        if let Some(parent) = partial.parent() {
            fs::create_dir_all(parent).map_err(|source| io_error(parent, source))?;
        }
        fs::create_dir(&partial).map_err(|source| io_error(&partial, source))?;
        Ok(RunFolder { target: target.to_owned(), partial, replace, committed: false })
    }

    /// The files that a full recording writes during the run.
    pub fn files(&self) -> Result<Files, FolderError> {
        let create = |name: &str| {
            let path = self.partial.join(name);
            let file = File::options().read(true).write(true).create(true).truncate(true).open(&path);
            file.map(Box::new).map_err(|source| io_error(&path, source))
        };
        let (events, queue) = (create("events.jsonl")?, create("queue.csv")?);
        let (windows, depths) = (create(WINDOWS)?, create(DEPTHS)?);
        // They have no names any more, so that nothing is left of them whatever happens.
        for name in [WINDOWS, DEPTHS] {
            let path = self.partial.join(name);
            fs::remove_file(&path).map_err(|source| io_error(&path, source))?;
        }
        Ok(Files { events, queue, windows, depths })
    }

    /// Begins a run folder inside this one.
    pub fn inside(&self, name: &str) -> Result<Self, FolderError> {
        RunFolder::begin(&self.partial.join(name), false)
    }

    /// A buffered writer to the file `name` of the folder, for what is written during the run.
    pub fn writer(&self, name: &str) -> Result<BufWriter<File>, FolderError> {
        let path = self.partial.join(name);
        File::create(&path).map(BufWriter::new).map_err(|source| io_error(&path, source))
    }

    /// Writes a whole file of the folder.
    pub fn write(&self, name: &str, contents: &[u8]) -> Result<(), FolderError> {
        let path = self.partial.join(name);
        fs::write(&path, contents).map_err(|source| io_error(&path, source))
    }

    /// Writes everything that is known after the run: the resolved scenario, the summary, the
    /// series, the plots and the page that shows them.
    pub fn fill(&self, scenario_toml: &str, summary: &Summary, series: &Series) -> Result<(), FolderError> {
        self.write("scenario.toml", scenario_toml.as_bytes())?;
        let json = summary.to_json().map_err(|e| io_error(&self.partial.join("summary.json"), e.into()))?;
        self.write("summary.json", json.as_bytes())?;
        let label = self.target.file_name().unwrap_or_default().to_string_lossy();
        let mut data = RunData::named(&label, summary);
        data.cwnd = self.csv("cwnd.csv", |out| thin::cwnd(series, out))?;
        let goodput = series.goodput();
        self.csv("throughput.csv", |out| goodput.write_csv(out))?;
        data.throughput = thin::goodput(&goodput);
        data.queue =
            thin::queue(series, plots::queue::shown).map_err(|source| io_error(&self.partial.join(DEPTHS), source))?;
        let pictures = plots::output::pictures(&[data])?;
        plots::output::write_svg(&pictures, &self.partial.join("plots"))?;
        self.write("report.html", html::page(summary, scenario_toml, &pictures).as_bytes())
    }

    /// Puts the folder at its place.
    pub fn commit(mut self) -> Result<(), FolderError> {
        let failed = |source| io_error(&self.target, source);
        if self.replace {
            let old = sibling(&self.target, "old")?;
            fs::rename(&self.target, &old).map_err(failed)?;
            if let Err(source) = fs::rename(&self.partial, &self.target) {
                // The former folder is better than none. If even this fails, it stays as `old`.
                let _ = fs::rename(&old, &self.target);
                return Err(failed(source));
            }
            fs::remove_dir_all(&old).map_err(|source| io_error(&old, source))?;
        } else {
            fs::rename(&self.partial, &self.target).map_err(failed)?;
        }
        self.committed = true;
        Ok(())
    }

    fn csv<T>(&self, name: &str, write: impl FnOnce(&mut File) -> io::Result<T>) -> Result<T, FolderError> {
        let path = self.partial.join(name);
        let made = File::create(&path).and_then(|mut file| write(&mut file));
        made.map_err(|source| io_error(&path, source))
    }
}

impl Drop for RunFolder {
    fn drop(&mut self) {
        if !self.committed {
            let _ = fs::remove_dir_all(&self.partial);
        }
    }
}

/// A hidden name beside `target` that no other process of this machine uses.
fn sibling(target: &Path, what: &str) -> Result<PathBuf, FolderError> {
    let name = target.file_name().ok_or_else(|| FolderError::NoName(target.to_owned()))?;
    let hidden = format!(".{}.{what}-{}", name.to_string_lossy(), std::process::id());
    Ok(target.with_file_name(hidden))
}

fn io_error(path: &Path, source: io::Error) -> FolderError {
    FolderError::Io { path: path.to_owned(), source }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::ids::{NodeId, PacketId};
    use crate::base::note::{Depth, Note, Place, Record, Sink};
    use crate::base::time::Instant;
    use crate::observe::places::Places;
    use crate::observe::recorder::Recorder;
    use crate::observe::summary::RunOutcome;
    use crate::report::diff::diff;

    /// A place for one test's folders, gone afterwards.
    struct Scratch(PathBuf);

    impl Scratch {
        fn new(name: &str) -> Self {
            let dir = std::env::temp_dir().join(format!("twinwire-folder-{}-{name}", std::process::id()));
            fs::create_dir_all(&dir).unwrap();
            Scratch(dir)
        }
        fn entries(&self) -> Vec<String> {
            let mut names: Vec<String> =
                fs::read_dir(&self.0).unwrap().map(|e| e.unwrap().file_name().into_string().unwrap()).collect();
            names.sort();
            names
        }
    }

    impl Drop for Scratch {
        fn drop(&mut self) {
            let _ = fs::remove_dir_all(&self.0);
        }
    }

    fn write(target: &Path, force: bool, scenario: &str) -> Result<(), FolderError> {
        let folder = RunFolder::begin(target, force)?;
        let series = Series::new(folder.files()?.windows);
        folder.write("queue.csv", b"time_s,link,direction,packets,bytes\n")?;
        let summary = Summary::new(&RunOutcome { scenario: scenario.to_owned(), ..RunOutcome::default() });
        folder.fill("schema = 1\n", &summary, &series)?;
        folder.commit()
    }

    #[test]
    fn a_folder_is_there_whole_or_not_at_all() {
        let scratch = Scratch::new("whole");
        let target = scratch.0.join("out");
        drop(RunFolder::begin(&target, false).unwrap());
        assert!(scratch.entries().is_empty());

        write(&target, false, "first").unwrap();
        assert_eq!(scratch.entries(), ["out"]);
        for name in
            ["scenario.toml", "summary.json", "events.jsonl", "cwnd.csv", "throughput.csv", "queue.csv", "report.html"]
        {
            assert!(target.join(name).is_file(), "{name}");
        }
        assert_eq!(RunData::read(&target).unwrap().scenario, "first");
    }

    #[test]
    fn a_recorded_run_has_its_events_and_plots() {
        let scratch = Scratch::new("recorded");
        let target = scratch.0.join("out");
        let names = ["a", "b", "a--b/forward", "a--b/reverse"].map(String::from).to_vec();
        let places = Places { names, nodes: 2 };
        let folder = RunFolder::begin(&target, false).unwrap();
        let mut recorder = Recorder::full(places, folder.files().unwrap());
        for i in 0..100 {
            let packet = PacketId { origin: NodeId(0), number: i };
            let queue = Depth { packets: i % 7, bytes: u64::from(i % 7) * 1500 };
            let note = Note::PacketSent { packet, bytes: 1500, queue };
            recorder.record(&Record { at: Instant::from_nanos(u64::from(i) * 1_000_000), place: Place(2), note });
        }
        let (digest, series) = recorder.finish().unwrap();
        let summary = Summary::new(&RunOutcome { digest: Some(digest.hex), ..RunOutcome::default() });
        folder.fill("schema = 1\n", &summary, &series.unwrap()).unwrap();
        folder.commit().unwrap();
        let events = fs::read_to_string(target.join("events.jsonl")).unwrap();
        assert_eq!((digest.records, events.lines().count()), (100, 100));
        assert!(target.join("plots/queue.svg").is_file());
        assert!(!target.join("plots/cwnd.svg").exists());
        assert_eq!(diff(&target, &target).unwrap(), None);
    }

    #[test]
    fn runs_of_one_name_are_told_apart_by_their_paths() {
        let scratch = Scratch::new("names");
        let dirs = [scratch.0.join("a/run"), scratch.0.join("b/run"), scratch.0.join("b/other")];
        for dir in &dirs {
            write(dir, false, "s").unwrap();
        }
        let labels: Vec<String> = RunData::read_all(&dirs).unwrap().into_iter().map(|r| r.label).collect();
        let path = |i: usize| dirs[i].display().to_string();
        assert_eq!(labels, [path(0), path(1), "other".to_owned()]);
        assert!(matches!(RunData::read(&scratch.0), Err(ReadError::Io { .. })));
    }

    #[test]
    fn only_force_replaces_and_only_run_folders() {
        let scratch = Scratch::new("force");
        let target = scratch.0.join("out");
        write(&target, false, "first").unwrap();
        assert!(matches!(write(&target, false, "second"), Err(FolderError::Exists(_))));
        write(&target, true, "second").unwrap();
        assert_eq!(RunData::read(&target).unwrap().scenario, "second");

        let foreign = scratch.0.join("thesis");
        fs::create_dir(&foreign).unwrap();
        fs::write(foreign.join("chapter1.tex"), "dear reader").unwrap();
        assert!(matches!(write(&foreign, true, "third"), Err(FolderError::NotARunFolder(_))));
        assert_eq!(scratch.entries(), ["out", "thesis"]);
    }
}
