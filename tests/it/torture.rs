//! RFC 4475 end to end: every message to a running server, over UDP, TCP, TLS and WebSocket, judged as `tests/data/rfc4475/INDEX.tsv` says.
//!
//! The answers go to ports that the messages name, and nothing may go elsewhere, so the server and we live in a network of our own.

use std::{
    fs,
    net::{Ipv4Addr, SocketAddr, UdpSocket},
    time::{Duration, Instant},
};

use anyhow::{Context, Result, ensure};
use tests::{
    Account, RawPhone, Rest, Server,
    certificate::Certificate,
    namespace, ports,
    raw::{Answer, Habits, Message},
    server::Settings,
    stream::Stream,
    wait,
};

use crate::world::{self, HIGH, LOW, SOON, repository};

/// Between two looks at a socket.
const LOOK: Duration = Duration::from_millis(50);
/// B-37: a half message is given up within 30 s.
const CLOSE_MAX: Duration = Duration::from_secs(30);
/// All messages together may make the server grow by this much.
const GROWTH_MAX_KIB: u64 = 40 << 10;

/// A row of INDEX.tsv.
struct Row {
    name: String,
    pass: Vec<String>,
    must_also: String,
    via_port: u16,
    tcp: String,
    octets: Vec<u8>,
}

fn rows() -> Result<Vec<Row>> {
    let dir = repository("tests/data/rfc4475");
    let index = fs::read_to_string(dir.join("INDEX.tsv"))?;
    let rows = index.lines().skip(1).map(|line| {
        let cells: Vec<&str> = line.split('\t').collect();
        let [file, _, _, _, _, pass, must_also, via_port, _, tcp] = cells.as_slice() else {
            anyhow::bail!("a row of other columns: {line}")
        };
        Ok(Row {
            name: file.trim_end_matches(".dat").to_owned(),
            pass: pass.split(',').map(str::to_owned).collect(),
            must_also: (*must_also).to_owned(),
            via_port: via_port.parse().unwrap_or(0),
            tcp: (*tcp).to_owned(),
            octets: fs::read(dir.join(file))?,
        })
    });
    let rows: Vec<Row> = rows.collect::<Result<_>>()?;
    let files = fs::read_dir(&dir)?.flatten().filter(|entry| entry.path().extension().is_some_and(|ending| ending == "dat")).count();
    ensure!(rows.len() == 51 && files == 51, "{} rows for {files} messages, of 51", rows.len());
    Ok(rows)
}

#[test]
fn every_message_over_udp() -> Result<()> {
    namespace::alone("torture::every_message_over_udp", || {
        judged_server(Settings::default(), |server| {
            let mut faults = Vec::new();
            for (at, row) in (2..).zip(rows()?) {
                if let Err(error) = over_udp(server, &row, at).with_context(|| row.name.clone()) {
                    faults.push(format!("{error:#}"));
                }
            }
            ensure!(faults.is_empty(), "over UDP:\n{}", faults.join("\n"));
            Ok(())
        })
    })
}

#[test]
fn every_message_over_tcp() -> Result<()> {
    namespace::alone("torture::every_message_over_tcp", || {
        judged_server(Settings::default(), |server| {
            let address = server.sip();
            over_streams(server, || Stream::tcp(address))
        })
    })
}

/// What comes within TLS is cut as over TCP (B-34, B-39).
#[test]
fn every_message_over_tls() -> Result<()> {
    namespace::alone("torture::every_message_over_tls", || {
        let folder = tempfile::tempdir()?;
        let certificate = Certificate::make(folder.path(), "localhost", 2)?;
        let tls = SocketAddr::from(([127, 0, 0, 1], ports::block(1)?.start));
        let settings = Settings::default()
            .with("CORDBOARD__SIP__TLS", tls.to_string())
            .with("CORDBOARD__SIP__TLS_CERT", certificate.chain.display().to_string())
            .with("CORDBOARD__SIP__TLS_KEY", certificate.key.display().to_string());
        judged_server(settings, |server| over_streams(server, || Stream::tls(tls, &certificate)))
    })
}

/// A message of a WebSocket ends with its frame (RFC 7118, 5.2), as a datagram does: what one says of its own length harms no other, and is judged
/// as over UDP (B-40).
#[test]
fn every_message_over_websocket() -> Result<()> {
    namespace::alone("torture::every_message_over_websocket", || {
        judged_server(Settings::default(), |server| {
            let address: SocketAddr = server.base().trim_start_matches("http://").parse()?;
            let mut faults = Vec::new();
            for row in rows()? {
                let judged = Stream::web(address).and_then(|stream| over_stream(server, &row, stream, "-"));
                if let Err(error) = judged.with_context(|| row.name.clone()) {
                    faults.push(format!("{error:#}"));
                }
            }
            ensure!(faults.is_empty(), "over WebSocket:\n{}", faults.join("\n"));

            // All of them by one WebSocket: each gets what it would get alone, and the last one is answered like the first.
            let mut stream = Stream::web(address)?;
            for row in rows()? {
                stream.send(&row.octets)?;
                alive(&mut stream, &format!("together{}", row.name)).with_context(|| format!("after {}", row.name))?;
            }
            Ok(())
        })
    })
}

/// Every message by a stream of its own.
fn over_streams(server: &Server, open: impl Fn() -> Result<Stream>) -> Result<()> {
    let mut faults = Vec::new();
    let rows = rows()?;
    // Those that end by a time limit wait for it together.
    let mut closing = Vec::new();
    for row in rows.iter().filter(|row| row.tcp == "close") {
        let mut stream = open()?;
        stream.send(&row.octets)?;
        closing.push((row, stream, Instant::now()));
    }
    for row in rows.iter().filter(|row| row.tcp != "close") {
        if let Err(error) = open().and_then(|stream| over_stream(server, row, stream, &row.tcp)).with_context(|| row.name.clone()) {
            faults.push(format!("{error:#}"));
        }
    }
    for (row, mut stream, began) in closing {
        if let Err(error) = closes(&mut stream, began).with_context(|| row.name.clone()) {
            faults.push(format!("{error:#}"));
        }
    }
    ensure!(faults.is_empty(), "over streams:\n{}", faults.join("\n"));
    alive(&mut open()?, "afterwards").context("afterwards")
}

/// Whether OPTIONS is answered.
fn alive(stream: &mut Stream, name: &str) -> Result<()> {
    let branch = format!("z9hG4bKalive{name}");
    stream.send(&probe(&format!("SIP/2.0/{} {}", stream.name(), stream.local()), &branch))?;
    wait::until("the answer to OPTIONS", SOON, || {
        let (new, closed) = stream.read()?;
        ensure!(!closed, "it is closed, with {:?}", stream.code());
        Ok(new.iter().any(|reply| reply.branch() == branch).then_some(()))
    })
}

/// A server with a phone on each of two slots; what must be true of it whatever it was sent.
fn judged_server(settings: Settings, test: impl FnOnce(&mut Server) -> Result<()>) -> Result<()> {
    world::with_hub_and(settings, 4, |server, admin, accounts| {
        let [one, other, ..] = accounts else { anyhow::bail!("two slots") };
        let phones = [world::raw(server, one, Habits::answering(LOW))?, world::raw(server, other, Habits::answering(HIGH))?];
        // mpart01 has a Route to it: whoever follows a stranger's Route is an open relay (B-55).
        let route = UdpSocket::bind("127.0.0.1:5080")?;
        route.set_nonblocking(true)?;
        let (before, process) = (server.usage()?, server.pid());
        test(server)?;
        ensure!(server.pid() == process && server.is_running()?, "it has ended");

        ensure!(route.recv_from(&mut [0; 16]).is_err(), "a stranger's Route was followed");
        let nowhere = namespace::sent_nowhere()?;
        ensure!(nowhere == 0, "{nowhere} packets went to addresses that strangers named");
        for phone in &phones {
            let asked = phone.all_received(|message| message.status().is_none());
            ensure!(asked.is_empty(), "passed on to a phone: {asked:?}");
        }
        unharmed(server, admin, accounts)?;
        let after = server.usage()?;
        ensure!(after.rss_kib < before.rss_kib + GROWTH_MAX_KIB, "from {} to {} KiB", before.rss_kib, after.rss_kib);
        let (call, answer) = phones[0].dial(&other.number)?;
        ensure!(answer.status() == Some(200), "a call afterwards: {}", answer.start);
        ensure!(phones[0].hangup(&call)?.status() == Some(200), "its end");
        Ok(())
    })
}

/// Nobody got a binding or a call by a message that nobody signed.
fn unharmed(server: &Server, admin: &Rest, accounts: &[Account]) -> Result<()> {
    for (at, account) in accounts.iter().enumerate() {
        let slot = admin.slot(&account.id)?;
        ensure!(slot["registered"] == (at < 2), "{slot}");
    }
    ensure!(admin.list("/api/calls")?.is_empty() && admin.list("/api/cdr/records")?.is_empty(), "a message made a call");
    ensure!(server.logged("panicked").is_none(), "{:?}", server.logged("panicked"));
    Ok(())
}

/// A sign of life that comes after all that was answered before: requests are taken in the order of their arrival.
fn probe(via: &str, branch: &str) -> Vec<u8> {
    Message::new("OPTIONS sip:127.0.0.1 SIP/2.0")
        .with("Via", format!("{via};branch={branch};rport"))
        .with("Max-Forwards", "70")
        .with("From", "<sip:probe@127.0.0.1>;tag=probe")
        .with("To", "<sip:127.0.0.1>")
        .with("Call-ID", branch)
        .with("CSeq", "1 OPTIONS")
        .bytes()
}

/// Each message comes from an address of its own, so that no answer is taken for another's.
fn over_udp(server: &Server, row: &Row, host: u8) -> Result<()> {
    let replies = udp_replies(server, row, host)?;
    judge(row, &row.pass, &replies)?;
    besides(server, row, &replies)
}

fn udp_replies(server: &Server, row: &Row, host: u8) -> Result<Vec<Message>> {
    let socket = UdpSocket::bind((Ipv4Addr::new(127, 0, 1, host), row.via_port)).context("the port that its Via names")?;
    socket.set_read_timeout(Some(LOOK))?;
    socket.send_to(&row.octets, server.sip())?;
    let branch = format!("z9hG4bKprobe{host}{}", row.name);
    socket.send_to(&probe(&format!("SIP/2.0/UDP {}", socket.local_addr()?), &branch), server.sip())?;
    let mut replies = Vec::new();
    let mut probed = false;
    wait::until("the answers", SOON, || {
        let mut datagram = vec![0; 65_536];
        while let Ok((length, from)) = socket.recv_from(&mut datagram) {
            ensure!(from == server.sip(), "an answer from {from}");
            let reply = Message::parse(datagram.get(..length).unwrap_or_default())?;
            if reply.branch() == branch { probed = true } else { replies.push(reply) }
        }
        Ok((probed && (may_be_dropped(&row.pass) || is_final(&replies))).then_some(()))
    })
    .with_context(|| format!("probed: {probed}, replies: {:?}", starts(&replies)))?;
    Ok(replies)
}

fn over_stream(server: &Server, row: &Row, mut stream: Stream, rule: &str) -> Result<()> {
    stream.send(&row.octets)?;
    let branch = format!("z9hG4bKprobe{}", row.name);
    // It may be closed already: then there is no answer to the probe either.
    let _ = stream.send(&probe(&format!("SIP/2.0/{} {}", stream.name(), stream.local()), &branch));
    let mut replies = Vec::new();
    wait::until("the answers", SOON, || {
        let (new, closed) = stream.read()?;
        let probed = new.iter().any(|reply| reply.branch() == branch);
        replies.extend(new);
        // Where a message ends with its frame, nothing in it ends the connection.
        ensure!(!closed || stream.name() != "WS", "it is closed, with {:?}", stream.code());
        Ok((probed || closed).then_some(()))
    })
    .with_context(|| format!("replies: {:?}", starts(&replies)))?;
    replies.retain(|reply| reply.branch() != branch);
    match rule {
        "two" => {
            let methods: Vec<&str> = finals(&replies).map(Message::method).collect();
            ensure!(methods == ["REGISTER", "INVITE"], "two messages in a stream, and answers to {methods:?}");
            Ok(())
        }
        "any" => Ok(()),
        "-" => {
            judge(row, &row.pass, &replies)?;
            besides(server, row, &replies)
        }
        other => anyhow::bail!("no such rule: {other}"),
    }
}

/// It ends after a 400 or without a word, and never was two messages.
fn closes(stream: &mut Stream, began: Instant) -> Result<()> {
    let mut replies = Vec::new();
    wait::until("the end of the connection", CLOSE_MAX.saturating_sub(began.elapsed()), || {
        let (new, closed) = stream.read()?;
        replies.extend(new);
        Ok(closed.then_some(()))
    })?;
    ensure!(replies.len() <= 1 && finals(&replies).all(|reply| reply.status() == Some(400)), "{:?}", starts(&replies));
    Ok(())
}

/// What passes, by the words of INDEX.tsv.
fn judge(row: &Row, pass: &[String], replies: &[Message]) -> Result<()> {
    let statuses: Vec<u16> = finals(replies).filter_map(Message::status).collect();
    let told = || format!("{:?} where {:?} passes", starts(replies), row.pass);
    let Some(first) = statuses.first().copied() else {
        ensure!(may_be_dropped(pass), "{}", told());
        return Ok(());
    };
    ensure!(statuses.iter().all(|status| *status == first), "two different answers: {}", told());
    let refused = pass.iter().filter_map(|rule| rule.strip_prefix('!')).any(|status| status == first.to_string());
    ensure!(!refused, "{}", told());
    let rules: Vec<&str> = pass.iter().map(String::as_str).filter(|rule| !rule.starts_with('!')).collect();
    let passes = rules.iter().any(|rule| match *rule {
        "any" => true,
        "liberal" => first < 500,
        "2xx" => (200..300).contains(&first),
        code => code.parse() == Ok(first),
    });
    // Where something is forbidden and nothing else named, the rest is allowed.
    ensure!(passes || rules.is_empty() || pass.iter().any(|rule| rule.starts_with('!')), "{}", told());
    Ok(())
}

/// The column `must_also`, message by message. What is said there of "never forwarded", "no packet" and "no binding" is judged of all together,
/// in [`judged_server`]; what it says of bindings, in [`bindings_are_kept_as_they_were_written`].
fn besides(server: &Server, row: &Row, replies: &[Message]) -> Result<()> {
    let answer = finals(replies).next();
    let header = |name: &str| answer.and_then(|answer| answer.header(name)).unwrap_or_default();
    let status = answer.and_then(Message::status).unwrap_or_default();
    match row.name.as_str() {
        "intmeth" => ensure!(!matches!(status, 405 | 501) || header("Allow").contains("INVITE"), "{status} without Allow"),
        "esc02" => ensure!(status == 501 || status == 405, "an unknown method was taken for another: {status}"),
        "dblreq" => {
            ensure!(finals(replies).count() == 1, "{} answers to one datagram", finals(replies).count());
            ensure!(answer.is_some_and(|answer| answer.method() == "REGISTER"), "what follows in the datagram was answered");
        }
        "mpart01" => ensure!(!(200..300).contains(&status), "{status}: whom was it passed on to?"),
        "bext01" => {
            let named = answer.map(|answer| answer.headers("Unsupported").collect::<Vec<_>>().join(", ")).unwrap_or_default();
            let required = ["nothingSupportsThis", "nothingSupportsThisEither"];
            ensure!(required.iter().all(|tag| named.split(", ").any(|word| word == *tag)), "Unsupported: {named}");
        }
        "invut" => ensure!(status != 415 || header("Accept").contains("application/sdp"), "415 without Accept"),
        "badbranch" => {
            // The bare cookie is no name of a transaction: from another source it is another one (RFC 4475, 3.2.1).
            let again = udp_replies(server, row, 254)?;
            ensure!(is_final(&again), "the second of two sources got no answer");
        }
        "esc01" | "escnull" | "clerr" | "ncl" | "ltgtruri" | "lwsstart" | "trws" | "escruri" | "unkscm" | "bcast" | "zeromf"
        | "cparam01" | "cparam02" | "regescrt" | "inv2543" => {}
        name => ensure!(row.must_also == "-", "nobody judges what {name} must also do: {}", row.must_also),
    }
    Ok(())
}

fn finals(replies: &[Message]) -> impl Iterator<Item = &Message> {
    replies.iter().filter(|reply| reply.status() >= Some(200))
}

fn is_final(replies: &[Message]) -> bool {
    finals(replies).next().is_some()
}

fn may_be_dropped(pass: &[String]) -> bool {
    pass.iter().any(|rule| rule == "drop" || rule == "any")
}

fn starts(replies: &[Message]) -> Vec<&str> {
    replies.iter().map(|reply| reply.start.as_str()).collect()
}

/// The Contacts of a message of RFC 4475, as they stand there.
fn contacts_of(name: &str) -> Result<Vec<String>> {
    let rows = rows()?;
    let row = rows.iter().find(|row| row.name == name).with_context(|| name.to_owned())?;
    // A line that begins with a blank goes on with the one before (RFC 3261, 7.3.1).
    let text = String::from_utf8_lossy(&row.octets).replace("\r\n ", " ").replace("\r\n\t", " ");
    let is_contact = |name: &str| ["contact", "m"].iter().any(|known| name.trim().eq_ignore_ascii_case(known));
    let contacts = text.lines().filter_map(|line| line.split_once(':')).filter(|(name, _)| is_contact(name));
    let contacts: Vec<String> = contacts.map(|(_, value)| value.trim().to_owned()).collect();
    ensure!(!contacts.is_empty(), "{name} has no Contact");
    Ok(contacts)
}

/// RFC 4475, 3.1.1.3, 3.1.1.4 and 3.3.12 to 3.3.14 (B-14): signed, their Contacts are bound, and a fetch shows them as they were written.
#[test]
fn bindings_are_kept_as_they_were_written() -> Result<()> {
    world::with_hub(2, |server, _, accounts| {
        let [one, other] = accounts else { anyhow::bail!("two slots") };
        let phone = RawPhone::start(one, server.sip(), Habits::answering(LOW).answer(Answer::Ring))?;
        let caller = world::raw(server, other, Habits::answering(HIGH))?;
        let bind = |contact: &str| -> Result<Option<u16>> {
            Ok(phone.exchange_signed(&phone.register_request(300).set("Contact", contact))?.status())
        };
        let fetch = || -> Result<Vec<String>> {
            let answer = phone.exchange_signed(&phone.register_request(0).without("Contact").without("Expires"))?;
            ensure!(answer.status() == Some(200), "{}", answer.start);
            Ok(answer.headers("Contact").map(str::to_owned).collect())
        };
        let bound = |uri: &str| -> Result<()> {
            let contacts = fetch()?;
            let [contact] = contacts.as_slice() else { anyhow::bail!("one binding a slot (R17): {contacts:?}") };
            ensure!(tests::raw::message::uri_of(contact) == uri, "{contact} instead of {uri}");
            Ok(())
        };

        // cparam01: without brackets, a parameter is the Contact's; cparam02: within them it is the URI's.
        for (name, uri) in [
            ("cparam01", "sip:+19725552222@gw1.example.net"),
            ("cparam02", "sip:+19725552222@gw1.example.net;unknownparam"),
            ("regescrt", "sip:user@example.com?Route=%3Csip:sip.example.com%3E"),
        ] {
            let contacts = contacts_of(name)?;
            ensure!(bind(contacts.first().context("a Contact")?)? == Some(200), "{name}");
            bound(uri).with_context(|| name.to_owned())?;
        }
        // A call to the last of them: what its URI says of a Route stays there.
        let call = caller.invite(&one.number)?;
        let leg = phone.wait_for_leg("called", SOON, |leg| leg.incoming)?;
        ensure!(!leg.invite.start.contains("Route") && leg.invite.header("Route").is_none(), "{:?}", leg.invite);
        ensure!(caller.cancel(&call)?.status() == Some(200), "CANCEL");

        // escnull: two contacts that differ only behind a NUL are two, and neither is cut there.
        let contacts = contacts_of("escnull")?;
        let [first, second] = contacts.as_slice() else { anyhow::bail!("two Contacts: {contacts:?}") };
        for contact in [first, second] {
            ensure!(bind(contact)? == Some(200), "{contact}");
            bound(tests::raw::message::uri_of(contact))?;
        }

        // esc01: unescaped once, and not twice.
        let contacts = contacts_of("esc01")?;
        let contact = contacts.first().context("a Contact")?;
        ensure!(bind(contact)? == Some(200), "{contact}");
        ensure!(bind("<sip:caller@host5.example.net;lr;name=valueA>;expires=0")? == Some(200), "the removal of what is not there");
        bound(tests::raw::message::uri_of(contact)).context("value%41 was taken for valueA")?;
        ensure!(bind("<sip:caller@host5.example.net;lr;name=value%25%34%31>;expires=0")? == Some(200), "its removal");
        ensure!(fetch()?.is_empty(), "the same URI in other words was not removed");
        Ok(())
    })
}
