//! `[links]`

use std::path::PathBuf;

use ipnet::IpNet;

use crate::{
    section::{Findings, section},
    value::{Problem, Raw, Value},
};

section! {
    /// Requests of ours to other servers. Those that users cause, as webhooks do, reach public addresses only: otherwise whoever may set up a
    /// webhook could reach the servers behind the firewall by it.
    Links in links {
        /// Networks that such requests may reach although they are not public, such as "10.1.2.0/24": those of your own receivers.
        allow_nets: Vec<IpNet> = "[]";
        /// The ports that such requests may go to. Empty: every port.
        allow_ports: Vec<Port> = "[80, 443]";
        /// A file with certificates of your own authorities, PEM, which are believed beside the public ones: for sign-in providers, mail
        /// servers, capture servers and receivers of webhooks within the house. Empty: the public ones only.
        ca_file: Option<PathBuf> = "\"\"";
    }
}

impl Links {
    pub(crate) fn check(&self, findings: &mut Findings) {
        if let Some(net) = self.allow_nets.iter().find(|net| net.prefix_len() == 0) {
            findings.warn(
                &["links.allow_nets"],
                format!("{net} is every address, so that a webhook reaches this machine itself and what clouds tell machines only"),
            );
        }
    }
}

/// A port.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Port(pub u16);

impl Value for Port {
    const EXPECTS: &'static str = "a port from 1 to 65535";

    fn read(raw: &Raw) -> Result<Self, Problem> {
        let number = raw.whole().ok_or_else(|| Problem::Type(raw.kind()))?;
        match u16::try_from(number) {
            Ok(port) if port > 0 => Ok(Self(port)),
            _ => Err(Problem::Bad(format!("{number} is not from 1 to 65535"))),
        }
    }
}
