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
    retired: Vec<(CarrierId, AccountId)>,
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
            self.retired.push((carrier, *id));
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
                retired.push((*carrier, *id));
            }
            stays
        });
    }

    /// Forgets what was retired, once its carrier has no calls and it is not registered any more.
    pub(super) fn tidy(&mut self, endpoint: &mut Endpoint, caps: &Caps, enrolments: &Enrolments) {
        if self.retired.is_empty() {
            return;
        }
        let needed = enrolments.accounts();
        self.retired.retain(|(carrier, id)| {
            let is_needed = caps.calls(*carrier) > 0 || needed.contains(id);
            if !is_needed {
                endpoint.remove_account(*id);
            }
            is_needed
        });
    }
}

fn account(account: &carrier::Account) -> Option<Account> {
    let secret = account.password.as_ref()?.reveal().to_owned();
    let realm = (!account.realm.is_empty()).then(|| account.realm.clone());
    Some(Account { username: account.username.clone(), secret, realm })
}
