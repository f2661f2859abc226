use std::io::Cursor;

use image::{ImageFormat, RgbImage};

use super::*;

/// What a telephone writes: turned a quarter to the right, and a place.
const PLACE: &[u8] = b"MM\0\x2a\0\0\0\x08\0\x02\
    \x01\x12\0\x03\0\0\0\x01\0\x06\0\0\
    \x88\x25\0\x04\0\0\0\x01\0\0\0\x26\
    \0\0\0\0 35.6892 N 51.3890 E";

pub(in crate::files) fn picture(format: ImageFormat) -> Vec<u8> {
    let mut bytes = Cursor::new(Vec::new());
    RgbImage::from_fn(24, 16, |x, y| image::Rgb([x as u8 * 9, y as u8 * 9, 7]))
        .write_to(&mut bytes, format)
        .unwrap();
    bytes.into_inner()
}

fn segment(marker: u8, body: &[u8]) -> Vec<u8> {
    let length = u16::try_from(body.len() + 2).unwrap().to_be_bytes();
    [&[0xff, marker], &length[..], body].concat()
}

/// A JPEG with everything a camera and programs write, and a film behind it.
fn jpeg_of_a_camera() -> Vec<u8> {
    let plain = picture(ImageFormat::Jpeg);
    [
        &plain[..2],
        &segment(0xe1, &[EXIF, PLACE].concat()),
        &segment(
            0xe1,
            b"http://ns.adobe.com/xap/1.0/\0<GPSLatitude>35.6892</GPSLatitude>",
        ),
        &segment(0xe0, b"JFXX\0\x10 a small copy of 35.6892"),
        &segment(0xed, b"Photoshop 3.0\0 Tehran 35.6892"),
        &segment(0xe2, b"MPF\0 35.6892"),
        &segment(0xfe, b"taken at 35.6892"),
        &plain[2..],
        b"a film of the place 35.6892",
    ]
    .concat()
}

fn chunk(kind: &[u8], body: &[u8]) -> Vec<u8> {
    let length = u32::try_from(body.len()).unwrap().to_be_bytes();
    let sum = crc32(&[kind, body].concat()).to_be_bytes();
    [&length[..], kind, body, &sum].concat()
}

fn png_of_a_camera() -> Vec<u8> {
    let plain = picture(ImageFormat::Png);
    // Behind the header, which has 25 bytes.
    let (head, rest) = plain.split_at(8 + 25);
    [
        head,
        &chunk(b"pHYs", b"\0\0\x0b\x13\0\0\x0b\x13\x01"),
        &chunk(b"eXIf", PLACE),
        &chunk(b"tEXt", b"Comment\0at 35.6892"),
        &chunk(b"iTXt", b"XML:com.adobe.xmp\0\0\0\0\x0035.6892"),
        rest,
        b"35.6892",
    ]
    .concat()
}

fn riff(kind: &[u8], body: &[u8]) -> Vec<u8> {
    let length = u32::try_from(body.len()).unwrap().to_le_bytes();
    let odd = vec![0; body.len() % 2];
    [kind, &length, body, &odd].concat()
}

fn webp_of_a_camera() -> Vec<u8> {
    let plain = picture(ImageFormat::WebP);
    // Both flags, and the sides less one.
    let head = riff(b"VP8X", b"\x0c\0\0\0\x17\0\0\x0f\0\0");
    let exif = riff(b"EXIF", PLACE);
    let xmp = riff(b"XMP ", b"<GPSLatitude>35.6892</GPSLatitude>");
    let body = [b"WEBP", &head[..], &plain[12..], &exif, &xmp].concat();
    riff(b"RIFF", &body)
}

fn has_a_place(bytes: &[u8]) -> bool {
    bytes.windows(7).any(|window| window == b"35.6892")
}

fn pixels(bytes: &[u8]) -> Vec<u8> {
    image::load_from_memory(bytes).unwrap().to_rgb8().into_raw()
}

/// Which way up a decoder takes it to be, as a number of EXIF.
fn way_up(bytes: &[u8]) -> u8 {
    use image::ImageDecoder as _;
    let reader = image::ImageReader::new(Cursor::new(bytes));
    let reader = reader.with_guessed_format().unwrap();
    let mut decoder = reader.into_decoder().unwrap();
    decoder.orientation().unwrap().to_exif()
}

#[test]
fn a_picture_keeps_what_is_shown_and_loses_where_it_was_taken() {
    for bytes in [jpeg_of_a_camera(), png_of_a_camera(), webp_of_a_camera()] {
        assert!(has_a_place(&bytes));
        assert_eq!(way_up(&bytes), 6, "as the test wants it");
        let clean = stripped(&bytes).unwrap();
        assert!(!has_a_place(&clean));
        assert_eq!(pixels(&clean), pixels(&bytes));
        assert_eq!(way_up(&clean), 6);
        assert_eq!(stripped(&clean), None, "nothing more to leave out");
    }
    let flags = stripped(&webp_of_a_camera()).unwrap()[20];
    assert_eq!(flags, WEBP_EXIF, "and no XMP any more");
}

#[test]
fn a_picture_without_anything_beside_it_stays_as_it_is() {
    for format in [
        ImageFormat::Jpeg,
        ImageFormat::Png,
        ImageFormat::WebP,
        ImageFormat::Gif,
    ] {
        assert_eq!(stripped(&picture(format)), None, "{format:?}");
    }
}

#[test]
fn colours_and_resolution_stay() {
    let plain = picture(ImageFormat::Jpeg);
    let profile = segment(0xe2, b"ICC_PROFILE\0\x01\x01 a profile");
    let adobe = segment(0xee, b"Adobe\0d\0\0\0\0\x01");
    let comment = segment(0xfe, b"words");
    let bytes = [&plain[..2], &profile, &adobe, &comment, &plain[2..]].concat();
    let due = [&plain[..2], &profile, &adobe, &plain[2..]].concat();
    assert_eq!(stripped(&bytes).unwrap(), due);
    let clean = stripped(&png_of_a_camera()).unwrap();
    assert!(clean.windows(4).any(|kind| kind == b"pHYs"));
}

#[test]
fn a_picture_of_several_scans_stays_whole() {
    // Coded data with a stuffed byte and a restart, a table, a second scan.
    let scan = |coded: &[u8]| [&segment(0xda, b"\x01\x01\0\0\x3f\0"), coded].concat();
    let rest = [
        scan(b"\x12\xff\0\x34\xff\xd0\x56"),
        segment(0xc4, b"table"),
        scan(b"\xff\0\x9a"),
        vec![0xff, 0xd9],
    ]
    .concat();
    let bytes = [b"\xff\xd8", &segment(0xfe, b"words")[..], &rest].concat();
    assert_eq!(stripped(&bytes).unwrap(), [b"\xff\xd8", &rest[..]].concat());
}

#[test]
fn what_cannot_be_read_stays_as_it_is_and_nothing_panics() {
    for whole in [jpeg_of_a_camera(), png_of_a_camera(), webp_of_a_camera()] {
        for end in 0..whole.len() {
            let _ = stripped(&whole[..end]);
            let mut broken = whole.clone();
            for value in [0, 0x7f, 0xff] {
                broken[end] = value;
                let _ = stripped(&broken);
            }
        }
        let cut = whole.len() / 3;
        assert_eq!(stripped(&whole[..cut]), None);
    }
    for bytes in [
        b"".as_slice(),
        b"\xff\xd8",
        b"RIFF",
        b"GIF89a",
        PNG,
        b"RIFF\xff\xff\xff\xffWEBP",
    ] {
        assert_eq!(stripped(bytes), None);
    }
}
