//! Webhooks against a receiver on this machine, on both databases. Time is an argument: nothing here waits for a pause to end.
#![expect(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic, reason = "tests")]

use std::{
    collections::VecDeque,
    sync::{
        Arc, Mutex,
        atomic::{AtomicI64, Ordering},
    },
    time::Duration,
};

use links::{
    Roots,
    http::{Client, Guard, Limits},
    testing::{Got, Receiver, Reply},
};
use model::{Actor, ActorKind, CenterId, Mode, WallTime};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use store::{
    Statement, Store, binds,
    sql::{News, tell},
};
use tokio::sync::watch;

use super::{
    record::{BACK_OFF_S, FAILING_MAX, KEPT, PENDING_MAX, pause},
    *,
};
use crate::{
    Conflict, Office, OfficeError, Permit, Principal, Settings, accounts::NewUser, jobs::Clock, rights::ColumnPolicy, work::testing::Base,
};

const T0: i64 = 1_763_712_000_000;
const CENTER: CenterId = CenterId::DEFAULT;

const fn both(sql: &'static str) -> Statement {
    Statement { name: "test", lite: sql, pg: sql }
}

const OUTBOX: Statement = both("SELECT count(*) FROM outbox");
const DELIVERIES: Statement = both(
    "SELECT id, webhook_id, event_id, kind, state, attempts, next_at, last_status, last_error, delivered_at FROM webhook_deliveries ORDER BY id",
);
const WEBHOOK: Statement = both("SELECT enabled, failures, failing_since, disabled_reason, version FROM webhooks WHERE id = $1");
const AUDIT: Statement = both("SELECT actor_kind, action, resource_id, diff FROM audit_log WHERE resource = 'webhooks' ORDER BY seq");
const EVENTS_OF: Statement = both("SELECT module, severity, code, message FROM events_log ORDER BY id");
const MANY: Statement = Statement {
    name: "test",
    lite: "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < $2)
        INSERT INTO webhook_deliveries (id, center_id, webhook_id, event_id, kind, payload, state, attempts, created_at)
        SELECT 1000000 + i, 1, $1, i, 'call.update', '{}', 'pending', 0, $3 FROM n",
    pg: "INSERT INTO webhook_deliveries (id, center_id, webhook_id, event_id, kind, payload, state, attempts, created_at)
        SELECT 1000000 + i, 1, $1, i, 'call.update', '{}', 'pending', 0, $3 FROM generate_series(1, $2) AS i",
};

#[derive(Debug, Clone, PartialEq, sqlx::FromRow)]
struct Delivery {
    id: i64,
    webhook_id: i64,
    event_id: i64,
    kind: String,
    state: String,
    attempts: i64,
    next_at: Option<i64>,
    last_status: Option<i64>,
    last_error: Option<String>,
    delivered_at: Option<i64>,
}

#[derive(Debug, Clone, PartialEq, sqlx::FromRow)]
struct Hook {
    enabled: i64,
    failures: i64,
    failing_since: Option<i64>,
    disabled_reason: Option<String>,
    version: i64,
}

/// An office, a receiver that answers what a test says (else 200), and a clock that stands.
struct Rig {
    base: Base,
    office: Office,
    receiver: Receiver,
    replies: Arc<Mutex<VecDeque<Reply>>>,
    time: Arc<AtomicI64>,
    admin: Principal,
}

/// A loaded machine is waited for.
const PATIENT: Duration = Duration::from_secs(60);

async fn open(store: Store, guard: Guard, whole: Duration) -> Office {
    let http = Client::new(guard, &Roots::public(), Limits { whole, ..Limits::default() });
    let settings = Settings { webhooks: WebhookOptions { http }, ..Settings::default() };
    Office::open(store, settings, WallTime(1)).await.unwrap()
}

fn local() -> Guard {
    Guard::public(vec!["127.0.0.1/32".parse().unwrap()], Vec::new())
}

/// Somebody with these roles, who works in a centre.
async fn person(office: &Office, name: &str, roles: &[&str], columns: Vec<ColumnPolicy>, center: CenterId) -> Principal {
    let new =
        NewUser { username: name.to_owned(), roles: roles.iter().map(|role| (*role).to_owned()).collect(), columns, ..NewUser::default() };
    let user = office.add_user_as_system("test", CENTER, new, WallTime(T0)).await.unwrap();
    let (roles, access) = office.access_of(user).await.unwrap();
    let actor = Actor { kind: ActorKind::User(user), name: name.to_owned(), center, ..Actor::system(center, "test") };
    Principal::new(user, name.to_owned(), CENTER, roles, None, actor, access.into())
}

impl Rig {
    async fn new(base: Base) -> Self {
        Self::with(base, PATIENT).await
    }

    async fn with(base: Base, whole: Duration) -> Self {
        let replies: Arc<Mutex<VecDeque<Reply>>> = Arc::default();
        let queue = Arc::clone(&replies);
        let receiver = Receiver::start(move |_| queue.lock().unwrap().pop_front().unwrap_or_else(|| Reply::status(200))).await;
        let office = open(base.open().await, local(), whole).await;
        let admin = person(&office, &format!("root-{}", whole.as_secs()), &["admin"], Vec::new(), CENTER).await;
        Self { base, office, receiver, replies, time: Arc::new(AtomicI64::new(T0)), admin }
    }

    fn now(&self) -> WallTime {
        WallTime(self.time.load(Ordering::Relaxed))
    }

    fn pass(&self, span: Duration) {
        self.time.fetch_add(i64::try_from(span.as_millis()).unwrap(), Ordering::Relaxed);
    }

    fn deliverer(&self) -> Deliverer {
        self.deliverer_of(self.office.clone())
    }

    fn deliverer_of(&self, office: Office) -> Deliverer {
        let time = Arc::clone(&self.time);
        let clock: Clock = Arc::new(move || WallTime(time.load(Ordering::Relaxed)));
        Deliverer::new(office, clock, DelivererOptions::default())
    }

    fn permit(&self, action: model::Action) -> Permit {
        self.admin.permit(action).unwrap()
    }

    fn answer(&self, replies: impl IntoIterator<Item = Reply>) {
        self.replies.lock().unwrap().extend(replies);
    }

    async fn hook(&self, events: &[&str]) -> (i64, String) {
        self.hook_at(&self.receiver.url("/hook"), events).await
    }

    async fn hook_at(&self, url: &str, events: &[&str]) -> (i64, String) {
        let new = NewWebhook {
            name: "CRM".to_owned(),
            url: url.to_owned(),
            events: events.iter().map(|event| (*event).to_owned()).collect(),
            enabled: true,
        };
        self.office.create_webhook(&self.permit(can::WEBHOOKS_CREATE), &new, self.now()).await.unwrap()
    }

    async fn change(&self, id: i64, change: WebhookChange) -> Result<i64, OfficeError> {
        let version = self.row(id).await.version;
        self.office.update_webhook(&self.permit(can::WEBHOOKS_UPDATE), id, version, &change, self.now()).await
    }

    /// Something happens.
    async fn tell(&self, center: CenterId, kind: &'static str, n: i64) {
        let mut tx = self.office.store().db().begin().await.unwrap();
        let payload = json!({"id": n.to_string(), "center": center, "n": n});
        tell(&mut tx, News::new(center, kind, &payload, WallTime(T0 + n))).await.unwrap();
        tx.commit().await.unwrap();
    }

    async fn tell_calls(&self, numbers: std::ops::Range<i64>) {
        for n in numbers {
            self.tell(CENTER, "call.update", n).await;
        }
    }

    /// Delivers all that is due.
    async fn work(&self) {
        let deliverer = self.deliverer();
        self.office.distribute(self.now()).await.unwrap();
        for head in self.office.heads().await.unwrap() {
            while deliverer.deliver_next(head.webhook_id).await.unwrap() {}
        }
    }

    async fn deliveries(&self) -> Vec<Delivery> {
        self.office.store().db().all(DELIVERIES, &[]).await.unwrap()
    }

    async fn states(&self) -> Vec<String> {
        self.deliveries().await.into_iter().map(|delivery| delivery.state).collect()
    }

    async fn row(&self, id: i64) -> Hook {
        self.office.store().db().one(WEBHOOK, binds![id]).await.unwrap().unwrap()
    }

    /// The events that came, by their numbers in the test.
    fn came(&self) -> Vec<i64> {
        self.receiver.got().iter().map(|got| body(got)["data"]["n"].as_i64().unwrap_or(-1)).collect()
    }

    async fn audit(&self) -> Vec<(String, String, String, String)> {
        self.office.store().db().all(AUDIT, &[]).await.unwrap()
    }
}

fn body(got: &Got) -> Value {
    serde_json::from_slice(&got.body).unwrap()
}

/// The signature, computed by the definition of HMAC (RFC 2104) and without our code for it.
fn expected_signature(secret: &str, got: &Got) -> String {
    let mut key = [0_u8; 64];
    key[..secret.len()].copy_from_slice(secret.as_bytes());
    let pad = |with: u8| key.map(|octet| octet ^ with);
    let signed = [got.header("cordboard-timestamp").as_bytes(), b".", &got.body].concat();
    let inner = Sha256::digest([&pad(0x36)[..], &signed].concat());
    let outer = Sha256::digest([&pad(0x5c)[..], &inner].concat());
    format!("v1={}", outer.iter().map(|octet| format!("{octet:02x}")).collect::<String>())
}

async fn events_arrive_in_order_and_signed(rig: Rig) {
    let (id, secret) = rig.hook(&["call.update", "user.delete", "call.update"]).await;
    assert!(secret.starts_with("whsec_") && secret.len() == 49, "{secret}");
    rig.tell_calls(1..4).await;
    rig.tell(CENTER, "cdr.created", 4).await;
    rig.tell(CenterId(2), "call.update", 5).await;
    rig.tell(CENTER, "user.delete", 6).await;
    rig.work().await;
    assert_eq!(rig.came(), [1, 2, 3, 6]);
    let got = rig.receiver.got();
    let deliveries = rig.deliveries().await;
    for (got, delivery) in got.iter().zip(&deliveries) {
        assert_eq!((got.method.as_str(), got.path.as_str(), got.header("content-type")), ("POST", "/hook", "application/json"));
        assert_eq!(got.header("cordboard-delivery"), delivery.id.to_string());
        assert_eq!(got.header("cordboard-event"), delivery.kind);
        assert_eq!(got.header("cordboard-timestamp"), T0.to_string());
        assert_eq!(got.header("cordboard-signature"), expected_signature(&secret, got));
        assert_eq!((delivery.webhook_id, delivery.state.as_str(), delivery.attempts), (id, "delivered", 1));
        assert_eq!((delivery.last_status, delivery.delivered_at), (Some(200), Some(T0)));
    }
    let first = body(&got[0]);
    let wanted = json!({"seq": deliveries[0].event_id, "ts": T0 + 1, "center": "1", "type": "call.update", "id": "1", "epoch": 0,
        "data": {"id": "1", "n": 1}});
    assert_eq!(first, wanted);
    let numbers: Vec<i64> = got.iter().map(|got| body(got)["seq"].as_i64().unwrap()).collect();
    assert!(numbers.is_sorted_by(|a, b| a < b), "{numbers:?}");
    // All that there is, and nothing twice.
    let (all, _) = rig.hook(&["*"]).await;
    rig.tell(CENTER, "cdr.created", 7).await;
    rig.work().await;
    rig.work().await;
    assert_eq!(rig.came(), [1, 2, 3, 6, 7]);
    assert_eq!(rig.deliveries().await.last().unwrap().webhook_id, all);
}

async fn only_what_somebody_wants_is_written_down(rig: Rig) {
    let outbox = async || rig.office.store().db().one::<(i64,)>(OUTBOX, &[]).await.unwrap().unwrap().0;
    rig.tell_calls(1..3).await;
    assert_eq!(outbox().await, 0);
    let (id, _) = rig.hook(&["*"]).await;
    rig.tell_calls(3..4).await;
    // One that is made later, or enabled later, hears what comes later.
    let (late, _) = rig.hook(&["*"]).await;
    rig.tell_calls(4..5).await;
    rig.work().await;
    assert_eq!(rig.came(), [3, 4, 4]);
    rig.answer([Reply::status(500)]);
    rig.tell_calls(5..6).await;
    rig.change(late, WebhookChange { enabled: Some(false), ..WebhookChange::default() }).await.unwrap();
    rig.work().await;
    assert_eq!(rig.came(), [3, 4, 4, 5], "it waits for its next try");
    rig.change(id, WebhookChange { enabled: Some(false), ..WebhookChange::default() }).await.unwrap();
    rig.office.listen_or_not().await.unwrap();
    let before = outbox().await;
    rig.tell_calls(6..8).await;
    assert_eq!(outbox().await, before, "nobody listens");
    rig.work().await;
    assert_eq!(rig.came(), [3, 4, 4, 5]);
    // What waited when it was disabled is sent, and at once; what happened meanwhile is not.
    rig.change(id, WebhookChange { enabled: Some(true), ..WebhookChange::default() }).await.unwrap();
    rig.tell_calls(8..9).await;
    rig.office.listen_or_not().await.unwrap();
    rig.work().await;
    assert_eq!(rig.came(), [3, 4, 4, 5, 5, 8]);
}

async fn what_fails_is_tried_again_and_holds_up_its_own_queue_only(rig: Rig) {
    let (id, _) = rig.hook(&["call.update"]).await;
    rig.tell_calls(1..3).await;
    let other = Receiver::start(|_| Reply::status(204)).await;
    rig.hook_at(&other.url("/other"), &["*"]).await;
    rig.tell_calls(3..4).await;
    for (attempt, pause_s) in BACK_OFF_S.iter().enumerate() {
        rig.answer([Reply::Answer(503, Vec::new(), b"come back\nlater".to_vec())]);
        rig.work().await;
        let first = &rig.deliveries().await[0];
        assert_eq!((first.state.as_str(), first.attempts, first.last_status), ("pending", i64::try_from(attempt).unwrap() + 1, Some(503)));
        assert_eq!(first.last_error.as_deref(), Some("it was answered 503 Service Unavailable: come back later"));
        let wait = Duration::from_millis((first.next_at.unwrap() - rig.now().0).unsigned_abs());
        let least = Duration::from_secs(*pause_s);
        assert!(wait >= least && wait <= least + least / 10, "{wait:?} after try {attempt}");
        // Not before its time.
        rig.pass(wait - Duration::from_millis(1));
        rig.work().await;
        rig.pass(Duration::from_millis(1));
        assert_eq!(rig.receiver.got().len(), attempt + 1);
    }
    assert_eq!(other.got().len(), 1, "others are not held up");
    let hook = rig.row(id).await;
    assert_eq!((hook.enabled, hook.failures, hook.failing_since), (1, 9, Some(T0)));
    // The tenth try is the last; the next event goes on.
    rig.answer([Reply::status(500)]);
    rig.work().await;
    assert_eq!(rig.states().await, ["failed", "pending", "pending", "delivered"]);
    rig.work().await;
    assert_eq!(rig.states().await, ["failed", "delivered", "delivered", "delivered"]);
    assert_eq!(rig.came(), [1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 2, 3]);
    let hook = rig.row(id).await;
    assert_eq!((hook.failures, hook.failing_since), (0, None));
    let bodies: Vec<Vec<u8>> = rig.receiver.got().iter().take(10).map(|got| got.body.clone()).collect();
    assert!(bodies.windows(2).all(|pair| pair[0] == pair[1]), "each try tells the same");
}

async fn a_receiver_that_is_gone_is_not_told_any_more(rig: Rig) {
    let (id, _) = rig.hook(&["*"]).await;
    rig.tell_calls(1..3).await;
    rig.answer([Reply::status(410)]);
    rig.work().await;
    let hook = rig.row(id).await;
    assert_eq!((hook.enabled, hook.version), (0, 2));
    assert_eq!(hook.disabled_reason.as_deref(), Some("its receiver answered that it is gone for good (410)"));
    assert_eq!(rig.states().await, ["failed", "pending"]);
    rig.work().await;
    assert_eq!(rig.came(), [1]);
    let events: Vec<(String, String, String, String)> = rig.office.store().db().all(EVENTS_OF, &[]).await.unwrap();
    assert_eq!(
        (events.len(), events[0].0.as_str(), events[0].1.as_str(), events[0].2.as_str()),
        (1, "webhooks", "warning", "webhook_disabled")
    );
    assert!(events[0].3.contains("CRM was disabled"), "{}", events[0].3);
    let audit = rig.audit().await;
    let last = audit.last().unwrap();
    assert_eq!((last.0.as_str(), last.1.as_str(), last.2.as_str()), ("system", "webhooks.disable", id.to_string().as_str()));
    // Enabled again it begins anew, with what waited.
    rig.change(id, WebhookChange { enabled: Some(true), ..WebhookChange::default() }).await.unwrap();
    rig.work().await;
    assert_eq!(rig.came(), [1, 2]);
    assert_eq!(rig.row(id).await.disabled_reason, None);
}

async fn one_that_takes_nothing_for_a_week_is_disabled(rig: Rig) {
    let (id, _) = rig.hook(&["*"]).await;
    rig.tell_calls(1..2).await;
    rig.answer([Reply::status(500)]);
    rig.work().await;
    rig.pass(FAILING_MAX - Duration::from_secs(1));
    rig.answer([Reply::status(500)]);
    rig.work().await;
    assert_eq!(rig.row(id).await.enabled, 1);
    rig.pass(Duration::from_secs(3600));
    rig.answer([Reply::status(500)]);
    rig.work().await;
    let hook = rig.row(id).await;
    assert_eq!((hook.enabled, hook.failures, hook.disabled_reason.as_deref()), (0, 3, Some("it has taken nothing for 7 days")));
    // One that takes an event now and then is not.
    let other = rig.hook(&["*"]).await.0;
    for n in 2..6 {
        rig.tell_calls(n..n + 1).await;
        rig.answer([Reply::status(500)]);
        rig.work().await;
        rig.pass(FAILING_MAX - Duration::from_secs(1));
        rig.work().await;
    }
    assert_eq!((rig.row(other).await.enabled, rig.row(other).await.failures), (1, 0));
}

/// The program dies after the receiver has the event and before that is stored, in the middle of a request, and before deliveries are made.
async fn a_crash_tells_twice_and_loses_nothing(rig: Rig) {
    let (id, secret) = rig.hook(&["*"]).await;
    rig.tell_calls(1..4).await;
    // It dies here: the events are in the outbox, and nobody has looked.
    let office = open(rig.base.open().await, local(), PATIENT).await;
    office.distribute(rig.now()).await.unwrap();
    let head = office.head(id, rig.now()).await.unwrap().unwrap();
    let parcel = attempt::Parcel { delivery: head.id, kind: &head.kind, payload: &head.payload, url: &head.url, secret: &head.secret };
    assert_eq!(attempt::send(&office.webhooks().http, &parcel, rig.now()).await, Outcome::Delivered(200));
    // It dies here: the receiver has the first, and we do not know it.
    drop(office);
    rig.answer([Reply::Hang(Vec::new())]);
    let deliverer = rig.deliverer();
    let cut = tokio::spawn(async move { deliverer.deliver_next(id).await });
    rig.receiver.wait(2).await;
    // It dies here: the receiver has it once more, and has not answered.
    cut.abort();
    assert!(cut.await.unwrap_err().is_cancelled());
    rig.work().await;
    assert_eq!(rig.came(), [1, 1, 1, 2, 3]);
    let got = rig.receiver.got();
    assert_eq!(got[0].header("cordboard-delivery"), got[2].header("cordboard-delivery"));
    assert_eq!(got[0].body, got[2].body);
    assert_eq!(got[2].header("cordboard-signature"), expected_signature(&secret, &got[2]));
    assert_eq!(rig.states().await, ["delivered", "delivered", "delivered"]);
    assert_eq!(rig.deliveries().await[0].attempts, 1, "tries of which nothing is known do not count");
}

async fn a_secret_counts_from_when_it_is_renewed(rig: Rig) {
    let (id, old) = rig.hook(&["*"]).await;
    rig.tell_calls(1..2).await;
    rig.answer([Reply::status(401)]);
    rig.work().await;
    let new = rig.office.renew_webhook_secret(&rig.permit(can::WEBHOOKS_UPDATE), id, rig.now()).await.unwrap();
    assert_ne!(new, old);
    rig.pass(Duration::from_secs(12));
    rig.work().await;
    let got = rig.receiver.got();
    assert_eq!(got[0].header("cordboard-signature"), expected_signature(&old, &got[0]));
    assert_eq!(got[1].header("cordboard-signature"), expected_signature(&new, &got[1]));
    assert_ne!(got[0].header("cordboard-timestamp"), got[1].header("cordboard-timestamp"));
    let told = format!("{:?}", rig.audit().await);
    assert!(told.contains("\\\"secret\\\":[null,\\\"changed\\\"]") && !told.contains(&old) && !told.contains(&new), "{told}");
}

async fn private_addresses_are_refused(rig: Rig) {
    let strict = open(rig.base.open().await, Guard::public(Vec::new(), vec![80, 443]), PATIENT).await;
    for (url, why) in [
        ("http://10.0.0.1/", "private"),
        ("http://169.254.169.254/latest/meta-data/", "link-local"),
        ("http://[::ffff:127.0.0.1]/", "machine itself"),
        ("http://2130706433/", "machine itself"),
        ("https://example.org:22/", "port 22"),
        ("ftp://example.org/", "does not begin with"),
        ("https://user:password@example.org/", "name or password"),
        ("", "cannot be used"),
    ] {
        let new = NewWebhook { name: "x".to_owned(), url: url.to_owned(), events: vec!["*".to_owned()], enabled: true };
        let Err(OfficeError::Invalid(faults)) = strict.create_webhook(&rig.permit(can::WEBHOOKS_CREATE), &new, rig.now()).await else {
            panic!("{url}")
        };
        assert!(faults.iter().any(|fault| fault.field == "url" && fault.detail.contains(why)), "{url}: {faults:?}");
    }
    // A name tells only when it is looked up, each time anew. It is ours: the port's guard is what we leave out here.
    let strict = open(rig.base.open().await, Guard::public(Vec::new(), Vec::new()), PATIENT).await;
    let url = format!("http://localhost:{}/hook", rig.receiver.address().port());
    let new = NewWebhook { name: "x".to_owned(), url, events: vec!["*".to_owned()], enabled: true };
    let (id, _) = strict.create_webhook(&rig.permit(can::WEBHOOKS_CREATE), &new, rig.now()).await.unwrap();
    rig.tell_calls(1..2).await;
    strict.distribute(rig.now()).await.unwrap();
    let deliverer = rig.deliverer_of(strict.clone());
    assert!(!deliverer.deliver_next(id).await.unwrap());
    let tested = strict.test_webhook(&rig.permit(can::WEBHOOKS_UPDATE), id, rig.now()).await.unwrap();
    assert!(!tested.delivered && tested.error.unwrap().contains("an address of this machine itself"));
    assert_eq!(rig.receiver.got(), []);
    let first = &rig.deliveries().await[0];
    assert!(first.last_error.as_ref().unwrap().contains("an address of this machine itself"), "{first:?}");
}

async fn odd_answers_do_no_harm(rig: Rig) {
    let rig = Rig::with(rig.base, Duration::from_secs(5)).await;
    let (id, _) = rig.hook(&["*"]).await;
    rig.tell_calls(1..7).await;
    let ok = b"HTTP/1.1 200 OK\r\ncontent-type: text/plain\r\n\r\n".to_vec();
    // Large, slow and broken off: the status is what counts.
    rig.answer([
        Reply::Endless([ok.as_slice(), &[b'x'; 8192]].concat()),
        Reply::Hang(ok),
        Reply::Close(b"HTTP/1.1 202 OK\r\ncontent-length: 9\r\n\r\nx".to_vec()),
    ]);
    rig.answer([Reply::Answer(500, Vec::new(), "я".repeat(5000).into_bytes())]);
    rig.work().await;
    assert_eq!(rig.states().await[..4], ["delivered", "delivered", "delivered", "pending"]);
    let error = rig.deliveries().await[3].last_error.clone().unwrap();
    assert_eq!(error.chars().count(), 500, "{error}");
    for (reply, status, told) in [
        (
            Reply::Answer(302, vec![("location", "http://127.0.0.1:1/".to_owned())], Vec::new()),
            Some(302),
            "it redirects, which is not followed",
        ),
        (Reply::Hang(Vec::new()), None, "no answer in time"),
        (Reply::Close(Vec::new()), None, "the connection broke"),
        (Reply::Close(b"no HTTP\r\n\r\n".to_vec()), None, "the connection broke"),
    ] {
        rig.pass(Duration::from_secs(24 * 3600 + 3600 * 3));
        rig.answer([reply]);
        rig.work().await;
        let fourth = &rig.deliveries().await[3];
        assert_eq!((fourth.state.as_str(), fourth.last_status), ("pending", status));
        assert!(fourth.last_error.as_ref().unwrap().starts_with(told), "{fourth:?}");
    }
    assert_eq!(rig.row(id).await.failures, 5);
}

async fn a_test_goes_before_all_and_a_replay_behind(rig: Rig) {
    let (id, secret) = rig.hook(&["call.update"]).await;
    let update = rig.permit(can::WEBHOOKS_UPDATE);
    rig.tell_calls(1..3).await;
    rig.answer([Reply::status(500), Reply::status(502)]);
    rig.work().await;
    let tested = rig.office.test_webhook(&update, id, rig.now()).await.unwrap();
    assert_eq!((tested.delivered, tested.status, tested.error.as_deref()), (false, Some(502), Some("it was answered 502 Bad Gateway")));
    rig.work().await;
    assert_eq!(rig.receiver.got().len(), 2, "what waits still waits");
    let tested = rig.office.test_webhook(&update, id, rig.now()).await.unwrap();
    assert_eq!((tested.delivered, tested.status, tested.error), (true, Some(200), None));
    let ping = rig.receiver.got()[2].clone();
    assert_eq!((ping.header("cordboard-event"), ping.header("cordboard-delivery")), ("ping", tested.delivery.to_string().as_str()));
    assert_eq!(ping.header("cordboard-signature"), expected_signature(&secret, &ping));
    assert_eq!(body(&ping)["data"], json!({"id": id.to_string(), "name": "CRM"}));
    assert_eq!((body(&ping)["seq"].as_i64(), rig.row(id).await.failures), (Some(0), 0));
    // Its receiver is mended: what waits does not wait any longer.
    rig.work().await;
    assert_eq!(rig.came(), [1, -1, -1, 1, 2]);

    let first = rig.deliveries().await[0].clone();
    let again = rig.office.replay_delivery(&update, first.id, rig.now()).await.unwrap();
    rig.tell_calls(3..4).await;
    rig.work().await;
    assert_eq!(rig.came(), [1, -1, -1, 1, 2, 1, 3]);
    let replayed = rig.deliveries().await.into_iter().find(|delivery| delivery.id == again).unwrap();
    assert_eq!((replayed.event_id, replayed.state.as_str()), (first.event_id, "delivered"));
    assert_eq!(rig.receiver.got()[5].body, rig.receiver.got()[3].body);
    rig.answer([Reply::status(500)]);
    rig.tell_calls(4..5).await;
    rig.work().await;
    let waiting = rig.deliveries().await.last().unwrap().id;
    for (delivery, wanted) in [(waiting, "waits"), (tested.delivery, "make a new one")] {
        match rig.office.replay_delivery(&update, delivery, rig.now()).await {
            Err(OfficeError::Conflict(Conflict::State(told))) => assert!(told.contains(wanted), "{told}"),
            other => panic!("{other:?}"),
        }
    }
    assert!(matches!(rig.office.replay_delivery(&update, 999_999, rig.now()).await, Err(OfficeError::NotFound("delivery"))));
    assert!(matches!(rig.office.test_webhook(&update, 999_999, rig.now()).await, Err(OfficeError::NotFound("webhook"))));
    // A webhook that is not enabled can be tested.
    rig.change(id, WebhookChange { enabled: Some(false), ..WebhookChange::default() }).await.unwrap();
    assert!(rig.office.test_webhook(&update, id, rig.now()).await.unwrap().delivered);
}

async fn webhooks_are_made_and_changed_by_those_who_may(rig: Rig) {
    let create = rig.permit(can::WEBHOOKS_CREATE);
    let good = NewWebhook {
        name: " CRM ".to_owned(),
        url: "https://example.org/hook#x".to_owned(),
        events: vec!["*".to_owned(), "call.update".to_owned()],
        enabled: true,
    };
    let (id, _) = rig.office.create_webhook(&create, &good, rig.now()).await.unwrap();
    let faults = |result: Result<(i64, String), OfficeError>| match result {
        Err(OfficeError::Invalid(faults)) => faults.into_iter().map(|fault| fault.field).collect::<Vec<_>>(),
        other => panic!("{other:?}"),
    };
    for (new, wanted) in [
        (NewWebhook { name: String::new(), url: "x".to_owned(), events: Vec::new(), enabled: true }, vec!["name", "url", "events"]),
        (NewWebhook { name: "x".repeat(129), ..good.clone() }, vec!["name"]),
        (NewWebhook { url: format!("https://example.org/{}", "x".repeat(2048)), ..good.clone() }, vec!["url"]),
        // Longer when it is written as it is requested.
        (NewWebhook { url: format!("https://example.org/{}", "я".repeat(500)), ..good.clone() }, vec!["url"]),
        (
            NewWebhook { events: vec!["call.updated".to_owned(), "*".to_owned(), "x".to_owned()], ..good.clone() },
            vec!["events[0]", "events[2]"],
        ),
        (NewWebhook { events: vec!["*".to_owned(); 65], ..good.clone() }, vec!["events"]),
    ] {
        assert_eq!(faults(rig.office.create_webhook(&create, &new, rig.now()).await), wanted);
    }
    // A version that is not the one of now, another right, another centre.
    let update = rig.permit(can::WEBHOOKS_UPDATE);
    let rename = WebhookChange { name: Some("Other".to_owned()), ..WebhookChange::default() };
    assert_eq!(rig.office.update_webhook(&update, id, 1, &rename, rig.now()).await.unwrap(), 2);
    assert_eq!(rig.office.update_webhook(&update, id, 2, &rename, rig.now()).await.unwrap(), 2, "nothing is another");
    let stale = rig.office.update_webhook(&update, id, 1, &rename, rig.now()).await;
    assert!(matches!(stale, Err(OfficeError::Conflict(Conflict::Version { current: 2 }))));
    assert!(matches!(rig.office.update_webhook(&create, id, 2, &rename, rig.now()).await, Err(OfficeError::Defect(_))));
    let elsewhere = person(&rig.office, "far", &["admin"], Vec::new(), CenterId(2)).await;
    if let Some(permit) = elsewhere.permit(can::WEBHOOKS_UPDATE) {
        assert!(matches!(rig.office.update_webhook(&permit, id, 2, &rename, rig.now()).await, Err(OfficeError::NotFound("webhook"))));
        assert!(matches!(rig.office.renew_webhook_secret(&permit, id, rig.now()).await, Err(OfficeError::NotFound("webhook"))));
        assert!(matches!(rig.office.test_webhook(&permit, id, rig.now()).await, Err(OfficeError::NotFound("webhook"))));
        let permit = elsewhere.permit(can::WEBHOOKS_DELETE).unwrap();
        assert!(matches!(rig.office.delete_webhook(&permit, id, rig.now()).await, Err(OfficeError::NotFound("webhook"))));
    }
    // Who does not see a column of accounts does not have accounts told, nor sends them elsewhere.
    let masked = vec![ColumnPolicy { resource: "users".to_owned(), column: "email".to_owned(), mode: Mode::Mask }];
    let half = person(&rig.office, "half", &["admin"], masked, CENTER).await;
    let (may_create, may_update) = (half.permit(can::WEBHOOKS_CREATE).unwrap(), half.permit(can::WEBHOOKS_UPDATE).unwrap());
    for events in [["*"], ["user.update"], ["user.delete"]] {
        let new = NewWebhook { events: events.map(str::to_owned).to_vec(), ..good.clone() };
        assert!(matches!(rig.office.create_webhook(&may_create, &new, rig.now()).await, Err(OfficeError::Forbidden(_))), "{events:?}");
    }
    let calls = NewWebhook { events: vec!["call.update".to_owned()], ..good.clone() };
    assert!(rig.office.create_webhook(&may_create, &calls, rig.now()).await.is_ok());
    for change in [
        WebhookChange { url: Some("https://evil.example/".to_owned()), ..WebhookChange::default() },
        WebhookChange { events: Some(vec!["user.update".to_owned()]), ..WebhookChange::default() },
    ] {
        assert!(matches!(rig.office.update_webhook(&may_update, id, 2, &change, rig.now()).await, Err(OfficeError::Forbidden(_))));
    }
    let disable = WebhookChange { enabled: Some(false), ..WebhookChange::default() };
    assert_eq!(rig.office.update_webhook(&may_update, id, 2, &disable, rig.now()).await.unwrap(), 3);
    let enable = WebhookChange { enabled: Some(true), ..WebhookChange::default() };
    assert!(matches!(rig.office.update_webhook(&may_update, id, 3, &enable, rig.now()).await, Err(OfficeError::Forbidden(_))));

    for _ in 2..WEBHOOKS_MAX {
        rig.office.create_webhook(&create, &good, rig.now()).await.unwrap();
    }
    let full = rig.office.create_webhook(&create, &good, rig.now()).await;
    assert!(matches!(full, Err(OfficeError::Conflict(Conflict::State(_)))), "{full:?}");
    rig.office.delete_webhook(&rig.permit(can::WEBHOOKS_DELETE), id, rig.now()).await.unwrap();
    assert!(rig.office.create_webhook(&create, &good, rig.now()).await.is_ok());
    let audit = rig.audit().await;
    let of_first: Vec<&str> = audit.iter().filter(|entry| entry.2 == id.to_string()).map(|entry| entry.1.as_str()).collect();
    assert_eq!(of_first, ["webhooks.create", "webhooks.update", "webhooks.update", "webhooks.delete"]);
    assert!(audit[0].3.contains("https://example.org/hook") && !audit[0].3.contains("whsec_"), "{}", audit[0].3);
}

async fn what_is_old_goes_and_what_never_ends_is_ended(rig: Rig) {
    let (id, _) = rig.hook(&["*"]).await;
    rig.tell_calls(1..3).await;
    rig.work().await;
    rig.pass(KEPT - Duration::from_secs(1));
    assert_eq!(rig.office.tidy_webhooks(rig.now()).await.unwrap(), 0);
    rig.pass(Duration::from_secs(2));
    assert_eq!(rig.office.tidy_webhooks(rig.now()).await.unwrap(), 2);
    rig.office.store().db().run(MANY, binds![id, PENDING_MAX, rig.now()]).await.unwrap();
    rig.office.tidy_webhooks(rig.now()).await.unwrap();
    assert_eq!(rig.row(id).await.enabled, 1);
    rig.tell_calls(3..4).await;
    rig.office.distribute(rig.now()).await.unwrap();
    rig.office.tidy_webhooks(rig.now()).await.unwrap();
    let hook = rig.row(id).await;
    assert!(hook.enabled == 0 && hook.disabled_reason.as_ref().unwrap().contains("too slowly"), "{hook:?}");
}

/// The task itself, by real time: one receiver is stuck, one is quick, one fails at first.
async fn the_task_delivers_until_it_is_stopped(rig: Rig) {
    let stuck = Receiver::start(|_| Reply::Hang(Vec::new())).await;
    rig.hook_at(&stuck.url("/stuck"), &["*"]).await;
    let (_, secret) = rig.hook(&["*"]).await;
    let (stop, stopped) = watch::channel(false);
    let task = tokio::spawn(rig.deliverer().run(stopped));
    stuck_and_quick(&rig, &stuck, 0).await;
    rig.tell_calls(100..200).await;
    let got = rig.receiver.wait(150).await;
    let numbers: Vec<i64> = got.iter().map(|got| body(got)["data"]["n"].as_i64().unwrap()).collect();
    assert_eq!(numbers, (0..50).chain(100..200).collect::<Vec<_>>());
    assert!(got.iter().all(|got| got.header("cordboard-signature") == expected_signature(&secret, got)));
    drop(stuck);
    stop.send_replace(true);
    task.await.unwrap();
    // Another life goes on where this one ended, and ends with its sender too.
    rig.tell_calls(200..203).await;
    let (stop, stopped) = watch::channel(false);
    let task = tokio::spawn(rig.deliverer().run(stopped));
    rig.receiver.wait(153).await;
    drop(stop);
    task.await.unwrap();
}

async fn stuck_and_quick(rig: &Rig, stuck: &Receiver, first: i64) {
    rig.tell_calls(first..first + 50).await;
    stuck.wait(1).await;
    rig.receiver.wait(50).await;
}

#[test]
fn pauses_are_scattered() {
    let pauses: std::collections::BTreeSet<Duration> = (0..100).filter_map(|delivery| pause(0, delivery, 7)).collect();
    assert!(pauses.len() > 30, "{pauses:?}");
    assert!(pauses.iter().all(|pause| (10_000..=11_000).contains(&pause.as_millis())));
    assert_ne!(pause(3, 1, 1), pause(3, 1, 2));
    assert_eq!((pause(9, 1, 1), pause(-1, 1, 1), pause(i64::MAX, 1, 1)), (None, None, None));
}

/// What a module brings: its rows are of a resource of its own, which its right opens beside others.
mod harbour {
    use model::{Action, Column, ColumnKind, Owner, Resource};

    use super::EventKind;
    use crate::rights::{Part, Permission, Reaches};

    const READ: Action = Action("boats.read");

    static CREWS: Resource = Resource {
        name: "crews",
        from: "crews t",
        key: "id",
        center: "t.center_id",
        owner: Owner::Nobody,
        lists: &[],
        search: "",
        order: "id",
        read: READ,
        export: None,
        columns: &[Column::new("id", "t.id", ColumnKind::Id, "The id."), Column::new("phone", "t.phone", ColumnKind::Text, "The number.")],
    };

    pub(super) const PART: Part = Part {
        permissions: &[Permission { action: READ, about: "See boats.", reaches: Reaches::ROWS }],
        resources: &[&CREWS],
        events: &[EventKind { kind: "crew.new", right: READ, resource: "crews", about: "Somebody came aboard." }],
    };
}

/// A module's events are told as ours are, and to those only who see all of its resource.
async fn a_module_brings_its_events(rig: Rig) {
    let new =
        |event: &str| NewWebhook { name: "Port".to_owned(), url: rig.receiver.url("/port"), events: vec![event.to_owned()], enabled: true };
    let create = rig.permit(can::WEBHOOKS_CREATE);
    let unknown = rig.office.create_webhook(&create, &new("crew.new"), rig.now()).await;
    assert!(matches!(unknown, Err(OfficeError::Invalid(_))), "without the module there is no such event: {unknown:?}");

    let http = Client::new(local(), &Roots::public(), Limits { whole: PATIENT, ..Limits::default() });
    let settings = Settings { webhooks: WebhookOptions { http }, parts: vec![harbour::PART], ..Settings::default() };
    let office = Office::open(rig.base.open().await, settings, WallTime(1)).await.unwrap();
    // The start that first knows the right has given it to administrators.
    let admin = person(&office, "captain", &["admin"], Vec::new(), CENTER).await;
    let id = office.create_webhook(&admin.permit(can::WEBHOOKS_CREATE).unwrap(), &new("crew.new"), rig.now()).await.unwrap().0;
    let masked = vec![ColumnPolicy { resource: "crews".to_owned(), column: "phone".to_owned(), mode: Mode::Mask }];
    let half = person(&office, "mate", &["admin"], masked, CENTER).await;
    for event in ["crew.new", "*"] {
        let refused = office.create_webhook(&half.permit(can::WEBHOOKS_CREATE).unwrap(), &new(event), rig.now()).await;
        assert!(matches!(refused, Err(OfficeError::Forbidden(_))), "{event}: {refused:?}");
    }
    assert!(office.create_webhook(&half.permit(can::WEBHOOKS_CREATE).unwrap(), &new("call.update"), rig.now()).await.is_ok());

    rig.tell(CENTER, "crew.new", 7).await;
    office.distribute(rig.now()).await.unwrap();
    let kinds: Vec<(i64, String)> = rig.deliveries().await.into_iter().map(|delivery| (delivery.webhook_id, delivery.kind)).collect();
    assert_eq!(kinds, [(id, "crew.new".to_owned())]);
}

/// What engines tell stands in the list of events: one that does not could never be asked for.
#[test]
fn every_event_that_is_told_is_known() {
    let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    let mut told = std::collections::BTreeSet::new();
    let mut folders = vec![root.join("office/src"), root.join("store/src")];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|ending| ending == "rs") && !path.ends_with("webhooks/tests.rs") {
                let text = std::fs::read_to_string(&path).unwrap();
                for call in text.split("News::new(").skip(1).chain(text.split(".tell(seq, ").skip(1)) {
                    let kind = call.split('"').nth(1).unwrap_or_default();
                    told.insert(kind.to_owned());
                }
            }
        }
    }
    assert!(told.contains("call.update"), "{told:?}");
    for kind in told {
        assert!(EVENTS.iter().any(|event| event.kind == kind), "{kind} is told, and does not stand in EVENTS");
    }
}

macro_rules! on_both {
    ($($name:ident)*) => {
        mod sqlite {
            use super::*;
            $(#[tokio::test] async fn $name() { super::$name(Rig::new(Base::sqlite()).await).await; })*
        }
        mod postgres {
            use super::*;
            $(#[tokio::test] async fn $name() { super::$name(Rig::new(Base::postgres()).await).await; })*
        }
    };
}

on_both! {
    events_arrive_in_order_and_signed
    only_what_somebody_wants_is_written_down
    what_fails_is_tried_again_and_holds_up_its_own_queue_only
    a_receiver_that_is_gone_is_not_told_any_more
    one_that_takes_nothing_for_a_week_is_disabled
    a_crash_tells_twice_and_loses_nothing
    a_secret_counts_from_when_it_is_renewed
    private_addresses_are_refused
    odd_answers_do_no_harm
    a_test_goes_before_all_and_a_replay_behind
    webhooks_are_made_and_changed_by_those_who_may
    what_is_old_goes_and_what_never_ends_is_ended
    the_task_delivers_until_it_is_stopped
    a_module_brings_its_events
}
