#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests")]

use std::sync::{
    Arc, Mutex,
    atomic::{AtomicI64, Ordering},
};

use office::Principal;

use super::*;
use crate::{
    core::lead::LeadEvent,
    leads::{LeadChange, NewLead},
    testing::{House, NOW, leave, on_both},
};

/// A reminder whose clock stands where it is put, and whom it has reminded of what.
struct Desk {
    at: Arc<AtomicI64>,
    told: Arc<Mutex<Vec<RowNews>>>,
    reminder: Reminder,
}

impl Desk {
    fn new(house: &House) -> Self {
        let at = Arc::new(AtomicI64::new(NOW.0));
        let clock: Clock = Arc::new({
            let at = Arc::clone(&at);
            move || WallTime(at.load(Ordering::SeqCst))
        });
        Self { reminder: Reminder::new(house.crm.clone(), clock), at, told: house.hears() }
    }

    /// What is told at this time, in milliseconds from the start.
    async fn at(&mut self, ms: i64) -> Vec<String> {
        self.at.store(NOW.0 + ms, Ordering::SeqCst);
        self.reminder.turn().await;
        let told = std::mem::take(&mut *self.told.lock().unwrap());
        told.into_iter().filter(|news| news.kind == "lead.reminder").map(|news| news.id).collect()
    }
}

async fn lead(house: &House, who: &Principal, at: Option<i64>) -> i64 {
    let lead = LeadChange { client_name: Some("Olga".to_owned()), next_action_at: Some(at.map(later)), ..LeadChange::default() };
    house.crm.create_lead(&leave(who, can::LEADS_CREATE), &NewLead { status: None, lead }, NOW).await.unwrap()
}

fn later(ms: i64) -> WallTime {
    WallTime(NOW.0 + ms)
}

async fn put(house: &House, who: &Principal, (id, version): (i64, i64), at: Option<i64>) {
    let change = LeadChange { next_action_at: Some(at.map(later)), ..LeadChange::default() };
    house.crm.update_lead(&leave(who, can::LEADS_UPDATE), id, version, &change, NOW).await.unwrap();
}

#[tokio::test]
async fn never_before_and_once() {
    on_both(async |house: House| {
        let sara = house.with_role("sara", "seller").await;
        let old = lead(&house, &sara, Some(5_000)).await;
        let mut desk = Desk::new(&house);
        assert_eq!(desk.at(0).await, Vec::<String>::new());
        // Made while it runs, ahead of the other.
        let new = lead(&house, &sara, Some(2_000)).await;
        assert_eq!(desk.at(1_999).await, Vec::<String>::new());
        assert_eq!(desk.at(2_000).await, [new.to_string()]);
        assert_eq!(desk.at(5_000).await, [old.to_string()]);
        // Not by a clock that goes back, nor by the next start.
        assert_eq!((desk.at(0).await, desk.at(600_000).await), (vec![], vec![]));
        assert_eq!(Desk::new(&house).at(600_000).await, Vec::<String>::new());
        // Another time is another reminder; the same one said again is none.
        let told = Desk::new(&house).at(0).await;
        assert_eq!(told, Vec::<String>::new());
        let change = LeadChange { client_name: Some("Olga P".to_owned()), ..LeadChange::default() };
        house.crm.update_lead(&leave(&sara, can::LEADS_UPDATE), old, 1, &change, NOW).await.unwrap();
        assert_eq!(desk.at(700_000).await, Vec::<String>::new());
        put(&house, &sara, (old, 2), Some(800_000)).await;
        assert_eq!((desk.at(799_999).await, desk.at(800_000).await), (vec![], vec![old.to_string()]));
    })
    .await;
}

#[tokio::test]
async fn what_was_changed_meanwhile_is_not_told() {
    on_both(async |house: House| {
        let sara = house.with_role("sara", "seller").await;
        let (moved, cleared) = (lead(&house, &sara, Some(1_000)).await, lead(&house, &sara, Some(1_000)).await);
        let (lost, gone) = (lead(&house, &sara, Some(1_000)).await, lead(&house, &sara, Some(1_000)).await);
        let mut desk = Desk::new(&house);
        assert_eq!(desk.at(0).await, Vec::<String>::new());
        put(&house, &sara, (moved, 1), Some(3_000)).await;
        put(&house, &sara, (cleared, 1), None).await;
        house.crm.lead_event(&leave(&sara, can::LEADS_READ), (lost, 1), LeadEvent::Lose, Some("dear"), NOW).await.unwrap();
        house.crm.delete_lead(&leave(&sara, can::LEADS_DELETE), gone, NOW).await.unwrap();
        assert_eq!((desk.at(2_999).await, desk.at(3_000).await), (vec![], vec![moved.to_string()]));
    })
    .await;
}

/// What was due while nobody was there is told by the next start, to those alone whose lead it is.
#[tokio::test]
async fn a_start_makes_up_for_what_was_due() {
    on_both(async |house: House| {
        let sara = house.with_role("sara", "seller").await;
        let id = lead(&house, &sara, Some(1_000)).await;
        let mut desk = Desk::new(&house);
        desk.at.store(NOW.0 + 3_600_000, Ordering::SeqCst);
        desk.reminder.turn().await;
        let news = desk.told.lock().unwrap().remove(0);
        assert_eq!((news.kind, news.resource, news.id.as_str()), ("lead.reminder", "leads", id.to_string().as_str()));
        assert_eq!(news.gates, [Gate { action: can::LEADS_READ, users: [sara.user()].into(), lists: vec![] }]);
        let row = news.row.unwrap();
        // With which client it became is not told: not everybody sees that client.
        let columns: BTreeSet<&str> = LEADS.columns.iter().map(|column| column.name).filter(|name| *name != "client_id").collect();
        assert_eq!(row.keys().map(String::as_str).collect::<BTreeSet<_>>(), columns, "the row has the columns of its list");
        assert_eq!(row["next_action_at"], json!(NOW.0 + 1_000));
        // More changes than wait to be looked at: all is read anew.
        let next = lead(&house, &sara, Some(3_700_000)).await;
        (0..=CHANGES_MAX).for_each(|_| house.crm.lead_changed(id));
        assert_eq!((desk.at(3_699_999).await, desk.at(3_700_000).await), (vec![], vec![next.to_string()]));
    })
    .await;
}
