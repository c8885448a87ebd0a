//! One datagram: whatever it is, reading it neither fails hard nor changes it, and what is written of it can be read again.

use std::sync::OnceLock;

use bytes::Bytes;
use sip_core::{
    Contacts, Flow, Message, Name, NameAddr, Package, Replaces, SipUri, Transport, Writer,
    message::{response_flow, response_head, split_values, text, unquoted},
    uri::without_headers,
};

/// Reads `data` in every way that the product does.
///
/// # Panics
/// When a promise of the message layer does not hold.
pub fn run(data: &[u8]) {
    let datagram = Bytes::copy_from_slice(data);
    let message = match Message::parse(datagram) {
        Ok(message) => message,
        Err(error) => {
            if let Some(reply) = error.reply() {
                let (_, refusal) = reply.response(flow());
                assert!(refusal.starts_with(b"SIP/2.0 4") || refusal.starts_with(b"SIP/2.0 5"), "{}", refusal.escape_ascii());
            }
            return;
        }
    };
    as_received(data, &message);
    promises(&message);
    printed_again(&message);
    answered(&message);
}

fn flow() -> Flow {
    static FLOW: OnceLock<Flow> = OnceLock::new();
    let address = |host, port| super::peer(host, port);
    *FLOW.get_or_init(|| Flow { transport: Transport::Udp, local: address(9, 5060), remote: address(7, 40_000) })
}

/// What was received is kept, and reading it again gives the same.
fn as_received(data: &[u8], message: &Message) {
    let leading = data.iter().take_while(|octet| matches!(octet, b'\r' | b'\n')).count();
    assert!(data.get(leading..).is_some_and(|rest| rest.starts_with(message.bytes())), "other octets than came");
    let again = Message::parse(message.bytes().clone()).unwrap_or_else(|error| panic!("{error} at the second reading"));
    assert!(again.all_headers().eq(message.all_headers()) && again.body() == message.body(), "two readings");
    assert_eq!((again.bytes(), again.uri(), again.status()), (message.bytes(), message.uri(), message.status()));
}

/// What `Message::parse` promises of what it gives.
fn promises(message: &Message) {
    let (Ok(via), Ok(from), Ok(to), Ok(call_id), Ok(cseq)) =
        (message.via(), message.from(), message.to(), message.call_id(), message.cseq())
    else {
        panic!("a field that every message has cannot be read");
    };
    assert!(!via.host.is_empty() && !call_id.is_empty() && cseq.number < 1 << 31 && message.max_forwards().is_ok());
    assert!(message.bytes().ends_with(message.body()));
    let _ = (via.branch(), via.rport(), via.received(), via.has_cookie(), message.expires(), message.reason());
    address(from);
    address(to);
    if let Ok(Contacts::List(contacts)) = message.contacts() {
        contacts.into_iter().for_each(address);
    }
    for (name, value) in message.all_headers() {
        assert!(!name.is_empty());
        let values: usize = split_values(value).map(|value| value.len() + 1).sum();
        assert!(values <= value.len() + 1, "a list longer than its line");
        assert!(!text(&unquoted(value)).chars().any(char::is_control));
    }
    let _ = message.values(Name::Require).count();
    let _ = Package::of(message);
    for replaces in message.headers(Name::Replaces).filter_map(Replaces::parse) {
        let is_word = |part: &[u8]| !part.is_empty() && part.iter().all(|&octet| octet > b' ' && octet != 0x7f);
        assert!(is_word(&replaces.call_id) && is_word(&replaces.to_tag) && is_word(&replaces.from_tag), "names that cannot be said");
    }
    if message.is_request() {
        super::uri::read(message.uri());
    }
}

fn address(address: NameAddr<'_>) {
    assert!(!address.uri.is_empty() && !address.display_text().contains(['\r', '\n', '\0']));
    let _ = address.tag();
    super::uri::read(address.uri);
    address.params.iter().for_each(|(name, value)| assert!(!name.is_empty() && value != Some(b"")));
}

/// Written line by line and read again: the same message, but for the blanks that a fold stands for.
fn printed_again(message: &Message) {
    let Ok(method) = std::str::from_utf8(message.method_bytes()) else { panic!("a method is a token") };
    let mut writer = if message.is_request() {
        Writer::request(method, message.uri())
    } else {
        Writer::status(message.status(), std::str::from_utf8(message.reason()).unwrap_or("?"))
    };
    let kept = |name: &[u8]| Name::of(name) != Name::ContentLength && Name::of(name) != Name::ContentType;
    for (name, value) in message.all_headers().filter(|(name, _)| kept(name)) {
        let Ok(name) = std::str::from_utf8(name) else { panic!("a header's name is a token") };
        writer.header(name, value);
    }
    let kind = message.header(Name::ContentType).map_or("application/x", |kind| std::str::from_utf8(kind).unwrap_or("application/x"));
    let bytes = writer.body(kind, message.body());
    // A NUL is written as a blank, which not every field may have; a line may pass the limit by what is put between name and value, and
    // a message by its length. That alone is no fault.
    let Ok(again) = Message::parse(bytes) else {
        let has_nul = message.bytes().contains(&0);
        assert!(has_nul || message.bytes().len() > 8_000, "what was read cannot be read as written: {}", message.bytes().escape_ascii());
        return;
    };
    assert_eq!((again.method_bytes(), again.body()), (message.method_bytes(), message.body()));
    // A question mark with nothing behind it is not written.
    assert_eq!(without_headers(again.uri()), without_headers(message.uri()));
    // What turned into blanks at an end is not seen any more.
    let blank = |octet: &u8| if matches!(octet, b'\r' | b'\n' | 0) { b' ' } else { *octet };
    let plain = |value: &[u8]| value.iter().map(blank).collect::<Vec<u8>>().trim_ascii().to_vec();
    let before = message.all_headers().filter(|(name, _)| kept(name));
    let after = again.all_headers().filter(|(name, _)| kept(name));
    for ((name, value), (same_name, same_value)) in before.zip(after) {
        assert_eq!((name, plain(value)), (same_name, plain(same_value)));
    }
}

/// Any request can be answered, and the answer finds back to it.
fn answered(message: &Message) {
    let _ = response_flow(message, flow());
    if !message.is_request() {
        return;
    }
    let bytes = response_head(message, flow(), 200, "", Some("t")).end();
    let answer = Message::parse(bytes).unwrap_or_else(|error| panic!("{error} in our own answer to {}", message.bytes().escape_ascii()));
    assert_eq!((answer.status(), answer.method_bytes()), (200, message.method_bytes()));
    assert_eq!(answer.headers(Name::Via).count(), message.headers(Name::Via).count());
    assert!(answer.to().is_ok_and(|to| to.params.get("tag").is_some()), "an answer without a tag");
    let _ = SipUri::parse(message.uri());
}
