//! The server's life: bind, run on a thread of its own, stop.

use std::net::{SocketAddr, TcpListener};
use std::path::PathBuf;
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use tokio::sync::{Semaphore, watch};

use crate::events::MAX_SOCKETS;
use crate::hub::Hub;
use crate::listener::{self, Patience};
use crate::recordings::Recordings;
use crate::reload::Reload;
use crate::routes;
use crate::token::Token;

/// How long connections may take to finish when the server stops.
const FAREWELL: Duration = Duration::from_secs(2);

/// What the server is told once.
#[derive(Clone)]
pub struct ApiConfig {
    /// Where it listens; port 0 takes any free one.
    pub listen: SocketAddr,
    /// What every request must carry.
    pub token: Token,
    /// The program's version, for the status.
    pub version: String,
    /// Where records are read; without it there are none.
    pub records: Option<Arc<dyn store::Read>>,
    /// Where recordings lie; without it there are none.
    pub recordings_dir: Option<PathBuf>,
    /// Who takes a changed configuration; without it nobody does.
    pub reload: Option<Arc<dyn Reload>>,
    /// How long a connection may do nothing.
    pub patience: Patience,
}

/// Why there is no server.
#[derive(Debug, thiserror::Error)]
pub enum ApiError {
    /// The address cannot be listened on.
    #[error("api.listen: cannot listen on {listen}: {source}")]
    Bind {
        /// The address.
        listen: SocketAddr,
        /// What the system says.
        source: std::io::Error,
    },
    /// The system gives no thread.
    #[error("api: cannot start: {0}")]
    Start(std::io::Error),
}

/// What all requests share.
pub(crate) struct Shared {
    pub(crate) hub: Hub,
    pub(crate) token: Token,
    pub(crate) version: String,
    pub(crate) listen: SocketAddr,
    pub(crate) started: Instant,
    pub(crate) records: Option<Arc<dyn store::Read>>,
    pub(crate) recordings: Option<Recordings>,
    pub(crate) reload: Option<Arc<dyn Reload>>,
    /// Room for WebSockets.
    pub(crate) sockets: Arc<Semaphore>,
    /// Becomes true when the server stops.
    pub(crate) stop: watch::Receiver<bool>,
}

/// A running server; it stops when it is dropped.
#[derive(Debug)]
pub struct Server {
    listen: SocketAddr,
    stop: watch::Sender<bool>,
    thread: Option<JoinHandle<()>>,
}

/// Binds, then serves `hub` on a thread of its own.
///
/// # Errors
/// The address is taken or not ours, or the system gives no thread; nothing runs then.
pub fn serve(config: ApiConfig, hub: Hub) -> Result<Server, ApiError> {
    let ApiConfig { listen, token, version, records, recordings_dir, reload, patience } = config;
    let bind = |source| ApiError::Bind { listen, source };
    let listener = TcpListener::bind(listen).map_err(bind)?;
    listener.set_nonblocking(true).map_err(bind)?;
    let listen = listener.local_addr().map_err(bind)?;
    let (stop, stopped) = watch::channel(false);
    let shared = Arc::new(Shared {
        hub,
        token,
        version,
        listen,
        started: Instant::now(),
        records,
        recordings: recordings_dir.map(Recordings::new),
        reload,
        sockets: Arc::new(Semaphore::new(MAX_SOCKETS)),
        stop: stopped,
    });
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime = runtime.map_err(ApiError::Start)?;
    let listener = {
        let _inside = runtime.enter();
        tokio::net::TcpListener::from_std(listener).map_err(ApiError::Start)?
    };
    let thread = std::thread::Builder::new()
        .name("io-api".into())
        .spawn(move || runtime.block_on(run(listener, patience, shared)))
        .map_err(ApiError::Start)?;
    tracing::info!(%listen, "the API listens");
    Ok(Server { listen, stop, thread: Some(thread) })
}

impl Server {
    /// Returns where it listens.
    pub fn local_addr(&self) -> SocketAddr {
        self.listen
    }

    /// Tells WebSockets that it goes away, gives running requests [a moment](FAREWELL) and returns when it has stopped.
    pub fn shutdown(self) {
        drop(self);
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.stop.send_replace(true);
        if let Some(thread) = self.thread.take()
            && thread.join().is_err()
        {
            tracing::error!("the API's thread had panicked");
        }
    }
}

async fn run(listener: tokio::net::TcpListener, patience: Patience, shared: Arc<Shared>) {
    let router = routes::router(Arc::clone(&shared));
    let serving = listener::serve(listener, router, patience, shared.stop.clone());
    let too_long = async {
        listener::stopped(shared.stop.clone()).await;
        tokio::time::sleep(FAREWELL).await;
    };
    let all_gone = async {
        // WebSockets live outside of the serving; each gives its room back when it has said goodbye.
        serving.await;
        let _room = shared.sockets.acquire_many(MAX_SOCKETS as u32).await;
    };
    tokio::select! {
        () = all_gone => {}
        () = too_long => tracing::warn!("the API stopped with connections open"),
    }
}
