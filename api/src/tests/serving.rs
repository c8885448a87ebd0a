//! Listening: slow, greedy and cut-off clients (FT-29), and an orderly end.

use std::{net::SocketAddr, sync::Arc, time::Duration};

use axum::{Router, extract::ConnectInfo, routing::get};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpListener, TcpStream},
    sync::{Notify, oneshot},
    task::JoinHandle,
};

use crate::{
    Metrics, serve,
    serve::{Accept, serve_within},
    testing::World,
};

async fn started(router: Router) -> (SocketAddr, oneshot::Sender<()>, JoinHandle<()>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let (stop, stopped) = oneshot::channel::<()>();
    let task = tokio::spawn(serve(listener, None, router, Metrics::new(), async {
        stopped.await.ok();
    }));
    (address, stop, task)
}

/// Sends octets and reads until the server closes.
async fn exchange(address: SocketAddr, octets: &[u8]) -> String {
    let mut stream = TcpStream::connect(address).await.unwrap();
    stream.write_all(octets).await.unwrap();
    let mut answer = Vec::new();
    // A reset after the answer is as good as an end.
    drop(stream.read_to_end(&mut answer).await);
    String::from_utf8_lossy(&answer).into_owned()
}

#[tokio::test(start_paused = true)]
async fn a_head_that_does_not_end_is_not_waited_for() {
    let (address, _stop, _) = started(Router::new().route("/", get(async || "here"))).await;
    assert!(exchange(address, b"GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n").await.ends_with("here"));
    // The clock jumps as soon as nothing is left to do but wait.
    for slow in [&b""[..], b"GET / HT", b"GET / HTTP/1.1\r\nHost: x\r\nX-A: b\r\n", b"GET / HTTP/1.1\r\nHost: x\r\n\r\n"] {
        let answer = exchange(address, slow).await;
        assert!(!answer.contains("200 OK") || slow.ends_with(b"\r\n\r\n"), "{answer}");
    }
}

#[tokio::test]
async fn heads_are_bounded() {
    let (address, _stop, _) = started(Router::new().route("/", get(async || "here"))).await;
    let many = (0..200).fold(String::new(), |all, at| all + &format!("X-{at}: y\r\n"));
    let long = format!("X-Long: {}\r\n", "y".repeat(1_000_000));
    for headers in [many, long] {
        let answer = exchange(address, format!("GET / HTTP/1.1\r\nHost: x\r\n{headers}\r\n").as_bytes()).await;
        assert!(answer.starts_with("HTTP/1.1 431") || answer.is_empty(), "{answer}");
    }
    // RFC 9112, 6.3: what could be read in two ways is not read at all, or the length is ignored; never both.
    let smuggled = b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\nGET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n";
    let answer = exchange(address, smuggled).await;
    assert!(answer.matches("HTTP/1.1").count() <= 2, "{answer}");
    let two = b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\nhello";
    assert!(exchange(address, two).await.starts_with("HTTP/1.1 400"));
}

#[tokio::test]
async fn bodies_are_bounded_while_they_come() {
    let world = World::with(|settings| settings.body_max = 100).await;
    let (address, _stop, _) = started(world.router.clone()).await;
    let token = world.token("anna");
    let head = |length: &str| {
        format!(
            "POST /api/call/start HTTP/1.1\r\nHost: x\r\nConnection: close\r\nAuthorization: Bearer {token}\r\nContent-Type: application/json\r\n{length}\r\n\r\n"
        )
    };
    // Announced and never sent: answered at once.
    let answer = exchange(address, head("Content-Length: 101").as_bytes()).await;
    assert!(answer.starts_with("HTTP/1.1 413"), "{answer}");
    let chunked = head("Transfer-Encoding: chunked") + "200\r\n" + &"x".repeat(512) + "\r\n0\r\n\r\n";
    let answer = exchange(address, chunked.as_bytes()).await;
    assert!(answer.starts_with("HTTP/1.1 413") && answer.contains("body_too_large"), "{answer}");
}

#[tokio::test]
async fn answers_without_a_body_are_right_on_the_wire() {
    let world = World::new().await;
    let (address, _stop, _) = started(world.router.clone()).await;
    let token = world.token("root");
    let mut told = String::new();
    for request in [
        "GET /api/calls/c_00000000000z8/recording HTTP/1.1\r\nRange: bytes=0-3",
        "HEAD /api/calls/c_00000000000z8/recording HTTP/1.1",
        "GET /api/calls/c_00000000000z8/recording HTTP/1.1\r\nIf-None-Match: \"c_00000000000z8-1044\"",
        "DELETE /api/slots/3 HTTP/1.1",
        "HEAD /api/slots HTTP/1.1",
        "HEAD /api/nothing HTTP/1.1",
    ] {
        let text = format!("{request}\r\nHost: x\r\nConnection: close\r\nAuthorization: Bearer {token}\r\n\r\n");
        let answer = exchange(address, text.as_bytes()).await;
        let (head, body) = answer.split_once("\r\n\r\n").unwrap();
        let shown = head.lines().filter(|line| line.starts_with("HTTP") || line.starts_with("content-length"));
        told += &format!("{}\n    {} | {body:?}\n", request.lines().next().unwrap(), shown.collect::<Vec<_>>().join(", "));
    }
    expect_test::expect![[r#"
        GET /api/calls/c_00000000000z8/recording HTTP/1.1
            HTTP/1.1 206 Partial Content, content-length: 4 | "abcd"
        HEAD /api/calls/c_00000000000z8/recording HTTP/1.1
            HTTP/1.1 200 OK, content-length: 1044 | ""
        GET /api/calls/c_00000000000z8/recording HTTP/1.1
            HTTP/1.1 304 Not Modified | ""
        DELETE /api/slots/3 HTTP/1.1
            HTTP/1.1 204 No Content | ""
        HEAD /api/slots HTTP/1.1
            HTTP/1.1 200 OK, content-length: 983 | ""
        HEAD /api/nothing HTTP/1.1
            HTTP/1.1 404 Not Found, content-length: 157 | ""
    "#]]
    .assert_eq(&told);
}

#[tokio::test]
async fn the_peer_is_known() {
    let router = Router::new().route("/", get(async |ConnectInfo(peer): ConnectInfo<SocketAddr>| peer.ip().to_string()));
    let (address, _stop, _) = started(router).await;
    assert!(exchange(address, b"GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n").await.ends_with("127.0.0.1"));
}

#[tokio::test]
async fn open_requests_are_finished_at_shutdown() {
    let (began, go) = (Arc::new(Notify::new()), Arc::new(Notify::new()));
    let router = Router::new().route("/", {
        let (began, go) = (began.clone(), go.clone());
        get(async move || {
            began.notify_one();
            go.notified().await;
            "done"
        })
    });
    let (address, stop, task) = started(router).await;
    let request = tokio::spawn(exchange_owned(address));
    began.notified().await;
    stop.send(()).unwrap();
    // The listener goes at once, the request may finish.
    while TcpStream::connect(address).await.is_ok() {
        tokio::task::yield_now().await;
    }
    go.notify_one();
    assert!(request.await.unwrap().ends_with("done"));
    tokio::time::timeout(Duration::from_secs(5), task).await.unwrap().unwrap();
}

async fn exchange_owned(address: SocketAddr) -> String {
    exchange(address, b"GET / HTTP/1.1\r\nHost: x\r\n\r\n").await
}

#[tokio::test(start_paused = true)]
async fn a_shutdown_does_not_wait_for_ever() {
    let (address, stop, task) = started(Router::new().route("/", get(async || std::future::pending::<&str>().await))).await;
    let mut stream = TcpStream::connect(address).await.unwrap();
    stream.write_all(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n").await.unwrap();
    tokio::task::yield_now().await;
    stop.send(()).unwrap();
    task.await.unwrap();
}

/// A listener that finds no free descriptor so many times (EMFILE; accept(2)).
struct Exhausted {
    listener: TcpListener,
    failures: std::sync::Mutex<u32>,
}

impl Accept for Exhausted {
    async fn accept(&self) -> std::io::Result<(TcpStream, SocketAddr)> {
        {
            let mut failures = self.failures.lock().unwrap();
            if *failures > 0 {
                *failures -= 1;
                return Err(std::io::Error::from_raw_os_error(24));
            }
        }
        self.listener.accept().await
    }
}

#[tokio::test(start_paused = true)]
async fn without_descriptors_it_waits_and_recovers() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let (listener, metrics) = (Exhausted { listener, failures: 100.into() }, Metrics::new());
    let began = tokio::time::Instant::now();
    let router = Router::new().route("/", get(async || "here"));
    let places = Arc::new(tokio::sync::Semaphore::new(8));
    tokio::spawn(serve_within(places, listener, None, router, metrics.clone(), std::future::pending()));
    let answer = exchange(address, b"GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n").await;
    assert!(answer.ends_with("here"), "{answer}");
    // A tenth of a second between attempts: no processor is kept busy with them (FT-11).
    assert!(began.elapsed() >= Duration::from_secs(10), "{:?}", began.elapsed());
    assert!(metrics.render().unwrap().contains("cordboard_accept_failures_total{listener=\"http\"} 100"));
}
