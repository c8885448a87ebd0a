//! What calls by carriers need beside the plan: how many there are (R2), where they come from, by what of ours they leave, and by what we
//! are known there.

mod accounts;
mod caps;
mod identity;
mod incoming;
mod outward;
mod said;
mod sources;

use std::time::Instant;

use model::{CallId, CarrierId, Directory, carrier::CarrierEntry, carrier::Standing};
use sip_core::{LocateError, Located, LookupId, Target};

use self::{accounts::Accounts, outward::Outwards, sources::Sources};
pub(crate) use self::{
    caps::{Caps, Refused, Side},
    identity::{Outgoing, withholds},
    outward::{name_of, place_of},
    said::Said,
};
use crate::core::Core;

/// The live side of all carriers.
#[derive(Debug, Default)]
pub(crate) struct Carriers {
    pub(crate) caps: Caps,
    accounts: Accounts,
    pub(crate) outwards: Outwards,
    pub(crate) sources: Sources,
}

/// Who waits for what a lookup brings.
#[derive(Debug, Clone)]
pub(crate) enum Waiting {
    /// A call that is to go there.
    Call(CallId),
    /// Calls that come from there: the addresses of a carrier's host.
    Source(sources::Seen),
}

impl Core {
    /// How a carrier stands now. One that is not there is left out by whoever asks.
    pub(crate) fn standing(&self, now: Instant, carrier: CarrierId) -> Standing {
        self.directory.plan().carrier(carrier).map_or(Standing::Up, |entry| self.carriers.caps.standing(now, entry))
    }

    /// Carriers have changed. Calls that are up go on, also those of a carrier that is gone.
    pub(crate) fn follow_carriers(&mut self, now: Instant, directory: &Directory) {
        let plan = directory.plan();
        self.carriers.caps.follow(plan);
        self.carriers.accounts.follow(plan);
        self.carriers.accounts.tidy(&mut self.endpoint, &self.carriers.caps);
        self.carriers.sources.follow(now, plan);
        self.look_for_sources(now);
    }

    /// The account by which a carrier knows us, if it knows us by one.
    pub(crate) fn account_with(&mut self, entry: &CarrierEntry) -> Option<sip_core::AccountId> {
        self.carriers.accounts.of(&mut self.endpoint, entry)
    }

    /// A call has no part in a carrier's lines any more.
    pub(crate) fn leave_carriers(&mut self, call: CallId) {
        if self.carriers.caps.release(call) {
            self.carriers.accounts.tidy(&mut self.endpoint, &self.carriers.caps);
        }
    }

    /// Finds out where a place is; if that takes time, `waiting` is told.
    pub(crate) fn locate(&mut self, now: Instant, place: sip_core::Place, waiting: Waiting) -> Result<Located, LocateError> {
        let located = self.locator.locate(now, place)?;
        if let Located::Later(lookup) = located {
            self.lookups.insert(lookup, waiting);
        }
        Ok(located)
    }

    /// Nobody wants to know any more.
    pub(crate) fn stop_locating(&mut self, lookup: LookupId) {
        self.lookups.remove(&lookup);
        self.locator.cancel(lookup);
    }

    /// Asks for the addresses of hosts whose time has come.
    pub(crate) fn look_for_sources(&mut self, now: Instant) {
        while let Some((seen, place)) = self.carriers.sources.due(now) {
            match self.locate(now, place, Waiting::Source(seen.clone())) {
                Ok(Located::Now(targets)) => self.source_found(&seen, &targets),
                Ok(Located::Later(_)) | Err(_) => {}
            }
        }
    }

    /// The addresses of a carrier's host. Until there are others, the last ones are good.
    pub(crate) fn source_found(&mut self, seen: &sources::Seen, targets: &[Target]) {
        self.carriers.sources.found(seen, targets);
    }
}
