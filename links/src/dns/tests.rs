//! Questions to a server on this machine, well behaved and otherwise.
#![expect(clippy::unwrap_used, reason = "tests")]

use std::{
    str::FromStr,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
};

use hickory_resolver::proto::{
    op::{Message, MessageType, OpCode},
    rr::{
        Record as RawRecord,
        rdata::{A, AAAA, CNAME, NAPTR, SOA, SRV},
    },
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, UdpSocket},
};

use super::*;

/// A server of names: what the first label says is what it does.
struct Server {
    address: SocketAddr,
    heard: Arc<AtomicUsize>,
}

impl Server {
    async fn start() -> Self {
        let (udp, tcp) = loop {
            // A port that is free for both.
            let udp = UdpSocket::bind("127.0.0.1:0").await.unwrap();
            if let Ok(tcp) = TcpListener::bind(udp.local_addr().unwrap()).await {
                break (udp, tcp);
            }
        };
        let address = udp.local_addr().unwrap();
        let heard = Arc::new(AtomicUsize::new(0));
        let count = Arc::clone(&heard);
        tokio::spawn(async move {
            let mut datagram = [0; 4096];
            while let Ok((length, from)) = udp.recv_from(&mut datagram).await {
                count.fetch_add(1, Ordering::Relaxed);
                for answer in answers(datagram.get(..length).unwrap(), false) {
                    udp.send_to(&answer, from).await.unwrap();
                }
            }
        });
        tokio::spawn(async move {
            while let Ok((mut stream, _)) = tcp.accept().await {
                tokio::spawn(async move {
                    while let Ok(length) = stream.read_u16().await {
                        let mut question = vec![0; length.into()];
                        stream.read_exact(&mut question).await.unwrap();
                        for answer in answers(&question, true) {
                            stream.write_u16(answer.len().try_into().unwrap()).await.unwrap();
                            stream.write_all(&answer).await.unwrap();
                        }
                    }
                });
            }
        });
        Self { address, heard }
    }

    fn heard(&self) -> usize {
        self.heard.load(Ordering::Relaxed)
    }

    fn resolver(&self, deadline_ms: u64) -> Resolver {
        let deadline = Duration::from_millis(deadline_ms);
        Resolver::new(Settings { servers: vec![self.address], deadline }).unwrap()
    }
}

fn name(text: &str) -> Name {
    Name::from_ascii(text).unwrap()
}

/// What is sent back.
fn answers(question: &[u8], is_tcp: bool) -> Vec<Vec<u8>> {
    let question = Message::from_vec(question).unwrap();
    let query = question.queries.first().unwrap();
    let asked = query.name().clone();
    assert!(asked.is_fqdn());
    let text = asked.to_ascii().to_ascii_lowercase();
    let mut answer = Message::new(question.metadata.id, MessageType::Response, OpCode::Query);
    answer.metadata.recursion_available = true;
    answer.add_query(query.clone());
    let mut add = |ttl_s: u32, data: RData| {
        answer.add_answer(RawRecord::from_rdata(asked.clone(), ttl_s, data));
    };
    let soa = || {
        let soa = SOA::new(name("ns.example."), name("root.example."), 1, 2, 3, 4, 77);
        RawRecord::from_rdata(name("example."), 3_600, RData::SOA(soa))
    };
    match (text.split('.').next().unwrap(), query.query_type()) {
        ("host", RecordType::A) => {
            add(60, RData::A(A::new(192, 0, 2, 1)));
            add(30, RData::A(A::new(192, 0, 2, 2)));
            // What was not asked for.
            add(30, RData::AAAA(AAAA::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, 1)));
        }
        ("host", RecordType::AAAA) => add(0, RData::AAAA(AAAA::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, 1))),
        ("_sip", RecordType::SRV) => {
            add(60, RData::SRV(SRV::new(1, 2, 5060, name("Host.example."))));
            add(60, RData::SRV(SRV::new(3, 4, 0, name("."))));
            let odd = Name::from_labels([&b"a.b\0\xff c"[..], b"example"]).unwrap();
            add(60, RData::SRV(SRV::new(5, 6, 7, odd)));
        }
        ("host", RecordType::NAPTR) => {
            let bytes = |text: &str| text.as_bytes().to_vec().into_boxed_slice();
            add(9, RData::NAPTR(NAPTR::new(10, 20, bytes("s"), bytes("SIP+D2U"), bytes(""), name("_sip._udp.example."))));
        }
        ("alias", RecordType::A) => {
            add(5, RData::CNAME(CNAME(name("host.example."))));
            answer.add_answer(RawRecord::from_rdata(name("host.example."), 60, RData::A(A::new(192, 0, 2, 1))));
        }
        ("loop", _) => add(5, RData::CNAME(CNAME(asked.clone()))),
        ("many", RecordType::A) => (0..200).for_each(|last| add(60, RData::A(A::new(192, 0, 2, last)))),
        ("large", RecordType::A) if !is_tcp => answer.metadata.truncation = true,
        ("large", RecordType::A) => add(60, RData::A(A::new(192, 0, 2, 3))),
        ("nobody", _) => {
            answer.metadata.response_code = ResponseCode::NXDomain;
            answer.add_authority(soa());
        }
        ("unsaid", _) => answer.metadata.response_code = ResponseCode::NXDomain,
        ("servfail", _) => answer.metadata.response_code = ResponseCode::ServFail,
        ("refused", _) => answer.metadata.response_code = ResponseCode::Refused,
        ("notimp", _) => answer.metadata.response_code = ResponseCode::NotImp,
        ("silent", _) => return Vec::new(),
        ("garbage", _) => return vec![vec![0xff; 40], Vec::new(), vec![0; 12]],
        ("half", _) => {
            add(60, RData::A(A::new(192, 0, 2, 1)));
            let mut bytes = answer.to_vec().unwrap();
            bytes.truncate(bytes.len() - 3);
            return vec![bytes];
        }
        ("wrongid", _) => {
            answer.metadata.id ^= 1;
            answer.add_answer(RawRecord::from_rdata(asked, 60, RData::A(A::new(192, 0, 2, 66))));
        }
        ("another", _) => {
            answer.add_answer(RawRecord::from_rdata(name("evil.example."), 60, RData::A(A::new(192, 0, 2, 66))));
        }
        _ => {
            answer.add_authority(soa());
        }
    }
    vec![answer.to_vec().unwrap()]
}

fn a(ttl_s: u32, last: u8) -> Record {
    Record { ttl_s, data: Data::A(Ipv4Addr::new(192, 0, 2, last)) }
}

#[tokio::test]
async fn answers_by_kind() {
    let server = Server::start().await;
    let resolver = server.resolver(30_000);
    let records = |records: Vec<Record>| Answer::Records(records);
    assert_eq!(resolver.query("host.example", Kind::A).await, records(vec![a(60, 1), a(30, 2)]));
    assert_eq!(resolver.query("HOST.example.", Kind::A).await, records(vec![a(60, 1), a(30, 2)]));
    let v6 = Data::Aaaa(Ipv6Addr::from_str("2001:db8::1").unwrap());
    assert_eq!(resolver.query("host.example", Kind::Aaaa).await, records(vec![Record { ttl_s: 0, data: v6 }]));
    let naptr = Data::Naptr {
        order: 10,
        preference: 20,
        flags: b"s".to_vec(),
        services: b"SIP+D2U".to_vec(),
        regexp: Vec::new(),
        replacement: "_sip._udp.example.".to_owned(),
    };
    assert_eq!(resolver.query("host.example", Kind::Naptr).await, records(vec![Record { ttl_s: 9, data: naptr }]));
    let srv = |(priority, weight, port), target: &str| Record {
        ttl_s: 60,
        data: Data::Srv { priority, weight, port, target: target.to_owned() },
    };
    let expected = vec![srv((1, 2, 5060), "Host.example."), srv((3, 4, 0), "."), srv((5, 6, 7), r"a\.b\000\377\040c.example.")];
    assert_eq!(resolver.query("_sip._udp.example", Kind::Srv).await, records(expected));
    assert_eq!(resolver.query("alias.example", Kind::A).await, records(vec![a(5, 1)]), "no longer than the alias");
    assert_eq!(resolver.query("large.example", Kind::A).await, records(vec![a(60, 3)]), "over TCP");
    let Answer::Records(many) = resolver.query("many.example", Kind::A).await else { panic!("there are many") };
    assert_eq!(many.len(), RECORDS_MAX);
}

#[tokio::test]
async fn refusals() {
    let server = Server::start().await;
    let resolver = server.resolver(30_000);
    assert_eq!(resolver.query("nobody.example", Kind::A).await, Answer::NoSuchName { ttl_s: Some(77) });
    assert_eq!(resolver.query("unsaid.example", Kind::Srv).await, Answer::NoSuchName { ttl_s: None });
    assert_eq!(resolver.query("empty.example", Kind::Naptr).await, Answer::NoData { ttl_s: Some(77) });
    for name in ["servfail.example", "refused.example", "notimp.example"] {
        let answer = resolver.query(name, Kind::A).await;
        assert!(matches!(answer, Answer::Failure { .. }), "{name}: {answer:?}");
    }
    let before = server.heard();
    let (long_label, long_name) = ("a".repeat(64), "a.".repeat(130));
    for name in [long_label.as_str(), &long_name, "a..b", "a b", "a\0b", "\u{e4}.example", "a/\\"] {
        let answer = resolver.query(name, Kind::A).await;
        assert!(matches!(answer, Answer::Failure { .. }), "{name}: {answer:?}");
    }
    assert_eq!(server.heard(), before, "none of these is asked for");
}

/// What nobody sends who means well is no answer, and the question has its end all the same.
#[tokio::test]
async fn silence_and_garbage() {
    let server = Server::start().await;
    let resolver = Arc::new(server.resolver(3_000));
    let began = Instant::now();
    let mut tasks = JoinSet::new();
    for name in ["silent.example", "garbage.example", "half.example", "wrongid.example", "another.example", "loop.example"] {
        let resolver = Arc::clone(&resolver);
        tasks.spawn(async move { (name, resolver.query(name, Kind::A).await) });
    }
    // Meanwhile others are answered.
    assert_eq!(resolver.query("host.example", Kind::A).await, Answer::Records(vec![a(60, 1), a(30, 2)]));
    assert!(began.elapsed() < Duration::from_secs(3));
    while let Some(task) = tasks.join_next().await {
        let (name, answer) = task.unwrap();
        assert!(!matches!(answer, Answer::Records(_)), "{name}: {answer:?}");
    }
    assert!(began.elapsed() < Duration::from_secs(10), "at its deadline, and some for a machine that is busy");
    assert!(matches!(resolver.query("silent.example", Kind::A).await, Answer::Failure { .. }));
}

/// A question is sent again, and nothing is kept: the same question goes out each time, refused or not.
#[tokio::test]
async fn nothing_is_kept() {
    let server = Server::start().await;
    let resolver = server.resolver(30_000);
    for round in 1..=3 {
        for name in ["host.example", "nobody.example"] {
            resolver.query(name, Kind::A).await;
        }
        assert_eq!(server.heard(), 2 * round);
    }
    let impatient = server.resolver(300);
    impatient.query("silent.example", Kind::A).await;
    assert!(server.heard() >= 6 + 2, "asked twice: {}", server.heard());
}

/// Of two servers one answers.
#[tokio::test]
async fn a_dead_server_beside_one_that_lives() {
    let server = Server::start().await;
    let dead = UdpSocket::bind("127.0.0.1:0").await.unwrap();
    let servers = vec![dead.local_addr().unwrap(), server.address];
    let resolver = Resolver::new(Settings { servers: servers.clone(), deadline: Duration::from_secs(30) }).unwrap();
    assert_eq!(resolver.servers(), servers);
    for _ in 0..5 {
        assert_eq!(resolver.query("host.example", Kind::A).await, Answer::Records(vec![a(60, 1), a(30, 2)]));
    }
}

#[test]
fn the_systems_file() {
    let check = |text: &str, expected: &[&str]| {
        let expected: Vec<SocketAddr> = expected.iter().map(|address| SocketAddr::new(address.parse().unwrap(), 53)).collect();
        assert_eq!(listed(text), expected, "{text:?}");
    };
    check("", &[]);
    check("# nameserver 192.0.2.1\nnameserver 192.0.2.2 # ours\n", &["192.0.2.2"]);
    check(
        "search --\nnameserver\t2001:db8::1\r\noptions \u{fffd} ndots:x\nnameserver x\n\n nameserver 127.0.0.53",
        &["2001:db8::1", "127.0.0.53"],
    );
    check("nameserver fe80::1%eth0\nnameserver 192.0.2.1\nnameserver\nnameservers 192.0.2.3", &["192.0.2.1"]);
}

/// The file is read at the start; a broken one, and none at all, mean this machine.
#[tokio::test]
async fn the_systems_servers() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("resolv.conf");
    let servers = || Resolver::with_file(Settings::default(), &file).unwrap().servers();
    let local: Vec<SocketAddr> = vec![(Ipv4Addr::LOCALHOST, 53).into()];
    assert_eq!(servers(), local, "no file");
    std::fs::write(&file, b"nameserver \xff\nsearch \xfe..\n").unwrap();
    assert_eq!(servers(), local, "a broken file");
    std::fs::write(&file, "nameserver 192.0.2.1\nnameserver 192.0.2.2\nnameserver 192.0.2.3\nnameserver 192.0.2.4\n").unwrap();
    assert_eq!(servers().len(), SERVERS_MAX);

    // After a failure it is read again. Without any time each question fails before it is sent.
    std::fs::write(&file, "nameserver 127.0.0.1\n").unwrap();
    let resolver = Resolver::with_file(Settings { deadline: Duration::ZERO, ..Settings::default() }, &file).unwrap();
    std::fs::write(&file, "nameserver 127.0.0.2\n").unwrap();
    resolver.query("nobody.invalid.example", Kind::Naptr).await;
    assert_eq!(resolver.servers(), local, "not at once after it was read");
    resolver.current.lock().unwrap().looked -= LOOK_EVERY;
    resolver.query("nobody.invalid.example", Kind::Naptr).await;
    assert_eq!(resolver.servers(), vec![SocketAddr::from(([127, 0, 0, 2], 53))]);
}
