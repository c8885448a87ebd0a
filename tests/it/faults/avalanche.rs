//! B-19: the power comes back, and every phone of the house registers in the same moment. The server, itself just killed and started again, takes
//! them all, and calls that are made meanwhile are answered and heard.

use std::{
    collections::HashMap,
    net::{Ipv4Addr, SocketAddr, UdpSocket},
    sync::atomic::{AtomicBool, Ordering},
    thread,
    time::{Duration, Instant},
};

use anyhow::{Context, Result, anyhow, bail, ensure};
use tests::{
    Account, Server,
    raw::{Authorization, Challenge, Message, token},
    server::Settings,
};

use super::{CALLS, Calls, cdrs};
use crate::world;

/// As many phones as there are numbers of two kinds.
const PHONES: usize = 2 * 999;
/// Routers of offices: all their phones share an address, as far as the server can see.
const ROUTERS: usize = 20;
/// T1 and T2 of RFC 3261, 17.1.2.2: a request that nobody answers is sent again.
const REPEAT_FIRST: Duration = Duration::from_millis(500);
const REPEAT_MOST: Duration = Duration::from_secs(4);
/// Who has come back registers again within this time: three times as many as ten thousand phones in a minute are.
const WAVE: Duration = Duration::from_secs(4);
/// All of them are taken long before; without a limit a phone that nobody answers would hang the test.
const PATIENCE: Duration = Duration::from_secs(120);

#[test]
fn all_phones_come_back_at_once_and_calls_go_on() -> Result<()> {
    world::with_hub_and(Settings::default(), 2 * u16::try_from(CALLS)?, |server, admin, accounts| {
        let mut accounts_of_crowd = admin.hub("the second floor", "mf", 999)?;
        accounts_of_crowd.extend(admin.hub("the third floor", "ls", 999)?);
        ensure!(accounts_of_crowd.len() == PHONES, "{} phones", accounts_of_crowd.len());
        let mut routers: Vec<Router> = (1..)
            .zip(accounts_of_crowd.chunks(PHONES.div_ceil(ROUTERS)))
            .map(|(host, accounts)| Router::new(host, server.sip(), accounts))
            .collect::<Result<_>>()?;
        avalanche(&mut routers, || Ok(())).context("for the first time")?;

        server.kill()?;
        server.launch()?;
        let server: &Server = server;
        avalanche(&mut routers, || calls(server, accounts)).context("after the restart")?;

        let admin = server.admin()?;
        cdrs(&admin, CALLS)?;
        let slots = admin.list("/api/slots")?;
        let registered = slots.iter().filter(|slot| slot["registered"] == true).count();
        ensure!(registered == PHONES + 2 * CALLS, "{registered} of {} slots are registered", slots.len());
        ensure!(server.logged("panicked").is_none(), "{:?}", server.logged("panicked"));
        Ok(())
    })
}

/// All phones behind all routers register at once, and then wave after wave while `meanwhile` lasts.
fn avalanche(routers: &mut [Router], meanwhile: impl FnOnce() -> Result<()>) -> Result<()> {
    let is_over = AtomicBool::new(false);
    thread::scope(|scope| {
        let is_over = &is_over;
        let waves: Vec<_> = routers.iter_mut().map(|router| scope.spawn(|| router.register_until(is_over))).collect();
        let outcome = meanwhile();
        is_over.store(true, Ordering::Relaxed);
        waves.into_iter().try_for_each(|wave| wave.join().map_err(|_| anyhow!("a router broke"))?)?;
        outcome
    })
}

/// Ten calls from beginning to end.
fn calls(server: &Server, accounts: &[Account]) -> Result<()> {
    let calls = Calls::begin(server, accounts)?;
    calls.talk_on("in the avalanche")?;
    calls.hang_up()?;
    Ok(())
}

/// The router of an office, and the phones behind it.
struct Router {
    server: SocketAddr,
    socket: UdpSocket,
    phones: Vec<Phone>,
    /// Which phone a Call-ID belongs to.
    at: HashMap<String, usize>,
}

struct Phone {
    account: Account,
    call_id: String,
    cseq: u32,
    challenge: Option<Challenge>,
    asked: Option<Asked>,
}

/// What a phone waits for an answer to.
struct Asked {
    request: Vec<u8>,
    /// When it is sent, or sent again.
    due: Instant,
    /// How long after that.
    pause: Duration,
}

impl Router {
    fn new(host: u8, server: SocketAddr, accounts: &[Account]) -> Result<Self> {
        let socket = UdpSocket::bind((Ipv4Addr::new(127, 0, 5, host), 0))?;
        let phones: Vec<Phone> = accounts
            .iter()
            .map(|account| Phone { account: account.clone(), call_id: token(), cseq: 0, challenge: None, asked: None })
            .collect();
        let at = phones.iter().enumerate().map(|(at, phone)| (phone.call_id.clone(), at)).collect();
        Ok(Self { server, socket, phones, at })
    }

    /// All at once, and then wave after wave until told.
    fn register_until(&mut self, is_over: &AtomicBool) -> Result<()> {
        self.register(Duration::ZERO)?;
        while !is_over.load(Ordering::Relaxed) {
            self.register(WAVE)?;
        }
        Ok(())
    }

    /// Every phone registers within `wave`; who is told to come later does.
    fn register(&mut self, wave: Duration) -> Result<()> {
        let begin = Instant::now();
        let limit = begin + PATIENCE;
        let step = wave / u32::try_from(self.phones.len())?;
        for (at, place) in (0..self.phones.len()).zip(0..) {
            self.ask(at, begin + step * place)?;
        }
        while let Some(next) = self.phones.iter().filter_map(|phone| Some(phone.asked.as_ref()?.due)).min() {
            let now = Instant::now();
            ensure!(now < limit, "{} phones still wait", self.phones.iter().filter(|phone| phone.asked.is_some()).count());
            if next <= now {
                self.send(now);
            } else {
                self.hear(next - now)?;
            }
        }
        Ok(())
    }

    /// A request of a phone's, to be sent at `due`.
    fn ask(&mut self, at: usize, due: Instant) -> Result<()> {
        let (router, server) = (self.socket.local_addr()?, self.server.ip());
        let uri = format!("sip:{server}");
        let phone = self.phones.get_mut(at).context("a phone")?;
        phone.cseq += 1;
        let Account { username, password, .. } = &phone.account;
        let mut request = Message::new(format!("REGISTER {uri} SIP/2.0"))
            .with("Via", format!("SIP/2.0/UDP {router};rport;branch=z9hG4bK{}", token()))
            .with("Max-Forwards", "70")
            .with("From", format!("<sip:{username}@{server}>;tag={}", token()))
            .with("To", format!("<sip:{username}@{server}>"))
            .with("Call-ID", phone.call_id.clone())
            .with("CSeq", format!("{} REGISTER", phone.cseq))
            .with("Contact", format!("<sip:{username}@{router}>"))
            .with("Expires", "300");
        if let Some(challenge) = &phone.challenge {
            let signed = Authorization::answer(challenge, "REGISTER", &uri, username, password, phone.cseq, &token())?;
            request = request.with("Authorization", signed.value());
        }
        phone.asked = Some(Asked { request: request.bytes(), due, pause: REPEAT_FIRST });
        Ok(())
    }

    /// Sends what is due.
    fn send(&mut self, now: Instant) {
        for asked in self.phones.iter_mut().filter_map(|phone| phone.asked.as_mut()).filter(|asked| asked.due <= now) {
            // What the kernel has no room for is sent again, like what was lost.
            let _ = self.socket.send_to(&asked.request, self.server);
            asked.due = now + asked.pause;
            asked.pause = REPEAT_MOST.min(asked.pause * 2);
        }
    }

    /// Waits for an answer, but not longer than this.
    fn hear(&mut self, most: Duration) -> Result<()> {
        let mut datagram = [0; 2048];
        self.socket.set_read_timeout(Some(most.max(Duration::from_millis(1))))?;
        let Ok(length) = self.socket.recv(&mut datagram) else { return Ok(()) };
        let answer = Message::parse(datagram.get(..length).unwrap_or_default())?;
        let at = *self.at.get(answer.call_id()).context("an answer to nobody")?;
        let phone = self.phones.get_mut(at).context("a phone")?;
        if phone.asked.is_none() || answer.cseq() != phone.cseq {
            return Ok(());
        }
        match answer.status() {
            Some(200) => phone.asked = None,
            Some(401) => {
                let challenge = Challenge::parse(answer.header("WWW-Authenticate").context("no challenge")?)?;
                ensure!(phone.challenge.is_none() || challenge.stale, "the right password was refused");
                phone.challenge = Some(challenge);
                self.ask(at, Instant::now())?;
            }
            Some(503) => {
                let later: u64 = answer.header("Retry-After").context("503 without Retry-After")?.parse()?;
                self.ask(at, Instant::now() + Duration::from_secs(later))?;
            }
            _ => bail!("{}", answer.start),
        }
        Ok(())
    }
}
