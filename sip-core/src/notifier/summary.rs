//! `application/simple-message-summary` (RFC 3842, 5).

use std::fmt::Write as _;

use super::dialogs::TEXT_MAX;

/// How many messages wait.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct MessageSummary {
    /// The URI of the mailbox, which a phone may dial.
    pub account: Option<String>,
    /// Voice messages nobody has listened to.
    pub new: u32,
    /// Others.
    pub old: u32,
    /// Urgent ones among the new.
    pub new_urgent: u32,
    /// Urgent ones among the others.
    pub old_urgent: u32,
}

impl MessageSummary {
    /// The body of a NOTIFY.
    #[must_use]
    pub fn body(&self) -> String {
        let Self { account, new, old, new_urgent, old_urgent } = self;
        let mut body = format!("Messages-Waiting: {}\r\n", if *new > 0 { "yes" } else { "no" });
        if let Some(account) = account {
            let plain: String = account.chars().take(TEXT_MAX).map(|c| if c.is_control() { ' ' } else { c }).collect();
            // Writing to a String cannot fail.
            let _ = write!(body, "Message-Account: {plain}\r\n");
        }
        let _ = write!(body, "Voice-Message: {new}/{old} ({new_urgent}/{old_urgent})\r\n");
        body
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The example of RFC 3842, 4, and an account that would be a line more.
    #[test]
    fn bodies() {
        let summary =
            MessageSummary { account: Some("sip:alice@vmail.example.com".to_owned()), new: 2, old: 8, new_urgent: 0, old_urgent: 2 };
        assert_eq!(summary.body(), "Messages-Waiting: yes\r\nMessage-Account: sip:alice@vmail.example.com\r\nVoice-Message: 2/8 (0/2)\r\n");
        assert_eq!(MessageSummary::default().body(), "Messages-Waiting: no\r\nVoice-Message: 0/0 (0/0)\r\n");
        let hostile = MessageSummary { account: Some(format!("a\r\nVoice-Message: 9/9\0{}", "x".repeat(TEXT_MAX))), ..summary };
        assert_eq!(hostile.body().lines().count(), 3);
        assert!(hostile.body().len() < 2 * TEXT_MAX && hostile.body().contains("Message-Account: a  Voice-Message: 9/9 x"));
    }
}
