//! Many accounts at once.

use std::sync::Arc;

use serde_json::json;
use tokio::sync::watch;

use super::*;
use crate::{
    bulk::{BulkOrder, BulkRows},
    jobs::{Clock, Runner, RunnerOptions},
    rights::can,
};

#[tokio::test]
async fn accounts_are_disabled_enabled_and_logged_out_together() {
    on_both(async |house| {
        let mut sessions = Vec::new();
        for name in ["boris", "clara"] {
            let new = NewUser { roles: vec!["operator".to_owned()], ..new_user(name) };
            house.office.add_user_as_system("test", HOME, new, at(0)).await.unwrap();
        }
        for name in ["anna", "boris", "clara"] {
            let session = house.log_in(name, 0).await;
            assert!(matches!(house.find(&session, 0).await, Found::Person(_)));
            sessions.push(session);
        }
        let clock: Clock = Arc::new(|| at(1));
        let (stop, stopped) = watch::channel(false);
        let runner =
            tokio::spawn(Runner::new(house.office.clone(), clock, RunnerOptions { workers: 1, seed: 1, node: 1, sole: true }).run(stopped));
        let permit = house.permit("root", can::USERS_BULK, 0).await;
        let run = async |action: &str, rows: BulkRows| {
            let mut news = house.office.job_news();
            let order = BulkOrder { resource: "users".to_owned(), action: action.to_owned(), rows, values: Value::Null, dry_run: false };
            let started = house.office.start_bulk(&permit, order, at(1)).await.unwrap();
            let done = async {
                while {
                    let news = news.recv().await.unwrap();
                    Some(news.id) != started.job || news.state.as_str() != "done"
                } {}
            };
            tokio::time::timeout(std::time::Duration::from_secs(60), done).await.unwrap();
            started.count
        };
        let all = || BulkRows::Filter { filter: json!({}), search: None };
        let annas = || BulkRows::Ids(vec![house.anna.0]);
        assert_eq!(run("logout", annas()).await, 1);
        assert!(
            matches!(house.find(&sessions[0], 1).await, Found::Nobody) && matches!(house.find(&sessions[1], 1).await, Found::Person(_))
        );
        assert_eq!(run("disable", all()).await, 4);
        for session in &sessions {
            assert_eq!(house.stored(session.user).await.state, "disabled");
            assert!(matches!(house.find(session, 1).await, Found::Nobody), "at once");
        }
        assert_eq!(house.stored(house.root).await.state, "active", "one does not disable oneself so");
        run("enable", annas()).await;
        assert_eq!(house.stored(house.anna).await.state, "active");
        let changes = house.audit().await.into_iter().filter(|entry| entry.action == "users.update" && entry.actor_name == "root");
        assert_eq!(changes.count(), 4);
        stop.send_replace(true);
        runner.await.unwrap();
    })
    .await;
}
