//! What parts of the system report of themselves (S004-46): nodes, pipelines, the program. A log for people, and no proof: the audit log is.

use model::{CenterId, Column, ColumnKind, Owner, Resource, UserId, WallTime};
use serde_json::Value;
use store::{
    StoreError, binds,
    sql::{Tx, draw},
    statements,
};

use crate::{Fault, Office, OfficeError, Permit, can};

/// The most characters of a module's name and of a code.
pub const NAME_MAX: usize = 64;
/// The most characters of a message.
pub const MESSAGE_MAX: usize = 2000;
/// The most octets of what comes with it.
pub const DATA_OCTETS_MAX: usize = 16 * 1024;

/// Events, as people see them.
pub static EVENTS_LOG: Resource = Resource {
    name: "events_log",
    from: "events_log t",
    key: "id",
    center: "t.center_id",
    owner: Owner::Nobody,
    lists: &[],
    search: "",
    order: "-id",
    read: can::EVENTS_LOG_READ,
    export: Some(can::EVENTS_LOG_EXPORT),
    columns: &[
        Column::new("id", "t.id", ColumnKind::Id, "The event's number.").filtered().sorted(),
        Column::new("at", "t.at", ColumnKind::Time, "When it was told.").filtered(),
        Column::new("module", "t.module", ColumnKind::Text, "What part tells it.").filtered(),
        Column::new("severity", "t.severity", ColumnKind::Code(SEVERITIES), "How bad it is.").filtered(),
        Column::new("code", "t.code", ColumnKind::Text, "What it is, for programs.").filtered(),
        Column::new("message", "t.message", ColumnKind::Text, "What it is, for people."),
        Column::new("data", "t.data", ColumnKind::Json, "What belongs to it."),
        Column::new("created_by", "t.created_by", ColumnKind::Id, "Whose program told it; absent for this one.").nullable().filtered(),
    ],
};

const SEVERITIES: &[&str] = &["debug", "info", "warning", "error", "critical"];

statements! {
    INSERT: both "INSERT INTO events_log (id, center_id, at, module, severity, code, message, data, created_by)
        VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)";
    // Numbers grow with age, so the oldest are looked at by the key, without an index on time.
    PRUNE_BY_AGE: both "DELETE FROM events_log WHERE id IN
        (SELECT o.id FROM (SELECT id, at FROM events_log ORDER BY id LIMIT $2) o WHERE o.at < $1)";
    PRUNE_BY_COUNT: both "DELETE FROM events_log WHERE id IN (SELECT id FROM events_log
        WHERE id < (SELECT next FROM ids WHERE kind = 'event') - $1 ORDER BY id LIMIT $2)";
}

/// How bad it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Severity {
    /// Of use to whoever looks for a fault.
    Debug,
    /// As it should be.
    Info,
    /// Not as it should be; it goes on.
    Warning,
    /// Something was not done.
    Error,
    /// Somebody must look at it now.
    Critical,
}

impl Severity {
    /// The name on the wire and in the database.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Debug => "debug",
            Self::Info => "info",
            Self::Warning => "warning",
            Self::Error => "error",
            Self::Critical => "critical",
        }
    }

    /// The severity with this name.
    #[must_use]
    pub fn parse(name: &str) -> Option<Self> {
        [Self::Debug, Self::Info, Self::Warning, Self::Error, Self::Critical].into_iter().find(|severity| severity.as_str() == name)
    }
}

/// Something to be told.
#[derive(Debug, Clone, PartialEq)]
pub struct NewEvent {
    /// What part tells it: 1 to [`NAME_MAX`] of `a`–`z`, `A`–`Z`, `0`–`9`, `.`, `_`, `:`, `-`.
    pub module: String,
    /// How bad it is.
    pub severity: Severity,
    /// What it is, for programs; as the module.
    pub code: String,
    /// What it is, for people; at most [`MESSAGE_MAX`] characters.
    pub message: String,
    /// What belongs to it; at most [`DATA_OCTETS_MAX`] octets of JSON.
    pub data: Value,
}

impl NewEvent {
    fn check(&self) -> Result<String, OfficeError> {
        let mut faults = Vec::new();
        for (field, name) in [("module", &self.module), ("code", &self.code)] {
            let is_safe = |octet: u8| octet.is_ascii_alphanumeric() || b"._:-".contains(&octet);
            if name.is_empty() || name.len() > NAME_MAX || !name.bytes().all(is_safe) {
                faults.push(Fault::invalid(field, format!("1 to {NAME_MAX} of the letters a to z, digits, full stops, colons, _ and -")));
            }
        }
        if self.message.chars().count() > MESSAGE_MAX {
            faults.push(Fault::invalid("message", format!("at most {MESSAGE_MAX} characters")));
        }
        let data = self.data.to_string();
        if data.len() > DATA_OCTETS_MAX {
            faults.push(Fault::invalid("data", format!("at most {DATA_OCTETS_MAX} octets of JSON")));
        }
        if faults.is_empty() { Ok(data) } else { Err(OfficeError::Invalid(faults)) }
    }
}

impl Office {
    /// Writes what a person's program tells; gives its number.
    ///
    /// # Errors
    /// [`OfficeError::Invalid`].
    pub async fn log_event(&self, permit: &Permit, event: &NewEvent, now: WallTime) -> Result<i64, OfficeError> {
        permit.must_be(can::EVENTS_LOG_CREATE)?;
        let data = event.check()?;
        self.write_event(permit.rows().center, Some(permit.principal().user()), event, &data, now).await
    }

    /// Writes what the program itself tells.
    ///
    /// # Errors
    /// [`OfficeError::Invalid`].
    pub async fn log_own_event(&self, center: CenterId, event: &NewEvent, now: WallTime) -> Result<i64, OfficeError> {
        let data = event.check()?;
        self.write_event(center, None, event, &data, now).await
    }

    async fn write_event(
        &self,
        center: CenterId,
        by: Option<UserId>,
        event: &NewEvent,
        data: &str,
        now: WallTime,
    ) -> Result<i64, OfficeError> {
        let mut tx = self.store().db().begin().await?;
        let id = draw(&mut tx, "event", 1).await?;
        let binds = binds![id, center, now, &event.module, event.severity.as_str(), &event.code, &event.message, data, by];
        tx.run(INSERT, binds).await?;
        tx.commit().await?;
        Ok(id)
    }
}

/// Takes away events from before `before` and all but the newest `rows`, at most `limit` of each; says how many.
pub(crate) async fn prune(tx: &mut Tx, before: WallTime, rows: i64, limit: i64) -> Result<u64, StoreError> {
    let old = tx.run(PRUNE_BY_AGE, binds![before, limit]).await?;
    Ok(old + tx.run(PRUNE_BY_COUNT, binds![rows, limit]).await?)
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]

    use serde_json::json;
    use store::Statement;

    use super::*;
    use crate::work::testing::{Base, both, house, person};

    const ROW: Statement = both("SELECT center_id, module, severity, code, message, data, created_by FROM events_log WHERE id = $1");
    const KEYS: Statement = both("SELECT id FROM events_log ORDER BY id");

    type Row = (i64, String, String, String, String, String, Option<i64>);

    fn event() -> NewEvent {
        NewEvent {
            module: "gacs:node-7".to_owned(),
            severity: Severity::Warning,
            code: "modem.lost".to_owned(),
            message: "Модем не отвечает".to_owned(),
            data: json!({"port": 3}),
        }
    }

    async fn story(base: Base) {
        let office = house(base.open().await, crate::WorkOptions::default()).await;
        let admin = person(&office, 7, "admin").await;
        let permit = admin.permit(can::EVENTS_LOG_CREATE).unwrap();
        let id = office.log_event(&permit, &event(), WallTime(5)).await.unwrap();
        let row: Row = office.store().db().one(ROW, binds![id]).await.unwrap().unwrap();
        let text = |text: &str| text.to_owned();
        let expected =
            (1, text("gacs:node-7"), text("warning"), text("modem.lost"), text("Модем не отвечает"), text("{\"port\":3}"), Some(7));
        assert_eq!(row, expected);
        let wrong = |change: fn(&mut NewEvent)| {
            let mut event = event();
            change(&mut event);
            event
        };
        for (field, wrong) in [
            ("module", wrong(|event| event.module.clear())),
            ("module", wrong(|event| event.module = "a b".to_owned())),
            ("module", wrong(|event| event.module = "<script>".to_owned())),
            ("code", wrong(|event| event.code = "x".repeat(NAME_MAX + 1))),
            ("code", wrong(|event| event.code = "код".to_owned())),
            ("message", wrong(|event| event.message = "я".repeat(MESSAGE_MAX + 1))),
            ("data", wrong(|event| event.data = json!("x".repeat(DATA_OCTETS_MAX)))),
        ] {
            let refused = office.log_event(&permit, &wrong, WallTime(5)).await;
            assert!(
                matches!(&refused, Err(OfficeError::Invalid(faults)) if faults.iter().all(|fault| fault.field == field)),
                "{refused:?}"
            );
        }
        let read = admin.permit(can::EVENTS_LOG_READ).unwrap();
        assert!(office.log_event(&read, &event(), WallTime(5)).await.is_err(), "leave to read is none to write");

        // What is old goes, and what is too much.
        let mut ids = vec![id];
        for at in 6..15 {
            ids.push(office.log_own_event(CenterId(1), &event(), WallTime(at)).await.unwrap());
        }
        let prune = async |before: i64, rows: i64, limit: i64| {
            let mut tx = office.store().db().begin().await.unwrap();
            let gone = prune(&mut tx, WallTime(before), rows, limit).await.unwrap();
            tx.commit().await.unwrap();
            let left: Vec<(i64,)> = office.store().db().all(KEYS, &[]).await.unwrap();
            (gone, left.into_iter().map(|(id,)| id).collect::<Vec<_>>())
        };
        assert_eq!(prune(5, 100, 100).await, (0, ids.clone()));
        assert_eq!(prune(8, 100, 2).await, (2, ids.split_off(2)), "no more than it is told to");
        let left = prune(0, 3, 100).await;
        assert_eq!((left.0, left.1.len()), (5, 3));
    }

    #[tokio::test]
    async fn events_are_kept_for_a_time_on_sqlite() {
        story(Base::sqlite()).await;
    }

    #[tokio::test]
    async fn events_are_kept_for_a_time_on_postgres() {
        story(Base::postgres()).await;
    }

    #[test]
    fn a_severity_has_its_name() {
        for name in SEVERITIES {
            assert_eq!(Severity::parse(name).unwrap().as_str(), *name);
        }
        assert_eq!(Severity::parse("fatal"), None);
    }
}
