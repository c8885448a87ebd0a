//! Who is calling: which number a carrier may be told, and in which headers.

use serde::{Deserialize, Serialize};

use super::{Account, CarrierEntry};
use crate::{CenterId, Number, problem::Problems};

/// A caller number that the carrier has verified as ours.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, expecting = "an object such as {\"number\": \"+74951234567\"}")]
pub struct Caller {
    /// The number in E.164.
    pub number: Number,
    /// The centre that may call by it, if the carrier is shared. None: the centre that the carrier belongs to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub center: Option<CenterId>,
}

/// How a carrier is told who calls, and how far it is believed.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default, expecting = "an object such as {\"asserted\": true}")]
pub struct Identity {
    /// What stands in From (RFC 3261, 8.1.1.3).
    pub from: FromPart,
    /// P-Asserted-Identity with the caller number (RFC 3325, 9.1): for carriers that trust us.
    pub asserted: bool,
    /// P-Preferred-Identity with the caller number (RFC 3325, 9.2): for those that do not. Not both.
    pub preferred: bool,
    /// Remote-Party-ID with the caller number, which was never made an RFC: for old equipment.
    pub remote_party: bool,
    /// What is done when the number is to be withheld.
    pub privacy: Privacy,
    /// What it is told of calls that were sent on to it.
    pub redirections: Redirections,
    /// Whether the caller's number of an incoming call is taken from P-Asserted-Identity, and not from From.
    pub believe: bool,
}

/// What stands in From.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FromPart {
    /// The caller number.
    #[default]
    Caller,
    /// The account's user name, for carriers that know us by it; the caller number stands in another header.
    Account,
}

/// What is done when the number is to be withheld (RFC 3323, RFC 3325).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Privacy {
    /// The call is not placed: the carrier does not withhold.
    #[default]
    Refuse,
    /// `Privacy: id`, and an anonymous From.
    Id,
    /// An anonymous From alone.
    Anonymous,
}

/// What a carrier is told of calls that were sent on to it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Redirections {
    /// Nothing.
    #[default]
    None,
    /// Diversion (RFC 5806).
    Diversion,
    /// History-Info (RFC 7044).
    HistoryInfo,
}

/// What a caller hears before the answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum EarlyMedia {
    /// Our ring tone, until the carrier's own sound comes: then that (R9).
    #[default]
    Prefer,
    /// The carrier's sound alone; silence until it comes.
    Pass,
    /// Our ring tone alone.
    Ring,
}

/// Why there is no caller number to call by.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the carrier has no caller number verified for this center")]
pub struct NoCaller;

impl CarrierEntry {
    /// The number that a call of this centre goes out by: the wanted one if it is verified for the centre, else the centre's first.
    ///
    /// `wanted` is what an administrator has given the slot or the campaign, never anything of a request (R8).
    ///
    /// # Errors
    ///
    /// If nothing is verified for the centre.
    pub fn caller(&self, wanted: Option<&Number>, center: CenterId) -> Result<&Number, NoCaller> {
        let mut own =
            self.carrier.callers.iter().filter(|caller| caller.center.unwrap_or(self.center) == center).map(|caller| &caller.number);
        let first = own.clone().next().ok_or(NoCaller)?;
        Ok(own.find(|number| Some(*number) == wanted).unwrap_or(first))
    }
}

impl Identity {
    pub(super) fn check(&self, problems: &mut Problems, accounts: &[Account]) {
        if self.asserted && self.preferred {
            problems.field("preferred", |problems| problems.add("not beside asserted (RFC 3325, 9.2): a carrier trusts us or does not"));
        }
        if self.from == FromPart::Account && accounts.is_empty() {
            problems.field("from", |problems| problems.add("account needs an account"));
        }
        if self.from == FromPart::Account && !(self.asserted || self.preferred || self.remote_party) {
            problems.field("from", |problems| {
                problems.add("account leaves no header for the caller number: set asserted, preferred or remote_party")
            });
        }
    }
}
