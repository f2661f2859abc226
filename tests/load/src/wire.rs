//! The client's end of a WebSocket, as little of it as a load needs: what the
//! clients spend is missing from the server on the same machine.

/// A frame as it came.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Frame {
    Text(String),
    Ping,
    Close(u16),
    Other,
}

/// The head that asks for `/ws`.
pub(crate) fn request(host: &str, token: &str) -> String {
    format!(
        "GET /ws?token={token} HTTP/1.1\r\nHost: {host}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
         Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n"
    )
}

/// Where the answer's head ends, once it is whole.
pub(crate) fn head(bytes: &[u8]) -> Option<usize> {
    let end = bytes.windows(4).position(|window| window == b"\r\n\r\n")?;
    Some(end + 4)
}

/// Appends a text frame. A client has to mask (RFC 6455 §5.3); under a mask of
/// zeros nothing changes, and no page's bytes are to be kept from a proxy here.
pub(crate) fn text(words: &str, out: &mut Vec<u8>) {
    frame(0x81, words.as_bytes(), out);
}

/// Appends a pong.
pub(crate) fn pong(out: &mut Vec<u8>) {
    frame(0x8a, &[], out);
}

fn frame(kind: u8, payload: &[u8], out: &mut Vec<u8>) {
    out.push(kind);
    match u16::try_from(payload.len()) {
        Ok(length @ ..126) => out.push(0x80 | length.to_be_bytes()[1]),
        Ok(length) => {
            out.push(0x80 | 126);
            out.extend(length.to_be_bytes());
        }
        Err(_) => panic!("no frame of a load is that long"),
    }
    out.extend([0; 4]);
    out.extend(payload);
}

/// Takes the first whole frame; says how long it was.
pub(crate) fn parse(bytes: &[u8]) -> Option<(Frame, usize)> {
    let (&kind, &short) = (bytes.first()?, bytes.get(1)?);
    let (length, start) = match short & 0x7f {
        126 => (
            usize::from(u16::from_be_bytes(bytes.get(2..4)?.try_into().ok()?)),
            4,
        ),
        127 => (
            usize::try_from(u64::from_be_bytes(bytes.get(2..10)?.try_into().ok()?)).ok()?,
            10,
        ),
        short => (usize::from(short), 2),
    };
    let payload = bytes.get(start..start + length)?;
    let frame = match kind & 0x0f {
        1 => Frame::Text(String::from_utf8_lossy(payload).into_owned()),
        8 => Frame::Close(
            payload
                .get(..2)
                .map_or(0, |code| u16::from_be_bytes([code[0], code[1]])),
        ),
        9 => Frame::Ping,
        _ => Frame::Other,
    };
    Some((frame, start + length))
}

/// The number after `"key":` in a frame that the server wrote.
pub(crate) fn number(frame: &str, key: &str) -> Option<i64> {
    let at = frame.find(key)? + key.len();
    digits(&frame[at..])
}

/// The number at the begin of the text.
pub(crate) fn digits(text: &str) -> Option<i64> {
    let end = text
        .find(|c: char| !c.is_ascii_digit())
        .unwrap_or(text.len());
    text[..end].parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn frames_are_taken_one_by_one_and_only_whole() {
        let mut bytes = vec![0x81, 2, b'h', b'i', 0x89, 0, 0x88, 2, 0x03, 0xf5];
        bytes.extend([0x81, 126, 0, 200]);
        bytes.extend([b'x'; 199]);
        let mut frames = Vec::new();
        let mut rest = &bytes[..];
        while let Some((frame, length)) = parse(rest) {
            frames.push(frame);
            rest = &rest[length..];
        }
        assert_eq!(
            frames,
            [
                Frame::Text("hi".to_owned()),
                Frame::Ping,
                Frame::Close(1013)
            ]
        );
        assert_eq!(rest.len(), 203);
        bytes.push(b'x');
        let (frame, _) = parse(&bytes[10..]).unwrap();
        assert_eq!(frame, Frame::Text("x".repeat(200)));
    }

    #[test]
    fn what_is_sent_is_masked_and_has_its_length() {
        for length in [0, 125, 126, 70] {
            let mut out = Vec::new();
            text(&"x".repeat(length), &mut out);
            let short = usize::from(out[1] & 0x7f);
            assert_eq!(out[1] & 0x80, 0x80);
            let head = if length < 126 { 6 } else { 8 };
            assert_eq!(short, length.min(126));
            assert_eq!(out.len(), head + length);
        }
    }

    #[test]
    fn numbers_are_found_by_their_key() {
        let frame = r#"{"type":"message","sender_id":17,"content":"123 words"}"#;
        assert_eq!(number(frame, "\"sender_id\":"), Some(17));
        assert_eq!(number(frame, "\"content\":\""), Some(123));
        assert_eq!(number(frame, "\"seq\":"), None);
        assert_eq!((digits("12"), digits("x1")), (Some(12), None));
    }
}
