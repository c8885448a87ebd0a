//! Nothing of a hidden column leaks: every resource, every role that may read it, every column of it, by every way that there is.

use std::{
    cell::Cell,
    collections::{BTreeMap, BTreeSet},
};

use crm::tags::TAG_EVENTS;
use expect_test::expect;
use http::StatusCode;
use model::{
    BanView, CenterId, Direction, Event, Gate, JobView, ListKind, RecordingState, RecordingView, RowNews, Segment, SlotId, Transfer,
    TransferStatus,
};
use serde_json::{Value, json};

use super::encoded;
use crate::{
    live::{Told, ears::Ears},
    testing::{BORIS, CALL_OF_BORIS, NOW, World, call_view, slot_view},
};

/// Where each resource is listed and, with its key, read.
const PLACES: &[(&str, &str, Option<&str>)] = &[
    ("audit_log", "/api/audit", Some("/api/audit/")),
    ("bans", "/api/security/bans", None),
    ("budgets", "/api/security/budgets", None),
    ("calls", "/api/calls", Some("/api/calls/")),
    ("cdrs", "/api/cdr/records", None),
    ("centers", "/api/centers", Some("/api/centers/")),
    ("clients", "/api/clients", Some("/api/clients/")),
    ("evaluations", "/api/evaluations", Some("/api/evaluations/")),
    ("events_log", "/api/dci/logs", None),
    ("exports", "/api/exports", Some("/api/exports/")),
    ("jobs", "/api/jobs", Some("/api/jobs/")),
    ("leads", "/api/crm/leads", Some("/api/crm/leads/")),
    ("listen_sessions", "/api/listening/sessions", Some("/api/listening/sessions/")),
    ("listening_plans", "/api/listening/plans", Some("/api/listening/plans/")),
    ("listening_tasks", "/api/listening/tasks", Some("/api/listening/tasks/")),
    ("missed_calls", "/api/missed-calls", None),
    ("notes", "/api/crm/leads/1/notes", None),
    ("oidc_role_map", "/api/oidc-role-map", None),
    ("permission_sets", "/api/permission-sets", Some("/api/permission-sets/")),
    ("recordings", "/api/recordings", None),
    ("registrations", "/api/registrations", Some("/api/registrations/")),
    ("roles", "/api/roles", Some("/api/roles/")),
    ("routes", "/api/routes", Some("/api/routes/")),
    ("scenarios", "/api/scenarios", Some("/api/scenarios/")),
    ("schedules", "/api/schedules", Some("/api/schedules/")),
    ("scorecards", "/api/scorecards", Some("/api/scorecards/")),
    ("security_audit", "/api/security-audit", None),
    ("slots", "/api/slots", Some("/api/slots/")),
    // Of the second call, which is boris's.
    ("tag_events", "/api/calls/c_00000000001yg/tag-events", None),
    ("tag_groups", "/api/tag-groups", Some("/api/tag-groups/")),
    ("tags", "/api/tags", Some("/api/tags/")),
    ("trunks", "/api/trunks", Some("/api/trunks/")),
    ("users", "/api/users", Some("/api/users/")),
    ("webhook_deliveries", "/api/webhook-deliveries", Some("/api/webhook-deliveries/")),
    ("webhooks", "/api/webhooks", Some("/api/webhooks/")),
];

/// What is told of calls by members of their JSON: whose column tells the same, and the members that must be gone with it.
const MEMBERS: &[(&str, &str, &[&str])] = &[
    ("calls", "caller", &["tries.caller", "recording.number"]),
    ("calls", "callee", &["tries.called", "recording.number", "transfer.to"]),
    ("calls", "caller_slot", &["segments.slot", "transfer.by"]),
    ("calls", "callee_slot", &["segments.slot", "transfer.by"]),
    ("calls", "user", &["segments.user", "transfer.user"]),
    ("calls", "carrier", &["tries.carrier"]),
    ("trunks", "settings", &["tries.target"]),
];

/// Columns that tell by other names what one of calls tells: of that column, which list, and its columns.
const NAMESAKES: &[(&str, &str, &[&str])] = &[
    ("caller", "/api/recordings", &["left_number", "right_number"]),
    ("callee", "/api/recordings", &["left_number", "right_number"]),
    ("caller", "/api/missed-calls", &["number"]),
    ("callee_slot", "/api/missed-calls", &["slot"]),
];

/// Rows of everything, some of them boris's.
async fn furnish(world: &World) {
    for request in [
        "root POST /api/scorecards\n\n{\"name\": \"Card\", \"items\": [{\"name\": \"Polite?\", \"kind\": \"yes_no\", \"weight\": 1}]}",
        "root POST /api/listening/plans\n\n{\"name\": \"Plan\", \"filter\": {\"caller\": {\"prefix\": \"6\"}}, \"scorecard_id\": \"1\"}",
        "root POST /api/listening/plans/1/sample",
    ] {
        let (status, answer) = world.json(request).await;
        assert!(status.is_success(), "{request}: {status} {answer}");
    }
    super::listening::work(world).await;
    for request in [
        "root POST /api/webhooks\n\n{\"name\": \"Hook\", \"url\": \"https://hooks.example.com/\", \"events\": [\"call.update\"]}",
        "root POST /api/schedules\n\n{\"kind\": \"audit.verify\", \"cron\": \"0 4 * * *\", \"payload\": {}}",
        "root POST /api/dci/log-event\n\n{\"module\": \"dialer\", \"severity\": \"warning\", \"code\": \"slow\", \"message\": \"It is slow.\"}",
        "root POST /api/oidc-role-map\n\n{\"issuer\": \"https://sso.example.com\", \"claim\": \"groups\", \"value\": \"desk\", \"role\": \"operator\"}",
        "root PUT /api/users/3\n\n{\"email\": \"boris@example.com\", \"display_name\": \"Boris B\", \"version\": 1}",
        "root POST /api/security/bans\n\n{\"source\": \"192.0.2.1\", \"note\": \"x\"}",
        "root PUT /api/security/budgets/center/1\n\n{\"limits\": {\"day_s\": 600}}",
        "root POST /api/tag-groups\n\n{\"name\": \"Result\", \"exclusive\": true}",
        "root POST /api/tags\n\n{\"group_id\": \"1\", \"name\": \"target\", \"stop\": \"dnc\"}",
        "root PUT /api/calls/c_00000000001yg/tags/1",
        "root POST /api/crm/leads\n\n{\"client_name\": \"Olga\", \"phone\": \"+79161234567\", \"assigned_seller\": \"3\", \"assigned_operator\": \"3\"}",
        "root POST /api/crm/note\n\n{\"lead_id\": \"1\", \"text\": \"wants two rooms\"}",
        "root POST /api/clients\n\n{\"last_name\": \"Petrov\", \"phones\": [{\"number\": \"+79161234568\"}], \"owner_user_id\": \"3\"}",
        "root POST /api/exports\n\n{\"resource\": \"users\", \"format\": \"csv\"}",
    ] {
        let (status, answer) = world.json(request).await;
        assert!(status.is_success(), "{request}: {status} {answer}");
    }
    let judged = format!("root POST /api/calls/{CALL_OF_BORIS}/evaluations\n\n{}", json!({"scorecard_id": "1", "items": []}));
    let (status, answer) = world.json(&judged).await;
    assert_eq!(status, StatusCode::CREATED, "{answer}");
    super::routing::furnish(world).await;
}

/// Whether a name stands anywhere in a document as a key.
fn has_key(document: &Value, name: &str) -> bool {
    match document {
        Value::Object(object) => object.iter().any(|(key, value)| key == name || has_key(value, name)),
        Value::Array(items) => items.iter().any(|item| has_key(item, name)),
        _ => false,
    }
}

/// Whether a member, such as `tries.target`, stands anywhere in a document: below the first name the second one.
fn has_member(document: &Value, member: &str) -> bool {
    let (holder, name) = member.split_once('.').unwrap();
    match document {
        Value::Object(object) => object.iter().any(|(key, value)| (key == holder && has_key(value, name)) || has_member(value, member)),
        Value::Array(items) => items.iter().any(|item| has_member(item, member)),
        _ => false,
    }
}

/// Boris, with one role and columns hidden from him.
struct Glass<'a> {
    world: &'a World,
    version: i64,
    /// Ways that were tried to come by a hidden column.
    tried: Cell<usize>,
}

impl Glass<'_> {
    async fn wear(&mut self, role: &str, hidden: Option<(&str, &str)>) -> StatusCode {
        let columns: Vec<Value> =
            hidden.iter().map(|(resource, column)| json!({"resource": resource, "column": column, "mode": "hide"})).collect();
        let body = json!({"roles": [role], "columns": columns, "version": self.version});
        let (status, answer) = self.world.json(&format!("root PUT /api/users/{}\n\n{body}", BORIS.0)).await;
        if status.is_success() {
            self.version = answer["version"].as_i64().unwrap();
        }
        status
    }

    fn tries(&self) {
        self.tried.set(self.tried.get() + 1);
    }

    async fn get(&self, path: &str) -> (StatusCode, Value) {
        self.world.json(&format!("boris GET {path}")).await
    }

    /// What leaks of a column, by which way.
    async fn leaks(&self, (resource, list, read): (&str, &str, Option<&str>), column: &str, keys: &[String]) -> Vec<String> {
        let mut leaks = Vec::new();
        let mut look = |way: &str, is_seen: bool| {
            self.tries();
            if is_seen {
                leaks.push(format!("{resource}.{column} by {way}"));
            }
        };
        // List.
        let (status, answer) = self.get(&format!("{list}?limit=200")).await;
        assert_eq!(status, StatusCode::OK, "{list} with {column} hidden: {answer}");
        look("list", answer["items"].as_array().unwrap().iter().any(|item| item.get(column).is_some()));
        look("the list's columns", answer["columns"].as_array().unwrap().iter().any(|told| told["name"] == column));
        // One.
        for (prefix, key) in read.iter().flat_map(|prefix| keys.iter().map(move |key| (prefix, key))) {
            let (_, one) = self.get(&format!("{prefix}{key}")).await;
            look("one", one.get(column).is_some());
        }
        // A trunk shows its slots.
        if resource == "slots" {
            let (_, trunk) = self.get("/api/trunks/1").await;
            look("its trunk", trunk["slots"].as_array().is_some_and(|slots| slots.iter().any(|slot| slot.get(column).is_some())));
        }
        // How trunks are.
        if resource == "trunks" {
            let (status, answer) = self.get("/api/pbx/status").await;
            let shows = |trunk: &Value| match column {
                "settings" => ["accounts", "hosts"].iter().any(|part| trunk.get(part).is_some_and(|part| !part.is_null())),
                _ => trunk.get(column).is_some(),
            };
            let told = ["trunks", "carriers"].into_iter().filter_map(|list| answer[list].as_array()).flatten();
            look("the status", status == StatusCode::OK && told.into_iter().any(shows));
        }
        // In what else is told of calls.
        for (.., members) in MEMBERS.iter().filter(|(of, name, _)| (*of, *name) == (resource, column)) {
            for (way, told) in self.told_of_calls().await {
                members.iter().for_each(|member| look(&format!("{member} in {way}"), has_member(&told, member)));
            }
        }
        // By other names.
        for (_, list, names) in NAMESAKES.iter().filter(|(of, ..)| (resource, *of) == ("calls", column)) {
            let (status, answer) = self.get(&format!("{list}?limit=200")).await;
            if status != StatusCode::FORBIDDEN {
                let (searched, _) = self.get(&format!("{list}?q=x")).await;
                look(&format!("a search of {list}"), searched != StatusCode::UNPROCESSABLE_ENTITY);
                for name in *names {
                    look(&format!("{name} of {list}"), status != StatusCode::OK || has_key(&answer["items"], name));
                    look(&format!("the columns of {list}"), answer["columns"].as_array().unwrap().iter().any(|told| told["name"] == *name));
                    let filter = encoded(&json!({*name: {"prefix": "6"}}).to_string());
                    for query in [format!("filter={filter}"), format!("fields={name}")] {
                        let (status, _) = self.get(&format!("{list}?{query}")).await;
                        look(&format!("{list}?{query}"), status != StatusCode::UNPROCESSABLE_ENTITY);
                    }
                }
            }
        }
        // Asking for it, in any way.
        let mut asked = vec![format!("sort={column}"), format!("sort=-{column}"), format!("fields={column}")];
        for condition in [json!(null), json!(1), json!(["x"]), json!({"gt": 1}), json!({"prefix": "a"}), json!({"is_null": true})] {
            asked.push(format!("filter={}", encoded(&json!({column: condition}).to_string())));
            asked.push(format!("filter={}", encoded(&json!({"or": [{column: condition}]}).to_string())));
        }
        for query in asked {
            let (status, _) = self.get(&format!("{list}?{query}")).await;
            look(&query, status != StatusCode::UNPROCESSABLE_ENTITY);
        }
        // In a search. Whether there is one is told beforehand, so that nobody is offered what is refused.
        let (_, mine) = self.get("/api/me/permissions").await;
        let is_offered = mine["resources"][resource]["searchable"].as_bool().unwrap();
        let (status, _) = self.get(&format!("{list}?q=x")).await;
        look("a search other than was said", is_offered != (status == StatusCode::OK));
        // In a file.
        for body in [json!({"columns": [column]}), json!({"filter": {column: "x"}})] {
            let mut order = json!({"resource": resource, "format": "csv"});
            order.as_object_mut().unwrap().extend(body.as_object().unwrap().clone());
            let (status, _) = self.world.json(&format!("boris POST /api/exports\n\n{order}")).await;
            look(&format!("an export of {body}"), status.is_success());
        }
        // In what the audit log shows of changes.
        let (status, answer) =
            self.get(&format!("/api/audit?limit=200&filter={}", encoded(&json!({"resource": resource}).to_string()))).await;
        let rows = answer["items"].as_array().cloned().unwrap_or_default();
        if status == StatusCode::OK {
            look("audit", rows.iter().any(|row| has_key(&row["diff"], column)));
        }
        leaks
    }

    /// What is told of calls, by each way.
    async fn told_of_calls(&self) -> Vec<(String, Value)> {
        let mut told = Vec::new();
        let one = format!("/api/calls/{CALL_OF_BORIS}");
        for path in ["/api/calls?limit=200", "/api/calls?fields=tries", "/api/cdr/records?limit=200", one.as_str()] {
            let (_, mut answer) = self.get(path).await;
            if let Some(items) = answer.get_mut("items") {
                answer = items.take();
            }
            told.push((path.to_owned(), answer));
        }
        let mut ears = Ears::of(&self.world.principal("boris").await);
        let mut call = call_view(CALL_OF_BORIS.0, Direction::Outbound);
        call.user = Some(BORIS);
        call.segments = vec![Segment { user: Some(BORIS), slot: SlotId(1), from: NOW, to: None, hold_ms: 0 }];
        call.transfer = Some(Box::new(Transfer {
            by: SlotId(1),
            user: Some(BORIS),
            to: "6003".to_owned(),
            at: NOW,
            status: TransferStatus::Ringing,
            cause: None,
        }));
        let event = Told { seq: 1, ts: NOW, event: Event::CallUpdated(call), users: [BORIS].into() };
        let heard = ears.hear(&self.world.api, &event).await.map(|envelope| envelope.data);
        told.push(("an event".to_owned(), heard.unwrap_or_default()));
        told
    }

    /// What is heard with a column hidden.
    async fn heard(&self) -> BTreeMap<&'static str, BTreeSet<String>> {
        let mut ears = Ears::of(&self.world.principal("boris").await);
        let mut call = call_view(CALL_OF_BORIS.0, Direction::Internal);
        call.user = Some(BORIS);
        let recording = RecordingView {
            call_id: CALL_OF_BORIS,
            center: CenterId::DEFAULT,
            state: RecordingState::Complete,
            reason: None,
            duration_ms: 9_000,
        };
        let job = JobView {
            id: 1,
            center: CenterId::DEFAULT,
            user: Some(BORIS),
            kind: "x".to_owned(),
            state: "running".to_owned(),
            done: 1,
            total: Some(2),
        };
        let ban = BanView {
            source: "192.0.2.1".to_owned(),
            why: "by_hand".to_owned(),
            since: NOW,
            until: NOW,
            times: 1,
            points: 0,
            note: None,
            evidence: Vec::new(),
        };
        let gate = |action, group: Option<&str>| Gate {
            action,
            users: [BORIS].into(),
            lists: group.into_iter().map(|group| (ListKind::TagGroup, group.to_owned())).collect(),
        };
        let row = TAG_EVENTS.columns.iter().map(|column| (column.name.to_owned(), json!("1"))).collect();
        let tagged = RowNews {
            kind: "call.tagged",
            resource: TAG_EVENTS.name,
            id: CALL_OF_BORIS.to_string(),
            center: CenterId::DEFAULT,
            gates: vec![gate(office::can::CALLS_READ, None), gate(crm::can::TAGS_READ, Some("1"))],
            row: Some(row),
        };
        self.world.live.publish(NOW, [Event::CallUpdated(call.clone())]);
        let mut heard = BTreeMap::new();
        for (resource, event) in [
            ("calls", Event::CallUpdated(call)),
            ("slots", Event::SlotUpdated(slot_view(1))),
            ("recordings", Event::RecordingClosed(recording)),
            ("jobs", Event::JobProgressed(job)),
            ("bans", Event::SourceBanned(ban)),
            ("tag_events", Event::Row(Box::new(tagged))),
        ] {
            let told = Told { seq: 1, ts: NOW, event, users: [BORIS].into() };
            let envelope = ears.hear(&self.world.api, &told).await;
            let names = envelope.map(|envelope| envelope.data.as_object().unwrap().keys().cloned().collect());
            heard.insert(resource, names.unwrap_or_default());
        }
        heard
    }
}

/// S000-13, S004-57: a hidden column is not listed, filtered, sorted, searched, exported, or sent in an event, whoever asks.
#[tokio::test]
async fn a_hidden_column_leaks_by_no_way() {
    let world = World::new().await;
    furnish(&world).await;
    let (_, known) = world.json("root GET /api/permissions").await;
    let resources: Vec<&str> = known["resources"].as_array().unwrap().iter().map(|resource| resource["name"].as_str().unwrap()).collect();
    assert_eq!(resources, PLACES.iter().map(|(name, ..)| *name).collect::<Vec<_>>(), "every resource has its place here");
    let (_, roles) = world.json("root GET /api/roles?limit=200").await;
    let roles: Vec<&str> = roles["items"].as_array().unwrap().iter().map(|role| role["code"].as_str().unwrap()).collect();

    let (_, boris) = world.json(&format!("root GET /api/users/{}", BORIS.0)).await;
    let mut glass = Glass { world: &world, version: boris["version"].as_i64().unwrap(), tried: Cell::default() };
    let (mut leaks, mut walked, mut refused) = (Vec::new(), 0, BTreeSet::new());
    let (mut told, mut targets) = (String::new(), String::new());
    for role in roles {
        assert_eq!(glass.wear(role, None).await, StatusCode::OK, "{role}");
        let before = glass.heard().await;
        // With the right to calls and without that to carriers, or with both; one in one place and another elsewhere would be a leak.
        let of_calls = glass.told_of_calls().await;
        let shows_targets: BTreeSet<bool> =
            of_calls.iter().filter(|(_, told)| has_member(told, "tries.at")).map(|(_, told)| has_member(told, "tries.target")).collect();
        // What is there before anything is hidden.
        let members: BTreeSet<&str> = MEMBERS.iter().flat_map(|(.., members)| members.iter().copied()).collect();
        let members = members.into_iter().filter(|member| of_calls.iter().any(|(_, told)| has_member(told, member)));
        targets += format!("{role}: {shows_targets:?} {}", members.collect::<Vec<_>>().join(" ")).trim_end();
        targets += "\n";
        let mut read_by_role = Vec::new();
        for place @ (resource, list, _) in PLACES {
            let (status, answer) = glass.get(&format!("{list}?limit=200")).await;
            // What is listed of one call is not there for whom the call is not.
            if status == StatusCode::FORBIDDEN || status == StatusCode::NOT_FOUND {
                continue;
            }
            let columns: Vec<String> =
                answer["columns"].as_array().unwrap().iter().map(|column| column["name"].as_str().unwrap().to_owned()).collect();
            let key = &columns[0];
            let keys: Vec<String> = answer["items"].as_array().unwrap().iter().take(2).map(|item| plain(&item[key])).collect();
            read_by_role.push(format!("{resource} {}", keys.len()));
            for column in &columns {
                if glass.wear(role, Some((resource, column))).await != StatusCode::OK {
                    refused.insert(format!("{resource}.{column}"));
                    continue;
                }
                walked += 1;
                leaks.extend(glass.leaks(*place, column, &keys).await.into_iter().map(|leak| format!("{role}: {leak}")));
                let after = glass.heard().await;
                for (subject, names) in &after {
                    if subject == resource && !before[subject].is_empty() {
                        glass.tries();
                    }
                    if subject == resource && names.contains(column) {
                        leaks.push(format!("{role}: {resource}.{column} by an event"));
                    }
                    let missing: Vec<&String> = before[subject].difference(names).filter(|name| *name != column).collect();
                    assert!(missing.is_empty(), "{role}: hiding {resource}.{column} hides {missing:?} of {subject}");
                }
            }
        }
        told += &format!("{role}: {}\n", read_by_role.join(", "));
    }
    assert!(leaks.is_empty(), "{} leaks:\n{}", leaks.len(), leaks.join("\n"));
    expect![[r#"
        HelpDeskManager: calls 1, cdrs 1, clients 1, jobs 0, leads 1, missed_calls 0, recordings 1, users 1
        HelpDeskUser: calls 1, cdrs 1, clients 1, jobs 0, leads 1, missed_calls 0, recordings 1
        SL3Manager: calls 1, cdrs 1, clients 1, jobs 0, missed_calls 0, recordings 1, users 1
        SL3User: calls 1, cdrs 1, clients 1, jobs 0, missed_calls 0, recordings 1
        admin: audit_log 2, bans 1, budgets 1, calls 2, cdrs 2, centers 1, clients 1, evaluations 1, events_log 1, exports 1, jobs 2, leads 1, listen_sessions 0, listening_plans 1, listening_tasks 2, missed_calls 0, notes 1, oidc_role_map 1, permission_sets 2, recordings 2, registrations 0, roles 2, routes 1, scenarios 2, schedules 1, scorecards 1, security_audit 2, slots 2, tag_events 1, tag_groups 1, tags 1, trunks 2, users 2, webhook_deliveries 0, webhooks 1
        analyst: calls 2, cdrs 2, clients 1, evaluations 1, exports 0, jobs 0, leads 1, listening_plans 1, listening_tasks 2, missed_calls 0, scorecards 1, tag_events 1, tag_groups 1, tags 1
        client_admin: audit_log 2, calls 2, cdrs 2, evaluations 1, exports 0, jobs 0, listen_sessions 0, listening_plans 1, listening_tasks 2, missed_calls 0, permission_sets 0, recordings 2, roles 1, scenarios 2, scorecards 1, security_audit 2, tag_events 1, tag_groups 1, tags 1, users 0
        listener: calls 0, cdrs 0, evaluations 0, jobs 0, listen_sessions 0, listening_plans 0, listening_tasks 0, missed_calls 0, recordings 0, scorecards 1, tag_groups 0, tags 0
        number_manager: audit_log 1, calls 0, cdrs 0, exports 0, jobs 0, missed_calls 0, security_audit 1
        operator: calls 1, cdrs 1, clients 1, evaluations 1, jobs 0, leads 1, missed_calls 0, notes 1, recordings 1, scorecards 1, slots 2, tag_events 1, tag_groups 1, tags 1
        seller: calls 1, cdrs 1, clients 1, jobs 0, leads 1, missed_calls 0, notes 1, recordings 1
        supervisor: calls 2, cdrs 2, clients 1, evaluations 1, events_log 1, exports 0, jobs 2, leads 1, listen_sessions 0, listening_plans 1, listening_tasks 2, missed_calls 0, notes 1, permission_sets 2, recordings 2, roles 2, routes 1, scenarios 2, scorecards 1, slots 2, tag_events 1, tag_groups 1, tags 1, trunks 2, users 2, webhook_deliveries 0, webhooks 1
        viewer: calls 2, cdrs 2, clients 1, evaluations 1, jobs 0, leads 1, listening_plans 1, listening_tasks 2, missed_calls 0, scorecards 1, tag_events 1, tag_groups 1, tags 1
    "#]].assert_eq(&told);
    expect![[r#"
        HelpDeskManager: {false} recording.number segments.slot segments.user transfer.by transfer.to transfer.user tries.called tries.caller tries.carrier
        HelpDeskUser: {false} recording.number segments.slot segments.user transfer.by transfer.to transfer.user tries.called tries.caller tries.carrier
        SL3Manager: {false} recording.number segments.slot segments.user transfer.by transfer.to transfer.user tries.called tries.caller tries.carrier
        SL3User: {false} recording.number segments.slot segments.user transfer.by transfer.to transfer.user tries.called tries.caller tries.carrier
        admin: {true} recording.number segments.slot segments.user transfer.by transfer.to transfer.user tries.called tries.caller tries.carrier tries.target
        analyst: {false} recording.number segments.slot segments.user transfer.by transfer.to transfer.user tries.called tries.caller tries.carrier
        client_admin: {false} recording.number segments.slot segments.user transfer.by transfer.to transfer.user tries.called tries.caller tries.carrier
        listener: {}
        number_manager: {}
        operator: {false} recording.number segments.slot segments.user transfer.by transfer.to transfer.user tries.called tries.caller tries.carrier
        seller: {false} recording.number segments.slot segments.user transfer.by transfer.to transfer.user tries.called tries.caller tries.carrier
        supervisor: {true} recording.number segments.slot segments.user transfer.by transfer.to transfer.user tries.called tries.caller tries.carrier tries.target
        viewer: {false} recording.number segments.slot segments.user transfer.by transfer.to transfer.user tries.called tries.caller tries.carrier
    "#]]
    .assert_eq(&targets);
    expect!["audit_log.seq bans.id budgets.id calls.call_id cdrs.call_id centers.id clients.id evaluations.id events_log.id exports.id jobs.id leads.id listen_sessions.id listening_plans.id listening_tasks.id missed_calls.call_id notes.id oidc_role_map.id permission_sets.id recordings.call_id registrations.id roles.id routes.id scenarios.id schedules.id scorecards.id security_audit.seq slots.id tag_events.event_id tag_groups.id tags.id trunks.id users.id webhook_deliveries.id webhooks.id"].assert_eq(&refused.into_iter().collect::<Vec<_>>().join(" "));
    // Exact, so that a way that is not tried any more is missed.
    let told = format!("{walked} columns hidden from a role, {} looks for one", glass.tried.get());
    expect!["2521 columns hidden from a role, 54753 looks for one"].assert_eq(&told);
}

/// A key as it stands in a path.
fn plain(key: &Value) -> String {
    key.as_str().map_or_else(|| key.to_string(), str::to_owned)
}
