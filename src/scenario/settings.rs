//! Link settings: a profile, overridden by a `[[connect]]`, then the defaults; each direction apart.

use std::ops::Range;
use std::sync::Arc;

use super::check::Checker;
use super::diagnostic::Diagnostic;
use super::keys;
use super::plan::{ChannelChange, ChannelPlan, DelayPlan};
use crate::base::schema::{Data, Params, Value};
use crate::base::time::Duration;
use crate::base::units::QueueLimit;

/// `first` with what it lacks taken from `second`.
pub(super) fn overlay(first: &Params, second: &Params) -> Params {
    let mut both = second.clone();
    both.0.extend(first.0.iter().map(|(k, v)| (k.clone(), v.clone())));
    both
}

/// The keys of `params` whose names are in `names`.
pub(super) fn only(params: &Params, names: &[crate::base::schema::Key]) -> Params {
    let kept = params.0.iter().filter(|(k, _)| names.iter().any(|n| n.name == **k));
    Params(kept.map(|(k, v)| (k.clone(), v.clone())).collect())
}

fn delay(value: &Value) -> DelayPlan {
    let fixed = |base| DelayPlan { base, jitter: Duration::ZERO, distribution: "uniform".into(), reorder: false };
    match &value.data {
        Data::Duration(base) => fixed(*base),
        Data::Table(t) => DelayPlan {
            base: t.duration("base").unwrap_or_default(),
            jitter: t.duration("jitter").unwrap_or_default(),
            distribution: t.text("distribution").unwrap_or("uniform").to_string(),
            reorder: t.bool("reorder").unwrap_or_default(),
        },
        _ => fixed(Duration::ZERO),
    }
}

fn part(value: &Value) -> (String, Params) {
    match &value.data {
        Data::Part(name, params) => (name.clone(), params.clone()),
        _ => Default::default(),
    }
}

/// What a checked table of link keys says of one direction.
pub(super) fn change(params: &Params, direction: usize) -> ChannelChange {
    let way = |key: &str| params.per_direction(key).map(|both| &both[direction]);
    let rate = way("rate").and_then(|v| if let Data::Rate(rate) = v.data { Some(rate) } else { None });
    ChannelChange {
        rate,
        delay: way("delay").map(delay),
        loss: way("loss").map(part),
        queue: way("queue").map(part),
        down: params.bool("down"),
    }
}

/// Both directions of a link, defaults filled in.
pub(super) fn channels(checker: &mut Checker, at: &str, span: &Range<usize>, params: &Params) -> [Arc<ChannelPlan>; 2] {
    let mut params = params.clone();
    for (name, text) in keys::LINK_DEFAULTS {
        let key = keys::LINK.iter().find(|k| k.name == *name);
        if let (Some(key), false) = (key, params.0.contains_key(*name))
            && let Some(value) = checker.default_value(&format!("{at}.{name}"), text, &key.kind)
        {
            params.0.insert((*name).to_string(), value);
        }
    }
    let both = [0, 1].map(|direction| {
        let change = change(&params, direction);
        let fallback =
            DelayPlan { base: Duration::ZERO, jitter: Duration::ZERO, distribution: "uniform".into(), reorder: false };
        Arc::new(ChannelPlan {
            rate: change.rate,
            delay: change.delay.unwrap_or(fallback),
            loss: change.loss.unwrap_or_default(),
            queue: change.queue.unwrap_or_default(),
        })
    });
    for channel in &both {
        let limit = channel.queue.1.get("limit").map(|v| (&v.data, v.span.clone()));
        let (about_time, place) = match limit {
            Some((Data::QueueLimit(QueueLimit::Time(_) | QueueLimit::BdpThousandths(_)), place)) => (true, place),
            _ => (false, 0..0),
        };
        if about_time && channel.rate.is_none() {
            let place = if place.is_empty() { span.clone() } else { place };
            let message = format!("{at}: a queue limited by time or BDP needs a rate");
            let error = Diagnostic::error(place, message).help("give the link a `rate`, or the limit in pkt or kB");
            checker.diagnostics.push(error);
        }
    }
    both
}
