//! A centre with people to tell stories of, on an empty database of either engine.
#![expect(clippy::unwrap_used, clippy::panic, reason = "tests")]

use std::{
    io::Read as _,
    sync::{Arc, Mutex},
};

use model::{Action, CallId, CenterId, RowNews, UserId, WallTime};
use office::{
    Adders, Office, OfficeError, Permit, Principal, Settings, WorkOptions,
    accounts::{Claimed, Client, Found, LogIn, NewUser, PrincipalRequest},
    bulk::BulkActions,
    export::{ExportOrder, Format},
    jobs::{Kinds, Runner, RunnerOptions},
    rights::{AccessList, NewRole, NewSet, PermissionItem},
};
use store::{Store, binds, statements, testing::Postgres};
use tempfile::TempDir;

use crate::{
    Crm, added, bulk, can, kinds,
    leads::{LeadChange, NewLead},
    links::{LinkedBy, link},
    part,
};

pub(crate) const HOME: CenterId = CenterId::DEFAULT;
pub(crate) const NOW: WallTime = WallTime(1_795_000_000_000);
const PASSWORD: &str = "right horse";

pub(crate) struct House {
    pub(crate) crm: Crm,
    pub(crate) office: Office,
    /// What was told, since it was last looked at.
    told: Arc<Mutex<Vec<RowNews>>>,
    _dir: TempDir,
}

/// Tells a story on both engines.
pub(crate) async fn on_both(story: impl AsyncFn(House)) {
    let dir = tempfile::tempdir().unwrap();
    let url = format!("sqlite:{}/cordboard.db", dir.path().display());
    story(House::at(&url, dir).await).await;
    story(House::at(&Postgres::shared().database(), tempfile::tempdir().unwrap()).await).await;
}

impl House {
    async fn at(url: &str, dir: TempDir) -> Self {
        let store = Store::open(url).await.unwrap();
        let work = WorkOptions {
            kinds: kinds(Kinds::default()),
            bulk: bulk(BulkActions::default()),
            exports_dir: dir.path().join("exports"),
            ..WorkOptions::default()
        };
        let settings = Settings { parts: vec![part()], added: added(Adders::default(), &store), work, ..Settings::default() };
        let office = Office::open(store.clone(), settings, NOW).await.unwrap();
        let told: Arc<Mutex<Vec<RowNews>>> = Arc::default();
        let hearing = Arc::clone(&told);
        assert!(office.tell_rows(move |news| hearing.lock().unwrap().extend(news)));
        Self { crm: Crm::new(store, office.clone()), office, told, _dir: dir }
    }

    /// What was told since this was last asked.
    pub(crate) fn told(&self) -> Vec<RowNews> {
        std::mem::take(&mut *self.told.lock().unwrap())
    }

    /// Adds somebody, who logs in.
    pub(crate) async fn person(&self, new: NewUser) -> Principal {
        let name = new.username.clone();
        let new = NewUser { password: Some(PASSWORD.to_owned()), ..new };
        self.office.add_user_as_system("test", HOME, new, NOW).await.unwrap();
        let log_in = LogIn { username: name, password: PASSWORD.to_owned(), client: Client::default() };
        let session = self.office.log_in(log_in, NOW).await.unwrap();
        self.again(session.user, session.id, &session.username).await
    }

    /// The same person with the rights of now.
    pub(crate) async fn again(&self, user: UserId, session: i64, name: &str) -> Principal {
        let claimed = Claimed { center: HOME, username: name.to_owned(), roles: vec![] };
        let request = PrincipalRequest { center: None, client: Client::default() };
        match self.office.principal_of_session(user, session, &claimed, &request, NOW).await {
            Found::Person(person) => person,
            other => panic!("nobody: {other:?}"),
        }
    }

    /// Adds somebody with one role.
    pub(crate) async fn with_role(&self, name: &str, role: &str) -> Principal {
        self.person(NewUser { username: name.to_owned(), roles: vec![role.to_owned()], ..NewUser::default() }).await
    }
}

/// Ids of one kind that narrow rights to a resource.
pub(crate) fn list(resource: &str, kind: model::ListKind, ids: &[String]) -> AccessList {
    AccessList { resource: resource.to_owned(), kind, ids: ids.to_vec() }
}

impl House {
    /// Makes a role with these rights (`tags.read@list`).
    pub(crate) async fn role(&self, root: &Principal, code: &str, rights: &[&str]) {
        let item = |right: &&str| {
            let (permission, scope) = right.split_once('@').unwrap();
            PermissionItem { permission: permission.to_owned(), scope: scope.parse().unwrap() }
        };
        let may = leave(root, office::can::ROLES_CREATE);
        let set = NewSet { code: code.to_owned(), name: code.to_owned(), permissions: rights.iter().map(item).collect() };
        self.office.create_permission_set(&may, &set, NOW).await.unwrap();
        let (code, sets) = (code.to_owned(), vec![code.to_owned()]);
        let new = NewRole { name: code.clone(), code, sets, lists: vec![], columns: vec![] };
        self.office.create_role(&may, &new, NOW).await.unwrap();
    }

    /// The lines of a file that somebody exports.
    pub(crate) async fn exported(&self, who: &Principal, resource: &str, filter: serde_json::Value, columns: &[&str]) -> Vec<String> {
        let order = ExportOrder {
            resource: resource.to_owned(),
            filter: Some(filter),
            search: None,
            columns: Some(columns.iter().map(|column| (*column).to_owned()).collect()),
            format: Format::Csv,
            locale: Some("en".to_owned()),
        };
        let right = self.office.export_right(resource).unwrap();
        let export = self.office.start_export(&leave(who, right), &order, NOW).await.unwrap();
        let runner = Runner::new(self.office.clone(), Arc::new(|| NOW), RunnerOptions { workers: 1, seed: 1, node: 1, sole: true });
        let stop = tokio::sync::watch::channel(false);
        while runner.try_turn(&stop.1).await.unwrap() {}
        let mut file = self.office.open_export(&leave(who, office::can::EXPORTS_READ), export.id, NOW).await.unwrap();
        let mut text = String::new();
        file.file.read_to_string(&mut text).unwrap();
        text.trim_start_matches('\u{feff}').lines().map(str::to_owned).collect()
    }
}

/// Somebody's leave to do something.
pub(crate) fn leave(person: &Principal, action: Action) -> Permit {
    person.permit(action).unwrap()
}

/// The fields that an answer finds fault with.
pub(crate) fn faults<T: std::fmt::Debug>(done: Result<T, OfficeError>) -> Vec<String> {
    match done {
        Err(OfficeError::Invalid(faults)) => faults.into_iter().map(|fault| fault.field).collect(),
        other => panic!("not refused for its fields: {other:?}"),
    }
}

statements! {
    ADD_CALL: both "INSERT INTO calls (call_id, center_id, status, direction, caller, callee, user_id, started_at, ended_at, outcome, segments, scenario,
        last_seen_at) VALUES ($1, $2, 'ended', 'inbound', '+79161234567', '6001', $3, $4, $4, 'answered', '[]', $5, $4)";
    ADD_USER: both "INSERT INTO call_users (user_id, call_id) VALUES ($1, $2)";
    WHOSE: both "SELECT user_id, why FROM call_users WHERE call_id = $1 ORDER BY user_id";
    LINKED: both "SELECT lead_id, client_id, matched_by FROM call_links WHERE call_id = $1";
}

impl House {
    /// A call that has ended, of a scenario, and whose it is.
    pub(crate) async fn call(&self, id: i64, scenario: &str, user: Option<UserId>) -> CallId {
        let call = CallId(id);
        let db = self.crm.store().db();
        db.run(ADD_CALL, binds![call, HOME, user, NOW, scenario]).await.unwrap();
        if let Some(user) = user {
            db.run(ADD_USER, binds![user, call]).await.unwrap();
        }
        call
    }
}

impl House {
    /// Says which lead and client a call was with; tells whether that is news.
    pub(crate) async fn links(&self, call: CallId, lead: Option<i64>, client: Option<i64>, by: LinkedBy) -> bool {
        let mut tx = self.crm.store().db().begin().await.unwrap();
        let changed = link(&mut tx, (call, HOME), lead, client, (by, NOW)).await.unwrap();
        tx.commit().await.unwrap();
        changed
    }

    /// Whose a call is, and why.
    pub(crate) async fn whose(&self, call: CallId) -> Vec<(i64, i64)> {
        self.crm.store().db().all(WHOSE, binds![call]).await.unwrap()
    }

    /// The lead and the client of a call, and how that is known.
    pub(crate) async fn linked(&self, call: CallId) -> (Option<i64>, Option<i64>, String) {
        self.crm.store().db().one(LINKED, binds![call]).await.unwrap().unwrap()
    }

    /// A lead of these people.
    pub(crate) async fn lead_of(&self, root: &Principal, seller: UserId, operator: Option<UserId>) -> i64 {
        self.lead_with(root, Some(seller), operator, "+79160000001").await
    }

    /// A lead with a number.
    pub(crate) async fn lead_with(&self, root: &Principal, seller: Option<UserId>, operator: Option<UserId>, phone: &str) -> i64 {
        let lead = LeadChange {
            client_name: Some("Olga".to_owned()),
            phone: Some(phone.to_owned()),
            assigned_seller: Some(seller),
            assigned_operator: Some(operator),
            ..LeadChange::default()
        };
        self.crm.create_lead(&leave(root, can::LEADS_CREATE), &NewLead { status: None, lead }, NOW).await.unwrap()
    }

    /// What is told of rows from now on.
    pub(crate) fn hears(&self) -> Arc<Mutex<Vec<RowNews>>> {
        self.told.lock().unwrap().clear();
        Arc::clone(&self.told)
    }
}

/// What was told, in short: the kind, whether there is a row, and whose it is.
pub(crate) fn in_short(told: &Mutex<Vec<RowNews>>) -> Vec<(&'static str, bool, Vec<i64>)> {
    let told = std::mem::take(&mut *told.lock().unwrap());
    let users = |news: &RowNews| news.gates.first().map(|gate| gate.users.iter().map(|user| user.0).collect()).unwrap_or_default();
    told.iter().map(|news| (news.kind, news.row.is_some(), users(news))).collect()
}
