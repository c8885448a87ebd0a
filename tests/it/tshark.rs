//! What we send is no riddle to others: `tshark` reads every message that phones get in a day's work, and finds nothing malformed.

use std::{collections::BTreeSet, time::SystemTime};

use anyhow::{Result, ensure};
use tests::{
    RawPhone,
    audio::Law,
    raw::{Answer, Habits, Message, media},
    tshark::{self, Carried},
};

use crate::world::{self, HIGH, LOW, SOON};

#[test]
fn every_message_of_ours_is_sip_to_others() -> Result<()> {
    world::with_hub(2, |server, _, accounts| {
        let [one, other] = accounts else { anyhow::bail!("two slots") };
        let caller = world::raw(server, one, Habits::answering(LOW).laws(&[Law::Mu]))?;
        let callee = RawPhone::start_tcp(other, server.sip(), Habits::answering(HIGH).laws(&[Law::Mu]))?;
        callee.register(300)?;

        // A call that is put on hold and taken back, and ended by who made it.
        let (call, answer) = caller.dial(&other.number)?;
        ensure!(answer.status() == Some(200), "{}", answer.start);
        let leg = caller.leg(&call)?;
        callee.wait_for_leg("answered", SOON, |leg| leg.acknowledged)?;
        for direction in ["sendonly", "sendrecv"] {
            let sdp = media::write_sdp(leg.media.local(), &[Law::Mu], direction).replace("o=- 1 1", &format!("o=- 1 {}", direction.len()));
            let request = caller.in_dialog(&call, "INVITE")?.body("application/sdp", sdp.as_bytes());
            ensure!(caller.exchange(&request)?.status() == Some(200), "{direction}");
            caller.acknowledge(&request)?;
        }
        ensure!(caller.hangup(&call)?.status() == Some(200), "BYE");

        // The other way, ended by who was called; one that is refused; one that is given up while it rings.
        let (call, answer) = callee.dial(&one.number)?;
        ensure!(answer.status() == Some(200), "{}", answer.start);
        let theirs = caller.wait_for_leg("answered", SOON, |leg| leg.incoming && leg.acknowledged)?;
        ensure!(caller.hangup(&theirs.call_id)?.status() == Some(200), "BYE of who was called");
        callee.wait_for_leg("over", SOON, |leg| leg.call_id == call && leg.ended.is_some())?;
        callee.answer(Answer::Refuse(486));
        ensure!(caller.dial(&other.number)?.1.status() == Some(486), "busy");
        callee.answer(Answer::Ring);
        let call = caller.invite(&other.number)?;
        caller.provisional_of(&call, 180)?;
        ensure!(caller.cancel(&call)?.status() == Some(200), "CANCEL");
        ensure!(caller.final_of(&call)?.status() == Some(487), "487");
        callee.wait_for_leg("cancelled", SOON, |leg| leg.incoming && leg.answered.is_none() && leg.ended.is_some())?;

        let came = [(caller.local(), caller.came()), (callee.local(), callee.came())];
        let at = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH)?;
        let messages: Vec<Carried<'_>> = came
            .iter()
            .flat_map(|(phone, came)| came.iter().map(|octets| Carried { source: server.sip(), destination: *phone, at, octets }))
            .collect();
        let mut kinds = BTreeSet::new();
        for (layers, carried) in tshark::read(&messages, server.sip().port())?.iter().zip(&messages) {
            let message = Message::parse(carried.octets)?;
            let sip = &layers["sip"];
            // It reads the same as the harness does, to the end.
            let line = if message.status().is_some() { "sip.Status-Line" } else { "sip.Request-Line" };
            ensure!(sip[line] == message.start.as_str(), "{} read as {layers:#}", message.start);
            let header = &sip["sip.msg_hdr_tree"];
            ensure!(header["sip.Call-ID"] == message.call_id() && header["sip.CSeq"].is_string(), "{layers:#}");
            let described = sip.to_string().contains("\"sdp.media\"");
            ensure!(described != message.body.is_empty(), "the body of {} read as {layers:#}", message.start);
            kinds.insert(message.status().map_or_else(|| message.method().to_owned(), |status| status.to_string()));
        }
        let wanted = ["100", "180", "200", "401", "486", "487", "ACK", "BYE", "CANCEL", "INVITE"];
        let missing = wanted.iter().find(|kind| !kinds.contains(**kind));
        ensure!(missing.is_none(), "no {missing:?} among {kinds:?}");
        Ok(())
    })
}
