//! The seeds' own form of roles, in and out.

use std::collections::BTreeSet;

use expect_test::expect;
use proptest::{collection, prelude::*, sample::select};
use serde_json::{Map, Value, json};

use super::{
    super::{
        NewRole, PermissionItem, ROLES, can,
        catalogue::{Catalogue, own},
        seed::{SEEDS, everything},
        shape::{Form, items},
    },
    House, NOW, faults, is_conflict, on_both, texts, thing,
};
use crate::{Conflict, OfficeError, Permit, rights::RoleChange};

fn catalogue() -> Catalogue {
    Catalogue::new(&[own(&[], &[])]).unwrap()
}

fn map(value: Value) -> Map<String, Value> {
    if let Value::Object(map) = value { map } else { panic!("{value}") }
}

/// What a shape comes to for a role, as text.
fn read(role: &str, shape: Value) -> String {
    let catalogue = catalogue();
    let said = Form::of(&catalogue, role).read(&map(shape));
    let items: Vec<String> = said.items.iter().map(PermissionItem::text).collect();
    let faults: Vec<String> = said.faults.iter().map(|fault| fault.field.clone()).collect();
    format!("{}\nnot applied: {}\nfaults: {}\n", items.join(" "), said.not_applied.join(" "), faults.join(" "))
}

#[test]
fn the_seeds_own_texts_are_read() {
    // S004-65
    assert!(read("admin", json!({"all": true})).contains("system.restart@all"));
    // S004-66…76
    let admin = json!({
        "users": ["create", "read", "update", "delete"], "roles": ["create", "read", "update", "delete"],
        "slots": ["create", "read", "update", "delete", "admin"], "trunks": ["create", "read", "update", "delete"],
        "calls": ["read", "monitor", "record"], "archonts": ["create", "read", "update", "delete"],
        "system": ["configure", "monitor", "restart"], "crm": ["read", "write", "admin"], "reports": ["read", "generate"],
        "pipelines": ["run", "stop", "create"], "guacamole": {"protocols": "all", "max_connections": null}
    });
    expect![[r#"
        calls.monitor@all calls.read@all calls.record@all roles.create@all roles.delete@all roles.read@all roles.update@all slots.admin@all slots.create@all slots.delete@all slots.read@all slots.update@all system.configure@all system.monitor@all system.restart@all trunks.create@all trunks.delete@all trunks.read@all trunks.update@all users.create@all users.delete@all users.read@all users.update@all
        not applied: archonts crm guacamole pipelines reports
        faults: 
    "#]]
    .assert_eq(&read("admin", admin));
    // S004-79
    let operator =
        json!({"calls": true, "slots": true, "crm": ["read", "write"], "notes": ["create", "read"], "guacamole": {"max_connections": 5}});
    expect![[r#"
        calls.end@own calls.read@own calls.start@own slots.read@center slots.use@own
        not applied: crm guacamole notes
        faults: 
    "#]]
    .assert_eq(&read("operator", operator));
    // S004-84
    let seller = json!({"crm": true, "leads": true, "calls": ["read"], "notes": ["create", "read", "update"]});
    expect![[r#"
        calls.read@own
        not applied: crm leads notes
        faults: 
    "#]]
    .assert_eq(&read("seller", seller));
    // S004-90
    let supervisor = json!({"read": true, "report": true, "monitor": true, "calls": ["read", "monitor"], "users": ["read"], "slots": ["read", "monitor"], "crm": ["read"]});
    expect![[r#"
        calls.export@center calls.monitor@center calls.read@center events_log.export@center events_log.read@center exports.read@own jobs.export@center jobs.read@center monitor.read@center recordings.export@center recordings.read@center roles.export@center roles.read@center routes.read@center scenarios.read@center slots.export@center slots.monitor@center slots.read@center trunks.export@center trunks.monitor@center trunks.read@center users.export@center users.read@center webhooks.export@center webhooks.read@center
        not applied: crm
        faults: 
    "#]]
    .assert_eq(&read("supervisor", supervisor));
}

#[test]
fn verbs_are_read_by_the_table() {
    let cases = [
        // The role's own column says how far; elsewhere it is the centre, or what is nearest to it.
        ("operator", json!({"calls": ["read"]}), "calls.read@own\nnot applied: \nfaults: \n"),
        ("night", json!({"calls": ["read"]}), "calls.read@center\nnot applied: \nfaults: \n"),
        ("operator", json!({"calls": ["monitor"]}), "calls.monitor@center\nnot applied: \nfaults: \n"),
        ("night", json!({"system": ["monitor"], "profile": ["read"]}), "profile.read@own system.monitor@all\nnot applied: \nfaults: \n"),
        // A resource of its own, and not a verb of all.
        ("supervisor", json!({"monitor": ["read"]}), "monitor.read@center\nnot applied: \nfaults: \n"),
        ("night", json!({"users": ["write"]}), "users.create@center users.update@center\nnot applied: \nfaults: \n"),
        ("night", json!({"slots": ["admin"]}), "slots.admin@center\nnot applied: \nfaults: \n"),
        (
            "night",
            json!({"schedules": ["admin"]}),
            "schedules.create@center schedules.delete@center schedules.read@center schedules.update@center\nnot applied: \nfaults: \n",
        ),
        ("night", json!({"calls": ["read@own+list", "read@team"]}), "calls.read@own+list calls.read@team\nnot applied: \nfaults: \n"),
        ("night", json!({"calls": false, "all": false}), "\nnot applied: \nfaults: \n"),
        ("night", json!({"calls": ["fly", "read@own"]}), "calls.read@own\nnot applied: calls.fly\nfaults: \n"),
        // true is for roles that have a column.
        ("night", json!({"calls": true}), "\nnot applied: \nfaults: calls\n"),
        ("night", json!({"read": true}), "\nnot applied: \nfaults: read\n"),
        ("listener", json!({"calls": true}), "calls.read@list\nnot applied: \nfaults: \n"),
        ("listener", json!({"slots": true}), "\nnot applied: \nfaults: \n"),
        (
            "night",
            json!({"calls": ["read@far", 7, "trace@list"], "roles": "read", "trunks": ["read@own"]}),
            "calls.trace@list\nnot applied: \nfaults: calls[0] calls[1] roles trunks[0]\n",
        ),
    ];
    for (role, shape, wanted) in cases {
        assert_eq!(read(role, shape.clone()), wanted, "{role} {shape}");
    }
    // A module that is there is known by its area, and the rest of the area is told.
    let catalogue = Catalogue::new(&[own(&[], &[]), thing::PART]).unwrap();
    let said = Form::of(&catalogue, "seller").read(&map(json!({"crm": ["read", "write"], "leads": true})));
    let items: Vec<String> = said.items.iter().map(PermissionItem::text).collect();
    assert_eq!(items, ["leads.create@own", "leads.read@own", "leads.update@own"]);
    assert_eq!(said.not_applied, ["clients.read", "orders.read", "clients.write", "orders.write"]);
    assert_eq!(Form::of(&catalogue, "seller").read(&map(json!({"crm": true}))).items, said.items);
    let many: Map<String, Value> = (0..201).map(|number| (format!("area{number}"), true.into())).collect();
    assert_eq!(read("night", Value::Object(many)), "\nnot applied: \nfaults: \n");
    assert!(read("night", json!({"calls": vec!["read"; 101]})).contains("faults: calls\n"));
}

#[test]
fn every_seeded_role_comes_back_as_it_went() {
    let catalogue = catalogue();
    let mut shapes = Map::new();
    for seed in SEEDS {
        let form = Form::of(&catalogue, seed.code);
        let rights = items(seed.items(&catalogue));
        let shape = form.write(&rights);
        let said = form.read(&shape);
        assert_eq!(said.items, rights, "{}", seed.code);
        assert!(said.faults.is_empty() && said.not_applied.is_empty());
        // As another role's, with nothing understood by itself.
        let form = Form::of(&catalogue, "other");
        let shape_of_other = form.write(&rights);
        assert_eq!(form.read(&shape_of_other).items, rights, "{}", seed.code);
        shapes.insert(seed.code.to_owned(), Value::Object(shape));
        if seed.code == "supervisor" {
            shapes.insert("supervisor's as another's".to_owned(), Value::Object(shape_of_other));
        }
    }
    let lines: Vec<String> = shapes.iter().map(|(code, shape)| format!("{code} {shape}\n")).collect();
    expect![[r#"
        HelpDeskManager {"calls":true,"jobs":true,"recordings":true,"users":true}
        HelpDeskUser {"calls":true,"jobs":true,"recordings":true}
        SL3Manager {"calls":true,"jobs":true,"recordings":true,"users":true}
        SL3User {"calls":true,"jobs":true,"recordings":true}
        admin {"all":true}
        analyst {"calls":true,"exports":true,"jobs":true}
        client_admin {"audit_log":true,"calls":true,"exports":true,"jobs":true,"recordings":true,"roles":true,"scenarios":true,"users":true}
        listener {"calls":true,"jobs":true,"recordings":true}
        number_manager {"audit_log":true,"calls":true,"exports":true,"jobs":true}
        operator {"calls":true,"jobs":true,"recordings":true,"slots":true}
        seller {"calls":true,"jobs":true,"recordings":true}
        supervisor {"calls":true,"events_log":true,"exports":true,"jobs":true,"monitor":["read"],"recordings":true,"roles":true,"routes":true,"scenarios":true,"slots":true,"trunks":true,"users":true,"webhooks":true}
        supervisor's as another's {"calls":["export","monitor","read"],"events_log":["export","read"],"exports":["delete@own","read@own"],"jobs":["export","manage@own","read"],"monitor":["read"],"recordings":["download","export","listen","read"],"roles":["export","read"],"routes":["read"],"scenarios":["read"],"slots":["export","monitor","read"],"trunks":["export","monitor","read"],"users":["export","read"],"webhooks":["export","read"]}
        viewer {"calls":true,"jobs":true}
    "#]].assert_eq(&lines.concat());
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 512, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_rights_come_back_as_they_went(picks in collection::vec((any::<prop::sample::Index>(), any::<prop::sample::Index>()), 0..40), role in select(vec!["admin", "operator", "listener", "other"])) {
        let catalogue = catalogue();
        let known: Vec<_> = catalogue.permissions().collect();
        let rights: BTreeSet<PermissionItem> = picks.iter().map(|(permission, reach)| {
            let known = permission.get(&known);
            PermissionItem { permission: known.action.0.to_owned(), scope: *reach.get(&known.reaches.all()) }
        }).collect();
        let form = Form::of(&catalogue, role);
        let shape = form.write(&rights);
        let said = form.read(&shape);
        prop_assert_eq!(&said.items, &rights, "{}", serde_json::to_string(&shape).unwrap());
        prop_assert!(said.faults.is_empty() && said.not_applied.is_empty());
    }
}

impl House {
    async fn set_shape(&self, permit: &Permit, role: &str, shape: Value) -> Result<Vec<String>, OfficeError> {
        let id = self.role_id(role).await;
        let answer = self.office.set_role_shape(permit, id, self.version("role", id).await, &map(shape), NOW).await?;
        assert_eq!(answer.version, self.version("role", id).await);
        Ok(answer.not_applied)
    }
}

#[tokio::test]
async fn a_role_takes_a_shape() {
    on_both(async |house| {
        let admin = house.user("admin", &["admin"]).await;
        let permit = house.permit(admin, can::ROLES_UPDATE).await;
        let view = house.permit(admin, can::ROLES_READ).await.view(&ROLES);
        let operator = house.role_id("operator").await;
        let shape = async |id: i64| Value::Object(house.office.role_shape(&view, &id.to_string()).await.unwrap());
        assert_eq!(shape(1).await, json!({"all": true}));
        assert_eq!(shape(operator).await, json!({"calls": true, "jobs": true, "recordings": true, "slots": true}));

        let other = house.user("other", &["operator"]).await;
        let said =
            house.set_shape(&permit, "operator", json!({"calls": ["read", "monitor@own"], "slots": true, "guacamole": {}})).await.unwrap();
        assert_eq!(said, ["guacamole"]);
        assert_eq!(shape(operator).await, json!({"calls": ["monitor@own", "read"], "slots": true}));
        let person = house.person(other).await;
        assert!(person.permit(can::CALLS_MONITOR).is_some() && person.permit(can::CALLS_START).is_none());
        // The set that came with the program stays as it is for whoever else has it, and is there to go back to.
        let back = RoleChange { sets: Some(texts(&["operator"])), ..RoleChange::default() };
        house.office.update_role(&permit, operator, 2, &back, NOW).await.unwrap();
        assert_eq!(shape(operator).await, json!({"calls": true, "jobs": true, "recordings": true, "slots": true}));
        // The same again changes nothing.
        house.set_shape(&permit, "operator", json!({"calls": true, "jobs": true, "recordings": true, "slots": true})).await.unwrap();
        assert_eq!(house.version("role", operator).await, 3);
        // Its own set is used again, unless another role came to have it.
        house.set_shape(&permit, "operator", json!({"calls": ["read"]})).await.unwrap();
        let id = house.role("thief", &["calls.read@own"], NewRole::default()).await;
        let code = format!("role_{operator}");
        house.office.update_role(&permit, id, 1, &RoleChange { sets: Some(vec![code]), ..RoleChange::default() }, NOW).await.unwrap();
        let done = house.set_shape(&permit, "operator", json!({"calls": true})).await;
        is_conflict(&done, &Conflict::InUse(format!("the role thief, which has the permission set role_{operator} as well")));
        assert_eq!(faults(house.set_shape(&permit, "thief", json!({"calls": true})).await), ["invalid_field calls"]);
        // Everything, for a role that did not come with the program.
        house.role("boss", &[], NewRole::default()).await;
        house.set_shape(&permit, "boss", json!({"all": true})).await.unwrap();
        assert_eq!(shape(house.role_id("boss").await).await, json!({"all": true}));
        let boss = house.user("boss", &["boss"]).await;
        let access = house.office.access_of(boss).await.unwrap().1;
        assert_eq!(access.grants().count(), everything(house.office.catalogue()).len() + 2);
    })
    .await;
}
