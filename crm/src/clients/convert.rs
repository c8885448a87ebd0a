//! A lead becomes a client.

use model::{RowNews, WallTime};
use office::{OfficeError, Permit};
use store::{
    audit::{Diff, Entry},
    binds,
    sql::Tx,
    statements,
};

use super::{
    CLIENTS,
    rows::{ClientRow, Phone, hold_of_number, insert, news},
};
use crate::{can, leads::LeadRow};

statements! {
    // Calls of the lead are the client's as well, if they are no other's.
    LINK_CALLS: both "UPDATE call_links SET client_id = $3 WHERE center_id = $1 AND lead_id = $2 AND client_id IS NULL";
}

/// The client that a lead becomes: the one that has its number, else one that is made of it, its seller's. For the caller to tell, and to write
/// into the audit log.
pub(crate) async fn of_lead(
    tx: &mut Tx,
    permit: &Permit,
    (lead, row): (i64, &LeadRow),
    now: WallTime,
) -> Result<(i64, Vec<RowNews>, Vec<Entry>), OfficeError> {
    let center = permit.rows().center;
    let known = match &row.phone {
        Some(phone) => hold_of_number(tx, center, phone).await?,
        None => None,
    };
    let (client, told, entries) = match known {
        Some(client) => (client, Vec::new(), Vec::new()),
        None => {
            let mut made = ClientRow {
                kind: "person".to_owned(),
                first_name: Some(row.client_name.clone()).filter(|name| !name.is_empty()),
                email: row.email.clone(),
                phones: "[]".to_owned(),
                owner_user_id: row.assigned_seller,
                version: 1,
                created_at: now.0,
                created_by: permit.actor().user().map(|user| user.0),
                ..ClientRow::default()
            };
            if let Some(number) = row.phone.clone() {
                made.set_phones(&[Phone { number, kind: "other".to_owned(), primary: true }]);
            }
            let id = insert(tx, permit, &made, now).await?;
            let told = news(tx, center, id, None, Some((&made, now))).await?;
            let entry = Entry::change(can::CLIENTS_CREATE.0, CLIENTS.name, id, Diff::created(&made.picture()));
            (id, told, vec![entry])
        }
    };
    tx.run(LINK_CALLS, binds![center, lead, client]).await?;
    Ok((client, told, entries))
}
