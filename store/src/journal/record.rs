//! One record: how it is written, recognised, and found again behind damage.

use std::io;

use model::{Binding, CallId, CallView, Cdr, Fact, RecordingRow, Segment, WallTime};

/// Length, CRC and number.
pub(super) const HEADER: usize = 16;
/// The longest JSON of one fact, in octets. The longest there is tells of all live calls.
pub(super) const JSON_OCTETS_MAX: usize = 16 * 1024 * 1024;

/// A record that is whole.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Record<'a> {
    pub(super) seq: u64,
    pub(super) json: &'a [u8],
    /// Where it starts.
    pub(super) start: usize,
    /// Where the next one starts.
    pub(super) end: usize,
}

/// Appends the record of a fact.
pub(super) fn encode(into: &mut Vec<u8>, seq: u64, fact: &Fact) -> io::Result<()> {
    let start = into.len();
    into.extend_from_slice(&[0; HEADER]);
    serde_json::to_writer(&mut *into, fact)?;
    let length = into.len() - start - HEADER;
    if length > JSON_OCTETS_MAX {
        into.truncate(start);
        return Err(io::Error::new(io::ErrorKind::InvalidInput, "a fact is too long for the journal"));
    }
    let length = u32::try_from(length).unwrap_or(u32::MAX).to_le_bytes();
    let crc = crc(length, seq.to_le_bytes(), into.get(start + HEADER..).unwrap_or_default());
    let header = length.into_iter().chain(crc.to_le_bytes()).chain(seq.to_le_bytes());
    for (octet, value) in into.iter_mut().skip(start).zip(header) {
        *octet = value;
    }
    Ok(())
}

/// The fact of a record.
///
/// What serde makes of the tagged enum reads every field twice, for the tag may stand anywhere. Ours stands first, since we wrote it; the
/// facts that come by the thousand are read by their tag.
pub(super) fn decode(json: &[u8]) -> serde_json::Result<Fact> {
    macro_rules! by_tag {
        ($($tag:literal $fact:ident { $($(#[$attribute:meta])* $field:ident: $kind:ty),* };)*) => {
            $(if json.starts_with(concat!("{\"fact\":\"", $tag, "\",").as_bytes()) {
                #[derive(serde::Deserialize)]
                struct Fields { $($(#[$attribute])* $field: $kind),* }
                return serde_json::from_slice(json).map(|Fields { $($field),* }| Fact::$fact { $($field),* });
            })*
        };
    }
    by_tag! {
        "bound" Bound { binding: Binding };
        "call_started" CallStarted { call: CallView };
        "call_ringing" CallRinging { call: CallId, at: WallTime };
        "call_answered" CallAnswered { call: CallId, at: WallTime, #[serde(default)] segments: Vec<Segment> };
        "calls_seen" CallsSeen { calls: Vec<CallView>, at: WallTime };
        "call_ended" CallEnded { cdr: Cdr };
        "recording" Recording { row: RecordingRow };
    }
    serde_json::from_slice(json)
}

/// The whole record at `start`, if there is one.
pub(super) fn at(octets: &[u8], start: usize) -> Option<Record<'_>> {
    let (length, rest) = octets.get(start..)?.split_first_chunk::<4>()?;
    let (expected, rest) = rest.split_first_chunk::<4>()?;
    let (seq, rest) = rest.split_first_chunk::<8>()?;
    let json = rest.get(..usize::try_from(u32::from_le_bytes(*length)).ok()?)?;
    if json.is_empty() || json.len() > JSON_OCTETS_MAX || crc(*length, *seq, json) != u32::from_le_bytes(*expected) {
        return None;
    }
    Some(Record { seq: u64::from_le_bytes(*seq), json, start, end: start + HEADER + json.len() })
}

/// The first whole record behind the damage at `start`, if any. `last` is the number of the last record before it.
///
/// Nothing in JSON text looks like a number's upper octets, which are zero, so what is found here is a record.
pub(super) fn behind_damage(octets: &[u8], start: usize, last: u64) -> Option<Record<'_>> {
    /// A damaged stretch is no longer than a segment with one great batch, so no more numbers can be missing than octets.
    const MISSING_MAX: u64 = 1 << 32;
    (start + 1..octets.len().saturating_sub(HEADER)).find_map(|start| {
        let seq = u64::from_le_bytes(*octets.get(start + 8..)?.first_chunk()?);
        // Cheap, and nearly always the answer.
        if seq <= last || seq - last > MISSING_MAX {
            return None;
        }
        at(octets, start)
    })
}

/// All whole records from `start` on, damage passed over. `last` is the number of the last record before them.
pub(super) fn whole(octets: &[u8], start: usize, mut last: u64) -> impl Iterator<Item = Record<'_>> {
    let mut next = start;
    std::iter::from_fn(move || {
        let record = at(octets, next).or_else(|| behind_damage(octets, next, last))?;
        next = record.end;
        last = record.seq;
        Some(record)
    })
}

fn crc(length: [u8; 4], seq: [u8; 8], json: &[u8]) -> u32 {
    let mut hasher = crc32fast::Hasher::new();
    hasher.update(&length);
    hasher.update(&seq);
    hasher.update(json);
    hasher.finalize()
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]

    use super::*;

    #[test]
    fn reading_by_the_tag_reads_what_serde_reads() {
        let call = r#"{"call_id":"c_00000000000z8","center":"1","parent":null,"status":"ringing","direction":"internal","caller":"6001",
            "callee":"6002","caller_slot":"1","callee_slot":null,"user":"7","started_at":5,"ringing_at":6,"answered_at":null,"ended_at":null,
            "outcome":null,"cause":null,"segments":[],"scenario":null,"source":null}"#;
        // A record as it was written before calls knew at whom they ring.
        let before = r#"{"call_id":"c_00000000000z8","center":"1","parent":null,"direction":"inbound","caller":"6001","callee":"6002",
            "caller_slot":null,"callee_slot":null,"user":null,"started_at":5,"ringing_at":6,"answered_at":null,"ended_at":7,"ring_ms":1,
            "talk_ms":0,"outcome":"no_answer","cause":"no_answer","sip_status":480,"segments":[],"scenario":"sales","source":null,
            "carrier":"2","tries":[],"asked":null}"#;
        let rung = r#""rung":[{"slot":"1","user":"7","at":5},{"slot":"2","user":null,"at":5}]"#;
        let texts = [
            format!(r#"{{"fact":"call_started","call":{call}}}"#),
            format!(r#"{{"call":{call},"fact":"call_started"}}"#),
            format!(r#"{{"fact":"calls_seen","calls":[{call},{call}],"at":9}}"#),
            r#"{"fact":"call_ringing","call":"c_00000000000z8","at":7}"#.to_owned(),
            // Written by an older program, and by a newer one.
            r#"{"fact":"call_answered","call":"c_00000000000z8","at":7}"#.to_owned(),
            r#"{"fact":"call_answered","call":"c_00000000000z8","at":7,"segments":[],"new":{"a":[1]}}"#.to_owned(),
            r#"{"fact":"bound","binding":{"slot":"1","contact":"sip:a@b","transport":"udp","local":"l","remote":"r","call_id":"c","cseq":1,
                "user_agent":"\u0000\ud83d\ude00","since":1,"expires_at":2}}"#
                .to_owned(),
            r#"{"fact":"bound","binding":{"slot":"1","contact":"sip:a@b","transport":"udp","local":"l","remote":"r","call_id":"c","cseq":1,
                "user_agent":"","since":1,"expires_at":2,"path":"<sip:edge.example;lr>","instance":"<urn:uuid:0>","reg_id":1}}"#
                .to_owned(),
            format!(r#"{{"fact":"call_ended","cdr":{before}}}"#),
            format!(r#"{{"fact":"call_ended","cdr":{}}}"#, before.replacen('{', &format!("{{{rung},"), 1)),
            format!(r#"{{"fact":"call_started","call":{}}}"#, call.replacen('{', &format!("{{{rung},"), 1)),
            r#"{"fact":"unbound","slot":"1","at":3}"#.to_owned(),
            r#"{"fact":"bound"}"#.to_owned(),
            r#"{"fact":"bound","binding":{}}"#.to_owned(),
            r#"{"fact":"call_ringing","call":"c_00000000000z8","at":"x"}"#.to_owned(),
            r#"{"fact":"call_ringing","call":"c_00000000000z8","at":7} "#.to_owned(),
            r#"{"fact":"call_ringing","call":"c_00000000000z8","at":7}x"#.to_owned(),
            r#"{"fact":"nothing","at":7}"#.to_owned(),
        ];
        let mut readable = 0;
        for text in texts {
            let (ours, serdes) = (decode(text.as_bytes()), serde_json::from_str::<Fact>(&text));
            assert_eq!(ours.is_ok(), serdes.is_ok(), "{text}: {ours:?} {serdes:?}");
            if let (Ok(ours), Ok(serdes)) = (ours, serdes) {
                assert_eq!(ours, serdes);
                readable += 1;
            }
        }
        assert_eq!(readable, 13, "the texts of this test are out of date");
    }

    /// What is empty is not written, so the records of most calls are as long as before.
    #[test]
    fn a_record_of_before_is_written_as_it_was() {
        let text = r#"{"fact":"call_ended","cdr":{"call_id":"c_00000000000z8","center":"1","parent":null,"direction":"internal","caller":"6001","callee":"6002","caller_slot":"1","callee_slot":null,"user":null,"started_at":5,"ringing_at":null,"answered_at":null,"ended_at":7,"ring_ms":0,"talk_ms":0,"outcome":"failed","cause":"no_such_number","sip_status":404,"segments":[],"scenario":null,"source":null,"carrier":null,"tries":[],"asked":null}}"#;
        let fact = decode(text.as_bytes()).unwrap();
        assert!(matches!(&fact, Fact::CallEnded { cdr } if cdr.rung.is_empty()), "{fact:?}");
        assert_eq!(serde_json::to_string(&fact).unwrap(), text);
    }

    #[test]
    fn what_is_written_is_read_by_its_tag() {
        let fact = Fact::CallRinging { call: CallId(1000), at: WallTime(7) };
        let mut octets = Vec::new();
        encode(&mut octets, 1, &fact).unwrap();
        let record = at(&octets, 0).unwrap();
        assert!(record.json.starts_with(br#"{"fact":"call_ringing","#), "{}", String::from_utf8_lossy(record.json));
        assert_eq!(decode(record.json).unwrap(), fact);
    }
}
