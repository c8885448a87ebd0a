//! The JSON forms of what a tape holds. They are the format: a change that an old tape does not survive is a new version.

use std::{
    net::{IpAddr, SocketAddr},
    sync::Arc,
    time::Duration,
};

use bytes::Bytes;
use media::{LegId, MediaEvent};
use model::{
    BanView, Binding, BudgetEntry, BudgetUsed, CallId, CenterId, Command, Directory, Ha1, Hub, HubId, HubKind, Number, RecordingRow,
    SlotEntry, SlotId, SlotLimits, SlotState, TransferTo, UserId, WallTime, budget::Scope, route::AskOutcome,
};
use serde::{Deserialize, Serialize};
use sip_core::{Algorithm, ArmourSettings, Flow, RegistrarSettings, Transport};

use super::{
    dns::{AnswerText, QueryText},
    plan::PlanText,
};
use crate::{
    ports::MediaPort,
    questions::AskId,
    settings::Settings,
    switchboard::{Input, Order, Restored},
};

/// Longer spans than any configuration allows are no settings: with the largest numbers that a tape can hold, a moment that far ahead
/// would be none.
const SPAN_MAX: Duration = Duration::from_secs(366 * 86_400);

/// The first object of a tape.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Head {
    /// The version of the format.
    tape: u32,
    /// The version of the server; tapes from before it was written down have none.
    #[serde(default)]
    server: Option<String>,
    pub(super) wall: WallTime,
    seed: String,
    settings: SettingsText,
    directory: DirectoryText,
    bindings: Vec<Binding>,
    leases: Vec<(SlotId, Option<UserId>, u64)>,
    last_call: Option<CallId>,
    listening: Vec<SocketAddr>,
    #[serde(default)]
    bans: Vec<BanView>,
    #[serde(default)]
    budgets: Vec<BudgetUsed>,
}

/// Every further object.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Line {
    /// Nanoseconds since the start.
    #[serde(rename = "t")]
    pub(super) after_ns: u64,
    #[serde(rename = "i")]
    pub(super) input: InputText,
    /// The hash of all outputs before this input.
    #[serde(rename = "o")]
    pub(super) outputs: String,
}

impl Head {
    pub(super) fn new(
        tape: u32,
        server: &str,
        wall: WallTime,
        settings: &Settings,
        directory: &Directory,
        restored: &Restored,
        seed: [u8; 32],
    ) -> Self {
        Self {
            tape,
            server: Some(server.to_owned()),
            wall,
            seed: hex(&seed),
            settings: SettingsText::of(settings),
            directory: DirectoryText::of(directory),
            bindings: restored.bindings.clone(),
            leases: restored.leases.clone(),
            last_call: restored.last_call,
            listening: restored.listening.clone(),
            bans: restored.bans.clone(),
            budgets: restored.budgets.clone(),
        }
    }

    pub(super) fn seed(&self) -> Result<[u8; 32], String> {
        unhex(&self.seed)
    }

    pub(super) fn settings(&self) -> Result<Settings, String> {
        self.settings.settings()
    }

    pub(super) fn directory(&self) -> Result<Arc<Directory>, String> {
        self.directory.directory().map(Arc::new)
    }

    pub(super) fn restored(&self) -> Result<Restored, String> {
        Ok(Restored {
            bindings: self.bindings.clone(),
            leases: self.leases.clone(),
            last_call: self.last_call,
            listening: self.listening.clone(),
            bans: self.bans.clone(),
            budgets: self.budgets.clone(),
        })
    }
}

/// [`Input`]
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum InputText {
    Received {
        flow: FlowText,
        bytes: String,
    },
    Unreachable {
        remote: SocketAddr,
    },
    FlowClosed {
        flow: FlowText,
    },
    NotOpened {
        flow: FlowText,
        why: String,
    },
    Outward(Vec<(String, SocketAddr)>),
    Routed {
        remote: IpAddr,
        ours: Vec<(String, SocketAddr)>,
    },
    Resolved {
        query: QueryText,
        answer: AnswerText,
    },
    /// The body in Latin-1, or why there is none.
    Answered {
        ask: u64,
        body: Option<String>,
        why: Option<AskOutcome>,
    },
    Ports(Vec<(usize, u16)>),
    Media(MediaText),
    Command {
        order: u64,
        command: CommandText,
    },
    Directory(DirectoryText),
    Settings(Box<SettingsText>),
    MediaLost {
        worker: usize,
    },
    Recorded(RecordingRow),
    Clock(WallTime),
    Journal {
        behind: bool,
    },
    Drain,
    EndAll,
    Timeout,
}

impl InputText {
    pub(super) fn of(input: &Input) -> Self {
        match input {
            Input::Received { flow, bytes } => Self::Received { flow: FlowText::of(*flow), bytes: latin1(bytes) },
            Input::Unreachable { remote } => Self::Unreachable { remote: *remote },
            Input::NotOpened { flow, why } => Self::NotOpened { flow: FlowText::of(*flow), why: why.clone() },
            Input::FlowClosed { flow } => Self::FlowClosed { flow: FlowText::of(*flow) },
            Input::Outward(ours) => Self::Outward(named(ours)),
            Input::Routed { remote, ours } => Self::Routed { remote: *remote, ours: named(ours) },
            Input::Resolved { query, answer } => Self::Resolved { query: QueryText::of(query), answer: AnswerText::of(answer) },
            Input::Answered { ask, answer } => {
                Self::Answered { ask: ask.0, body: answer.as_ref().ok().map(|body| latin1(body)), why: answer.as_ref().err().copied() }
            }
            Input::Ports(ports) => Self::Ports(ports.iter().map(|port| (port.worker, port.port)).collect()),
            Input::Media(event) => Self::Media(MediaText::of(event)),
            Input::Command { order, command } => Self::Command { order: order.0, command: CommandText::of(command) },
            Input::Directory(directory) => Self::Directory(DirectoryText::of(directory)),
            Input::Settings(settings) => Self::Settings(Box::new(SettingsText::of(settings))),
            Input::MediaLost { worker } => Self::MediaLost { worker: *worker },
            Input::Recorded(row) => Self::Recorded(row.clone()),
            Input::Clock(wall) => Self::Clock(*wall),
            Input::Journal { behind } => Self::Journal { behind: *behind },
            Input::Drain => Self::Drain,
            Input::EndAll => Self::EndAll,
            Input::Timeout => Self::Timeout,
        }
    }

    pub(super) fn input(self) -> Result<Input, String> {
        Ok(match self {
            Self::Received { flow, bytes } => Input::Received { flow: flow.flow()?, bytes: octets(&bytes)? },
            Self::Unreachable { remote } => Input::Unreachable { remote },
            Self::NotOpened { flow, why } => Input::NotOpened { flow: flow.flow()?, why },
            Self::FlowClosed { flow } => Input::FlowClosed { flow: flow.flow()? },
            Self::Outward(ours) => Input::Outward(addresses(ours)?),
            Self::Routed { remote, ours } => Input::Routed { remote, ours: addresses(ours)? },
            Self::Resolved { query, answer } => Input::Resolved { query: query.query()?, answer: answer.answer()? },
            Self::Answered { ask, body, why } => {
                let answer = match body {
                    Some(body) => Ok(octets(&body)?),
                    None => Err(why.unwrap_or(AskOutcome::Unreachable)),
                };
                Input::Answered { ask: AskId(ask), answer }
            }
            Self::Ports(ports) => Input::Ports(ports.into_iter().map(|(worker, port)| MediaPort { worker, port }).collect()),
            Self::Media(event) => Input::Media(event.event()),
            Self::Command { order, command } => Input::Command { order: Order(order), command: command.command() },
            Self::Directory(directory) => Input::Directory(Arc::new(directory.directory()?)),
            Self::Settings(settings) => Input::Settings(Box::new(settings.settings()?)),
            Self::MediaLost { worker } => Input::MediaLost { worker },
            Self::Recorded(row) => Input::Recorded(row),
            Self::Clock(wall) => Input::Clock(wall),
            Self::Journal { behind } => Input::Journal { behind },
            Self::Drain => Input::Drain,
            Self::EndAll => Input::EndAll,
            Self::Timeout => Input::Timeout,
        })
    }
}

/// [`Flow`]: transport, ours, theirs.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct FlowText(String, SocketAddr, SocketAddr);

impl FlowText {
    fn of(flow: Flow) -> Self {
        Self(flow.transport.name().to_owned(), flow.local, flow.remote)
    }

    fn flow(&self) -> Result<Flow, String> {
        Ok(Flow { transport: transport(&self.0)?, local: self.1, remote: self.2 })
    }
}

/// Addresses of ours by transport.
fn named(ours: &[(Transport, SocketAddr)]) -> Vec<(String, SocketAddr)> {
    ours.iter().map(|(transport, local)| (transport.name().to_owned(), *local)).collect()
}

fn addresses(ours: Vec<(String, SocketAddr)>) -> Result<Vec<(Transport, SocketAddr)>, String> {
    ours.into_iter().map(|(name, local)| Ok((transport(&name)?, local))).collect()
}

fn transport(name: &str) -> Result<Transport, String> {
    Transport::from_param(name.as_bytes()).ok_or_else(|| format!("no transport: {name:?}"))
}

/// [`MediaEvent`]. The numbers of a closed leg are left out: call control does not look at them.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum MediaText {
    FirstMedia(u64),
    Digit { leg: u64, digit: char, duration_ms: u32 },
    Silent(u64),
    Closed(u64),
}

impl MediaText {
    fn of(event: &MediaEvent) -> Self {
        match event {
            MediaEvent::FirstMedia { leg } => Self::FirstMedia(leg.0),
            MediaEvent::Digit { leg, digit, duration_ms } => Self::Digit { leg: leg.0, digit: *digit, duration_ms: *duration_ms },
            MediaEvent::Silent { leg } => Self::Silent(leg.0),
            MediaEvent::Closed { leg, .. } => Self::Closed(leg.0),
        }
    }

    fn event(self) -> MediaEvent {
        match self {
            Self::FirstMedia(leg) => MediaEvent::FirstMedia { leg: LegId(leg) },
            Self::Digit { leg, digit, duration_ms } => MediaEvent::Digit { leg: LegId(leg), digit, duration_ms },
            Self::Silent(leg) => MediaEvent::Silent { leg: LegId(leg) },
            Self::Closed(leg) => MediaEvent::Closed { leg: LegId(leg), stats: media::LegStats::default() },
        }
    }
}

/// [`Command`]
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum CommandText {
    StartCall {
        user: UserId,
        slot: SlotId,
        number: Number,
    },
    EndCall {
        user: UserId,
        any: bool,
        call: CallId,
    },
    TransferCall {
        user: UserId,
        any: bool,
        call: CallId,
        to: TransferTo,
    },
    TakeSlot {
        user: UserId,
        slot: SlotId,
    },
    ReleaseSlot {
        user: UserId,
        any: bool,
        slot: SlotId,
        epoch: Option<u64>,
    },
    SetService {
        slot: SlotId,
        state: SlotState,
    },
    RetireSlots {
        slots: Vec<SlotId>,
    },
    Ladder {
        call: CallId,
    },
    KeepAlive {
        user: UserId,
    },
    Carriers,
    Bans,
    Security,
    /// Tapes of before: all of them, of which nothing follows.
    Budgets,
    BudgetsOf {
        center: CenterId,
    },
    Budget {
        scope: Scope,
    },
    ReleaseBudget {
        scope: Scope,
    },
    BanSource {
        address: IpAddr,
        for_s: u32,
        note: Option<String>,
    },
    ReleaseBan {
        address: IpAddr,
    },
}

impl CommandText {
    fn of(command: &Command) -> Self {
        match command.clone() {
            Command::StartCall { user, slot, number } => Self::StartCall { user, slot, number },
            Command::EndCall { user, any, call } => Self::EndCall { user, any, call },
            Command::TransferCall { user, any, call, to } => Self::TransferCall { user, any, call, to },
            Command::TakeSlot { user, slot } => Self::TakeSlot { user, slot },
            Command::ReleaseSlot { user, any, slot, epoch } => Self::ReleaseSlot { user, any, slot, epoch },
            Command::SetService { slot, state } => Self::SetService { slot, state },
            Command::RetireSlots { slots } => Self::RetireSlots { slots },
            Command::Ladder { call } => Self::Ladder { call },
            Command::KeepAlive { user } => Self::KeepAlive { user },
            Command::Carriers => Self::Carriers,
            Command::Bans => Self::Bans,
            Command::Security => Self::Security,
            Command::Budgets { center } => Self::BudgetsOf { center },
            Command::Budget { scope } => Self::Budget { scope },
            Command::ReleaseBudget { scope } => Self::ReleaseBudget { scope },
            Command::BanSource { address, for_s, note } => Self::BanSource { address, for_s, note },
            Command::ReleaseBan { address } => Self::ReleaseBan { address },
        }
    }

    fn command(self) -> Command {
        match self {
            Self::StartCall { user, slot, number } => Command::StartCall { user, slot, number },
            Self::EndCall { user, any, call } => Command::EndCall { user, any, call },
            Self::TransferCall { user, any, call, to } => Command::TransferCall { user, any, call, to },
            Self::TakeSlot { user, slot } => Command::TakeSlot { user, slot },
            Self::ReleaseSlot { user, any, slot, epoch } => Command::ReleaseSlot { user, any, slot, epoch },
            Self::SetService { slot, state } => Command::SetService { slot, state },
            Self::RetireSlots { slots } => Command::RetireSlots { slots },
            Self::Ladder { call } => Command::Ladder { call },
            Self::KeepAlive { user } => Command::KeepAlive { user },
            Self::Carriers => Command::Carriers,
            Self::Bans => Command::Bans,
            Self::Security => Command::Security,
            Self::Budgets => Command::Budgets { center: CenterId::DEFAULT },
            Self::BudgetsOf { center } => Command::Budgets { center },
            Self::Budget { scope } => Command::Budget { scope },
            Self::ReleaseBudget { scope } => Command::ReleaseBudget { scope },
            Self::BanSource { address, for_s, note } => Command::BanSource { address, for_s, note },
            Self::ReleaseBan { address } => Command::ReleaseBan { address },
        }
    }
}

/// [`Directory`]
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct DirectoryText {
    realm: String,
    hubs: Vec<HubText>,
    slots: Vec<SlotText>,
    /// Tapes from before there were carriers have none.
    #[serde(default)]
    plan: PlanText,
    /// Nor have older ones budgets.
    #[serde(default)]
    budgets: Vec<BudgetEntry>,
}

/// [`Hub`]
#[derive(Debug, Serialize, Deserialize)]
struct HubText {
    id: HubId,
    center: CenterId,
    name: String,
    kind: HubKind,
    capacity: u16,
}

/// [`SlotEntry`]
#[derive(Debug, Serialize, Deserialize)]
struct SlotText {
    id: SlotId,
    center: CenterId,
    hub: HubId,
    kind: HubKind,
    number: Number,
    username: String,
    /// MD5, SHA-256, SHA-512-256.
    ha1: (String, String, String),
    service: SlotState,
    limits: SlotLimits,
    /// Tapes from before slots had numbers of their own have none.
    #[serde(default)]
    caller: Option<Number>,
}

impl DirectoryText {
    pub(super) fn of(directory: &Directory) -> Self {
        let mut hubs: Vec<HubText> = Vec::new();
        let mut slots = Vec::new();
        for slot in directory.slots() {
            if let Some(hub) = directory.hub(slot.hub).filter(|hub| hubs.iter().all(|known| known.id != hub.id)) {
                let (id, center, kind, capacity) = (hub.id, hub.center, hub.kind, hub.capacity);
                hubs.push(HubText { id, center, name: hub.name.clone(), kind, capacity });
            }
            slots.push(SlotText {
                id: slot.id,
                center: slot.center,
                hub: slot.hub,
                kind: slot.kind,
                number: slot.number.clone(),
                username: slot.username.clone(),
                ha1: (hex(&slot.ha1.md5), hex(&slot.ha1.sha256), hex(&slot.ha1.sha512_256)),
                service: slot.service,
                limits: slot.limits.clone(),
                caller: slot.caller.clone(),
            });
        }
        Self { realm: directory.realm.clone(), hubs, slots, plan: PlanText::of(directory.plan()), budgets: directory.budgets().to_vec() }
    }

    pub(super) fn directory(&self) -> Result<Directory, String> {
        let hub = |hub: &HubText| {
            let (id, center, kind, capacity) = (hub.id, hub.center, hub.kind, hub.capacity);
            Hub { id, center, name: hub.name.clone(), kind, capacity }
        };
        let slot = |slot: &SlotText| {
            let (md5, sha256, sha512_256) = &slot.ha1;
            Ok(SlotEntry {
                id: slot.id,
                center: slot.center,
                hub: slot.hub,
                kind: slot.kind,
                number: slot.number.clone(),
                username: slot.username.clone(),
                ha1: Ha1 { md5: unhex(md5)?, sha256: unhex(sha256)?, sha512_256: unhex(sha512_256)? },
                service: slot.service,
                limits: slot.limits.clone(),
                caller: slot.caller.clone(),
            })
        };
        let slots = self.slots.iter().map(slot).collect::<Result<_, String>>()?;
        let directory = self.plan.plan(Directory::new(self.realm.clone(), self.hubs.iter().map(hub).collect(), slots))?;
        Ok(directory.with_budgets(self.budgets.clone()))
    }
}

/// [`Settings`]
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct SettingsText {
    domain: String,
    user_agent: String,
    media_address: Option<std::net::IpAddr>,
    public_address: Option<std::net::IpAddr>,
    local_nets: Vec<String>,
    media_timeout: Duration,
    ring_s: u32,
    slot_ring_s: u32,
    session_expires_s: u32,
    session_min_s: u32,
    calls_max: usize,
    recording: bool,
    expires_min: u32,
    expires_default: u32,
    expires_max: u32,
    contact_length_max: usize,
    bindings_max: usize,
    flow_timer_s: Option<u32>,
    digest: Vec<String>,
    nonce_key: String,
    nonce_life: Duration,
    lease: Duration,
    unregistered_grace: Duration,
    ladder_memory: usize,
    /// Tapes from before this was asked went everywhere.
    #[serde(default)]
    carrier_nets: Option<Vec<String>>,
    /// Tapes from before the armour judge nobody.
    #[serde(default)]
    armour: Option<ArmourText>,
}

/// [`ArmourSettings`]
#[derive(Debug, Serialize, Deserialize)]
struct ArmourText {
    is_on: bool,
    ban_at: u32,
    ban_first: Duration,
    ban_longest: Duration,
    source_failures: u32,
    user_failures: u32,
    exempt: Vec<String>,
    domains: Vec<String>,
    addresses: Vec<IpAddr>,
}

impl ArmourText {
    fn of(settings: ArmourSettings) -> Self {
        let ArmourSettings { is_on, ban_at, ban_first, ban_longest, source_failures, user_failures, exempt, domains, addresses } = settings;
        let exempt = exempt.iter().map(ToString::to_string).collect();
        Self { is_on, ban_at, ban_first, ban_longest, source_failures, user_failures, exempt, domains, addresses }
    }

    fn settings(&self) -> Result<ArmourSettings, String> {
        let Self { is_on, ban_at, ban_first, ban_longest, source_failures, user_failures, exempt, domains, addresses } = self;
        Ok(ArmourSettings {
            is_on: *is_on,
            ban_at: *ban_at,
            ban_first: *ban_first,
            ban_longest: *ban_longest,
            source_failures: *source_failures,
            user_failures: *user_failures,
            exempt: exempt.iter().map(|net| net.parse().map_err(|_| format!("no network: {net:?}"))).collect::<Result<_, String>>()?,
            domains: domains.clone(),
            addresses: addresses.clone(),
        })
    }
}

impl SettingsText {
    fn of(settings: &Settings) -> Self {
        // Taken apart, so that a new setting cannot be forgotten here.
        let Settings {
            domain,
            user_agent,
            media_address,
            public_address,
            local_nets,
            media_timeout,
            ring_s,
            slot_ring_s,
            session_expires_s,
            session_min_s,
            calls_max,
            recording,
            registrar: RegistrarSettings { expires_min, expires_default, expires_max, contact_length_max, bindings_max, flow_timer_s },
            digest,
            nonce_key,
            nonce_life,
            lease,
            unregistered_grace,
            ladder_memory,
            carrier_nets,
            armour,
        } = settings.clone();
        Self {
            domain,
            user_agent,
            media_address,
            public_address,
            local_nets: local_nets.iter().map(ToString::to_string).collect(),
            media_timeout,
            ring_s,
            slot_ring_s,
            session_expires_s,
            session_min_s,
            calls_max,
            recording,
            expires_min,
            expires_default,
            expires_max,
            contact_length_max,
            bindings_max,
            flow_timer_s,
            digest: digest.iter().map(ToString::to_string).collect(),
            nonce_key: hex(&nonce_key),
            nonce_life,
            lease,
            unregistered_grace,
            ladder_memory,
            carrier_nets: Some(carrier_nets.iter().map(ToString::to_string).collect()),
            armour: Some(ArmourText::of(armour)),
        }
    }

    fn settings(&self) -> Result<Settings, String> {
        self.judge()?;
        let algorithm = |token: &String| Algorithm::of(token.as_bytes()).ok_or_else(|| format!("no algorithm: {token:?}"));
        let net = |net: &String| net.parse().map_err(|_| format!("no network: {net:?}"));
        Ok(Settings {
            domain: self.domain.clone(),
            user_agent: self.user_agent.clone(),
            media_address: self.media_address,
            public_address: self.public_address,
            local_nets: self.local_nets.iter().map(net).collect::<Result<_, String>>()?,
            media_timeout: self.media_timeout,
            ring_s: self.ring_s,
            slot_ring_s: self.slot_ring_s,
            session_expires_s: self.session_expires_s,
            session_min_s: self.session_min_s,
            calls_max: self.calls_max,
            recording: self.recording,
            registrar: RegistrarSettings {
                expires_min: self.expires_min,
                expires_default: self.expires_default,
                expires_max: self.expires_max,
                contact_length_max: self.contact_length_max,
                bindings_max: self.bindings_max,
                flow_timer_s: self.flow_timer_s,
            },
            digest: self.digest.iter().map(algorithm).collect::<Result<_, String>>()?,
            nonce_key: unhex(&self.nonce_key)?,
            nonce_life: self.nonce_life,
            lease: self.lease,
            unregistered_grace: self.unregistered_grace,
            ladder_memory: self.ladder_memory,
            carrier_nets: match &self.carrier_nets {
                Some(nets) => nets.iter().map(net).collect::<Result<_, String>>()?,
                None => ["0.0.0.0/0", "::/0"].map(str::to_owned).iter().map(net).collect::<Result<_, String>>()?,
            },
            armour: match &self.armour {
                Some(armour) => armour.settings()?,
                None => ArmourSettings { is_on: false, ..ArmourSettings::default() },
            },
        })
    }

    /// Finds the setting that cannot be one, before a switchboard counts on it.
    fn judge(&self) -> Result<(), String> {
        let seconds = |count: u32| Duration::from_secs(u64::from(count));
        let spans = [
            ("media_timeout", self.media_timeout),
            ("ring_s", seconds(self.ring_s)),
            ("slot_ring_s", seconds(self.slot_ring_s)),
            ("session_expires_s", seconds(self.session_expires_s)),
            ("session_min_s", seconds(self.session_min_s)),
            ("expires_min", seconds(self.expires_min)),
            ("expires_default", seconds(self.expires_default)),
            ("expires_max", seconds(self.expires_max)),
            ("nonce_life", self.nonce_life),
            ("lease", self.lease),
            ("unregistered_grace", self.unregistered_grace),
            ("ban_first", self.armour.as_ref().map_or(Duration::ZERO, |armour| armour.ban_first)),
            ("ban_longest", self.armour.as_ref().map_or(Duration::ZERO, |armour| armour.ban_longest)),
        ];
        match spans.into_iter().find(|(_, span)| *span > SPAN_MAX) {
            Some((name, span)) => Err(format!("{name} is {} s, and {} s is the most", span.as_secs(), SPAN_MAX.as_secs())),
            None => Ok(()),
        }
    }
}

/// Octets as text: each is the character of its number, so that a SIP message stays readable.
pub(super) fn latin1(octets: &[u8]) -> String {
    octets.iter().map(|octet| char::from(*octet)).collect()
}

pub(super) fn octets(text: &str) -> Result<Bytes, String> {
    let octets: Result<Vec<u8>, _> = text.chars().map(|character| u8::try_from(u32::from(character))).collect();
    octets.map(Bytes::from).map_err(|_| "a character that is no octet".to_owned())
}

fn hex(octets: &[u8]) -> String {
    octets.iter().map(|octet| format!("{octet:02x}")).collect()
}

fn unhex<const N: usize>(text: &str) -> Result<[u8; N], String> {
    let wrong = || format!("not {N} octets in hexadecimal");
    let digits: Vec<u8> =
        text.chars().map(|digit| digit.to_digit(16).and_then(|digit| u8::try_from(digit).ok())).collect::<Option<_>>().ok_or_else(wrong)?;
    let octets: Vec<u8> = digits.chunks(2).map(|pair| pair.iter().fold(0, |octet, digit| octet << 4 | digit)).collect();
    if digits.len() != 2 * N {
        return Err(wrong());
    }
    octets.try_into().map_err(|_| wrong())
}
