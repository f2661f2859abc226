//! The few lines of a session description that are read here and not by an
//! engine.

/// Longest description that is looked at, in bytes.
pub const MAX_SDP: usize = 32 * 1024;

/// The URI of the extension with which a client says how loud a packet is.
pub const AUDIO_LEVEL: &str = "urn:ietf:params:rtp-hdrext:ssrc-audio-level";

/// The URI of the extension that names the section a packet belongs to.
pub const MID: &str = "urn:ietf:params:rtp-hdrext:sdes:mid";

/// What one end of ICE proves itself with.
#[derive(Clone, PartialEq, Eq)]
pub struct Credentials {
    /// The name, sent in the clear.
    pub ufrag: String,
    /// The secret.
    pub pwd: String,
}

impl std::fmt::Debug for Credentials {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Credentials")
            .field("ufrag", &self.ufrag)
            .finish_non_exhaustive()
    }
}

/// The credentials in a description; all its sections share them.
pub fn credentials(sdp: &str) -> Option<Credentials> {
    Some(Credentials {
        ufrag: value(sdp, "a=ice-ufrag:")?.to_owned(),
        pwd: value(sdp, "a=ice-pwd:")?.to_owned(),
    })
}

/// The number that stands for an extension in a description.
pub fn extension(sdp: &str, uri: &str) -> Option<u8> {
    sdp.lines()
        .filter_map(|line| line.strip_prefix("a=extmap:"))
        .find_map(|line| {
            let mut words = line.split_ascii_whitespace();
            // A direction may stand behind the number.
            let id = words.next()?.split('/').next()?.parse().ok()?;
            (words.next()? == uri).then_some(id)
        })
}

/// Whether some section takes RED.
pub fn takes_red(sdp: &str) -> bool {
    sdp.lines()
        .filter_map(|line| line.strip_prefix("a=rtpmap:"))
        .filter_map(|line| line.split_ascii_whitespace().nth(1))
        .any(|codec| codec.eq_ignore_ascii_case("red/48000/2"))
}

/// The description without candidates: where a client is, its binding requests
/// say, and nothing else is believed.
pub fn without_candidates(sdp: &str) -> String {
    let mut kept = String::with_capacity(sdp.len());
    for line in sdp.lines() {
        if !line.starts_with("a=candidate:") && !line.starts_with("a=end-of-candidates") {
            kept.push_str(line);
            kept.push_str("\r\n");
        }
    }
    kept
}

/// The description with this among the parameters of a payload type, wherever
/// it has some.
pub fn with_parameter(sdp: &str, payload_type: u8, parameter: &str) -> String {
    let begin = format!("a=fmtp:{payload_type} ");
    let mut with = String::with_capacity(sdp.len() + 128);
    for line in sdp.lines() {
        with.push_str(line);
        if line.starts_with(&begin) && !line.contains(parameter) {
            with.push(';');
            with.push_str(parameter);
        }
        with.push_str("\r\n");
    }
    with
}

fn value<'s>(sdp: &'s str, name: &str) -> Option<&'s str> {
    sdp.lines().find_map(|line| line.strip_prefix(name))
}

#[cfg(test)]
mod tests {
    use super::*;

    const SDP: &str = "v=0\r\na=ice-ufrag:abcd\r\na=ice-pwd:secretsecret\r\n\
        m=audio 9 UDP/TLS/RTP/SAVPF 63 111\r\n\
        a=candidate:1 1 udp 1 10.0.0.1 5 typ host\r\na=end-of-candidates\r\n\
        a=rtpmap:63 red/48000/2\r\na=extmap:3/sendonly urn:ietf:params:rtp-hdrext:sdes:mid\r\n";

    #[test]
    fn what_is_asked_for_is_found() {
        let found = credentials(SDP).unwrap();
        assert_eq!((&*found.ufrag, &*found.pwd), ("abcd", "secretsecret"));
        assert_eq!(extension(SDP, MID), Some(3));
        assert_eq!(extension(SDP, AUDIO_LEVEL), None);
        assert!(takes_red(SDP));
        assert!(!takes_red("a=rtpmap:111 opus/48000/2"));
    }

    #[test]
    fn a_parameter_stands_once_with_its_payload_type_alone() {
        let sdp = "a=fmtp:63 111/111\r\na=fmtp:111 minptime=10\r\na=fmtp:111 usedtx=1\r\n";
        let with =
            "a=fmtp:63 111/111\r\na=fmtp:111 minptime=10;usedtx=1\r\na=fmtp:111 usedtx=1\r\n";
        assert_eq!(with_parameter(sdp, 111, "usedtx=1"), with);
    }

    #[test]
    fn a_password_is_not_shown() {
        assert!(!format!("{:?}", credentials(SDP)).contains("secret"));
    }

    #[test]
    fn no_candidate_of_a_client_is_left() {
        let kept = without_candidates(SDP);
        assert!(!kept.contains("10.0.0.1") && !kept.contains("end-of"));
        assert_eq!(kept.lines().count(), SDP.lines().count() - 2);
    }
}
