//! From a phone's packet to the event at a hundred open consoles.

use std::{
    collections::{BTreeMap, HashMap, HashSet},
    net::UdpSocket,
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};

use anyhow::{Context, Result, bail};
use futures_util::{SinkExt as _, StreamExt as _};
use serde_json::{Value, json};
use tokio::{net::TcpStream, sync::mpsc};
use tokio_tungstenite::{client_async, tungstenite::Message};

use crate::{
    generate::{
        phones::{Offer, Phones, Said, Work},
        wire::{Stamp, now},
    },
    numbers::permille,
    peers::ours::Ours,
    report::Figure,
    work::{EVENT_AIM, Row},
};

/// Slots: half of them call the others.
const HUBS: [u16; 1] = [200];
const MEDIA_PORTS: u16 = 2_000;
/// Calls a second: a centre of a hundred people who call without a pause has fewer.
const RATE: u32 = 10;
const TALK: Duration = Duration::from_secs(1);
/// Consoles of one person: a person has 16 at most.
const CONSOLES_EACH: usize = 10;
/// Until a console is open, and until the last event has come.
const PATIENCE: Duration = Duration::from_secs(30);
/// The server's Socket.IO packet of an event.
const EVENT: &str = "42";

/// An event that came to a console.
struct Came {
    at: Stamp,
    call: String,
    callee: String,
    status: String,
}

/// Everything that came, by console.
type Arrivals = Arc<Mutex<Vec<Vec<Came>>>>;

/// Opens `row.amount` consoles of somebody who may see all calls, lets calls be made for `span`, and holds each console's events against the
/// packets that they tell of.
pub(crate) fn measure(row: &Row, span: Duration, tell: fn(&str)) -> Result<Figure> {
    let ours = Ours::start(false, &HUBS, MEDIA_PORTS)?;
    let sink = UdpSocket::bind("127.0.0.1:0")?;
    let mut phones = Phones::new(ours.sip(), &ours.accounts, sink.local_addr()?)?;
    phones.register_all(500)?;
    let consoles = usize::try_from(row.amount)?;
    let base = ours.server().base();
    let tokens = people(&ours, consoles.div_ceil(CONSOLES_EACH))?;
    let arrivals: Arrivals = Arc::new(Mutex::new((0..consoles).map(|_| Vec::new()).collect()));
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build()?;
    let (opened, mut open) = mpsc::channel(consoles);
    for console in 0..consoles {
        let token = tokens.get(console / CONSOLES_EACH).context("a token")?.clone();
        let (base, arrivals, opened) = (base.clone(), Arc::clone(&arrivals), opened.clone());
        runtime.spawn(async move {
            if let Err(failure) = sit(&base, &token, console, &arrivals, &opened).await {
                // Nobody listens once all are open.
                let _ = opened.send(Err(failure)).await;
            }
        });
    }
    drop(opened);
    runtime.block_on(async {
        for _ in 0..consoles {
            tokio::time::timeout(PATIENCE, open.recv()).await.context("the consoles do not open")?.context("a console did not open")??;
        }
        Ok::<_, anyhow::Error>(())
    })?;
    tell(&format!("{}: {consoles} consoles are open", row.name));

    phones.take_said();
    let count = usize::try_from(span.as_secs())? * usize::try_from(RATE)?;
    let offer = Offer { work: Work::Call { talk: Some(TALK) }, rate: RATE, count, first: 0 };
    let tally = phones.run_all(&[offer], PATIENCE, &mut |_| Ok(()))?;
    let said = phones.take_said();
    let numbers: Vec<&str> = ours.accounts.iter().map(|account| account.number.as_str()).collect();

    // Ringing and answered are said in one breath, and a console may then be told of the answer only.
    let expected = count * 2 * consoles;
    let deadline = Instant::now() + PATIENCE;
    let (mut waits, mut counted) = waits(&arrivals, &said, &numbers);
    while counted < expected && Instant::now() < deadline {
        std::thread::park_timeout(Duration::from_millis(50));
        (waits, counted) = self::waits(&arrivals, &said, &numbers);
    }
    let mut faults: Vec<String> = tally.failures.iter().map(|(what, count)| format!("{count} × {what}")).collect();
    if counted < expected {
        faults.push(format!("{} of {expected} events did not come", expected - counted));
    }
    runtime.shutdown_background();
    let mut at = |part| permille(&mut waits, part).map(Duration::from_nanos).context("no event came");
    let (p50, p99, last) = (at(500)?, at(990)?, at(1000)?);
    Ok(Figure {
        name: row.name.to_owned(),
        what: format!("packet to event at {consoles} consoles, {RATE} calls a second, {} events", waits.len()),
        text: format!(
            "p50 {:.2} ms, p99 {:.2} ms, last {:.2} ms (aim {} ms)",
            p50.as_secs_f64() * 1e3,
            p99.as_secs_f64() * 1e3,
            last.as_secs_f64() * 1e3,
            EVENT_AIM.as_millis()
        ),
        of_aim: p99.as_secs_f64() / EVENT_AIM.as_secs_f64(),
        faults,
    })
}

/// Tokens of people who may see all calls.
fn people(ours: &Ours, count: usize) -> Result<Vec<String>> {
    let admin = ours.server().admin()?;
    let password = "a password of the bench";
    (0..count)
        .map(|at| {
            let username = format!("watcher{at}");
            let body = json!({"username": username, "password": password, "role": "admin"});
            admin.post("/api/users", &body)?.expect(201)?;
            let person = ours.server().anonymous().login(&username, password)?;
            Ok(person.token().context("a token")?.to_owned())
        })
        .collect()
}

/// A console: hears until the server goes.
async fn sit(base: &str, token: &str, console: usize, arrivals: &Arrivals, opened: &mpsc::Sender<Result<()>>) -> Result<()> {
    let address = base.strip_prefix("http://").context("an address")?;
    let stream = TcpStream::connect(address).await?;
    let (mut socket, _) = client_async(format!("ws://{address}/socket.io/?EIO=4&transport=websocket"), stream).await?;
    while let Some(message) = socket.next().await {
        let at = now();
        let Message::Text(text) = message? else { continue };
        let text = text.as_str();
        if text.starts_with('0') {
            socket.send(Message::text(format!("40{}", json!({"token": token})))).await?;
        } else if text.starts_with("44") {
            bail!("a console is refused: {text}");
        } else if text.starts_with("40") {
            socket.send(Message::text(format!("421{}", json!(["subscribe:calls", {}])))).await?;
        } else if text.starts_with("431") {
            opened.send(Ok(())).await?;
        } else if text == "2" {
            socket.send(Message::text("3")).await?;
        } else if let Some(event) = text.strip_prefix(EVENT) {
            let event: Value = serde_json::from_str(event)?;
            if event.get(0).and_then(Value::as_str) != Some("call.update") {
                continue;
            }
            let data = event.get(1).and_then(|event| event.get("data")).context("an event's data")?;
            let text = |name: &str| data.get(name).and_then(Value::as_str).unwrap_or_default().to_owned();
            let came = Came { at, call: text("call_id"), callee: text("callee"), status: text("status") };
            if let Some(mine) = arrivals.lock().unwrap_or_else(PoisonError::into_inner).get_mut(console) {
                mine.push(came);
            }
        }
    }
    Ok(())
}

/// How long each event took, and how many of those that must come have come. A phone has one call at a time, so its calls come in the order
/// of its packets.
fn waits(arrivals: &Arrivals, said: &[Said], numbers: &[&str]) -> (Vec<u64>, usize) {
    let mut packets: HashMap<(&str, &str), Vec<Stamp>> = HashMap::new();
    for Said { at, callee, status } in said {
        let Some(number) = numbers.get(*callee) else { continue };
        packets.entry((number, status)).or_default().push(*at);
    }
    let mut waits = Vec::new();
    let mut counted = 0;
    for console in arrivals.lock().unwrap_or_else(PoisonError::into_inner).iter() {
        let mut calls: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
        let mut seen: HashSet<(&str, &str)> = HashSet::new();
        for Came { at, call, callee, status } in console {
            let calls = calls.entry(callee).or_default();
            if !calls.contains(&call.as_str()) {
                calls.push(call);
            }
            // The first event only: a call that is answered may be told of again.
            if !seen.insert((call, status)) {
                continue;
            }
            let place = calls.iter().position(|known| known == call).unwrap_or(usize::MAX);
            let Some(sent) = packets.get(&(callee.as_str(), status.as_str())).and_then(|sent| sent.get(place)) else { continue };
            waits.push(at.saturating_sub(*sent));
            counted += usize::from(status != "ringing");
        }
    }
    (waits, counted)
}
