//! What is told of carriers: how they stand, without their passwords.

use std::{sync::Arc, time::Instant};

use model::{
    AccountState, CarrierAccountView, CarrierHostView, CarrierId, CarrierView, Directory, Event,
    carrier::{Account, CarrierEntry, Standing},
};

use super::enrolment::Shown;
use crate::core::Core;

impl Core {
    /// All carriers as they are now, by id.
    pub(crate) fn carrier_views(&self, now: Instant) -> Vec<CarrierView> {
        self.directory.plan().carriers().map(|entry| self.carrier_view(now, entry)).collect()
    }

    /// What is to be told of the carriers that this directory has no more.
    pub(crate) fn carriers_gone(&self, directory: &Directory) -> Vec<Event> {
        let gone = self.directory.plan().carriers().filter(|entry| directory.plan().carrier(entry.id).is_none());
        gone.map(|entry| Event::CarrierRemoved { carrier: entry.id, center: entry.center }).collect()
    }

    /// Carriers that are new in this directory, or have other settings there, are to be told of: who shows them shows what they are now.
    pub(crate) fn note_changed_carriers(&mut self, directory: &Directory) {
        let (before, after) = (self.directory.plan(), directory.plan());
        if Arc::ptr_eq(before, after) {
            return;
        }
        let is_changed = |entry: &&CarrierEntry| before.carrier(entry.id) != Some(*entry);
        self.carriers.changed.extend(after.carriers().filter(is_changed).map(|entry| entry.id));
    }

    /// How each carrier stands now; one that is switched off is down.
    pub(crate) fn standings(&self, now: Instant) -> impl Iterator<Item = (CarrierId, Standing)> {
        let stands = move |entry: &CarrierEntry| if entry.carrier.on { self.standing(now, entry.id) } else { Standing::Down };
        self.directory.plan().carriers().map(move |entry| (entry.id, stands(entry)))
    }

    /// Tells of the carriers that have changed.
    pub(crate) fn tell_carriers(&mut self, now: Instant) {
        if self.carriers.changed.is_empty() {
            return;
        }
        let changed = std::mem::take(&mut self.carriers.changed);
        let directory = Arc::clone(&self.directory);
        for entry in changed.into_iter().filter_map(|carrier| directory.plan().carrier(carrier)) {
            let view = self.carrier_view(now, entry);
            self.event(Event::CarrierUpdated(view));
        }
    }

    fn carrier_view(&self, now: Instant, entry: &CarrierEntry) -> CarrierView {
        let (carrier, calls) = (&entry.carrier, self.carriers.caps.calls(entry.id));
        let host = |host: &model::carrier::Host| {
            let host = host.to_string();
            CarrierHostView {
                up: self.carriers.health.is_up(entry.id, &host),
                last_error: self.carriers.health.trouble(entry.id, &host),
                host,
            }
        };
        CarrierView {
            id: entry.id,
            center: entry.center,
            name: carrier.name.clone(),
            on: carrier.on,
            standing: if carrier.on { self.standing(now, entry.id) } else { Standing::Down },
            since: self.carriers.since.get(&entry.id).map(|(_, since)| self.clock.wall(*since)),
            calls: u32::try_from(calls).unwrap_or(u32::MAX),
            accounts: carrier.accounts.iter().map(|account| self.account_view(now, entry, account)).collect(),
            hosts: carrier.hosts.iter().map(host).collect(),
        }
    }

    fn account_view(&self, now: Instant, entry: &CarrierEntry, account: &Account) -> CarrierAccountView {
        let shown = self.carriers.enrolments.shown(now, entry.id, &account.username);
        let wall = |at: Option<Instant>| at.map(|at| self.clock.wall(at));
        let username = account.username.clone();
        match shown {
            Some(Shown { state, until, next, error }) => {
                CarrierAccountView { username, state, expires_at: wall(until), next_at: wall(next), last_error: error }
            }
            None => CarrierAccountView { username, state: AccountState::Off, expires_at: None, next_at: None, last_error: None },
        }
    }
}
