//! Takes values out of the parsed file by name, kind and range, and collects everything that is wrong.
//!
//! A [`Section`] is one table of the file. Each of its methods names a key, says what may stand there and returns a
//! value that can be used: the one in the file, its default, or, once an error is noted, a stand-in. `finish`
//! refuses the keys that nobody asked for. The [`Place`] that remains lets later checks point at the same lines.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::fmt::Display;
use std::ops::{Range, RangeInclusive};
use std::path::Path;
use std::time::Duration;

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use crate::{ConfigError, KeyInfo};

/// The most characters of a value that an error repeats.
const MAX_SHOWN: usize = 60;

/// The file being read, and what was found so far.
pub(crate) struct Reader<'a> {
    file: &'a Path,
    source: &'a str,
    errors: RefCell<Vec<ConfigError>>,
    keys: RefCell<Vec<KeyInfo>>,
}

impl<'a> Reader<'a> {
    pub fn new(file: &'a Path, source: &'a str) -> Reader<'a> {
        Reader { file, source, errors: RefCell::default(), keys: RefCell::default() }
    }

    /// Notes an error of the file's syntax.
    pub fn syntax(&self, error: &toml::de::Error) {
        let line = error.span().map_or(0, |span| self.line(span.start));
        self.note(line, String::new(), None, format!("not TOML: {}", error.message().replace('\n', ", ")));
    }

    /// Notes that something about `key` at `place` is wrong. The value is put before `problem` if there is one.
    pub fn wrong(&self, place: &Place, key: &str, problem: impl Display) {
        let (line, value) = match place.given.get(key) {
            Some(given) => (given.line, Some(given.text.clone())),
            None => (place.line, None),
        };
        let problem = match &value {
            Some(value) => format!("{value} {problem}"),
            None => problem.to_string(),
        };
        self.note(line, place.key(key), value, problem);
    }

    /// Returns the errors in the order of lines, those of other files last, and every key asked for.
    pub fn into_parts(self) -> (Vec<ConfigError>, Vec<KeyInfo>) {
        let mut errors = self.errors.into_inner();
        errors.sort_by(|a, b| {
            (a.file != self.file, &a.file, a.line).cmp(&(b.file != self.file, &b.file, b.line))
        });
        (errors, self.keys.into_inner())
    }

    /// Notes an error that was found in another file.
    pub fn add(&self, error: ConfigError) {
        self.errors.borrow_mut().push(error);
    }

    fn note(&self, line: usize, key: String, value: Option<String>, problem: String) {
        self.errors.borrow_mut().push(ConfigError {
            file: self.file.to_path_buf(),
            line,
            key,
            value,
            problem,
        });
    }

    /// Returns the line of an octet, counted from 1.
    pub fn line(&self, offset: usize) -> usize {
        self.source.bytes().take(offset).filter(|&c| c == b'\n').count() + 1
    }

    /// Returns what stands there, cut to a length that can be shown.
    pub fn text(&self, span: Range<usize>) -> String {
        let text = self.source.get(span).unwrap_or_default();
        let first: String = text.lines().next().unwrap_or_default().chars().take(MAX_SHOWN).collect();
        if first.len() < text.len() { format!("{first}...") } else { first }
    }
}

/// Where a section stands in the file and which of its keys were given.
#[derive(Clone, Debug, Default)]
pub(crate) struct Place {
    /// Its name in errors, for example `card.sim0`.
    pub name: String,
    /// The line of its header.
    pub line: usize,
    given: BTreeMap<String, Given>,
}

#[derive(Clone, Debug)]
struct Given {
    line: usize,
    text: String,
    good: bool,
}

impl Place {
    /// Returns true if `key` was given.
    pub fn has(&self, key: &str) -> bool {
        self.given.contains_key(key)
    }

    /// Returns true if the value of `key` can be relied on: it was given and had no error.
    pub fn good(&self, key: &str) -> bool {
        self.given.get(key).is_some_and(|given| given.good)
    }

    /// Returns the line of `key`.
    pub fn line_of(&self, key: &str) -> usize {
        self.given.get(key).map_or(self.line, |given| given.line)
    }

    fn key(&self, key: &str) -> String {
        match (self.name.as_str(), key) {
            ("", key) => key.to_string(),
            (name, "") => name.to_string(),
            (name, key) => format!("{name}.{key}"),
        }
    }
}

/// One table of the file.
pub(crate) struct Section<'r, 'a> {
    reader: &'r Reader<'a>,
    table: Option<&'r DeTable<'a>>,
    /// The section as written in the file.
    form: String,
    place: Place,
    known: Vec<&'static str>,
}

impl<'r, 'a> Section<'r, 'a> {
    /// Opens the top of the file.
    pub fn root(reader: &'r Reader<'a>, table: &'r DeTable<'a>) -> Section<'r, 'a> {
        Section::open(reader, Some(table), String::new(), String::new(), 1)
    }

    fn open(
        reader: &'r Reader<'a>,
        table: Option<&'r DeTable<'a>>,
        form: String,
        name: String,
        line: usize,
    ) -> Section<'r, 'a> {
        let mut place = Place { name, line, given: BTreeMap::new() };
        for (key, value) in table.iter().flat_map(|table| table.iter()) {
            let given =
                Given { line: reader.line(key.span().start), text: reader.text(value.span()), good: true };
            place.given.insert(key.get_ref().to_string(), given);
        }
        Section { reader, table, form, place, known: Vec::new() }
    }

    /// Returns where the section stands.
    pub fn place(&self) -> &Place {
        &self.place
    }

    /// Refuses the keys that were not asked for and returns where the section stands.
    pub fn finish(self) -> Place {
        for (key, _) in self.table.iter().flat_map(|table| table.iter()) {
            let key = key.get_ref().as_ref();
            if self.known.contains(&key) {
                continue;
            }
            let near = nearest(key, &self.known);
            let hint = near.map(|near| format!(": did you mean `{near}`?")).unwrap_or_default();
            let line = self.place.line_of(key);
            self.reader.note(line, self.place.key(key), None, format!("unknown key{hint}"));
        }
        self.place
    }

    /// Reads the table `key` within this one; without it every key of it has its default.
    pub fn table(&mut self, key: &'static str) -> Section<'r, 'a> {
        self.known.push(key);
        let (form, name) = (joined(&self.form, key), self.place.key(key));
        let Some(value) = self.value(key) else {
            return Section::open(self.reader, None, form, name, self.place.line);
        };
        let line = self.reader.line(value.span().start);
        let table = value.get_ref().as_table();
        if table.is_none() {
            self.expected(key, "a table");
        }
        Section::open(self.reader, table, form, name, line)
    }

    /// Reads the list of tables `[[key]]`, at most `max`. Each is named by its key `label`, else by its place.
    pub fn tables(&mut self, key: &'static str, label: &str, max: usize) -> Vec<Section<'r, 'a>> {
        self.known.push(key);
        let (form, name) = (joined(&self.form, key), self.place.key(key));
        let Some(value) = self.value(key) else { return Vec::new() };
        let Some(list) = value.get_ref().as_array() else {
            self.expected(key, &format!("a list of tables, written [[{form}]],"));
            return Vec::new();
        };
        if list.len() > max {
            self.wrong(key, format!("holds {} tables: at most {max} are allowed", list.len()));
        }
        let mut sections = Vec::new();
        for (index, item) in list.iter().enumerate().take(max) {
            let line = self.reader.line(item.span().start);
            let Some(table) = item.get_ref().as_table() else {
                self.expected(key, &format!("a list of tables, written [[{form}]],"));
                continue;
            };
            let label = find(table, label).and_then(|value| label_of(value.get_ref()));
            let item = label.unwrap_or_else(|| format!("[{}]", index + 1));
            let dot = if item.starts_with('[') { "" } else { "." };
            sections.push(Section::open(
                self.reader,
                Some(table),
                form.clone(),
                format!("{name}{dot}{item}"),
                line,
            ));
        }
        sections
    }

    /// Reads a whole number; `default` if it is not given.
    pub fn integer<T: Integer>(
        &mut self,
        key: &'static str,
        range: RangeInclusive<T>,
        unit: &str,
        default: T,
    ) -> T {
        self.ask(key, allowed(&range, unit), Some(default.to_string()));
        self.integer_in(key, &range, unit).unwrap_or(default)
    }

    /// Reads a whole number that has no default.
    pub fn optional_integer<T: Integer>(
        &mut self,
        key: &'static str,
        range: RangeInclusive<T>,
        unit: &str,
    ) -> Option<T> {
        self.ask(key, allowed(&range, unit), None);
        self.integer_in(key, &range, unit)
    }

    /// Reads a whole number that must be given.
    pub fn required_integer<T: Integer>(
        &mut self,
        key: &'static str,
        range: RangeInclusive<T>,
        unit: &str,
    ) -> T {
        let value = self.optional_integer(key, range.clone(), unit);
        self.must(key, || allowed(&range, unit));
        value.unwrap_or(*range.start())
    }

    /// Reads a time, in the unit that ends the key's name: `_ms` or `_s`.
    pub fn duration(&mut self, key: &'static str, range: RangeInclusive<u32>, default: u32) -> Duration {
        let (unit, ms) = unit_of_time(key);
        Duration::from_millis(u64::from(self.integer(key, range, unit, default)) * ms)
    }

    /// Reads a time that has no fixed default.
    pub fn optional_duration(&mut self, key: &'static str, range: RangeInclusive<u32>) -> Option<Duration> {
        let (unit, ms) = unit_of_time(key);
        self.optional_integer(key, range, unit).map(|n| Duration::from_millis(u64::from(n) * ms))
    }

    /// Reads a number that may have a fraction.
    pub fn float(&mut self, key: &'static str, range: RangeInclusive<f64>, unit: &str, default: f64) -> f64 {
        self.ask(key, allowed(&range, unit), Some(format!("{default:?}")));
        let Some(value) = self.value(key) else { return default };
        let number = match value.get_ref() {
            DeValue::Float(float) => float.as_str().replace('_', "").parse::<f64>().ok(),
            DeValue::Integer(integer) => {
                i64::from_str_radix(integer.as_str(), integer.radix()).ok().map(|n| n as f64)
            }
            _ => {
                self.expected(key, &format!("a number in {}", bracketed(&range, unit)));
                return default;
            }
        };
        match number.filter(|number| range.contains(number)) {
            Some(number) => number,
            None => {
                self.wrong(key, format!("is not in {}", bracketed(&range, unit)));
                default
            }
        }
    }

    /// Reads `true` or `false`.
    pub fn boolean(&mut self, key: &'static str, default: bool) -> bool {
        self.ask(key, "true | false".into(), Some(default.to_string()));
        let Some(value) = self.value(key) else { return default };
        value.get_ref().as_bool().unwrap_or_else(|| {
            self.expected(key, "true or false");
            default
        })
    }

    /// Reads one of several words; `default` must be one of them.
    pub fn choice<T: Copy>(&mut self, key: &'static str, words: &[(&str, T)], default: &str) -> T {
        self.ask(key, one_of(words), Some(format!("{default:?}")));
        let stand_in = words.iter().find(|word| word.0 == default).unwrap_or(&words[0]).1;
        self.word(key, words).unwrap_or(stand_in)
    }

    /// Reads one of several words, without a default.
    pub fn optional_choice<T: Copy>(&mut self, key: &'static str, words: &[(&str, T)]) -> Option<T> {
        self.ask(key, one_of(words), None);
        self.word(key, words)
    }

    /// Reads one of several words, which must be given.
    pub fn required_choice<T: Copy>(&mut self, key: &'static str, words: &[(&str, T)]) -> T {
        let value = self.optional_choice(key, words);
        self.must(key, || one_of(words));
        value.unwrap_or(words[0].1)
    }

    /// Reads a string that `parse` understands; `what` says what that is.
    pub fn text<T>(
        &mut self,
        key: &'static str,
        what: &str,
        default: &str,
        parse: impl Fn(&str) -> Option<T>,
    ) -> T {
        self.ask(key, what.into(), Some(format!("{default:?}")));
        let fallback = || parse(default).expect("the default is understood");
        self.string(key, what, &parse).unwrap_or_else(fallback)
    }

    /// Reads a string that `parse` understands and that has no default.
    pub fn optional_text<T>(
        &mut self,
        key: &'static str,
        what: &str,
        parse: impl Fn(&str) -> Option<T>,
    ) -> Option<T> {
        self.ask(key, what.into(), None);
        self.string(key, what, &parse)
    }

    /// Reads a string that `parse` understands and that must be given.
    pub fn required_text<T: Default>(
        &mut self,
        key: &'static str,
        what: &str,
        parse: impl Fn(&str) -> Option<T>,
    ) -> T {
        let value = self.optional_text(key, what, parse);
        self.must(key, || what.to_string());
        value.unwrap_or_default()
    }

    /// Reads a list whose items `parse` understands; empty if it is not given.
    pub fn list<T>(
        &mut self,
        key: &'static str,
        what: &str,
        max: usize,
        parse: impl Fn(&DeValue<'_>) -> Option<T>,
    ) -> Vec<T> {
        self.ask(key, format!("at most {max}: {what}"), None);
        let Some(value) = self.value(key) else { return Vec::new() };
        let Some(items) = value.get_ref().as_array() else {
            self.expected(key, &format!("a list in [ ] of at most {max}: {what}"));
            return Vec::new();
        };
        if items.len() > max {
            self.wrong(key, format!("has {} items: at most {max} are allowed", items.len()));
        }
        let mut list = Vec::new();
        for item in items.iter().take(max) {
            match parse(item.get_ref()) {
                Some(item) => list.push(item),
                None => {
                    let text = self.reader.text(item.span());
                    self.bad(key);
                    let line = self.reader.line(item.span().start);
                    let problem = format!("{text} is not allowed: {what}");
                    self.reader.note(line, self.place.key(key), Some(text), problem);
                }
            }
        }
        list
    }

    /// Notes that something about `key` is wrong.
    pub fn wrong(&mut self, key: &'static str, problem: impl Display) {
        self.bad(key);
        self.reader.wrong(&self.place, key, problem);
    }

    fn ask(&mut self, key: &'static str, allowed: String, default: Option<String>) {
        self.known.push(key);
        let given = self.place.given.get(key).map(|given| given.text.clone());
        self.reader.keys.borrow_mut().push(KeyInfo {
            section: self.form.clone(),
            key,
            allowed,
            default,
            given,
        });
    }

    fn value(&self, key: &str) -> Option<&'r Spanned<DeValue<'a>>> {
        find(self.table?, key)
    }

    fn must(&mut self, key: &'static str, allowed: impl Fn() -> String) {
        if !self.place.has(key) {
            self.reader.wrong(&self.place, key, format!("missing: it must be given ({})", allowed()));
        }
    }

    fn bad(&mut self, key: &str) {
        if let Some(given) = self.place.given.get_mut(key) {
            given.good = false;
        }
    }

    fn expected(&mut self, key: &'static str, what: &str) {
        let kind = self.value(key).map_or("nothing", |value| value.get_ref().type_str());
        let article = if kind.starts_with(['a', 'i']) { "an" } else { "a" };
        self.wrong(key, format!("is {article} {kind}: {what} is expected"));
    }

    fn integer_in<T: Integer>(
        &mut self,
        key: &'static str,
        range: &RangeInclusive<T>,
        unit: &str,
    ) -> Option<T> {
        let value = self.value(key)?;
        let DeValue::Integer(integer) = value.get_ref() else {
            self.expected(key, &format!("a whole number in {}", bracketed(range, unit)));
            return None;
        };
        let number = i64::from_str_radix(integer.as_str(), integer.radix()).ok();
        let inside = number.and_then(|n| T::try_from(n).ok()).filter(|n| range.contains(n));
        if inside.is_none() {
            self.wrong(key, format!("is not in {}", bracketed(range, unit)));
        }
        inside
    }

    fn word<T: Copy>(&mut self, key: &'static str, words: &[(&str, T)]) -> Option<T> {
        let value = self.value(key)?;
        let Some(text) = value.get_ref().as_str() else {
            self.expected(key, &format!("one of {}", one_of(words)));
            return None;
        };
        let found = words.iter().find(|word| word.0 == text).map(|word| word.1);
        if found.is_none() {
            let names: Vec<&str> = words.iter().map(|word| word.0).collect();
            let hint =
                nearest(text, &names).map(|near| format!(": did you mean {near:?}?")).unwrap_or_default();
            self.wrong(key, format!("is not one of {}{hint}", one_of(words)));
        }
        found
    }

    fn string<T>(&mut self, key: &'static str, what: &str, parse: &impl Fn(&str) -> Option<T>) -> Option<T> {
        let value = self.value(key)?;
        let Some(text) = value.get_ref().as_str() else {
            self.expected(key, &format!("a string ({what})"));
            return None;
        };
        let parsed = parse(text);
        if parsed.is_none() {
            self.wrong(key, format!("is not allowed: {what}"));
        }
        parsed
    }
}

/// The whole numbers a key may hold.
pub(crate) trait Integer: Copy + Display + PartialOrd + TryFrom<i64> {}

impl Integer for u8 {}
impl Integer for u16 {}
impl Integer for u32 {}

/// Returns the unit in words and in milliseconds.
fn unit_of_time(key: &str) -> (&'static str, u64) {
    if key.ends_with("_ms") { ("milliseconds", 1) } else { ("seconds", 1_000) }
}

fn joined(form: &str, key: &str) -> String {
    if form.is_empty() { key.to_string() } else { format!("{form}.{key}") }
}

fn find<'r, 'a>(table: &'r DeTable<'a>, key: &str) -> Option<&'r Spanned<DeValue<'a>>> {
    table.iter().find(|(name, _)| name.get_ref().as_ref() == key).map(|(_, value)| value)
}

fn label_of(value: &DeValue<'_>) -> Option<String> {
    match value {
        DeValue::String(text) if !text.is_empty() && text.len() <= MAX_SHOWN => Some(text.to_string()),
        DeValue::Integer(number) => Some(number.to_string()),
        _ => None,
    }
}

fn allowed<T: Display>(range: &RangeInclusive<T>, unit: &str) -> String {
    let space = if unit.is_empty() { "" } else { " " };
    format!("{}..={}{space}{unit}", range.start(), range.end())
}

fn bracketed<T: Display>(range: &RangeInclusive<T>, unit: &str) -> String {
    if unit.is_empty() { allowed(range, "") } else { format!("{} ({unit})", allowed(range, "")) }
}

fn one_of<T>(words: &[(&str, T)]) -> String {
    words.iter().map(|word| format!("{:?}", word.0)).collect::<Vec<_>>().join(" | ")
}

/// Returns the word most like `word` if it is like enough to be a slip of the pen.
fn nearest<'w>(word: &str, known: &[&'w str]) -> Option<&'w str> {
    let near = known.iter().map(|known| (strsim::damerau_levenshtein(word, known), *known)).min()?;
    let limit = (word.chars().count() / 3).max(1);
    (near.0 <= limit).then_some(near.1)
}
