//! A changed configuration, taken when somebody asks for it.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;

use crate::error::Refusal;
use crate::schema::Reloaded;
use crate::server::Shared;

/// Takes a changed configuration under way.
pub trait Reload: Send + Sync {
    /// Reads, checks and takes it. May wait for the disk.
    ///
    /// # Errors
    /// Everything that is wrong with it, a line each; nothing has changed.
    fn reload(&self) -> Result<Reloaded, Vec<String>>;
}

/// Answers `POST /v1/reload`.
pub(crate) async fn reload(State(shared): State<Arc<Shared>>) -> Result<Json<Reloaded>, Refusal> {
    let Some(reloader) = shared.reload.clone() else {
        return Err(Refusal::not_found("this program takes no other configuration"));
    };
    let outcome = tokio::task::spawn_blocking(move || reloader.reload()).await;
    let internal = |_| Refusal::new(StatusCode::INTERNAL_SERVER_ERROR, "internal", "reading it has failed");
    outcome
        .map_err(internal)?
        .map(Json)
        .map_err(|errors| Refusal::new(StatusCode::UNPROCESSABLE_ENTITY, "configuration", errors.join("\n")))
}
