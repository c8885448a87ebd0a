//! The accounts by which carriers know us, as the endpoint has them. Each answers challenges of its own carrier alone (B-56).

use std::collections::BTreeMap;

use model::{CarrierId, carrier, route::Plan};
use sip_core::{Account, AccountId, Endpoint};

use super::{Caps, Enrolments};

/// Accounts that are in use, by carrier and user name.
#[derive(Debug, Default)]
pub(super) struct Accounts {
    used: BTreeMap<(CarrierId, String), (Account, AccountId)>,
    /// Those that have changed or are gone: calls that began with them may still be asked who they are (a BYE, a new
    /// offer), and so may the REGISTER by which one leaves.
    retired: BTreeMap<CarrierId, Vec<AccountId>>,
}

impl Accounts {
    /// The endpoint's name of a carrier's account. None if the endpoint has no room, or the account no password.
    pub(super) fn of(&mut self, endpoint: &mut Endpoint, carrier: CarrierId, wanted: &carrier::Account) -> Option<AccountId> {
        let wanted = account(wanted)?;
        let key = (carrier, wanted.username.clone());
        if let Some((known, id)) = self.used.get(&key) {
            if *known == wanted {
                return Some(*id);
            }
            self.retired.entry(carrier).or_default().push(*id);
            self.used.remove(&key);
        }
        let id = endpoint.add_account(wanted.clone())?;
        self.used.insert(key, (wanted, id));
        Some(id)
    }

    /// Retires what the plan does not have any more, or has otherwise.
    pub(super) fn follow(&mut self, plan: &Plan) {
        let Self { used, retired } = self;
        used.retain(|(carrier, username), (known, id)| {
            let entry = plan.carrier(*carrier);
            let now = entry.and_then(|entry| entry.carrier.accounts.iter().find(|account| account.username == *username));
            let stays = now.and_then(account).as_ref() == Some(known);
            if !stays {
                retired.entry(*carrier).or_default().push(*id);
            }
            stays
        });
    }

    /// The carriers that have accounts of which nobody knows yet whether they can be forgotten.
    pub(super) fn with_retired(&self) -> impl Iterator<Item = CarrierId> {
        self.retired.keys().copied()
    }

    /// Forgets what was retired of a carrier, once that has no calls and it is not registered any more.
    pub(super) fn tidy(&mut self, endpoint: &mut Endpoint, caps: &Caps, enrolments: &Enrolments, carrier: CarrierId) {
        let Some(retired) = self.retired.get_mut(&carrier).filter(|_| caps.calls(carrier) == 0) else { return };
        let needed = enrolments.accounts(carrier);
        retired.retain(|id| {
            let is_needed = needed.contains(id);
            if !is_needed {
                endpoint.remove_account(*id);
            }
            is_needed
        });
        if retired.is_empty() {
            self.retired.remove(&carrier);
        }
    }
}

fn account(account: &carrier::Account) -> Option<Account> {
    let secret = account.password.as_ref()?.reveal().to_owned();
    let realm = (!account.realm.is_empty()).then(|| account.realm.clone());
    Some(Account { username: account.username.clone(), secret, realm })
}
