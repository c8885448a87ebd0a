//! What the responses of registrars may hold.

use super::*;

/// RFC 3261, 10.3: which of the contacts in a 2xx is ours, and for how long.
#[test]
fn grants() {
    let ours = b"sip:4930123@203.0.113.5:5060";
    let table: [(&str, Option<u32>); 24] = [
        ("", None),
        ("Expires: 300\r\n", Some(300)),
        ("Expires: 0\r\n", Some(0)),
        ("Expires: soon\r\n", Some(3_600)),
        ("Contact: <sip:4930123@203.0.113.5:5060>\r\n", Some(1_800)),
        ("Contact: <sip:4930123@203.0.113.5:5060>\r\nExpires: 300\r\n", Some(300)),
        ("Contact: <sip:4930123@203.0.113.5:5060>;expires=60\r\nExpires: 300\r\n", Some(60)),
        ("Contact: <sip:4930123@203.0.113.5:5060>;q=0.5;EXPIRES=\"60\"\r\n", Some(60)),
        ("Contact: <sip:4930123@203.0.113.5:5060>;expires=-1\r\n", Some(3_600)),
        ("Contact: <sip:4930123@203.0.113.5:5060>;expires=99999999999\r\n", Some(u32::MAX)),
        ("Contact: sip:4930123@203.0.113.5:5060;expires=60\r\n", Some(60)),
        ("Contact: <sip:%34930123@203.0.113.5>;expires=60\r\n", Some(60)),
        ("Contact: <sip:4930123@203.0.113.5:5060;ob>;expires=60\r\n", Some(60)),
        ("Contact: <sip:a@192.0.2.1>;expires=10, <sip:4930123@203.0.113.5:5060>;expires=60, <sip:b@192.0.2.1>;expires=20\r\n", Some(60)),
        // A parameter more: that of another of our lives, if ours is there as well.
        ("Contact: <sip:4930123@203.0.113.5:5060;x=y>;expires=10\r\nContact: <sip:4930123@203.0.113.5:5060>;expires=60\r\n", Some(60)),
        // As the registrar sees us.
        ("Contact: <sip:4930123@198.51.100.77:1024>;expires=60\r\n", Some(60)),
        ("Contact: <sip:4930123@198.51.100.77:1024>;expires=60, <sip:4930123@198.51.100.78:1024>;expires=70\r\n", None),
        ("Contact: <sip:other@203.0.113.5:5060>;expires=60\r\n", None),
        ("Contact: <sip:203.0.113.5:5060>;expires=60\r\n", None),
        ("Contact: <tel:4930123>;expires=60\r\n", None),
        ("Contact: *\r\nExpires: 60\r\n", None),
        ("Contact: <\r\nExpires: 60\r\n", None),
        ("Contact: \r\nExpires: 60\r\n", None),
        ("m: <sip:4930123@203.0.113.5:5060>;expires=60\r\n", Some(60)),
    ];
    let request = first_request();
    for (lines, expected) in table {
        assert_eq!(grant::granted(&response(&request, 200, "OK", lines), ours, 1_800), expected, "{lines}");
    }
    // Among many, and beyond what is looked at.
    let others = |count: usize| (0..count).map(|at| format!("Contact: <sip:u{at}@192.0.2.1>;expires=9\r\n")).collect::<String>();
    let mine = "Contact: <sip:4930123@203.0.113.5:5060>;expires=60\r\n";
    assert_eq!(grant::granted(&response(&request, 200, "OK", &format!("{}{mine}", others(50))), ours, 1_800), Some(60));
    let line = (0..300).map(|at| format!("<sip:u{at}@192.0.2.1>")).collect::<Vec<_>>().join(",");
    let far = format!("Contact: {line}\r\n{mine}");
    assert_eq!(grant::granted(&response(&request, 200, "OK", &far), ours, 1_800), None);
}

fn first_request() -> OutsideRequest {
    let mut world = World::new();
    world.enrol.wake(world.origin + START_SPREAD);
    world.drain().unwrap().1
}

/// RFC 3608: kept in order, replaced by each 2xx, and never in part.
#[test]
fn service_routes() {
    let many = (0..=ROUTES_MAX).map(|at| format!("<sip:p{at}.example;lr>")).collect::<Vec<_>>().join(", ");
    let table: [(String, &[&str]); 7] = [
        (String::new(), &[]),
        (
            "Service-Route: <sip:p1.example;lr>, \"b, c\" <sip:p2.example;lr>\r\nservice-route: <sip:p3.example;lr>\r\n".into(),
            &["<sip:p1.example;lr>", "\"b, c\" <sip:p2.example;lr>", "<sip:p3.example;lr>"],
        ),
        ("Service-Route: <sip:p1.example;lr>, nobody\r\n".into(), &[]),
        ("Service-Route: <sip:p1.example;lr>, <sip:p2.example>\r\n".into(), &[]),
        (format!("Service-Route: <sip:p1.example;lr;x={}>\r\n", "y".repeat(600)), &[]),
        (format!("Service-Route: {many}\r\n"), &[]),
        ("Service-Route: <sip:p1.example;lr>,\r\n <sip:p2.example;lr>\r\n".into(), &["<sip:p1.example;lr>", "<sip:p2.example;lr>"]),
    ];
    for (lines, expected) in table {
        assert_eq!(grant::service_route(&response(&first_request(), 200, "OK", &lines)), expected, "{lines}");
    }
    let world = play("200 expires=600 route=<sip:p.example;lr>", 10.0);
    assert_eq!(world.enrol.service_route(), ["<sip:p.example;lr>"]);
    let world = play("200 expires=60 route=<sip:p.example;lr>\n200 expires=60", 100.0);
    assert_eq!(world.enrol.service_route(), [] as [&str; 0]);
}
