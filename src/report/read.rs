//! Reads the files of a run folder back, for plots.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fs;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use serde::Deserialize;
use serde::de::DeserializeOwned;

use super::thin;
use crate::observe::series::Series;
use crate::observe::summary::Summary;

/// The series of one run folder.
#[derive(Clone, Debug, Default)]
pub struct RunData {
    /// What the run is called where several are shown: the folder's name.
    pub label: String,
    /// The scenario's name.
    pub scenario: String,
    /// Its seed.
    pub seed: u64,
    /// By flow.
    pub cwnd: BTreeMap<String, Vec<CwndPoint>>,
    /// By flow: where a bin begins, and bits per second in it.
    pub throughput: BTreeMap<String, Vec<(f64, f64)>>,
    /// By link and direction, such as `a--b forward`: time and packets.
    pub queue: BTreeMap<String, Vec<(f64, f64)>>,
}

/// One row of `cwnd.csv`.
#[derive(Clone, Debug, PartialEq)]
pub struct CwndPoint {
    /// When.
    pub time_s: f64,
    /// Why, as [`crate::base::note::WindowCause`] spells it.
    pub cause: Cow<'static, str>,
    /// Congestion window.
    pub cwnd_bytes: f64,
    /// Slow-start threshold, unless unlimited.
    pub ssthresh_bytes: Option<f64>,
}

/// A file of a run folder could not be read.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    /// The operating system refused.
    #[error("cannot read {path}: {source}")]
    Io {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// The file is not what its name says.
    #[error("{path} is not in the format of a run folder: {why}")]
    Format {
        /// The file.
        path: PathBuf,
        /// Why.
        why: String,
    },
}

impl RunData {
    /// Reads several run folders, to be shown together. Folders of one name are told apart by
    /// their paths.
    pub fn read_all(dirs: &[PathBuf]) -> Result<Vec<Self>, ReadError> {
        let mut runs = dirs.iter().map(|dir| Self::read(dir)).collect::<Result<Vec<_>, _>>()?;
        let labels: Vec<String> = runs.iter().map(|run| run.label.clone()).collect();
        for (run, dir) in runs.iter_mut().zip(dirs) {
            if labels.iter().filter(|label| **label == run.label).count() > 1 {
                run.label = dir.display().to_string();
            }
        }
        Ok(runs)
    }

    /// Reads the run folder at `dir`.
    pub fn read(dir: &Path) -> Result<Self, ReadError> {
        let summary = read_summary(dir)?;
        let name = dir.canonicalize().ok().and_then(|p| p.file_name().map(|n| n.to_string_lossy().into_owned()));
        let mut data = RunData::named(&name.unwrap_or_else(|| dir.display().to_string()), &summary);
        let open = |name: &str| {
            let path = dir.join(name);
            let file = fs::File::open(&path).map_err(|source| ReadError::Io { path: path.clone(), source });
            file.map(|file| (path, file))
        };
        let (path, file) = open("cwnd.csv")?;
        data.add_cwnd(&path, file)?;
        let (path, file) = open("throughput.csv")?;
        data.add_throughput(&path, file)?;
        let (path, file) = open("queue.csv")?;
        data.add_queue(&path, file)?;
        Ok(data)
    }

    /// The series of a run that has just ended, as its folder would have them.
    pub fn of(label: &str, summary: &Summary, series: &Series) -> Result<Self, ReadError> {
        let mut data = RunData::named(label, summary);
        let (path, mut text) = (PathBuf::from("cwnd.csv"), Vec::new());
        let written = series.write_cwnd(&mut text, |_, _| {});
        written.map_err(|why| ReadError::Format { path: path.clone(), why: why.to_string() })?;
        data.add_cwnd(&path, text.as_slice())?;
        data.throughput = thin::goodput(&series.goodput());
        Ok(data)
    }

    pub(super) fn named(label: &str, summary: &Summary) -> Self {
        RunData {
            label: label.to_owned(),
            scenario: summary.scenario.clone(),
            seed: summary.seed,
            ..RunData::default()
        }
    }

    fn add_cwnd(&mut self, path: &Path, text: impl Read) -> Result<(), ReadError> {
        #[derive(Deserialize)]
        struct Row {
            time_s: f64,
            flow: String,
            cause: String,
            cwnd_bytes: f64,
            ssthresh_bytes: Option<f64>,
        }
        rows(path, text, |r: Row| {
            let point = CwndPoint {
                time_s: r.time_s,
                cause: thin::cause(&r.cause),
                cwnd_bytes: r.cwnd_bytes,
                ssthresh_bytes: r.ssthresh_bytes,
            };
            self.cwnd.entry(r.flow).or_default().push(point);
        })
    }

    fn add_throughput(&mut self, path: &Path, text: impl Read) -> Result<(), ReadError> {
        #[derive(Deserialize)]
        struct Row {
            time_s: f64,
            flow: String,
            goodput_bps: f64,
        }
        rows(path, text, |r: Row| self.throughput.entry(r.flow).or_default().push((r.time_s, r.goodput_bps)))
    }

    fn add_queue(&mut self, path: &Path, text: impl Read) -> Result<(), ReadError> {
        #[derive(Deserialize)]
        struct Row {
            time_s: f64,
            link: String,
            direction: String,
            packets: f64,
        }
        rows(path, text, |r: Row| {
            self.queue.entry(format!("{} {}", r.link, r.direction)).or_default().push((r.time_s, r.packets));
        })
    }
}

/// Reads `summary.json` of the run folder at `dir`.
pub fn read_summary(dir: &Path) -> Result<Summary, ReadError> {
    let path = dir.join("summary.json");
    let text = fs::read_to_string(&path).map_err(|source| ReadError::Io { path: path.clone(), source })?;
    serde_json::from_str(&text).map_err(|why| ReadError::Format { path, why: why.to_string() })
}

/// Hands every row of a CSV file, which stands at `path`, to `take`.
fn rows<R: DeserializeOwned>(path: &Path, text: impl Read, mut take: impl FnMut(R)) -> Result<(), ReadError> {
    for row in csv::Reader::from_reader(text).into_deserialize() {
        take(row.map_err(|why| ReadError::Format { path: path.to_owned(), why: why.to_string() })?);
    }
    Ok(())
}
