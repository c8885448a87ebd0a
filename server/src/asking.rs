//! Questions of call control to programs that routes name, and their answers on the way back: signed as webhooks are, and by the same guarded door.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use bytes::Bytes;
use calls::{ASKING_MAX, AskId, Inquiry};
use links::{
    Roots,
    http::{Client, Guard, HttpError, Limits, Want},
};
use model::{
    WallTime,
    route::{Action, Answer, AskOutcome},
};
use office::webhooks::signed;
use tokio::{runtime::Handle, task::AbortHandle, time::timeout};
use tracing::{debug, warn};

/// What the header `Cordboard-Event` says.
const KIND: &str = "route.ask";

/// The one status by which a program answers.
const OK: u16 = 200;

/// Asks programs beside the signalling loop. Each question has a task of its own.
pub(crate) struct Asking {
    http: Client,
    runtime: Handle,
    running: Running,
    /// Questions at once. Call control has no more under way; one too many is answered by a failure at once.
    most: usize,
    clock: fn() -> WallTime,
    tell: Tell,
}

/// The questions that wait for their answers. Whoever takes one out of here may say what came of it.
#[derive(Clone, Default)]
struct Running(Arc<Mutex<BTreeMap<AskId, AbortHandle>>>);

impl Running {
    fn lock(&self) -> MutexGuard<'_, BTreeMap<AskId, AbortHandle>> {
        // Nothing in there is left half done by a panic.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn take(&self, ask: AskId) -> Option<AbortHandle> {
        self.lock().remove(&ask)
    }
}

type Tell = Arc<dyn Fn(AskId, Result<Bytes, AskOutcome>) + Send + Sync>;

impl Asking {
    /// Asks through `guard`, and hands each answer to `tell`, from any thread. To be called within the runtime in which the questions are asked.
    pub(crate) fn start(
        guard: Guard,
        roots: &Roots,
        clock: fn() -> WallTime,
        tell: impl Fn(AskId, Result<Bytes, AskOutcome>) + Send + Sync + 'static,
    ) -> Self {
        let whole = Duration::from_millis(Action::DEADLINE_MAX_MS.into());
        let http = Client::new(guard, roots, Limits { connect: whole, whole, body: Answer::OCTETS_MAX });
        Self { http, runtime: Handle::current(), running: Running::default(), most: ASKING_MAX, clock, tell: Arc::new(tell) }
    }

    /// Asks one question. There is one answer to it, within the time that it is waited for, unless it is taken back. Waits for nobody.
    pub(crate) fn ask(&self, inquiry: Inquiry) {
        let mut running = self.running.lock();
        if running.len() >= self.most {
            drop(running);
            warn!("Too many questions to programs at once; one is not asked.");
            return (self.tell)(inquiry.ask, Err(AskOutcome::Unreachable));
        }
        let (http, tell, now) = (self.http.clone(), Arc::clone(&self.tell), (self.clock)());
        let (ask, within, waits) = (inquiry.ask, inquiry.within, self.running.clone());
        let task = self.runtime.spawn(async move {
            let answer = timeout(within, answer(&http, inquiry, now)).await.unwrap_or(Err(AskOutcome::Late));
            if waits.take(ask).is_some() {
                tell(ask, answer);
            }
        });
        // Before this the task cannot take itself out: it waits for the lock.
        running.insert(ask, task.abort_handle());
    }

    /// Nobody waits for the answer any more: a question that is under way ends, its connection with it, and its room is another's at once.
    pub(crate) fn unask(&self, ask: AskId) {
        if let Some(task) = self.running.take(ask) {
            task.abort();
        }
    }
}

async fn answer(http: &Client, inquiry: Inquiry, now: WallTime) -> Result<Bytes, AskOutcome> {
    let Inquiry { url, secret, body, .. } = inquiry;
    let request = signed(&url, KIND, secret.reveal(), now, &body).body(body.to_vec()).map_err(|_| AskOutcome::Unreachable)?;
    match http.send(request, Want::Whole).await {
        Ok(answer) if answer.status().as_u16() == OK => Ok(answer.into_body().into()),
        // A redirection, too, which is not followed.
        Ok(answer) => {
            debug!(url, status = answer.status().as_u16(), "A program that a route asks does not answer 200.");
            Err(AskOutcome::Wrong)
        }
        Err(error) => {
            debug!(url, %error, "A program that a route asks gives no answer.");
            Err(match error {
                HttpError::Slow => AskOutcome::Late,
                HttpError::TooLarge(_) | HttpError::Broken(_) => AskOutcome::Wrong,
                HttpError::Url(_) | HttpError::Refused(_) | HttpError::Unknown(_) | HttpError::Unreachable(_) | HttpError::Tls(_) => {
                    AskOutcome::Unreachable
                }
            })
        }
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]

    use std::net::{Ipv4Addr, SocketAddr};

    use model::carrier::Secret;
    use office::webhooks::signature;
    use tokio::{
        io::{AsyncReadExt, AsyncWriteExt},
        net::TcpListener,
        sync::mpsc,
    };

    use super::*;

    const SECRET: &str = "0123456789abcdef";

    type Told = mpsc::Receiver<(AskId, Result<Bytes, AskOutcome>)>;

    fn asking(guard: Guard) -> (Asking, Told) {
        let (tell, told) = mpsc::channel(8);
        let asking = Asking::start(
            guard,
            &Roots::public(),
            || WallTime(1_700_000_000_000),
            move |ask, answer| {
                tell.try_send((ask, answer)).unwrap();
            },
        );
        (asking, told)
    }

    fn here() -> Guard {
        Guard::public(vec!["127.0.0.0/8".parse().unwrap()], Vec::new())
    }

    fn inquiry(ask: u64, address: SocketAddr, within_ms: u64) -> Inquiry {
        Inquiry {
            ask: AskId(ask),
            url: format!("http://{address}/route"),
            secret: Secret::new(SECRET.to_owned()),
            body: Bytes::from_static(b"{\"to\":\"6001\"}"),
            within: Duration::from_millis(within_ms),
        }
    }

    /// Answers each connection with one of these texts, after it has read a request; none: it says nothing and stays.
    async fn program(answers: Vec<Option<String>>) -> (SocketAddr, mpsc::Receiver<String>) {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
        let address = listener.local_addr().unwrap();
        let (tell, told) = mpsc::channel(8);
        tokio::spawn(async move {
            let mut hung = Vec::new();
            for answer in answers {
                let (mut stream, _) = listener.accept().await.unwrap();
                let mut request = Vec::new();
                while !request.windows(4).any(|end| end == b"\r\n\r\n") || !request.ends_with(b"}") {
                    assert_ne!(stream.read_buf(&mut request).await.unwrap(), 0);
                }
                tell.send(String::from_utf8(request).unwrap()).await.unwrap();
                match answer {
                    Some(answer) => {
                        stream.write_all(answer.as_bytes()).await.unwrap();
                        stream.shutdown().await.unwrap();
                    }
                    None => hung.push(stream),
                }
            }
            std::future::pending::<()>().await;
        });
        (address, told)
    }

    fn response(status: &str, body: &str) -> Option<String> {
        Some(format!(
            "HTTP/1.1 {status}\r\nContent-Length: {}\r\nConnection: close\r\nLocation: http://127.0.0.1:1/\r\n\r\n{body}",
            body.len()
        ))
    }

    #[tokio::test]
    async fn a_question_is_signed_and_its_answer_comes_back() {
        let (address, mut heard) = program(vec![response("200 OK", "{\"do\":\"dialled_slot\"}")]).await;
        let (asking, mut told) = asking(here());
        asking.ask(inquiry(7, address, 5_000));
        assert_eq!(told.recv().await.unwrap(), (AskId(7), Ok(Bytes::from_static(b"{\"do\":\"dialled_slot\"}"))));
        let request = heard.recv().await.unwrap();
        assert!(request.starts_with("POST /route HTTP/1.1\r\n") && request.ends_with("\r\n\r\n{\"to\":\"6001\"}"), "{request}");
        let signed = format!("cordboard-signature: {}\r\n", signature(SECRET, 1_700_000_000_000, b"{\"to\":\"6001\"}"));
        for header in
            ["cordboard-event: route.ask\r\n", "cordboard-timestamp: 1700000000000\r\n", "content-type: application/json\r\n", &signed]
        {
            assert!(request.contains(header), "{header} is not in {request}");
        }
        assert!(!request.contains(SECRET));
    }

    #[tokio::test]
    async fn whatever_is_no_answer_is_told_as_what_it_is() {
        let long = " ".repeat(Answer::OCTETS_MAX + 1);
        let answers = vec![
            response("404 Not Found", "{\"do\":\"dialled_slot\"}"),
            response("302 Found", ""),
            response("204 No Content", ""),
            response("200 OK", &long),
            Some("rubbish\r\n\r\n".to_owned()),
            None,
        ];
        let count = answers.len();
        let (address, _heard) = program(answers).await;
        let (asking, mut told) = asking(here());
        use AskOutcome::{Late, Wrong};
        for (ask, expected) in (1..).zip([Wrong, Wrong, Wrong, Wrong, Wrong, Late]).take(count) {
            // Long enough for an answer, and short for none.
            asking.ask(inquiry(ask, address, if expected == Late { 50 } else { 5_000 }));
            assert_eq!(told.recv().await.unwrap(), (AskId(ask), Err(expected)));
        }
    }

    #[tokio::test]
    async fn nobody_is_asked_where_nobody_may_be_asked() {
        let (address, mut heard) = program(vec![response("200 OK", "{}")]).await;
        let (asking, mut told) = asking(Guard::public(Vec::new(), Vec::new()));
        asking.ask(inquiry(1, address, 5_000));
        assert_eq!(told.recv().await.unwrap(), (AskId(1), Err(AskOutcome::Unreachable)));
        assert!(heard.try_recv().is_err(), "a loopback address is not for the public");
    }

    #[tokio::test]
    async fn a_program_that_hangs_holds_up_nobody_else_and_one_question_too_many_fails_at_once() {
        let (hung, mut hears) = program(vec![None]).await;
        let (quick, _heard) = program(vec![response("200 OK", "{\"do\":\"dialled_slot\"}")]).await;
        let (mut asking, mut told) = asking(here());
        asking.most = 2;
        asking.ask(inquiry(1, hung, 60_000));
        hears.recv().await.unwrap();
        asking.ask(inquiry(2, quick, 5_000));
        assert_eq!(told.recv().await.unwrap().0, AskId(2));
        asking.ask(inquiry(3, hung, 60_000));
        asking.ask(inquiry(4, quick, 5_000));
        assert_eq!(told.recv().await.unwrap(), (AskId(4), Err(AskOutcome::Unreachable)));
    }

    /// Whoever hangs up before the program has answered makes room for the next, however long the program would hang.
    #[tokio::test]
    async fn a_question_that_nobody_waits_for_holds_no_room() {
        let (hung, mut hears) = program(vec![None, None, None, None]).await;
        let (quick, _heard) = program(vec![response("200 OK", "{\"do\":\"dialled_slot\"}")]).await;
        let (mut asking, mut told) = asking(here());
        asking.most = 2;
        for ask in 1..=4 {
            asking.ask(inquiry(ask, hung, 60_000));
            assert!(told.try_recv().is_err(), "there is room for {ask}");
            hears.recv().await.unwrap();
            asking.unask(AskId(ask));
            asking.unask(AskId(ask));
        }
        asking.ask(inquiry(5, quick, 5_000));
        // Nothing is told of what was taken back.
        assert_eq!(told.recv().await.unwrap(), (AskId(5), Ok(Bytes::from_static(b"{\"do\":\"dialled_slot\"}"))));
        assert!(asking.running.lock().is_empty());
        asking.unask(AskId(5));
    }
}
