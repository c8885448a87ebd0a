//! Bindings behind proxies (RFC 3327), and by one of several streams of a phone (RFC 5626). B-15.

use super::*;

fn check_ways(contacts_max: usize, story: &str, expected: Expect) {
    check_with(RegistrarSettings { flow_timer_s: Some(120), ..SETTINGS }, contacts_max, story, expected);
}

/// RFC 3327, 5.3: kept, said again, and gone with the next REGISTER that comes without.
#[test]
fn path() {
    check_ways(
        1,
        "0 a 1 1 | Contact: <sip:7@h> | Path: <sip:edge.example;lr>
         1 a 2 1
         2 a 3 1 | Contact: <sip:7@h> | Path: <sip:near.example;lr>, \"E\" <sip:edge@edge.example:5061;transport=tcp;lr;ob> | Path: <sips:x;lr>
         3 a 4 1 | Contact: <sip:7@h>",
        expect![[r#"
            0 200 [Contact: <sip:7@h>;expires=300 | Path: <sip:edge.example;lr> | Supported: path] bound sip:7@h @192.0.2.1:5060 0..300 by <sip:edge.example;lr>
            1 200 [Contact: <sip:7@h>;expires=299] nothing
            2 200 [Contact: <sip:7@h>;expires=300 | Path: <sip:near.example;lr>, "E" <sip:edge@edge.example:5061;transport=tcp;lr;ob>, <sips:x;lr> | Supported: path] bound sip:7@h @192.0.2.1:5060 0..302 by <sip:near.example;lr>, "E" <sip:edge@edge.example:5061;transport=tcp;lr;ob>, <sips:x;lr>
            3 200 [Contact: <sip:7@h>;expires=300] bound sip:7@h @192.0.2.1:5060 0..303
        "#]],
    );
    let most = "<sip:a@h;lr>, ".repeat(PATH_MAX);
    let long = format!("<sip:{}@h;lr>", "a".repeat(PATH_OCTETS_MAX - "<sip:@h;lr>".len()));
    let story = format!(
        "0 a 1 1 | Contact: <sip:7@h> | Path: <sip:a@h>
         1 a 2 1 | Contact: <sip:7@h> | Path: <tel:1;lr>
         2 a 3 1 | Contact: <sip:7@h> | Path: <sip:a@h;lr
         3 a 4 1 | Contact: <sip:7@h> | Path:
         4 a 5 1 | Contact: <sip:7@h> | Path: {most}<sip:a@h;lr>
         5 a 6 1 | Contact: <sip:7@h> | Path: {long}x
         6 a 7 1 | Contact: <sip:8@h> | Path: <sip:a@h;lr>;a=\"\u{fffd}",
    );
    check_ways(
        1,
        &story,
        expect![[r#"
        0 400 [] nothing
        1 400 [] nothing
        2 400 [] nothing
        3 400 [] nothing
        4 400 [] nothing
        5 400 [] nothing
        6 400 [] nothing
    "#]],
    );
    let fits = |path: &str| {
        let mut registrar = Registrar::new(RegistrarSettings { flow_timer_s: Some(0), ..SETTINGS });
        let request = request("a", "1", ["Contact: <sip:7@h>", &format!("Path: {path}")].into_iter());
        registrar.register(Instant::now(), 7, 1, &request, flow("1")).status
    };
    let long_by_one = long.replace("@h", "a@h");
    assert_eq!([most.trim_end_matches(", "), &long, &long_by_one].map(fits), [200, 200, 400]);
}

/// RFC 5626, 6: the same flow of the same phone takes the place of itself, whatever its contact; another flow is another binding; and the
/// stream that ends takes its own along.
#[test]
fn flows() {
    check_ways(
        2,
        "0 a 1 t1 | Supported: path, outbound | Contact: <sip:7@h>;+sip.instance=\"<urn:uuid:1>\";reg-id=1
         1 a 2 t1:5061 | Supported: outbound | Contact: <sip:7@other>;+sip.instance=\"<urn:uuid:1>\";reg-id=1
         2 a 3 t2 | Supported: outbound | Contact: <sip:7@other>;+sip.instance=\"<urn:uuid:1>\";reg-id=2
         3 a 4 t2
         4 closed t1:5061
         5 a 5 t3 | Supported: outbound | Contact: <sip:7@new>;+sip.instance=\"<urn:uuid:1>\";reg-id=1;expires=100
         6 b 1 t4 | Supported: outbound | Contact: <sip:7@other>;+sip.instance=\"<urn:uuid:2>\";reg-id=2
         7 a 6 t3 | Supported: outbound | Contact: <sip:7@else>;+sip.instance=\"<urn:uuid:1>\";reg-id=1;expires=0
         8 b 2 t4 | Contact: <sip:7@other>
         9 b 3 t4 | Contact: * | Expires: 0",
        expect![[r#"
            0 200 [Contact: <sip:7@h>;expires=300;+sip.instance="<urn:uuid:1>";reg-id=1 | Require: outbound | Flow-Timer: 120] bound sip:7@h @192.0.2.1:5060 0..300
            1 200 [Contact: <sip:7@other>;expires=300;+sip.instance="<urn:uuid:1>";reg-id=1 | Require: outbound | Flow-Timer: 120] bound sip:7@other @192.0.2.1:5061 0..301 instead of sip:7@h @192.0.2.1:5060 0..300
            2 200 [Contact: <sip:7@other>;expires=299;+sip.instance="<urn:uuid:1>";reg-id=1 | Contact: <sip:7@other>;expires=300;+sip.instance="<urn:uuid:1>";reg-id=2 | Require: outbound | Flow-Timer: 120] bound sip:7@other @192.0.2.2:5060 2..302
            3 200 [Contact: <sip:7@other>;expires=298;+sip.instance="<urn:uuid:1>";reg-id=1 | Contact: <sip:7@other>;expires=299;+sip.instance="<urn:uuid:1>";reg-id=2] nothing
            4 unbound [], left [7]
            5 200 [Contact: <sip:7@other>;expires=297;+sip.instance="<urn:uuid:1>";reg-id=2 | Contact: <sip:7@new>;expires=100;+sip.instance="<urn:uuid:1>";reg-id=1 | Require: outbound | Flow-Timer: 120] bound sip:7@new @192.0.2.3:5060 5..105
            6 200 [Contact: <sip:7@other>;expires=296;+sip.instance="<urn:uuid:1>";reg-id=2 | Contact: <sip:7@new>;expires=99;+sip.instance="<urn:uuid:1>";reg-id=1 | Contact: <sip:7@other>;expires=300;+sip.instance="<urn:uuid:2>";reg-id=2 | Require: outbound | Flow-Timer: 120] bound sip:7@other @192.0.2.4:5060 6..306
            7 200 [Contact: <sip:7@other>;expires=295;+sip.instance="<urn:uuid:1>";reg-id=2 | Contact: <sip:7@other>;expires=299;+sip.instance="<urn:uuid:2>";reg-id=2 | Require: outbound | Flow-Timer: 120] bound sip:7@other @192.0.2.4:5060 6..306 instead of sip:7@new @192.0.2.3:5060 5..105
            8 200 [Contact: <sip:7@other>;expires=298;+sip.instance="<urn:uuid:2>";reg-id=2 | Contact: <sip:7@other>;expires=300] bound sip:7@other @192.0.2.4:5060 2..308 instead of sip:7@other @192.0.2.2:5060 2..302
            9 200 [] unbound
        "#]],
    );
}

/// However many flows it has, it is one phone: they do not take each other's place, there are so many, and another phone takes the place of all.
#[test]
fn flows_of_one_phone() {
    let flow = |second: u32, cseq: u32, id: u32| {
        format!("{second} a {cseq} t{id} | Supported: outbound | Contact: <sip:7@h{id}>;+sip.instance=\"<a>\";reg-id={id}\n")
    };
    let other = |second: u32, id: u32| {
        format!("{second} b {second} t9:506{id} | Supported: outbound | Contact: <sip:7@b{id}>;+sip.instance=\"<b>\";reg-id={id}\n")
    };
    let story = [
        flow(0, 1, 1),
        flow(1, 2, 2),
        flow(2, 3, 1),
        flow(3, 4, 2),
        "4 closed t2\n".to_owned(),
        "5 a 5 t1\n".to_owned(),
        (2..=5).map(|id| flow(4 + id, 4 + id, id)).collect(),
        "10 a 20 t1\n".to_owned(),
        other(11, 1),
        other(12, 2),
        "13 b 13 t9\n".to_owned(),
        "14 closed t9:5061\n".to_owned(),
        "15 c 1 1 | Contact: <sip:7@plain>\n".to_owned(),
        "16 c 2 1\n".to_owned(),
    ];
    check_ways(
        1,
        &story.concat(),
        expect![[r#"
        0 200 [Contact: <sip:7@h1>;expires=300;+sip.instance="<a>";reg-id=1 | Require: outbound | Flow-Timer: 120] bound sip:7@h1 @192.0.2.1:5060 0..300
        1 200 [Contact: <sip:7@h1>;expires=299;+sip.instance="<a>";reg-id=1 | Contact: <sip:7@h2>;expires=300;+sip.instance="<a>";reg-id=2 | Require: outbound | Flow-Timer: 120] bound sip:7@h2 @192.0.2.2:5060 1..301
        2 200 [Contact: <sip:7@h2>;expires=299;+sip.instance="<a>";reg-id=2 | Contact: <sip:7@h1>;expires=300;+sip.instance="<a>";reg-id=1 | Require: outbound | Flow-Timer: 120] bound sip:7@h1 @192.0.2.1:5060 0..302
        3 200 [Contact: <sip:7@h1>;expires=299;+sip.instance="<a>";reg-id=1 | Contact: <sip:7@h2>;expires=300;+sip.instance="<a>";reg-id=2 | Require: outbound | Flow-Timer: 120] bound sip:7@h2 @192.0.2.2:5060 1..303
        4 unbound [], left [7]
        5 200 [Contact: <sip:7@h1>;expires=297;+sip.instance="<a>";reg-id=1] nothing
        6 200 [Contact: <sip:7@h1>;expires=296;+sip.instance="<a>";reg-id=1 | Contact: <sip:7@h2>;expires=300;+sip.instance="<a>";reg-id=2 | Require: outbound | Flow-Timer: 120] bound sip:7@h2 @192.0.2.2:5060 6..306
        7 200 [Contact: <sip:7@h1>;expires=295;+sip.instance="<a>";reg-id=1 | Contact: <sip:7@h2>;expires=299;+sip.instance="<a>";reg-id=2 | Contact: <sip:7@h3>;expires=300;+sip.instance="<a>";reg-id=3 | Require: outbound | Flow-Timer: 120] bound sip:7@h3 @192.0.2.3:5060 7..307
        8 200 [Contact: <sip:7@h1>;expires=294;+sip.instance="<a>";reg-id=1 | Contact: <sip:7@h2>;expires=298;+sip.instance="<a>";reg-id=2 | Contact: <sip:7@h3>;expires=299;+sip.instance="<a>";reg-id=3 | Contact: <sip:7@h4>;expires=300;+sip.instance="<a>";reg-id=4 | Require: outbound | Flow-Timer: 120] bound sip:7@h4 @192.0.2.4:5060 8..308
        9 200 [Contact: <sip:7@h2>;expires=297;+sip.instance="<a>";reg-id=2 | Contact: <sip:7@h3>;expires=298;+sip.instance="<a>";reg-id=3 | Contact: <sip:7@h4>;expires=299;+sip.instance="<a>";reg-id=4 | Contact: <sip:7@h5>;expires=300;+sip.instance="<a>";reg-id=5 | Require: outbound | Flow-Timer: 120] bound sip:7@h5 @192.0.2.5:5060 9..309 instead of sip:7@h1 @192.0.2.1:5060 0..302
        10 200 [Contact: <sip:7@h2>;expires=296;+sip.instance="<a>";reg-id=2 | Contact: <sip:7@h3>;expires=297;+sip.instance="<a>";reg-id=3 | Contact: <sip:7@h4>;expires=298;+sip.instance="<a>";reg-id=4 | Contact: <sip:7@h5>;expires=299;+sip.instance="<a>";reg-id=5] nothing
        11 200 [Contact: <sip:7@b1>;expires=300;+sip.instance="<b>";reg-id=1 | Require: outbound | Flow-Timer: 120] bound sip:7@b1 @192.0.2.9:5061 11..311 instead of sip:7@h5 @192.0.2.5:5060 9..309
        12 200 [Contact: <sip:7@b1>;expires=299;+sip.instance="<b>";reg-id=1 | Contact: <sip:7@b2>;expires=300;+sip.instance="<b>";reg-id=2 | Require: outbound | Flow-Timer: 120] bound sip:7@b2 @192.0.2.9:5062 12..312
        13 200 [Contact: <sip:7@b1>;expires=298;+sip.instance="<b>";reg-id=1 | Contact: <sip:7@b2>;expires=299;+sip.instance="<b>";reg-id=2] nothing
        14 unbound [], left [7]
        15 200 [Contact: <sip:7@plain>;expires=300] bound sip:7@plain @192.0.2.1:5060 15..315 instead of sip:7@b2 @192.0.2.9:5062 12..312
        16 200 [Contact: <sip:7@plain>;expires=299] nothing
    "#]],
    );
}

/// Where it would not be whole it is an ordinary binding, and the answer does not say otherwise.
#[test]
fn ordinary() {
    check_ways(
        2,
        "0 a 1 1 | Supported: outbound | Contact: <sip:7@h>;+sip.instance=\"<urn:uuid:1>\";reg-id=1
         1 a 2 t1 | Contact: <sip:7@h>;+sip.instance=\"<urn:uuid:1>\";reg-id=1
         2 a 3 t1 | Supported: outbound | Contact: <sip:7@h>;reg-id=1
         3 a 4 t1 | Supported: outbound | Contact: <sip:7@h>;+sip.instance=\"<urn:uuid:1>\"
         4 a 5 t1 | Supported: outbound | Contact: <sip:7@h>;+sip.instance=\"<urn:uuid:1>\";reg-id=0
         5 a 6 t1 | Via: SIP/2.0/TCP a;branch=z9hG4bKa | Via: SIP/2.0/TCP b;branch=z9hG4bKb | Supported: outbound | Contact: <sip:7@h>;+sip.instance=\"<urn:uuid:1>\";reg-id=1 | Path: <sip:p;lr>
         6 a 7 t1 | Via: SIP/2.0/TCP a;branch=z9hG4bKa | Via: SIP/2.0/TCP b;branch=z9hG4bKb | Supported: outbound | Contact: <sip:7@h>;+sip.instance=\"<urn:uuid:1>\";reg-id=1 | Path: <sip:p;lr>, <sip:q;lr;ob>",
        expect![[r#"
            0 200 [Contact: <sip:7@h>;expires=300] bound sip:7@h @192.0.2.1:5060 0..300
            1 200 [Contact: <sip:7@h>;expires=300] bound sip:7@h @192.0.2.1:5060 0..301 instead of sip:7@h @192.0.2.1:5060 0..300
            2 200 [Contact: <sip:7@h>;expires=300] bound sip:7@h @192.0.2.1:5060 0..302
            3 200 [Contact: <sip:7@h>;expires=300] bound sip:7@h @192.0.2.1:5060 0..303
            4 200 [Contact: <sip:7@h>;expires=300] bound sip:7@h @192.0.2.1:5060 0..304
            5 200 [Contact: <sip:7@h>;expires=300 | Path: <sip:p;lr> | Supported: path] bound sip:7@h @192.0.2.1:5060 0..305 by <sip:p;lr>
            6 200 [Contact: <sip:7@h>;expires=300;+sip.instance="<urn:uuid:1>";reg-id=1 | Path: <sip:p;lr>, <sip:q;lr;ob> | Supported: path | Require: outbound | Flow-Timer: 120] bound sip:7@h @192.0.2.1:5060 0..306 by <sip:p;lr>, <sip:q;lr;ob>
        "#]],
    );
    check_ways(
        2,
        "0 a 1 t1 | Supported: outbound | Contact: <sip:7@h>;+sip.instance=\"<a>\";reg-id=1, <sip:7@i>;+sip.instance=\"<a>\";reg-id=2
         1 a 2 t1 | Supported: outbound | Contact: <sip:7@h>;+sip.instance=\"a\\\"b\";reg-id=1
         2 a 3 t1 | Supported: outbound | Contact: <sip:7@h>;+sip.instance=\"\";reg-id=1",
        expect![[r#"
            0 400 [] nothing
            1 400 [] nothing
            2 400 [] nothing
        "#]],
    );
}

/// Switched off, none of it means anything.
#[test]
fn without_ways() {
    check(
        1,
        "0 a 1 t1 | Supported: outbound | Path: <sip:p;lr> | Contact: <sip:7@h>;+sip.instance=\"<urn:uuid:1>\";reg-id=1
         1 a 2 t1 | Path: junk | Contact: <sip:7@i>",
        expect![[r#"
            0 200 [Contact: <sip:7@h>;expires=300] bound sip:7@h @192.0.2.1:5060 0..300
            1 200 [Contact: <sip:7@i>;expires=300] bound sip:7@i @192.0.2.1:5060 1..301 instead of sip:7@h @192.0.2.1:5060 0..300
        "#]],
    );
}
