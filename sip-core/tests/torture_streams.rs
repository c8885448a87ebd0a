//! The torture messages of RFC 4475 through framer and endpoint, over UDP and TCP, octet for octet as they are: INDEX.tsv judges each.
//!
//! The owner of this endpoint is the simplest there is: it asks REGISTER for credentials, answers OPTIONS, and knows nobody to call.
#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests")]
#![expect(clippy::disallowed_methods, reason = "a beginning of time is needed")]

use std::{collections::BTreeMap, fs, path::PathBuf, time::Instant};

use bytes::Bytes;
use sip_core::{Endpoint, EndpointOutput, EndpointSettings, Flow, Frame, FrameError, Framer, FramerLimits, Method, Transport};

fn data() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../tests/data/rfc4475")
}

/// A row of INDEX.tsv.
struct Row {
    name: String,
    octets: Bytes,
    pass: Vec<String>,
    via_port: Option<u16>,
}

fn rows() -> Vec<Row> {
    let text = fs::read_to_string(data().join("INDEX.tsv")).unwrap();
    let rows = text.lines().skip(1).map(|line| {
        let cells: Vec<&str> = line.split('\t').collect();
        Row {
            name: cells[0].strip_suffix(".dat").unwrap().to_owned(),
            octets: fs::read(data().join(cells[0])).unwrap().into(),
            pass: cells[5].split(',').map(str::to_owned).collect(),
            via_port: cells[7].parse().ok(),
        }
    });
    let rows: Vec<Row> = rows.collect();
    assert_eq!(rows.len(), 51);
    rows
}

impl Row {
    /// Whether the column `pass` allows this: the final responses to the first message.
    fn allows(&self, finals: &[u16]) -> bool {
        let [status] = finals else { return finals.is_empty() && self.pass.iter().any(|pass| ["drop", "any"].contains(&pass.as_str())) };
        let refused: Vec<u16> = self.pass.iter().filter_map(|pass| pass.strip_prefix('!')?.parse().ok()).collect();
        let may_be_any = !refused.is_empty() && self.pass.iter().all(|pass| pass.starts_with('!') || pass.parse::<u16>().is_ok());
        self.pass.iter().any(|pass| match pass.as_str() {
            "any" => true,
            "liberal" => *status < 500,
            "2xx" => (200..300).contains(status),
            code => code == status.to_string(),
        }) || may_be_any && !refused.contains(status)
    }
}

fn flow(transport: Transport) -> Flow {
    Flow { transport, local: "127.0.0.1:5060".parse().unwrap(), remote: "127.0.0.2:40000".parse().unwrap() }
}

struct World {
    endpoint: Endpoint,
    transport: Transport,
    now: Instant,
}

impl World {
    fn new(transport: Transport) -> Self {
        Self { endpoint: Endpoint::new(EndpointSettings::default(), [7; 32]), transport, now: Instant::now() }
    }

    /// The responses to one message, without 100, each with where it goes.
    fn answers(&mut self, message: Bytes) -> Vec<(u16, Flow)> {
        self.endpoint.received(self.now, flow(self.transport), message);
        let mut answers = Vec::new();
        while let Some(output) = self.endpoint.poll() {
            match output {
                EndpointOutput::Transmit { flow, bytes, .. } => {
                    let status = status(&bytes);
                    answers.extend((status > 100).then_some((status, flow)));
                }
                EndpointOutput::Request { tx, message, .. } => {
                    let status = if message.method() == Method::Register { 401 } else { 200 };
                    self.endpoint.respond(self.now, tx, status, None, &[]);
                }
                EndpointOutput::Invited { session, .. } => self.endpoint.refuse(self.now, session, 404, None, &[]),
                _ => {}
            }
        }
        answers
    }
}

/// The status of a response. It may repeat a broken Via, so it is not for the parser.
fn status(response: &[u8]) -> u16 {
    let text = response.strip_prefix(b"SIP/2.0 ").unwrap_or_else(|| panic!("nobody is called: {}", response.escape_ascii()));
    str::from_utf8(&text[..3]).unwrap().parse().unwrap()
}

#[test]
fn over_udp_the_index_rules() {
    for row in rows() {
        let mut world = World::new(Transport::Udp);
        let answers = world.answers(row.octets.clone());
        let finals: Vec<u16> = answers.iter().map(|(status, _)| *status).collect();
        assert!(row.allows(&finals), "{}: {finals:?} is none of {:?}", row.name, row.pass);
        for (_, to) in &answers {
            let expected = Flow { remote: (flow(Transport::Udp).remote.ip(), row.via_port.unwrap()).into(), ..flow(Transport::Udp) };
            // One message asks for `rport`.
            assert!(*to == expected || row.name == "mpart01" && *to == flow(Transport::Udp), "{}: {to}", row.name);
        }
    }
}

/// What a stream made of a message.
#[derive(Debug, PartialEq, Eq)]
struct Verdict {
    /// The final responses to each message that was found in it.
    finals: Vec<Vec<u16>>,
    end: End,
}

#[derive(Debug, PartialEq, Eq)]
enum End {
    /// The stream goes on.
    Open,
    /// It breaks the stream, which is closed after this answer.
    Closed(FrameError, Option<u16>),
    /// What is left is never whole: the stream is closed when its time is over.
    Waits,
}

fn over_tcp(octets: &[u8], piece: usize) -> Verdict {
    let mut world = World::new(Transport::Tcp);
    let mut framer = Framer::new(FramerLimits::default());
    let mut finals = Vec::new();
    for piece in octets.chunks(piece) {
        framer.feed(piece);
        while let Some(frame) = framer.next() {
            match frame {
                Frame::Message(bytes) => {
                    let answers = world.answers(bytes);
                    // RFC 3261, 18.2.2: whatever Via says.
                    assert!(answers.iter().all(|(_, to)| *to == flow(Transport::Tcp)));
                    finals.push(answers.iter().map(|(status, _)| *status).collect());
                }
                Frame::Ping => panic!("no message is a ping"),
                Frame::Broken { answer, why } => {
                    let answer = answer.map(|answer| status(&answer.response(flow(Transport::Tcp))));
                    return Verdict { finals, end: End::Closed(why, answer) };
                }
            }
        }
    }
    Verdict { finals, end: if framer.is_idle() { End::Open } else { End::Waits } }
}

/// RFC 3261, 18.3, and the rules for TCP of INDEX.tsv.
#[test]
fn over_tcp_the_index_rules() {
    use FrameError as E;
    let closed = |why, answer| Verdict { finals: Vec::new(), end: End::Closed(why, answer) };
    let waits = || Verdict { finals: Vec::new(), end: End::Waits };
    let special: BTreeMap<&str, Verdict> = BTreeMap::from([
        // 3.1.1.8: over a stream it is two messages. The second one's body is longer than it says, and what is left over is no message.
        ("dblreq", Verdict { finals: vec![vec![401], vec![404]], end: End::Closed(E::NoContentLength, None) }),
        // 3.1.2.2: the rest may still come.
        ("clerr", waits()),
        ("baddn", waits()),
        // 3.1.2.3 and 3.3.9: nobody can tell where the next message begins.
        ("ncl", closed(E::ContentLength, Some(400))),
        ("mcl01", closed(E::ContentLength, Some(400))),
        // 3.4.1: made for UDP, and without what a stream needs (20.14).
        ("inv2543", closed(E::NoContentLength, Some(400))),
    ]);
    for row in rows() {
        let name = row.name.as_str();
        let verdict = over_tcp(&row.octets, usize::MAX);
        for piece in [1, 2, 100] {
            assert_eq!(over_tcp(&row.octets, piece), verdict, "{name} in pieces of {piece}");
        }
        if let Some(expected) = special.get(name) {
            assert_eq!(verdict, *expected, "{name}");
        } else {
            assert_eq!(verdict.end, End::Open, "{name}: {verdict:?}");
            assert!(matches!(&verdict.finals[..], [finals] if row.allows(finals)), "{name}: {verdict:?} is none of {:?}", row.pass);
        }
    }
}
