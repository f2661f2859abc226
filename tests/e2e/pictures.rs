//! Pictures (row F4): how large they are is told, and a small one can be had
//! by those who may have the large one.

use std::io::Cursor;

use image::{ImageFormat, RgbImage};

use crate::client::Answer;
use crate::form::Form;
use crate::server::Server;
use crate::stage::stage;

/// A picture with something on it.
pub(crate) fn picture(width: u32, height: u32, format: ImageFormat) -> Vec<u8> {
    let colour = |x, y| image::Rgb([(x % 256) as u8, (y % 256) as u8, 7]);
    let mut bytes = Cursor::new(Vec::new());
    RgbImage::from_fn(width, height, colour)
        .write_to(&mut bytes, format)
        .unwrap();
    bytes.into_inner()
}

/// The sides of a picture that came.
pub(crate) fn sides(answer: &Answer) -> (u32, u32) {
    let picture = image::load_from_memory(&answer.bytes).unwrap();
    (picture.width(), picture.height())
}

#[tokio::test]
async fn both_people_are_told_the_sides_and_where_a_small_one_is() {
    let mut stage = stage().await;
    let png = picture(1000, 500, ImageFormat::Png);
    let told = Form::to(&stage.omid, "cat.png", &png).send(&stage.server, &stage.sara);
    let told = told.json();
    let frame = stage.his.frame_of("message").await;
    let path = format!("/api/messages?user_id={}", stage.sara.id);
    let history = stage.server.get_as(&stage.omid, &path).json();
    for said in [&told, &frame, &history["messages"][0]] {
        assert_eq!(
            (&said["width"], &said["height"]),
            (&1000.into(), &500.into())
        );
        let thumb = stage.server.get(said["thumb_url"].as_str().unwrap());
        assert_eq!(thumb.header("content-type"), "image/jpeg");
        assert_eq!(sides(&thumb), (480, 240));
        assert_eq!(
            stage.server.get(said["file_url"].as_str().unwrap()).bytes,
            png
        );
    }
    let stranger = stage.server.register("zari");
    let bare = told["file_url"]
        .as_str()
        .unwrap()
        .split('?')
        .next()
        .unwrap();
    let thumb = format!("{bare}?size=thumb");
    assert_eq!(stage.server.get_as(&stranger, &thumb).status, 404);
    assert_eq!(stage.server.get_as(&stage.omid, &thumb).status, 200);
}

#[test]
fn what_only_looks_like_a_picture_comes_as_a_file() {
    let server = Server::usual();
    let (sara, omid) = (server.register("sara"), server.register("omid"));
    let png = picture(900, 900, ImageFormat::Png);
    for bytes in [b"GIF89a/*x*/=1;alert(1)".as_slice(), &png[..200]] {
        let told = Form::to(&omid, "a.png", bytes).send(&server, &sara);
        assert_eq!(told.status, 200, "{}", told.text);
        assert!(told.json()["thumb_url"].is_null());
        let answer = server.get(told.json()["file_url"].as_str().unwrap());
        assert_eq!(answer.bytes, bytes);
    }
    let small = Form::to(&omid, "a.webp", &picture(20, 10, ImageFormat::WebP)).send(&server, &sara);
    assert_eq!(small.json()["width"], 20);
    assert!(small.json()["thumb_url"].is_null());
}

/// A JPEG from a telephone: turned a quarter to the right, with this place in it
/// and a film behind it.
fn from_a_telephone(place: &str) -> Vec<u8> {
    let plain = picture(60, 30, ImageFormat::Jpeg);
    let mut exif = b"Exif\0\0MM\0\x2a\0\0\0\x08\0\x02\x01\x12\0\x03\0\0\0\x01\0\x06\0\0".to_vec();
    exif.extend(b"\x88\x25\0\x04\0\0\0\x01\0\0\0\x26\0\0\0\0 ");
    exif.extend(place.as_bytes());
    let length = u16::try_from(exif.len() + 2).unwrap().to_be_bytes();
    let film = format!("a film of {place}");
    [
        &plain[..2],
        &[0xff, 0xe1],
        &length,
        &exif,
        &plain[2..],
        film.as_bytes(),
    ]
    .concat()
}

fn pixels(bytes: &[u8]) -> Vec<u8> {
    image::load_from_memory(bytes).unwrap().to_rgb8().into_raw()
}

#[test]
fn where_a_picture_was_taken_is_told_to_nobody() {
    let server = Server::usual();
    let (sara, omid) = (server.register("sara"), server.register("omid"));
    let mut handed_out = Vec::new();
    for place in ["35.6892 N 51.3890 E", "29.5918 N 52.5837 E"] {
        let sent = from_a_telephone(place);
        let told = Form::to(&omid, "IMG_1.jpg", &sent).send(&server, &sara);
        let told = told.json();
        // It stands as it stood.
        assert_eq!((&told["width"], &told["height"]), (&30.into(), &60.into()));
        let answer = server.get(told["file_url"].as_str().unwrap());
        assert_eq!(told["file_size"], answer.bytes.len());
        let length = answer.bytes.len().to_string();
        assert_eq!(answer.header("content-length"), length);
        let has = |text: &[u8]| answer.bytes.windows(text.len()).any(|part| part == text);
        assert!(has(b"Exif") && !has(place.as_bytes()));
        assert_eq!(pixels(&answer.bytes), pixels(&sent));
        handed_out.push(answer.bytes);
    }
    // Two of the same motif are the same bytes now, and lie on the disk once.
    assert_eq!(handed_out[0], handed_out[1]);
    assert_eq!(server.setup.uploads().len(), 1);
}
