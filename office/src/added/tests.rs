#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests")]

use std::{io::Read, sync::Arc};

use model::{Action, ColumnKind, Mask, Mode, Owner, WallTime};
use serde_json::json;
use store::{Statement, binds};
use tokio::sync::watch;

use super::*;
use crate::{
    ListParams, Purpose, Settings, WorkOptions, can,
    export::{ExportOrder, Format},
    jobs::{Clock, Runner, RunnerOptions},
    rights::{Part, Permission, Reaches},
    work::testing::{Base, both, person, sign_in},
};

const READ: Action = Action("berths.read");
const EXPORT: Action = Action("berths.export");

/// People as another list, with columns that a module reads.
static BERTHS: Resource = Resource {
    name: "berths",
    from: "users t",
    key: "id",
    center: "t.center_id",
    owner: Owner::User("t.id"),
    lists: &[],
    search: "",
    order: "id",
    read: READ,
    export: Some(EXPORT),
    columns: &[
        Column::new("id", "t.id", ColumnKind::Id, "The id.").sorted(),
        Column::new("crew", "", ColumnKind::Json, "Who is aboard.").nullable(),
        Column::new("phone", "", ColumnKind::Text, "Its number.").nullable().masked(Mask::Phone),
        Column::new("ghost", "", ColumnKind::Text, "What nobody adds.").nullable(),
    ],
};

const PART: Part = Part {
    permissions: &[
        Permission { action: READ, about: "See berths.", reaches: Reaches::ROWS },
        Permission { action: EXPORT, about: "Export berths.", reaches: Reaches::ROWS },
    ],
    resources: &[&BERTHS],
    events: &[],
};

const POLICY: Statement =
    both("INSERT INTO column_policies (principal_kind, principal_id, resource, column_name, mode) VALUES ('user', $1, 'berths', $2, $3)");

/// Knows everybody but 9.
struct Quay;

impl Added for Quay {
    fn resource(&self) -> &'static str {
        "berths"
    }

    fn columns(&self) -> &'static [&'static str] {
        &["crew", "phone"]
    }

    fn fill<'a>(&'a self, permit: &'a Permit, column: &'static str, keys: &'a [i64]) -> Filling<'a> {
        Box::pin(async move {
            let value = |key: i64| match column {
                "crew" => json!([permit.action().0, key]),
                _ => json!(format!("+7916123000{key}")),
            };
            Ok(keys.iter().filter(|key| **key != 9).map(|key| (*key, value(*key))).collect())
        })
    }

    fn text(&self, column: &str, value: &Value, locale: &str) -> String {
        if column == "phone" { value.as_str().unwrap().to_owned() } else { format!("=crew in {locale} {value}") }
    }
}

/// Another who adds what one of these tests is about.
struct Other(&'static str, &'static [&'static str]);

impl Added for Other {
    fn resource(&self) -> &'static str {
        self.0
    }

    fn columns(&self) -> &'static [&'static str] {
        self.1
    }

    fn fill<'a>(&'a self, _: &'a Permit, _: &'static str, _: &'a [i64]) -> Filling<'a> {
        Box::pin(async { Ok(BTreeMap::new()) })
    }

    fn text(&self, _: &str, _: &Value, _: &str) -> String {
        String::new()
    }
}

async fn harbour(base: &Base) -> Office {
    let work = WorkOptions { exports_dir: base.dir.path().join("exports"), ..WorkOptions::default() };
    let settings = Settings { parts: vec![PART], added: Adders::default().with(Quay), work, ..Settings::default() };
    Office::open(base.open().await, settings, WallTime(1)).await.unwrap()
}

fn asked(pairs: &[(&str, &str)]) -> ListParams {
    ListParams::from_pairs(pairs.iter().copied())
}

fn row(value: Value) -> Map<String, Value> {
    value.as_object().unwrap().clone()
}

#[tokio::test]
async fn what_a_module_adds_stands_in_lists_and_rows_as_rights_show_it() {
    for base in [Base::sqlite(), Base::postgres()] {
        let office = harbour(&base).await;
        let admin = person(&office, 7, "admin").await;
        person(&office, 8, "admin").await;
        person(&office, 9, "admin").await;
        for (column, mode) in [("crew", "hide"), ("phone", "mask")] {
            office.store().db().run(POLICY, binds![8_i64, column, mode]).await.unwrap();
        }
        let half = sign_in(&office, 8).await;
        let of = |who: &crate::Principal| who.permit(READ).unwrap().view(&BERTHS);

        let view = of(&admin);
        let page = office.list(&view, &asked(&[("fields", "id,crew,phone")])).await.unwrap();
        let wanted = [
            json!({"id": "7", "crew": ["berths.read", 7], "phone": "+79161230007"}),
            json!({"id": "8", "crew": ["berths.read", 8], "phone": "+79161230008"}),
            json!({"id": "9", "crew": null, "phone": null}),
        ];
        assert_eq!(page.items, wanted.clone().map(row));
        assert!(page.added.is_empty(), "there is nothing left to add");
        let page = office.list(&view, &asked(&[("fields", "id,ghost")])).await.unwrap();
        assert_eq!(
            (page.items[0].clone(), page.added.len()),
            (row(json!({"id": "7"})), 1),
            "nobody adds it here, and nothing that was not asked for"
        );
        let page = office.list_bare(&view, &asked(&[("fields", "id,crew")])).await.unwrap();
        assert_eq!((page.items[0].clone(), page.added.len()), (row(json!({"id": "7"})), 1), "whoever wants to add it later can");
        assert_eq!(office.read(&view, "7").await.unwrap(), row(wanted[0].clone()));
        assert_eq!(office.read(&view, "9").await.unwrap(), row(wanted[2].clone()));
        for wrong in [("sort", "phone"), ("filter", r#"{"phone":"x"}"#)] {
            assert!(office.list(&view, &asked(&[wrong])).await.is_err(), "{wrong:?}");
        }

        let view = of(&half);
        assert_eq!((view.mode("crew"), view.mode("phone")), (Mode::Hide, Mode::Mask));
        let page = office.list(&view, &asked(&[])).await.unwrap();
        assert_eq!(page.items[0], row(json!({"id": "7", "phone": "+7 9•• ••• 00 07"})));
        assert_eq!(office.read(&view, "7").await.unwrap(), page.items[0]);
        assert!(office.list(&view, &asked(&[("fields", "crew")])).await.is_err());
        let selection = view.select(&asked(&[]), Purpose::Export).unwrap();
        let chunk = office.walk(&selection, 0, 100).await.unwrap();
        assert_eq!(chunk.rows[0], (7, row(json!({"id": "7"}))), "neither what is hidden nor what is masked is taken along");
    }
}

#[tokio::test]
async fn what_a_module_adds_is_exported_as_its_text() {
    for base in [Base::sqlite(), Base::postgres()] {
        let office = harbour(&base).await;
        let admin = person(&office, 7, "admin").await;
        person(&office, 9, "admin").await;
        let permit = admin.permit(EXPORT).unwrap();
        let order = |columns: Option<&[&str]>| ExportOrder {
            resource: "berths".to_owned(),
            filter: None,
            search: None,
            columns: columns.map(|columns| columns.iter().map(|column| (*column).to_owned()).collect()),
            format: Format::Csv,
            locale: Some("ru".to_owned()),
        };
        let refused = office.start_export(&permit, &order(Some(&["id", "ghost"])), WallTime(1)).await;
        assert!(matches!(refused, Err(OfficeError::Invalid(_))), "{refused:?}");
        let export = office.start_export(&permit, &order(None), WallTime(1)).await.unwrap();
        let clock: Clock = Arc::new(|| WallTime(1));
        let runner = Runner::new(office.clone(), clock, RunnerOptions { workers: 1, seed: 1, node: 1, sole: true });
        let stop = watch::channel(false);
        while runner.try_turn(&stop.1).await.unwrap() {}
        let mut file = office.open_export(&admin.permit(can::EXPORTS_READ).unwrap(), export.id, WallTime(1)).await.unwrap();
        let mut text = String::new();
        file.file.read_to_string(&mut text).unwrap();
        let lines: Vec<&str> = text.lines().skip(1).collect();
        // Harmless in a spreadsheet, as every text.
        assert_eq!(lines, [r#"7;"'=crew in ru [""berths.export"",7]";+79161230007"#, "9;;"]);
    }
}

#[tokio::test]
async fn who_adds_what_cannot_be_added_stops_the_start() {
    let base = Base::sqlite();
    let store = base.open().await;
    for (adder, what) in [
        (Other("boats", &["crew"]), "boats have no column crew"),
        (Other("berths", &["mast"]), "berths have no column mast"),
        (Other("berths", &["id"]), "berths have no column id that could be added"),
        (Other("slots", &["state"]), "slots have no column state that could be added"),
        (Other("berths", &["phone"]), "the column phone is added to berths twice"),
    ] {
        let settings = Settings { parts: vec![PART], added: Adders::default().with(Quay).with(adder), ..Settings::default() };
        let said = Office::assemble(store.clone(), settings).unwrap_err().to_string();
        assert!(said.contains(what), "{said}");
    }
}
