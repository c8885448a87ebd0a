//! Questions of call control to DNS, and what was said on its way back: between `sip_core::locate`, which knows what it means, and `links::dns`,
//! which knows how to ask.

use std::sync::Arc;

use anyhow::{Context, anyhow};
use config::Config;
use links::dns::{self, Resolver};
use sip_core::locate::{ASKING_MAX, Answer, Data, Kind, Query, Record, Said};
use tokio::{runtime::Handle, sync::Semaphore};
use tracing::warn;

/// Asks DNS beside the signalling loop. Each question has a task of its own.
pub(crate) struct Resolving {
    resolver: Arc<Resolver>,
    runtime: Handle,
    /// Call control has no more questions than these under way; one too many is answered by a failure at once.
    room: Arc<Semaphore>,
    tell: Tell,
}

type Tell = Arc<dyn Fn(Query, Answer) + Send + Sync>;

impl Resolving {
    /// Asks as the configuration says (`sip.dns`), and hands each answer to `tell`, from any thread. To be called within the runtime in which the
    /// questions are asked.
    pub(crate) fn start(config: &Config, tell: impl Fn(Query, Answer) + Send + Sync + 'static) -> anyhow::Result<Self> {
        let settings = dns::Settings { servers: config.sip.dns.clone(), ..dns::Settings::default() };
        let resolver = Resolver::new(settings).map_err(|reason| anyhow!(reason)).context("cannot ask DNS (sip.dns)")?;
        Ok(Self {
            resolver: Arc::new(resolver),
            runtime: Handle::current(),
            room: Arc::new(Semaphore::new(ASKING_MAX)),
            tell: Arc::new(tell),
        })
    }

    /// Asks one question. There is one answer to it, within the time that call control waits. Waits for nobody.
    pub(crate) fn ask(&self, query: Query) {
        let Ok(room) = Arc::clone(&self.room).try_acquire_owned() else {
            warn!("Too many questions to DNS at once; one is not asked.");
            return (self.tell)(query.clone(), answer(&query, Said::Failure));
        };
        let (resolver, tell) = (Arc::clone(&self.resolver), Arc::clone(&self.tell));
        self.runtime.spawn(async move {
            let said = said(resolver.query(query.name.as_str(), kind(query.kind)).await);
            drop(room);
            let answer = answer(&query, said);
            tell(query, answer);
        });
    }
}

fn answer(query: &Query, said: Said) -> Answer {
    Answer { name: query.name.as_str().to_owned(), kind: query.kind, said }
}

fn kind(kind: Kind) -> dns::Kind {
    match kind {
        Kind::Naptr => dns::Kind::Naptr,
        Kind::Srv => dns::Kind::Srv,
        Kind::A => dns::Kind::A,
        Kind::Aaaa => dns::Kind::Aaaa,
    }
}

fn said(answer: dns::Answer) -> Said {
    match answer {
        dns::Answer::Records(records) => Said::Records(records.into_iter().map(record).collect()),
        dns::Answer::NoSuchName { ttl_s } => Said::NoSuchName { ttl_s },
        dns::Answer::NoData { ttl_s } => Said::NoData { ttl_s },
        // Why is in the log already.
        dns::Answer::Failure { .. } => Said::Failure,
    }
}

fn record(dns::Record { ttl_s, data }: dns::Record) -> Record {
    let data = match data {
        dns::Data::Naptr { order, preference, flags, services, regexp, replacement } => {
            Data::Naptr { order, preference, flags, services, regexp, replacement }
        }
        dns::Data::Srv { priority, weight, port, target } => Data::Srv { priority, weight, port, target },
        dns::Data::A(address) => Data::A(address),
        dns::Data::Aaaa(address) => Data::Aaaa(address),
    };
    Record { ttl_s, data }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests")]

    use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};

    use sip_core::locate::DomainName;
    use tokio::{net::UdpSocket, sync::mpsc};

    use super::*;

    fn query(name: &str, kind: Kind) -> Query {
        Query { name: DomainName::parse(name.as_bytes()).unwrap(), kind }
    }

    /// One that asks there, and what it tells.
    fn resolving(server: SocketAddr) -> (Resolving, mpsc::Receiver<(Query, Answer)>) {
        let mut config = Config::default();
        config.sip.dns = vec![server];
        let (tell, told) = mpsc::channel(8);
        (Resolving::start(&config, move |query, answer| tell.try_send((query, answer)).unwrap()).unwrap(), told)
    }

    #[test]
    fn each_kind_is_asked_for_as_itself() {
        let asked = [Kind::Naptr, Kind::Srv, Kind::A, Kind::Aaaa].map(kind);
        assert_eq!(asked, [dns::Kind::Naptr, dns::Kind::Srv, dns::Kind::A, dns::Kind::Aaaa]);
    }

    #[test]
    fn each_record_says_what_it_said() {
        let naptr = dns::Data::Naptr {
            order: 1,
            preference: 2,
            flags: b"s".to_vec(),
            services: b"SIPS+D2T".to_vec(),
            regexp: b"!x!y!".to_vec(),
            replacement: "_sips._tcp.carrier.example.".to_owned(),
        };
        let srv = dns::Data::Srv { priority: 3, weight: 4, port: 5061, target: "sbc1.carrier.example.".to_owned() };
        let records = [naptr, srv, dns::Data::A(Ipv4Addr::new(192, 0, 2, 1)), dns::Data::Aaaa("2001:db8::1".parse().unwrap())];
        let records = records.into_iter().zip(60..).map(|(data, ttl_s)| dns::Record { ttl_s, data }).collect();
        let expected = [
            Data::Naptr {
                order: 1,
                preference: 2,
                flags: b"s".to_vec(),
                services: b"SIPS+D2T".to_vec(),
                regexp: b"!x!y!".to_vec(),
                replacement: "_sips._tcp.carrier.example.".to_owned(),
            },
            Data::Srv { priority: 3, weight: 4, port: 5061, target: "sbc1.carrier.example.".to_owned() },
            Data::A(Ipv4Addr::new(192, 0, 2, 1)),
            Data::Aaaa(Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, 1)),
        ];
        let expected = expected.into_iter().zip(60..).map(|(data, ttl_s)| Record { ttl_s, data }).collect();
        assert_eq!(said(dns::Answer::Records(records)), Said::Records(expected));
    }

    #[test]
    fn what_is_not_there_is_told_from_what_nobody_knows() {
        for ttl_s in [None, Some(7)] {
            assert_eq!(said(dns::Answer::NoSuchName { ttl_s }), Said::NoSuchName { ttl_s });
            assert_eq!(said(dns::Answer::NoData { ttl_s }), Said::NoData { ttl_s });
        }
        assert_eq!(said(dns::Answer::Failure { why: "SERVFAIL".to_owned() }), Said::Failure);
    }

    /// The one address that a question of one name is answered with.
    fn reply(question: &[u8]) -> Vec<u8> {
        let end = 12 + question[12..].iter().position(|octet| *octet == 0).unwrap() + 5;
        let head = [&question[..2], &[0x81, 0x80, 0, 1, 0, 1, 0, 0, 0, 0]].concat();
        [&head, &question[12..end], &[0xc0, 12, 0, 1, 0, 1, 0, 0, 0, 60, 0, 4, 192, 0, 2, 7]].concat()
    }

    #[tokio::test]
    async fn an_answer_comes_back_with_its_question() {
        let server = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
        let (resolving, mut told) = resolving(server.local_addr().unwrap());
        let query = query("sbc1.carrier.example", Kind::A);
        resolving.ask(query.clone());
        let mut question = [0; 512];
        let (length, from) = server.recv_from(&mut question).await.unwrap();
        server.send_to(&reply(&question[..length]), from).await.unwrap();
        let records = vec![Record { ttl_s: 60, data: Data::A(Ipv4Addr::new(192, 0, 2, 7)) }];
        let answer = Answer { name: "sbc1.carrier.example".to_owned(), kind: Kind::A, said: Said::Records(records) };
        assert_eq!(told.recv().await.unwrap(), (query, answer));
    }

    /// What is too much hears so at once, and nobody waits for ever.
    #[tokio::test]
    async fn a_question_too_many_fails_and_the_next_is_asked_again() {
        let server = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
        let (mut resolving, mut told) = resolving(server.local_addr().unwrap());
        resolving.room = Arc::new(Semaphore::new(1));
        let names = ["a.example", "b.example", "c.example"].map(|name| query(name, Kind::A));
        resolving.ask(names[0].clone());
        resolving.ask(names[1].clone());
        let (of, answer) = told.recv().await.unwrap();
        assert_eq!((of, answer.name.as_str(), answer.said), (names[1].clone(), "b.example", Said::Failure));
        let mut question = [0; 512];
        for query in [&names[0], &names[2]] {
            if query == &names[2] {
                resolving.ask(query.clone());
            }
            let (length, from) = server.recv_from(&mut question).await.unwrap();
            server.send_to(&reply(&question[..length]), from).await.unwrap();
            let (of, answer) = told.recv().await.unwrap();
            assert_eq!(&of, query);
            assert!(matches!(answer.said, Said::Records(_)));
        }
    }
}
