//! The session timer (RFC 4028): what both sides of a session say of it, and what they have agreed on by that.
//!
//! Each session has a timer of its own, whatever the session that it is joined to does (B-49).

use std::time::Duration;

use crate::{
    early,
    endpoint::{EndpointSettings, Extras, SESSION_MIN_S},
    message::{Message, Method, Name, Writer, seconds},
};

/// A peer's interval longer than a day counts as a day: to refresh more often does no harm.
const INTERVAL_S_MAX: u32 = 86_400;
/// A peer's interval shorter than this is against RFC 4028, 4; we refresh for no one more often than in half of it.
const INTERVAL_S_LEAST: u32 = 10;
/// 10: the BYE goes out this long before the session expires, or a third of the interval if that is less.
const MARGIN_S: u32 = 32;
/// The option tag.
pub(crate) const TIMER: &str = "timer";

/// Who keeps a session alive.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Refresher {
    /// We do; if we do not get through in time, the session is over.
    Us,
    /// The peer does; if it does not in time, the session is over.
    Them,
    /// The peer knows of no session timer. We ask all the same, to learn whether it is still there: only silence, 408 and 481 end
    /// the session.
    Alone,
}

/// What holds for a session now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Terms {
    /// Seconds from one refresh to the end; 0: no session timer.
    pub(crate) interval_s: u32,
    pub(crate) refresher: Refresher,
    /// The greatest Min-SE heard; 0: none.
    pub(crate) min_s: u32,
    /// The peer's newest Allow has UPDATE (RFC 3311), by which a refresh costs no offer.
    pub(crate) peer_updates: bool,
    /// What we say of RFC 3262 in an INVITE that begins a session.
    pub(crate) takes_reliable: bool,
    /// What else our messages say that we support.
    pub(crate) extras: Extras,
}

impl Terms {
    /// What we ask for in an INVITE that begins a session.
    pub(crate) fn ask(settings: &EndpointSettings) -> Self {
        let interval_s = settings.session_expires();
        Self {
            interval_s,
            refresher: Refresher::Alone,
            min_s: 0,
            peer_updates: false,
            takes_reliable: settings.takes_reliable,
            extras: settings.extras,
        }
    }

    /// What our 2xx to `request` agrees to (9). `current` is what held before, within a session.
    pub(crate) fn as_server(settings: &EndpointSettings, request: &Message, current: Option<&Self>) -> Self {
        let asked = Asked::of(request);
        let wanted = settings.session_expires();
        let min_s = min_se(request).unwrap_or(0).max(current.map_or(0, |current| current.min_s));
        let interval_s = match asked {
            // "The UAS MAY reduce its value ... MUST NOT set it to a value lower than that of Min-SE".
            Some(asked) if wanted > 0 => asked.interval_s.min(wanted.max(min_s)),
            Some(asked) => asked.interval_s,
            None if wanted > 0 => wanted.max(min_s),
            None => 0,
        };
        let interval_s = if interval_s == 0 { 0 } else { interval_s.clamp(SESSION_MIN_S, INTERVAL_S_MAX) };
        let refresher = match asked.and_then(|asked| asked.refresher) {
            _ if !knows_timer(request) => match asked {
                // A proxy on the way wants it: table 2 leaves the refreshing to us.
                Some(_) => Refresher::Us,
                None => Refresher::Alone,
            },
            Some(Side::Uac) => Refresher::Them,
            Some(Side::Uas) => Refresher::Us,
            // Whoever did it so far goes on; at the start we take it, and so depend on nobody's diligence.
            None => current.map(|current| current.refresher).filter(|who| *who != Refresher::Alone).unwrap_or(Refresher::Us),
        };
        let peer_updates = early::updates(request, current.is_some_and(|current| current.peer_updates));
        Self { interval_s, refresher, min_s, peer_updates, takes_reliable: false, extras: settings.extras }
    }

    /// What a 2xx to a request of ours agrees to, which was sent with `self` (7.2).
    pub(crate) fn as_client(&self, response: &Message) -> Self {
        let min_s = self.min_s;
        let peer_updates = early::updates(response, self.peer_updates);
        match Asked::of(response) {
            Some(agreed) => {
                let refresher = if agreed.refresher == Some(Side::Uas) { Refresher::Them } else { Refresher::Us };
                Self { interval_s: agreed.interval_s.clamp(INTERVAL_S_LEAST, INTERVAL_S_MAX), refresher, min_s, peer_updates, ..*self }
            }
            None => Self { interval_s: self.interval_s, refresher: Refresher::Alone, min_s, peer_updates, ..*self },
        }
    }

    /// After a 422 that wants more (6): the same with a longer interval. `None` when it does not say so, or asks too much.
    pub(crate) fn longer(&self, response: &Message) -> Option<Self> {
        let least = min_se(response).filter(|&least| least > self.interval_s && least <= INTERVAL_S_MAX)?;
        Some(Self { interval_s: least, min_s: least, ..*self })
    }

    /// Into an INVITE that begins a session. Who is to refresh is left to the peer (7.1).
    pub(crate) fn begin(&self, writer: &mut Writer) {
        writer.header("Supported", self.extras.supported(self.takes_reliable));
        if self.interval_s > 0 {
            writer.number_header("Session-Expires", self.interval_s, "");
        }
        self.write_min(writer);
    }

    /// Into a re-INVITE or UPDATE: whoever refreshes keeps doing so (7.4).
    pub(crate) fn go_on(&self, writer: &mut Writer) {
        writer.header("Supported", self.extras.supported(false));
        if self.interval_s > 0 {
            let refresher = match self.refresher {
                Refresher::Us => ";refresher=uac",
                Refresher::Them => ";refresher=uas",
                Refresher::Alone => "",
            };
            writer.number_header("Session-Expires", self.interval_s, refresher);
        }
        self.write_min(writer);
    }

    /// Into our 2xx to `request` (9).
    pub(crate) fn agree(&self, writer: &mut Writer, request: &Message) {
        writer.header("Supported", self.extras.supported(false));
        if self.interval_s == 0 || self.refresher == Refresher::Alone {
            return;
        }
        let refresher = if self.refresher == Refresher::Them { ";refresher=uac" } else { ";refresher=uas" };
        writer.number_header("Session-Expires", self.interval_s, refresher);
        if knows_timer(request) {
            writer.header("Require", TIMER);
        }
    }

    fn write_min(&self, writer: &mut Writer) {
        if self.min_s > 0 {
            writer.number_header("Min-SE", self.min_s, "");
        }
    }

    /// After the last refresh, when ours is due (10: half the interval); `None`: it is not for us.
    pub(crate) fn refresh_after(&self) -> Option<Duration> {
        (self.interval_s > 0 && self.refresher != Refresher::Them).then(|| Duration::from_secs(u64::from(self.interval_s)) / 2)
    }

    /// After the last refresh, when the session is over; `None`: never.
    pub(crate) fn expires_after(&self) -> Option<Duration> {
        let lasts_s = self.interval_s - MARGIN_S.min(self.interval_s / 3);
        (self.interval_s > 0 && self.refresher != Refresher::Alone).then(|| Duration::from_secs(u64::from(lasts_s)))
    }

    /// How long to wait before a refresh that was refused is tried again: several times before the session expires.
    pub(crate) fn again_after(&self) -> Duration {
        Duration::from_secs(u64::from((self.interval_s / 10).clamp(5, 60)))
    }
}

/// The interval that `request` asks for, if it is one that we refuse with 422: the least that we take, in seconds.
pub(crate) fn too_short(request: &Message, settings: &EndpointSettings) -> Option<u32> {
    let least = settings.session_min();
    // 9: a peer that knows no timer could make nothing of a 422; a proxy asked for it.
    Asked::of(request).filter(|asked| asked.interval_s < least && knows_timer(request)).map(|_| least)
}

/// The one who sent the request, or the one who answers it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Side {
    Uac,
    Uas,
}

/// `Session-Expires: 1800;refresher=uac`
#[derive(Debug, Clone, Copy)]
struct Asked {
    interval_s: u32,
    refresher: Option<Side>,
}

impl Asked {
    /// One that cannot be read counts as none (RFC 3261, 16.3: what is not needed is not judged).
    fn of(message: &Message) -> Option<Self> {
        let value = message.header(Name::SessionExpires)?;
        let (interval, params) = split(value);
        let interval_s = seconds(interval)?;
        let refresher = params
            .split(|&byte| byte == b';')
            .filter_map(|param| param.trim_ascii().split_at_checked(b"refresher".len()))
            .find(|(name, _)| name.eq_ignore_ascii_case(b"refresher"))
            .and_then(|(_, value)| value.trim_ascii_start().strip_prefix(b"="))
            .and_then(|value| match value.trim_ascii() {
                side if side.eq_ignore_ascii_case(b"uac") => Some(Side::Uac),
                side if side.eq_ignore_ascii_case(b"uas") => Some(Side::Uas),
                _ => None,
            });
        Some(Self { interval_s, refresher })
    }
}

fn min_se(message: &Message) -> Option<u32> {
    seconds(split(message.header(Name::MinSe)?).0)
}

/// A value and its parameters.
fn split(value: &[u8]) -> (&[u8], &[u8]) {
    let at = memchr::memchr(b';', value).unwrap_or(value.len());
    value.split_at_checked(at).unwrap_or((value, &[]))
}

fn knows_timer(message: &Message) -> bool {
    let has = |name| message.values(name).any(|option: &[u8]| option.eq_ignore_ascii_case(TIMER.as_bytes()));
    has(Name::Supported) || has(Name::Require)
}

/// Whether the Allow of a message has UPDATE; `None` without one.
pub(crate) fn allows_update(message: &Message) -> Option<bool> {
    message.header(Name::Allow).map(|_| message.values(Name::Allow).any(|method| Method::of(method) == Method::Update))
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]

    use super::*;

    fn message(start: &str, headers: &str) -> Message {
        let text = format!(
            "{start}\r\nVia: SIP/2.0/UDP h;branch=z9hG4bK1\r\nFrom: <sip:a@h>;tag=1\r\nTo: <sip:b@h>\r\nCall-ID: c\r\nCSeq: 1 INVITE\r\n\
             {headers}\r\n"
        );
        Message::parse(text.into()).unwrap()
    }

    /// Table 2 of RFC 4028, and who asks for nothing.
    #[test]
    fn as_callee() {
        let settings = EndpointSettings::default();
        for (headers, interval_s, refresher) in [
            ("", 1_800, Refresher::Alone),
            ("Supported: timer\r\n", 1_800, Refresher::Us),
            ("k: 100rel, Timer\r\n", 1_800, Refresher::Us),
            ("Supported: timer\r\nSession-Expires: 600\r\n", 600, Refresher::Us),
            ("Supported: timer\r\nx: 600 ; Refresher = UAC\r\n", 600, Refresher::Them),
            ("Supported: timer\r\nx: 600;a=b;refresher=uas\r\n", 600, Refresher::Us),
            ("Supported: timer\r\nx: 600;refresher=nobody\r\n", 600, Refresher::Us),
            ("x: 600\r\n", 600, Refresher::Us),
            ("Supported: timer\r\nx: 3600;refresher=uac\r\n", 1_800, Refresher::Them),
            ("Supported: timer\r\nx: 3600;refresher=uac\r\nMin-SE: 2400\r\n", 2_400, Refresher::Them),
            ("Supported: timer\r\nx: soon\r\n", 1_800, Refresher::Us),
            ("x: 1\r\n", 90, Refresher::Us),
            ("Supported: timer\r\nx: 99999999999999999999\r\nMin-SE: 4294967296\r\n", 86_400, Refresher::Us),
        ] {
            let terms = Terms::as_server(&settings, &message("INVITE sip:b@h SIP/2.0", headers), None);
            assert_eq!((terms.interval_s, terms.refresher), (interval_s, refresher), "{headers}");
        }
        let none = EndpointSettings { session_expires_s: 0, ..settings };
        for (headers, interval_s) in [("Supported: timer\r\n", 0), ("Supported: timer\r\nx: 600\r\n", 600)] {
            assert_eq!(Terms::as_server(&none, &message("INVITE sip:b@h SIP/2.0", headers), None).interval_s, interval_s, "{headers}");
        }
    }

    #[test]
    fn the_refresher_is_kept() {
        let settings = EndpointSettings::default();
        let request = message("INVITE sip:b@h SIP/2.0", "Supported: timer\r\nx: 600\r\n");
        for refresher in [Refresher::Us, Refresher::Them] {
            let current =
                Terms { interval_s: 600, refresher, min_s: 0, peer_updates: true, takes_reliable: false, extras: Extras::default() };
            assert_eq!(Terms::as_server(&settings, &request, Some(&current)), current);
        }
    }

    #[test]
    fn as_caller() {
        let asked = Terms::ask(&EndpointSettings::default());
        for (headers, interval_s, refresher) in [
            ("", 1_800, Refresher::Alone),
            ("x: 600;refresher=uac\r\n", 600, Refresher::Us),
            ("x: 600;refresher=uas\r\nRequire: timer\r\n", 600, Refresher::Them),
            ("x: 600\r\n", 600, Refresher::Us),
            ("x: 1;refresher=uac\r\n", 10, Refresher::Us),
        ] {
            let terms = asked.as_client(&message("SIP/2.0 200 OK", headers));
            assert_eq!((terms.interval_s, terms.refresher), (interval_s, refresher), "{headers}");
        }
        let updates = |allow| asked.as_client(&message("SIP/2.0 200 OK", allow)).peer_updates;
        assert!(updates("Allow: INVITE, ACK\r\nAllow: UPDATE\r\n") && !updates("Allow: INVITE\r\n") && !updates(""));
    }

    #[test]
    fn when() {
        let terms = |interval_s, refresher| Terms {
            interval_s,
            refresher,
            min_s: 0,
            peer_updates: false,
            takes_reliable: false,
            extras: Extras::default(),
        };
        let seconds = |at: Option<Duration>| at.map(|at| at.as_secs());
        for (terms, refresh, expires) in [
            (terms(0, Refresher::Us), None, None),
            (terms(90, Refresher::Us), Some(45), Some(60)),
            (terms(90, Refresher::Them), None, Some(60)),
            (terms(1_800, Refresher::Us), Some(900), Some(1_768)),
            (terms(1_800, Refresher::Alone), Some(900), None),
        ] {
            assert_eq!((seconds(terms.refresh_after()), seconds(terms.expires_after())), (refresh, expires), "{terms:?}");
        }
    }

    #[test]
    fn what_is_too_short() {
        let settings = EndpointSettings { session_min_s: 120, ..EndpointSettings::default() };
        for (headers, least) in [
            ("", None),
            ("x: 60\r\n", None),
            ("Supported: timer\r\nx: 60\r\n", Some(120)),
            ("Supported: timer\r\nx: 119\r\n", Some(120)),
            ("Supported: timer\r\nx: 120\r\n", None),
        ] {
            assert_eq!(too_short(&message("INVITE sip:b@h SIP/2.0", headers), &settings), least, "{headers}");
        }
        let lower = EndpointSettings { session_min_s: 1, ..settings };
        assert_eq!(too_short(&message("INVITE sip:b@h SIP/2.0", "Supported: timer\r\nx: 60\r\n"), &lower), Some(90));
    }
}
