//! The API's other end: one request, one answer.

use std::path::{Path, PathBuf};
use std::time::Duration;

use api::Token;
use api::schema::Problem;
use serde::de::DeserializeOwned;
use ureq::http::{Response, StatusCode};
use ureq::{Agent, Body};

use crate::error::CliError;

/// How long the API may take to answer; it gives up on the switch before.
const PATIENCE: Duration = Duration::from_secs(10);
/// The longest answer that is read, in octets.
const MAX_ANSWER: u64 = 64 << 20;

/// Where the API is, and the right to use it.
#[derive(Clone, Debug)]
pub struct Client {
    base_url: String,
    token: Token,
    token_file: PathBuf,
    agent: Agent,
}

impl Client {
    /// Makes a client of the API at `base_url` ("http://127.0.0.1:8040") with the token in `token_file`.
    ///
    /// # Errors
    /// The token cannot be read, or the address is not one of plain HTTP.
    pub fn new(base_url: &str, token_file: &Path) -> Result<Client, CliError> {
        Client::with_patience(base_url, token_file, PATIENCE)
    }

    /// Makes a client as [`Client::new`] does that waits for an answer no longer than `patience`.
    ///
    /// # Errors
    /// As [`new`](Client::new).
    pub fn with_patience(base_url: &str, token_file: &Path, patience: Duration) -> Result<Client, CliError> {
        let base_url = base_url.trim_end_matches('/').to_string();
        if !base_url.starts_with("http://") {
            return Err(CliError::Where(format!("--api: {base_url} does not begin with http://")));
        }
        let token = api::token::load(token_file)?;
        let config = Agent::config_builder()
            .http_status_as_error(false)
            .timeout_global(Some(patience))
            // The token goes to this machine, past any proxy that the environment names.
            .proxy(None)
            .max_redirects(0)
            .build();
        Ok(Client { base_url, token, token_file: token_file.into(), agent: config.into() })
    }

    /// Asks for `path`.
    ///
    /// # Errors
    /// Nothing answers, it does not know us, or it says no.
    pub fn get(&self, path: &str) -> Result<String, CliError> {
        self.answer(self.agent.get(self.url(path)).header("Authorization", self.bearer()).call())
    }

    /// Sends `body` as JSON to `path`.
    ///
    /// # Errors
    /// As [`get`](Client::get).
    pub fn post(&self, path: &str, body: &impl serde::Serialize) -> Result<String, CliError> {
        self.answer(self.agent.post(self.url(path)).header("Authorization", self.bearer()).send_json(body))
    }

    /// Has `path` removed.
    ///
    /// # Errors
    /// As [`get`](Client::get).
    pub fn delete(&self, path: &str) -> Result<String, CliError> {
        self.answer(self.agent.delete(self.url(path)).header("Authorization", self.bearer()).call())
    }

    /// Reads an answer.
    ///
    /// # Errors
    /// It is not what was asked for.
    pub fn read<T: DeserializeOwned>(&self, text: &str) -> Result<T, CliError> {
        serde_json::from_str(text).map_err(|e| self.senseless(e.to_string()))
    }

    /// Returns where the API is.
    pub fn base_url(&self) -> &str {
        &self.base_url
    }

    pub(crate) fn bearer(&self) -> String {
        format!("Bearer {}", self.token.expose())
    }

    pub(crate) fn senseless(&self, why: String) -> CliError {
        CliError::Senseless { url: self.base_url.clone(), why }
    }

    pub(crate) fn unreachable(&self, why: String) -> CliError {
        CliError::Unreachable { url: self.base_url.clone(), why }
    }

    /// Says what an answer other than success means.
    pub(crate) fn refused(&self, status: StatusCode, text: &str) -> CliError {
        if status == StatusCode::UNAUTHORIZED {
            return CliError::Token { url: self.base_url.clone(), token_file: self.token_file.clone() };
        }
        match serde_json::from_str::<Problem>(text) {
            Ok(Problem { error }) => CliError::Refused { code: error.code, message: error.message },
            Err(_) => self.senseless(format!("status {status}")),
        }
    }

    fn url(&self, path: &str) -> String {
        format!("{}{path}", self.base_url)
    }

    fn answer(&self, result: Result<Response<Body>, ureq::Error>) -> Result<String, CliError> {
        let mut response = result.map_err(|e| self.unreachable(e.to_string()))?;
        let text = response.body_mut().with_config().limit(MAX_ANSWER).read_to_string();
        let text = text.map_err(|e| self.senseless(e.to_string()))?;
        if response.status().is_success() { Ok(text) } else { Err(self.refused(response.status(), &text)) }
    }
}
