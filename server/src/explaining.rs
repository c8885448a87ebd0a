//! `cordboard route explain`: where a call would go, and why.

use std::{
    collections::BTreeMap,
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr},
    process::ExitCode,
    time::Duration,
};

use anyhow::{Context, bail};
use config::Config;
use links::{
    Roots,
    http::{Client, Guard, Limits, Plain, Want},
};
use model::{
    CarrierId,
    carrier::Standing,
    route::{Explanation, Way},
};
use office::{OfficeError, routes::Inquiry};

use crate::{
    accounts::at_office,
    options::{self, CallToExplain},
    signalling::wall_clock,
    start::say,
};

/// A server on this machine answers at once.
const SOON: Duration = Duration::from_secs(2);

/// The most of its metrics that is read.
const METRICS_MAX: usize = 16 << 20;

/// Prints the explanation; 0 if the call would go somewhere, 1 if it would be refused.
pub(crate) fn explain(call: CallToExplain) -> anyhow::Result<ExitCode> {
    let CallToExplain { place, from, to, slot, carrier, at, center } = call;
    let (config, _) = options::load(&place)?;
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
        told += &stands(&config, &explained.explanation).await;
        say(told.trim_end());
        let is_refused = matches!(explained.explanation.decision.way, Way::Refuse { .. });
        Ok(if is_refused { ExitCode::FAILURE } else { ExitCode::SUCCESS })
    })
}

/// How the carriers stand now that the call would go by, as the server of this machine says, if one runs.
async fn stands(config: &Config, explanation: &Explanation) -> String {
    let tries = explanation.decision.way.tries();
    if tries.is_empty() {
        return String::new();
    }
    let Some((at, standings)) = standings(config).await else {
        return format!("{:<10} how carriers stand is not known: no server tells it here without a log-in\n", "now");
    };
    let words = |id: &CarrierId| match standings.get(id) {
        Some(Standing::Up) => "is up",
        Some(Standing::Down) => "is down: it is passed over",
        Some(Standing::Full) => "is full: it is passed over",
        Some(Standing::TooFast) => "has begun as many calls in this second as it may",
        None => "is not known to it yet",
    };
    let lines = tries.iter().map(|one| format!("{} (carrier {}) {}", one.name, one.carrier, words(&one.carrier)));
    let head = std::iter::once("now").chain(std::iter::repeat(""));
    let text: String = head.zip(lines).map(|(head, line)| format!("{head:<10} {line}\n")).collect();
    format!("{text}{:<10} as of this moment, by the server at {at}; it has no part in the decision above\n", "")
}

/// What `/metrics` of a server on this machine says, which tells it to who is on this machine, too.
async fn standings(config: &Config) -> Option<(SocketAddr, BTreeMap<CarrierId, Standing>)> {
    let listen = config.http.listen;
    let ip = match listen.ip() {
        ip if ip.is_loopback() => ip,
        IpAddr::V4(ip) if ip.is_unspecified() => Ipv4Addr::LOCALHOST.into(),
        IpAddr::V6(ip) if ip.is_unspecified() => Ipv6Addr::LOCALHOST.into(),
        _ => return None,
    };
    let at = SocketAddr::new(ip, listen.port());
    let limits = Limits { connect: SOON, whole: SOON, body: METRICS_MAX };
    // With HTTPS nobody proves to be 127.0.0.1, and then nothing is known here.
    let http = Client::new(Guard::configured(Plain::Loopback), &Roots::public(), limits);
    let answer = http.get(&format!("http://{at}/metrics"), Want::Whole).await.ok().filter(|answer| answer.status().is_success())?;
    Some((at, read(&String::from_utf8_lossy(answer.body()))))
}

/// The carriers' standings of a text of metrics.
fn read(metrics: &str) -> BTreeMap<CarrierId, Standing> {
    let standing = |line: &str| {
        let labels = line.strip_prefix("cordboard_carrier_standing{")?.strip_suffix("} 1")?;
        let label = |name: &str| labels.split(',').find_map(|label| label.strip_prefix(name)?.strip_prefix("=\"")?.strip_suffix('"'));
        let known = Standing::ALL.into_iter().find(|standing| Some(standing.name()) == label("standing"))?;
        Some((label("carrier")?.parse().ok()?, known))
    };
    metrics.lines().filter_map(standing).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn standings_are_read_of_metrics() {
        let metrics = "# TYPE cordboard_carrier_standing gauge\ncordboard_carrier_standing{carrier=\"3\",standing=\"up\"} 0\n\
            cordboard_carrier_standing{carrier=\"3\",standing=\"full\"} 1\ncordboard_carrier_standing{standing=\"down\",carrier=\"12\"} 1\n\
            cordboard_carrier_standing{carrier=\"x\",standing=\"up\"} 1\ncordboard_calls_live 1\n";
        assert_eq!(read(metrics), BTreeMap::from([(CarrierId(3), Standing::Full), (CarrierId(12), Standing::Down)]));
    }
}
