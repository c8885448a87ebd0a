#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests")]

use std::{
    collections::BTreeMap,
    io::Read,
    os::unix::fs::{MetadataExt, symlink},
    sync::{
        Arc,
        atomic::{AtomicI64, Ordering},
    },
};

use calamine::{Data, Reader, Xlsx};
use model::{Action, CenterId, Column, ColumnKind, WallTime};
use serde_json::{Value, json};
use store::Statement;
use tokio::sync::watch;

use super::{look::Look, xlsx::Book, *};
use crate::{
    Principal, Settings, can,
    events::EVENTS_LOG,
    jobs::{Cleanup, Clock, Kept, Runner, RunnerOptions},
    rights::{Part, Permission, Reaches},
    work::testing::{Base, both, person, sign_in},
};

const T0: i64 = 1_763_712_000_000;
const ROWS: i64 = 25_000;
const FILL: Statement = both(
    "WITH RECURSIVE n (i) AS (SELECT CAST(1 AS BIGINT) UNION ALL SELECT i + 1 FROM n WHERE i < $1)
    INSERT INTO events_log (id, center_id, at, module, severity, code, message, data, created_by)
    SELECT i, CASE WHEN i % 1000 = 0 THEN 2 ELSE 1 END, 1763712000000 + i, 'm' || (i % 7), 'info', 'c',
    CASE WHEN i = 3 THEN '=1+1' WHEN i = 4 THEN 'a;\"b\",' || chr(10) || 'c' WHEN i = 5 THEN '+79161231234' WHEN i = 6 THEN '-2+3'
    ELSE 'Событие ' || i END, CASE WHEN i = 7 THEN '{\"a\":1}' ELSE '{}' END, CASE WHEN i = 8 THEN 77 END FROM n",
);
/// SQLite says `char` where PostgreSQL says `chr`.
const FILL_LITE: Statement = both(
    "WITH RECURSIVE n (i) AS (SELECT CAST(1 AS BIGINT) UNION ALL SELECT i + 1 FROM n WHERE i < $1)
    INSERT INTO events_log (id, center_id, at, module, severity, code, message, data, created_by)
    SELECT i, CASE WHEN i % 1000 = 0 THEN 2 ELSE 1 END, 1763712000000 + i, 'm' || (i % 7), 'info', 'c',
    CASE WHEN i = 3 THEN '=1+1' WHEN i = 4 THEN 'a;\"b\",' || char(10) || 'c' WHEN i = 5 THEN '+79161231234' WHEN i = 6 THEN '-2+3'
    ELSE 'Событие ' || i END, CASE WHEN i = 7 THEN '{\"a\":1}' ELSE '{}' END, CASE WHEN i = 8 THEN 77 END FROM n",
);
const COUNTED: Statement = both("UPDATE ids SET next = $1 WHERE kind = 'event'");
const ROW: Statement = both("SELECT state, size, row_count, sha256 FROM exports WHERE id = $1");
const JOB: Statement = both("SELECT state, error, done, total FROM jobs WHERE id = $1");
const HIDE: Statement = both(
    "INSERT INTO column_policies (principal_kind, principal_id, resource, column_name, mode) VALUES ('user', $1, 'events_log', $2, $3)",
);
const TAKE: Statement = both("DELETE FROM user_roles WHERE user_id = $1");
const AUDIT: Statement = both("SELECT action, category FROM audit_log WHERE resource = 'exports' AND resource_id = $1 ORDER BY seq");
const ZONE: Statement = both("UPDATE users SET tz = 'Europe/Moscow', locale = 'ru' WHERE id = $1");

#[derive(Debug, PartialEq, sqlx::FromRow)]
struct Row {
    state: String,
    size: Option<i64>,
    row_count: Option<i64>,
    sha256: Option<String>,
}

#[derive(Debug, PartialEq, sqlx::FromRow)]
struct JobRow {
    state: String,
    error: Option<String>,
    done: i64,
    total: Option<i64>,
}

const TAGGED: Part = Part {
    permissions: &[Permission { action: Action("tags.read"), about: "See tags.", reaches: Reaches::LISTED }],
    resources: &[],
    events: &[],
};

struct Rig {
    office: Office,
    base: Base,
    time: Arc<AtomicI64>,
    seeds: AtomicI64,
}

impl Rig {
    async fn new(base: Base) -> Self {
        let store = base.open().await;
        let (lite, exports_dir) = (matches!(store.db(), store::Db::Lite { .. }), base.dir.path().join("exports"));
        let cleanup = Cleanup { kept: Kept::default() };
        let options = crate::WorkOptions { exports_dir, cleanup, ..crate::WorkOptions::default() };
        // Calls have a column that is seen by a right of a module.
        let settings = Settings { parts: vec![TAGGED], work: options, ..Settings::default() };
        let office = Office::open(store, settings, WallTime(1)).await.unwrap();
        let db = office.store().db();
        db.run(if lite { FILL_LITE } else { FILL }, binds![ROWS]).await.unwrap();
        db.run(COUNTED, binds![ROWS + 1]).await.unwrap();
        Self { office, base, time: Arc::new(AtomicI64::new(T0)), seeds: AtomicI64::new(1) }
    }

    fn now(&self) -> WallTime {
        WallTime(self.time.load(Ordering::Relaxed))
    }

    async fn start(&self, who: &Principal, change: impl FnOnce(&mut ExportOrder)) -> StartedExport {
        self.try_start(who, change).await.unwrap()
    }

    async fn try_start(&self, who: &Principal, change: impl FnOnce(&mut ExportOrder)) -> Result<StartedExport, OfficeError> {
        let order = self.order(change);
        let right = self.office.export_right(&order.resource).unwrap_or(can::EVENTS_LOG_EXPORT);
        self.office.start_export(&who.permit(right).unwrap(), &order, self.now()).await
    }

    async fn quick(&self, who: &Principal, change: impl FnOnce(&mut ExportOrder)) -> Result<Quick, OfficeError> {
        self.office.quick_export(&who.permit(can::EVENTS_LOG_EXPORT).unwrap(), &self.order(change), self.now()).await
    }

    fn order(&self, change: impl FnOnce(&mut ExportOrder)) -> ExportOrder {
        let mut order =
            ExportOrder { resource: "events_log".to_owned(), filter: None, search: None, columns: None, format: Format::Csv, locale: None };
        change(&mut order);
        order
    }

    /// A runner of a new life.
    fn runner(&self) -> Runner {
        let (time, seed) = (self.time.clone(), self.seeds.fetch_add(1, Ordering::Relaxed));
        let clock: Clock = Arc::new(move || WallTime(time.load(Ordering::Relaxed)));
        let options = RunnerOptions { workers: 1, seed: seed.unsigned_abs(), node: 1, sole: true };
        Runner::new(self.office.clone(), clock, options)
    }

    async fn work(&self) {
        let (runner, stop) = (self.runner(), watch::channel(false));
        while runner.try_turn(&stop.1).await.unwrap() {}
    }

    async fn row(&self, export: StartedExport) -> Row {
        self.office.store().db().one(ROW, binds![export.id]).await.unwrap().unwrap()
    }

    async fn job(&self, export: StartedExport) -> JobRow {
        self.office.store().db().one(JOB, binds![export.job]).await.unwrap().unwrap()
    }

    async fn fetch(&self, who: &Principal, id: i64) -> Result<(Vec<u8>, ExportFile), OfficeError> {
        let mut file = self.office.open_export(&who.permit(can::EXPORTS_READ).unwrap(), id, self.now()).await?;
        let mut octets = Vec::new();
        file.file.read_to_end(&mut octets).unwrap();
        assert_eq!(file.size, u64::try_from(octets.len()).unwrap());
        Ok((octets, file))
    }

    fn files(&self) -> Vec<String> {
        let entries = std::fs::read_dir(self.base.dir.path().join("exports"));
        let mut names: Vec<String> = entries.into_iter().flatten().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    }
}

fn records(octets: &[u8], delimiter: u8) -> Vec<Vec<String>> {
    let text = octets.strip_prefix(b"\xef\xbb\xbf").unwrap();
    let mut reader = csv::ReaderBuilder::new().has_headers(false).delimiter(delimiter).from_reader(text);
    reader.records().map(|record| record.unwrap().iter().map(str::to_owned).collect()).collect()
}

async fn a_file_is_the_same_after_crashes(rig: Rig) {
    let admin = person(&rig.office, 7, "admin").await;
    let smooth = rig.start(&admin, |_| {}).await;
    // What comes after the order is not in the file, nor in the one that was ordered with it.
    let crashed = rig.start(&admin, |_| {}).await;
    rig.office.store().db().run(COUNTED, binds![ROWS + 2]).await.unwrap();
    let event = crate::events::NewEvent {
        module: "late".to_owned(),
        severity: crate::events::Severity::Info,
        code: "late".to_owned(),
        message: String::new(),
        data: json!({}),
    };
    rig.office.log_own_event(CenterId(1), &event, rig.now()).await.unwrap();

    // One is written in one life.
    let runner = rig.runner();
    let mut held = runner.claim().await.unwrap().unwrap();
    assert_eq!(held.job.id, smooth.job);
    while runner.goes_on(&mut held).await {}
    // The other dies after each step, each time in the middle of writing the next one.
    let part = rig.base.dir.path().join(format!("exports/{}.part", crashed.id));
    for _ in 0..100 {
        let runner = rig.runner();
        runner.take_over().await.unwrap();
        let Some(mut held) = runner.claim().await.unwrap() else { break };
        runner.goes_on(&mut held).await;
        if let Ok(mut torn) = std::fs::OpenOptions::new().append(true).open(&part) {
            std::io::Write::write_all(&mut torn, b"half a line of the next ch").unwrap();
        }
    }
    let (one, two) = (rig.row(smooth).await, rig.row(crashed).await);
    assert_eq!(one.state, "done");
    assert_eq!(one, two, "the same size, rows and hash");
    assert_eq!(one.row_count, Some(ROWS - ROWS / 1000), "those of another centre are not there");
    let job = rig.job(crashed).await;
    assert_eq!((job.state.as_str(), job.error, Some(job.done), job.total), ("done", None, one.row_count, one.row_count));
    let (octets, file) = rig.fetch(&admin, crashed.id).await.unwrap();
    assert_eq!((file.name.as_str(), file.mime), ("events_log-2025-11-21.csv", "text/csv; charset=utf-8"));
    assert_eq!(octets, rig.fetch(&admin, smooth.id).await.unwrap().0);
    let rows = records(&octets, b',');
    assert_eq!(rows[0], ["No.", "Time", "Module", "Severity", "Code", "Message", "Data", "Created by (number)"]);
    assert_eq!(rows.len(), 1 + 24_975);
    assert_eq!(rows[1], ["1", "2025-11-21 08:00:00", "m1", "info", "c", "Событие 1", "{}", ""]);
    let message = |row: usize| rows[row][5].as_str();
    assert_eq!([message(3), message(4), message(5), message(6)], ["'=1+1", "a;\"b\",\nc", "+79161231234", "'-2+3"]);
    assert_eq!((rows[7][6].as_str(), rows[8][7].as_str()), ("{\"a\":1}", "77"));
    let keys: Vec<i64> = rows[1..].iter().map(|row| row[0].parse().unwrap()).collect();
    let expected: Vec<i64> = (1..=ROWS).filter(|key| key % 1000 != 0).collect();
    assert_eq!(keys, expected, "each once, in order");
    assert_eq!(rig.files(), [format!("{}.csv", smooth.id), format!("{}.csv", crashed.id)], "no parts are left");
    let mode = |name: &str| std::fs::metadata(rig.base.dir.path().join(name)).unwrap().mode() & 0o777;
    assert_eq!((mode("exports"), mode(&format!("exports/{}.csv", crashed.id))), (0o700, 0o600));
    // That it was ordered and fetched is in the audit log.
    let audited: Vec<(String, String)> = rig.office.store().db().all(AUDIT, binds![crashed.id.to_string()]).await.unwrap();
    let read = |action: &str| (action.to_owned(), "read".to_owned());
    assert_eq!(audited, [read("events_log.export"), read("exports.download")]);
}

async fn a_workbook_has_cells_of_their_kinds(rig: Rig) {
    let admin = person(&rig.office, 7, "admin").await;
    rig.office.store().db().run(ZONE, binds![7_i64]).await.unwrap();
    let export = rig.start(&admin, |order| order.format = Format::Xlsx).await;
    // It dies after each step here, too, and once while the workbook has its name but the database does not know.
    for life in 0..100 {
        let runner = rig.runner();
        runner.take_over().await.unwrap();
        let Some(mut held) = runner.claim().await.unwrap() else { break };
        runner.goes_on(&mut held).await;
        if life == 4 {
            std::fs::write(rig.base.dir.path().join(format!("exports/{}.xlsx", export.id)), b"of an earlier life").unwrap();
        }
    }
    let row = rig.row(export).await;
    assert_eq!((row.state.as_str(), row.row_count), ("done", Some(24_975)));
    let (octets, file) = rig.fetch(&admin, export.id).await.unwrap();
    assert_eq!(file.name, "events_log-2025-11-21.xlsx");
    let mut book: Xlsx<_> = calamine::open_workbook_from_rs(std::io::Cursor::new(octets)).unwrap();
    assert_eq!(book.sheet_names(), ["events_log"]);
    let range = book.worksheet_range("events_log").unwrap();
    assert_eq!(range.get_size(), (24_976, 8));
    let header: Vec<String> = range.rows().next().unwrap().iter().map(ToString::to_string).collect();
    assert_eq!(header, ["№", "Время", "Модуль", "Важность", "Код", "Сообщение", "Данные", "Кем создано (номер)"]);
    let cell = |row: u32, column: u32| range.get_value((row, column)).unwrap().clone();
    assert_eq!(cell(1, 0), Data::Float(1.0));
    // By the clocks of Moscow: 11:00.
    let Data::DateTime(at) = cell(1, 1) else { panic!("{:?}", cell(1, 1)) };
    assert!((at.as_f64() - (45_982.0 + 11.0 / 24.0)).abs() < 1e-6, "{at:?}");
    // What begins like a formula is a text in a cell of texts, as it is.
    for (row, text) in [(3, "=1+1"), (4, "a;\"b\",\nc"), (5, "+79161231234"), (6, "-2+3"), (1, "Событие 1")] {
        assert_eq!(cell(row, 5), Data::String(text.to_owned()));
    }
    assert!(book.worksheet_formula("events_log").unwrap().is_empty(), "there is no formula");
    assert_eq!((cell(8, 7), cell(9, 7)), (Data::Float(77.0), Data::Empty));
    assert_eq!(rig.files(), [format!("{}.xlsx", export.id)]);
}

async fn rights_are_those_of_the_moment(rig: Rig) {
    let db = rig.office.store().db().clone();
    let (admin, other, operator) =
        (person(&rig.office, 7, "admin").await, person(&rig.office, 8, "admin").await, person(&rig.office, 9, "operator").await);
    assert!(operator.permit(can::EVENTS_LOG_EXPORT).is_none());
    // A masked or hidden column is not there to be exported, and neither is what does not exist.
    db.run(HIDE, binds![8_i64, "message", "mask"]).await.unwrap();
    db.run(HIDE, binds![8_i64, "data", "hide"]).await.unwrap();
    let other = sign_in(&rig.office, other.user().0).await;
    let wrong = |columns: &[&str]| columns.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>();
    let refused = rig.try_start(&other, |order| order.columns = Some(wrong(&["id", "message", "data", "nothing"]))).await;
    let Err(OfficeError::Invalid(faults)) = refused else { panic!("{refused:?}") };
    let told: Vec<(&str, &str)> = faults.iter().map(|fault| (fault.field.as_str(), fault.code)).collect();
    assert_eq!(told, [("columns.message", "unknown_field"), ("columns.data", "unknown_field"), ("columns.nothing", "unknown_field")]);
    for (filter, field) in [(json!({"message": "x"}), "filter.message"), (json!({"nothing": "x"}), "filter.nothing")] {
        let refused = rig.try_start(&other, |order| order.filter = Some(filter)).await;
        assert!(matches!(&refused, Err(OfficeError::Invalid(faults)) if faults[0].field == field), "{refused:?}");
    }
    for (field, change) in [
        ("resource", Box::new(|order: &mut ExportOrder| order.resource = "nothing".to_owned()) as Box<dyn FnOnce(&mut ExportOrder)>),
        ("resource", Box::new(|order| order.resource = "exports".to_owned())),
        ("locale", Box::new(|order| order.locale = Some("tlh".to_owned()))),
    ] {
        let refused = rig.try_start(&admin, change).await;
        assert!(matches!(&refused, Err(OfficeError::Invalid(faults)) if faults[0].field == field), "{field}: {refused:?}");
    }
    let order =
        ExportOrder { resource: "events_log".to_owned(), filter: None, search: None, columns: None, format: Format::Csv, locale: None };
    let wrong_right = rig.office.start_export(&admin.permit(can::CALLS_EXPORT).unwrap(), &order, rig.now()).await;
    assert!(matches!(wrong_right, Err(OfficeError::Forbidden(_))));
    let narrow = rig.start(&other, |order| order.filter = Some(json!({"id": {"lte": "5"}}))).await;
    rig.work().await;
    let (octets, _) = rig.fetch(&other, narrow.id).await.unwrap();
    let rows = records(&octets, b',');
    assert_eq!(rows[0], ["No.", "Time", "Module", "Severity", "Code", "Created by (number)"]);
    assert_eq!(rows.len(), 6);

    // A file is for its owner; for others only if they may see everybody's, and all that is in it.
    let whole = rig.start(&admin, |order| order.filter = Some(json!({"id": {"lte": "5"}}))).await;
    rig.work().await;
    assert!(rig.fetch(&admin, narrow.id).await.is_ok());
    assert!(matches!(rig.fetch(&other, whole.id).await, Err(OfficeError::NotFound(_))), "it has columns that are hidden from them");
    if operator.permit(can::EXPORTS_READ).is_some() {
        assert!(matches!(rig.fetch(&operator, whole.id).await, Err(OfficeError::NotFound(_))));
    }

    // Rights that go while it is written: the job fails and says why, and nothing stays.
    for (taken, reason) in [
        ("column", "rights were taken away meanwhile: columns cannot be exported"),
        ("role", "the right to export events_log was taken away meanwhile"),
        ("account", "the account of whoever asked for it is not active any more"),
    ] {
        let who = person(&rig.office, 20 + i64::try_from(taken.len()).unwrap(), "admin").await;
        let export = rig.start(&who, |_| {}).await;
        let runner = rig.runner();
        let mut held = runner.claim().await.unwrap().unwrap();
        assert!(runner.goes_on(&mut held).await);
        assert_eq!(rig.row(export).await.state, "running");
        match taken {
            "column" => db.run(HIDE, binds![who.user(), "message", "hide"]).await.unwrap(),
            "role" => db.run(TAKE, binds![who.user()]).await.unwrap(),
            _ => db.run(both("UPDATE users SET state = 'disabled' WHERE id = $1"), binds![who.user()]).await.unwrap(),
        };
        assert!(!runner.goes_on(&mut held).await);
        let job = rig.job(export).await;
        let error = job.error.unwrap();
        assert_eq!((job.state.as_str(), error.replace("fields.message", "columns")), ("failed", reason.to_owned()));
        assert_eq!(rig.row(export).await.state, "failed");
        assert!(!rig.files().contains(&format!("{}.part", export.id)));
    }
}

/// Calls of two scenarios, and somebody who may export those of both.
async fn calls_of_two_scenarios(rig: &Rig) {
    let calls = (1..=6_i64).map(|n| {
        let call = model::CallView {
            call_id: model::CallId((T0 + n * 1000) << 22),
            center: CenterId(1),
            parent: None,
            status: model::CallStatus::Dialing,
            direction: model::Direction::Inbound,
            caller: format!("+7916123000{n}"),
            callee: "+74951234567".to_owned(),
            caller_slot: None,
            callee_slot: None,
            user: None,
            started_at: WallTime(T0 + n * 1000),
            ringing_at: None,
            answered_at: None,
            ended_at: None,
            outcome: None,
            cause: None,
            segments: vec![],
            rung: vec![],
            scenario: Some(if n % 2 == 0 { "sales" } else { "support" }.to_owned()),
            source: None,
            carrier: None,
            tries: vec![],
            asked: None,
            transfer: None,
        };
        (u64::try_from(n).unwrap(), model::Fact::CallStarted { call })
    });
    rig.office.store().apply(&calls.collect::<Vec<_>>()).await.unwrap();
    for scenario in ["sales", "support"] {
        rig.office.store().db().run(LIST, binds![7_i64, scenario]).await.unwrap();
    }
}

const LIST: Statement =
    both("INSERT INTO access_lists (principal_kind, principal_id, resource, kind, item) VALUES ('user', $1, 'calls', 'scenario', $2)");
const UNLIST: Statement = both("DELETE FROM access_lists WHERE principal_kind = 'user' AND principal_id = $1 AND item = $2");
const UNHIDE: Statement = both("DELETE FROM column_policies WHERE principal_id = $1");

async fn a_file_is_fetched_by_the_rights_that_made_it(rig: Rig) {
    let db = rig.office.store().db().clone();
    person(&rig.office, 7, "number_manager").await;
    let admin = person(&rig.office, 8, "admin").await;
    calls_of_two_scenarios(&rig).await;
    let who = async || sign_in(&rig.office, 7).await;
    let calls = |order: &mut ExportOrder| {
        order.resource = "calls".to_owned();
        order.columns = Some(["call_id", "caller", "segments"].map(str::to_owned).to_vec());
    };
    let export = rig.start(&who().await, calls).await;
    rig.work().await;
    assert_eq!(rig.row(export).await.row_count, Some(6));
    let fetched = async |who: &Principal| match rig.fetch(who, export.id).await {
        Ok((octets, _)) => records(&octets, b',').len().to_string(),
        Err(OfficeError::NotFound(what)) => what.to_owned(),
        Err(other) => format!("{other:?}"),
    };
    assert_eq!(fetched(&who().await).await, "7");
    assert_eq!(fetched(&admin).await, "7", "who sees everything");

    // A scenario is taken away, and given back; or a column is.
    db.run(UNLIST, binds![7_i64, "support"]).await.unwrap();
    assert_eq!(fetched(&who().await).await, EXPORT_BY_THESE_RIGHTS);
    db.run(LIST, binds![7_i64, "support"]).await.unwrap();
    assert_eq!(fetched(&who().await).await, "7", "it is given back");
    db.run(LIST, binds![7_i64, "more"]).await.unwrap();
    assert_eq!(fetched(&who().await).await, EXPORT_BY_THESE_RIGHTS, "what came with it is not in the file");
    db.run(UNLIST, binds![7_i64, "more"]).await.unwrap();
    let hide = both(
        "INSERT INTO column_policies (principal_kind, principal_id, resource, column_name, mode) VALUES ('user', $1, 'calls', $2, 'hide')",
    );
    // One that is in the file, one that a member of one tells of, and one by which its rows may have been chosen.
    for column in ["caller", "user", "callee"] {
        db.run(hide, binds![7_i64, column]).await.unwrap();
        assert_eq!(fetched(&who().await).await, EXPORT_BY_THESE_RIGHTS, "{column}");
        db.run(UNHIDE, binds![7_i64]).await.unwrap();
        assert_eq!(fetched(&who().await).await, "7", "{column} is shown again");
    }
    // Who may see everybody's exports, but not all that they may tell, is told of none.
    db.run(hide, binds![8_i64, "user"]).await.unwrap();
    assert_eq!(fetched(&sign_in(&rig.office, 8).await).await, "export");
    db.run(UNHIDE, binds![8_i64]).await.unwrap();
    // A file of before there was a rule.
    db.run(both("UPDATE exports SET rule = NULL WHERE id = $1"), binds![export.id]).await.unwrap();
    assert_eq!(fetched(&who().await).await, EXPORT_BY_THESE_RIGHTS);
}

/// Rights that change while it is written: what was gathered by those of before is not in the file.
async fn rows_that_other_rights_have_gathered_are_not_in_a_file(rig: Rig) {
    let db = rig.office.store().db().clone();
    person(&rig.office, 7, "number_manager").await;
    calls_of_two_scenarios(&rig).await;
    let export = rig.start(&sign_in(&rig.office, 7).await, |order| order.resource = "calls".to_owned()).await;
    let runner = rig.runner();
    let mut held = runner.claim().await.unwrap().unwrap();
    assert!(runner.goes_on(&mut held).await);
    db.run(UNLIST, binds![7_i64, "support"]).await.unwrap();
    while runner.goes_on(&mut held).await {}
    assert_eq!((rig.row(export).await.state.as_str(), rig.row(export).await.row_count), ("done", Some(3)));
    let (octets, _) = rig.fetch(&sign_in(&rig.office, 7).await, export.id).await.unwrap();
    assert_eq!(records(&octets, b',').len(), 4);
}

/// What a row of the audit log tells goes by rights to what it is about.
async fn a_file_of_the_audit_log_goes_by_all_rights(rig: Rig) {
    let admin = person(&rig.office, 7, "admin").await;
    let export = rig.start(&admin, |order| order.resource = "audit_log".to_owned()).await;
    rig.work().await;
    assert!(rig.fetch(&admin, export.id).await.is_ok());
    rig.office.store().db().run(HIDE, binds![7_i64, "message", "mask"]).await.unwrap();
    let refused = rig.fetch(&sign_in(&rig.office, 7).await, export.id).await;
    assert!(matches!(refused, Err(OfficeError::NotFound(EXPORT_BY_THESE_RIGHTS))), "{refused:?}");
}

async fn files_go_when_they_have_had_their_time(rig: Rig) {
    let admin = person(&rig.office, 7, "admin").await;
    let small = |order: &mut ExportOrder| order.filter = Some(json!({"id": {"lte": "5"}}));
    let (kept, deleted, cancelled) = (rig.start(&admin, small).await, rig.start(&admin, small).await, rig.start(&admin, |_| {}).await);
    for _ in 0..2 {
        rig.start(&admin, small).await;
    }
    let many = rig.try_start(&admin, small).await;
    assert!(matches!(many, Err(OfficeError::Conflict(Conflict::State(_)))), "{many:?}");
    assert!(matches!(rig.fetch(&admin, kept.id).await, Err(OfficeError::Conflict(Conflict::State(_)))), "not yet");
    let delete = admin.permit(can::EXPORTS_DELETE).unwrap();
    assert!(matches!(rig.office.delete_export(&delete, kept.id, rig.now()).await, Err(OfficeError::Conflict(_))), "it is under way");
    rig.office.cancel_job(&admin.permit(can::JOBS_MANAGE).unwrap(), cancelled.job, rig.now()).await.unwrap();
    rig.work().await;
    assert_eq!((rig.job(cancelled).await.state, rig.row(cancelled).await.state), ("cancelled".to_owned(), "cancelled".to_owned()));
    rig.office.delete_export(&delete, deleted.id, rig.now()).await.unwrap();
    assert!(matches!(rig.fetch(&admin, deleted.id).await, Err(OfficeError::NotFound(_))));
    assert!(matches!(rig.office.delete_export(&delete, deleted.id, rig.now()).await, Err(OfficeError::NotFound(_))));
    rig.fetch(&admin, kept.id).await.unwrap();
    assert_eq!(rig.files().len(), 3);
    // What nobody knows of is swept away, and nothing else.
    for stray in ["999.part", "999.xlsx.part", "notes.txt"] {
        std::fs::write(rig.base.dir.path().join("exports").join(stray), b"x").unwrap();
    }
    rig.time.fetch_add(i64::try_from(KEPT.as_millis()).unwrap() + 1, Ordering::Relaxed);
    assert!(matches!(rig.fetch(&admin, kept.id).await, Err(OfficeError::Conflict(Conflict::State(_)))), "not any more");
    let mut tx = rig.office.store().db().begin().await.unwrap();
    let job = crate::jobs::NewJob::new("office.cleanup", CenterId(1), json!({}));
    let job = rig.office.enqueue(&mut tx, rig.now(), job).await.unwrap();
    tx.commit().await.unwrap();
    rig.work().await;
    let result: Option<(Option<String>,)> =
        rig.office.store().db().one(both("SELECT result FROM jobs WHERE id = $1"), binds![job]).await.unwrap();
    let result: Value = serde_json::from_str(&result.unwrap().0.unwrap()).unwrap();
    assert_eq!((&result["export_files"], &result["stray_files"], &result["jobs"]), (&json!(3), &json!(1), &json!(0)));
    assert_eq!(rig.files(), ["notes.txt"]);
    assert_eq!(rig.row(kept).await.state, "expired");
}

async fn a_full_disk_ends_the_job(rig: Rig) {
    let admin = person(&rig.office, 7, "admin").await;
    let export = rig.start(&admin, |_| {}).await;
    let dir = rig.base.dir.path().join("exports");
    std::fs::create_dir(&dir).unwrap();
    // A device that is always full.
    symlink("/dev/full", dir.join(format!("{}.part", export.id))).unwrap();
    rig.work().await;
    let job = rig.job(export).await;
    assert_eq!((job.state.as_str(), job.error.as_deref()), ("failed", Some("there is no room left on the disk")));
    assert_eq!(rig.row(export).await.state, "failed");
    assert_eq!(rig.files(), Vec::<String>::new(), "its parts are gone");
}

async fn a_small_file_is_made_at_once(rig: Rig) {
    let admin = person(&rig.office, 7, "admin").await;
    let filter = json!({"module": "m1", "id": {"lte": "20000"}});
    for format in [Format::Csv, Format::Xlsx] {
        let by_job = rig.start(&admin, |order| (order.format, order.filter) = (format, Some(filter.clone()))).await;
        rig.work().await;
        let at_once = rig.quick(&admin, |order| (order.format, order.filter) = (format, Some(filter.clone()))).await.unwrap();
        let Quick::File(QuickFile { octets, name, mime }) = at_once else { panic!("{at_once:?}") };
        assert_eq!((name, mime), (format!("events_log-2025-11-21.{}", format.as_str()), format.mime()));
        let (slow, _) = rig.fetch(&admin, by_job.id).await.unwrap();
        if format == Format::Csv {
            assert_eq!(octets, slow);
            assert_eq!(records(&octets, b',').len(), 1 + 2855);
        } else {
            // A workbook says when it was made.
            let cells = |octets: Vec<u8>| {
                let mut book: Xlsx<_> = calamine::open_workbook_from_rs(std::io::Cursor::new(octets)).unwrap();
                book.worksheet_range("events_log").unwrap()
            };
            assert_eq!(cells(octets), cells(slow));
        }
    }
    let audited: Vec<(String, String)> = rig.office.store().db().all(AUDIT, binds![""]).await.unwrap();
    assert_eq!(audited, vec![("events_log.export".to_owned(), "read".to_owned()); 2]);
    assert_eq!(rig.files().len(), 2, "of what is made at once nothing is kept");

    // The same faults, and the same columns that are not there.
    rig.office.store().db().run(HIDE, binds![8_i64, "message", "mask"]).await.unwrap();
    let other = person(&rig.office, 8, "admin").await;
    for (columns, filter, field) in [(Some("message"), None, "columns.message"), (None, Some(json!({"message": "x"})), "filter.message")] {
        let refused = rig.quick(&other, |order| (order.columns, order.filter) = (columns.map(|name| vec![name.to_owned()]), filter)).await;
        assert!(matches!(&refused, Err(OfficeError::Invalid(faults)) if faults[0].field == field), "{refused:?}");
    }
    let few = rig.quick(&other, |order| order.filter = Some(json!({"id": "5"}))).await.unwrap();
    let Quick::File(QuickFile { octets, .. }) = few else { panic!("{few:?}") };
    assert_eq!(
        records(&octets, b','),
        [
            ["No.", "Time", "Module", "Severity", "Code", "Data", "Created by (number)"],
            ["5", "2025-11-21 08:00:00", "m5", "info", "c", "{}", ""]
        ]
    );
    let none = rig.quick(&other, |order| order.filter = Some(json!({"id": "1000"}))).await.unwrap();
    assert!(matches!(none, Quick::File(QuickFile { octets, .. }) if records(&octets, b',').len() == 1), "a row of another centre");
}

async fn what_is_large_or_slow_is_left_to_the_job(rig: Rig) {
    let admin = person(&rig.office, 7, "admin").await;
    // Of each thousand one row is another centre's.
    let upto = |last: i64| json!({"id": {"lte": last.to_string()}});
    let just = rig.quick(&admin, |order| order.filter = Some(upto(5005))).await.unwrap();
    let Quick::File(QuickFile { octets, .. }) = just else { panic!("{just:?}") };
    assert_eq!(records(&octets, b',').len() - 1, QUICK_ROWS_MAX);
    let over = rig.quick(&admin, |order| order.filter = Some(upto(5006))).await.unwrap();
    let Quick::Started(over) = over else { panic!("{over:?}") };
    rig.work().await;
    assert_eq!(rig.row(over).await.row_count, Some(5001));

    // While as many are being made as may be, its turn does not come in time.
    let turns = rig.office.quick_turns();
    let held = turns.try_acquire_many(2).unwrap();
    assert_eq!(turns.available_permits(), 0);
    let permit = admin.permit(can::EVENTS_LOG_EXPORT).unwrap();
    let order = rig.order(|order| order.filter = Some(upto(3)));
    let slow = rig.office.quick_within(std::time::Duration::ZERO, &permit, &order, rig.now()).await.unwrap();
    let Quick::Started(slow) = slow else { panic!("{slow:?}") };
    drop(held);
    rig.work().await;
    assert_eq!(rig.row(slow).await.row_count, Some(3));
    assert_eq!(rig.office.quick_turns().available_permits(), 2, "whoever had a turn has given it back");
}

#[test]
fn more_rows_than_a_sheet_holds_go_on_the_next() {
    let dir = tempfile::tempdir().unwrap();
    let columns: Vec<&'static Column> = ["id", "message"].iter().map(|name| EVENTS_LOG.column(name).unwrap()).collect();
    assert_eq!(columns[0].kind, ColumnKind::Id);
    let look = Look::new("events_log", columns, Format::Xlsx, ("en", "UTC"));
    let mut counts = BTreeMap::new();
    for rows in [0, 1, 3, 4, 9] {
        let lines = (1..=rows).map(|row| Ok(vec![json!(row.to_string()), json!("x".repeat(40_000))]));
        // Three rows and a header.
        let mut book = Book::new(&look, dir.path());
        book.sheet_rows = 4;
        let (written, out) = book.write(lines, std::io::Cursor::new(Vec::new())).unwrap();
        assert_eq!(written, rows);
        let mut read: Xlsx<_> = calamine::open_workbook_from_rs(std::io::Cursor::new(out.into_inner())).unwrap();
        let sheets: Vec<(String, usize)> = read
            .sheet_names()
            .into_iter()
            .map(|name| {
                let range = read.worksheet_range(&name).unwrap();
                assert_eq!(range.get_value((0, 0)), Some(&Data::String("No.".to_owned())), "each sheet has its header");
                if let Some(Data::String(text)) = range.get_value((1, 1)) {
                    assert_eq!(text.len(), 32_767, "a cell holds no more");
                }
                (name, range.height() - 1)
            })
            .collect();
        counts.insert(rows, sheets);
    }
    let sheets = |counts: &[usize]| -> Vec<(String, usize)> {
        let name = |number: usize| if number == 1 { "events_log".to_owned() } else { format!("events_log {number}") };
        counts.iter().zip(1..).map(|(rows, number)| (name(number), *rows)).collect()
    };
    let expected: [(u64, &[usize]); 5] = [(0, &[0]), (1, &[1]), (3, &[3]), (4, &[3, 1]), (9, &[3, 3, 3])];
    assert_eq!(counts, expected.into_iter().map(|(rows, counts)| (rows, sheets(counts))).collect());
}

macro_rules! on_both {
    ($($story:ident)*) => {
        mod sqlite {
            $(#[tokio::test(flavor = "multi_thread")] async fn $story() {
                super::$story(super::Rig::new(super::Base::sqlite()).await).await;
            })*
        }
        mod postgres {
            $(#[tokio::test(flavor = "multi_thread")] async fn $story() {
                super::$story(super::Rig::new(super::Base::postgres()).await).await;
            })*
        }
    };
}

on_both! {
    a_file_is_the_same_after_crashes
    a_workbook_has_cells_of_their_kinds
    rights_are_those_of_the_moment
    a_file_is_fetched_by_the_rights_that_made_it
    rows_that_other_rights_have_gathered_are_not_in_a_file
    a_file_of_the_audit_log_goes_by_all_rights
    files_go_when_they_have_had_their_time
    a_full_disk_ends_the_job
    a_small_file_is_made_at_once
    what_is_large_or_slow_is_left_to_the_job
}
