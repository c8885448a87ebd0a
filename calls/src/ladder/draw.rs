//! A ladder as text: who, the drawing, and the messages in full.

use std::fmt::Write;

use model::{CallId, WallTime, route::Said};
use sip_core::{Flow, Message, Name};

use super::{CALL_OCTETS_MAX, Kept, Ladder, Lane, MESSAGES_MAX, Way, mask};

/// Characters between two of the three uprights.
const GAP: usize = 30;

/// The ladder of a call as text, masked: a pure function, for the thread of whoever reads it.
pub(super) fn draw(call: CallId, ladder: &Ladder) -> String {
    let mut text = String::with_capacity(ladder.octets * 5 / 4 + ladder.messages.len() * 160 + 512);
    head(&mut text, call, ladder);
    rungs(&mut text, ladder);
    let left_out = ladder.left_out();
    if left_out > 0 {
        let _ = writeln!(
            text,
            "\n{left_out} message(s) were left out: a call keeps {MESSAGES_MAX} messages and {} KiB, its first ones and its last, \
             and all calls together what ladder_memory allows.",
            CALL_OCTETS_MAX >> 10
        );
    }
    for (number, message) in numbered(ladder) {
        let _ = write!(text, "\n--- {number}  {} ms  ", message.after_ms);
        let name = name(lane(ladder, message));
        let _ = match message.way {
            Way::In => write!(text, "from {name}"),
            Way::Out => write!(text, "to {name}"),
        };
        if let Some(flow) = flow(ladder, message) {
            let _ = write!(text, "  {}", way(flow, message.way));
        }
        text.push('\n');
        text.push_str(&mask::shown(&message.bytes));
    }
    text
}

fn head(text: &mut String, call: CallId, ladder: &Ladder) {
    let [near, far] = [0, 1].map(|place| name(ladder.lanes.get(place)));
    let state = if ladder.is_over { "over" } else { "up" };
    let _ = writeln!(text, "call {call}  {near} -> {far}  {state}");
    let _ = writeln!(text, "began {}", utc(ladder.began_at));
    let is_far_known = ladder.lanes.iter().skip(2).any(|lane| !lane.is_near);
    for (place, lane) in (0..).zip(&ladder.lanes) {
        let word = if lane.is_near { "near" } else { "far " };
        let name = name(Some(lane));
        match first_flow(ladder, place) {
            Some(flow) => {
                let _ = writeln!(text, "{word}  {name}  {} {}, ours {}", flow.transport, flow.remote, flow.local);
            }
            // A number that several phones stand for is none of them.
            None if place > 0 && is_far_known => {}
            None => {
                let _ = writeln!(text, "{word}  {name}  no message");
            }
        }
    }
    for (after_ms, asked) in &ladder.remarks {
        let _ = write!(text, "asked by route {}: {} after {} ms", asked.route, asked.outcome.name(), asked.after_ms);
        let said = asked.said.map_or("the default of the route was taken", Said::name);
        let _ = writeln!(text, ", {said} ({after_ms} ms)");
    }
    let _ = writeln!(text, "\n{:>4} {:>9}   {near:<GAP$} {:<GAP$} {far}", "", "ms", "Cordboard");
}

fn rungs(text: &mut String, ladder: &Ladder) {
    for (place, (number, message)) in numbered(ladder).enumerate() {
        gap(text, message.left_out);
        let label = label(message);
        let of = lane(ladder, message);
        let is_near = of.is_some_and(|lane| lane.is_near);
        let arrow = arrow(&label, is_near, message.way);
        let blank = " ".repeat(GAP);
        let (left, right) = if is_near { (arrow, blank) } else { (blank, arrow) };
        let _ = write!(text, "{number:>4} {:>9}   |{left}|{right}|", message.after_ms);
        // Above the upright stands who was there first.
        if message.lane > 1 {
            let _ = write!(text, " {}", name(of));
        }
        let is_repeated = ladder.messages.iter().take(place).any(|before| before.way == message.way && before.bytes == message.bytes);
        if is_repeated {
            text.push_str(" again");
        }
        if flow(ladder, message) != first_flow(ladder, message.lane) {
            match flow(ladder, message) {
                Some(flow) => {
                    let _ = write!(text, " {}", way(flow, message.way));
                }
                None => text.push_str(" by yet another way"),
            }
        }
        text.push('\n');
    }
    gap(text, ladder.left_out);
}

/// The messages and their numbers, in which those that were left out count.
fn numbered(ladder: &Ladder) -> impl Iterator<Item = (u32, &Kept)> {
    ladder.messages.iter().scan(0_u32, |number, message| {
        *number = number.saturating_add(message.left_out).saturating_add(1);
        Some((*number, message))
    })
}

/// Where messages were left out.
fn gap(text: &mut String, left_out: u32) {
    if left_out > 0 {
        let _ = writeln!(text, "{:>4} {:>9}   | {left_out} message(s) left out", "...", "");
    }
}

/// An arrow across one gap: towards the phone or away from it.
fn arrow(label: &str, is_near: bool, way: Way) -> String {
    // In: the near phone stands left of us, the far one right.
    let points_right = is_near == (way == Way::In);
    let shown: String = label.chars().take(GAP - 6).collect();
    let dashes = "-".repeat((GAP - 4).saturating_sub(shown.chars().count()));
    if points_right { format!("- {shown} {dashes}>") } else { format!("< {shown} {dashes}-") }
}

/// The method or the status, the CSeq, and whether a session description goes with it.
fn label(message: &Kept) -> String {
    let Ok(parsed) = Message::parse(message.bytes.clone()) else { return "unreadable".to_owned() };
    let mut label = String::new();
    if !parsed.is_request() {
        let _ = write!(label, "{} ", parsed.status());
    }
    mask::escape(&mut label, parsed.method_bytes());
    if let Ok(cseq) = parsed.cseq() {
        let _ = write!(label, " {}", cseq.number);
    }
    if !parsed.body().is_empty() {
        let is_sdp = parsed.header(Name::ContentType).is_some_and(|kind| kind.to_ascii_lowercase().starts_with(b"application/sdp"));
        label.push_str(if is_sdp { " sdp" } else { " body" });
    }
    label
}

/// A party's number as it may be shown: one that was dialled can be any text.
fn name(lane: Option<&Lane>) -> String {
    let mut name = String::new();
    mask::escape(&mut name, lane.map_or(&b""[..], |lane| lane.name.as_bytes()));
    if name.is_empty() {
        name.push('?');
    }
    name
}

fn lane<'l>(ladder: &'l Ladder, message: &Kept) -> Option<&'l Lane> {
    ladder.lanes.get(usize::from(message.lane))
}

fn flow<'l>(ladder: &'l Ladder, message: &Kept) -> Option<&'l Flow> {
    ladder.flows.get(usize::from(message.flow))
}

fn first_flow(ladder: &Ladder, lane: u8) -> Option<&Flow> {
    ladder.messages.iter().find(|message| message.lane == lane).and_then(|message| flow(ladder, message))
}

fn way(flow: &Flow, way: Way) -> String {
    match way {
        Way::In => format!("{} {} -> {}", flow.transport, flow.remote, flow.local),
        Way::Out => format!("{} {} -> {}", flow.transport, flow.local, flow.remote),
    }
}

/// `2025-11-21T08:00:00.000Z`
fn utc(at: WallTime) -> String {
    let (year, month, day) = at.utc_date();
    let ms = at.0.rem_euclid(86_400_000);
    let (hour, minute, second, ms) = (ms / 3_600_000, ms / 60_000 % 60, ms / 1_000 % 60, ms % 1_000);
    format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}.{ms:03}Z")
}
