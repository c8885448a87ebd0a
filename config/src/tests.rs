//! What a file and an environment lead to, as text.
#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test that cannot go on shall stop")]

use std::{fmt::Write, path::Path};

use expect_test::{Expect, expect, expect_file};

use crate::{Config, ConfigError, DatabaseUrl, Judged, Warning, section::Section, value::Value};

fn load(file: &str, env: &[(&str, &str)]) -> Result<(Config, Vec<Warning>), Vec<ConfigError>> {
    judge(file, env).outcome()
}

fn judge(file: &str, env: &[(&str, &str)]) -> Judged {
    Config::judge(Some(file), env.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())), |_| Vec::new())
}

/// What differs from the defaults and the warnings, or all errors.
fn check(file: &str, env: &[(&str, &str)], expect: Expect) {
    let mut text = String::new();
    match load(file, env) {
        Ok((config, warnings)) => {
            let (default, config) = (format!("{:#?}", Config::default()), format!("{config:#?}"));
            for line in config.lines().filter(|line| !default.lines().any(|other| other == *line)) {
                writeln!(text, "{}", line.trim()).unwrap();
            }
            for warning in warnings {
                writeln!(text, "warning: {warning}").unwrap();
            }
        }
        Err(errors) => {
            for error in errors {
                writeln!(text, "{error}").unwrap();
            }
        }
    }
    expect.assert_eq(&text);
}

#[test]
fn the_example_file_is_what_is_printed() {
    expect_file![Path::new(env!("CARGO_MANIFEST_DIR")).join("../cordboard.example.toml")].assert_eq(&Config::print_documented());
}

#[test]
fn the_printed_file_gives_the_defaults() {
    let (config, warnings) = load(&Config::print_documented(), &[]).unwrap();
    assert_eq!(config, Config::default());
    assert_eq!(warnings, []);
    assert_eq!(load("", &[]).unwrap().0, Config::default());
    assert_eq!(Config::judge(None, std::iter::empty(), |_| Vec::new()).outcome().unwrap().0, Config::default());
}

#[test]
fn every_key_is_documented() {
    for section in Config::documented() {
        assert!(!section.about.is_empty(), "[{}]", section.name);
        for key in section.keys {
            assert!(!key.about.is_empty() && key.about.iter().all(|line| line.starts_with(' ')), "{}", key.path);
        }
    }
}

#[test]
fn the_environment_goes_before_the_file_and_the_file_before_the_default() {
    let file = "[http]\nlisten = \"127.0.0.1:4000\"\n[calls]\nmax = 10";
    check(
        file,
        &[("CORDBOARD__HTTP__LISTEN", "127.0.0.1:5000"), ("PATH", "/bin"), ("CORDBOARD_DATA_DIR", "x")],
        expect![[r#"
            listen: 127.0.0.1:5000,
            max: 10,
            warning: `CORDBOARD_DATA_DIR`: this environment variable is not read; a key is written with two underscores each: `CORDBOARD__SECTION__KEY`
        "#]],
    );
}

#[test]
fn every_type_is_read_from_the_environment() {
    check(
        "",
        &[
            ("CORDBOARD__HTTP__LISTEN", "[::1]:80"),
            ("CORDBOARD__HTTP__BODY_MAX", "64 KiB"),
            ("CORDBOARD__SIP__UDP", "127.0.0.1:5060, [::1]:5060"),
            ("CORDBOARD__SIP__TCP", ""),
            ("CORDBOARD__SIP__DOMAIN", "pbx.example.org"),
            ("CORDBOARD__SIP__EXPIRES_MIN", "30"),
            ("CORDBOARD__MEDIA__ADDRESS", "192.0.2.1"),
            ("CORDBOARD__MEDIA__PUBLIC_ADDRESS", "2001:db8::1"),
            ("CORDBOARD__MEDIA__LOCAL_NETS", "192.0.2.0/24"),
            ("CORDBOARD__MEDIA__PORTS", "20000-29999"),
            ("CORDBOARD__MEDIA__TONES", "US"),
            ("CORDBOARD__DATABASE__URL", "postgres://cord:s3cret@db/cord"),
            ("CORDBOARD__RECORDING__ENABLED", "false"),
            ("CORDBOARD__RECORDING__DIR", "/srv/recordings"),
            ("CORDBOARD__LOG__FORMAT", "json"),
        ],
        expect![[r#"
            listen: [::1]:80,
            65536,
            127.0.0.1:5060,
            [::1]:5060,
            tcp: [],
            domain: Some(
            Domain(
            "pbx.example.org",
            expires_min: 30,
            address: Address(
            192.0.2.1,
            public_address: Some(
            2001:db8::1,
            192.0.2.0/24,
            20000..=29999,
            "us",
            url: Some(
            DatabaseUrl(postgres:..),
            enabled: false,
            dir: Some(
            "/srv/recordings",
            format: Json,
        "#]],
    );
}

#[test]
fn everything_that_is_wrong_is_told_at_once() {
    check(
        r#"
listen = "127.0.0.1:3000"
journal = 3

[http]
listen = "localhost:3000"
lisen = "127.0.0.1:3000"
body_max = "10 MB"

[sip]
udp = "0.0.0.0:5060"
tcp = ["0.0.0.0:5060", 5060]
domain = "10.0.0.256"
expires_min = "60"
expires_default = 0
ports = "16384-32767"

[media]
address = "automatic"
local_nets = ["10.0.0.0/33"]
ports = "16385-32767"
timeout_s = 1.5
workers = -1
tones = "Russia"

[databse]
url = ""

[recording]
enabled = "yes"

[calls.ring_s]
seconds = 3
"#,
        &[
            ("CORDBOARD__HTTP__LISTEN", "3000"),
            ("CORDBOARD__SIP__EXPIRES_MAX", "an hour"),
            ("CORDBOARD__RECORDING__ENABLED", "1"),
            ("CORDBOARD__MEDIA__PORT", "16384-32767"),
            ("CORDBOARD__DATABASE__URL", "mysql://root:s3cret@db/cord"),
            ("CORDBOARD__CONFIG", "x"),
        ],
        expect![[r#"
            line 2, column 1: unknown key `listen`; did you mean `http.listen`?
            line 3, column 1: `journal` expects to be a section, not a whole number
            line 6, column 1: `http.listen`: "localhost:3000" is no address and port, such as "127.0.0.1:3000" or "[::1]:3000"
            line 7, column 1: unknown key `http.lisen`; did you mean `http.listen`?
            line 8, column 1: `http.body_max`: "10 MB" is no size, such as 65536, "64 KiB" or "10 MiB"
            line 11, column 1: `sip.udp` expects a list, not a text
            line 12, column 1: `sip.tcp`: an item is a whole number; expected an address and port such as "127.0.0.1:3000" or "[::1]:3000"
            line 13, column 1: `sip.domain`: "10.0.0.256" is no host name and no IP address
            line 14, column 1: `sip.expires_min` expects a whole number, not a text
            line 15, column 1: `sip.expires_default`: 0 is not from 1 to 86400
            line 16, column 1: unknown key `sip.ports`; did you mean `media.ports`?
            line 19, column 1: `media.address`: "automatic" is neither "auto" nor an IP address
            line 20, column 1: `media.local_nets`: "10.0.0.0/33" is no network, such as "10.0.0.0/8" or "fc00::/7"
            line 21, column 1: `media.ports`: the first port, 16385, is odd; RTP takes even ports and RTCP the next one (RFC 3550, 11)
            line 22, column 1: `media.timeout_s` expects a whole number, not a fraction
            line 23, column 1: `media.workers`: -1 is not from 0 to 256
            line 24, column 1: `media.tones`: "Russia" is no country, such as "ru" or "us"
            line 26, column 2: unknown section `[databse]`; did you mean `[database]`?
            line 30, column 1: `recording.enabled` expects true or false, not a text
            line 32, column 8: `calls.ring_s` expects a whole number, not a section
            CORDBOARD__HTTP__LISTEN: `http.listen`: "3000" is no address and port, such as "127.0.0.1:3000" or "[::1]:3000"
            CORDBOARD__SIP__EXPIRES_MAX: `sip.expires_max` expects a whole number, not this text
            CORDBOARD__DATABASE__URL: `database.url`: a database's URL begins with sqlite:, postgres:// or postgresql:// and names a database
            CORDBOARD__RECORDING__ENABLED: `recording.enabled` expects true or false, not this text
            CORDBOARD__CONFIG: unknown environment variable
            CORDBOARD__MEDIA__PORT: unknown environment variable; did you mean `CORDBOARD__MEDIA__PORTS`?
        "#]],
    );
}

#[test]
fn broken_toml_is_told_with_the_variables() {
    let file = "[http]\nlisten = \"127.0.0.1:1\"\nlisten = \"127.0.0.1:2\"\n\n[calls\nmax = = 3\nmx = 3\n";
    check(
        file,
        &[("CORDBOARD__CALLS__MAX", "0")],
        expect![[r#"
            line 3, column 1: duplicate key `listen`
            line 5, column 7: unclosed table, expected `]`
            line 6, column 7: extra `=`, expected nothing
            line 6, column 9: unexpected key or value, expected newline, `#`; the file's keys can be judged only when its syntax is right
            CORDBOARD__CALLS__MAX: `calls.max`: 0 is not from 1 to 10000
        "#]],
    );
}

/// What is misspelt, out of range, in contradiction, and unknown to another room: all at once, each where it stands.
#[test]
fn every_kind_of_error_is_told_at_once() {
    let file =
        "[http]\nlisen = \"127.0.0.1:1\"\n[sip]\nexpires_min = 500\nexpires_default = 30\n[media]\ntones = \"xx\"\n[calls]\nring_s = 0\n";
    let env = [("CORDBOARD__LOG__FILTER".to_owned(), "blah=foo".to_owned())];
    let judged = Config::judge(Some(file), env.into_iter(), |config| {
        let Config { media, log, .. } = config;
        vec![
            ("media.tones", format!("{:?} is unknown", media.tones.country())),
            ("log.filter", format!("{:?} is no filter", log.filter)),
            ("calls.ring_s", "it stands at its default, which nobody has written".to_owned()),
            ("journal.fsync_ms", "a default can be wrong too".to_owned()),
        ]
    });
    let told: String = judged.errors().iter().map(|error| format!("{error}\n")).collect();
    expect![[r#"
        line 2, column 1: unknown key `http.lisen`; did you mean `http.listen`?
        line 4, column 1: `sip.expires_min` (500), `sip.expires_default` (30) and `sip.expires_max` (3600) must stand in this order: min ≤ default ≤ max
        line 7, column 1: `media.tones`: "xx" is unknown
        line 9, column 1: `calls.ring_s`: 0 is not from 1 to 600
        CORDBOARD__LOG__FILTER: `log.filter`: "blah=foo" is no filter
        `journal.fsync_ms`: a default can be wrong too
    "#]]
    .assert_eq(&told);
}

/// What cannot be read, or is probably misspelt, stands at its default and is no change; all else is, and where.
#[test]
fn what_differs_is_told_beside_errors() {
    let (running, _) =
        load("[media]\nworkers = 3\ntones = \"de\"\n[http]\nlisten = \"127.0.0.1:1\"\n[journal]\nfsync_ms = 7\n", &[]).unwrap();
    let file = "[media]\nworkers = 4\ntones = 5\n[http]\nlisen = \"127.0.0.1:2\"\n[sip]\ndomain = \"a\"\n";
    let told = |file: &str, env: &[(&str, &str)]| -> String {
        let judged = judge(file, env);
        let differences = judged.differences(&running).into_iter();
        differences
            .map(|(difference, place)| format!("{} {}\n", difference.key, place.map(ToString::to_string).unwrap_or_default()))
            .collect()
    };
    expect![[r#"
        sip.domain CORDBOARD__SIP__DOMAIN
        media.workers line 2, column 1
        journal.fsync_ms 
    "#]]
    .assert_eq(&told(file, &[("CORDBOARD__SIP__DOMAIN", "b")]));
    expect![[r#"
        sip.domain CORDBOARD__SIP__DOMAIN
    "#]]
    .assert_eq(&told("no toml", &[("CORDBOARD__SIP__DOMAIN", "b")]));
}

#[test]
fn a_suggestion_is_not_far_fetched() {
    check(
        "[sip]\nfoo = 1\n[calls]\nmx = 1\n[nowhere]\nmax = 1\n",
        &[("CORDBOARD__SIP__FOO", "1"), ("CORDBOARD__SPI__DOMIAN", "1"), ("CORDBOARD__X__BURST_MS", "1"), ("CORDBOARD__HTTP__RING_S", "1")],
        expect![[r#"
            line 2, column 1: unknown key `sip.foo`
            line 4, column 1: unknown key `calls.mx`; did you mean `calls.max`?
            line 5, column 2: unknown section `[nowhere]`
            CORDBOARD__HTTP__RING_S: unknown environment variable; did you mean `CORDBOARD__CALLS__RING_S`?
            CORDBOARD__SIP__FOO: unknown environment variable
            CORDBOARD__SPI__DOMIAN: unknown environment variable; did you mean `CORDBOARD__SIP__DOMAIN`?
            CORDBOARD__X__BURST_MS: unknown environment variable
        "#]],
    );
}

#[test]
fn variables_that_nobody_reads_are_told() {
    check(
        "",
        &[("CORDBOARD_HTTP_LISTEN", "x"), ("CORDBOARD_CALLS__RING_S", "x"), ("CORDBOARD_TOKEN", "s3cret"), ("CORDBOARDS", "x")],
        expect![[r#"
            warning: `CORDBOARD_CALLS__RING_S`: this environment variable is not read; a key is written with two underscores each: `CORDBOARD__CALLS__RING_S`
            warning: `CORDBOARD_HTTP_LISTEN`: this environment variable is not read; a key is written with two underscores each: `CORDBOARD__HTTP__LISTEN`
            warning: `CORDBOARD_TOKEN`: this environment variable is not read; a key is written with two underscores each: `CORDBOARD__SECTION__KEY`
        "#]],
    );
    assert_eq!(judge("[calls]\nmax = 0", &[("CORDBOARD_HTTP_LISTEN", "x")]).warnings().len(), 1, "beside errors too");
}

#[test]
fn one_port_serves_http_or_sip() {
    let load = |http: &str, tcp: &str| load(&format!("[http]\nlisten = \"{http}\"\n[sip]\ntcp = [\"{tcp}\"]\n"), &[]);
    for (http, tcp, is_good) in [
        ("127.0.0.1:5060", "127.0.0.1:5060", false),
        ("127.0.0.1:5060", "0.0.0.0:5060", false),
        ("0.0.0.0:5060", "127.0.0.1:5060", false),
        ("[::]:5060", "127.0.0.1:5060", false),
        ("[::]:5060", "[::1]:5060", false),
        ("[::1]:5060", "[::]:5060", false),
        ("127.0.0.1:5060", "[::]:5060", true),
        ("0.0.0.0:5060", "[::]:5060", true),
        ("127.0.0.1:5060", "127.0.0.2:5060", true),
        ("127.0.0.1:5060", "127.0.0.1:5061", true),
        ("127.0.0.1:0", "127.0.0.1:0", true),
    ] {
        assert_eq!(load(http, tcp).is_ok(), is_good, "{http} {tcp}");
    }
    check(
        "[http]\nlisten = \"127.0.0.1:5060\"\n",
        &[],
        expect![[r#"
        line 2, column 1: `http.listen` (127.0.0.1:5060) and `sip.tcp` (0.0.0.0:5060) need the same port; one port cannot serve both
    "#]],
    );
}

#[test]
fn values_that_contradict_each_other() {
    check(
        "[sip]\ndigest = []\nexpires_min = 400\nudp = [\"0.0.0.0:5060\", \"0.0.0.0:5060\"]\n[media]\naddress = \"0.0.0.0\"\npublic_address = \"127.0.0.1\"\n[log]\nfilter = \"\"",
        &[],
        expect![[r#"
            line 2, column 1: `sip.digest` names no algorithm, so no phone could log in
            line 3, column 1: `sip.expires_min` (400), `sip.expires_default` (300) and `sip.expires_max` (3600) must stand in this order: min ≤ default ≤ max
            line 4, column 1: `sip.udp` has 0.0.0.0:5060 twice
            line 6, column 1: `media.address` cannot be the unspecified address: phones are told it
            line 7, column 1: `media.public_address` cannot be an unspecified or loopback address: phones are told it
            line 9, column 1: `log.filter` cannot be empty; write "off" to log nothing
        "#]],
    );
}

#[test]
fn what_works_and_is_odd() {
    check(
        "[http]\nlisten = \"0.0.0.0:3000\"\n[sip]\nudp = []\ntcp = []\n[media]\nports = \"20000-20099\"",
        &[],
        expect![[r#"
            listen: 0.0.0.0:3000,
            udp: [],
            tcp: [],
            20000..=20099,
            warning: `sip.udp`: neither it nor sip.tcp or sip.tls has an address, so no phone can register
            warning: `media.ports`: 20000-20099 has room for 25 calls, but calls.max is 2000
            warning: `http.listen`: others can reach it, and passwords and tokens cross the network as clear text; set http.tls_cert and http.tls_key, or acme.domains, or put a proxy with TLS before it
        "#]],
    );
}

#[test]
fn session_timers_and_the_guard_must_fit_themselves() {
    let sip = |expires: &str, min: &str| format!("[sip]\nsession_expires_s = {expires}\nsession_min_s = {min}");
    check(
        &sip("100", "101"),
        &[],
        expect![[r#"
            line 2, column 1: `sip.session_expires_s` (100) is below `sip.session_min_s` (101); write 0 to ask for no session timer
        "#]],
    );
    // RFC 4028, 4: no session timer is below 90 s.
    check(
        &sip("89", "89"),
        &[],
        expect![[r#"
            line 3, column 1: `sip.session_min_s`: 89 is not from 90 to 86400
        "#]],
    );
    assert!(load(&sip("89", "90"), &[]).is_err());
    for (expires, min) in [("0", "90"), ("0", "86400"), ("90", "90"), ("86400", "86400")] {
        assert!(load(&sip(expires, min), &[]).is_ok(), "{expires} {min}");
    }
    check(
        "[guard]\nnew_per_s = 6000\nnew_burst = 0",
        &[],
        expect![[r#"
            line 3, column 1: `guard.new_burst`: 0 is not from 1 to 1000000
        "#]],
    );
    check(
        "[guard]\nnew_per_s = 6000",
        &[],
        expect![[r#"
            new_per_s: 6000,
            warning: `guard.inside_per_s`: it allows fewer messages of calls that are up than of new ones (guard.new_per_s), so that a busy address loses calls
        "#]],
    );
    assert_eq!(load("[guard]\nnew_per_s = 0\ninside_per_s = 0", &[]).unwrap().1, []);
}

#[test]
fn memory_is_nothing_or_a_size() {
    for (written, octets) in [("0", 0), ("\"0\"", 0), ("\"64 MiB\"", 64 << 20), ("4096", 4096)] {
        let (config, _) = load(&format!("[log]\nladder_memory = {written}"), &[]).unwrap();
        assert_eq!(config.log.ladder_memory.octets(), octets, "{written}");
    }
    for wrong in ["1", "\"\"", "\"2 GiB\"", "-1", "true"] {
        assert!(load(&format!("[log]\nladder_memory = {wrong}"), &[]).is_err(), "{wrong}");
    }
    assert_eq!(load("", &[("CORDBOARD__LOG__LADDER_MEMORY", "0")]).unwrap().0.log.ladder_memory.octets(), 0);
}

/// Each key that there is with another value: what differs is told by its name, and whether a reload can change it.
#[test]
fn what_differs_is_told() {
    let mut told = String::new();
    for section in Config::documented() {
        for key in section.keys {
            let name = key.path.rsplit('.').next().unwrap();
            // The first of these that the key takes and does not have.
            let others = [
                "100",
                "7",
                "1800",
                "4000",
                "false",
                "[]",
                "\"32 MiB\"",
                "\"192.0.2.1\"",
                "[\"127.0.0.1:5061\"]",
                "\"127.0.0.1:3001\"",
                "\"20000-29999\"",
                "\"de\"",
            ]
            .into_iter()
            .chain(["\"json\"", "\"sqlite:x\"", "\"x\"", "[\"MD5\"]", "\"https://x\""])
            .chain([
                "[\"10.0.0.0/8\"]",
                "\"smtp://x\"",
                "\"udp://x\"",
                "\"x@y\"",
                "[{ id = \"x\", issuer = \"https://x\", client_id = \"x\" }]",
                "[\"desk.example\"]",
                "true",
                "\"x@y.z\"",
                "\"http-01\"",
                "\"zzzzzzzzzzzzzzzz\"",
            ]);
            // Of two that go together neither can change from nothing alone.
            let together: &[&str] = match key.path {
                "http.tls_cert" | "http.tls_key" => &["tls_cert = \"y\"\n", "tls_key = \"y\"\n"],
                "sip.tls_cert" | "sip.tls_key" => &["tls_cert = \"y\"\n", "tls_key = \"y\"\n"],
                "sip.tls" => &["tls_cert = \"y\"\n", "tls_key = \"y\"\n"],
                "acme.eab_key_id" | "acme.eab_key" => &["eab_key_id = \"y\"\n", "eab_key = \"yyyyyyyyyyyyyyyy\"\n"],
                "acme.domains" => &["terms_agreed = true\n"],
                _ => &[],
            };
            let before = load(&format!("[{}]\n{}", section.name, together.concat()), &[]).unwrap().0;
            let rest: String = together.iter().copied().filter(|line| !line.starts_with(&format!("{name} "))).collect();
            let mut configs = others.filter_map(|other| Some(load(&format!("[{}]\n{rest}{name} = {other}", section.name), &[]).ok()?.0));
            let config = configs.find(|config| *config != before).unwrap_or_else(|| panic!("no other value for {}", key.path));
            let differences = config.differences(&before);
            assert_eq!(differences.len(), 1, "{}", key.path);
            assert_eq!((differences[0].key, differences[0].live), (key.path, key.live));
            assert_eq!(before.differences(&config), differences);
            if key.live {
                writeln!(told, "{}", key.path).unwrap();
            }
        }
    }
    assert_eq!(Config::default().differences(&Config::default()), []);
    expect![[r#"
        sip.allow_nets
        sip.digest
        sip.expires_min
        sip.expires_default
        sip.expires_max
        sip.session_expires_s
        sip.session_min_s
        guard.new_per_s
        guard.new_burst
        guard.inside_per_s
        guard.inside_burst
        security.enabled
        security.exempt
        security.ban_at
        security.ban_s
        security.ban_longest_s
        security.failures_a_day
        security.user_failures_a_day
        security.drop_foreign
        security.domains
        media.timeout_s
        recording.enabled
        calls.drain_s
        calls.ring_s
        calls.slot_ring_s
        calls.max
        hep.target
        hep.capture_id
        hep.auth_key
        hep.mask
        log.filter
        log.ladder_memory
    "#]]
    .assert_eq(&told);
}

#[test]
fn an_overlap_with_the_ephemeral_ports_is_told() {
    let config = Config::default();
    for (ephemeral, overlaps) in
        [(32768..=60999, false), (32767..=60999, true), (1024..=16383, false), (1024..=16384, true), (20000..=20001, true)]
    {
        assert_eq!(config.ephemeral_warning(ephemeral.clone()).is_some(), overlaps, "{ephemeral:?}");
    }
}

#[test]
fn numbers_may_be_written_in_every_way_of_toml() {
    for (written, max) in [("1_000", 1000), ("0x10", 16), ("+7", 7)] {
        assert_eq!(load(&format!("[calls]\nmax = {written}"), &[]).unwrap().0.calls.max, max);
    }
    for (written, octets) in [("1024", 1024), ("\"1024\"", 1024), ("\"2KiB\"", 2048), ("\"1 GiB\"", 1 << 30)] {
        assert_eq!(load(&format!("[http]\nbody_max = {written}"), &[]).unwrap().0.http.body_max.octets(), octets);
    }
    for wrong in ["1023", "1073741825", "\"2 GiB\"", "\"99999999999999999999\"", "\"18014398509481984 KiB\"", "\"\"", "\"MiB\"", "-1"] {
        assert!(load(&format!("[http]\nbody_max = {wrong}"), &[]).is_err(), "{wrong}");
    }
}

#[test]
fn domains() {
    use crate::Domain;
    for (text, domain) in [
        ("pbx.example.org", "pbx.example.org"),
        ("PBX", "pbx"),
        ("192.0.2.1", "192.0.2.1"),
        ("2001:db8::1", "[2001:db8::1]"),
        ("[2001:db8::1]", "[2001:db8::1]"),
    ] {
        assert_eq!(text.parse::<Domain>().unwrap().as_str(), domain);
    }
    let long = format!("{}.org", "a".repeat(64));
    for wrong in ["a b", "a;b", "a..b", "-a", "a-", "a:5060", "[192.0.2.1]", "1.2.3.400", "a\r\nb", "sip:a", "ü", &long, "."] {
        assert!(wrong.parse::<Domain>().is_err(), "{wrong}");
    }
}

#[test]
fn a_database_url_is_never_shown() {
    let url = "postgres://cord:s3cret@db/cord";
    let url = DatabaseUrl::read(&crate::value::Raw::Text(url.into())).unwrap();
    assert_eq!(format!("{url:?}"), "DatabaseUrl(postgres:..)");
    assert_eq!(url.secret(), "postgres://cord:s3cret@db/cord");
}

#[test]
fn the_documentation_names_each_section_once() {
    let names: Vec<_> = Config::documented().iter().map(|section| section.name).collect();
    assert_eq!(names[0], crate::Http::documented().name);
    for name in &names {
        assert_eq!(Config::print_documented().matches(&format!("[{name}]\n")).count(), 1);
    }
}
