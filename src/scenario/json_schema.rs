//! The JSON Schema of a scenario, from the same keys as the checker. For editors: what a value's
//! text must look like is left to `check`.

use serde_json::{Map, Value, json};

use super::keys;
use super::transport_keys::{RUDP, TCP};
use crate::base::schema::{Key, Kind, Need, Part, Preset};
use crate::node::roles::ROLES;

/// The schema of a scenario file.
pub fn schema() -> Value {
    schema_with(&ROLES.parts())
}

/// The same with given roles of hosts.
pub fn schema_with(roles: &[Part]) -> Value {
    let named = |of: Value| json!({ "type": "object", "additionalProperties": of });
    let listed = |of: Value| json!({ "type": "array", "items": of });
    let mut top = table(keys::TOP);
    let own = [
        (
            "transport",
            json!({ "type": "object", "properties": { "tcp": table(TCP), "rudp": table(RUDP) }, "additionalProperties": false }),
        ),
        ("link", named(table(keys::LINK))),
        ("node", named(nodes(roles))),
        ("connect", listed(table(&keys::connect()))),
        ("event", listed(event())),
        ("flow", listed(flows())),
        ("expect", listed(table(keys::EXPECT))),
        ("live", named(table(keys::LIVE))),
        ("sim", table(keys::SIM)),
    ];
    if let Some(properties) = top.get_mut("properties").and_then(Value::as_object_mut) {
        properties.extend(own.into_iter().map(|(name, schema)| (name.to_string(), schema)));
    }
    if let Some(top) = top.as_object_mut() {
        top.insert("$schema".into(), json!("https://json-schema.org/draft/2020-12/schema"));
        top.insert("title".into(), json!("twinwire scenario"));
    }
    top
}

/// One alternative for each role, told apart by `role`.
fn nodes(roles: &[Part]) -> Value {
    let devices = keys::DEVICES.iter().map(|(name, about)| (*name, *about));
    let alternative = |(name, about): (&str, &str)| {
        let mut schema = table(&keys::node(name, roles));
        if let Some(properties) = schema.get_mut("properties").and_then(Value::as_object_mut) {
            properties.insert("role".into(), json!({ "const": name, "description": about }));
        }
        schema
    };
    json!({ "oneOf": roles.iter().map(|r| (r.name, r.about)).chain(devices).map(alternative).collect::<Vec<_>>() })
}

fn flows() -> Value {
    let mut both = keys::flow("tcp");
    both.extend(keys::flow("rudp").into_iter().filter(|k| !TCP.iter().any(|t| t.name == k.name)));
    let mut seen = std::collections::BTreeSet::new();
    both.retain(|k| seen.insert(k.name));
    table(&both)
}

fn event() -> Value {
    let mut schema = table(keys::EVENT);
    let set = json!({ "oneOf": [table(&keys::event_link()), table(keys::EVENT_NODE)], "description": "what changes" });
    if let Some(properties) = schema.get_mut("properties").and_then(Value::as_object_mut) {
        properties.insert("set".into(), set);
    }
    if let Some(required) = schema.get_mut("required").and_then(Value::as_array_mut) {
        required.push(json!("set"));
    }
    schema
}

/// A table with these keys and no others.
fn table(keys: &[Key]) -> Value {
    let mut properties = Map::new();
    let mut required = Vec::new();
    for key in keys {
        let mut schema = kind(&key.kind);
        if let Some(object) = schema.as_object_mut() {
            let about = match key.kind {
                // JSON Schema cannot compare quantities with units.
                Kind::Within(_, low, high) => format!("{} ({low} to {high})", key.about),
                _ => key.about.to_owned(),
            };
            object.insert("description".into(), json!(about));
            match key.need {
                Need::Required => required.push(key.name),
                Need::Default(text) => {
                    let plain = matches!(key.kind, Kind::Bool | Kind::Integer(..));
                    let value = if plain { serde_json::from_str(text).unwrap_or(json!(text)) } else { json!(text) };
                    object.insert("default".into(), value);
                }
                Need::Optional => {}
            }
        }
        properties.insert(key.name.to_string(), schema);
    }
    json!({ "type": "object", "properties": properties, "required": required, "additionalProperties": false })
}

fn kind(of: &Kind) -> Value {
    match of {
        Kind::Bool => json!({ "type": "boolean" }),
        Kind::Integer(low, u64::MAX) => json!({ "type": "integer", "minimum": low }),
        Kind::Integer(low, high) => json!({ "type": "integer", "minimum": low, "maximum": high }),
        Kind::Text | Kind::Path | Kind::Node => json!({ "type": "string" }),
        Kind::Rate => json!({ "type": "string", "examples": ["10 Mbit/s"] }),
        Kind::Duration => json!({ "type": "string", "examples": ["25 ms"] }),
        Kind::Size => json!({ "type": "string", "examples": ["64 kB"] }),
        Kind::Probability => json!({ "type": ["string", "number"], "examples": ["0.5 %", 0.005] }),
        Kind::Address => json!({ "type": "string", "format": "ipv4" }),
        Kind::AddressRange => json!({ "type": "string", "examples": ["10.0.0.100..10.0.0.199"] }),
        Kind::Choice(words) => json!({ "enum": words }),
        Kind::Preset(presets) => {
            let one = |p: &Preset| {
                let values: Vec<String> = p.values.iter().map(|(key, value)| format!("{key} = {value}")).collect();
                json!({ "const": p.name, "description": values.join(", ") })
            };
            json!({ "oneOf": presets.iter().map(one).collect::<Vec<_>>() })
        }
        Kind::NodeAddress => json!({ "type": "string", "pattern": "^@", "examples": ["@appstore"] }),
        Kind::Url => json!({ "type": "string", "pattern": "^http://" }),
        Kind::Within(inner, ..) => kind(inner),
        Kind::QueueLimit => json!({ "type": "string", "examples": ["100 pkt", "64 kB", "20 ms", "1 BDP"] }),
        Kind::List(inner) => json!({ "type": "array", "items": kind(inner) }),
        Kind::Table(keys) => table(keys),
        Kind::Map(inner) => json!({ "type": "object", "additionalProperties": kind(inner) }),
        Kind::OneOf(kinds) => json!({ "anyOf": kinds.iter().map(kind).collect::<Vec<_>>() }),
        Kind::PerDirection(inner) => {
            let one = kind(inner);
            let both = json!({
                "type": "object", "properties": { "forward": one, "reverse": one },
                "required": ["forward", "reverse"], "additionalProperties": false,
            });
            json!({ "anyOf": [one, both] })
        }
        Kind::Part(part) => {
            let parts = (part.parts)();
            let mut forms = vec![json!({ "enum": parts.iter().map(|p| p.name).collect::<Vec<_>>() })];
            if let Some((name, key)) = part.short
                && let Some(key) =
                    parts.iter().find(|p| p.name == name).and_then(|p| p.keys.iter().find(|k| k.name == key))
            {
                forms.push(kind(&key.kind));
            }
            forms.extend(parts.iter().map(|p| {
                let tag = Key { name: part.tag, kind: Kind::Text, need: Need::Required, about: part.what };
                let mut schema = table(&[&[tag], p.keys].concat());
                if let Some(properties) = schema.get_mut("properties").and_then(Value::as_object_mut) {
                    properties.insert(part.tag.to_string(), json!({ "const": p.name, "description": p.about }));
                }
                schema
            }));
            json!({ "anyOf": forms })
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_schema_knows_every_section_and_key() {
        let schema = schema();
        for section in keys::SECTIONS {
            assert!(schema["properties"].get(*section).is_some(), "{section}");
        }
        assert_eq!(schema["properties"]["seed"]["default"], json!(0));
        let link = &schema["properties"]["link"]["additionalProperties"];
        assert_eq!(link["additionalProperties"], json!(false));
        assert!(link["properties"]["delay"]["anyOf"][1]["properties"].get("forward").is_some());
    }
}
