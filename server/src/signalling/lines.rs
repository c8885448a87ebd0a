//! What the loop writes into the log.

use calls::first_line_shown;
use media::MediaEvent;
use model::{CarrierId, Fact};
use sip_core::Flow;
use tracing::{debug, info, warn};

/// More characters of a message's first line are not logged. What it holds is masked as in a ladder, and nothing in it is an order to a
/// terminal (FT-26); whatever else is secret stands further down.
const LINE_SHOWN: usize = 120;

/// A message came.
pub(super) fn came(flow: Flow, message: &[u8]) {
    debug!(from = %flow.remote, over = ?flow.transport, line = first_line_shown(message, LINE_SHOWN), "SIP in.");
}

/// A message goes.
pub(super) fn goes(flow: Flow, message: &[u8]) {
    debug!(to = %flow.remote, over = ?flow.transport, line = first_line_shown(message, LINE_SHOWN), "SIP out.");
}

/// A carrier brought a call to what is none of our numbers, which was refused with 404. The numbers are those of the request: Request-URI and To.
pub(super) fn not_ours(carrier: CarrierId, name: &str, untold: u64, (request_uri, to): (&str, &str)) {
    warn!(
        %carrier,
        name,
        more_before = untold,
        "A carrier brings calls to a number that is not among its `numbers`: they get 404 and have no record. Which number it is, as the carrier \
         writes it, the log says at debug (log.filter); this is told once a minute for each carrier."
    );
    debug!(%carrier, request_uri, to, "It is this one.");
}

/// What a leg's audio was like: one line for who looks into a complaint.
pub(super) fn leg_closed(event: &MediaEvent) {
    let MediaEvent::Closed { leg, stats } = event else { return };
    if stats.packets_in == 0 && stats.foreign > 0 {
        warn!(
            leg = leg.0,
            refused = stats.foreign,
            "A phone was not heard: its sound came from another address than it had signalled. See \"Nobody hears anything\" in docs/operations.md."
        );
    }
    debug!(
        leg = leg.0,
        packets_in = stats.packets_in,
        packets_out = stats.packets_out,
        lost = stats.lost,
        late = stats.late,
        jitter_ms = stats.jitter_ms,
        jitter_max_ms = stats.jitter_max_ms,
        restarts = stats.restarts,
        junk = stats.junk,
        foreign = stats.foreign,
        early = stats.early,
        digits_dropped = stats.digits_dropped,
        remote_lost = stats.remote_lost,
        remote_jitter_ms = stats.remote_jitter_ms,
        rtt_ms = stats.rtt_ms,
        "Leg closed."
    );
}

/// One line for each call that ended, without numbers; what phones do is for DEBUG.
pub(super) fn fact(fact: &Fact) {
    match fact {
        Fact::CallEnded { cdr } => {
            info!(
                call = %cdr.call_id,
                cause = cdr.cause.code(),
                status = cdr.sip_status,
                ring_ms = cdr.ring_ms,
                talk_ms = cdr.talk_ms,
                "Call ended."
            );
        }
        Fact::Bound { binding } => debug!(slot = %binding.slot, from = binding.remote, agent = ?binding.user_agent, "Phone registered."),
        Fact::Unbound { slot, .. } => debug!(%slot, "Phone gone."),
        Fact::CarrierTurned { carrier, name, is_up: false, .. } => warn!(
            %carrier,
            ?name,
            "A carrier cannot be called: it does not answer, or we are not registered there. \"Carriers\" in the console says why."
        ),
        Fact::CarrierTurned { carrier, name, is_up: true, .. } => info!(%carrier, ?name, "A carrier can be called again."),
        Fact::Banned { ban } => {
            info!(
                why = ban.why,
                times = ban.times,
                lasts_s = ban.until.ms_since(ban.since) / 1_000,
                "A source is banned. Which one, \"Bans\" in the console and GET /api/security/bans say."
            );
            debug!(source = ban.source, "It is this one.");
        }
        Fact::Unbanned { source, .. } => {
            info!("A ban was taken back.");
            debug!(source, "It is this one.");
        }
        _ => {}
    }
}
