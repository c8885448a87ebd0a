//! Requests against servers on this machine, well behaved and otherwise.
#![expect(clippy::unwrap_used, reason = "tests")]

use std::{collections::BTreeMap, io, sync::Mutex};

use tokio_rustls::{TlsAcceptor, rustls::pki_types::PrivateKeyDer};

use super::*;
use crate::{
    RootsError,
    testing::{Receiver, Reply},
};

fn local() -> Guard {
    Guard::public(vec!["127.0.0.0/8".parse().unwrap()], Vec::new())
}

fn client(guard: Guard, limits: Limits) -> Client {
    Client::new(guard, &Roots::public(), limits)
}

fn get(url: &str) -> Request<Vec<u8>> {
    Request::get(url).body(Vec::new()).unwrap()
}

/// A resolver that answers by a table, one answer after the other; the last one stays.
#[derive(Debug, Default)]
struct Table(Mutex<BTreeMap<String, Vec<Vec<IpAddr>>>>);

impl Table {
    fn of(entries: &[(&str, &[&[&str]])]) -> Arc<Self> {
        let answers = |all: &[&[&str]]| all.iter().map(|one| one.iter().map(|address| address.parse().unwrap()).collect()).collect();
        Arc::new(Self(Mutex::new(entries.iter().map(|(host, all)| ((*host).to_owned(), answers(all))).collect())))
    }
}

impl Resolve for Table {
    fn resolve(&self, host: String) -> Boxed<'static, io::Result<Vec<IpAddr>>> {
        let mut table = self.0.lock().unwrap();
        let found = table
            .get_mut(&host)
            .map(|answers| if answers.len() > 1 { answers.remove(0) } else { answers.first().cloned().unwrap_or_default() });
        Box::pin(async move { found.ok_or_else(|| io::Error::from(io::ErrorKind::NotFound)) })
    }
}

#[tokio::test]
async fn an_answer_is_read() {
    let server = Receiver::start(|_| Reply::Answer(418, vec![("x-tea", "green".to_owned())], b"short and stout".to_vec())).await;
    let client = client(local(), Limits::default());
    for want in [Want::Whole, Want::Beginning(1024)] {
        let request = Request::post(server.url("/pot?a=1#not-sent")).header("x-one", "1").body(b"{}".to_vec()).unwrap();
        let answer = client.send(request, want).await.unwrap();
        assert_eq!((answer.status().as_u16(), answer.body().as_slice()), (418, b"short and stout".as_slice()));
        assert_eq!(answer.headers().get("x-tea").unwrap(), "green");
    }
    let got = server.wait(2).await;
    let first = got.first().unwrap();
    assert_eq!((first.method.as_str(), first.path.as_str(), first.text().as_str()), ("POST", "/pot?a=1", "{}"));
    assert_eq!((first.header("x-one"), first.header("user-agent")), ("1", AGENT));
    assert_eq!(first.header("host"), server.address().to_string());
}

/// Everything that people have used to say "this machine" to a filter that looked at the text.
#[tokio::test]
async fn no_spelling_of_an_address_passes() {
    let evil = "http://127.0.0.1/ http://127.1/ http://0/ http://0.0.0.0/ http://2130706433/ http://0x7f000001/ http://0x7f.0x0.0x0.0x1/ \
        http://017700000001/ http://0177.0.0.01/ http://127.0.0.1./ http://[::1]/ http://[::]/ http://[::ffff:127.0.0.1]/ \
        http://[::ffff:7f00:1]/ http://[0:0:0:0:0:ffff:127.0.0.1]/ http://[64:ff9b::127.0.0.1]/ http://[2002:7f00:1::]/ http://①②⑦.⓪.⓪.①/ \
        http://127。0。0。1/ http://%31%32%37.0.0.1/ http://169.254.169.254/latest/meta-data/ http://2852039166/ http://[fd00:ec2::254]/ \
        http://0xa9.0xfe.0xa9.0xfe/ http://10.0.0.1/ http://192.168.1.1/ http://172.16.0.1/ http://100.64.0.1/ http:127.0.0.1/ http:\\\\127.0.0.1\\ \
        HTTP://127.0.0.1/ https://127.0.0.1/ https://[::1]/ http://[fe80::1]/ http://224.0.0.1/ http://255.255.255.255/";
    let client = client(Guard::public(Vec::new(), Vec::new()), Limits::default());
    for url in evil.split_whitespace() {
        assert!(matches!(client.check_url(url), Err(HttpError::Refused(Refused::Address { .. }))), "{url}");
        let Ok(uri) = url.parse::<Uri>() else { continue };
        let Ok(request) = Request::get(uri).body(Vec::new()) else { continue };
        let error = client.send(request, Want::Whole).await.unwrap_err();
        assert!(matches!(error, HttpError::Refused(Refused::Address { .. }) | HttpError::Url(_)), "{url}: {error}");
    }
    // Names are judged by what they resolve to, by the machine's own resolver.
    for url in ["http://localhost/", "http://LOCALHOST./", "http://localhost:8080/"] {
        assert!(client.check_url(url).is_ok(), "{url}");
        let error = client.send(get(url), Want::Whole).await.unwrap_err();
        assert!(matches!(error, HttpError::Refused(Refused::Address { .. }) | HttpError::Unknown(_)), "{url}: {error}");
    }
}

#[tokio::test]
async fn no_other_url_passes() {
    let client = client(local(), Limits::default());
    let long = format!("http://127.0.0.1/{}", "a".repeat(URL_MAX));
    let wrong = [
        "",
        "/path",
        "127.0.0.1",
        "ftp://127.0.0.1/",
        "file:///etc/passwd",
        "gopher://127.0.0.1/",
        "javascript:alert(1)",
        "data:text/plain,x",
        "unix:/run/x.sock",
        "http://",
        "http:///",
        "http://user@127.0.0.1/",
        "http://user:pass@127.0.0.1/",
        "http://:pass@127.0.0.1/",
        "https://127.0.0.1@evil/",
        "http://127.0.0.1:99999/",
        "http://[::1/",
        "http://a b/",
        "http://127.0.0.1%00.evil/",
        "ws://127.0.0.1/",
        "http://[fe80::1%25eth0]/",
        &long,
    ];
    for url in wrong {
        assert!(matches!(client.check_url(url), Err(HttpError::Url(_))), "{url}");
    }
    let ports = Client::new(Guard::public(Vec::new(), vec![80, 443]), &Roots::public(), Limits::default());
    for (url, is_good) in [
        ("http://example.org/", true),
        ("https://example.org/", true),
        ("https://example.org:80/", true),
        ("http://example.org:22/", false),
        ("https://example.org:8443/", false),
    ] {
        assert_eq!(ports.check_url(url).is_ok(), is_good, "{url}");
    }
    assert!(matches!(ports.send(get("http://example.org:22/"), Want::Whole).await, Err(HttpError::Refused(Refused::Port(22)))));
}

#[tokio::test]
async fn a_name_is_judged_at_each_connection_by_all_its_addresses() {
    let server = Receiver::start(|_| Reply::Answer(200, vec![("connection", "close".to_owned())], Vec::new())).await;
    let port = server.address().port();
    let resolver = Table::of(&[
        // Good at first, and then this machine's neighbour.
        ("rebound.example", &[&["127.0.0.1"], &["169.254.169.254"]]),
        ("mixed.example", &[&["127.0.0.1", "10.0.0.1"]]),
        ("inner.example", &[&["10.0.0.1"]]),
        ("none.example", &[&[]]),
        // The first address does not answer: 127.0.0.2 has no such port open.
        ("second.example", &[&["127.0.0.2", "127.0.0.1"]]),
    ]);
    let client = Client::with_resolver(local(), &Roots::public(), Limits::default(), resolver);
    let send = |host: &str| {
        let client = client.clone();
        let request = get(&format!("http://{host}:{port}/"));
        async move { client.send(request, Want::Whole).await.map(|answer| answer.status().as_u16()) }
    };
    assert_eq!(send("rebound.example").await.unwrap(), 200);
    assert!(matches!(send("rebound.example").await, Err(HttpError::Refused(Refused::Address { .. }))));
    assert!(matches!(send("mixed.example").await, Err(HttpError::Refused(Refused::Address { .. }))));
    assert!(matches!(send("inner.example").await, Err(HttpError::Refused(Refused::Address { .. }))));
    assert!(matches!(send("none.example").await, Err(HttpError::Unknown(_))));
    assert!(matches!(send("unknown.example").await, Err(HttpError::Unknown(_))));
    assert_eq!(send("second.example").await.unwrap(), 200);
    assert_eq!(server.got().len(), 2);
}

#[tokio::test]
async fn no_redirect_is_followed() {
    let server = Receiver::start(|got| match got.path.as_str() {
        "/" => Reply::Answer(302, vec![("location", "/secret".to_owned())], Vec::new()),
        _ => Reply::status(200),
    })
    .await;
    let answer = client(local(), Limits::default()).send(get(&server.url("/")), Want::Whole).await.unwrap();
    assert_eq!(answer.status().as_u16(), 302);
    assert_eq!(server.got().len(), 1);
}

#[tokio::test]
async fn an_answer_has_its_limits() {
    let head = b"HTTP/1.1 200 OK\r\ncontent-type: text/plain\r\n\r\n".to_vec();
    let endless = head.clone();
    let server = Receiver::start(move |got| match got.path.as_str() {
        "/large" => Reply::Answer(200, Vec::new(), vec![b'x'; 5000]),
        "/endless" => Reply::Endless([endless.as_slice(), &[b'y'; 4096]].concat()),
        "/silent" => Reply::Hang(Vec::new()),
        "/stuck" => Reply::Hang([head.as_slice(), b"begun"].concat()),
        "/cut" => Reply::Close(b"HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\nabc".to_vec()),
        "/garbage" => Reply::Close(b"SSH-2.0-OpenSSH\r\n".to_vec()),
        "/huge-head" => Reply::Endless(b"HTTP/1.1 200 OK\r\nx: yyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyy\r\n".to_vec()),
        _ => Reply::Close(Vec::new()),
    })
    .await;
    let patient = client(local(), Limits { whole: Duration::from_secs(60), body: 4096, ..Limits::default() });
    let hasty = client(local(), Limits { whole: Duration::from_millis(300), ..Limits::default() });
    let by = async |client: &Client, path: &str, want| client.send(get(&server.url(path)), want).await.map(|answer| answer.into_body());
    let send = async |path: &str, want| by(&patient, path, want).await;
    assert!(matches!(send("/large", Want::Whole).await, Err(HttpError::TooLarge(4096))));
    assert!(matches!(send("/endless", Want::Whole).await, Err(HttpError::TooLarge(4096))));
    assert_eq!(send("/large", Want::Beginning(10)).await.unwrap(), b"xxxxxxxxxx");
    assert_eq!(send("/endless", Want::Beginning(3)).await.unwrap(), b"yyy");
    assert_eq!(send("/stuck", Want::Beginning(100)).await.unwrap(), b"begun");
    assert_eq!(send("/cut", Want::Beginning(100)).await.unwrap(), b"abc");
    assert!(matches!(send("/cut", Want::Whole).await, Err(HttpError::Broken(_))));
    assert!(matches!(by(&hasty, "/stuck", Want::Whole).await, Err(HttpError::Slow)));
    for want in [Want::Whole, Want::Beginning(100)] {
        assert!(matches!(by(&hasty, "/silent", want).await, Err(HttpError::Slow)));
        for path in ["/garbage", "/huge-head", "/closed"] {
            assert!(matches!(send(path, want).await, Err(HttpError::Broken(_))), "{path}");
        }
    }
}

#[tokio::test]
async fn nobody_there_is_told() {
    let address = Receiver::start(|_| Reply::status(200)).await.address();
    // The server is gone: its port refuses.
    let error = client(local(), Limits::default()).send(get(&format!("http://{address}/")), Want::Whole).await.unwrap_err();
    assert!(matches!(error, HttpError::Unreachable(_) | HttpError::Broken(_)), "{error}");
}

#[tokio::test]
async fn a_connection_serves_several_requests() {
    let server = Receiver::start(|_| Reply::json("{}")).await;
    let resolver = Table::of(&[("once.example", &[&["127.0.0.1"], &["10.0.0.1"]])]);
    let client = Client::with_resolver(local(), &Roots::public(), Limits::default(), resolver);
    let url = format!("http://once.example:{}/", server.address().port());
    for _ in 0..5 {
        client.send(get(&url), Want::Whole).await.unwrap();
    }
}

#[tokio::test]
async fn a_certificate_has_to_be_believed() {
    let key = rcgen::generate_simple_self_signed(vec!["secure.example".to_owned()]).unwrap();
    let pem = key.cert.pem();
    let config = tokio_rustls::rustls::ServerConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![key.cert.der().clone()], PrivateKeyDer::Pkcs8(key.signing_key.serialize_der().into()))
        .unwrap();
    let acceptor = TlsAcceptor::from(Arc::new(config));
    let server = Receiver::start_with(
        |_| Reply::status(204),
        move |stream| {
            let accepted = acceptor.accept(stream);
            async move { accepted.await.ok() }
        },
    )
    .await;
    let resolver = Table::of(&[("secure.example", &[&["127.0.0.1"]]), ("other.example", &[&["127.0.0.1"]])]);
    let url = |host: &str| format!("https://{host}:{}/", server.address().port());
    let stranger = Client::with_resolver(local(), &Roots::public(), Limits::default(), resolver.clone());
    assert!(matches!(stranger.send(get(&url("secure.example")), Want::Whole).await, Err(HttpError::Tls(_))));
    let house = Client::with_resolver(local(), &Roots::with_house(pem.as_bytes()).unwrap(), Limits::default(), resolver);
    assert_eq!(house.send(get(&url("secure.example")), Want::Whole).await.unwrap().status().as_u16(), 204);
    assert!(matches!(house.send(get(&url("other.example")), Want::Whole).await, Err(HttpError::Tls(_))), "a certificate of another name");
    // A server without TLS.
    let plain = Receiver::start_with(
        |_| Reply::status(200),
        |mut stream| async move {
            let _ = tokio::io::AsyncWriteExt::write_all(&mut stream, b"220 no TLS here\r\n").await;
            None::<tokio::net::TcpStream>
        },
    )
    .await;
    let error = house.send(get(&format!("https://{}/", plain.address())), Want::Whole).await.unwrap_err();
    assert!(matches!(error, HttpError::Tls(_)), "{error}");
    for (pem, wrong) in [("", RootsError::Empty), ("nothing", RootsError::Empty)] {
        assert_eq!(Roots::with_house(pem.as_bytes()).unwrap_err(), wrong);
    }
    let broken = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";
    assert!(matches!(Roots::with_house(broken.as_bytes()), Err(RootsError::Unusable { place: 1, .. })));
}
