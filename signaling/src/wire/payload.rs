//! The `payload` of frames about media: descriptions, candidates, reasons.

use serde::{Serialize, Serializer};

use super::client::{Candidate, Sdp};

/// The payload of an offer or answer: `{"<kind>": {"type": "<kind>", "sdp"}}`.
fn description<S: Serializer>(
    kind: &'static str,
    sdp: &Sdp,
    serializer: S,
) -> Result<S::Ok, S::Error> {
    #[derive(Serialize)]
    struct Description<'a> {
        r#type: &'static str,
        sdp: &'a str,
    }
    let sdp = sdp.as_str();
    serializer.collect_map([(kind, Description { r#type: kind, sdp })])
}

pub(super) fn offer_payload<S: Serializer>(sdp: &Sdp, serializer: S) -> Result<S::Ok, S::Error> {
    description("offer", sdp, serializer)
}

pub(super) fn some_offer_payload<S: Serializer>(
    sdp: &Option<Sdp>,
    serializer: S,
) -> Result<S::Ok, S::Error> {
    match sdp {
        Some(sdp) => offer_payload(sdp, serializer),
        None => serializer.serialize_none(),
    }
}

pub(super) fn answer_payload<S: Serializer>(sdp: &Sdp, serializer: S) -> Result<S::Ok, S::Error> {
    description("answer", sdp, serializer)
}

pub(super) fn candidate_payload<S: Serializer>(
    candidate: &Candidate,
    serializer: S,
) -> Result<S::Ok, S::Error> {
    serializer.collect_map([("candidate", candidate)])
}

pub(super) fn reason_payload<R: Serialize, S: Serializer>(
    reason: &R,
    serializer: S,
) -> Result<S::Ok, S::Error> {
    serializer.collect_map([("reason", reason)])
}
