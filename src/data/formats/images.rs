//! Pictures in an archive, one folder per class, a folder per split above it or none. The archive is read twice: once for
//! what the pictures are, by their headers, once for their pixels.

use std::fs::File;
use std::io::Read;

use super::splits;
use crate::data::archive::{self, Budget, Member};
use crate::data::hints::Resize;
use crate::data::import::{ImportError, ImportRequest, shown};
use crate::data::picture;
use crate::data::storage::{self, Writer};
use crate::spec::dataset::{Column, DatasetSchema, Kind};

const IMAGE: usize = 0;
const LABEL: usize = 1;
/// What pictures' names end in; other files are passed over.
const ENDINGS: [&str; 6] = [".png", ".jpg", ".jpeg", ".bmp", ".gif", ".webp"];
/// The largest file of a picture.
const MOST_BYTES: u64 = 256 << 20;

/// A picture as its header and its place in the archive tell it.
struct Found {
    member: String,
    /// The folders above it.
    folders: Vec<String>,
    height: usize,
    width: usize,
    grey: bool,
}

pub(in crate::data) fn import(
    request: &ImportRequest<'_>,
    mut schema: DatasetSchema,
) -> Result<DatasetSchema, ImportError> {
    let mut source = File::open(request.source)?;
    if let Some((column, _)) = request.hints.types.first() {
        return Err(ImportError::unprocessable(format!(
            "types: the columns of images are \"image\" and \"label\", of the kinds image and category; {} cannot be \
             another",
            shown(column)
        )));
    }
    let mut found: Vec<Found> = Vec::new();
    each_picture(request, &mut source, schema.bytes, &mut |member, bytes| {
        let header = picture::read_header(bytes).map_err(ImportError::unprocessable)?;
        let folders = folders_of(&member);
        found.push(Found {
            member,
            folders,
            height: header.height,
            width: header.width,
            grey: header.channels <= 2,
        });
        Ok(())
    })?;
    let tree = Tree::read(&mut found)?;
    let shape = shape_of(request, &found)?;
    if tree.classes.len() as u64 > request.limits.classes {
        return Err(ImportError::too_large(format!(
            "there are more than {} classes",
            request.limits.classes
        )));
    }
    schema.examples = found.len() as u64;
    schema.splits.clone_from(&tree.splits);
    let column = |name: &str, kind, dtype: &str, shape, classes| Column {
        name: name.to_owned(),
        kind,
        dtype: dtype.to_owned(),
        shape,
        classes,
        missing: 0,
    };
    schema.columns = vec![
        column("image", Kind::Image, "uint8", shape.map(|extent| extent as u64).to_vec(), Vec::new()),
        column("label", Kind::Category, "string", Vec::new(), tree.classes.clone()),
    ];
    let text_bytes = vec![0; 2];
    let (regions, length) = storage::layout(&schema.columns, schema.examples, &text_bytes)
        .filter(|(_, length)| *length <= request.limits.canonical_bytes)
        .ok_or_else(|| {
            ImportError::too_large(format!(
                "the images take more than {} bytes",
                request.limits.canonical_bytes
            ))
        })?;
    let writer = Writer::create(request.out_dir, regions, length)?;
    write_labels(&writer, &tree)?;
    write_pixels(request, &mut source, schema.bytes, shape, &tree.rows, &writer)?;
    Ok(writer.finish(request.out_dir, schema, text_bytes)?)
}

type Take<'a> = &'a mut dyn FnMut(String, &[u8]) -> Result<(), ImportError>;

/// Calls `take` with the name and the bytes of every picture, in the order of the archive.
fn each_picture(
    request: &ImportRequest<'_>,
    source: &mut File,
    upload_bytes: u64,
    take: Take<'_>,
) -> Result<(), ImportError> {
    let budget = Budget::new(upload_bytes, request.limits);
    let mut bytes = Vec::new();
    archive::each_member(source, &budget, request.limits, &mut |member| {
        let Member { name, content } = member;
        let lower = name.to_ascii_lowercase();
        if splits::is_hidden(&name) || !ENDINGS.iter().any(|ending| lower.ends_with(ending)) {
            return Ok(());
        }
        bytes.clear();
        content.take(MOST_BYTES + 1).read_to_end(&mut bytes).map_err(archive::read_failure)?;
        if bytes.len() as u64 > MOST_BYTES {
            return Err(ImportError::too_large(format!("has more than {MOST_BYTES} bytes")));
        }
        take(name, &bytes)
    })
}

fn folders_of(member: &str) -> Vec<String> {
    let mut parts: Vec<String> = member
        .split(['/', '\\'])
        .filter(|part| !part.is_empty() && *part != ".")
        .map(str::to_owned)
        .collect();
    parts.pop();
    parts
}

/// What the folders say.
struct Tree {
    /// With their numbers of pictures, in the order of the rows.
    splits: Vec<(String, u64)>,
    classes: Vec<String>,
    /// The row of each picture of the archive, in its order.
    rows: Vec<u64>,
    /// The class of each picture of the archive.
    codes: Vec<u32>,
}

impl Tree {
    fn read(found: &mut [Found]) -> Result<Self, ImportError> {
        if found.is_empty() {
            return Err(ImportError::unprocessable(format!(
                "the archive holds no pictures; their names end in {}",
                ENDINGS.join(", ")
            )));
        }
        while let Some(top) = common_folder(found) {
            tracing::debug!(folder = top, "a folder around all others is passed over");
            for picture in &mut *found {
                picture.folders.remove(0);
            }
        }
        let places: Vec<(&'static str, &str)> = found.iter().map(place_of).collect::<Result<_, _>>()?;
        if let Some((picture, _)) = found.iter().zip(&places).find(|(picture, place)| {
            (place.0 == splits::ALL) != (places[0].0 == splits::ALL) || picture.folders.is_empty()
        }) {
            return Err(ImportError::unprocessable(format!(
                "does not lie as deep as {} does: one folder per class, with a folder per split above all of them or none",
                shown(&found[0].member)
            ))
            .in_member(&picture.member));
        }
        let mut classes: Vec<String> = places.iter().map(|(_, class)| (*class).to_owned()).collect();
        classes.sort();
        classes.dedup();
        let code = |class: &str| classes.partition_point(|other| other.as_str() < class) as u32;
        let codes = places.iter().map(|(_, class)| code(class)).collect();
        let mut rows = vec![0; found.len()];
        let (mut splits_found, mut next) = (Vec::new(), 0);
        for split in splits::ORDER {
            let first = next;
            for (row, _) in rows.iter_mut().zip(&places).filter(|(_, place)| place.0 == split) {
                *row = next;
                next += 1;
            }
            if next > first {
                splits_found.push((split.to_owned(), next - first));
            }
        }
        Ok(Self { splits: splits_found, classes, rows, codes })
    }
}

/// A folder that holds all others, above what the classes and splits are.
fn common_folder(found: &[Found]) -> Option<String> {
    let first = found.first()?.folders.first()?;
    let shared = found.iter().all(|picture| picture.folders.len() >= 2 && picture.folders[0] == *first);
    // A set may have one split alone.
    let split = split_of(first).is_some() && found.iter().all(|picture| picture.folders.len() == 2);
    (shared && !split).then(|| first.clone())
}

fn split_of(folder: &str) -> Option<&'static str> {
    match folder.to_ascii_lowercase().as_str() {
        "training" => Some("train"),
        "testing" => Some("test"),
        word => splits::of_word(word),
    }
}

/// The split and the class of a picture.
fn place_of(picture: &Found) -> Result<(&'static str, &str), ImportError> {
    let refuse = |detail: String| Err(ImportError::unprocessable(detail).in_member(&picture.member));
    match &picture.folders[..] {
        [class] => Ok((splits::ALL, class)),
        [split, class] => match split_of(split) {
            Some(split) => Ok((split, class)),
            None => refuse(format!(
                "lies in {}, which is no split: the folders above the classes are train, validation and test",
                shown(split)
            )),
        },
        [] => refuse("lies in no folder, and the folder of a picture names its class".into()),
        _ => refuse("lies too deep: one folder per class, and a folder per split above it or none".into()),
    }
}

/// The shape of the set's images.
fn shape_of(request: &ImportRequest<'_>, found: &[Found]) -> Result<[usize; 3], ImportError> {
    let channels = if found.iter().all(|picture| picture.grey) { 1 } else { 3 };
    if let Some([height, width]) = request.hints.size {
        return Ok([channels, height as usize, width as usize]);
    }
    let first = &found[0];
    match found.iter().find(|other| (other.height, other.width) != (first.height, first.width)) {
        None => Ok([channels, first.height, first.width]),
        Some(other) => Err(ImportError::unprocessable(format!(
            "is {} × {} pixels high and wide, and {} is {} × {}; say size=HxW in the upload, such as size={}x{}, with \
             resize=stretch, crop or pad, to bring all to one size",
            other.height,
            other.width,
            shown(&first.member),
            first.height,
            first.width,
            first.height,
            first.width
        ))
        .in_member(&other.member)),
    }
}

fn write_labels(writer: &Writer, tree: &Tree) -> Result<(), ImportError> {
    let mut codes = vec![0; tree.codes.len()];
    for (row, code) in tree.rows.iter().zip(&tree.codes) {
        codes[*row as usize] = *code;
    }
    let bytes: Vec<u8> = codes.iter().flat_map(|code| code.to_le_bytes()).collect();
    Ok(writer.write(LABEL, 0, &bytes)?)
}

fn write_pixels(
    request: &ImportRequest<'_>,
    source: &mut File,
    upload_bytes: u64,
    shape: [usize; 3],
    rows: &[u64],
    writer: &Writer,
) -> Result<(), ImportError> {
    let resize = request.hints.resize.unwrap_or(Resize::Stretch);
    let cell = shape.iter().product::<usize>() as u64;
    let mut rows = rows.iter();
    let mut values = Vec::new();
    each_picture(request, source, upload_bytes, &mut |_, bytes| {
        let picture = picture::decode_any(bytes).map_err(ImportError::unprocessable)?;
        values.clear();
        picture::fit(&picture, shape, resize, &mut values);
        let pixels: Vec<u8> = values.iter().map(|value| value.round().clamp(0.0, 255.0) as u8).collect();
        let row = rows.next().ok_or_else(|| std::io::Error::other("the upload changed while it was read"))?;
        Ok(writer.write(IMAGE, row * cell, &pixels)?)
    })
}

#[cfg(test)]
mod tests {
    use std::io::Cursor;

    use image::{DynamicImage, ImageBuffer, ImageFormat, Luma, Rgb};

    use super::*;
    use crate::data::testing::{Upload, gzip, tar, zip};
    use crate::data::{ColumnData, Format};

    fn encoded(image: impl Into<DynamicImage>, format: ImageFormat) -> Vec<u8> {
        let mut bytes = Cursor::new(Vec::new());
        image.into().write_to(&mut bytes, format).unwrap();
        bytes.into_inner()
    }

    fn grey(height: u32, width: u32, value: u8) -> Vec<u8> {
        let image: ImageBuffer<Luma<u8>, Vec<u8>> = ImageBuffer::from_pixel(width, height, Luma([value]));
        encoded(image, ImageFormat::Png)
    }

    #[test]
    fn folders_are_classes_and_splits() {
        let [one, two, three, four] = [grey(2, 3, 1), grey(2, 3, 2), grey(2, 3, 3), grey(2, 3, 4)];
        let members: [(&str, &[u8]); 6] = [
            ("set/test/cat/1.png", &one),
            ("set/train/dog/2.PNG", &two),
            ("set/README.md", b"free"),
            ("set/train/dog/._2.png", b"of a Mac"),
            ("set/train/cat/3.png", &three),
            ("set/train/ant/4.png", &four),
        ];
        for archive in [tar(&members), zip(&members), gzip(&tar(&members))] {
            let imported = Upload::new(Format::Images, &archive).import().unwrap();
            assert_eq!(imported.schema.splits, [("train".to_owned(), 3), ("test".to_owned(), 1)]);
            let [image, label] = &imported.schema.columns[..] else { panic!("two columns") };
            assert_eq!(
                (&image.shape[..], &label.classes[..]),
                (&[1, 2, 3][..], &["ant", "cat", "dog"].map(String::from)[..])
            );
            let dataset = imported.open();
            let ColumnData::Pixels(pixels) = dataset.column(0) else { panic!("pixels") };
            assert_eq!(pixels.iter().step_by(6).copied().collect::<Vec<u8>>(), [2, 3, 4, 1]);
            let ColumnData::Codes(codes) = dataset.column(1) else { panic!("codes") };
            assert_eq!(codes, [2, 1, 0, 1]);
        }
        let imported =
            Upload::new(Format::Images, &tar(&[("a/1.png", &one), ("b/2.png", &two)])).import().unwrap();
        assert_eq!(imported.schema.splits, [("all".to_owned(), 2)]);
        let imported = Upload::new(Format::Images, &tar(&[("train/a/1.png", &one)])).import().unwrap();
        assert_eq!(imported.schema.splits, [("train".to_owned(), 1)]);
    }

    #[test]
    fn pictures_of_every_format_are_read() {
        let image: ImageBuffer<Rgb<u8>, Vec<u8>> = ImageBuffer::from_pixel(4, 4, Rgb([200, 100, 50]));
        let formats =
            [ImageFormat::Png, ImageFormat::Jpeg, ImageFormat::Bmp, ImageFormat::Gif, ImageFormat::WebP];
        let files = formats.map(|format| (format.extensions_str()[0], encoded(image.clone(), format)));
        let names = files.each_ref().map(|(ending, _)| format!("a/picture.{ending}"));
        let mut members: Vec<(&str, &[u8])> =
            names.iter().zip(&files).map(|(name, (_, bytes))| (&name[..], &bytes[..])).collect();
        let grey = grey(4, 4, 9);
        members.push(("b/grey.png", &grey));
        let dataset = Upload::new(Format::Images, &tar(&members)).import().unwrap().open();
        assert_eq!(dataset.schema().columns[0].shape, [3, 4, 4]);
        let ColumnData::Pixels(pixels) = dataset.column(0) else { panic!("pixels") };
        for picture in pixels[..5 * 48].chunks_exact(48) {
            for (channel, expected) in [200_u8, 100, 50].into_iter().enumerate() {
                let near = |pixel: &u8| pixel.abs_diff(expected) < 6;
                assert!(picture[channel * 16..][..16].iter().all(near), "{picture:?}");
            }
        }
        assert!(pixels[5 * 48..].iter().all(|pixel| *pixel == 9));
    }

    #[test]
    fn mixed_sizes_need_to_be_told_a_size() {
        let (small, wide) = (grey(2, 2, 100), grey(2, 4, 200));
        let archive = tar(&[("a/small.png", &small), ("b/wide.png", &wide)]);
        let detail = Upload::new(Format::Images, &archive).refusal().detail;
        assert!(
            detail.starts_with(
                "\"b/wide.png\": is 2 × 4 pixels high and wide, and \"a/small.png\" is 2 × 2; say size="
            ),
            "{detail}"
        );
        let resized = |resize: Option<Resize>| {
            let mut upload = Upload::new(Format::Images, &archive);
            (upload.hints.size, upload.hints.resize) = (Some([4, 4]), resize);
            let dataset = upload.import().unwrap().open();
            let ColumnData::Pixels(pixels) = dataset.column(0) else { panic!("pixels") };
            pixels[16..].to_vec()
        };
        assert_eq!(resized(None), [200; 16]);
        assert_eq!(resized(Some(Resize::Crop)), [200; 16]);
        let padded = [[0; 4], [200; 4], [200; 4], [0; 4]].concat();
        assert_eq!(resized(Some(Resize::Pad)), padded);
        let mut upload = Upload::new(Format::Images, &archive);
        upload.hints.resize = Some(Resize::Pad);
        assert!(upload.refusal().detail.starts_with("resize needs a size"));
    }

    #[test]
    fn trees_that_cannot_be_read_are_refused() {
        let one = grey(2, 2, 1);
        let refusal = |names: &[&str]| {
            let members: Vec<(&str, &[u8])> = names.iter().map(|name| (*name, &one[..])).collect();
            Upload::new(Format::Images, &tar(&members)).refusal().detail
        };
        insta::assert_snapshot!([
            refusal(&["1.png"]),
            refusal(&["a/1.png", "2.png"]),
            refusal(&["a/b/1.png", "c/d/2.png"]),
            refusal(&["train/b/1.png", "d/2.png"]),
            refusal(&["a/b/c/1.png", "d/e/f/2.png"]),
            refusal(&["a.txt"]),
            Upload::new(Format::Images, &tar(&[("a/1.png", b"nothing")])).refusal().detail,
            Upload::new(Format::Images, &tar(&[("a/1.png", &one[..40])])).refusal().detail,
            Upload::new(Format::Images, b"nothing").refusal().detail,
        ].join("\n"), @r#"
        "1.png": lies in no folder, and the folder of a picture names its class
        "2.png": lies in no folder, and the folder of a picture names its class
        "a/b/1.png": lies in "a", which is no split: the folders above the classes are train, validation and test
        "d/2.png": does not lie as deep as "train/b/1.png" does: one folder per class, with a folder per split above all of them or none
        "a/b/c/1.png": lies too deep: one folder per class, and a folder per split above it or none
        the archive holds no pictures; their names end in .png, .jpg, .jpeg, .bmp, .gif, .webp
        "a/1.png": is neither a PNG, JPEG, BMP, GIF nor WebP image
        "a/1.png": is a damaged image
        the upload is no tar, tar.gz or zip archive
        "#);
    }
}
