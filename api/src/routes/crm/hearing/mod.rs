//! Listening: sessions of players, when a call counts as listened to, and how much was.

mod sessions;
mod settings;
mod statistics;

use ::crm::{can, hearing::LISTEN_SESSIONS};
use utoipa::OpenApi;

use super::Area;
use crate::{openapi, resources, routes::table::routes};

resources::listed! {
    ListenSessions = ::crm::hearing::LISTEN_SESSIONS;
}

routes! {
    GET "/api/listening/sessions", Access::Token(can::TAG_STATISTICS_READ), resources::list::<ListenSessions>;
    POST "/api/listening/sessions", Access::Token(office::can::RECORDINGS_LISTEN), sessions::open;
    GET "/api/listening/sessions/{id}", Access::Token(can::TAG_STATISTICS_READ), resources::read::<ListenSessions>;
    PUT "/api/listening/sessions/{id}", Access::Token(office::can::RECORDINGS_LISTEN), sessions::report;
    GET "/api/listening/settings", Access::Token(can::LISTENING_READ), settings::read;
    PUT "/api/listening/settings", Access::Token(can::LISTENING_CONFIGURE), settings::change;
    GET "/api/statistics/listening", Access::Token(can::TAG_STATISTICS_READ), statistics::sums;
}

#[derive(OpenApi)]
#[openapi(
    paths(sessions::open, sessions::report, settings::read, settings::change, statistics::sums),
    tags((name = "listening", description = "Who has really heard how much of which recording."))
)]
struct Document;

pub(super) const AREA: Area = Area {
    routes: ROUTES,
    table,
    document: Document::openapi,
    lists: openapi::lists! {
        LISTEN_SESSIONS "listening" "listening sessions" "/api/listening/sessions" "/api/listening/sessions/{id}";
    },
};

/// A speed, of which 1 is that of speech, in thousandths of it; none for what is no speed. From 0.1 to 16, as players have it.
fn permille(speed: f64) -> Option<u32> {
    // Written out and read again: the nearest whole number, with no cast that could lose anything.
    let is_one = speed.is_finite() && (0.1..=16.0).contains(&speed);
    is_one.then(|| format!("{:.0}", speed * 1_000.0)).and_then(|text| text.parse().ok())
}

#[cfg(test)]
mod tests {
    use super::permille;

    #[test]
    fn a_speed_is_a_number_of_thousandths() {
        let cases = [(1.0, Some(1_000)), (0.1, Some(100)), (1.25, Some(1_250)), (2.999_9, Some(3_000)), (16.0, Some(16_000))];
        let wrong = [(0.0, None), (-1.0, None), (16.1, None), (f64::NAN, None), (f64::INFINITY, None)];
        for (speed, wanted) in cases.into_iter().chain(wrong) {
            assert_eq!(permille(speed), wanted, "{speed}");
        }
    }
}
