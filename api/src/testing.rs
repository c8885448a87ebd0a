//! A small world to test in: a real store in a temporary directory, a call control that does as told, three users.

#![expect(clippy::unwrap_used, reason = "tests")]

use std::{
    collections::BTreeMap,
    fs::File,
    io,
    path::PathBuf,
    sync::{
        Arc, LazyLock, Mutex,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    time::{Duration, SystemTime},
};

use axum::{Router, body::Body};
use crm::Crm;
use futures_util::{FutureExt as _, future::BoxFuture};
use http::{Request, Response, StatusCode};
use http_body_util::BodyExt as _;
use links::oidc::Providers;
use model::{
    AccountState, BanView, BudgetEntry, BudgetView, CallId, CallStatus, CallView, CarrierAccountView, CarrierHostView, CarrierId,
    CarrierTry, CarrierView, Cause, Cdr, CenterId, ChannelRole, Command, Direction, Drawing, Event, Fact, Ha1, HubKind, Outcome,
    RecordingRow, RecordingState, Refusal, Reply, SecurityView, Segment, SlotId, SlotState, SlotView, TryOutcome, UserId, WallTime, budget,
    carrier::Standing,
};
use office::{
    Office, Principal, Settings,
    accounts::{Claimed, Client, Found, LogIn, NewUser, PrincipalRequest},
    can,
};
use serde_json::Value;
use store::{NewTrunk, Store};
use tempfile::TempDir;
use tokio::sync::Notify;
use tower::ServiceExt as _;

use crate::{
    ApiParts, ApiSettings, Control, Live, Metrics, NotYet, OpenRecording, Peaks, Phones, Recordings, Reloaded, Status, System,
    auth::{self, tokens::Subject},
    routes::routed,
    state::Api,
};

pub(crate) const NOW: WallTime = WallTime(1_795_000_000_000);
pub(crate) const PASSWORD: &str = "right horse";
pub(crate) const SECRET: [u8; 32] = [42; 32];

pub(crate) const ROOT: UserId = UserId(1);
pub(crate) const ANNA: UserId = UserId(2);
pub(crate) const BORIS: UserId = UserId(3);
/// Anna's call of yesterday, answered and recorded.
pub(crate) const CALL_OF_ANNA: CallId = CallId(1000);
/// Boris's.
pub(crate) const CALL_OF_BORIS: CallId = CallId(2000);

/// A database with the three users in it, each signed in, and what their sessions are: hashing passwords is slow, so it is made once.
static TEMPLATE: LazyLock<Template> = LazyLock::new(|| {
    let make = || tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(Template::make());
    // The test that asks first is inside of a runtime, where no other can be.
    std::thread::spawn(make).join().unwrap()
});

struct Template {
    database: Vec<u8>,
    subjects: Vec<Subject>,
}

impl Template {
    async fn make() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("cordboard.db");
        let store = Store::open(&format!("sqlite:{}", path.display())).await.unwrap();
        let office = office_on(&store, Settings::default()).await;
        let mut subjects = Vec::new();
        for (name, role) in [("root", "admin"), ("anna", "operator"), ("boris", "operator")] {
            let (username, password, roles) = (name.to_owned(), Some(PASSWORD.to_owned()), vec![role.to_owned()]);
            let new = NewUser { username, password, roles, ..NewUser::default() };
            office.add_user_as_system("test", CenterId::DEFAULT, new, auth::now()).await.unwrap();
            let log_in = LogIn { username: name.to_owned(), password: PASSWORD.to_owned(), client: Client::default() };
            let session = office.log_in(log_in, auth::now()).await.unwrap();
            subjects.push(Subject {
                user: session.user,
                center: session.center,
                name: session.username,
                session: session.id,
                roles: session.roles,
            });
        }
        store.close().await;
        Self { database: std::fs::read(path).unwrap(), subjects }
    }
}

/// The engines with all that modules bring.
async fn office_on(store: &Store, mut settings: Settings) -> Office {
    settings.parts.push(crm::part());
    settings.work.kinds = crm::kinds(settings.work.kinds);
    settings.added = crm::added(settings.added, store);
    settings.work.bulk = crm::bulk(settings.work.bulk);
    Office::open(store.clone(), settings, auth::now()).await.unwrap()
}

pub(crate) fn slot_view(id: i64) -> SlotView {
    SlotView {
        id: SlotId(id),
        center: CenterId::DEFAULT,
        number: format!("{}", 6000 + id),
        kind: HubKind::Auto,
        state: SlotState::Idle,
        registered: true,
        holder: None,
        since: NOW,
        epoch: 0,
    }
}

pub(crate) fn call_view(id: i64, direction: Direction) -> CallView {
    CallView {
        call_id: CallId(id),
        center: CenterId::DEFAULT,
        parent: None,
        status: CallStatus::Dialing,
        direction,
        caller: "6001".to_owned(),
        callee: "6002".to_owned(),
        caller_slot: None,
        callee_slot: None,
        user: Some(ANNA),
        started_at: NOW,
        ringing_at: None,
        answered_at: None,
        ended_at: None,
        outcome: None,
        cause: None,
        segments: vec![],
        scenario: None,
        source: None,
        carrier: Some(CarrierId(101)),
        tries: vec![tried()],
        asked: None,
        transfer: None,
        rung: vec![],
    }
}

/// A try by a carrier that did not serve.
fn tried() -> CarrierTry {
    CarrierTry {
        carrier: CarrierId(101),
        caller: "+74951234567".to_owned(),
        called: Some("+74957654321".to_owned()),
        target: Some("udp 192.0.2.7:5060".to_owned()),
        at: NOW,
        outcome: Some(TryOutcome::Refused),
        status: Some(503),
    }
}

/// A number that leads nowhere.
const NOWHERE: &str = "5551212";

/// The record of an answered call of `user`.
pub(crate) fn cdr(id: CallId, user: UserId) -> Cdr {
    let segment = Segment { user: Some(user), slot: SlotId(1), from: NOW, to: Some(NOW.after(Duration::from_secs(9))), hold_ms: 0 };
    Cdr {
        call_id: id,
        center: CenterId::DEFAULT,
        parent: None,
        direction: Direction::Internal,
        caller: "6001".to_owned(),
        callee: "6002".to_owned(),
        caller_slot: Some(SlotId(1)),
        callee_slot: Some(SlotId(2)),
        user: Some(user),
        started_at: NOW,
        ringing_at: Some(NOW),
        answered_at: Some(NOW),
        ended_at: NOW.after(Duration::from_secs(9)),
        ring_ms: 0,
        talk_ms: 9_000,
        outcome: Outcome::Answered,
        cause: Cause::CallerHungUp,
        sip_status: 200,
        segments: vec![segment],
        scenario: None,
        source: None,
        carrier: Some(CarrierId(101)),
        tries: vec![tried()],
        asked: None,
        rung: vec![],
    }
}

pub(crate) fn recording(id: CallId) -> RecordingRow {
    let role = |role: &str, number: &str| ChannelRole { role: role.to_owned(), number: number.to_owned() };
    RecordingRow {
        call_id: id,
        center: CenterId::DEFAULT,
        state: RecordingState::Complete,
        reason: None,
        file: Some(format!("{}.wav", id.0)),
        left: role("caller", "6001"),
        right: role("callee", "6002"),
        started_at: NOW,
        duration_ms: 9_000,
        size: 1_044,
    }
}

/// Facts of a call from its start to its record.
pub(crate) fn history(id: CallId, user: UserId) -> Vec<Fact> {
    let mut view = call_view(id.0, Direction::Internal);
    view.user = Some(user);
    vec![
        Fact::CallStarted { call: view },
        Fact::CallAnswered { call: id, at: NOW, segments: vec![] },
        Fact::Recording { row: recording(id) },
        Fact::CallEnded { cdr: cdr(id, user) },
    ]
}

/// Carries orders out on the board alone.
pub(crate) struct FakeControl {
    live: Arc<Live>,
    store: Store,
    state: Mutex<FakeState>,
    /// Start of a call waits for it, if there is one.
    pub(crate) hold: Mutex<Option<Arc<Notify>>>,
    /// The directory cannot be read.
    pub(crate) is_blind: AtomicBool,
    /// How often it was told that the directory has changed.
    pub(crate) told: AtomicUsize,
    /// How many calls the carrier carries.
    pub(crate) carried: Mutex<u32>,
}

#[derive(Default)]
struct FakeState {
    orders: Vec<Command>,
    refusal: Option<Refusal>,
    calls: i64,
    bans: BTreeMap<std::net::IpAddr, BanView>,
    budgets: Vec<BudgetEntry>,
    released: std::collections::BTreeSet<budget::Scope>,
}

impl FakeState {
    /// A budget of which two thirds of a day's talk are used, or nothing, if it was released.
    fn budget(&self, entry: &BudgetEntry) -> BudgetView {
        let limits = &entry.budget.limits;
        let talk = limits.day_s.map(|value| {
            let used = if self.released.contains(&entry.scope) { 0 } else { value * 2 / 3 };
            let free_at = (used > 0).then_some(NOW);
            budget::Line { limit: budget::Limit::DayTime, value, used, reserved: 60, free_at, is_closed: used + 70 > value }
        });
        let calls = limits.calls_max.map(|value| {
            let (limit, value) = (budget::Limit::Calls, value.into());
            budget::Line { limit, value, used: 1, reserved: 0, free_at: None, is_closed: 1 >= value }
        });
        let name = if matches!(entry.scope, budget::Scope::Center(_)) { String::new() } else { "6001".to_owned() };
        let levels = budget::Levels { calls: 1, lines: calls.into_iter().chain(talk).collect() };
        BudgetView { entry: entry.clone(), name, is_outside: entry.budget.outside.is_some(), levels }
    }
}

impl FakeControl {
    /// Every order but signs of life is refused so from now on.
    pub(crate) fn refuse(&self, refusal: Option<Refusal>) {
        self.state.lock().unwrap().refusal = refusal;
    }

    /// The orders of late.
    pub(crate) fn orders(&self) -> Vec<Command> {
        std::mem::take(&mut self.state.lock().unwrap().orders)
    }

    fn carry_out(&self, command: Command) -> Result<Reply, Refusal> {
        let mut state = self.state.lock().unwrap();
        state.orders.push(command.clone());
        if let Command::KeepAlive { .. } = command {
            return Ok(Reply::Done);
        }
        if let Some(refusal) = &state.refusal {
            return Err(refusal.clone());
        }
        let slot = |id| self.live.slot(id).ok_or(Refusal::SlotNotFound);
        let put = |view: SlotView| {
            self.live.publish(NOW, [Event::SlotUpdated(view.clone())]);
            Ok(Reply::Slot(view))
        };
        match command {
            Command::StartCall { user, slot: id, number } => {
                let mut caller = slot(id)?;
                if caller.state != SlotState::Idle && caller.state != SlotState::Ready {
                    return Err(Refusal::SlotNotCallable { number: caller.number, state: caller.state });
                }
                state.calls += 1;
                let mut view = call_view(10_000 + state.calls, Direction::Internal);
                (view.user, view.caller_slot, view.callee) = (Some(user), Some(id), number.to_string());
                let call = view.call_id;
                (caller.state, caller.holder) = (SlotState::Calling, Some(user));
                self.live.publish(NOW, [Event::CallUpdated(view), Event::SlotUpdated(caller)]);
                Ok(Reply::CallStarted { call })
            }
            Command::EndCall { user, any, call } => {
                let own = model::RowPart { users: (!any).then(|| [user].into()), lists: vec![] };
                let rows = model::RowRule { center: CenterId::DEFAULT, any_of: vec![own] };
                let mut view = self.live.call(call, &rows).ok_or(Refusal::CallNotFound)?;
                let status = view.status;
                view.status = CallStatus::Ended;
                self.live.publish(NOW, [Event::CallUpdated(view)]);
                Ok(Reply::CallEnding { call, status })
            }
            Command::TransferCall { user, any, call, to } => {
                let own = model::RowPart { users: (!any).then(|| [user].into()), lists: vec![] };
                let rows = model::RowRule { center: CenterId::DEFAULT, any_of: vec![own] };
                self.live.call(call, &rows).ok_or(Refusal::CallNotFound)?;
                let goes_on = match to {
                    model::TransferTo::Number(number) if number.as_str() == NOWHERE => return Err(Refusal::NoRoute),
                    model::TransferTo::Number(_) => call,
                    model::TransferTo::Call(other) => call.min(other),
                };
                Ok(Reply::CallTransferring { call: goes_on })
            }
            Command::TakeSlot { user, slot: id } => {
                let view = slot(id)?;
                if view.holder.is_some_and(|holder| holder != user) {
                    return Err(Refusal::SlotTaken { number: view.number, state: view.state });
                }
                put(SlotView { holder: Some(user), state: SlotState::Ready, epoch: view.epoch + 1, ..view })
            }
            Command::ReleaseSlot { user, any, slot: id, epoch } => {
                let view = slot(id)?;
                if epoch.is_some_and(|epoch| epoch != view.epoch) {
                    return Err(Refusal::StaleEpoch { epoch: view.epoch });
                }
                if view.holder != Some(user) && !any {
                    return Err(Refusal::NotHolder { number: view.number });
                }
                put(SlotView { holder: None, state: SlotState::Idle, ..view })
            }
            Command::SetService { slot: id, state } => {
                let view = slot(id)?;
                let out_of_service = |state| matches!(state, SlotState::Fault | SlotState::Disabled);
                // What is so already is not refused, not even during a call.
                if state == view.state || !out_of_service(state) && !out_of_service(view.state) {
                    return Ok(Reply::Slot(view));
                }
                if view.state.is_busy() {
                    return Err(Refusal::SlotInCall { number: view.number, state: view.state });
                }
                put(SlotView { state, holder: None, ..view })
            }
            Command::RetireSlots { slots } => {
                for id in &slots {
                    let view = slot(*id)?;
                    if view.state.is_busy() {
                        return Err(Refusal::SlotInCall { number: view.number, state: view.state });
                    }
                }
                for slot in slots {
                    self.live.publish(NOW, [Event::SlotRemoved { slot, center: CenterId::DEFAULT }]);
                }
                Ok(Reply::Done)
            }
            Command::Ladder { call } if call == CALL_OF_ANNA || self.live.known(call).is_some() => {
                Ok(Reply::Ladder { drawing: Drawing::new("6001 ── INVITE ──▶ 6002\n".to_owned()) })
            }
            Command::Ladder { .. } => Err(Refusal::LadderForgotten),
            Command::KeepAlive { .. } => Ok(Reply::Done),
            Command::Carriers => Ok(Reply::Carriers(vec![CarrierView {
                id: CarrierId(2),
                center: CenterId::DEFAULT,
                name: "Northern".to_owned(),
                on: true,
                standing: Standing::Up,
                since: Some(NOW),
                calls: *self.carried.lock().unwrap(),
                accounts: vec![CarrierAccountView {
                    username: "sales".to_owned(),
                    state: AccountState::Registered,
                    expires_at: Some(NOW),
                    next_at: Some(NOW),
                    last_error: None,
                }],
                hosts: vec![CarrierHostView { host: "sip:192.0.2.7".to_owned(), up: Some(true), last_error: None }],
            }])),
            Command::Budgets { center } => {
                let own = state.budgets.iter().filter(|entry| entry.center == center);
                Ok(Reply::Budgets(own.map(|entry| state.budget(entry)).collect()))
            }
            Command::Budget { scope } => {
                let entry = state.budgets.iter().find(|entry| entry.scope == scope).ok_or(Refusal::BudgetNotFound)?;
                Ok(Reply::Budget(Box::new(state.budget(entry))))
            }
            Command::ReleaseBudget { scope } => {
                let entry = state.budgets.iter().find(|entry| entry.scope == scope).cloned().ok_or(Refusal::BudgetNotFound)?;
                state.released.insert(scope);
                self.live.publish(NOW, [Event::BudgetReleased { scope, center: entry.center }]);
                Ok(Reply::Budget(Box::new(state.budget(&entry))))
            }
            Command::Bans => Ok(Reply::Bans(state.bans.values().cloned().collect())),
            Command::BanSource { address, for_s, note } => {
                let ban = BanView {
                    source: address.to_string(),
                    why: "by_hand".to_owned(),
                    since: NOW,
                    until: NOW.after(std::time::Duration::from_secs(for_s.into())),
                    times: 1,
                    points: 15,
                    note,
                    evidence: vec![model::EvidenceCount { kind: "unknown_user".to_owned(), count: 1 }],
                };
                state.bans.insert(address, ban.clone());
                self.live.publish(NOW, [Event::SourceBanned(ban.clone())]);
                Ok(Reply::Ban(ban))
            }
            Command::ReleaseBan { address } => {
                let ban = state.bans.remove(&address).ok_or(Refusal::NotBanned)?;
                self.live.publish(NOW, [Event::SourceReleased { source: ban.source.clone(), by_hand: true }]);
                Ok(Reply::Ban(ban))
            }
            Command::Security => Ok(Reply::Security(Box::new(SecurityView {
                is_on: true,
                bans: state.bans.len(),
                exempt: vec!["203.0.113.0/24".to_owned()],
                ..SecurityView::default()
            }))),
        }
    }
}

/// The control as the API holds it.
struct Handle(Arc<FakeControl>);

impl Control for Handle {
    fn execute(&self, command: Command) -> BoxFuture<'static, Result<Reply, Refusal>> {
        let control = self.0.clone();
        async move {
            let hold = control.hold.lock().unwrap().clone();
            if let (Some(hold), Command::StartCall { .. }) = (hold, &command) {
                hold.notified().await;
            }
            control.carry_out(command)
        }
        .boxed()
    }

    fn directory_changed(&self) -> BoxFuture<'static, Result<(), NotYet>> {
        let control = self.0.clone();
        control.told.fetch_add(1, Ordering::SeqCst);
        async move {
            if control.is_blind.load(Ordering::SeqCst) {
                return Err(NotYet);
            }
            let directory = control.store.directory().await.map_err(|_| NotYet)?;
            control.state.lock().unwrap().budgets = directory.budgets().to_vec();
            for entry in directory.slots() {
                if control.live.slot(entry.id).is_none() {
                    let number = entry.number.to_string();
                    let view = SlotView { number, kind: entry.kind, registered: entry.id.0 <= 2, ..slot_view(entry.id.0) };
                    control.live.publish(NOW, [Event::SlotUpdated(view)]);
                }
            }
            for view in control.live.slots() {
                if directory.slot(view.id).is_none() {
                    control.live.publish(NOW, [Event::SlotRemoved { slot: view.id, center: view.center }]);
                }
            }
            Ok(())
        }
        .boxed()
    }
}

/// A server whose configuration is read again with the outcome that a test has set.
pub(crate) struct FakeSystem(pub(crate) Mutex<Result<Reloaded, Vec<String>>>);

impl System for FakeSystem {
    fn reload(&self) -> BoxFuture<'static, Result<Reloaded, Vec<String>>> {
        let outcome = self.0.lock().unwrap().clone();
        async move { outcome }.boxed()
    }

    fn status(&self) -> Status {
        Status {
            version: "0.0.0",
            uptime: Duration::from_secs(61),
            journal_lag: 0,
            disk_free: Some(1),
            disk_total: Some(2),
            certificate: None,
        }
    }
}

/// Recordings in a directory. One that ends in `.part` grows and has a header that is not its own.
struct FakeRecordings(PathBuf);

impl Recordings for FakeRecordings {
    fn open(&self, row: &RecordingRow) -> io::Result<OpenRecording> {
        let file = File::open(self.0.join(row.file.as_deref().unwrap()))?;
        let length = file.metadata()?.len();
        let closed = row.state != RecordingState::Recording;
        Ok(OpenRecording { file, header: (!closed).then_some([b'H'; 44]), length, closed })
    }

    fn peaks(&self, row: &RecordingRow) -> io::Result<Peaks> {
        self.open(row)?;
        Ok(Peaks { duration_ms: 40, per_second: 50.0, channels: [vec![[-1, 1], [0, 0]], vec![[-127, 127], [0, 3]]] })
    }
}

/// Everything together.
pub(crate) struct World {
    pub(crate) api: Api,
    pub(crate) router: Router,
    pub(crate) control: Arc<FakeControl>,
    pub(crate) live: Arc<Live>,
    pub(crate) store: Store,
    pub(crate) system: Arc<FakeSystem>,
    pub(crate) directory: TempDir,
    facts: u64,
}

impl World {
    /// Users root (admin), anna and boris (operators); a hub with slots 6001 to 6003, of which two have phones; a call of
    /// anna's and one of boris's in the past.
    pub(crate) async fn new() -> Self {
        Self::with(|_| {}).await
    }

    pub(crate) async fn with(change: impl FnOnce(&mut ApiSettings)) -> Self {
        Self::made(Settings::default(), change).await
    }

    /// The same world with what modules bring.
    pub(crate) async fn of(office: Settings) -> Self {
        Self::made(office, |_| {}).await
    }

    async fn made(office: Settings, change: impl FnOnce(&mut ApiSettings)) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("cordboard.db");
        std::fs::write(&path, &TEMPLATE.database).unwrap();
        let store = Store::open(&format!("sqlite:{}", path.display())).await.unwrap().with_key(&[7; 32]);
        let office = office_on(&store, office).await;
        let ha1 = |username: &str, password: &str| {
            let mark = u8::try_from((username.len() + password.len()) % 256).unwrap();
            Ha1 { md5: [mark; 16], sha256: [mark; 32], sha512_256: [mark; 32] }
        };
        let new = NewTrunk { name: "North".to_owned(), kind: HubKind::Auto, capacity: 3 };
        let actor = model::Actor::system(CenterId::DEFAULT, "test");
        store.create_trunk(&actor, new, |number| (number.to_string(), ha1(number.as_str(), "x"))).await.unwrap();

        let live = Arc::new(Live::new(NOW));
        let control = FakeControl {
            live: live.clone(),
            store: store.clone(),
            state: Mutex::default(),
            hold: Mutex::default(),
            is_blind: AtomicBool::new(false),
            told: AtomicUsize::new(0),
            carried: Mutex::new(0),
        };
        let control = Arc::new(control);
        let handle = Handle(control.clone());
        handle.directory_changed().await.unwrap();
        let mut settings = ApiSettings::new(SECRET, "pbx.example".to_owned(), "pbx.example:5070".to_owned());
        change(&mut settings);
        let system = Arc::new(FakeSystem(Mutex::new(Ok(Reloaded { changed: vec!["log.filter".to_owned()], warnings: vec![] }))));
        let api = Api::new(ApiParts {
            settings,
            crm: Crm::new(store.clone(), office.clone()),
            office,
            providers: Providers::default(),
            control: Arc::new(handle),
            recordings: Arc::new(FakeRecordings(directory.path().to_owned())),
            system: system.clone(),
            live: live.clone(),
            metrics: Metrics::new(),
            ha1: Arc::new(ha1),
            phones: None,
        });
        let router = routed(api.clone());
        let mut world = Self { api, router, control, live, store, system, directory, facts: 0 };
        for (call, user) in [(CALL_OF_ANNA, ANNA), (CALL_OF_BORIS, BORIS)] {
            world.tell(history(call, user)).await;
            let octets: Vec<u8> = (0..1_044u32).map(|at| b'a' + u8::try_from(at % 26).unwrap()).collect();
            std::fs::write(world.directory.path().join(format!("{}.wav", call.0)), octets).unwrap();
        }
        world
    }

    /// The same world with somebody who takes the WebSockets of phones.
    pub(crate) async fn router_with(&self, phones: Arc<dyn Phones>) -> Router {
        routed(self.api_with(Some(phones)).await)
    }

    /// The same database and board under a new process.
    pub(crate) async fn restarted(&self) -> Self {
        let api = self.api_with(None).await;
        let router = routed(api.clone());
        let (control, live, store) = (self.control.clone(), self.live.clone(), self.store.clone());
        let (system, directory) = (self.system.clone(), tempfile::tempdir().unwrap());
        Self { api, router, control, live, store, system, directory, facts: self.facts }
    }

    async fn api_with(&self, phones: Option<Arc<dyn Phones>>) -> Api {
        let office = office_on(&self.store, Settings::default()).await;
        Api::new(ApiParts {
            settings: self.api.settings.clone(),
            crm: Crm::new(self.store.clone(), office.clone()),
            office,
            providers: Providers::default(),
            control: Arc::new(Handle(self.control.clone())),
            recordings: self.api.recordings.clone(),
            system: self.system.clone(),
            live: self.live.clone(),
            metrics: Metrics::new(),
            ha1: self.api.ha1.clone(),
            phones,
        })
    }

    /// Facts reach the database.
    pub(crate) async fn tell(&mut self, facts: Vec<Fact>) {
        let facts: Vec<(u64, Fact)> = (self.facts + 1..).zip(facts).collect();
        self.facts += u64::try_from(facts.len()).unwrap();
        let applied = self.store.apply(&facts).await.unwrap();
        assert_eq!(applied.applied, u64::try_from(facts.len()).unwrap(), "{applied:?}");
    }

    /// The session of one of the three.
    pub(crate) fn subject(&self, name: &str) -> Subject {
        TEMPLATE.subjects.iter().find(|subject| subject.name == name).unwrap().clone()
    }

    /// An access token of that user.
    pub(crate) fn token(&self, name: &str) -> String {
        self.api.auth.tokens.access(SystemTime::now(), &self.subject(name), Duration::from_secs(900)).unwrap()
    }

    /// That user, as the guard would find them.
    pub(crate) async fn principal(&self, name: &str) -> Principal {
        let subject = self.subject(name);
        let claimed = Claimed { center: subject.center, username: subject.name, roles: subject.roles };
        let request = PrincipalRequest::default();
        let found = self.api.office.principal_of_session(subject.user, subject.session, &claimed, &request, auth::now()).await;
        let Found::Person(principal) = found else { panic!("{name} is signed in: {found:?}") };
        principal
    }

    /// Disables an account, or enables it again.
    pub(crate) async fn set_active(&self, user: UserId, active: bool) {
        let permit = self.principal("root").await.permit(can::USERS_UPDATE).unwrap();
        self.api.office.set_user_active(&permit, user, active, auth::now()).await.unwrap();
    }

    /// Sends a request as text: `who METHOD path`, header lines, an empty line, the body. `-` is nobody.
    pub(crate) async fn send(&self, text: &str) -> Response<Body> {
        let (head, body) = text.split_once("\n\n").unwrap_or((text, ""));
        let mut lines = head.lines().map(str::trim);
        let mut words = lines.next().unwrap().splitn(3, ' ');
        let (who, method, path) = (words.next().unwrap(), words.next().unwrap(), words.next().unwrap());
        let mut request = Request::builder().method(method).uri(path);
        if who != "-" {
            request = request.header("Authorization", format!("Bearer {}", self.token(who)));
        }
        let mut has_type = false;
        for line in lines {
            let (name, value) = line.split_once(':').unwrap();
            has_type |= name.eq_ignore_ascii_case("content-type");
            request = request.header(name, value.trim());
        }
        if !body.is_empty() && !has_type {
            request = request.header("Content-Type", "application/json");
        }
        self.router.clone().oneshot(request.body(Body::from(body.trim().to_owned())).unwrap()).await.unwrap()
    }

    /// The same; the answer as text.
    pub(crate) async fn ask(&self, text: &str) -> String {
        shown(self.send(text).await).await
    }

    /// The same; status and JSON.
    pub(crate) async fn json(&self, text: &str) -> (StatusCode, Value) {
        let response = self.send(text).await;
        let status = response.status();
        let body = response.into_body().collect().await.unwrap().to_bytes();
        (status, serde_json::from_slice(&body).unwrap_or(Value::Null))
    }
}

/// Headers that say something about an answer.
const SHOWN: &[&str] = &[
    "allow",
    "retry-after",
    "www-authenticate",
    "accept-ranges",
    "content-range",
    "content-length",
    "etag",
    "content-disposition",
    "location",
];

/// Status, the headers that matter, the body with its secrets blotted out.
pub(crate) async fn shown(response: Response<Body>) -> String {
    let status = response.status();
    let headers = response.headers().clone();
    let body = response.into_body().collect().await.unwrap().to_bytes();
    let mut text = status.as_u16().to_string();
    let header = |name: &str| headers.get(name).map(|value| value.to_str().unwrap().to_owned());
    let media_type = header("content-type").unwrap_or_default();
    if !matches!(media_type.as_str(), "application/json" | "application/problem+json" | "") {
        text += &format!(" {media_type}");
    }
    for name in SHOWN {
        let is_told_anyway = *name == "content-length" && media_type.ends_with("json");
        if let Some(value) = header(name).filter(|_| !is_told_anyway) {
            text += &format!("\n{name}: {value}");
        }
    }
    if !matches!(header("cache-control").as_deref(), Some("no-store") | None) {
        text += &format!("\ncache-control: {}", header("cache-control").unwrap());
    }
    match serde_json::from_slice::<Value>(&body) {
        Ok(mut value) => {
            if media_type == "application/problem+json" {
                let members = value.as_object_mut().unwrap();
                assert_eq!(members.remove("status").unwrap(), status.as_u16());
                assert_eq!(members["type"], format!("urn:cordboard:problem:{}", members["code"].as_str().unwrap()));
                members.remove("type");
                members.remove("title");
            }
            blot(&mut value);
            text += &format!("\n{value}");
        }
        Err(_) if body.len() > 100 => text += &format!("\n({} octets)", body.len()),
        Err(_) => text += &format!("\n{}", String::from_utf8_lossy(&body)),
    }
    text.trim_end().to_owned() + "\n"
}

fn blot(value: &mut Value) {
    match value {
        Value::Object(members) => {
            for (name, value) in members {
                if matches!(name.as_str(), "password" | "access_token" | "refresh_token" | "token" | "url") && value.is_string() {
                    *value = "…".into();
                }
                blot(value);
            }
        }
        Value::Array(values) => values.iter_mut().for_each(blot),
        _ => {}
    }
}
