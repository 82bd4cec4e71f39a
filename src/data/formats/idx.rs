//! IDX files, in an archive: the format of MNIST and its kin. A file says its type of elements and its extents, then
//! come the elements, big-endian. One file holds the images of a split, another the labels.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, BufRead, BufReader, Read, Seek, Write};
use std::path::PathBuf;

use flate2::bufread::MultiGzDecoder;

use super::{class_names, splits};
use crate::data::archive::{self, Budget, Member};
use crate::data::import::{ImportError, ImportRequest, shown};
use crate::data::storage::{self, Writer};
use crate::spec::dataset::{Column, DatasetSchema, Kind};

const IMAGE: usize = 0;
const LABEL: usize = 1;
const COLUMNS: [&str; 2] = ["image", "label"];

/// A type of elements.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct ElementType {
    name: &'static str,
    bytes: usize,
}

impl ElementType {
    fn of(code: u8) -> Option<Self> {
        let (name, bytes) = match code {
            0x08 => ("uint8", 1),
            0x09 => ("int8", 1),
            0x0b => ("int16", 2),
            0x0c => ("int32", 4),
            0x0d => ("float32", 4),
            0x0e => ("float64", 8),
            _ => return None,
        };
        Some(Self { name, bytes })
    }

    /// One little-endian element as a number; exact for every type.
    fn number(self, bytes: &[u8]) -> f64 {
        match (self.name, bytes) {
            ("uint8", [a]) => f64::from(*a),
            ("int8", [a]) => f64::from(a.cast_signed()),
            ("int16", [a, b]) => f64::from(i16::from_le_bytes([*a, *b])),
            ("int32", [a, b, c, d]) => f64::from(i32::from_le_bytes([*a, *b, *c, *d])),
            ("float32", [a, b, c, d]) => f64::from(f32::from_le_bytes([*a, *b, *c, *d])),
            (_, bytes) => <[u8; 8]>::try_from(bytes).map_or(f64::NAN, f64::from_le_bytes),
        }
    }
}

/// A file of the archive, its elements on disk, little-endian.
struct Staged {
    member: String,
    split: &'static str,
    element: ElementType,
    examples: u64,
    /// Of one example; images are channels-first.
    shape: Vec<u64>,
    /// Whether the file has a pixel's channels side by side.
    channels_last: bool,
    path: PathBuf,
}

impl Staged {
    fn is_label(&self) -> bool {
        self.shape.is_empty()
    }
}

pub(in crate::data) fn import(
    request: &ImportRequest<'_>,
    schema: DatasetSchema,
) -> Result<DatasetSchema, ImportError> {
    let mut source = File::open(request.source)?;
    let budget = Budget::new(schema.bytes, request.limits);
    let unzipped = budget.again();
    let mut staged: Vec<Staged> = Vec::new();
    let mut ignored: Vec<String> = Vec::new();
    let mut names = None;
    refuse_bare_file(&mut source)?;
    archive::each_member(&mut source, &budget, request.limits, &mut |member| {
        let path = request.out_dir.join(format!("member-{}", staged.len()));
        let name = member.name.clone();
        if class_names::is_class_file(&name) {
            names = Some(class_names::read(member.content)?);
            return Ok(());
        }
        if let Some(file) = stage(member, &unzipped, path)? {
            add(&mut staged, file)
        } else {
            ignored.push(name);
            Ok(())
        }
    })?;
    let pairs = pair_up(staged, &ignored)?;
    let names = class_names::settle(request, names)?;
    let written = write(request, schema, &pairs, names);
    for staged in pairs.iter().flatten() {
        std::fs::remove_file(&staged.path)?;
    }
    written
}

/// An IDX file alone is a near miss that deserves its own words.
fn refuse_bare_file(source: &mut File) -> Result<(), ImportError> {
    let head = archive::read_head(source)?;
    source.rewind()?;
    let idx = match archive::wrapping(&head) {
        archive::Wrapping::None => looks_like_idx(&head),
        archive::Wrapping::Gzip => {
            let mut inner = Vec::new();
            // What cannot be unpacked is told when it is read as an archive.
            let _ = flate2::read::MultiGzDecoder::new(&mut *source).take(4).read_to_end(&mut inner);
            source.rewind()?;
            looks_like_idx(&inner)
        }
        _ => false,
    };
    if idx {
        return Err(ImportError::unprocessable(
            "the upload is a single IDX file; send images and labels together, in a tar, tar.gz or zip archive",
        ));
    }
    Ok(())
}

fn looks_like_idx(head: &[u8]) -> bool {
    matches!(head, [0, 0, code, rank, ..] if ElementType::of(*code).is_some() && (1..=8).contains(rank))
}

/// One pair of images and labels for each split.
fn add(staged: &mut Vec<Staged>, file: Staged) -> Result<(), ImportError> {
    let role = |label| if label { "labels" } else { "images" };
    if let Some(other) =
        staged.iter().find(|other| other.split == file.split && other.is_label() == file.is_label())
    {
        return Err(ImportError::unprocessable(format!(
            "holds {0} of split \"{1}\", and so does {2}; prefixes such as \"train-\" and \"t10k-\" tell splits apart",
            role(file.is_label()),
            file.split,
            shown(&other.member),
        )));
    }
    staged.push(file);
    Ok(())
}

/// Copies a member's elements to disk; `None` for a file that is no IDX file and does not claim to be one.
fn stage(member: Member<'_>, unzipped: &Budget, path: PathBuf) -> Result<Option<Staged>, ImportError> {
    let name = member.name;
    let mut packed = BufReader::new(member.content);
    let gzipped = packed.fill_buf().map_err(archive::read_failure)?.starts_with(&[0x1f, 0x8b]);
    if gzipped {
        let mut content = BufReader::new(unzipped.meter(MultiGzDecoder::new(packed)));
        stage_content(name, &mut content, unzipped, path)
    } else {
        stage_content(name, &mut packed, unzipped, path)
    }
}

fn stage_content(
    member: String,
    content: &mut dyn BufRead,
    budget: &Budget,
    path: PathBuf,
) -> Result<Option<Staged>, ImportError> {
    let mut magic = Vec::new();
    content.take(4).read_to_end(&mut magic).map_err(archive::read_failure)?;
    if !looks_like_idx(&magic) {
        let base = member.rsplit('/').next().unwrap_or(&member).to_ascii_lowercase();
        // Folders of a Mac's archives hold companions of files, under the same names.
        let claims = (base.contains("idx") || base.contains("ubyte")) && !base.starts_with("._");
        if claims {
            return Err(ImportError::unprocessable(
                "is no IDX file: it should begin with two zero bytes, a type of elements and a number of dimensions",
            ));
        }
        return Ok(None);
    }
    let (code, rank) = (magic[2], magic[3]);
    let Some(element) = ElementType::of(code) else { return Ok(None) };
    if rank > 4 {
        return Err(ImportError::unprocessable(format!(
            "has {rank} dimensions; labels have 1, and examples 2 to 4 (the first counts the examples)"
        )));
    }
    let mut extents = Vec::with_capacity(usize::from(rank));
    for _ in 0..rank {
        let mut extent = [0; 4];
        content.read_exact(&mut extent).map_err(cut_short)?;
        extents.push(u64::from(u32::from_be_bytes(extent)));
    }
    let bytes = storage::elements(&extents).and_then(|elements| elements.checked_mul(element.bytes as u64));
    let bytes = bytes.filter(|bytes| budget.allows(*bytes)).ok_or_else(|| budget.refusal())?;
    if bytes == 0 || extents[0] >= u64::from(u32::MAX) {
        return Err(ImportError::unprocessable(format!(
            "its header says {extents:?}, which is no set of examples"
        )));
    }
    copy_elements(content, &path, element, bytes)?;
    if !content.fill_buf().map_err(archive::read_failure)?.is_empty() {
        return Err(ImportError::unprocessable(format!(
            "holds more than the {bytes} bytes that its header says"
        )));
    }
    let (shape, channels_last) = match extents[1..] {
        // An image without channels has one.
        [height, width] => (vec![1, height, width], false),
        [height, width, channels] if element.name == "uint8" && stand_last(height, channels) => {
            (vec![channels, height, width], true)
        }
        ref shape => (shape.to_vec(), false),
    };
    let split = splits::of_file(&member);
    Ok(Some(Staged { member, split, element, examples: extents[0], shape, channels_last, path }))
}

/// Whether channels are an image's last axis: as many as colours have, where the first axis has more.
fn stand_last(first: u64, last: u64) -> bool {
    matches!(last, 1 | 3 | 4) && first > 4
}

/// An image whose channels stand side by side, channel by channel.
fn channels_first(image: &[u8], channels: usize) -> Vec<u8> {
    (0..channels).flat_map(|channel| image.iter().skip(channel).step_by(channels).copied()).collect()
}

fn cut_short(error: io::Error) -> ImportError {
    if error.kind() == io::ErrorKind::UnexpectedEof {
        return ImportError::unprocessable("ends before the elements that its header says");
    }
    archive::read_failure(error)
}

/// Copies so many bytes of elements, turned from big-endian to little-endian.
fn copy_elements(
    content: &mut dyn BufRead,
    path: &std::path::Path,
    element: ElementType,
    bytes: u64,
) -> Result<(), ImportError> {
    let mut file = File::create_new(path)?;
    let mut buffer = vec![0; 1 << 16];
    let mut left = bytes;
    while left > 0 {
        // The buffer's length is a multiple of every element's.
        let part = &mut buffer[..left.min(1 << 16) as usize];
        content.read_exact(part).map_err(cut_short)?;
        if element.bytes > 1 {
            for element in part.chunks_exact_mut(element.bytes) {
                element.reverse();
            }
        }
        file.write_all(part)?;
        left -= part.len() as u64;
    }
    Ok(())
}

/// Images and labels of each split, in the order of the splits, checked against one another.
fn pair_up(staged: Vec<Staged>, ignored: &[String]) -> Result<Vec<[Staged; 2]>, ImportError> {
    if staged.is_empty() {
        let others = match ignored {
            [] => "it is empty".to_owned(),
            [first, ..] => format!("it holds {} other file(s), such as {}", ignored.len(), shown(first)),
        };
        return Err(ImportError::unprocessable(format!("the archive holds no IDX files; {others}")));
    }
    let mut pairs: Vec<[Staged; 2]> = Vec::new();
    let mut staged: Vec<Option<Staged>> = staged.into_iter().map(Some).collect();
    for split in splits::ORDER {
        let mut take = |label: bool| {
            staged
                .iter_mut()
                .find(|file| {
                    file.as_ref().is_some_and(|file| file.split == split && file.is_label() == label)
                })
                .and_then(Option::take)
        };
        match (take(false), take(true)) {
            (None, None) => {}
            (Some(images), Some(labels)) => pairs.push([images, labels]),
            (Some(alone), None) => return Err(lonely(&alone, "images", "labels")),
            (None, Some(alone)) => return Err(lonely(&alone, "labels", "images")),
        }
    }
    for pair in &pairs {
        let [images, labels] = pair;
        if images.examples != labels.examples {
            return Err(ImportError::unprocessable(format!(
                "holds {} labels, but {} holds {} images",
                labels.examples,
                shown(&images.member),
                images.examples
            ))
            .in_member(&labels.member));
        }
        for (file, first) in pair.iter().zip(&pairs[0]) {
            if file.shape != first.shape || file.element != first.element {
                return Err(ImportError::unprocessable(format!(
                    "holds {} examples of shape {:?}, but {} {} of {:?}",
                    file.element.name,
                    file.shape,
                    shown(&first.member),
                    first.element.name,
                    first.shape
                ))
                .in_member(&file.member));
            }
        }
    }
    if pairs.len() > 1
        && let Some([images, _]) = pairs.iter().find(|[images, _]| images.split == "all")
    {
        return Err(ImportError::unprocessable(
            "names no split where others do; prefixes such as \"train-\" and \"t10k-\" tell splits apart",
        )
        .in_member(&images.member));
    }
    Ok(pairs)
}

fn lonely(file: &Staged, has: &str, lacks: &str) -> ImportError {
    ImportError::unprocessable(format!(
        "holds {has} of split \"{}\", for which the archive has no {lacks}",
        file.split
    ))
    .in_member(&file.member)
}

/// What the columns will be: by their elements, or as the upload says.
fn kinds(request: &ImportRequest<'_>, [images, labels]: &[Staged; 2]) -> Result<[Kind; 2], ImportError> {
    let whole = !labels.element.name.starts_with("float");
    let mut kinds = [
        if images.element.name == "uint8" && images.shape.len() == 3 { Kind::Image } else { Kind::Tensor },
        if whole { Kind::Category } else { Kind::Number },
    ];
    for (name, kind) in &request.hints.types {
        let Some(column) = COLUMNS.iter().position(|column| column == name) else {
            return Err(ImportError::unprocessable(format!(
                "types: the columns are \"image\" and \"label\"; there is no {}",
                shown(name)
            )));
        };
        let possible = match column {
            IMAGE => *kind == kinds[IMAGE] || *kind == Kind::Tensor,
            _ => matches!(kind, Kind::Number | Kind::Category),
        };
        if !possible {
            return Err(ImportError::unprocessable(format!(
                "types: \"{name}\" holds {} of shape {:?} and cannot be read as {kind}",
                [images, labels][column].element.name,
                [images, labels][column].shape,
            )));
        }
        kinds[column] = *kind;
    }
    Ok(kinds)
}

fn write(
    request: &ImportRequest<'_>,
    mut schema: DatasetSchema,
    pairs: &[[Staged; 2]],
    names: Option<Vec<String>>,
) -> Result<DatasetSchema, ImportError> {
    let kinds = kinds(request, &pairs[0])?;
    let classes = match kinds[LABEL] {
        Kind::Category => classes(pairs, request.limits.classes, names.as_ref().map(Vec::len))?,
        _ => BTreeMap::new(),
    };
    let names = names.unwrap_or_else(|| classes.keys().map(ToString::to_string).collect());
    schema.examples = pairs.iter().map(|[images, _]| images.examples).sum();
    if schema.examples >= u64::from(u32::MAX) {
        return Err(ImportError::too_large("the set has more than 4294967294 examples"));
    }
    schema.splits = pairs.iter().map(|[images, _]| (images.split.to_owned(), images.examples)).collect();
    schema.columns = [IMAGE, LABEL]
        .map(|column| Column {
            name: COLUMNS[column].to_owned(),
            kind: kinds[column],
            dtype: pairs[0][column].element.name.to_owned(),
            shape: pairs[0][column].shape.clone(),
            classes: if kinds[column] == Kind::Category { names.clone() } else { Vec::new() },
            missing: 0,
        })
        .to_vec();
    let text_bytes = vec![0; schema.columns.len()];
    let (regions, length) = storage::layout(&schema.columns, schema.examples, &text_bytes)
        .filter(|(_, length)| *length <= request.limits.canonical_bytes)
        .ok_or_else(|| {
            ImportError::too_large(format!(
                "the set takes more than {} bytes",
                request.limits.canonical_bytes
            ))
        })?;
    let writer = Writer::create(request.out_dir, regions, length)?;
    let mut from = [0, 0];
    for [images, labels] in pairs {
        let mut file = File::open(&images.path)?;
        let (part, channels) = match images.shape[..] {
            [channels, height, width] if images.channels_last => {
                ((channels * height * width) as usize, Some(channels as usize))
            }
            _ => (PART, None),
        };
        copy(&mut file, part, |bytes| {
            match channels {
                Some(channels) => writer.write(IMAGE, from[IMAGE], &channels_first(bytes, channels))?,
                None => writer.write(IMAGE, from[IMAGE], bytes)?,
            }
            from[IMAGE] += bytes.len() as u64;
            Ok(())
        })?;
        let mut cells = Vec::new();
        let mut file = File::open(&labels.path)?;
        let mut missing = 0;
        copy(&mut file, PART, |bytes| {
            cells.clear();
            for bytes in bytes.chunks_exact(labels.element.bytes) {
                let number = labels.element.number(bytes);
                if kinds[LABEL] == Kind::Category {
                    let code = classes.get(&(number as i64)).copied().unwrap_or(storage::NO_CLASS);
                    cells.extend_from_slice(&code.to_le_bytes());
                } else {
                    missing += u64::from(number.is_nan());
                    cells.extend_from_slice(&number.to_le_bytes());
                }
            }
            writer.write(LABEL, from[LABEL], &cells)?;
            from[LABEL] += cells.len() as u64;
            Ok(())
        })?;
        schema.columns[LABEL].missing += missing;
    }
    Ok(writer.finish(request.out_dir, schema, text_bytes)?)
}

/// Bytes that are copied at once: a multiple of every element's length.
const PART: usize = 1 << 16;

/// Hands a file on in parts of so many bytes.
fn copy(file: &mut File, size: usize, mut part: impl FnMut(&[u8]) -> io::Result<()>) -> io::Result<()> {
    let mut buffer = vec![0; size];
    let mut left = file.metadata()?.len();
    while left > 0 {
        let bytes = &mut buffer[..left.min(size as u64) as usize];
        file.read_exact(bytes)?;
        part(bytes)?;
        left -= bytes.len() as u64;
    }
    Ok(())
}

/// The different labels, sorted, with their codes; where classes are named, so many from nought on.
fn classes(
    pairs: &[[Staged; 2]],
    most: u64,
    named: Option<usize>,
) -> Result<BTreeMap<i64, u32>, ImportError> {
    let mut classes: BTreeMap<i64, u32> = BTreeMap::new();
    let too_many = ImportError::too_large(format!(
        "has more than {most} different labels; `types=label:number` reads them as numbers"
    ));
    for [_, labels] in pairs {
        let mut whole = true;
        let mut file = File::open(&labels.path)?;
        copy(&mut file, PART, |bytes| {
            for bytes in bytes.chunks_exact(labels.element.bytes) {
                let number = labels.element.number(bytes);
                whole &= number.fract() == 0.0 && number.abs() < 9e15;
                if classes.len() as u64 <= most {
                    classes.insert(number as i64, 0);
                }
            }
            Ok(())
        })?;
        if !whole {
            return Err(ImportError::unprocessable(
                "holds labels that are no whole numbers, so they are no classes",
            )
            .in_member(&labels.member));
        }
        if classes.len() as u64 > most {
            return Err(too_many.in_member(&labels.member));
        }
    }
    if let Some(named) = named {
        if let Some(label) = classes.keys().find(|label| !(0..named as i64).contains(*label)) {
            return Err(class_names::unnamed(*label as f64, named).in_member(&pairs[0][LABEL].member));
        }
        classes = (0..named as i64).map(|label| (label, 0)).collect();
    }
    for (code, (_, slot)) in classes.iter_mut().enumerate() {
        *slot = code as u32;
    }
    Ok(classes)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data::testing::{Imported, Upload, gzip, idx_file, images_and_labels, tar, zip};
    use crate::data::{ColumnData, Format, RefusalKind, TensorData};

    fn import(bytes: &[u8]) -> Imported {
        Upload::new(Format::Idx, bytes).import().unwrap()
    }

    fn refusal(bytes: &[u8]) -> String {
        Upload::new(Format::Idx, bytes).refusal().detail
    }

    #[test]
    fn every_wrapping_gives_the_same_set() {
        let [train_images, train_labels] = images_and_labels(5, 2, 3);
        let [test_images, test_labels] = images_and_labels(4, 2, 3);
        let plain: Vec<(&str, &[u8])> = vec![
            // The test part first, as a folder's files come in alphabetical order.
            ("./set/t10k-images-idx3-ubyte", &test_images),
            ("./set/t10k-labels-idx1-ubyte", &test_labels),
            ("./set/LICENSE", b"free"),
            ("./set/._train-images-idx3-ubyte", b"of a Mac"),
            ("./set/train-images-idx3-ubyte", &train_images),
            ("./set/train-labels-idx1-ubyte", &train_labels),
        ];
        let zipped: Vec<Vec<u8>> = plain.iter().map(|(_, bytes)| gzip(bytes)).collect();
        let gzipped: Vec<(&str, &[u8])> =
            plain.iter().zip(&zipped).map(|((name, _), bytes)| (*name, &bytes[..])).collect();
        for members in [&plain, &gzipped] {
            for archive in [tar(members), gzip(&tar(members)), zip(members)] {
                let imported = import(&archive);
                let schema = &imported.schema;
                assert_eq!(schema.splits, [("train".to_owned(), 5), ("test".to_owned(), 4)]);
                assert_eq!(schema.examples, 9);
                let [image, label] = &schema.columns[..] else { panic!("two columns") };
                assert_eq!(
                    (image.kind, &image.shape[..], &image.dtype[..]),
                    (Kind::Image, &[1, 2, 3][..], "uint8")
                );
                assert_eq!(
                    (label.kind, &label.classes[..]),
                    (Kind::Category, &["0", "1", "2"].map(String::from)[..])
                );
                let dataset = imported.open();
                let ColumnData::Pixels(pixels) = dataset.column(0) else { panic!("pixels") };
                assert_eq!(
                    pixels.iter().step_by(6).copied().collect::<Vec<u8>>(),
                    [0, 1, 2, 3, 4, 0, 1, 2, 3]
                );
                let ColumnData::Codes(codes) = dataset.column(1) else { panic!("codes") };
                assert_eq!(codes, [0, 1, 2, 0, 1, 0, 1, 2, 0]);
                let left: Vec<_> = std::fs::read_dir(imported.dir()).unwrap().collect();
                assert_eq!(left.len(), 2, "nothing but the canonical form is left");
            }
        }
    }

    #[test]
    fn a_pair_without_prefix_is_one_split_and_labels_sort_as_numbers() {
        let images = idx_file(8, &[3, 3, 2, 2], &[7; 36]);
        let labels = idx_file(0x0c, &[3], &[0, 0, 0, 10, 0, 0, 0, 9, 0xff, 0xff, 0xff, 0xff]);
        let imported = import(&tar(&[("images.idx", &images), ("labels.idx", &labels)]));
        assert_eq!(imported.schema.splits, [("all".to_owned(), 3)]);
        assert_eq!(imported.schema.columns[0].shape, [3, 2, 2]);
        assert_eq!(imported.schema.columns[1].classes, ["-1", "9", "10"]);
        assert_eq!(imported.schema.columns[1].dtype, "int32");
    }

    #[test]
    fn colours_may_stand_side_by_side() {
        // Two images of 5 × 1 pixels, whose red is 1 to 5, green 11 to 15 and blue 21 to 25.
        let pixels: Vec<u8> = (1..=5).flat_map(|row| [row, 10 + row, 20 + row]).collect();
        let images = idx_file(8, &[2, 5, 1, 3], &[&pixels[..], &pixels[..]].concat());
        let imported = import(&tar(&[("x", &images), ("y", &idx_file(8, &[2], &[0, 1]))]));
        assert_eq!(imported.schema.columns[0].shape, [3, 5, 1]);
        let dataset = imported.open();
        let ColumnData::Pixels(pixels) = dataset.column(0) else { panic!("no image") };
        assert_eq!(pixels[15..], [1, 2, 3, 4, 5, 11, 12, 13, 14, 15, 21, 22, 23, 24, 25]);
    }

    #[test]
    fn elements_of_every_type_are_kept() {
        let labels = idx_file(8, &[2], &[0, 1]);
        let floats: Vec<u8> =
            [1.5_f32, -2.0, 0.25, 4.0].iter().flat_map(|value| value.to_be_bytes()).collect();
        let dataset = import(&tar(&[("x", &idx_file(0x0d, &[2, 2], &floats)), ("y", &labels)])).open();
        assert_eq!(dataset.schema().columns[0].kind, Kind::Tensor);
        assert_eq!(dataset.schema().columns[0].shape, [2]);
        let ColumnData::Tensor(TensorData::F32(values)) = dataset.column(0) else { panic!("floats") };
        assert_eq!(values, [1.5, -2.0, 0.25, 4.0]);
        let words: Vec<u8> = [-300_i16, 7].iter().flat_map(|value| value.to_be_bytes()).collect();
        let dataset = import(&tar(&[("x", &idx_file(0x0b, &[2, 1, 1], &words)), ("y", &labels)])).open();
        let ColumnData::Tensor(TensorData::I16(values)) = dataset.column(0) else { panic!("words") };
        assert_eq!(values, [-300, 7]);
    }

    #[test]
    fn hints_make_numbers_of_labels() {
        let [images, labels] = images_and_labels(4, 1, 1);
        let archive = tar(&[("a", &images), ("b", &labels)]);
        let upload = Upload::new(Format::Idx, &archive).typed(&[("label", Kind::Number)]);
        let dataset = upload.import().unwrap().open();
        let ColumnData::Numbers(numbers) = dataset.column(1) else { panic!("numbers") };
        assert_eq!(numbers, [0.0, 1.0, 2.0, 0.0]);
        let upload = Upload::new(Format::Idx, &archive).typed(&[("labels", Kind::Number)]);
        assert_eq!(
            upload.refusal().detail,
            "types: the columns are \"image\" and \"label\"; there is no \"labels\""
        );
        let upload = Upload::new(Format::Idx, &archive).typed(&[("image", Kind::Text)]);
        assert!(upload.refusal().detail.ends_with("cannot be read as text"));
    }

    #[test]
    fn classes_may_have_names() {
        let [images, labels] = images_and_labels(4, 1, 1);
        let members =
            [("a", &images[..]), ("b", &labels[..]), ("classes.txt", &b"shirt\r\nhat\ncoat\nbag\n"[..])];
        let archive = tar(&members);
        let schema = import(&archive).schema;
        assert_eq!(schema.columns[1].classes, ["shirt", "hat", "coat", "bag"]);
        let named = |names: &[&str]| {
            let mut upload = Upload::new(Format::Idx, &archive);
            upload.hints.classes = names.iter().map(ToString::to_string).collect();
            upload
        };
        let dataset = named(&["z", "y", "x"]).import().unwrap().open();
        let ColumnData::Codes(codes) = dataset.column(1) else { panic!("codes") };
        assert_eq!(
            (codes, &dataset.schema().columns[1].classes[..]),
            (&[0, 1, 2, 0][..], &["z", "y", "x"].map(String::from)[..])
        );
        assert_eq!(
            named(&["z", "y"]).refusal().detail,
            "\"b\": holds the label 2, and there are names for the classes 0 to 1 alone"
        );
        assert_eq!(named(&["z", "y", "z"]).refusal().detail, "two classes are named \"z\"");
    }

    #[test]
    fn what_does_not_fit_together_is_refused() {
        let [images, labels] = images_and_labels(4, 2, 2);
        let [_, few] = images_and_labels(3, 2, 2);
        let mut long = labels.clone();
        long.push(0);
        let [other_images, _] = images_and_labels(4, 2, 3);
        insta::assert_snapshot!([
            refusal(&tar(&[("images", &images), ("labels", &few)])),
            refusal(&tar(&[("images", &images)])),
            refusal(&tar(&[("labels", &labels)])),
            refusal(&tar(&[("a", &images), ("b", &images), ("labels", &labels)])),
            refusal(&tar(&[("images", &images[..images.len() - 1]), ("labels", &labels)])),
            refusal(&tar(&[("images", &images), ("labels", &long)])),
            refusal(&tar(&[("train-labels-idx1-ubyte", b"nonsense")])),
            refusal(&tar(&[("README", b"nonsense")])),
            refusal(&tar(&[("train-x", &images), ("train-y", &labels), ("t10k-x", &other_images), ("t10k-y", &labels)])),
            refusal(&tar(&[("train-x", &images), ("train-y", &labels), ("x", &images), ("y", &labels)])),
            refusal(&tar(&[("x", &idx_file(8, &[2, 0], &[])), ("y", &labels)])),
            refusal(&tar(&[("x", &idx_file(8, &[1, 1, 1, 1, 1], &[0])), ("y", &labels)])),
            refusal(&images),
            refusal(&gzip(&images)),
            refusal(&gzip(b"nothing")),
            refusal(b"nothing"),
            refusal(b""),
        ].join("\n"), @r#"
        "labels": holds 3 labels, but "images" holds 4 images
        "images": holds images of split "all", for which the archive has no labels
        "labels": holds labels of split "all", for which the archive has no images
        "b": holds images of split "all", and so does "a"; prefixes such as "train-" and "t10k-" tell splits apart
        "images": ends before the elements that its header says
        "labels": holds more than the 4 bytes that its header says
        "train-labels-idx1-ubyte": is no IDX file: it should begin with two zero bytes, a type of elements and a number of dimensions
        the archive holds no IDX files; it holds 1 other file(s), such as "README"
        "t10k-x": holds uint8 examples of shape [1, 2, 3], but "train-x" uint8 of [1, 2, 2]
        "x": names no split where others do; prefixes such as "train-" and "t10k-" tell splits apart
        "x": its header says [2, 0], which is no set of examples
        "x": has 5 dimensions; labels have 1, and examples 2 to 4 (the first counts the examples)
        the upload is a single IDX file; send images and labels together, in a tar, tar.gz or zip archive
        the upload is a single IDX file; send images and labels together, in a tar, tar.gz or zip archive
        the gzip file holds no tar archive
        the upload is no tar, tar.gz or zip archive
        the upload is empty
        "#);
    }

    #[test]
    fn hostile_archives_are_refused() {
        let [images, labels] = images_and_labels(4, 2, 2);
        let with = |entry: &dyn Fn(&mut tar::Builder<Vec<u8>>)| {
            let mut builder = tar::Builder::new(Vec::new());
            entry(&mut builder);
            refusal(&builder.into_inner().unwrap())
        };
        let typed = |kind: tar::EntryType, name: &'static str| {
            with(&move |builder| {
                let mut header = tar::Header::new_gnu();
                header.as_old_mut().name[..name.len()].copy_from_slice(name.as_bytes());
                header.set_entry_type(kind);
                header.set_size(0);
                header.set_cksum();
                builder.append(&header, &[][..]).unwrap();
            })
        };
        let whole = tar(&[("images", &images), ("labels", &labels)]);
        let packed = gzip(&whole);
        let table = zip(&[("images", &images), ("labels", &labels)]);
        let mut link = zip::ZipWriter::new(std::io::Cursor::new(Vec::new()));
        link.add_symlink("labels", "/etc/passwd", zip::write::SimpleFileOptions::default()).unwrap();
        let mut flipped = packed.clone();
        let middle = flipped.len() / 2;
        flipped[middle] ^= 0x55;
        insta::assert_snapshot!([
            typed(tar::EntryType::Symlink, "labels"),
            typed(tar::EntryType::Link, "labels"),
            typed(tar::EntryType::Char, "labels"),
            typed(tar::EntryType::Fifo, "labels"),
            typed(tar::EntryType::GNUSparse, "labels"),
            typed(tar::EntryType::Regular, "/etc/labels"),
            typed(tar::EntryType::Regular, "a/../../labels"),
            refusal(&zip(&[("../labels", &labels)])),
            refusal(&link.finish().unwrap().into_inner()),
            refusal(&table[..table.len() - 30]),
        ].join("\n"), @r#"
        "labels": is a link, a device or something else that is no plain file
        "labels": is a link, a device or something else that is no plain file
        "labels": is a link, a device or something else that is no plain file
        "labels": is a link, a device or something else that is no plain file
        "labels": is a link, a device or something else that is no plain file
        "/etc/labels": is an absolute path, which an upload must not hold
        "a/../../labels": leads out of the archive by ".."
        "../labels": leads out of the archive by ".."
        "labels": is a link, a device or something else that is no plain file
        the zip archive is cut short: it has no table of contents
        "#);
        // What is damaged somewhere is refused somewhere; where depends on what the damage hits.
        assert!(!refusal(&packed[..packed.len() / 2]).is_empty());
        assert!(!refusal(&flipped).is_empty());
    }

    #[test]
    fn bombs_are_too_large() {
        let zeros = idx_file(8, &[8 << 20, 1, 1], &vec![0; 8 << 20]);
        let twice = gzip(&zeros);
        for bomb in [
            zip(&[("images", &zeros)]),
            gzip(&tar(&[("images", &zeros)])),
            tar(&[("images.gz", &twice)]),
            zip(&[("images.gz", &twice)]),
            // Says more than it may hold, and holds nothing.
            tar(&[("images", &idx_file(8, &[u32::MAX, u32::MAX, u32::MAX], &[]))]),
        ] {
            let refusal = Upload::new(Format::Idx, &bomb).refusal();
            assert_eq!(refusal.kind, RefusalKind::TooLarge, "{}", refusal.detail);
        }
        let [images, labels] = images_and_labels(4, 2, 2);
        let archive = tar(&[("images", &images), ("labels", &labels)]);
        let limited = |change: &dyn Fn(&mut crate::data::ImportLimits)| {
            let mut upload = Upload::new(Format::Idx, &archive);
            change(&mut upload.limits);
            upload.refusal().kind
        };
        assert_eq!(limited(&|limits| limits.members = 1), RefusalKind::TooLarge);
        assert_eq!(limited(&|limits| limits.canonical_bytes = 10), RefusalKind::TooLarge);
        assert_eq!(limited(&|limits| limits.unpacked_bytes = 10), RefusalKind::TooLarge);
        assert_eq!(limited(&|limits| limits.classes = 2), RefusalKind::TooLarge);
    }
}
