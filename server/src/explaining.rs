//! `cordboard route explain`: where a call would go, and why.

use std::process::ExitCode;

use anyhow::{Context, bail};
use model::route::Way;
use office::{OfficeError, routes::Inquiry};

use crate::{accounts::at_office, options::CallToExplain, signalling::wall_clock, start::say};

/// Prints the explanation; 0 if the call would go somewhere, 1 if it would be refused.
pub(crate) fn explain(call: CallToExplain) -> anyhow::Result<ExitCode> {
    let CallToExplain { place, from, to, slot, carrier, at, center } = call;
    let inquiry = Inquiry { from, to: Some(to), slot, carrier, at, center };
    at_office(&place, async |office, _| {
        let explained = match office.explain_route_as_system(&inquiry, wall_clock()).await {
            // Everything that is wrong, for a person.
            Err(OfficeError::Invalid(faults)) => {
                let told: Vec<String> = faults.into_iter().map(|fault| format!("--{}: {}", fault.field, fault.detail)).collect();
                bail!("{}", told.join("; "))
            }
            explained => explained.context("cannot read the routes")?,
        };
        let mut told = explained.explanation.to_string();
        for warning in &explained.warnings {
            told += &format!("{:<10} {warning}\n", "warning");
        }
        say(told.trim_end());
        let is_refused = matches!(explained.explanation.decision.way, Way::Refuse { .. });
        Ok(if is_refused { ExitCode::FAILURE } else { ExitCode::SUCCESS })
    })
}
