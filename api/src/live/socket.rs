//! Socket.IO at `/socket.io/`: events as they happen, to each listener what they may hear (S004-09, 17, 100; FT-8).
//!
//! Each socket has a task and a place in the ring, no queue of its own: a slow reader costs the library's bounded
//! channel and nothing more. Rights are checked for each event, not at subscription, and whoever is logged out or disabled by this process
//! hears nothing of what comes after.

use std::{
    fmt,
    future::ready,
    pin::pin,
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant, SystemTime},
};

use axum::{
    extract::{Request, State},
    middleware::Next,
    response::{IntoResponse as _, Response},
};
use http::{
    HeaderMap,
    header::{HOST, ORIGIN},
};
use office::{
    Principal,
    accounts::{Ending, PrincipalRequest},
};
use prometheus_client::metrics::gauge::Gauge;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use socketioxide::{
    SendError, SocketError, SocketIo,
    extract::{AckSender, Extension, SocketRef, TryData},
    handler::ConnectHandler as _,
    layer::SocketIoLayer,
};
use tokio::sync::{
    broadcast::{self, error::TryRecvError},
    mpsc,
};
use tracing::{debug, error};

use crate::{
    auth::{self, left_until, source_or_none},
    error::{Code, Problem},
    live::{
        TooOld,
        ears::{Ears, Topics},
        presence::{Present, TELL_EVERY},
    },
    params::Params,
    state::Api,
};

/// Where the library listens.
const PATH: &str = "/socket.io";
/// The library asks so often whether the client is there, and waits so long for the answer.
const PING_EVERY: Duration = Duration::from_secs(if HURRY { 1 } else { 10 });
/// See [`PING_EVERY`].
const PONG_WITHIN: Duration = Duration::from_secs(if HURRY { 5 } else { 15 });
/// Time from the connection to the token.
const SIGN_IN_WITHIN: Duration = Duration::from_secs(if HURRY { 1 } else { 10 });
/// Packets in a client's channel: what a client that has stopped reading costs.
const PACKETS_MAX: usize = 256;
/// The longest message from a client, in octets: tokens and subscriptions are short.
const MESSAGE_MAX: u32 = 16 * 1024;
/// Events that are sent in one go.
const BATCH: usize = 64;
/// Pause after each go while more events wait, so that a long replay does not fill the channel.
const BATCH_PAUSE: Duration = Duration::from_millis(20);
/// Pause when the channel is full. A ping that finds it full ends the connection, so it is given time to drain.
const FULL_PAUSE: Duration = Duration::from_millis(250);
/// A client that has taken nothing for so long is cut off.
const SLOW_AFTER: Duration = Duration::from_secs(if HURRY { 1 } else { 10 });
/// A client is so often asked for anew in the database, and its user's sign of life told.
const LOOK_EVERY: Duration = if HURRY { Duration::from_secs(1) } else { TELL_EVERY };
/// Tests do not wait for minutes.
const HURRY: bool = cfg!(test);
/// Orders of one client that wait for its task.
const ORDERS_MAX: usize = 8;
/// A busy server comes late to a client that is connected; in tests it always does, which must cost the client nothing.
#[cfg(test)]
const LATE_TURNS: usize = 100;

/// The layer that answers under `/socket.io/`.
pub(crate) fn layer(api: &Api) -> SocketIoLayer {
    let message_max = usize::try_from(MESSAGE_MAX).unwrap_or(usize::MAX);
    let (layer, io) = SocketIo::builder()
        .req_path(PATH)
        .ping_interval(PING_EVERY)
        .ping_timeout(PONG_WITHIN)
        .connect_timeout(SIGN_IN_WITHIN)
        .max_buffer_size(PACKETS_MAX)
        .max_payload(MESSAGE_MAX.into())
        .ws_max_message_size(message_max)
        .ws_max_frame_size(message_max)
        .build_layer();
    let sign_in = {
        let api = api.clone();
        move |socket: SocketRef, TryData(auth): TryData<SignIn>| {
            let api = api.clone();
            async move { sign_in(&api, &socket, auth.ok()).await }
        }
    };
    let connected = {
        let api = api.clone();
        async move |socket: SocketRef, Extension(listener): Extension<Listener>, Extension(orders): Extension<Orders>| {
            #[cfg(test)]
            for _ in 0..LATE_TURNS {
                tokio::task::yield_now().await;
            }
            connected(api.clone(), socket, listener, &orders);
        }
    };
    io.ns("/", connected.with(sign_in));
    layer
}

/// What a client brings when it connects.
#[derive(Debug, Deserialize)]
struct SignIn {
    token: String,
}

/// A number: the acknowledgement of a subscription, and what `resync` says.
#[derive(Debug, Serialize)]
struct Seq {
    seq: u64,
}

/// Who listens.
#[derive(Clone)]
struct Listener {
    token: String,
    /// From when on the token is refused; an API token says none, and then it is far off.
    refused_from: SystemTime,
    request: PrincipalRequest,
    principal: Principal,
}

impl Listener {
    /// The one behind a token, as the database has them now.
    async fn of(api: &Api, token: String, request: PrincipalRequest) -> Result<Self, Refused> {
        let (principal, until) = auth::who_until(api, &token, &request).await.map_err(|problem| Refused(problem.code()))?;
        // Looked at every few seconds anyway.
        let refused_from = until.unwrap_or_else(|| SystemTime::now() + Duration::from_secs(365 * 24 * 60 * 60));
        Ok(Self { token, refused_from, request, principal })
    }
}

/// Why a client may not connect; the library tells it as `connect_error`.
#[derive(Debug)]
struct Refused(Code);

impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0.name())
    }
}

async fn sign_in(api: &Api, socket: &SocketRef, auth: Option<SignIn>) -> Result<(), Refused> {
    let SignIn { token } = auth.ok_or(Refused(Code::NotSignedIn))?;
    let parts = socket.req_parts();
    let request = auth::asked(parts).map_err(|problem| Refused(problem.code()))?;
    socket.extensions.insert(Listener::of(api, token, request).await?);
    // The library says to the client that it is in, and then starts a task for `connected`. A subscription that overtakes that task would be
    // dropped without an answer, and its client would wait for ever; so there is somebody to hear it before the client is in.
    socket.extensions.insert(Orders::of(socket));
    Ok(())
}

fn connected(api: Api, socket: SocketRef, listener: Listener, orders: &Orders) {
    let Some(ordered) = orders.take() else { return };
    let user = listener.principal.user();
    let Some(present) = api.presence.enter(user) else {
        debug!(%user, "Too many sockets of one user.");
        drop(socket.disconnect());
        return;
    };
    let open = Open::new(&api, present);
    let ears = Ears::of(&listener.principal);
    let endings = api.office.endings();
    let feed = Feed { api, socket: socket.clone(), listener, ears, topics: Topics::all(), place: None, endings };
    let task = tokio::spawn(async move {
        let _open = open;
        feed.run(ordered).await;
    });
    let task = task.abort_handle();
    socket.on_disconnect(async move || task.abort());
}

/// Counts an open socket in and, when it goes, out.
struct Open {
    sockets: Gauge,
    _present: Present,
}

impl Open {
    fn new(api: &Api, present: Present) -> Self {
        let sockets = api.metrics.sockets_live.clone();
        sockets.inc();
        Self { sockets, _present: present }
    }
}

impl Drop for Open {
    fn drop(&mut self) {
        self.sockets.dec();
    }
}

/// What a client has ordered, until the task that serves it takes them.
#[derive(Clone)]
struct Orders(Arc<Mutex<Option<mpsc::Receiver<Order>>>>);

impl Orders {
    /// Hears them from now on.
    fn of(socket: &SocketRef) -> Self {
        // Each order takes the place of the one before, so they are put down as they come: the library calls a handler in the order of
        // the messages, but starts a task for the future that it gives, and two such tasks may run the other way round.
        let (orders, ordered) = mpsc::channel(ORDERS_MAX);
        // S004-110: everything that the listener may hear.
        let all = orders.clone();
        socket.on("subscribe:calls", move |TryData(data): TryData<Value>, ack: AckSender| {
            // A client that asks faster than it is served has an answer under way already.
            drop(all.try_send(Order { from: From::read(data.ok().as_ref()), topics: Topics::all(), ack }));
            ready(())
        });
        socket.on("subscribe", move |TryData(data): TryData<Value>, ack: AckSender| {
            let data = data.ok();
            drop(orders.try_send(Order { from: From::read(data.as_ref()), topics: Topics::read(data.as_ref()), ack }));
            ready(())
        });
        Self(Arc::new(Mutex::new(Some(ordered))))
    }

    /// For the one task that serves them.
    fn take(&self) -> Option<mpsc::Receiver<Order>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).take()
    }
}

/// A subscription.
struct Order {
    from: From,
    topics: Topics,
    ack: AckSender,
}

/// From which event on.
#[derive(Debug, PartialEq, Eq)]
enum From {
    Now,
    After(u64),
    /// Something that is no number of ours.
    Unknown,
}

impl From {
    /// Reads `{since?}`; no argument at all is `{}`.
    fn read(data: Option<&Value>) -> Self {
        match data.and_then(|data| data.get("since")) {
            None | Some(Value::Null) => Self::Now,
            Some(since) => since.as_u64().map_or(Self::Unknown, Self::After),
        }
    }
}

/// One socket's task.
struct Feed {
    api: Api,
    socket: SocketRef,
    listener: Listener,
    ears: Ears,
    topics: Topics,
    /// The last event that was told or passed over; none before the subscription.
    place: Option<u64>,
    /// What has ended that people came in by.
    endings: broadcast::Receiver<Ending>,
}

/// Why a feed ends.
#[derive(Debug)]
enum End {
    /// The client has gone.
    Gone,
    /// The token has expired.
    Expired,
    /// The session or token has ended, or the account is disabled.
    Unwelcome,
    /// The client does not read.
    Slow,
}

impl Feed {
    async fn run(mut self, mut ordered: mpsc::Receiver<Order>) {
        let mut news = self.api.live.watch();
        let mut signs = tokio::time::interval(LOOK_EVERY);
        let expiry = tokio::time::sleep(left_until(self.listener.refused_from));
        let mut expiry = pin!(expiry);
        let end = loop {
            let step = tokio::select! {
                () = &mut expiry => Err(End::Expired),
                order = ordered.recv() => match order {
                    Some(order) => self.subscribe(order).await,
                    None => Err(End::Gone),
                },
                _ = signs.tick() => self.sign_of_life().await,
                ending = self.endings.recv() => match ending {
                    Ok(ending) if !ending.concerns(&self.listener.principal) => continue,
                    _ => self.look().await,
                },
                told = news.changed(), if self.place.is_some() => told.map_err(|_| End::Gone),
            };
            let step = match step {
                Ok(()) => self.tell().await,
                end => end,
            };
            if let Err(end) = step {
                break end;
            }
        };
        self.close(end).await;
    }

    async fn subscribe(&mut self, Order { from, topics, ack }: Order) -> Result<(), End> {
        self.topics = topics;
        let last = self.api.live.last_seq();
        // The acknowledgement goes first: it says up to where the replay will bring the client.
        drop(ack.send(&Seq { seq: last }));
        let since = match from {
            From::Now => Some(last),
            From::After(since) => self.api.live.after(since, 0).is_ok().then_some(since),
            From::Unknown => None,
        };
        self.place = Some(since.unwrap_or(last));
        match since {
            Some(_) => Ok(()),
            None => self.emit("resync", &Seq { seq: last }).await,
        }
    }

    async fn sign_of_life(&mut self) -> Result<(), End> {
        if !self.socket.connected() {
            return Err(End::Gone);
        }
        self.look().await?;
        self.api.sign_of_life(self.listener.principal.user());
        Ok(())
    }

    /// Whether something has ended that concerns the listener, or that nobody can tell any more.
    fn is_to_look(&mut self) -> bool {
        let mut is_to_look = false;
        loop {
            match self.endings.try_recv() {
                Ok(ending) => is_to_look |= ending.concerns(&self.listener.principal),
                Err(TryRecvError::Lagged(_)) => is_to_look = true,
                Err(TryRecvError::Empty | TryRecvError::Closed) => return is_to_look,
            }
        }
    }

    /// Whether the listener may still listen, and to what.
    async fn look(&mut self) -> Result<(), End> {
        let Listener { token, request, .. } = &self.listener;
        match auth::who(&self.api, token, request).await {
            Ok(principal) => {
                self.ears = Ears::of(&principal);
                self.listener.principal = principal;
            }
            // R21: the database is away, or a provider; who listened may go on listening, until the token ends.
            Err(problem) if matches!(problem.code(), Code::StoreUnavailable | Code::OidcUnavailable) => {}
            Err(_) => return Err(End::Unwelcome),
        }
        Ok(())
    }

    /// Tells what has happened since the client's place.
    async fn tell(&mut self) -> Result<(), End> {
        while let Some(place) = self.place {
            let batch = match self.api.live.after(place, BATCH) {
                Ok(batch) => batch,
                Err(TooOld) => {
                    // It was slower than the ring is long, but it does read.
                    let last = self.api.live.last_seq();
                    self.place = Some(last);
                    self.emit("resync", &Seq { seq: last }).await?;
                    continue;
                }
            };
            for told in &batch {
                // Who was put out hears nothing of what came after that, and it may be in this very batch.
                if self.is_to_look() || self.ears.is_rights_change(told) {
                    self.look().await?;
                }
                if let Some(envelope) = self.ears.hear(&self.api, told).await.filter(|envelope| self.topics.has(envelope)) {
                    self.emit(envelope.kind, &envelope).await?;
                }
                self.place = Some(told.seq);
            }
            match batch.len() {
                0 => break,
                BATCH => tokio::time::sleep(BATCH_PAUSE).await,
                _ => {}
            }
        }
        Ok(())
    }

    /// Sends one packet; waits while the client's channel is full.
    async fn emit(&self, event: &str, data: &impl Serialize) -> Result<(), End> {
        let began = Instant::now();
        loop {
            if SystemTime::now() >= self.listener.refused_from {
                return Err(End::Expired);
            }
            match self.socket.emit(event, data) {
                Ok(()) => return Ok(()),
                Err(SendError::Socket(SocketError::InternalChannelFull)) if began.elapsed() < SLOW_AFTER => {
                    tokio::time::sleep(FULL_PAUSE).await;
                }
                Err(SendError::Socket(SocketError::InternalChannelFull)) => return Err(End::Slow),
                Err(SendError::Socket(_)) => return Err(End::Gone),
                Err(SendError::Serialize(error)) => {
                    error!(event, %error, "An event cannot be written as JSON.");
                    return Ok(());
                }
            }
        }
    }

    async fn close(self, end: End) {
        debug!(user = %self.listener.principal.user(), ?end, "A socket's feed ends.");
        if matches!(end, End::Slow) {
            self.api.metrics.sockets_too_slow.inc();
        }
        // The library cannot say goodbye through a full channel. It ends the connection itself at the next ping, which
        // finds the channel full too; until then there is nothing to wait for but that.
        while self.socket.connected() {
            match self.socket.clone().disconnect() {
                Err(SocketError::InternalChannelFull) => tokio::time::sleep(FULL_PAUSE).await,
                _ => break,
            }
        }
    }
}

/// Stands before Socket.IO: pages of foreign origins stay out (FT-29), and so does who opens connections by the hundred.
pub(crate) async fn door(State(api): State<Api>, request: Request, next: Next) -> Response {
    let path = request.uri().path();
    if !path.strip_prefix(PATH).is_some_and(|rest| rest.is_empty() || rest.starts_with('/')) {
        return next.run(request).await;
    }
    if !is_own_origin(request.headers(), &api.settings.origins) {
        return Problem::new(Code::ForeignOrigin).into_response();
    }
    let is_new = Params::of(request.uri().query()).take("sid").is_none();
    if is_new && !api.doors.enter(Instant::now(), source_or_none(request.extensions())) {
        return Problem::new(Code::TooManyConnections).retry_after(1).into_response();
    }
    next.run(request).await
}

/// Programs send no Origin; a page's must be the host that it asks, or one that the configuration names.
pub(crate) fn is_own_origin(headers: &HeaderMap, allowed: &[String]) -> bool {
    let Some(origin) = headers.get(ORIGIN) else { return true };
    let Ok(origin) = origin.to_str() else { return false };
    let host = headers.get(HOST).and_then(|host| host.to_str().ok());
    let own = origin.split_once("://").is_some_and(|(_, authority)| host.is_some_and(|host| host.eq_ignore_ascii_case(authority)));
    own || allowed.iter().any(|allowed| allowed.eq_ignore_ascii_case(origin))
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;
    use serde_json::json;

    use super::*;

    #[test]
    fn since_is_a_number_or_nothing() {
        for (data, from) in [
            (json!({}), From::Now),
            (json!({"since": null}), From::Now),
            (json!("x"), From::Now),
            (json!({"since": 7}), From::After(7)),
            (json!({"since": "7"}), From::Unknown),
            (json!({"since": -7}), From::Unknown),
            (json!({"since": 7.5}), From::Unknown),
            (json!({"since": {}}), From::Unknown),
        ] {
            assert_eq!(From::read(Some(&data)), from, "{data}");
        }
        assert_eq!(From::read(None), From::Now);
    }

    #[test]
    fn origins() {
        let allowed = ["https://desk.example".to_owned()];
        for (origin, host, good) in [
            (None, "pbx.example", true),
            (Some("https://pbx.example"), "pbx.example", true),
            (Some("http://127.0.0.1:8080"), "127.0.0.1:8080", true),
            (Some("https://PBX.example"), "pbx.example", true),
            (Some("https://desk.example"), "pbx.example", true),
            (Some("https://pbx.example.evil.example"), "pbx.example", false),
            (Some("https://evil.example"), "pbx.example", false),
            (Some("https://pbx.example:8443"), "pbx.example", false),
            (Some("null"), "pbx.example", false),
            (Some(""), "pbx.example", false),
        ] {
            let mut headers = HeaderMap::from_iter([(HOST, HeaderValue::from_static(host))]);
            if let Some(origin) = origin {
                headers.insert(ORIGIN, HeaderValue::from_static(origin));
            }
            assert_eq!(is_own_origin(&headers, &allowed), good, "{origin:?} at {host}");
        }
    }
}
