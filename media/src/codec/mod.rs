//! The codecs that a leg may speak, and the payload types it has agreed on for them.

pub mod g711;

/// A codec of telephony: 8 kHz, one octet a sample.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Codec {
    /// G.711 µ-law.
    Pcmu,
    /// G.711 A-law.
    Pcma,
}

impl Codec {
    /// Every codec, in our order of preference where nobody else has one.
    pub const ALL: [Self; 2] = [Self::Pcma, Self::Pcmu];

    /// The static RTP payload type (RFC 3551, 6).
    #[must_use]
    pub fn payload_type(self) -> u8 {
        match self {
            Self::Pcmu => 0,
            Self::Pcma => 8,
        }
    }

    /// The encoding name of `a=rtpmap` (RFC 3551, 6).
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Pcmu => "PCMU",
            Self::Pcma => "PCMA",
        }
    }

    /// The codec of an encoding name, which is compared without regard to case (RFC 4855, 3).
    #[must_use]
    pub fn by_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|codec| codec.name().eq_ignore_ascii_case(name))
    }

    /// The codec of a static RTP payload type.
    #[must_use]
    pub fn by_payload_type(payload_type: u8) -> Option<Self> {
        Self::ALL.into_iter().find(|codec| codec.payload_type() == payload_type)
    }

    /// The octet that stands for silence.
    #[must_use]
    pub fn silence(self) -> u8 {
        self.encode(0)
    }

    /// One 16-bit sample as an octet of this codec.
    #[must_use]
    pub fn encode(self, sample: i16) -> u8 {
        match self {
            Self::Pcmu => g711::linear_to_ulaw(sample),
            Self::Pcma => g711::linear_to_alaw(sample),
        }
    }

    /// One octet of this codec as a 16-bit sample.
    #[must_use]
    pub fn decode(self, octet: u8) -> i16 {
        match self {
            Self::Pcmu => g711::ulaw_to_linear(octet),
            Self::Pcma => g711::alaw_to_linear(octet),
        }
    }

    /// The octets of `audio` as 16-bit samples, as many as there are of both.
    pub fn decode_into(self, audio: &[u8], samples: &mut [i16]) {
        let table = match self {
            Self::Pcmu => &g711::ULAW_TO_LINEAR,
            Self::Pcma => &g711::ALAW_TO_LINEAR,
        };
        for (sample, octet) in samples.iter_mut().zip(audio) {
            *sample = g711::look_up(table, *octet);
        }
    }

    /// Rewrites `audio` from this codec to `to`, in place.
    pub fn convert(self, to: Self, audio: &mut [u8]) {
        let table = match (self, to) {
            (Self::Pcmu, Self::Pcma) => &g711::ULAW_TO_ALAW,
            (Self::Pcma, Self::Pcmu) => &g711::ALAW_TO_ULAW,
            (Self::Pcmu, Self::Pcmu) | (Self::Pcma, Self::Pcma) => return,
        };
        for octet in audio {
            *octet = g711::look_up(table, *octet);
        }
    }
}

/// The payload types that a leg has agreed on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Payloads {
    /// The codec that is sent to the other side.
    pub codec: Codec,
    /// The RTP payload type of the codec, 0 to 127.
    pub codec_pt: u8,
    /// The RTP payload type of telephone-event at 8 kHz (RFC 4733); none if the other side does not take it.
    pub dtmf_pt: Option<u8>,
}

impl Payloads {
    /// The codec under its static payload type, without telephone-event.
    #[must_use]
    pub fn of(codec: Codec) -> Self {
        Self { codec, codec_pt: codec.payload_type(), dtmf_pt: None }
    }
}
