//! Layer 8: folds over records. The digest, the JSON trace, the series behind the plots, and the
//! summary. Nothing here changes a run: it only watches.

pub mod ascii;
mod bins;
pub mod capture;
pub mod digest;
pub mod files;
pub mod flows;
mod fold;
mod frequent;
pub mod goodput;
pub mod ladder;
pub mod live;
pub mod lock;
pub mod parting;
pub mod places;
pub mod queues;
pub mod recorder;
pub mod recording;
pub mod run;
pub mod scenario;
pub mod series;
pub mod summary;
mod tails;
#[cfg(test)]
mod test_file;
pub mod trace;
mod whole;
pub mod windows;
