//! Pictures: how large they are shown, and small ones made of them. What comes
//! from people is decoded one at a time, within bounds; what cannot be decoded
//! has no small picture, and that is all.

use std::io::Cursor;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use image::codecs::jpeg::JpegEncoder;
use image::{DynamicImage, ImageDecoder as _, ImageFormat, ImageReader, Limits};
use tokio::sync::Semaphore;
use tokio::time::timeout;

use super::metadata;

/// A picture of more pixels is not decoded: what its header says may be a lie
/// that costs us the memory.
const MAX_PIXELS: u64 = 50_000_000;

/// What decoding one picture may take: 50 million pixels of four bytes, and
/// something to work with.
const MAX_MEMORY: u64 = 256 * 1024 * 1024;

/// A picture of more bytes goes out as it came.
const MAX_FILE: u64 = 64 * 1024 * 1024;

/// Sides of a small picture at most.
const THUMB: u32 = 480;

/// Sides of the picture of a person at most.
const AVATAR: u32 = 512;

/// A picture that takes longer, waiting included, goes without.
const PATIENCE: Duration = Duration::from_secs(15);

/// How much is lost in a small picture, 1-100.
const QUALITY: u8 = 80;

/// What was found out about a picture.
#[derive(Debug)]
pub struct Seen {
    /// Pixels from left to right, as it is shown.
    pub width: u32,
    /// Pixels from top to bottom, as it is shown.
    pub height: u32,
    /// A small one of it, if it could be made and is of use.
    pub thumb: Option<Vec<u8>>,
}

/// Decodes one picture at a time, however many come, and reads one.
#[derive(Debug, Clone)]
pub struct Pictures {
    turn: Arc<Semaphore>,
    reading: Arc<Semaphore>,
}

impl Pictures {
    /// Nothing is being decoded yet.
    pub fn new() -> Self {
        Self {
            turn: Arc::new(Semaphore::new(1)),
            reading: Arc::new(Semaphore::new(1)),
        }
    }

    /// Looks at the picture in this file; nothing if it is none.
    pub async fn look(&self, path: PathBuf) -> Option<Seen> {
        self.work(move || look(&path)).await
    }

    /// The picture in this file without what its camera wrote beside it; nothing
    /// where nothing is to be left out.
    pub async fn stripped(&self, path: PathBuf) -> Option<Vec<u8>> {
        // Takes milliseconds, and what it takes out must not stay because others
        // are being decoded: it waits for nobody but its like.
        let turn = Arc::clone(&self.reading).acquire_owned().await.ok()?;
        let work = move || {
            let _turn = turn;
            let size = std::fs::metadata(&path).ok()?.len();
            let bytes = (size <= MAX_FILE).then(|| std::fs::read(&path).ok())??;
            metadata::stripped(&bytes)
        };
        tokio::task::spawn_blocking(work).await.ok()?
    }

    /// The picture of a person: small, and made anew, so that nothing else of
    /// the file is kept.
    pub async fn avatar(&self, bytes: Vec<u8>) -> Option<Vec<u8>> {
        self.work(move || avatar(bytes)).await
    }

    async fn work<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> Option<T> + Send + 'static,
    ) -> Option<T> {
        let turn = Arc::clone(&self.turn);
        let work = async {
            let turn = turn.acquire_owned().await.ok()?;
            let work = move || {
                // Held to the end also when nobody waits for it any more.
                let _turn = turn;
                work()
            };
            // A decoder that panics has decoded nothing.
            tokio::task::spawn_blocking(work).await.ok()?
        };
        timeout(PATIENCE, work).await.ok()?
    }
}

/// See [`Pictures::avatar`]. Blocks, and may panic on a picture made to that end.
pub(super) fn avatar(bytes: Vec<u8>) -> Option<Vec<u8>> {
    let (picture, ..) = decode(ImageReader::new(Cursor::new(bytes)))?;
    encode(&fitted(&picture?, AVATAR))
}

fn look(path: &std::path::Path) -> Option<Seen> {
    let file = std::fs::File::open(path).ok()?;
    let size = file.metadata().ok()?.len();
    let (picture, width, height) = decode(ImageReader::new(std::io::BufReader::new(file)))?;
    // A picture that is small in every way stands for itself.
    let small = width <= THUMB && height <= THUMB && size <= 64 * 1024;
    let thumb = picture
        .filter(|_| !small)
        .and_then(|picture| encode(&fitted(&picture, THUMB)));
    Some(Seen {
        width,
        height,
        thumb,
    })
}

/// The picture, turned as its camera says, and its sides; no picture where it
/// is too large or broken behind its header.
fn decode<R: std::io::BufRead + std::io::Seek>(
    reader: ImageReader<R>,
) -> Option<(Option<DynamicImage>, u32, u32)> {
    let mut reader = reader.with_guessed_format().ok()?;
    let mut limits = Limits::default();
    limits.max_alloc = Some(MAX_MEMORY);
    reader.limits(limits);
    let mut decoder = reader.into_decoder().ok()?;
    let (width, height) = decoder.dimensions();
    let turned = decoder.orientation().ok();
    let sideways = turned.is_some_and(|turned| turned.to_exif() >= 5);
    let (shown_width, shown_height) = if sideways {
        (height, width)
    } else {
        (width, height)
    };
    let decode = || {
        let mut picture = DynamicImage::from_decoder(decoder).ok()?;
        if let Some(turned) = turned {
            picture.apply_orientation(turned);
        }
        Some(picture)
    };
    let sane = u64::from(width) * u64::from(height) <= MAX_PIXELS;
    let picture = sane.then(decode).flatten();
    Some((picture, shown_width, shown_height))
}

/// Not larger than a square of this side.
fn fitted(picture: &DynamicImage, side: u32) -> DynamicImage {
    if picture.width() <= side && picture.height() <= side {
        return picture.clone();
    }
    picture.thumbnail(side, side)
}

/// As JPEG, or as PNG where one can see through it.
fn encode(picture: &DynamicImage) -> Option<Vec<u8>> {
    let mut bytes = Cursor::new(Vec::new());
    if picture.color().has_alpha() {
        let picture = picture.to_rgba8();
        picture.write_to(&mut bytes, ImageFormat::Png).ok()?;
    } else {
        let encoder = JpegEncoder::new_with_quality(&mut bytes, QUALITY);
        picture.to_rgb8().write_with_encoder(encoder).ok()?;
    }
    Some(bytes.into_inner())
}

#[cfg(test)]
mod tests {
    use image::RgbImage;

    use super::*;

    fn png(width: u32, height: u32) -> Vec<u8> {
        let picture = RgbImage::from_fn(width, height, |x, y| {
            image::Rgb([(x % 256) as u8, (y % 256) as u8, 7])
        });
        let mut bytes = Cursor::new(Vec::new());
        picture.write_to(&mut bytes, ImageFormat::Png).unwrap();
        bytes.into_inner()
    }

    fn seen(bytes: &[u8]) -> Option<Seen> {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), bytes).unwrap();
        look(file.path())
    }

    fn sides(bytes: &[u8]) -> (u32, u32) {
        let picture = image::load_from_memory(bytes).unwrap();
        (picture.width(), picture.height())
    }

    #[test]
    fn a_large_picture_has_a_small_one_of_its_shape() {
        let seen = seen(&png(1200, 600)).unwrap();
        assert_eq!((seen.width, seen.height), (1200, 600));
        assert_eq!(sides(&seen.thumb.unwrap()), (480, 240));
    }

    #[test]
    fn a_small_picture_stands_for_itself() {
        let seen = seen(&png(40, 30)).unwrap();
        assert_eq!((seen.width, seen.height), (40, 30));
        assert!(seen.thumb.is_none());
    }

    #[test]
    fn a_picture_bomb_is_measured_and_not_decoded() {
        let mut bomb = png(1, 1);
        // Sides of 30,000 in the header, with its checksum.
        bomb[16..24].copy_from_slice(&[0, 0, 0x75, 0x30, 0, 0, 0x75, 0x30]);
        let sum = crc32(&bomb[12..29]).to_be_bytes();
        bomb[29..33].copy_from_slice(&sum);
        let seen = seen(&bomb).unwrap();
        assert_eq!((seen.width, seen.height), (30_000, 30_000));
        assert!(seen.thumb.is_none());
    }

    #[test]
    fn what_is_broken_or_no_picture_has_no_small_one() {
        assert!(seen(b"GIF89a=1;alert(1)").is_none_or(|seen| seen.thumb.is_none()));
        assert!(seen(b"nothing").is_none());
        let whole = png(900, 900);
        assert!(seen(&whole[..whole.len() / 3]).is_none_or(|seen| seen.thumb.is_none()));
    }

    #[test]
    fn a_picture_is_turned_as_its_camera_says() {
        let picture = RgbImage::from_pixel(1000, 500, image::Rgb([9, 9, 9]));
        let mut jpeg = Cursor::new(Vec::new());
        picture.write_to(&mut jpeg, ImageFormat::Jpeg).unwrap();
        let jpeg = jpeg.into_inner();
        // EXIF with one entry: orientation (0x0112) 6, a quarter to the right.
        let exif = b"\xff\xe1\x00\x22Exif\0\0MM\0\x2a\0\0\0\x08\0\x01\x01\x12\0\x03\0\0\0\x01\0\x06\0\0\0\0\0\0";
        let turned = [&jpeg[..2], exif.as_slice(), &jpeg[2..]].concat();
        let seen = seen(&turned).unwrap();
        assert_eq!((seen.width, seen.height), (500, 1000));
        assert_eq!(sides(&seen.thumb.unwrap()), (240, 480));
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
}
