//! Rows and columns against a look at every row there can be.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use model::{Action, CenterId, Column, ColumnKind, ListKind, Mode, Owner, Reach, Resource, RowRule, Scope, UserId};
use proptest::{collection, option, prelude::*, sample::select};

use super::{
    super::{
        Part,
        access::{AccessMap, Grant, Policy, Seat},
        catalogue::{Catalogue, own},
    },
    HOME,
    thing::{LEADS, LEADS_ARCHIVE, LEADS_COPY, PART, READ},
};
use crate::webhooks::EventKind;

const ABROAD: CenterId = CenterId(2);
const ME: UserId = UserId(1);

/// A row that there can be.
#[derive(Debug, Clone, Copy)]
struct Row {
    center: CenterId,
    owner: Option<i64>,
    scenario: Option<&'static str>,
    project: Option<&'static str>,
}

fn every_row() -> Vec<Row> {
    let mut rows = Vec::new();
    for center in [HOME, ABROAD] {
        for owner in [None, Some(1), Some(2), Some(3), Some(4)] {
            for scenario in [None, Some("a"), Some("b")] {
                for project in [None, Some("a"), Some("b")] {
                    rows.push(Row { center, owner, scenario, project });
                }
            }
        }
    }
    rows
}

/// Whether a grant reaches a row, by the words of requirements §1.4.
fn reaches(grant: &Grant, team: &BTreeSet<UserId>, center: CenterId, row: Row) -> bool {
    let works_here = row.center == center && (center == HOME || grant.reach.scope == Scope::All);
    let is_mine = row.owner == Some(ME.0);
    let is_my_teams = row.owner.is_some_and(|owner| team.contains(&UserId(owner)));
    let by_scope = match grant.reach.scope {
        // Nobody is in a workgroup yet.
        Scope::Own | Scope::Group => is_mine,
        Scope::Team => is_mine || is_my_teams,
        Scope::Center | Scope::All => true,
    };
    let has = |kind: &ListKind, ids: &BTreeSet<String>| {
        let id = if *kind == ListKind::Scenario { row.scenario } else { row.project };
        id.is_some_and(|id| ids.contains(id))
    };
    let by_lists = !grant.reach.listed || (!grant.lists.is_empty() && grant.lists.iter().all(|(kind, ids)| has(kind, ids)));
    works_here && by_scope && by_lists
}

fn admits(rule: &RowRule, row: Row) -> bool {
    let users: BTreeSet<UserId> = row.owner.map(UserId).into_iter().collect();
    rule.admits(row.center, &users, |kind, ids| {
        let id = if kind == ListKind::Scenario { row.scenario } else { row.project };
        id.is_some_and(|id| ids.contains(id))
    })
}

fn grant() -> impl Strategy<Value = Grant> {
    let scope = select(vec![Scope::Own, Scope::Team, Scope::Group, Scope::Center, Scope::All]);
    let ids = || collection::btree_set(select(vec!["a".to_owned(), "b".to_owned()]), 0..=2);
    let mode = || option::of(select(vec![Mode::Hide, Mode::Mask, Mode::Show]));
    (scope, any::<bool>(), option::of(ids()), option::of(ids()), mode(), mode()).prop_map(
        |(scope, listed, scenarios, projects, phone, note)| {
            let lists = [(ListKind::Scenario, scenarios), (ListKind::Project, projects)];
            let mut policy = Policy::default();
            for (column, mode) in [("phone", phone), ("note", note)] {
                if let Some(mode) = mode {
                    policy.restrict("leads", column, mode);
                }
            }
            Grant {
                reach: Reach { scope, listed },
                lists: lists.into_iter().filter_map(|(kind, ids)| Some((kind, ids?))).collect(),
                policy: Arc::new(policy),
            }
        },
    )
}

fn access(grants: &[Grant], team: &BTreeSet<UserId>) -> AccessMap {
    let mut access = AccessMap::default();
    access.team = team.clone();
    for grant in grants {
        access.add(READ.0, grant.clone());
    }
    access
}

fn people() -> impl Strategy<Value = BTreeSet<UserId>> {
    collection::btree_set(select(vec![UserId(2), UserId(3), UserId(4)]), 0..=3)
}

fn shown(grant: &Grant, column: &str) -> Mode {
    grant.policy.iter().find(|(_, known, _)| *known == column).map_or(Mode::Show, |(_, _, mode)| mode)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 4096, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn rows_are_those_that_any_grant_reaches(grants in collection::vec(grant(), 0..=5), team in people(), center in select(vec![HOME, ABROAD])) {
        let rule = access(&grants, &team).rows(READ, Seat { user: ME, home: HOME, center });
        let counts = grants.iter().any(|grant| center == HOME || grant.reach.scope == Scope::All);
        prop_assert_eq!(rule.is_some(), counts, "the right is there, whether it reaches anything or not");
        for row in every_row() {
            let naive = grants.iter().any(|grant| reaches(grant, &team, center, row));
            prop_assert_eq!(rule.as_ref().is_some_and(|rule| admits(rule, row)), naive, "{:?}", row);
        }
    }

    #[test]
    fn no_row_shows_what_only_hiding_grants_reach(grants in collection::vec(grant(), 1..=5), team in people(), center in select(vec![HOME, ABROAD])) {
        let seat = Seat { user: ME, home: HOME, center };
        let columns = access(&grants, &team).columns(READ, seat, &LEADS);
        for column in ["id", "phone", "note"] {
            let mode = columns.iter().find(|(known, _)| known.name == column).map_or(Mode::Hide, |(_, mode)| *mode);
            let mut reaching_modes = BTreeSet::new();
            for row in every_row() {
                let reaching = grants.iter().filter(|grant| reaches(grant, &team, center, row));
                if let Some(best) = reaching.map(|grant| shown(grant, column)).max() {
                    prop_assert!(mode <= best, "{column} is {mode:?} on {row:?}, whose grants give {best:?} at best");
                    reaching_modes.insert(best);
                }
            }
            let here: BTreeSet<Mode> = grants.iter().filter(|grant| center == HOME || grant.reach.scope == Scope::All)
                .map(|grant| shown(grant, column)).collect();
            if let [only] = here.into_iter().collect::<Vec<_>>()[..] {
                prop_assert_eq!(mode, only, "all grants agree on {}", column);
            }
        }
    }

    #[test]
    fn who_may_give_a_grant_has_no_less_than_it(own_grant in grant(), other in grant(), team in people(), center in select(vec![HOME, ABROAD])) {
        let catalogue = Catalogue::new(&[own(&[], &[]), PART]).unwrap();
        if own_grant.may_give(&catalogue, READ.0, &other) {
            for row in every_row() {
                prop_assert!(reaches(&own_grant, &team, center, row) || !reaches(&other, &team, center, row), "{:?}", row);
            }
            for column in ["phone", "note"] {
                prop_assert!(shown(&other, column) <= shown(&own_grant, column));
            }
        }
        prop_assert!(own_grant.may_give(&catalogue, READ.0, &own_grant), "what one has oneself can be given");
    }
}

fn plain(reach: &str, hides: &[(&str, &str, Mode)]) -> Grant {
    let mut policy = Policy::default();
    for (resource, column, mode) in hides {
        policy.restrict(resource, column, *mode);
    }
    Grant { reach: reach.parse().unwrap(), lists: BTreeMap::new(), policy: Arc::new(policy) }
}

fn mode(grants: &[Grant], center: CenterId) -> Mode {
    let team = BTreeSet::from([UserId(2)]);
    let columns = access(grants, &team).columns(READ, Seat { user: ME, home: HOME, center }, &LEADS);
    columns.iter().find(|(column, _)| column.name == "phone").map_or(Mode::Hide, |(_, mode)| *mode)
}

#[test]
fn a_wider_grant_shows_and_a_narrower_does_not() {
    let hides: &[_] = &[("leads", "phone", Mode::Hide)];
    assert_eq!(mode(&[plain("own", hides), plain("center", &[])], HOME), Mode::Show);
    assert_eq!(mode(&[plain("own", &[]), plain("center", hides)], HOME), Mode::Hide);
    // A workgroup of nobody is no wider than a team, whatever its place among scopes.
    assert_eq!(mode(&[plain("team", hides), plain("group", &[])], HOME), Mode::Hide);
    // At home a centre is all there is; abroad it is nothing.
    assert_eq!(mode(&[plain("all", hides), plain("center", &[])], HOME), Mode::Show);
    assert_eq!(mode(&[plain("all", hides), plain("center", &[])], ABROAD), Mode::Hide);
    assert_eq!(mode(&[plain("all", &[]), plain("center", hides)], ABROAD), Mode::Show);
    // A grant that reaches nothing hides nothing of the others' rows, and shows nothing by itself.
    assert_eq!(mode(&[plain("list", hides), plain("own", &[])], HOME), Mode::Show);
    assert_eq!(mode(&[plain("list", hides)], HOME), Mode::Hide);
    assert_eq!(mode(&[plain("list", &[]), plain("own", hides)], HOME), Mode::Hide);
    assert_eq!(mode(&[plain("center", &[("leads", "phone", Mode::Mask)]), plain("center", hides)], HOME), Mode::Mask);
}

#[test]
fn what_is_hidden_of_a_resource_is_hidden_wherever_its_right_leads() {
    let access = access(&[plain("all", &[("leads", "phone", Mode::Hide), ("leads_archive", "id", Mode::Mask)])], &BTreeSet::new());
    let seat = Seat { user: ME, home: HOME, center: HOME };
    let names = |resource| -> Vec<_> { access.columns(READ, seat, resource).iter().map(|(column, mode)| (column.name, *mode)).collect() };
    assert_eq!(names(&LEADS), [("id", Mode::Show), ("note", Mode::Show)]);
    assert_eq!(names(&LEADS_ARCHIVE), [("id", Mode::Mask)]);
}

/// Each row: policies, and how a column is seen that tells by another name what `leads.phone` tells.
#[test]
fn what_tells_the_same_by_another_name_is_seen_no_more() {
    for (policies, wanted) in [
        (&[][..], Mode::Show),
        (&[("leads", "phone", Mode::Mask)][..], Mode::Mask),
        (&[("leads", "phone", Mode::Hide)], Mode::Hide),
        (&[("leads", "phone", Mode::Mask), ("leads_archive", "called", Mode::Hide)], Mode::Hide),
        (&[("leads_archive", "called", Mode::Mask)], Mode::Mask),
        // The archive's own phone is not what it is like.
        (&[("leads_archive", "phone", Mode::Hide)], Mode::Show),
    ] {
        let access = access(&[plain("all", policies)], &BTreeSet::new());
        let columns = access.columns(READ, Seat { user: ME, home: HOME, center: HOME }, &LEADS_ARCHIVE);
        let mode = columns.iter().find(|(column, _)| column.name == "called").map_or(Mode::Hide, |(_, mode)| *mode);
        assert_eq!(mode, wanted, "{policies:?}");
    }
}

#[test]
fn many_parts_are_as_few_as_they_can_be() {
    let grants = [plain("own", &[]), plain("team", &[]), plain("group", &[]), plain("list", &[])];
    let rule = access(&grants, &BTreeSet::from([UserId(2)])).rows(READ, Seat { user: ME, home: HOME, center: HOME }).unwrap();
    assert_eq!(rule.any_of.len(), 1);
    let grants = [plain("list", &[])];
    let rule = access(&grants, &BTreeSet::new()).rows(READ, Seat { user: ME, home: HOME, center: HOME }).unwrap();
    assert!(rule.any_of.is_empty(), "narrowed without any list, nothing is reached");
    assert!(access(&[], &BTreeSet::new()).rows(READ, Seat { user: ME, home: HOME, center: HOME }).is_none());
}

#[test]
fn a_catalogue_that_contradicts_itself_is_refused() {
    let said = |parts: &[Part]| Catalogue::new(parts).unwrap_err().to_string();
    assert!(said(&[own(&[], &[]), PART, PART]).contains("leads.read is there twice"));
    assert!(said(&[Part { permissions: &[], ..PART }]).contains("the unknown permission leads.read"));
    const TWICE: Part = Part { resources: &[&LEADS, &LEADS], ..PART };
    assert!(said(&[TWICE]).contains("leads is there twice"));
    const PHONES: &[Column] =
        &[Column::new("id", "t.id", ColumnKind::Id, ""), Column::new("phone", "t.phone", ColumnKind::Text, "").like(&["fax"])];
    static UNLIKE: Resource = Resource { columns: PHONES, ..LEADS_COPY };
    const STRANGE: Part = Part { permissions: PART.permissions, resources: &[&LEADS, &UNLIKE], events: &[] };
    assert!(said(&[STRANGE]).contains(".phone is to be seen like fax, which is not there"));
    static WORDS: Resource = Resource { from: "", owner: Owner::Anybody, ..LEADS_COPY };
    const IN_MEMORY: Part = Part { permissions: PART.permissions, resources: &[&LEADS, &WORDS], events: &[] };
    assert!(said(&[IN_MEMORY]).contains("in memory and anybody's"));
    let telling = |events: &'static [EventKind]| said(&[Part { events, ..PART }]);
    const TOLD: EventKind = EventKind { kind: "lead.new", right: READ, resource: "leads", about: "" };
    assert!(Catalogue::new(&[Part { events: &[TOLD], ..PART }]).is_ok());
    assert!(telling(&[TOLD, TOLD]).contains("the event lead.new is there twice"));
    assert!(telling(&[EventKind { kind: "*", ..TOLD }]).contains("the event * is not written subject.what"));
    assert!(telling(&[EventKind { kind: "ping", ..TOLD }]).contains("the event ping is not written"));
    assert!(telling(&[EventKind { right: Action("leads.see"), ..TOLD }]).contains("the unknown permission leads.see"));
    assert!(telling(&[EventKind { resource: "lead", ..TOLD }]).contains("the unknown resource lead"));
}
