#![expect(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "tests")]

use std::collections::{BTreeMap, BTreeSet};

use model::{UserId, WallTime};
use office::{CenterChange, Conflict, ListParams, OfficeError, Principal};
use serde_json::json;
use store::{Statement, binds};

use super::{HandOver, HandOverOrder, LEADS, LeadChange, NewLead};
use crate::{
    can,
    core::lead::{LeadEvent, LeadStatus},
    testing::{HOME, House, NOW, faults, leave, on_both},
};

fn named(name: &str) -> LeadChange {
    LeadChange { client_name: Some(name.to_owned()), ..LeadChange::default() }
}

fn new(lead: LeadChange) -> NewLead {
    NewLead { status: None, lead }
}

fn of(seller: &Principal, operator: Option<&Principal>, name: &str) -> NewLead {
    new(LeadChange { assigned_seller: Some(Some(seller.user())), assigned_operator: Some(operator.map(Principal::user)), ..named(name) })
}

fn conflict<T: std::fmt::Debug>(done: Result<T, OfficeError>) -> Conflict {
    match done {
        Err(OfficeError::Conflict(conflict)) => conflict,
        other => panic!("no conflict: {other:?}"),
    }
}

fn is_not_there<T>(done: &Result<T, OfficeError>) -> bool {
    matches!(done, Err(OfficeError::NotFound("leads")))
}

const EVENTS: Statement = Statement {
    name: "EVENTS",
    lite: "SELECT kind, COALESCE(to_status, '') FROM lead_events WHERE lead_id = $1 ORDER BY id",
    pg: "SELECT kind, COALESCE(to_status, '') FROM lead_events WHERE lead_id = $1 ORDER BY id",
};
const AUDITED: Statement = Statement {
    name: "AUDITED",
    lite: "SELECT action, resource_id FROM audit_log WHERE resource = 'leads' ORDER BY seq",
    pg: "SELECT action, resource_id FROM audit_log WHERE resource = 'leads' ORDER BY seq",
};
const OWNED: Statement = Statement {
    name: "OWNED",
    lite: "SELECT lead_id, user_id, why FROM lead_users ORDER BY lead_id, user_id",
    pg: "SELECT lead_id, user_id, why FROM lead_users ORDER BY lead_id, user_id",
};

impl House {
    async fn lead(&self, person: &Principal, new: &NewLead) -> i64 {
        self.crm.create_lead(&leave(person, can::LEADS_CREATE), new, NOW).await.unwrap()
    }

    async fn happens(&self, person: &Principal, id: i64, event: LeadEvent) -> Result<i64, OfficeError> {
        let read = leave(person, can::LEADS_READ);
        let version = self.crm.lead_steps(&read, id).await?.version;
        self.crm.lead_event(&read, (id, version), event, Some("no money"), NOW).await
    }

    /// What a list tells of leads: their names, and how many it counts.
    async fn listed(&self, person: &Principal, params: &ListParams) -> (Vec<String>, u64) {
        let page = self.office.list(&leave(person, can::LEADS_READ).view(&LEADS), params).await.unwrap();
        let names = page.items.iter().map(|row| row["client_name"].as_str().unwrap().to_owned()).collect();
        (names, page.count.unwrap().value)
    }

    async fn row(&self, person: &Principal, id: i64) -> serde_json::Map<String, serde_json::Value> {
        self.office.read(&leave(person, can::LEADS_READ).view(&LEADS), &id.to_string()).await.unwrap()
    }

    async fn rows<T: store::sql::FromBoth>(&self, statement: Statement, of: Option<i64>) -> Vec<T> {
        let db = self.crm.store().db();
        match of {
            Some(id) => db.all(statement, binds![id]).await.unwrap(),
            None => db.all(statement, &[]).await.unwrap(),
        }
    }
}

#[tokio::test]
async fn leads_are_made_changed_and_deleted() {
    on_both(async |house| {
        let root = house.with_role("root", "admin").await;
        let change = CenterChange {
            settings: Some(json!({"numbers": {"country_code": "7", "trunk_prefix": "8", "international_prefix": "810"}})),
            ..CenterChange::default()
        };
        house.office.update_center(&leave(&root, office::can::CENTERS_UPDATE), HOME, 1, &change, NOW).await.unwrap();
        let anna = house.with_role("anna", "seller").await;
        let may = leave(&anna, can::LEADS_CREATE);

        let olga =
            NewLead { status: Some("NEW".to_owned()), lead: LeadChange { phone: Some("8 (916) 123-45-67".to_owned()), ..named(" Olga ") } };
        let id = house.lead(&anna, &olga).await;
        let row = house.row(&anna, id).await;
        assert_eq!((row["client_name"].as_str(), row["phone"].as_str()), (Some("Olga"), Some("+79161234567")), "as signalling has it");
        assert_eq!(row["assigned_seller"], json!(anna.user().to_string()), "S004-107");
        assert_eq!((row["status"].as_str(), &row["assigned_operator"]), (Some("new"), &json!(null)));

        let wrong = NewLead {
            status: Some("lost".to_owned()),
            lead: LeadChange {
                phone: Some("12 rooms".to_owned()),
                email: Some("olga".to_owned()),
                source: Some("x".repeat(65)),
                next_action: Some("x\u{7}".to_owned()),
                next_action_at: Some(Some(WallTime(-1))),
                ..named(&"x".repeat(129))
            },
        };
        let told = faults(house.crm.create_lead(&may, &wrong, NOW).await);
        assert_eq!(told, ["status", "client_name", "phone", "email", "source", "next_action", "next_action_at"]);
        assert_eq!(faults(house.crm.create_lead(&may, &new(named(" ")), NOW).await), ["client_name"], "somebody at least");
        let nobody = new(LeadChange { assigned_seller: Some(Some(UserId(77))), ..named("x") });
        assert_eq!(faults(house.crm.create_lead(&leave(&root, can::LEADS_CREATE), &nobody, NOW).await), ["assigned_seller"]);
        assert!(matches!(house.crm.create_lead(&may, &nobody, NOW).await, Err(OfficeError::Forbidden(_))));

        let update = leave(&anna, can::LEADS_UPDATE);
        let change = LeadChange { next_action: Some("call".to_owned()), next_action_at: Some(Some(NOW)), ..LeadChange::default() };
        assert_eq!(house.crm.update_lead(&update, id, 1, &change, NOW).await.unwrap(), 2);
        assert_eq!(house.crm.update_lead(&update, id, 2, &change, NOW).await.unwrap(), 2, "nothing is changed");
        assert_eq!(conflict(house.crm.update_lead(&update, id, 1, &change, NOW).await), Conflict::Version { current: 2 });
        let away = LeadChange { assigned_seller: Some(None), ..LeadChange::default() };
        assert!(matches!(house.crm.update_lead(&update, id, 2, &away, NOW).await, Err(OfficeError::Forbidden(_))));

        house.happens(&anna, id, LeadEvent::Lose).await.unwrap();
        let row = house.row(&anna, id).await;
        assert_eq!(
            (row["lost_reason"].as_str(), &row["next_action_at"], &row["next_action"]),
            (Some("no money"), &json!(null), &json!(null))
        );
        assert!(matches!(conflict(house.crm.update_lead(&update, id, 3, &change, NOW).await), Conflict::State(_)));
        house.crm.delete_lead(&leave(&anna, can::LEADS_DELETE), id, NOW).await.unwrap();
        assert_eq!(house.listed(&root, &ListParams::default()).await, (vec![], 0));

        let events: Vec<(String, String)> = house.rows(EVENTS, Some(id)).await;
        let events: Vec<_> = events.iter().map(|(kind, to)| (kind.as_str(), to.as_str())).collect();
        assert_eq!(events, [("create", "new"), ("lose", "lost"), ("delete", "")]);
        let audited: Vec<(String, String)> = house.rows(AUDITED, None).await;
        let audited: Vec<_> = audited.iter().map(|(action, _)| action.as_str()).collect();
        assert_eq!(audited, ["leads.create", "leads.update", "leads.update", "leads.delete"]);
        assert!(house.rows::<(i64, i64, i64)>(OWNED, None).await.is_empty());
    })
    .await;
}

/// S004-88: whatever a seller asks, another's lead is as if it did not exist.
#[tokio::test]
async fn a_seller_learns_nothing_of_anothers_leads() {
    on_both(async |house| {
        let root = house.with_role("root", "admin").await;
        let (anna, boris) = (house.with_role("anna", "seller").await, house.with_role("boris", "seller").await);
        let phone = |name: &str| new(LeadChange { phone: Some("+79161234567".to_owned()), ..named(name) });
        let hers = house.lead(&anna, &phone("Olga")).await;
        let his = house.lead(&boris, &phone("Olga of Boris")).await;
        assert_eq!(house.listed(&root, &ListParams::default()).await.1, 2, "a known number is no reason to refuse, which would tell");

        let filtered = |filter: serde_json::Value| ListParams::default().filtered(filter);
        for params in [
            ListParams::default(),
            ListParams::default().searched("Olga"),
            ListParams::default().sorted("next_action_at"),
            filtered(json!({"phone": "+79161234567"})),
            filtered(json!({"assigned_seller": {"ne": "0"}})),
            filtered(json!({"or": [{"assigned_seller": boris.user().to_string()}, {"status": "new"}]})),
        ] {
            assert_eq!(house.listed(&anna, &params).await, (vec!["Olga".to_owned()], 1), "{params:?}");
        }
        let of_boris = filtered(json!({"assigned_seller": boris.user().to_string()}));
        assert_eq!(house.listed(&anna, &of_boris).await, (vec![], 0));

        // What is another's, and what never was, are answered alike.
        for id in [his, 4_711] {
            let read = leave(&anna, can::LEADS_READ);
            assert!(matches!(house.office.read(&read.view(&LEADS), &id.to_string()).await, Err(OfficeError::NotFound(_))));
            assert!(is_not_there(&house.crm.lead_steps(&read, id).await));
            for (version, event) in [(1, LeadEvent::Contact), (9, LeadEvent::Reopen)] {
                assert!(is_not_there(&house.crm.lead_event(&read, (id, version), event, None, NOW).await));
            }
            let away = LeadChange { assigned_seller: Some(Some(anna.user())), ..named("mine") };
            assert!(is_not_there(&house.crm.update_lead(&leave(&anna, can::LEADS_UPDATE), id, 1, &away, NOW).await));
            assert!(is_not_there(&house.crm.delete_lead(&leave(&anna, can::LEADS_DELETE), id, NOW).await));
        }
        assert_eq!(house.row(&boris, his).await["client_name"], "Olga of Boris");

        // Given to boris, it is gone for anna at once.
        let given = LeadChange { assigned_seller: Some(Some(boris.user())), ..LeadChange::default() };
        house.crm.update_lead(&leave(&root, can::LEADS_UPDATE), hers, 1, &given, NOW).await.unwrap();
        assert_eq!(house.listed(&anna, &ListParams::default()).await, (vec![], 0));
        assert_eq!(house.listed(&boris, &ListParams::default()).await.1, 2);
        let events: Vec<(String, String)> = house.rows(EVENTS, Some(hers)).await;
        assert_eq!(events[1], ("hand_over".to_owned(), "new".to_owned()));
    })
    .await;
}

/// The steps by hand: from, event, to, and whether a supervisor may do it rather than whose lead it is.
const STEPS: &[(&str, &str, &str, bool)] = &[
    ("new", "assign", "assigned", false),
    ("new", "contact", "contacted", false),
    ("new", "lose", "lost", false),
    ("new", "dnc", "dnc", false),
    ("assigned", "contact", "contacted", false),
    ("assigned", "qualify", "qualified", false),
    ("assigned", "lose", "lost", false),
    ("assigned", "dnc", "dnc", false),
    ("contacted", "qualify", "qualified", false),
    ("contacted", "convert", "converted", false),
    ("contacted", "lose", "lost", false),
    ("contacted", "dnc", "dnc", false),
    ("qualified", "convert", "converted", false),
    ("qualified", "lose", "lost", false),
    ("qualified", "dnc", "dnc", false),
    ("lost", "reopen", "assigned", true),
];

/// How a lead comes to stand somewhere.
fn way_to(status: LeadStatus) -> &'static [LeadEvent] {
    match status {
        LeadStatus::New => &[],
        LeadStatus::Assigned => &[LeadEvent::Assign],
        LeadStatus::Contacted => &[LeadEvent::Contact],
        LeadStatus::Qualified => &[LeadEvent::Contact, LeadEvent::Qualify],
        LeadStatus::Converted => &[LeadEvent::Contact, LeadEvent::Convert],
        LeadStatus::Lost => &[LeadEvent::Lose],
        LeadStatus::Dnc => &[LeadEvent::Dnc],
    }
}

/// Every state, every event, everybody: the seller and the operator of a lead, a supervisor, an administrator, and a seller whose it is not.
#[tokio::test]
async fn every_step_is_for_those_who_may() {
    on_both(async |house| {
        let root = house.with_role("root", "admin").await;
        let seller = house.with_role("seller", "seller").await;
        let operator = house.with_role("operator", "operator").await;
        let supervisor = house.with_role("supervisor", "supervisor").await;
        let other = house.with_role("other", "seller").await;
        for status in LeadStatus::ALL.iter().copied() {
            for event in LeadEvent::ALL.iter().copied() {
                let step = STEPS.iter().find(|step| (step.0, step.1) == (status.code(), event.code()));
                for (who, person) in
                    [("seller", &seller), ("operator", &operator), ("supervisor", &supervisor), ("admin", &root), ("other", &other)]
                {
                    let told = format!("{status} {event} {who}");
                    let id = house.lead(&root, &of(&seller, Some(&operator), "Olga")).await;
                    for event in way_to(status) {
                        house.happens(&root, id, *event).await.unwrap();
                    }
                    let may = |step: &&(&str, &str, &str, bool)| match who {
                        "admin" => true,
                        "supervisor" => step.3,
                        _ => !step.3,
                    };
                    let done = house.happens(person, id, event).await;
                    let after = house.crm.lead_steps(&leave(&root, can::LEADS_READ), id).await.unwrap().status;
                    match step {
                        _ if who == "other" => assert!(is_not_there(&done), "{told}"),
                        Some(step) if may(&step) => assert_eq!((done.is_ok(), after.code()), (true, step.2), "{told}"),
                        Some(_) => assert!(matches!(done, Err(OfficeError::NotPermitted(_))), "{told}: {done:?}"),
                        None => {
                            let allowed = STEPS.iter().filter(|step| step.0 == status.code()).filter(may).map(|step| step.1).collect();
                            assert_eq!(conflict(done), Conflict::Transition { state: status.code(), allowed }, "{told}");
                        }
                    }
                    let stays = who == "other" || !step.is_some_and(|step| may(&step));
                    assert!(!stays || after == status, "{told}: {after}");
                }
            }
        }
    })
    .await;
}

#[tokio::test]
async fn a_step_needs_what_the_table_says() {
    on_both(async |house| {
        let root = house.with_role("root", "admin").await;
        let read = leave(&root, can::LEADS_READ);
        let id = house.lead(&root, &new(named("Olga"))).await;
        let step = async |event, reason| house.crm.lead_event(&read, (id, 1), event, reason, NOW).await;
        assert!(matches!(conflict(step(LeadEvent::Assign, None).await), Conflict::State(_)), "it is nobody's");
        let long = "x".repeat(501);
        for event in [LeadEvent::Lose, LeadEvent::Dnc] {
            assert_eq!(faults(step(event, None).await), ["reason"]);
            assert_eq!(faults(step(event, Some("  ")).await), ["reason"]);
            assert_eq!(faults(step(event, Some(long.as_str())).await), ["reason"]);
        }
        assert_eq!(conflict(house.crm.lead_event(&read, (id, 7), LeadEvent::Contact, None, NOW).await), Conflict::Version { current: 1 });
        let steps = house.crm.lead_steps(&read, id).await.unwrap();
        assert_eq!(
            serde_json::to_value(&steps).unwrap(),
            json!({"status": "new", "version": 1, "allowed": [
                {"event": "assign", "to": "assigned", "needs": ["assignee"]},
                {"event": "contact", "to": "contacted", "needs": []},
                {"event": "lose", "to": "lost", "needs": ["reason"]},
                {"event": "dnc", "to": "dnc", "needs": ["reason"]},
            ]})
        );
    })
    .await;
}

const ROUND: HandOverOrder = HandOverOrder { how: HandOver::RoundRobin, user_id: None, next_action_at: None, comment: None };

/// A seeded chance, so that a failure can be played again.
struct Dice(u64);

impl Dice {
    fn below(&mut self, end: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(self.0 >> 33).unwrap() % end
    }
}

/// The status, the seller, the operator, and whether it was handed over by this operator.
type Known = (&'static str, Option<UserId>, Option<UserId>, bool);

/// Random changes by everybody against a picture in memory that knows nothing of the program: where each lead stands, and whose it is.
#[tokio::test]
async fn random_changes_leave_what_a_model_says() {
    on_both(async |house| {
        let root = house.with_role("root", "admin").await;
        let sellers = [house.with_role("anna", "seller").await, house.with_role("boris", "seller").await];
        let operator = house.with_role("vera", "operator").await;
        let people = [&root, &sellers[0], &sellers[1], &operator];
        let mut model: BTreeMap<i64, Known> = BTreeMap::new();
        let (mut dice, mut steps, mut handed, mut last) = (Dice(4_004), 0, 0, None);
        for round in 0..500 {
            let who = people[dice.below(4)];
            let is_root = who.user() == root.user();
            let known: Vec<i64> = model.keys().copied().collect();
            let id = if known.is_empty() { 1 } else { known[dice.below(known.len())] };
            let is_theirs = |lead: &Known| is_root || [lead.1, lead.2].contains(&Some(who.user()));
            match dice.below(10) {
                0 | 1 if who.permit(can::LEADS_CREATE).is_some() => {
                    let id = house.lead(who, &new(named("x"))).await;
                    model.insert(id, ("new", (!is_root).then_some(who.user()), None, false));
                }
                2 if is_root && !known.is_empty() => {
                    let (seller, operator) = (people[dice.below(4)].user(), [None, Some(operator.user())][dice.below(2)]);
                    let change =
                        LeadChange { assigned_seller: Some(Some(seller)), assigned_operator: Some(operator), ..LeadChange::default() };
                    let version = house.crm.lead_steps(&leave(&root, can::LEADS_READ), id).await.unwrap().version;
                    house.crm.update_lead(&leave(&root, can::LEADS_UPDATE), id, version, &change, NOW).await.unwrap();
                    let lead = model.get_mut(&id).unwrap();
                    lead.3 &= lead.2 == operator;
                    (lead.1, lead.2) = (Some(seller), operator);
                }
                4 if who.permit(can::LEADS_HAND_OVER).is_some() => {
                    let row = model.get(&id).copied();
                    let version = match row {
                        Some(_) => house.crm.lead_steps(&leave(&root, can::LEADS_READ), id).await.unwrap().version,
                        None => 1,
                    };
                    let done = house.crm.hand_over(&leave(who, can::LEADS_HAND_OVER), (id, version), &ROUND, NOW).await;
                    let Some(lead) = model.get_mut(&id).filter(|lead| is_theirs(lead)) else {
                        assert!(is_not_there(&done), "round {round}: {done:?}");
                        continue;
                    };
                    let is_open = ["new", "assigned", "contacted", "qualified"].contains(&lead.0);
                    assert_eq!(done.is_ok(), is_open, "round {round}: {lead:?} {done:?}");
                    if is_open {
                        // Two take turns, and nobody gets what is theirs.
                        let turn =
                            |last: Option<UserId>| if last == Some(sellers[0].user()) { sellers[1].user() } else { sellers[0].user() };
                        let next = Some(turn(last)).filter(|next| lead.1 != Some(*next)).unwrap_or_else(|| turn(Some(turn(last))));
                        last = Some(next);
                        (lead.1, lead.3) = (last, true);
                        lead.0 = if lead.0 == "new" { "assigned" } else { lead.0 };
                        handed += 1;
                    }
                }
                3 if dice.below(4) == 0 && who.permit(can::LEADS_DELETE).is_some() => {
                    let done = house.crm.delete_lead(&leave(who, can::LEADS_DELETE), id, NOW).await;
                    let may = model.get(&id).is_some_and(is_theirs);
                    assert_eq!(done.is_ok(), may, "round {round}: {done:?}");
                    if may {
                        model.remove(&id);
                    }
                }
                _ => {
                    let event = LeadEvent::ALL[dice.below(LeadEvent::ALL.len())];
                    let done = house.happens(who, id, event).await;
                    let Some(lead) = model.get_mut(&id).filter(|lead| is_theirs(lead)) else {
                        assert!(is_not_there(&done), "round {round}: {done:?}");
                        continue;
                    };
                    let needs = event != LeadEvent::Assign || lead.1.is_some() || lead.2.is_some();
                    let step =
                        STEPS.iter().find(|step| (step.0, step.1) == (lead.0, event.code())).filter(|step| needs && (is_root || !step.3));
                    assert_eq!(done.is_ok(), step.is_some(), "round {round}: {lead:?} {event} {done:?}");
                    if let Some(step) = step {
                        lead.0 = step.2;
                        if lead.3 && ["converted", "dnc"].contains(&lead.0) {
                            lead.2 = None;
                        }
                        steps += 1;
                    }
                }
            }
        }
        assert!(
            steps > 20 && handed > 5 && model.len() > 5,
            "too little happened: {steps} steps, {handed} handed over, {} leads",
            model.len()
        );
        let mut owned: BTreeSet<(i64, i64, i64)> = BTreeSet::new();
        for (id, (status, seller, operator, _)) in &model {
            let row = house.row(&root, *id).await;
            let text = |user: &Option<UserId>| json!(user.map(|user| user.to_string()));
            assert_eq!((&row["status"], &row["assigned_seller"]), (&json!(status), &text(seller)), "{id}");
            assert_eq!((&row["assigned_operator"], row["client_id"].is_null()), (&text(operator), *status != "converted"), "{id}");
            match (seller, operator) {
                (Some(seller), Some(operator)) if seller == operator => drop(owned.insert((*id, seller.0, 3))),
                (seller, operator) => {
                    owned.extend(seller.map(|user| (*id, user.0, 1)));
                    owned.extend(operator.map(|user| (*id, user.0, 2)));
                }
            }
        }
        let stored: Vec<(i64, i64, i64)> = house.rows(OWNED, None).await;
        assert_eq!(stored.into_iter().collect::<BTreeSet<_>>(), owned, "lead_users says what the columns say");
        for person in &people[1..] {
            let theirs = model.values().filter(|lead| [lead.1, lead.2].contains(&Some(person.user()))).count();
            assert_eq!(house.listed(person, &ListParams::default()).await.1, theirs as u64);
        }
    })
    .await;
}
