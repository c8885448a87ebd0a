//! `application/dialog-info+xml` (RFC 4235, 4): the calls of a number, always all of them.

use std::fmt::Write as _;

/// Dialogs in one document; what is beyond is left out.
pub const DIALOGS_MAX: usize = 32;
/// Characters of one text in a document; what is beyond is left out.
pub const TEXT_MAX: usize = 256;

/// What a number does.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct DialogInfo {
    /// The URI of the number.
    pub entity: String,
    /// Its calls; none: it is free. At most [`DIALOGS_MAX`] are told.
    pub dialogs: Vec<WatchedDialog>,
}

/// A call of a number that is watched.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WatchedDialog {
    /// Names it among those of the number, as long as it lasts.
    pub id: String,
    /// How far it is.
    pub state: DialogState,
    /// Who called.
    pub direction: Option<Direction>,
    /// By what it can be named in a Replaces header, if whoever watches may take it up.
    pub tags: Option<DialogTags>,
    /// The number's own side.
    pub local: Option<WatchedParty>,
    /// The other side, if whoever watches may know that.
    pub remote: Option<WatchedParty>,
}

/// How far a call is (RFC 4235, 3.7.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DialogState {
    /// Begun.
    Trying,
    /// Heard of.
    Proceeding,
    /// It rings.
    Early,
    /// Answered.
    Confirmed,
    /// Over.
    Terminated,
}

/// Which side of a call the number is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Direction {
    /// It called.
    Initiator,
    /// It was called.
    Recipient,
}

/// The names of a dialog, as the phone of the number knows them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DialogTags {
    /// The Call-ID.
    pub call_id: String,
    /// The phone's tag.
    pub local_tag: String,
    /// Ours.
    pub remote_tag: String,
}

/// Who takes part in a call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WatchedParty {
    /// The name shown.
    pub display: Option<String>,
    /// The URI.
    pub uri: String,
}

impl DialogState {
    fn as_str(self) -> &'static str {
        match self {
            Self::Trying => "trying",
            Self::Proceeding => "proceeding",
            Self::Early => "early",
            Self::Confirmed => "confirmed",
            Self::Terminated => "terminated",
        }
    }
}

impl DialogInfo {
    /// The document: the full state, as the `version`th of its subscription.
    #[must_use]
    pub fn body(&self, version: u32) -> String {
        let mut body = String::from("<?xml version=\"1.0\"?>\r\n<dialog-info xmlns=\"urn:ietf:params:xml:ns:dialog-info\"");
        // Writing to a String cannot fail.
        let _ = write!(body, " version=\"{version}\" state=\"full\"");
        attribute(&mut body, "entity", &self.entity);
        body.push_str(">\r\n");
        for dialog in self.dialogs.iter().take(DIALOGS_MAX) {
            dialog.write(&mut body);
        }
        body.push_str("</dialog-info>\r\n");
        body
    }
}

impl WatchedDialog {
    fn write(&self, body: &mut String) {
        body.push_str("<dialog");
        attribute(body, "id", &self.id);
        if let Some(tags) = &self.tags {
            attribute(body, "call-id", &tags.call_id);
            attribute(body, "local-tag", &tags.local_tag);
            attribute(body, "remote-tag", &tags.remote_tag);
        }
        match self.direction {
            Some(Direction::Initiator) => attribute(body, "direction", "initiator"),
            Some(Direction::Recipient) => attribute(body, "direction", "recipient"),
            None => {}
        }
        let _ = write!(body, "><state>{}</state>", self.state.as_str());
        for (side, party) in [("local", &self.local), ("remote", &self.remote)] {
            let Some(party) = party else { continue };
            let _ = write!(body, "<{side}><identity");
            if let Some(display) = &party.display {
                attribute(body, "display", display);
            }
            body.push('>');
            escape(body, &party.uri);
            body.push_str("</identity><target");
            attribute(body, "uri", &party.uri);
            let _ = write!(body, "/></{side}>");
        }
        body.push_str("</dialog>\r\n");
    }
}

fn attribute(body: &mut String, name: &str, value: &str) {
    let _ = write!(body, " {name}=\"");
    escape(body, value);
    body.push('"');
}

/// Text within a document, also within an attribute. What XML 1.0 cannot say (2.2) becomes a blank.
fn escape(body: &mut String, text: &str) {
    for c in text.chars().take(TEXT_MAX) {
        match c {
            '&' => body.push_str("&amp;"),
            '<' => body.push_str("&lt;"),
            '>' => body.push_str("&gt;"),
            '"' => body.push_str("&quot;"),
            '\'' => body.push_str("&apos;"),
            '\u{fffe}' | '\u{ffff}' => body.push(' '),
            c if c.is_control() => body.push(' '),
            c => body.push(c),
        }
    }
}

#[cfg(test)]
mod tests {
    use expect_test::expect;

    use super::*;

    fn party(display: Option<&str>, uri: &str) -> Option<WatchedParty> {
        Some(WatchedParty { display: display.map(str::to_owned), uri: uri.to_owned() })
    }

    #[test]
    fn documents() {
        let mut info = DialogInfo { entity: "sip:6001@pbx.example".to_owned(), dialogs: Vec::new() };
        expect![[r#"
            <?xml version="1.0"?>
            <dialog-info xmlns="urn:ietf:params:xml:ns:dialog-info" version="0" state="full" entity="sip:6001@pbx.example">
            </dialog-info>
        "#]]
        .assert_eq(&info.body(0).replace('\r', ""));
        info.dialogs.push(WatchedDialog {
            id: "c1".to_owned(),
            state: DialogState::Early,
            direction: Some(Direction::Recipient),
            tags: Some(DialogTags { call_id: "a@b".to_owned(), local_tag: "1".to_owned(), remote_tag: "2".to_owned() }),
            local: party(None, "sip:6001@pbx.example"),
            remote: party(Some("<img src=x onerror='a'>\" & \u{1}\u{ffff}\r\n"), "sip:a&b@h"),
        });
        info.dialogs.push(WatchedDialog {
            id: "\"/><x".to_owned(),
            state: DialogState::Confirmed,
            direction: Some(Direction::Initiator),
            tags: None,
            local: None,
            remote: None,
        });
        expect![[r#"
            <?xml version="1.0"?>
            <dialog-info xmlns="urn:ietf:params:xml:ns:dialog-info" version="7" state="full" entity="sip:6001@pbx.example">
            <dialog id="c1" call-id="a@b" local-tag="1" remote-tag="2" direction="recipient"><state>early</state><local><identity>sip:6001@pbx.example</identity><target uri="sip:6001@pbx.example"/></local><remote><identity display="&lt;img src=x onerror=&apos;a&apos;&gt;&quot; &amp;     ">sip:a&amp;b@h</identity><target uri="sip:a&amp;b@h"/></remote></dialog>
            <dialog id="&quot;/&gt;&lt;x" direction="initiator"><state>confirmed</state></dialog>
            </dialog-info>
        "#]].assert_eq(&info.body(7).replace('\r', ""));
    }

    #[test]
    fn bounds() {
        let long = "&".repeat(10_000);
        let dialog = WatchedDialog {
            id: long.clone(),
            state: DialogState::Trying,
            direction: None,
            tags: None,
            local: party(Some(&long), &long),
            remote: None,
        };
        let info = DialogInfo { entity: long, dialogs: vec![dialog; 1_000] };
        let body = info.body(u32::MAX);
        assert_eq!(body.matches("<dialog id").count(), DIALOGS_MAX);
        assert!(body.len() < (DIALOGS_MAX + 1) * (4 * TEXT_MAX * "&amp;".len() + 200), "{}", body.len());
    }
}
