//! Pictures as a prediction or an upload sends them, brought to the channels and the size that a network reads.

use std::io::Cursor;

use base64::Engine;
use base64::alphabet;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use image::metadata::Orientation;
use image::{DynamicImage, ImageDecoder, ImageFormat, ImageReader, Limits};

use super::hints::Resize;

/// Pixels of a picture that is decoded at all; read from its header before.
const MOST_PIXELS: u64 = 64_000_000;
/// Memory of a decoder: the largest picture in 16 bits and four channels.
const DECODER_BYTES: u64 = MOST_PIXELS * 8 + (16 << 20);

/// A picture whose lines are read one by one, as planes of values from 0 to 255.
pub(super) trait Lines {
    /// Channels: 1 grey, 2 grey and alpha, 3 colour, 4 colour and alpha; or as many as the network has.
    fn channels(&self) -> usize;
    fn width(&self) -> usize;
    fn height(&self) -> usize;
    fn value(&self, channel: usize, y: usize, x: usize) -> f32;
}

/// Values that were sent as nested arrays.
pub(super) struct Values {
    pub(super) channels: usize,
    pub(super) height: usize,
    pub(super) width: usize,
    /// Whether the channels are the last axis.
    pub(super) channels_last: bool,
    pub(super) cells: Vec<f32>,
}

impl Lines for Values {
    fn channels(&self) -> usize {
        self.channels
    }

    fn width(&self) -> usize {
        self.width
    }

    fn height(&self) -> usize {
        self.height
    }

    fn value(&self, channel: usize, y: usize, x: usize) -> f32 {
        self.cells[if self.channels_last {
            (y * self.width + x) * self.channels + channel
        } else {
            (channel * self.height + y) * self.width + x
        }]
    }
}

/// A decoded picture.
struct Decoded {
    channels: usize,
    width: usize,
    height: usize,
    samples: Samples,
}

enum Samples {
    Bytes(Vec<u8>),
    Words(Vec<u16>),
}

impl Lines for Decoded {
    fn channels(&self) -> usize {
        self.channels
    }

    fn width(&self) -> usize {
        self.width
    }

    fn height(&self) -> usize {
        self.height
    }

    fn value(&self, channel: usize, y: usize, x: usize) -> f32 {
        let index = (y * self.width + x) * self.channels + channel;
        match &self.samples {
            Samples::Bytes(bytes) => f32::from(bytes[index]),
            // 65,535 is 257 times 255.
            Samples::Words(words) => f32::from(words[index]) / 257.0,
        }
    }
}

/// The bytes of base64, a `data:` prefix and line breaks allowed, padded or not, in either alphabet.
pub(super) fn from_base64(text: &str) -> Result<Vec<u8>, String> {
    const LENIENT: GeneralPurposeConfig =
        GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent);
    let body = match text.strip_prefix("data:") {
        Some(rest) => match rest.split_once(',') {
            Some((kind, body)) if kind.ends_with(";base64") => body,
            _ => return Err("is a data: text without \";base64,\"".into()),
        },
        None => text,
    };
    let body: Vec<u8> = body
        .bytes()
        .filter(|byte| !byte.is_ascii_whitespace())
        .map(|byte| match byte {
            b'-' => b'+',
            b'_' => b'/',
            other => other,
        })
        .collect();
    if body.is_empty() {
        return Err("is empty; an image is base64 of a PNG or JPEG, or nested arrays of its values".into());
    }
    GeneralPurpose::new(&alphabet::STANDARD, LENIENT)
        .decode(&body)
        .map_err(|_| "is no base64 text of a PNG or JPEG image".to_owned())
}

/// The formats that a prediction sends.
const SENT: [ImageFormat; 2] = [ImageFormat::Png, ImageFormat::Jpeg];
/// The formats that an upload holds; of one that moves, the first picture.
const UPLOADED: [ImageFormat; 5] =
    [ImageFormat::Png, ImageFormat::Jpeg, ImageFormat::Bmp, ImageFormat::Gif, ImageFormat::WebP];

/// What a picture's header tells.
pub(super) struct Header {
    pub(super) height: usize,
    pub(super) width: usize,
    pub(super) channels: usize,
}

/// Reads the header of an upload's picture. The error is for the user.
pub(super) fn read_header(bytes: &[u8]) -> Result<Header, String> {
    let mut decoder = open(bytes, &UPLOADED)?;
    let (width, height) = decoder.dimensions();
    let (height, width) = (height as usize, width as usize);
    let turned = matches!(
        decoder.orientation().map_err(|error| damaged(&error))?,
        Orientation::Rotate90
            | Orientation::Rotate270
            | Orientation::Rotate90FlipH
            | Orientation::Rotate270FlipH
    );
    let (height, width) = if turned { (width, height) } else { (height, width) };
    Ok(Header { height, width, channels: usize::from(decoder.color_type().channel_count()) })
}

/// Decodes a picture of an upload. The error is for the user.
pub(super) fn decode_any(bytes: &[u8]) -> Result<impl Lines, String> {
    decode_one_of(bytes, &UPLOADED)
}

/// Decodes a PNG or a JPEG. The error is for the user.
pub(super) fn decode(bytes: &[u8]) -> Result<impl Lines, String> {
    decode_one_of(bytes, &SENT)
}

fn damaged(error: &image::ImageError) -> String {
    match error {
        image::ImageError::Limits(_) => {
            format!("takes too much memory; an image has at most {MOST_PIXELS} pixels")
        }
        _ => "is a damaged image".to_owned(),
    }
}

/// A decoder of a picture whose header is right and whose pixels are not too many.
fn open<'a>(bytes: &'a [u8], formats: &[ImageFormat]) -> Result<impl ImageDecoder + 'a, String> {
    let format = image::guess_format(bytes).ok().filter(|format| formats.contains(format));
    let Some(format) = format else {
        let several = "is neither a PNG, JPEG, BMP, GIF nor WebP image";
        return Err(if formats.len() > 2 { several } else { "is neither a PNG nor a JPEG image" }.into());
    };
    // The decoder takes a GIF's size from its screen, and room for its first picture whatever the limits say.
    if let Some((width, height)) = gif_frame(bytes).filter(|_| format == ImageFormat::Gif) {
        few_enough(width.into(), height.into())?;
    }
    let mut limits = Limits::default();
    limits.max_alloc = Some(DECODER_BYTES);
    let mut reader = ImageReader::with_format(Cursor::new(bytes), format);
    reader.limits(limits);
    let decoder = reader.into_decoder().map_err(|error| damaged(&error))?;
    let (width, height) = decoder.dimensions();
    few_enough(width, height)?;
    if width == 0 || height == 0 {
        return Err("has no pixels".into());
    }
    Ok(decoder)
}

fn few_enough(width: u32, height: u32) -> Result<(), String> {
    if u64::from(width) * u64::from(height) > MOST_PIXELS {
        return Err(format!("has {width} × {height} pixels; at most {MOST_PIXELS} are read"));
    }
    Ok(())
}

/// Width and height of the first picture in a GIF (*Graphics Interchange Format, Version 89a*, 1990).
fn gif_frame(bytes: &[u8]) -> Option<(u16, u16)> {
    const SCREEN: usize = 13;
    const EXTENSION: u8 = 0x21;
    const PICTURE: u8 = 0x2c;
    let flags = *bytes.get(10)?;
    let colours = if flags & 0x80 == 0 { 0 } else { 3 << ((flags & 7) + 1) };
    let mut rest = bytes.get(SCREEN + colours..)?;
    loop {
        match rest {
            [EXTENSION, _, blocks @ ..] => {
                rest = blocks;
                // Blocks behind their lengths, up to an empty one.
                while let [length, behind @ ..] = rest {
                    rest = behind.get(usize::from(*length)..)?;
                    if *length == 0 {
                        break;
                    }
                }
            }
            [PICTURE, _, _, _, _, a, b, c, d, ..] => {
                return Some((u16::from_le_bytes([*a, *b]), u16::from_le_bytes([*c, *d])));
            }
            _ => return None,
        }
    }
}

fn decode_one_of(bytes: &[u8], formats: &[ImageFormat]) -> Result<Decoded, String> {
    let mut decoder = open(bytes, formats)?;
    let orientation = decoder.orientation().map_err(|error| damaged(&error))?;
    let mut picture = DynamicImage::from_decoder(decoder).map_err(|error| damaged(&error))?;
    picture.apply_orientation(orientation);
    let (width, height) = (picture.width() as usize, picture.height() as usize);
    let channels = usize::from(picture.color().channel_count());
    let samples = match picture {
        DynamicImage::ImageLuma8(image) => Samples::Bytes(image.into_raw()),
        DynamicImage::ImageLumaA8(image) => Samples::Bytes(image.into_raw()),
        DynamicImage::ImageRgb8(image) => Samples::Bytes(image.into_raw()),
        DynamicImage::ImageRgba8(image) => Samples::Bytes(image.into_raw()),
        DynamicImage::ImageLuma16(image) => Samples::Words(image.into_raw()),
        DynamicImage::ImageLumaA16(image) => Samples::Words(image.into_raw()),
        DynamicImage::ImageRgb16(image) => Samples::Words(image.into_raw()),
        DynamicImage::ImageRgba16(image) => Samples::Words(image.into_raw()),
        _ => return Err("is an image of a kind that is not read".into()),
    };
    Ok(Decoded { channels, width, height, samples })
}

/// A part of a picture.
struct Window<'a> {
    picture: &'a dyn Lines,
    top: usize,
    left: usize,
    height: usize,
    width: usize,
}

impl Lines for Window<'_> {
    fn channels(&self) -> usize {
        self.picture.channels()
    }

    fn width(&self) -> usize {
        self.width
    }

    fn height(&self) -> usize {
        self.height
    }

    fn value(&self, channel: usize, y: usize, x: usize) -> f32 {
        self.picture.value(channel, self.top + y, self.left + x)
    }
}

/// Writes the picture as `shape` (`[C, H, W]`) as [`render`] does, its sides brought to the shape's by `resize`.
pub(super) fn fit(picture: &dyn Lines, shape: [usize; 3], resize: Resize, out: &mut Vec<f32>) {
    let [channels, height, width] = shape;
    let (own_height, own_width) = (picture.height(), picture.width());
    // Of two sides in the ratio of others: `a` where `b` belongs to `to`.
    let scaled = |a: usize, b: usize, to: usize| ((a as f64 * to as f64 / b as f64).round() as usize).max(1);
    let wide = own_width as u64 * height as u64 > own_height as u64 * width as u64;
    match resize {
        Resize::Stretch => render(picture, shape, out),
        Resize::Crop => {
            let (tall, broad) = if wide {
                (own_height, scaled(width, height, own_height).min(own_width))
            } else {
                (scaled(height, width, own_width).min(own_height), own_width)
            };
            let (top, left) = ((own_height - tall) / 2, (own_width - broad) / 2);
            render(&Window { picture, top, left, height: tall, width: broad }, shape, out);
        }
        Resize::Pad => {
            let (tall, broad) = if wide {
                (scaled(own_height, own_width, width).min(height), width)
            } else {
                (height, scaled(own_width, own_height, height).min(width))
            };
            let mut inner = Vec::new();
            render(picture, [channels, tall, broad], &mut inner);
            let start = out.len();
            out.resize(start + channels * height * width, 0.0);
            let (top, left) = ((height - tall) / 2, (width - broad) / 2);
            for (line, values) in inner.chunks_exact(broad).enumerate() {
                let (channel, y) = (line / tall, top + line % tall);
                out[start + (channel * height + y) * width + left..][..broad].copy_from_slice(values);
            }
        }
    }
}

/// Whether a picture of so many channels can be brought to a network's: its own, or grey or colour, with alpha or
/// without.
pub(super) fn fits(channels: usize, wanted: usize) -> bool {
    channels == wanted || ((1..=4).contains(&channels) && (1..=4).contains(&wanted))
}

/// Writes the picture as `shape` (`[C, H, W]`), values still 0 to 255: colour becomes grey by luminance, alpha is laid
/// on black, the size changes by bilinear resampling (over all pixels that a smaller one covers).
pub(super) fn render(picture: &dyn Lines, shape: [usize; 3], out: &mut Vec<f32>) {
    let [channels, height, width] = shape;
    let start = out.len();
    out.resize(start + channels * height * width, 0.0);
    let out = &mut out[start..];
    let mut line = vec![0.0; channels * picture.width()];
    if (picture.height(), picture.width()) == (height, width) {
        for y in 0..height {
            fill_line(picture, y, channels, &mut line);
            for (channel, values) in line.chunks_exact(width).enumerate() {
                out[(channel * height + y) * width..][..width].copy_from_slice(values);
            }
        }
        return;
    }
    let columns = weights(picture.width(), width);
    let rows = weights(picture.height(), height);
    let mut narrowed = vec![0.0; width];
    // Each line of the picture is read once, and added to the lines of the result that it reaches.
    let mut first_open = 0;
    for y in 0..picture.height() {
        while first_open < height && rows[first_open].end() <= y {
            first_open += 1;
        }
        let reached = rows[first_open..].iter().take_while(|row| row.start <= y).count();
        if reached == 0 {
            continue;
        }
        fill_line(picture, y, channels, &mut line);
        for channel in 0..channels {
            let line = &line[channel * picture.width()..][..picture.width()];
            for (narrow, taps) in narrowed.iter_mut().zip(&columns) {
                *narrow =
                    taps.weights.iter().zip(&line[taps.start..]).map(|(weight, value)| weight * value).sum();
            }
            for (offset, taps) in rows[first_open..first_open + reached].iter().enumerate() {
                let Some(weight) = taps.weights.get(y - taps.start) else { continue };
                let target = &mut out[(channel * height + first_open + offset) * width..][..width];
                for (target, narrow) in target.iter_mut().zip(&narrowed) {
                    *target += weight * narrow;
                }
            }
        }
    }
}

/// The pixels that one pixel of the result is made of.
struct Taps {
    start: usize,
    weights: Vec<f32>,
}

impl Taps {
    fn end(&self) -> usize {
        self.start + self.weights.len()
    }
}

/// A triangle as wide as two pixels, of the picture or of the result, whichever are larger.
fn weights(from: usize, to: usize) -> Vec<Taps> {
    let scale = from as f64 / to as f64;
    let reach = scale.max(1.0);
    (0..to)
        .map(|index| {
            let centre = (index as f64 + 0.5) * scale - 0.5;
            let start = ((centre - reach).ceil().max(0.0) as usize).min(from - 1);
            let end = (((centre + reach).floor() as usize) + 1).clamp(start + 1, from);
            let weight = |tap: usize| (1.0 - (tap as f64 - centre).abs() / reach).max(0.0);
            let sum: f64 = (start..end).map(weight).sum();
            let weights = (start..end).map(|tap| if sum > 0.0 { (weight(tap) / sum) as f32 } else { 1.0 });
            Taps { start, weights: weights.collect() }
        })
        .collect()
}

/// One line of the picture as planes of the wanted channels.
fn fill_line(picture: &dyn Lines, y: usize, wanted: usize, line: &mut [f32]) {
    let (channels, width) = (picture.channels(), picture.width());
    let value = |channel: usize, x: usize| f64::from(picture.value(channel, y, x));
    let has_alpha = channels.is_multiple_of(2);
    // Where alpha is wanted it is kept, else the picture is laid on black.
    let keeps_alpha = wanted.is_multiple_of(2);
    let colours = wanted - usize::from(keeps_alpha);
    for x in 0..width {
        let opaque = if has_alpha && !keeps_alpha { value(channels - 1, x) / 255.0 } else { 1.0 };
        if channels == wanted {
            for channel in 0..wanted {
                line[channel * width + x] = picture.value(channel, y, x);
            }
            continue;
        }
        if keeps_alpha {
            line[colours * width + x] = if has_alpha { picture.value(channels - 1, y, x) } else { 255.0 };
        }
        if channels >= 3 && colours == 1 {
            // Rec. 601; in thousandths, so that a grey that is written as a colour stays what it is.
            let luminance = (299.0 * value(0, x) + 587.0 * value(1, x) + 114.0 * value(2, x)) / 1000.0;
            line[x] = (luminance * opaque) as f32;
        } else {
            for channel in 0..colours {
                let source = if channels >= 3 { channel } else { 0 };
                line[channel * width + x] = (value(source, x) * opaque) as f32;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use image::{ImageBuffer, Luma, LumaA, Rgb, Rgba};
    use proptest::prelude::*;

    use super::*;

    fn png(image: impl Into<DynamicImage>) -> Vec<u8> {
        let mut bytes = Cursor::new(Vec::new());
        image.into().write_to(&mut bytes, ImageFormat::Png).unwrap();
        bytes.into_inner()
    }

    fn rendered(bytes: &[u8], shape: [usize; 3]) -> Vec<f32> {
        let mut out = Vec::new();
        render(&decode(bytes).unwrap(), shape, &mut out);
        out
    }

    fn grey(width: u32, height: u32, value: impl Fn(u32, u32) -> u8) -> ImageBuffer<Luma<u8>, Vec<u8>> {
        ImageBuffer::from_fn(width, height, |x, y| Luma([value(x, y)]))
    }

    #[test]
    fn the_first_picture_of_a_gif_has_a_size_of_its_own() {
        let huge = include_bytes!("../../tests/corpus/images/huge-frame.gif");
        assert_eq!(gif_frame(huge), Some((7_366, 16_464)));
        assert!(decode_any(huge).err().unwrap().contains("7366 × 16464 pixels"));
        assert_eq!(
            gif_frame(include_bytes!("../../tests/corpus/images/one.gif")).map(|(width, _)| width > 0),
            Some(true)
        );
        assert_eq!(gif_frame(&huge[..60]), None);
    }

    #[test]
    fn one_grey_is_one_grey_in_every_form() {
        let value = |x: u32, y: u32| (x * 40 + y * 7) as u8;
        let plain = rendered(&png(grey(4, 3, value)), [1, 3, 4]);
        assert_eq!(plain[5], 47.0);
        let colour = ImageBuffer::from_fn(4, 3, |x, y| Rgb([value(x, y); 3]));
        assert_eq!(rendered(&png(colour), [1, 3, 4]), plain);
        let alpha = ImageBuffer::from_fn(4, 3, |x, y| {
            let v = value(x, y);
            Rgba([v, v, v, 255])
        });
        assert_eq!(rendered(&png(alpha), [1, 3, 4]), plain);
        let words: ImageBuffer<Luma<u16>, Vec<u16>> =
            ImageBuffer::from_fn(4, 3, |x, y| Luma([u16::from(value(x, y)) * 257]));
        assert_eq!(rendered(&png(words), [1, 3, 4]), plain);
        let three = rendered(&png(grey(4, 3, value)), [3, 3, 4]);
        assert_eq!([&three[..12], &three[12..24], &three[24..]], [&plain[..]; 3]);
    }

    #[test]
    fn colour_is_weighed_and_alpha_lies_on_black() {
        let red: ImageBuffer<Rgb<u8>, Vec<u8>> = ImageBuffer::from_pixel(1, 1, Rgb([200, 0, 0]));
        assert!((rendered(&png(red.clone()), [1, 1, 1])[0] - 59.8).abs() < 1e-4);
        assert_eq!(rendered(&png(red), [3, 1, 1]), [200.0, 0.0, 0.0]);
        let half: ImageBuffer<LumaA<u8>, Vec<u8>> = ImageBuffer::from_pixel(1, 1, LumaA([200, 51]));
        assert_eq!(rendered(&png(half), [1, 1, 1]), [40.0]);
        let clear: ImageBuffer<Rgba<u8>, Vec<u8>> = ImageBuffer::from_pixel(1, 1, Rgba([255, 255, 255, 0]));
        assert_eq!(rendered(&png(clear), [1, 1, 1]), [0.0]);
    }

    #[test]
    fn sizes_change_by_bilinear_resampling() {
        let ramp = png(grey(2, 1, |x, _| (x * 100) as u8));
        assert_eq!(rendered(&ramp, [1, 1, 4]), [0.0, 25.0, 75.0, 100.0]);
        let ramp = png(grey(8, 8, |x, _| (x * 10) as u8));
        let halved = rendered(&ramp, [1, 4, 4]);
        for (index, value) in halved.iter().enumerate().filter(|(index, _)| index % 4 == 1 || index % 4 == 2)
        {
            assert!((value - (20.0 * (index % 4) as f32 + 5.0)).abs() < 1e-3, "{index}: {value}");
        }
        let flat = png(grey(97, 131, |_, _| 200));
        assert!(rendered(&flat, [1, 28, 28]).iter().all(|value| (value - 200.0).abs() < 1e-2));
        assert!(rendered(&flat, [3, 300, 50]).iter().all(|value| (value - 200.0).abs() < 1e-2));
    }

    #[test]
    fn base64_is_read_leniently() {
        for text in ["data:image/png;base64,+/8=", "+/8=", "-_8", "+/\n8=\r\n"] {
            assert_eq!(from_base64(text).unwrap(), [0xfb, 0xff], "{text}");
        }
        for text in ["", "data:image/png,abc", "data:", "!!", "ä"] {
            assert!(from_base64(text).is_err(), "{text}");
        }
    }

    #[test]
    fn what_is_no_picture_or_too_large_is_refused() {
        let error = |bytes: &[u8]| decode(bytes).err().unwrap();
        assert_eq!(error(b"GIF89a"), "is neither a PNG nor a JPEG image");
        assert_eq!(error(b""), "is neither a PNG nor a JPEG image");
        let whole = png(grey(50, 50, |x, y| (x ^ y) as u8));
        assert_eq!(error(&whole[..whole.len() / 2]), "is a damaged image");
        // The header of a picture of 60,000 × 60,000 pixels, with the right checksum and nothing behind it.
        let mut bomb = whole[..33].to_vec();
        bomb[16..24].copy_from_slice(&[0, 0, 0xea, 0x60, 0, 0, 0xea, 0x60]);
        let mut crc = flate2::Crc::new();
        crc.update(&bomb[12..29]);
        bomb[29..33].copy_from_slice(&crc.sum().to_be_bytes());
        bomb.extend_from_slice(&whole[33..]);
        assert_eq!(error(&bomb), "has 60000 × 60000 pixels; at most 64000000 are read");
    }

    proptest! {
        #[test]
        fn weights_cover_and_sum_to_one(from in 1_usize..400, to in 1_usize..400) {
            let taps = weights(from, to);
            for tap in &taps {
                prop_assert!(tap.end() <= from && !tap.weights.is_empty());
                prop_assert!((tap.weights.iter().sum::<f32>() - 1.0).abs() < 1e-4);
            }
            prop_assert!(taps.is_sorted_by_key(|tap| tap.start));
            prop_assert!(taps.is_sorted_by_key(Taps::end));
        }
    }
}
