//! Takes a changed configuration under way: read, checked, compared, handed to the switch thread, kept.
//!
//! All or nothing: with an error in the file, or a change that takes a restart, everything goes on as it was. What is
//! taken is kept in the data directory (`taken.toml`) and is what a restarted process reads, so that a half-edited file
//! never meets a process that has to start at night.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use api::Reload;
use api::schema::Reloaded;
use config::{Config, Source};
use crossbeam_channel::{Sender, bounded};
use switch::{ConfigureError, SwitchConfig};

use crate::{warnings, wiring};

/// How long the switch thread may take to take it.
const WITHIN: Duration = Duration::from_secs(5);

/// The file's name in the data directory.
pub(crate) const TAKEN: &str = "taken.toml";

/// A configuration for the switch thread, and where it answers.
pub(crate) type Offered = (Box<SwitchConfig>, Sender<Result<(), ConfigureError>>);

/// What runs.
struct Running {
    config: Config,
    source: Source,
}

/// Reads the file again when it is asked to.
pub(crate) struct Reloader {
    file: PathBuf,
    /// Where what is taken is kept; none for a switch process without a supervisor.
    taken: Option<PathBuf>,
    running: Mutex<Running>,
    switch: Sender<Offered>,
}

impl Reloader {
    pub fn new(
        file: &Path,
        taken: Option<&Path>,
        config: Config,
        source: Source,
        switch: Sender<Offered>,
    ) -> Reloader {
        let running = Mutex::new(Running { config, source });
        Reloader { file: file.into(), taken: taken.map(Into::into), running, switch }
    }

    fn keep(&self, source: &Source) -> Result<(), Vec<String>> {
        let Some(taken) = &self.taken else {
            return Ok(());
        };
        source.save(taken).map_err(|e| vec![format!("{} cannot be written: {e}", taken.display())])
    }

    fn hand_over(&self, config: &Config) -> Result<(), Vec<String>> {
        let (answer, answered) = bounded(1);
        let gone = |_| vec!["the switch takes no configuration now".to_string()];
        let offered = (Box::new(wiring::switch_config(config)), answer);
        self.switch.send_timeout(offered, WITHIN).map_err(|_| gone(()))?;
        let outcome = answered.recv_timeout(WITHIN).map_err(|_| gone(()))?;
        outcome.map_err(|error| vec![error.to_string()])
    }
}

impl Reload for Reloader {
    fn reload(&self) -> Result<Reloaded, Vec<String>> {
        let mut running = self.running.lock().unwrap_or_else(PoisonError::into_inner);
        let (config, source) = Source::load(&self.file)
            .map_err(|errors| errors.iter().map(ToString::to_string).collect::<Vec<_>>())?;
        let changes = running.config.changes(&config);
        if !changes.fixed.is_empty() {
            let told = |change: &String| format!("{change}: takes a restart of Tandem");
            return Err(changes.fixed.iter().map(told).collect());
        }
        let known = wiring::named_prompts(&running.config);
        let (old, new): (Vec<_>, Vec<_>) =
            wiring::unfit_prompts(&config).into_iter().partition(|unfit| known.contains_key(&unfit.prompt));
        if !new.is_empty() {
            return Err(new.iter().map(ToString::to_string).collect());
        }
        self.keep(&source)?;
        if let Err(errors) = self.hand_over(&config) {
            self.keep(&running.source)?;
            return Err(errors);
        }
        let warnings = warnings(&config).into_iter().chain(old.iter().map(ToString::to_string)).collect();
        *running = Running { config, source };
        tracing::info!(file = %self.file.display(), changes = changes.taken.join(", "), "configuration taken");
        Ok(Reloaded { changes: changes.taken, warnings })
    }
}

/// Starts the thread that reloads on SIGHUP.
pub(crate) fn on_hangup(reloader: Arc<Reloader>) -> std::io::Result<()> {
    let mut signals = signal_hook::iterator::Signals::new([signal_hook::consts::SIGHUP])?;
    std::thread::Builder::new().name("reload".into()).spawn(move || {
        for _ in signals.forever() {
            if let Err(errors) = reloader.reload() {
                let file = reloader.file.display();
                tracing::error!(%file, errors = errors.join("; "), "the changed configuration is not taken: all goes on");
            }
        }
    })?;
    Ok(())
}
