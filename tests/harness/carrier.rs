//! A carrier of others' making: Kamailio, started privately on a loopback address of its own.
//!
//! It has a customer, `cordboard`, whose numbers begin with +7495123, and subscribers, whose names are their numbers.
//! All register and are challenged for every call, by the realm `carrier.example`; it stays in the path of calls.

use std::{
    net::{Ipv4Addr, SocketAddr},
    time::Duration,
};

use anyhow::Result;

use crate::{
    baresip::{Baresip, Setup},
    certificate::Certificate,
    kamailio::Kamailio,
    rest::Account,
    wait,
};

const CONFIGURATION: &str = include_str!("../peers/carrier/kamailio.cfg");
/// A phone is registered within a second.
const PHONE_LIMIT: Duration = Duration::from_secs(10);

/// The user name of the customer that is the server under test.
pub const CUSTOMER: &str = "cordboard";
/// Its realm.
pub const REALM: &str = "carrier.example";

/// A running carrier. Ended when dropped.
#[derive(Debug)]
pub struct Carrier {
    kamailio: Kamailio,
}

impl Carrier {
    /// Starts one on this loopback address.
    ///
    /// # Errors
    /// When Kamailio is not installed or does not start.
    pub fn start(address: Ipv4Addr) -> Result<Self> {
        Ok(Self { kamailio: Kamailio::start(address, CONFIGURATION, None)? })
    }

    /// Starts one that speaks TLS, too, with this certificate.
    ///
    /// # Errors
    /// As [`Carrier::start`].
    pub fn start_encrypted(address: Ipv4Addr, certificate: &Certificate) -> Result<Self> {
        Ok(Self { kamailio: Kamailio::start(address, CONFIGURATION, Some(certificate))? })
    }

    /// Starts anew with another certificate, at the same addresses. What was registered there is forgotten.
    ///
    /// # Errors
    /// When it does not start.
    pub fn renew(&mut self, certificate: &Certificate) -> Result<()> {
        self.kamailio.renew(certificate)
    }

    /// Where it speaks SIP over TLS; none if it does not.
    #[must_use]
    pub fn tls(&self) -> Option<SocketAddr> {
        self.kamailio.tls()
    }

    /// Where it speaks SIP, over UDP and TCP.
    #[must_use]
    pub fn sip(&self) -> SocketAddr {
        self.kamailio.sip()
    }

    /// A phone of a subscriber that is registered, and answers with a tone.
    ///
    /// # Errors
    /// When it does not start, or is not let in.
    pub fn phone(&self, number: &str, tone_hz: u32) -> Result<Baresip> {
        let account = Account { id: String::new(), number: number.to_owned(), username: number.to_owned(), password: password(number) };
        let phone = Baresip::start(&Setup::of(&account, self.sip(), tone_hz))?;
        // It may have registered before anybody could hear its events.
        wait::until_true(format!("{number} at the carrier"), PHONE_LIMIT, || phone.log().contains("200 OK"))?;
        Ok(phone)
    }

    /// What it has said so far.
    #[must_use]
    pub fn log(&self) -> String {
        self.kamailio.log()
    }
}

/// The password of a customer or subscriber.
#[must_use]
pub fn password(name: &str) -> String {
    format!("pw-{name}")
}

#[cfg(test)]
mod tests {
    use anyhow::Context as _;

    use super::*;

    /// Long enough on a busy machine.
    const SOON: Duration = Duration::from_secs(10);

    #[test]
    fn its_subscribers_call_each_other_and_some_numbers_answer_by_themselves() -> Result<()> {
        let carrier = Carrier::start(Ipv4Addr::new(127, 0, 0, 2))?;
        let (mut one, other) = (carrier.phone("+74957654321", 440)?, carrier.phone("+74957654322", 880)?);
        one.dial("+74957654322")?;
        one.event("CALL_ESTABLISHED", SOON).with_context(|| carrier.log())?;
        one.hangup()?;
        other.event("CALL_CLOSED", SOON)?;
        for (number, answer) in [("+74950000503", "503"), ("+74951230001", "480"), ("+74957654399", "404")] {
            let mark = one.mark();
            one.dial(number)?;
            let closed = one.event_after(mark, "CALL_CLOSED", SOON)?;
            anyhow::ensure!(closed["param"].as_str().is_some_and(|why| why.starts_with(answer)), "{number}: {closed}");
        }
        Ok(())
    }
}
