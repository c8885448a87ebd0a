//! The caller numbers of slots: an administrator chooses among those that the centre's carriers have verified for it, and nobody else does (R8).

use std::collections::BTreeSet;

use model::{CenterId, Number, SlotId};
use store::Routes;

use crate::{Fault, Office, OfficeError, Permit, TRUNKS, can, carriers::shows_settings};

/// By which number a slot calls the world.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SlotCaller {
    /// What it was given; none: each carrier is shown the first number that it has verified for the centre.
    pub number: Option<Number>,
    /// Whether some carrier still has that number verified for the centre. While none has, the slot calls as if it had no number.
    pub is_verified: bool,
    /// What it can be given, at most [`SlotCaller::CHOICES_MAX`]; none for who may not see the settings of carriers.
    pub choices: Option<Vec<Number>>,
}

impl SlotCaller {
    /// The most numbers that are offered. Others can be given, too.
    pub const CHOICES_MAX: usize = 1_000;
}

impl Office {
    /// By which number a slot calls the world.
    ///
    /// # Errors
    /// [`OfficeError::NotFound`].
    pub async fn slot_caller(&self, permit: &Permit, slot: SlotId) -> Result<SlotCaller, OfficeError> {
        permit.must_be(can::SLOTS_UPDATE)?;
        let entry = self.slot(permit, slot).await?.ok_or(OfficeError::NotFound("slot"))?;
        let verified = self.verified_callers(permit.rows().center).await?;
        Ok(told(permit, entry.caller, &verified))
    }

    /// Gives a slot a number to call the world by, or takes it away.
    ///
    /// # Errors
    /// [`OfficeError::NotFound`], [`OfficeError::Invalid`] for a number that no carrier has verified for the slot's centre.
    pub async fn set_slot_caller(&self, permit: &Permit, slot: SlotId, number: Option<Number>) -> Result<SlotCaller, OfficeError> {
        permit.must_be(can::SLOTS_UPDATE)?;
        let verified = self.verified_callers(permit.rows().center).await?;
        if number.as_ref().is_some_and(|number| !verified.contains(number)) {
            let told = "no carrier has this number verified for the slot's center: enter it at the carrier first, as +74951234567";
            return Err(OfficeError::Invalid(vec![Fault::invalid("number", told)]));
        }
        // A carrier that loses the number from here on is nobody's harm: it is looked for anew at each call.
        self.store().set_slot_caller(permit.actor(), slot, number.as_ref()).await?;
        Ok(told(permit, number, &verified))
    }

    /// What the carriers that a centre can use have verified for it.
    async fn verified_callers(&self, center: CenterId) -> Result<BTreeSet<Number>, OfficeError> {
        let planned = self.store().plan_of(center, Routes::None).await?;
        let callers = planned.plan.carriers().flat_map(|entry| &entry.carrier.callers);
        Ok(callers.map(|caller| caller.number.clone()).collect())
    }
}

fn told(permit: &Permit, number: Option<Number>, verified: &BTreeSet<Number>) -> SlotCaller {
    let sees = permit.principal().permit(can::TRUNKS_READ).is_some_and(|reader| shows_settings(&reader.view(&TRUNKS)));
    let choices = sees.then(|| verified.iter().take(SlotCaller::CHOICES_MAX).cloned().collect());
    SlotCaller { is_verified: number.as_ref().is_some_and(|number| verified.contains(number)), number, choices }
}
