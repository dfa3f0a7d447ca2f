//! Reads the files of a run folder back, for plots.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use serde::Deserialize;
use serde::de::DeserializeOwned;

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
    pub cause: String,
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
    /// Reads the run folder at `dir`.
    pub fn read(dir: &Path) -> Result<Self, ReadError> {
        #[derive(Deserialize)]
        struct Cwnd {
            time_s: f64,
            flow: String,
            cause: String,
            cwnd_bytes: f64,
            ssthresh_bytes: Option<f64>,
        }
        #[derive(Deserialize)]
        struct Throughput {
            time_s: f64,
            flow: String,
            goodput_bps: f64,
        }
        #[derive(Deserialize)]
        struct Queue {
            time_s: f64,
            link: String,
            direction: String,
            packets: f64,
        }

        let summary = read_summary(dir)?;
        let name = dir.canonicalize().ok().and_then(|p| p.file_name().map(|n| n.to_string_lossy().into_owned()));
        let mut data = RunData {
            label: name.unwrap_or_else(|| dir.display().to_string()),
            scenario: summary.scenario,
            seed: summary.seed,
            ..RunData::default()
        };
        rows(&dir.join("cwnd.csv"), |r: Cwnd| {
            let point = CwndPoint {
                time_s: r.time_s,
                cause: r.cause,
                cwnd_bytes: r.cwnd_bytes,
                ssthresh_bytes: r.ssthresh_bytes,
            };
            data.cwnd.entry(r.flow).or_default().push(point);
        })?;
        rows(&dir.join("throughput.csv"), |r: Throughput| {
            data.throughput.entry(r.flow).or_default().push((r.time_s, r.goodput_bps));
        })?;
        rows(&dir.join("queue.csv"), |r: Queue| {
            data.queue.entry(format!("{} {}", r.link, r.direction)).or_default().push((r.time_s, r.packets));
        })?;
        Ok(data)
    }
}

/// Reads `summary.json` of the run folder at `dir`.
pub fn read_summary(dir: &Path) -> Result<Summary, ReadError> {
    let path = dir.join("summary.json");
    let text = fs::read_to_string(&path).map_err(|source| ReadError::Io { path: path.clone(), source })?;
    serde_json::from_str(&text).map_err(|why| ReadError::Format { path, why: why.to_string() })
}

/// Hands every row of the CSV file at `path` to `take`.
fn rows<R: DeserializeOwned>(path: &Path, mut take: impl FnMut(R)) -> Result<(), ReadError> {
    let file = fs::File::open(path).map_err(|source| ReadError::Io { path: path.to_owned(), source })?;
    for row in csv::Reader::from_reader(file).into_deserialize() {
        take(row.map_err(|why| ReadError::Format { path: path.to_owned(), why: why.to_string() })?);
    }
    Ok(())
}
