//! What a camera and programs write into a picture beside the picture: where it
//! was taken, when, with what, and small copies of it. It is left out without
//! touching what is shown; which way up the picture is stays. Pure: bytes in,
//! bytes out.

use std::iter::once;

/// The beginning of a PNG file.
const PNG: &[u8] = b"\x89PNG\r\n\x1a\n";

/// Before EXIF data in a JPEG segment, and in some WebP files.
const EXIF: &[u8] = b"Exif\0\0";

/// Before a colour profile in a JPEG segment.
const PROFILE: &[u8] = b"ICC_PROFILE\0";

/// Chunks of a PNG that may be left out and change what is shown; all others
/// that may be left out are.
const PNG_SHOWN: [&[u8]; 16] = [
    b"tRNS", b"cHRM", b"gAMA", b"iCCP", b"sBIT", b"sRGB", b"cICP", b"mDCV", b"cLLI", b"bKGD",
    b"hIST", b"pHYs", b"sPLT", b"acTL", b"fcTL", b"fdAT",
];

/// Chunks of a WebP file that are shown.
const WEBP_SHOWN: [&[u8]; 7] = [
    b"VP8 ", b"VP8L", b"VP8X", b"ANIM", b"ANMF", b"ALPH", b"ICCP",
];

/// Flags in a VP8X chunk: there is EXIF data, there is XMP data.
const WEBP_EXIF: u8 = 0x08;
const WEBP_XMP: u8 = 0x04;

/// The picture without what is not shown; nothing where there is nothing to
/// leave out, or the bytes are no JPEG, PNG or WebP that can be read.
pub fn stripped(bytes: &[u8]) -> Option<Vec<u8>> {
    let clean = if bytes.starts_with(&[0xff, 0xd8]) {
        jpeg(bytes)
    } else if bytes.starts_with(PNG) {
        png(bytes)
    } else {
        webp(bytes)
    };
    clean.filter(|clean| clean != bytes)
}

/// Segments up to the end of the first picture (ITU T.81 Annex B). What follows
/// it are further pictures and films, with data of their own.
fn jpeg(bytes: &[u8]) -> Option<Vec<u8>> {
    let (mut clean, mut rest) = (bytes.get(..2)?.to_vec(), bytes.get(2..)?);
    loop {
        // Any number of 0xFF may stand before a marker.
        let fill = rest.iter().take_while(|byte| **byte == 0xff).count();
        let (marker, after) = rest.get(fill..)?.split_first()?;
        if fill == 0 {
            return None;
        }
        if *marker == 0xd9 {
            clean.extend([0xff, 0xd9]);
            return Some(clean);
        }
        let length = usize::from(u16::from_be_bytes(*after.first_chunk()?));
        let body = after.get(2..length)?;
        let segment = after.get(..length)?;
        let shown = match marker {
            0xe0 => body.starts_with(b"JFIF\0"),
            0xe2 => body.starts_with(PROFILE),
            // How colours are meant (Adobe).
            0xee => true,
            0xe1 | 0xe3..=0xed | 0xef | 0xfe => false,
            _ => true,
        };
        if shown {
            clean.extend([0xff, *marker].iter().chain(segment));
        } else if *marker == 0xe1
            && let Some(turned) = body.strip_prefix(EXIF).and_then(turned)
        {
            let exif: Vec<u8> = EXIF.iter().copied().chain(tiff(turned)).collect();
            let length = u16::try_from(exif.len() + 2).ok()?.to_be_bytes();
            clean.extend([0xff, 0xe1].into_iter().chain(length).chain(exif));
        }
        rest = after.get(length..)?;
        if *marker == 0xda {
            let coded = coded(rest);
            clean.extend(rest.get(..coded)?);
            rest = rest.get(coded..)?;
        }
    }
}

/// How many bytes of coded picture stand before the next marker: 0xFF 0x00 is
/// one of them, and so are the marks to start anew at.
fn coded(bytes: &[u8]) -> usize {
    let is_marker =
        |pair: &[u8]| matches!(pair, [0xff, second] if !matches!(second, 0 | 0xd0..=0xd7 | 0xff));
    let next = bytes.windows(2).position(is_marker);
    next.unwrap_or(bytes.len())
}

/// Chunks up to the last one (PNG 3 §5).
fn png(bytes: &[u8]) -> Option<Vec<u8>> {
    let (mut clean, mut rest) = (PNG.to_vec(), bytes.strip_prefix(PNG)?);
    loop {
        let length = usize::try_from(u32::from_be_bytes(*rest.first_chunk()?)).ok()?;
        let end = length.checked_add(12)?;
        let (kind, chunk) = (rest.get(4..8)?, rest.get(..end)?);
        let must = kind.first()?.is_ascii_uppercase();
        if must || PNG_SHOWN.contains(&kind) {
            clean.extend(chunk);
        } else if kind == b"eXIf"
            && let Some(turned) = turned(chunk.get(8..length + 8)?)
        {
            let body: Vec<u8> = kind.iter().copied().chain(tiff(turned)).collect();
            let length = u32::try_from(body.len() - 4).ok()?.to_be_bytes();
            let sum = crc32(&body).to_be_bytes();
            clean.extend(length.iter().chain(&body).chain(&sum));
        }
        if kind == b"IEND" {
            return Some(clean);
        }
        rest = rest.get(end..)?;
    }
}

/// Chunks of a RIFF file (RFC 9649 §2.3).
fn webp(bytes: &[u8]) -> Option<Vec<u8>> {
    let length = usize::try_from(u32::from_le_bytes(
        *bytes.strip_prefix(b"RIFF")?.first_chunk()?,
    ));
    let mut rest = bytes.get(8..length.ok()?.checked_add(8)?)?;
    rest = rest.strip_prefix(b"WEBP")?;
    let mut clean = b"RIFF\0\0\0\0WEBP".to_vec();
    let mut flags = None;
    let mut exif = None;
    while !rest.is_empty() {
        let kind = rest.get(..4)?;
        let length = usize::try_from(u32::from_le_bytes(*rest.get(4..)?.first_chunk()?)).ok()?;
        let body = rest.get(8..length.checked_add(8)?)?;
        // An odd one has a byte behind it.
        let end = (length + 8 + length % 2).min(rest.len());
        if WEBP_SHOWN.contains(&kind) {
            if kind == b"VP8X" {
                flags = Some(clean.len() + 8);
            }
            clean.extend(rest.get(..end)?);
        } else if kind == b"EXIF" {
            exif = turned(body.strip_prefix(EXIF).unwrap_or(body));
        }
        rest = rest.get(end..)?;
    }
    // Without it there is no place to say that there is such a chunk.
    if let Some(flags) = flags.and_then(|at| clean.get_mut(at)) {
        *flags &= !(WEBP_EXIF | WEBP_XMP);
        if exif.is_some() {
            *flags |= WEBP_EXIF;
        }
    } else {
        exif = None;
    }
    if let Some(turned) = exif {
        let body = tiff(turned);
        let length = u32::try_from(body.len()).ok()?.to_le_bytes();
        clean.extend(b"EXIF".iter().chain(&length).chain(&body));
    }
    let length = u32::try_from(clean.len() - 8).ok()?.to_le_bytes();
    clean.get_mut(4..8)?.copy_from_slice(&length);
    Some(clean)
}

/// Which way up EXIF data says the picture is (tag 0x0112 of its first list),
/// if it is not the usual one.
fn turned(exif: &[u8]) -> Option<u8> {
    let big = match exif.get(..4)? {
        b"MM\0\x2a" => true,
        b"II\x2a\0" => false,
        _ => return None,
    };
    let short = |at: usize| {
        let bytes = *exif.get(at..)?.first_chunk()?;
        Some(if big {
            u16::from_be_bytes(bytes)
        } else {
            u16::from_le_bytes(bytes)
        })
    };
    let bytes = *exif.get(4..)?.first_chunk()?;
    let list = if big {
        u32::from_be_bytes(bytes)
    } else {
        u32::from_le_bytes(bytes)
    };
    let list = usize::try_from(list).ok()?;
    let entries = usize::from(short(list)?);
    for entry in 0..entries {
        let at = list.checked_add(2 + entry * 12)?;
        if short(at)? == 0x0112 {
            let turned = u8::try_from(short(at.checked_add(8)?)?).ok()?;
            return (2..=8).contains(&turned).then_some(turned);
        }
    }
    None
}

/// EXIF data that says this and nothing else.
fn tiff(turned: u8) -> Vec<u8> {
    let head = b"II\x2a\0\x08\0\0\0\x01\0\x12\x01\x03\0\x01\0\0\0";
    let tail = [0; 7];
    head.iter()
        .copied()
        .chain(once(turned))
        .chain(tail)
        .collect()
}

/// CRC-32 of PNG (ISO 3309).
fn crc32(bytes: &[u8]) -> u32 {
    let step = |crc: u32, byte: &u8| {
        (0..8).fold(crc ^ u32::from(*byte), |crc, _| {
            (crc >> 1) ^ (0xedb8_8320 & (crc & 1).wrapping_neg())
        })
    };
    !bytes.iter().fold(!0, step)
}

#[cfg(test)]
pub(super) mod tests;
