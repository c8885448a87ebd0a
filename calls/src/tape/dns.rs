//! The JSON forms of questions to DNS and their answers.

use std::net::{Ipv4Addr, Ipv6Addr};

use serde::{Deserialize, Serialize};
use sip_core::{
    DomainName,
    locate::{Answer, Data, Kind, Query, Record, Said},
};

use super::text::{latin1, octets};

/// [`Query`]: the kind, the name.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct QueryText(KindText, String);

/// [`Answer`]
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct AnswerText {
    name: String,
    kind: KindText,
    said: SaidText,
}

/// [`Kind`]
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum KindText {
    Naptr,
    Srv,
    A,
    Aaaa,
}

/// [`Said`]
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum SaidText {
    Records(Vec<(u32, DataText)>),
    NoSuchName { ttl_s: Option<u32> },
    NoData { ttl_s: Option<u32> },
    Failure,
}

/// [`Data`]
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum DataText {
    Naptr { order: u16, preference: u16, flags: String, services: String, regexp: String, replacement: String },
    Srv { priority: u16, weight: u16, port: u16, target: String },
    A(Ipv4Addr),
    Aaaa(Ipv6Addr),
}

impl QueryText {
    pub(super) fn of(query: &Query) -> Self {
        Self(KindText::of(query.kind), query.name.to_string())
    }

    pub(super) fn query(&self) -> Result<Query, String> {
        let name = DomainName::parse(self.1.as_bytes()).ok_or_else(|| format!("no domain name: {:?}", self.1))?;
        Ok(Query { name, kind: self.0.kind() })
    }
}

impl AnswerText {
    pub(super) fn of(answer: &Answer) -> Self {
        let said = match &answer.said {
            Said::Records(records) => SaidText::Records(records.iter().map(|record| (record.ttl_s, DataText::of(&record.data))).collect()),
            Said::NoSuchName { ttl_s } => SaidText::NoSuchName { ttl_s: *ttl_s },
            Said::NoData { ttl_s } => SaidText::NoData { ttl_s: *ttl_s },
            Said::Failure => SaidText::Failure,
        };
        Self { name: answer.name.clone(), kind: KindText::of(answer.kind), said }
    }

    pub(super) fn answer(self) -> Result<Answer, String> {
        let record = |(ttl_s, data): (u32, DataText)| Ok(Record { ttl_s, data: data.data()? });
        let said = match self.said {
            SaidText::Records(records) => Said::Records(records.into_iter().map(record).collect::<Result<_, String>>()?),
            SaidText::NoSuchName { ttl_s } => Said::NoSuchName { ttl_s },
            SaidText::NoData { ttl_s } => Said::NoData { ttl_s },
            SaidText::Failure => Said::Failure,
        };
        Ok(Answer { name: self.name, kind: self.kind.kind(), said })
    }
}

impl KindText {
    fn of(kind: Kind) -> Self {
        match kind {
            Kind::Naptr => Self::Naptr,
            Kind::Srv => Self::Srv,
            Kind::A => Self::A,
            Kind::Aaaa => Self::Aaaa,
        }
    }

    fn kind(self) -> Kind {
        match self {
            Self::Naptr => Kind::Naptr,
            Self::Srv => Kind::Srv,
            Self::A => Kind::A,
            Self::Aaaa => Kind::Aaaa,
        }
    }
}

impl DataText {
    fn of(data: &Data) -> Self {
        match data.clone() {
            Data::Naptr { order, preference, flags, services, regexp, replacement } => {
                let [flags, services, regexp] = [flags, services, regexp].map(|octets| latin1(&octets));
                Self::Naptr { order, preference, flags, services, regexp, replacement }
            }
            Data::Srv { priority, weight, port, target } => Self::Srv { priority, weight, port, target },
            Data::A(address) => Self::A(address),
            Data::Aaaa(address) => Self::Aaaa(address),
        }
    }

    fn data(self) -> Result<Data, String> {
        Ok(match self {
            Self::Naptr { order, preference, flags, services, regexp, replacement } => {
                let (flags, services, regexp) = (octets(&flags)?.into(), octets(&services)?.into(), octets(&regexp)?.into());
                Data::Naptr { order, preference, flags, services, regexp, replacement }
            }
            Self::Srv { priority, weight, port, target } => Data::Srv { priority, weight, port, target },
            Self::A(address) => Data::A(address),
            Self::Aaaa(address) => Data::Aaaa(address),
        })
    }
}
