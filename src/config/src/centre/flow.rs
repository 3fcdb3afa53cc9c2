//! Reads the documents of flows: every error with the document's own name, line and key.
//!
//! Three steps, each only if the one before found nothing: TOML, then the fields of each node, then
//! [`ivr::Flow::validate`]. What a flow needs from the configuration is compared afterwards, in `check`.
//!
//! Limits: of several wrong fields in one node the first is told; ranges and targets are told all at once.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use ivr::{FlowError, Node, ValidFlow};
use serde::Deserialize;
use toml::Spanned;
use toml::de::{DeTable, DeValue, ValueDeserializer};

use super::sections::RawFlow;
use crate::ConfigError;
use crate::check::Placed;
use crate::reader::Reader;

/// A document that was read and is right by itself.
pub(crate) struct FlowFile {
    /// The name by which the configuration calls it.
    pub name: String,
    pub path: PathBuf,
    pub flow: ValidFlow,
    places: Places,
}

impl FlowFile {
    /// Makes an error about a field of a node.
    pub fn wrong(&self, node: &str, field: &str, problem: &str) -> ConfigError {
        self.places.error(&self.path, &format!("nodes.{node}.{field}"), problem)
    }
}

/// Where each key of a document stands, with what is written there.
struct Places(BTreeMap<String, (usize, Option<String>)>);

impl Places {
    fn of(reader: &Reader<'_>, document: &DeTable<'_>) -> Places {
        let mut places = Places(BTreeMap::new());
        places.add(reader, "", document);
        places
    }

    fn add(&mut self, reader: &Reader<'_>, above: &str, table: &DeTable<'_>) {
        for (key, value) in table {
            let line = reader.line(key.span().start);
            let name = if above.is_empty() {
                key.get_ref().to_string()
            } else {
                format!("{above}.{}", key.get_ref())
            };
            let text = match value.get_ref() {
                DeValue::Table(inner) => {
                    self.add(reader, &name, inner);
                    None
                }
                DeValue::String(_)
                | DeValue::Integer(_)
                | DeValue::Float(_)
                | DeValue::Boolean(_)
                | DeValue::Datetime(_)
                | DeValue::Array(_) => Some(reader.text(value.span())),
            };
            self.0.insert(name, (line, text));
        }
    }

    /// Makes an error about `key`; if it is not there, it stands where what is above it does.
    fn error(&self, file: &Path, key: &str, problem: &str) -> ConfigError {
        let mut above = Some(key);
        let found = std::iter::from_fn(|| {
            let at = above?;
            above = at.rsplit_once('.').map(|(above, _)| above);
            Some(at)
        });
        let line = found.filter_map(|key| self.0.get(key)).map(|place| place.0).next().unwrap_or(1);
        let value = self.0.get(key).and_then(|place| place.1.clone());
        ConfigError { file: file.into(), line, key: key.into(), value, problem: problem.into() }
    }
}

/// Reads the documents of all flows whose file is known; notes what is wrong with them.
pub(crate) fn read_all(
    reader: &Reader<'_>,
    flows: &[Placed<RawFlow>],
    read: &dyn Fn(&Path) -> Result<String, ConfigError>,
) -> Vec<FlowFile> {
    let mut files = Vec::new();
    for Placed { item, place } in flows.iter().filter(|flow| flow.place.good("file")) {
        match read(&item.file) {
            Ok(text) => match read_one(&item.file, &text) {
                Ok((flow, places)) => {
                    let file = FlowFile { name: item.name.clone(), path: item.file.clone(), flow, places };
                    if place.good("name") {
                        same_name(reader, &file);
                    }
                    files.push(file);
                }
                Err(errors) => errors.into_iter().for_each(|error| reader.add(error)),
            },
            Err(error) if error.line == 0 => reader.wrong(place, "file", error.problem),
            Err(error) => reader.add(error),
        }
    }
    files
}

fn same_name(reader: &Reader<'_>, file: &FlowFile) {
    if file.flow.flow().name != file.name {
        let problem =
            format!("{:?} is not {:?}, as the configuration calls it", file.flow.flow().name, file.name);
        reader.add(file.places.error(&file.path, "name", &problem));
    }
}

fn read_one(path: &Path, text: &str) -> Result<(ValidFlow, Places), Vec<ConfigError>> {
    let reader = Reader::new(path, text);
    let (document, syntax) = DeTable::parse_recoverable(text);
    if !syntax.is_empty() {
        syntax.iter().for_each(|error| reader.syntax(error));
        return Err(reader.into_parts().0);
    }
    let places = Places::of(&reader, document.get_ref());
    let flow = toml::from_str::<ivr::Flow>(text)
        .map_err(|error| form_errors(path, &reader, &places, document.get_ref(), &error))?;
    match flow.validate() {
        Ok(flow) => Ok((flow, places)),
        Err(errors) => {
            let mut errors: Vec<_> = errors.iter().map(|error| rule_error(path, &places, error)).collect();
            errors.sort_by_key(|error| error.line);
            Err(errors)
        }
    }
}

/// Returns what is wrong with the form: of each node, else of what stands beside them.
fn form_errors(
    path: &Path,
    reader: &Reader<'_>,
    places: &Places,
    document: &DeTable<'_>,
    error: &toml::de::Error,
) -> Vec<ConfigError> {
    let node_error = |(name, node): (&Spanned<_>, &Spanned<DeValue<'_>>)| {
        let error = Node::deserialize(ValueDeserializer::from(node.clone())).err()?;
        let key = format!("nodes.{}", AsRef::<str>::as_ref(name.get_ref()));
        Some(places.error(path, &key, &told(&error)))
    };
    let nodes = document.iter().find(|(name, _)| name.get_ref().as_ref() == "nodes");
    let nodes = nodes.and_then(|(_, nodes)| nodes.get_ref().as_table());
    let found: Vec<_> = nodes.into_iter().flat_map(|nodes| nodes.iter()).filter_map(node_error).collect();
    if !found.is_empty() {
        return found;
    }
    let line = error.span().map_or(1, |span| reader.line(span.start));
    let (file, key, problem) = (path.into(), String::new(), told(error));
    vec![ConfigError { file, line, key, value: None, problem }]
}

fn told(error: &toml::de::Error) -> String {
    error.message().trim().replace('\n', ", ")
}

fn rule_error(path: &Path, places: &Places, error: &FlowError) -> ConfigError {
    let key = match (error.node.as_str(), error.field.as_str()) {
        ("", field) => field.to_string(),
        // A node's name stands in its header.
        (node, "name") => format!("nodes.{node}"),
        (node, field) => format!("nodes.{node}.{field}"),
    };
    places.error(path, &key, &error.problem.to_string())
}
