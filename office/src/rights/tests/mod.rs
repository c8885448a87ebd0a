//! Rights held against plain arithmetic, and against both databases.

#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests")]

mod access;
mod centers;
mod changes;
mod giving;
mod last_admin;
mod memory;
mod seeds;
mod shape;

use std::sync::Arc;

use model::{Action, Actor, ActorKind, CenterId, UserId, WallTime};
use store::{
    Statement, Store,
    audit::Diff,
    binds,
    sql::{Tx, draw},
};

use super::{AccessChange, AccessList, ColumnPolicy};
use crate::{By, Conflict, Office, OfficeError, Permit, Principal, work::testing::Base};

const HOME: CenterId = CenterId(1);
const NOW: WallTime = WallTime(1_000);

const ADD_USER: Statement = both(
    "INSERT INTO users (id, center_id, username, display_name, state, search_norm, version, created_at, updated_at)
    VALUES ($1, $2, $3, $3, 'active', $3, 1, 0, 0)",
);
const SET_MANAGER: Statement = both("UPDATE users SET manager_id = $2 WHERE id = $1");
const SET_STATE: Statement = both("UPDATE users SET state = $2 WHERE id = $1");

const fn both(sql: &'static str) -> Statement {
    Statement { name: "test", lite: sql, pg: sql }
}

/// An office with the roles that come with the program, on either engine.
struct House {
    base: Base,
    office: Office,
}

/// The same story on both engines.
async fn on_both(story: impl AsyncFn(House)) {
    for base in [Base::sqlite(), Base::postgres()] {
        let office = crate::testing::office(base.open().await).await;
        story(House { base, office }).await;
    }
}

impl House {
    fn store(&self) -> &Store {
        self.office.store()
    }

    async fn tx(&self) -> Tx {
        self.store().db().begin().await.unwrap()
    }

    async fn run(&self, statement: Statement, binds: &[store::sql::Bind<'_>]) {
        self.store().db().run(statement, binds).await.unwrap();
    }

    async fn user_in(&self, center: CenterId, name: &str, roles: &[&str]) -> UserId {
        let mut tx = self.tx().await;
        let user = UserId(draw(&mut tx, "user", 1).await.unwrap());
        tx.run(ADD_USER, binds![user, center, name]).await.unwrap();
        let system = Actor::system(center, "test");
        self.office.set_user_access(&mut tx, By::Program(&system), user, &of_roles(roles), Diff::none()).await.unwrap();
        tx.commit().await.unwrap();
        user
    }

    async fn user(&self, name: &str, roles: &[&str]) -> UserId {
        self.user_in(HOME, name, roles).await
    }

    /// Gives rights in the program's own name.
    async fn give(&self, user: UserId, change: &AccessChange) {
        self.try_give(By::Program(&Actor::system(HOME, "test")), user, change).await.unwrap();
    }

    async fn try_give(&self, by: By<'_>, user: UserId, change: &AccessChange) -> Result<Diff, OfficeError> {
        let mut tx = self.tx().await;
        let given = self.office.set_user_access(&mut tx, by, user, change, Diff::none()).await;
        match &given {
            Ok(_) => tx.commit().await.unwrap(),
            Err(_) => tx.rollback().await.unwrap(),
        }
        given
    }

    async fn person_at(&self, user: UserId, center: CenterId) -> Principal {
        let (home,): (i64,) =
            self.store().db().one(both("SELECT center_id FROM users WHERE id = $1"), binds![user]).await.unwrap().unwrap();
        let (roles, access) = self.office.access_of(user).await.unwrap();
        let actor = Actor { kind: ActorKind::User(user), ..Actor::system(center, "somebody") };
        Principal::new(user, "somebody".to_owned(), CenterId(home), roles, None, actor, Arc::new(access))
    }

    async fn person(&self, user: UserId) -> Principal {
        self.person_at(user, HOME).await
    }

    async fn permit(&self, user: UserId, action: Action) -> Permit {
        self.person(user).await.permit(action).unwrap()
    }

    async fn count(&self, table: &'static str) -> i64 {
        let statement = match table {
            "audit_log" => both("SELECT count(*) FROM audit_log"),
            "roles" => both("SELECT count(*) FROM roles"),
            "permission_set_items" => both("SELECT count(*) FROM permission_set_items"),
            other => panic!("{other}"),
        };
        self.store().db().one::<(i64,)>(statement, &[]).await.unwrap().unwrap().0
    }

    async fn role_id(&self, code: &str) -> i64 {
        let statement = both("SELECT id FROM roles WHERE center_id = 1 AND code = $1");
        self.store().db().one::<(i64,)>(statement, binds![code]).await.unwrap().unwrap().0
    }

    async fn set_id(&self, code: &str) -> i64 {
        let statement = both("SELECT id FROM permission_sets WHERE center_id = 1 AND code = $1");
        self.store().db().one::<(i64,)>(statement, binds![code]).await.unwrap().unwrap().0
    }

    async fn version(&self, of: &str, id: i64) -> i64 {
        let statement = match of {
            "role" => both("SELECT version FROM roles WHERE id = $1"),
            _ => both("SELECT version FROM permission_sets WHERE id = $1"),
        };
        self.store().db().one::<(i64,)>(statement, binds![id]).await.unwrap().unwrap().0
    }
}

fn of_roles(roles: &[&str]) -> AccessChange {
    AccessChange { roles: Some(texts(roles)), ..AccessChange::default() }
}

fn texts(texts: &[&str]) -> Vec<String> {
    texts.iter().map(|text| (*text).to_owned()).collect()
}

fn list(resource: &str, kind: model::ListKind, ids: &[&str]) -> AccessList {
    AccessList { resource: resource.to_owned(), kind, ids: texts(ids) }
}

fn column(resource: &str, column: &str, mode: model::Mode) -> ColumnPolicy {
    ColumnPolicy { resource: resource.to_owned(), column: column.to_owned(), mode }
}

fn is_forbidden<T: std::fmt::Debug>(done: &Result<T, OfficeError>, what: &str) {
    assert!(matches!(done, Err(OfficeError::Forbidden(said)) if said.contains(what)), "{done:?}");
}

fn is_conflict<T: std::fmt::Debug>(done: &Result<T, OfficeError>, what: &Conflict) {
    assert!(matches!(done, Err(OfficeError::Conflict(said)) if said == what), "{done:?}");
}

/// The fields that an answer finds fault with.
fn faults<T: std::fmt::Debug>(done: Result<T, OfficeError>) -> Vec<String> {
    match done {
        Err(OfficeError::Invalid(faults)) => faults.into_iter().map(|fault| format!("{} {}", fault.code, fault.field)).collect(),
        other => panic!("{other:?}"),
    }
}

/// What can be listed in these tests and has owners, lists and columns of every kind.
mod thing {
    use model::{Action, Column, ColumnKind, ListKind, Owner, Resource};

    use crate::rights::{Part, Permission, Reaches};

    pub(super) const READ: Action = Action("leads.read");

    pub(super) static LEADS: Resource = Resource {
        name: "leads",
        from: "leads t",
        key: "id",
        center: "t.center_id",
        owner: Owner::User("t.user_id"),
        lists: &[(ListKind::Scenario, "t.scenario"), (ListKind::Project, "t.project")],
        search: "",
        order: "id",
        read: READ,
        export: None,
        columns: &[
            Column::new("id", "t.id", ColumnKind::Id, "The id.").sorted(),
            Column::new("phone", "t.phone", ColumnKind::Text, "The number.").filtered(),
            Column::new("note", "t.note", ColumnKind::Text, "A note."),
        ],
    };

    /// The same rows as another list.
    pub(super) static LEADS_ARCHIVE: Resource = Resource { name: "leads_archive", ..LEADS_COPY };

    pub(super) const LEADS_COPY: Resource = Resource {
        name: "",
        from: "leads t",
        key: "id",
        center: "t.center_id",
        owner: Owner::User("t.user_id"),
        lists: &[],
        search: "",
        order: "id",
        read: READ,
        export: None,
        columns: &[
            Column::new("id", "t.id", ColumnKind::Id, "The id."),
            Column::new("phone", "t.phone", ColumnKind::Text, "The number."),
            Column::new("called", "t.called", ColumnKind::Text, "The number that was called.").like(&["phone"]),
        ],
    };

    /// What a module of leads would bring.
    pub(super) const PART: Part = Part {
        permissions: &[
            Permission { action: READ, about: "See leads.", reaches: Reaches::LISTED },
            Permission { action: Action("leads.create"), about: "Make leads.", reaches: Reaches::LISTED },
            Permission { action: Action("leads.update"), about: "Change leads.", reaches: Reaches::LISTED },
        ],
        resources: &[&LEADS, &LEADS_ARCHIVE],
        events: &[],
    };
}

#[tokio::test]
async fn every_statement_of_the_room_can_be_prepared() {
    use sqlx::{Executor as _, SqlSafeStr as _};

    on_both(async |house| {
        assert!(crate::statements().count() > 100);
        for statement in crate::statements() {
            let prepared = match house.store().db() {
                store::Db::Lite { write, .. } => write.prepare(statement.lite.into_sql_str()).await.map(drop),
                store::Db::Pg(pool) => pool.prepare(statement.pg.into_sql_str()).await.map(drop),
            };
            prepared.unwrap_or_else(|error| panic!("{}: {error}", statement.name));
        }
    })
    .await;
}
