//! A lead whose own people have spoken with them for the first time: the program says so, by the record of the call.

use std::collections::BTreeSet;

use model::{Actor, CenterId, RowNews, UserId, WallTime};
use office::OfficeError;
use store::{
    audit::{self, Diff, Entry},
    sql::Tx,
};

use super::{
    LEADS,
    news::{UPDATED, news},
    rows::{lock, owners, tell_by, write},
};
use crate::{
    can,
    core::{
        lead::{LEAD, LeadEvent},
        machine::Who,
    },
};

/// These people have spoken with a lead: if it is theirs, and it was not known to be contacted, it is from now on. Gives what is told of it. A
/// lead that is gone is as none.
pub(crate) async fn contacted(
    tx: &mut Tx,
    (center, lead): (CenterId, i64),
    by: &BTreeSet<UserId>,
    now: WallTime,
) -> Result<Vec<RowNews>, OfficeError> {
    let old = match lock(tx, center, lead).await {
        Err(OfficeError::NotFound(_)) => return Ok(vec![]),
        found => found?,
    };
    let before = owners(tx, lead).await?;
    if before.is_disjoint(by) {
        return Ok(vec![]);
    }
    // It asks for nothing, so all that can stand against it is where the lead stands.
    let Ok(row) = LEAD.step(old.state()?, LeadEvent::Contact, Who::System, |_| true) else { return Ok(vec![]) };
    let mut new = old.clone();
    new.version += 1;
    row.to.code().clone_into(&mut new.status);
    write(tx, lead, &old, &new, now).await?;
    let actor = Actor::system(center, "calls");
    tell_by(tx, &actor, (lead, &new), row.event.code(), (Some(&old.status), Some(&new.status)), now).await?;
    let told = news(tx, center, (lead, &new), (UPDATED, &before), now).await?;
    let diff = Diff::between(&old.picture(), &new.picture());
    audit::append(tx, now, &actor, &[Entry::change(can::LEADS_UPDATE.0, LEADS.name, lead, diff)]).await?;
    Ok(told)
}
