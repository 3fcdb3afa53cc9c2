//! A configuration together with the texts it was read from: what is taken can be read again as it was, whatever has
//! become of the files since.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::fs::{self, OpenOptions};
use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::error::{self, read_file};
use crate::{Config, ConfigError, MAX_FILE};

/// The largest file that [`Source::read`] takes, in octets: a configuration and the documents of its flows.
pub const MAX_TAKEN: u64 = 64 * MAX_FILE;

/// The texts of a configuration.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Source {
    /// The file it was read from, as it was named.
    file: PathBuf,
    /// What stood in it.
    text: String,
    /// The documents of its flows, by the paths that were read.
    documents: BTreeMap<PathBuf, String>,
}

impl Source {
    /// Reads and checks the file at `path` as [`Config::load`] does, and keeps what was read.
    ///
    /// # Errors
    /// All errors of the file, in the order of its lines, then those of its flows; one alone if it cannot be read.
    pub fn load(path: impl AsRef<Path>) -> Result<(Config, Source), Vec<ConfigError>> {
        let file = path.as_ref();
        let text = read_file(file, MAX_FILE).map_err(|error| vec![error])?;
        let documents = RefCell::new(BTreeMap::new());
        let read = |path: &Path| {
            let text = read_file(path, MAX_FILE)?;
            documents.borrow_mut().insert(path.to_path_buf(), text.clone());
            Ok(text)
        };
        let config = Config::parse_with(&text, file, &read)?;
        Ok((config, Source { file: file.to_path_buf(), text, documents: documents.into_inner() }))
    }

    /// Returns the configuration that these texts are.
    ///
    /// # Errors
    /// All errors of the texts; none unless another version of the program wrote them.
    pub fn config(&self) -> Result<Config, Vec<ConfigError>> {
        let missing = |path: &Path| error::of_file(path, "was not kept with the configuration");
        let read = |path: &Path| self.documents.get(path).cloned().ok_or_else(|| missing(path));
        Config::parse_with(&self.text, &self.file, &read)
    }

    /// Keeps the texts in the file `to`, which is whole at any moment. Only its owner may read it.
    ///
    /// # Errors
    /// What the system says; `to` is as it was.
    pub fn save(&self, to: &Path) -> std::io::Result<()> {
        let text = toml::to_string(self).map_err(std::io::Error::other)?;
        let beside = to.with_extension("new");
        let mut file =
            OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&beside)?;
        file.write_all(text.as_bytes())?;
        file.sync_all()?;
        fs::rename(&beside, to)
    }

    /// Reads what [`Source::save`] has kept.
    ///
    /// # Errors
    /// The file cannot be read or is none of ours.
    pub fn read(from: &Path) -> Result<Source, ConfigError> {
        Source::parse(&read_file(from, MAX_TAKEN)?, from)
    }

    /// Reads what [`Source::save`] has written to `from`.
    ///
    /// # Errors
    /// It is none of ours.
    pub fn parse(text: &str, from: &Path) -> Result<Source, ConfigError> {
        let wrong = |e: toml::de::Error| format!("is no kept configuration: {}", e.message());
        toml::from_str(text).map_err(|e| error::of_file(from, wrong(e)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = r#"
        version = 1
        card = [{ name = "c", type = "sim", span = [{ span = 1, kind = "e1" }] }]
        trunk = [{ name = "t", spans = [1], signalling = "pri_cpe" }]
        flow = [{ name = "bye", file = "bye.toml" }]
        number = [{ called = "8000", action = "flow", flow = "bye" }]
    "#;
    const FLOW: &str = "version = 1\nname = \"bye\"\nlanguage = \"zh\"\nstart = \"bye\"\n\
        [nodes.bye]\ntype = \"announce\"\nprompts = [\"goodbye\"]\n";

    fn written() -> (tempfile::TempDir, PathBuf) {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("c.toml");
        fs::write(&file, TEXT).unwrap();
        fs::write(folder.path().join("bye.toml"), FLOW).unwrap();
        (folder, file)
    }

    #[test]
    fn what_was_kept_is_read_again_after_the_files_have_changed() {
        let (folder, file) = written();
        let (config, source) = Source::load(&file).unwrap();
        let kept = folder.path().join("taken.toml");
        source.save(&kept).unwrap();
        fs::write(&file, "half an edi").unwrap();
        fs::remove_file(folder.path().join("bye.toml")).unwrap();
        assert!(Config::load(&file).is_err());
        let read = Source::read(&kept).unwrap();
        assert_eq!(read, source);
        assert_eq!(read.config().unwrap(), config);
    }

    #[test]
    fn only_the_owner_reads_what_is_kept() {
        use std::os::unix::fs::PermissionsExt;
        let (folder, file) = written();
        let kept = folder.path().join("taken.toml");
        Source::load(&file).unwrap().1.save(&kept).unwrap();
        assert_eq!(fs::metadata(&kept).unwrap().permissions().mode() & 0o777, 0o600);
    }

    #[test]
    fn a_file_that_was_not_kept_by_us_is_refused_by_its_name() {
        let (folder, file) = written();
        let error = Source::read(&file).unwrap_err().to_string();
        assert!(error.contains("c.toml: is no kept configuration"), "{error}");
        let kept = folder.path().join("taken.toml");
        fs::write(&kept, "file = \"c.toml\"\ntext = \"\"\"version = 1\nflow = [{ name = \"a\", file = \"a.toml\" }]\"\"\"\n[documents]\n").unwrap();
        let errors = Source::read(&kept).unwrap().config().unwrap_err();
        assert!(errors.iter().any(|e| e.to_string().contains("was not kept")), "{errors:?}");
    }
}
