//! `twinwire run --replay DIR`: a recorded live run again.

use std::fs::{self, File};
use std::io::BufReader;
use std::path::Path;

use super::args::Format;
use super::check::{read, tell};
use super::exit::{Exit, bad_input, mention, say};
use crate::observe::live::LiveRunError;
use crate::observe::recording::{Recording, replay as feed};
use crate::report::text;

/// Feeds the inputs in `folder` to the same machines; fails if they give back anything else.
pub(super) fn replay(folder: &Path, format: Format) -> Exit {
    let place = folder.join("live.json");
    let recording: Recording = match fs::read_to_string(&place).map(|text| serde_json::from_str(&text)) {
        Ok(Ok(recording)) => recording,
        Ok(Err(error)) => return bad_input(format!("{}: {error}", place.display())),
        Err(error) => {
            let help = "a folder that `twinwire live FILE --out DIR` wrote is needed";
            return bad_input(format!("cannot read {}: {error} ({help})", place.display()));
        }
    };
    let (source, plan) = match read(&folder.join("scenario.toml"), &[], None, false) {
        Ok(read) => read,
        Err(exit) => return exit,
    };
    let inputs = folder.join("inputs.bin");
    let journal = match File::open(&inputs) {
        Ok(file) => BufReader::new(file),
        Err(error) => return bad_input(format!("cannot read {}: {error}", inputs.display())),
    };
    let name = fs::read_to_string(folder.join("summary.json")).ok();
    let name = name.and_then(|text| serde_json::from_str::<serde_json::Value>(&text).ok());
    let name = name.as_ref().and_then(|v| v["scenario"].as_str()).unwrap_or("scenario");
    let replayed = match feed(&plan, name, &recording, journal) {
        Ok(replayed) => replayed,
        Err(LiveRunError::Scenario(mistakes)) => return tell(&source, &mistakes),
        Err(error) => return bad_input(error),
    };
    match format {
        Format::Json => match replayed.run.summary.to_json() {
            Ok(json) => say(json.trim_end()),
            Err(error) => return bad_input(error),
        },
        Format::Text => say(text::render_live(&replayed.run.summary, Some(&plan.title)).trim_end()),
    }
    let same = |what: &str, recorded: &str, again: &str| {
        if recorded != again {
            mention(format_args!("error: the {what} differ: recorded {recorded}, replayed {again}"));
        }
        recorded == again
    };
    let notes = same("notes", &recording.digest, replayed.run.summary.digest.as_deref().unwrap_or_default());
    let outputs = same("outputs", &recording.outputs, &replayed.outputs);
    if notes && outputs {
        mention(format_args!("the replay gave back the same, bit for bit: {}", replayed.outputs));
        Exit::Good
    } else {
        Exit::Failed
    }
}
