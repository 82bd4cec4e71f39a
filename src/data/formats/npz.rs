//! NumPy's arrays: a `.npz` archive, whose arrays become columns by their names, or one `.npy`. The first axis counts the
//! examples. Names such as `x_train` and `test_labels` tell splits: what is left of the name is the column.

use std::collections::HashMap;
use std::fs::File;
use std::io::{BufRead, BufReader, Seek};

use super::class_names;
use super::npy::{self, Elements, Staged};
use super::splits;
use crate::data::archive::{self, Budget, Wrapping};
use crate::data::import::{ImportError, ImportRequest, shown};
use crate::data::numbers::{is_whole, sort_classes, whole_name};
use crate::data::storage::{self, Writer};
use crate::spec::Shape;
use crate::spec::dataset::{Column, DatasetSchema, Kind};
use crate::spec::field::did_you_mean;

/// Arrays that an archive may hold: each is mapped while the set is written.
const MOST_ARRAYS: usize = 1_024;
/// Elements that an example may have.
const MOST_ELEMENTS: u64 = 16_000_000;
/// Names of columns that are taken for labels before others.
const LABELS: [&str; 5] = ["label", "labels", "y", "target", "targets"];

/// An array of the upload.
struct Array {
    member: String,
    column: String,
    split: &'static str,
    staged: Staged,
}

pub(in crate::data) fn import(
    request: &ImportRequest<'_>,
    schema: DatasetSchema,
) -> Result<DatasetSchema, ImportError> {
    let mut source = File::open(request.source)?;
    let head = archive::read_head(&mut source)?;
    source.rewind()?;
    let budget = Budget::new(schema.bytes, request.limits);
    if head.starts_with(npy::MAGIC) {
        let staged = stage(request, &mut BufReader::new(source), &budget)?;
        let array = Array { member: "the array".into(), column: "data".into(), split: splits::ALL, staged };
        return write(request, schema, &columns_of_one(request, &array)?, &[splits::ALL]);
    }
    if archive::wrapping(&head) != Wrapping::Zip {
        return Err(ImportError::unprocessable("the upload is neither a .npz archive nor a .npy array"));
    }
    let (mut arrays, mut names) = read_arrays(request, &mut source, &budget)?;
    let own = arrays.iter().position(|array| {
        matches!(array.column.as_str(), "classes" | "class_names") && is_list_of_texts(&array.staged)
    });
    if let Some(own) = own {
        let Array { staged, .. } = arrays.remove(own);
        names =
            Some((0..staged.examples() as usize).map(|index| staged.text(index)).collect::<Result<_, _>>()?);
    }
    let used = check_splits(&arrays)?;
    let columns = columns_of_several(request, &arrays, &used, class_names::settle(request, names)?)?;
    write(request, schema, &columns, &used)
}

/// Copies an array to disk and maps it; the file goes at once, the mapping keeps its bytes.
fn stage(
    request: &ImportRequest<'_>,
    content: &mut dyn std::io::Read,
    budget: &Budget,
) -> Result<Staged, ImportError> {
    let path = request.out_dir.join("array");
    let staged = Staged::read(content, budget, &path);
    std::fs::remove_file(&path).or_else(|error| match error.kind() {
        std::io::ErrorKind::NotFound => Ok(()),
        _ => Err(error),
    })?;
    let cell = storage::elements(staged.as_ref().map_or(&[], Staged::example_shape));
    if cell.is_none_or(|cell| cell > MOST_ELEMENTS) {
        return Err(ImportError::too_large(format!("an example has more than {MOST_ELEMENTS} elements")));
    }
    staged
}

/// The archive's arrays, and the names of classes where a file tells them.
fn read_arrays(
    request: &ImportRequest<'_>,
    source: &mut File,
    budget: &Budget,
) -> Result<(Vec<Array>, Option<Vec<String>>), ImportError> {
    let (mut arrays, mut names): (Vec<Array>, Option<Vec<String>>) = (Vec::new(), None);
    archive::each_member(source, budget, request.limits, &mut |member| {
        if class_names::is_class_file(&member.name) {
            names = Some(class_names::read(member.content)?);
            return Ok(());
        }
        let Some(name) = splits::base(&member.name).strip_suffix(".npy") else { return Ok(()) };
        if splits::is_hidden(&member.name) {
            return Ok(());
        }
        if arrays.len() >= MOST_ARRAYS {
            return Err(ImportError::too_large(format!("the archive has more than {MOST_ARRAYS} arrays")));
        }
        let (column, split) = column_and_split(name);
        if let Some(other) = arrays.iter().find(|other| other.column == column && other.split == split) {
            return Err(ImportError::unprocessable(format!(
                "would be column \"{column}\" of split \"{split}\", and so would {}",
                shown(&other.member)
            )));
        }
        let mut content = BufReader::new(member.content);
        content.fill_buf().map_err(archive::read_failure)?;
        let staged = stage(request, &mut content, budget)?;
        arrays.push(Array { member: member.name, column, split, staged });
        Ok(())
    })?;
    if arrays.is_empty() {
        return Err(ImportError::unprocessable("the archive holds no .npy arrays"));
    }
    Ok((arrays, names))
}

/// `x_train` is column `x` of the split `train`.
fn column_and_split(name: &str) -> (String, &'static str) {
    let words: Vec<&str> = name.split(['_', '-', '.']).collect();
    let Some(place) = words.iter().position(|word| splits::of_word(&word.to_ascii_lowercase()).is_some())
    else {
        return (name.to_owned(), splits::ALL);
    };
    let split = splits::of_word(&words[place].to_ascii_lowercase()).unwrap_or(splits::ALL);
    let rest: Vec<&str> =
        words.iter().enumerate().filter(|(index, _)| *index != place).map(|(_, word)| *word).collect();
    let column = if rest.is_empty() { "data".to_owned() } else { rest.join("_") };
    (column, split)
}

fn is_list_of_texts(staged: &Staged) -> bool {
    staged.header.elements.is_text() && staged.example_shape().is_empty()
}

/// The splits in their order; the arrays of each fit together, and every split has the same columns.
fn check_splits(arrays: &[Array]) -> Result<Vec<&'static str>, ImportError> {
    let used: Vec<&'static str> =
        splits::ORDER.into_iter().filter(|split| arrays.iter().any(|array| array.split == *split)).collect();
    if used.len() > 1
        && let Some(array) = arrays.iter().find(|array| array.split == splits::ALL)
    {
        return Err(ImportError::unprocessable(
            "names no split where others do; names such as \"x_train\" and \"x_test\" tell splits apart",
        )
        .in_member(&array.member));
    }
    for split in &used {
        let mut own = arrays.iter().filter(|array| array.split == *split);
        let Some(first) = own.next() else { continue };
        if let Some(other) = own.find(|array| array.staged.examples() != first.staged.examples()) {
            return Err(ImportError::unprocessable(format!(
                "has {} examples along its first axis, but {} has {}",
                other.staged.examples(),
                shown(&first.member),
                first.staged.examples()
            ))
            .in_member(&other.member));
        }
    }
    for array in arrays {
        for split in &used {
            let Some(other) = find(arrays, &array.column, split) else {
                return Err(ImportError::unprocessable(format!(
                    "is column \"{}\", which the split \"{split}\" lacks",
                    array.column
                ))
                .in_member(&array.member));
            };
            let (a, b) = (&array.staged.header, &other.staged.header);
            let same_elements = a.elements == b.elements || (a.elements.is_text() && b.elements.is_text());
            if a.shape[1..] != b.shape[1..] || !same_elements {
                return Err(ImportError::unprocessable(format!(
                    "holds {} examples of shape {:?}, but {} {} of {:?}",
                    b.elements.name(),
                    &b.shape[1..],
                    shown(&array.member),
                    a.elements.name(),
                    &a.shape[1..]
                ))
                .in_member(&other.member));
            }
        }
    }
    Ok(used)
}

fn find<'a>(arrays: &'a [Array], column: &str, split: &str) -> Option<&'a Array> {
    arrays.iter().find(|array| array.column == column && array.split == split)
}

/// A column and where its cells come from.
struct Planned<'a> {
    column: Column,
    form: Form,
    parts: Vec<Part<'a>>,
}

/// A column's cells in one split.
struct Part<'a> {
    array: &'a Array,
    /// Elements from one example to the next.
    stride: usize,
    /// Where each element of a cell lies, from its example's beginning.
    offsets: Vec<usize>,
}

/// What is made of an array's elements.
enum Form {
    Number,
    /// The codes of the labels as texts.
    Labels(HashMap<String, u32>),
    /// Elements of the column's type.
    Elements,
}

impl Part<'_> {
    /// The whole array, cell by cell as its axes say.
    fn whole<'a>(array: &'a Array, axes: &[usize]) -> Part<'a> {
        let (stride, strides) = array.staged.strides();
        let mut offsets = vec![0];
        for axis in axes {
            let (extent, step) = (array.staged.example_shape()[*axis] as usize, strides[*axis]);
            offsets =
                offsets.iter().flat_map(|offset| (0..extent).map(move |at| offset + at * step)).collect();
        }
        Part { array, stride, offsets }
    }

    fn examples(&self) -> usize {
        self.array.staged.examples() as usize
    }

    /// Where the elements of all cells lie, in their order.
    fn indices(&self) -> impl Iterator<Item = usize> {
        (0..self.examples())
            .flat_map(move |example| self.offsets.iter().map(move |offset| example * self.stride + offset))
    }
}

/// A table of numbers becomes a column of each of its columns, named as pandas names them; any other array is one
/// column.
fn columns_of_one<'a>(
    request: &ImportRequest<'_>,
    array: &'a Array,
) -> Result<Vec<Planned<'a>>, ImportError> {
    let [width] = array.staged.example_shape() else {
        let arrays = std::slice::from_ref(array);
        return columns_of_several(request, arrays, &[array.split], class_names::settle(request, None)?);
    };
    if array.staged.header.elements.is_text() || *width > request.limits.columns {
        return Err(ImportError::unprocessable(format!(
            "the array holds {} of shape {:?}; a table in one .npy holds at most {} columns of numbers",
            array.staged.header.elements.name(),
            array.staged.header.shape,
            request.limits.columns
        )));
    }
    let (stride, strides) = array.staged.strides();
    let names: Vec<String> = (0..*width).map(|index| index.to_string()).collect();
    check_hinted(request, &names)?;
    names
        .into_iter()
        .enumerate()
        .map(|(index, name)| {
            let parts = vec![Part { array, stride, offsets: vec![index * strides[0]] }];
            single(request, name, parts, None)
        })
        .collect()
}

fn check_hinted(request: &ImportRequest<'_>, names: &[String]) -> Result<(), ImportError> {
    match request.hints.types.iter().find(|(column, _)| !names.contains(column)) {
        None => Ok(()),
        Some((column, _)) => {
            let hint = did_you_mean(column, names.iter().map(String::as_str));
            Err(ImportError::unprocessable(format!("types: there is no column {}{hint}", shown(column))))
        }
    }
}

fn columns_of_several<'a>(
    request: &ImportRequest<'_>,
    arrays: &'a [Array],
    used: &[&'static str],
    class_names: Option<Vec<String>>,
) -> Result<Vec<Planned<'a>>, ImportError> {
    let first = used.first().copied().unwrap_or(splits::ALL);
    let firsts: Vec<&Array> = arrays.iter().filter(|array| array.split == first).collect();
    check_hinted(request, &firsts.iter().map(|array| array.column.clone()).collect::<Vec<_>>())?;
    let named = class_names.map(|names| Ok::<_, ImportError>((labels_of(&firsts)?, names))).transpose()?;
    firsts
        .iter()
        .map(|array| {
            let own = used.iter().filter_map(|split| find(arrays, &array.column, split));
            let name = array.column.clone();
            if array.staged.example_shape().is_empty() {
                let parts = own.map(|array| Part::whole(array, &[])).collect();
                let names = named.as_ref().filter(|(labels, _)| *labels == name).map(|(_, names)| &names[..]);
                single(request, name, parts, names)
            } else {
                grid(request, array, &own.collect::<Vec<_>>())
            }
            .map_err(|error| error.in_member(&array.member))
        })
        .collect()
}

/// The column that the names of classes are for.
fn labels_of(arrays: &[&Array]) -> Result<String, ImportError> {
    let whole = |array: &&&Array| {
        let elements = array.staged.header.elements;
        array.staged.example_shape().is_empty()
            && matches!(elements, Elements::Signed(_) | Elements::Unsigned(_) | Elements::Bool)
    };
    let candidates: Vec<&str> = arrays.iter().filter(whole).map(|array| array.column.as_str()).collect();
    let known = LABELS.iter().find(|label| candidates.contains(label)).copied();
    match (known, &candidates[..]) {
        (Some(label), _) => Ok(label.to_owned()),
        (None, [only]) => Ok((*only).to_owned()),
        (None, _) => Err(ImportError::unprocessable(
            "there are names of classes, and no array of whole numbers that is named \"label\", \"y\" or \"target\"",
        )),
    }
}

/// A column of single values.
fn single<'a>(
    request: &ImportRequest<'_>,
    name: String,
    parts: Vec<Part<'a>>,
    names: Option<&[String]>,
) -> Result<Planned<'a>, ImportError> {
    let elements = parts.first().map_or(Elements::Bool, |part| part.array.staged.header.elements);
    let (kind, possible): (Kind, &[Kind]) = match () {
        () if elements.is_text() => (Kind::Category, &[Kind::Category]),
        () if names.is_some() => (Kind::Category, &[Kind::Category]),
        () => (Kind::Number, &[Kind::Number, Kind::Category]),
    };
    let kind = hinted(request, &name, kind, possible, elements, &[])?;
    let mut column =
        Column { name, kind, dtype: elements.name(), shape: Vec::new(), classes: Vec::new(), missing: 0 };
    if kind == Kind::Number {
        column.missing = check_numbers(&parts)?;
        return Ok(Planned { column, form: Form::Number, parts });
    }
    let (classes, codes) = classes_of(request, &parts, names)?;
    column.classes = classes;
    column.missing =
        parts.iter().map(|part| count(part, |index| matches!(label(part, index), Ok(None)))).sum();
    Ok(Planned { column, form: Form::Labels(codes), parts })
}

fn hinted(
    request: &ImportRequest<'_>,
    name: &str,
    found: Kind,
    possible: &[Kind],
    elements: Elements,
    shape: &[u64],
) -> Result<Kind, ImportError> {
    match request.hints.kind(name) {
        None => Ok(found),
        Some(kind) if possible.contains(&kind) => Ok(kind),
        Some(kind) => Err(ImportError::unprocessable(format!(
            "types: \"{name}\" holds {} of shape {shape:?} and cannot be read as {kind}",
            elements.name()
        ))),
    }
}

fn count(part: &Part<'_>, holds: impl Fn(usize) -> bool) -> u64 {
    part.indices().filter(|index| holds(*index)).count() as u64
}

/// How many numbers are missing (not a number); refuses what training cannot compute with.
fn check_numbers(parts: &[Part<'_>]) -> Result<u64, ImportError> {
    let mut missing = 0;
    for part in parts {
        for index in part.indices() {
            let number = part.array.staged.number(index);
            missing += u64::from(number.is_nan());
            if number.abs() > f64::from(f32::MAX) {
                return Err(beyond(number).in_member(&part.array.member));
            }
        }
    }
    Ok(missing)
}

fn beyond(number: f64) -> ImportError {
    ImportError::unprocessable(format!("holds {number}, which is beyond ±3.4e38 that training computes with"))
}

/// A label as a text; none for a text that is empty and for what is not a number.
fn label(part: &Part<'_>, index: usize) -> Result<Option<String>, ImportError> {
    let staged = &part.array.staged;
    let elements = staged.header.elements;
    if elements.is_text() {
        return Ok(Some(staged.text(index)?).filter(|text| !text.trim().is_empty()));
    }
    if !matches!(elements, Elements::Float(_)) {
        return Ok(Some(staged.whole(index).to_string()));
    }
    let number = staged.number(index);
    match number {
        number if number.is_nan() => Ok(None),
        number if is_whole(number) => Ok(Some(whole_name(number))),
        _ => {
            Err(ImportError::unprocessable("holds labels that are no whole numbers, so they are no classes"))
        }
    }
}

/// The classes of a column in their order, and the code of each label.
fn classes_of(
    request: &ImportRequest<'_>,
    parts: &[Part<'_>],
    names: Option<&[String]>,
) -> Result<(Vec<String>, HashMap<String, u32>), ImportError> {
    let mut found: HashMap<String, u32> = HashMap::new();
    for part in parts {
        for index in part.indices() {
            let in_member = |error: ImportError| error.in_member(&part.array.member);
            let Some(label) = label(part, index).map_err(in_member)? else { continue };
            if label.len() > class_names::LONGEST || found.len() as u64 > request.limits.classes {
                return Err(in_member(ImportError::too_large(format!(
                    "has more than {} different labels, or one of more than {} bytes",
                    request.limits.classes,
                    class_names::LONGEST
                ))));
            }
            found.entry(label).or_default();
        }
    }
    if let Some(names) = names {
        let codes: HashMap<String, u32> =
            (0..names.len()).map(|code| (code.to_string(), code as u32)).collect();
        return match found.keys().find(|label| !codes.contains_key(*label)) {
            Some(label) => Err(class_names::unnamed(label.parse().unwrap_or(f64::NAN), names.len())),
            None => Ok((names.to_vec(), codes)),
        };
    }
    let mut classes: Vec<String> = found.into_keys().collect();
    sort_classes(&mut classes);
    let codes = classes.iter().enumerate().map(|(code, class)| (class.clone(), code as u32)).collect();
    Ok((classes, codes))
}

/// A column of images or tensors.
fn grid<'a>(
    request: &ImportRequest<'_>,
    first: &Array,
    arrays: &[&'a Array],
) -> Result<Planned<'a>, ImportError> {
    let elements = first.staged.header.elements;
    let own = first.staged.example_shape();
    if elements.is_text() {
        return Err(ImportError::unprocessable(format!(
            "holds texts of shape {own:?}; a column of texts has one for each example"
        )));
    }
    let image = if elements == Elements::Unsigned(1) { image_axes(own) } else { None };
    let (kind, possible): (Kind, &[Kind]) = match image {
        Some(_) => (Kind::Image, &[Kind::Image, Kind::Tensor]),
        None => (Kind::Tensor, &[Kind::Tensor]),
    };
    let kind = hinted(request, &first.column, kind, possible, elements, own)?;
    let axes: Vec<usize> = image.filter(|_| kind == Kind::Image).unwrap_or_else(|| (0..own.len()).collect());
    let mut shape: Shape = axes.iter().map(|axis| own[*axis]).collect();
    if kind == Kind::Image && shape.len() == 2 {
        shape.insert(0, 1);
    }
    let parts: Vec<Part<'a>> = arrays.iter().map(|array| Part::whole(array, &axes)).collect();
    let dtype = element_type(elements, &parts)?;
    let name = first.column.clone();
    let column = Column { name, kind, dtype: dtype.into(), shape, classes: Vec::new(), missing: 0 };
    Ok(Planned { column, form: Form::Elements, parts })
}

/// The axes of an image in the order channels, height, width: `[H, W]`, `[H, W, C]` where the last axis is as long as
/// colours are many and the first is longer, or `[C, H, W]`.
fn image_axes(shape: &[u64]) -> Option<Vec<usize>> {
    match shape {
        [_, _] => Some(vec![0, 1]),
        [height, _, 1 | 3 | 4] if *height > 4 => Some(vec![2, 0, 1]),
        [1..=4, _, _] => Some(vec![0, 1, 2]),
        _ => None,
    }
}

/// The type that an array's elements are kept in.
fn element_type(elements: Elements, parts: &[Part<'_>]) -> Result<&'static str, ImportError> {
    let all = || parts.iter().flat_map(|part| part.indices().map(move |index| (part, index)));
    match elements {
        Elements::Bool | Elements::Unsigned(1) => Ok("uint8"),
        Elements::Signed(1) => Ok("int8"),
        Elements::Signed(2) => Ok("int16"),
        Elements::Signed(4) | Elements::Unsigned(2) => Ok("int32"),
        Elements::Signed(_) | Elements::Unsigned(_) => {
            let fits =
                |(part, index): (&Part<'_>, usize)| i32::try_from(part.array.staged.whole(index)).is_ok();
            Ok(if all().all(fits) { "int32" } else { "float64" })
        }
        _ => {
            let wrong = all()
                .map(|(part, index)| (part, part.array.staged.number(index)))
                .find(|(_, number)| !number.is_finite() || number.abs() > f64::from(f32::MAX));
            match wrong {
                Some((part, number)) if number.is_nan() => Err(ImportError::unprocessable(
                    "holds elements that are not a number, and a tensor's cannot be filled in",
                )
                .in_member(&part.array.member)),
                Some((part, number)) => Err(beyond(number).in_member(&part.array.member)),
                None if elements == Elements::Float(8) => Ok("float64"),
                None => Ok("float32"),
            }
        }
    }
}

fn write(
    request: &ImportRequest<'_>,
    mut schema: DatasetSchema,
    columns: &[Planned<'_>],
    used: &[&'static str],
) -> Result<DatasetSchema, ImportError> {
    let examples = |index: usize| columns.first().map_or(0, |column| column.parts[index].examples() as u64);
    schema.splits =
        used.iter().enumerate().map(|(index, split)| ((*split).to_owned(), examples(index))).collect();
    schema.examples = schema.splits.iter().map(|(_, examples)| examples).sum();
    if schema.examples >= u64::from(u32::MAX) {
        return Err(ImportError::too_large("the set has more than 4294967294 examples"));
    }
    schema.columns = columns.iter().map(|planned| planned.column.clone()).collect();
    let text_bytes = vec![0; columns.len()];
    let (regions, length) = storage::layout(&schema.columns, schema.examples, &text_bytes)
        .filter(|(_, length)| *length <= request.limits.canonical_bytes)
        .ok_or_else(|| {
            ImportError::too_large(format!(
                "the set takes more than {} bytes",
                request.limits.canonical_bytes
            ))
        })?;
    let writer = Writer::create(request.out_dir, regions, length)?;
    for (place, planned) in columns.iter().enumerate() {
        let mut cells = Vec::with_capacity(PENDING * 2);
        let mut from = 0;
        for part in &planned.parts {
            for index in part.indices() {
                put(planned, part, index, &mut cells);
                if cells.len() >= PENDING {
                    writer.write(place, from, &cells)?;
                    from += cells.len() as u64;
                    cells.clear();
                }
            }
        }
        writer.write(place, from, &cells)?;
    }
    Ok(writer.finish(request.out_dir, schema, text_bytes)?)
}

/// Bytes that are written at once.
const PENDING: usize = 1 << 18;

/// Appends an element in the form that its column keeps.
fn put(planned: &Planned<'_>, part: &Part<'_>, index: usize, cells: &mut Vec<u8>) {
    let staged = &part.array.staged;
    match &planned.form {
        Form::Number => cells.extend_from_slice(&staged.number(index).to_le_bytes()),
        Form::Labels(codes) => {
            let label = label(part, index).ok().flatten();
            let code = label.and_then(|label| codes.get(&label).copied()).unwrap_or(storage::NO_CLASS);
            cells.extend_from_slice(&code.to_le_bytes());
        }
        Form::Elements => match planned.column.dtype.as_str() {
            "float32" => cells.extend_from_slice(&(staged.number(index) as f32).to_le_bytes()),
            "float64" => cells.extend_from_slice(&staged.number(index).to_le_bytes()),
            "int32" => cells.extend_from_slice(&(staged.whole(index) as i32).to_le_bytes()),
            "int16" => cells.extend_from_slice(&(staged.whole(index) as i16).to_le_bytes()),
            _ => cells.push(staged.whole(index) as u8),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data::testing::{Upload, npy, zip};
    use crate::data::{ColumnData, Format, RefusalKind, TensorData};

    fn refusal(members: &[(&str, &[u8])]) -> String {
        Upload::new(Format::Npz, &zip(members)).refusal().detail
    }

    #[test]
    fn names_tell_columns_and_splits() {
        for (name, column, split) in [
            ("x_train", "x", "train"),
            ("train_images", "images", "train"),
            ("y_val", "y", "validation"),
            ("test-labels", "labels", "test"),
            ("X_Test", "X", "test"),
            ("train", "data", "train"),
            ("features", "features", "all"),
        ] {
            assert_eq!(column_and_split(name), (column.to_owned(), split), "{name}");
        }
    }

    #[test]
    fn arrays_become_splits_and_columns() {
        let pixels: Vec<u8> = (0..4 * 6 * 5 * 3).map(|at| (at % 251) as u8).collect();
        let labels: Vec<u8> = [2_i64, 0, 1, 0].iter().flat_map(|label| label.to_be_bytes()).collect();
        let members = [
            ("x_test.npy", npy("|u1", false, "(1, 6, 5, 3)", &pixels[..90])),
            ("x_train.npy", npy("|u1", false, "(4, 6, 5, 3)", &pixels)),
            ("y_train.npy", npy(">i8", false, "(4,)", &labels)),
            ("y_test.npy", npy(">i8", false, "(1,)", &labels[..8])),
        ];
        let members: Vec<(&str, &[u8])> = members.iter().map(|(name, bytes)| (*name, &bytes[..])).collect();
        let archive = zip(&members);
        let dataset = Upload::new(Format::Npz, &archive).import().unwrap().open();
        assert_eq!(dataset.schema().splits, [("train".to_owned(), 4), ("test".to_owned(), 1)]);
        let (x, image) = dataset.find("x").unwrap();
        assert_eq!((image.kind, &image.shape[..]), (Kind::Image, &[3, 6, 5][..]));
        let ColumnData::Pixels(found) = dataset.column(x) else { panic!("pixels") };
        let channels_first: Vec<u8> =
            (0..3).flat_map(|channel| pixels[90 + channel..180].iter().step_by(3).copied()).collect();
        assert_eq!(found[90..180], channels_first);
        let (y, label) = dataset.find("y").unwrap();
        assert_eq!((label.kind, &label.dtype[..]), (Kind::Number, "int64"));
        let ColumnData::Numbers(numbers) = dataset.column(y) else { panic!("numbers") };
        assert_eq!(numbers, [2.0, 0.0, 1.0, 0.0, 2.0]);
        let mut named = Upload::new(Format::Npz, &archive);
        named.hints.classes = ["a", "b", "c"].map(String::from).to_vec();
        let dataset = named.import().unwrap().open();
        let ColumnData::Codes(codes) = dataset.column(y) else { panic!("codes") };
        assert_eq!(
            (codes, &dataset.schema().columns[y].classes[..]),
            (&[2, 0, 1, 0, 2][..], &["a", "b", "c"].map(String::from)[..])
        );
        let typed = Upload::new(Format::Npz, &archive).typed(&[("y", Kind::Category)]).import().unwrap();
        assert_eq!(typed.schema.columns[y].classes, ["0", "1", "2"]);
    }

    #[test]
    fn orders_and_types_of_elements_are_kept() {
        let floats =
            |values: &[f32]| -> Vec<u8> { values.iter().flat_map(|value| value.to_le_bytes()).collect() };
        // As Fortran stores [[1, 2, 3], [4, 5, 6]].
        let fortran = npy("<f4", true, "(2, 3)", &floats(&[1.0, 4.0, 2.0, 5.0, 3.0, 6.0]));
        let large = npy("<i8", false, "(2, 1)", &[[0_u8; 8], i64::MAX.to_le_bytes()].concat());
        let small = npy("<i8", false, "(2, 1)", &[7_i64.to_le_bytes(), (-7_i64).to_le_bytes()].concat());
        let halves = npy("<f2", false, "(2, 1)", &[0, 0x3c, 0, 0xc0]);
        let words = npy("<U2", false, "(2,)", &[b'n', 0, 0, 0, b'o', 0, 0, 0, b'y', 0, 0, 0, 0, 0, 0, 0]);
        let truths = npy("|b1", false, "(2,)", &[1, 0]);
        let members: [(&str, &[u8]); 6] = [
            ("fortran.npy", &fortran),
            ("large.npy", &large),
            ("small.npy", &small),
            ("halves.npy", &halves),
            ("words.npy", &words),
            ("truths.npy", &truths),
        ];
        let dataset = Upload::new(Format::Npz, &zip(&members)).import().unwrap().open();
        let column = |name: &str| dataset.column(dataset.find(name).unwrap().0);
        let ColumnData::Tensor(TensorData::F32(values)) = column("fortran") else { panic!("fortran") };
        assert_eq!(values, [1.0, 2.0, 3.0, 4.0, 5.0, 6.0]);
        let ColumnData::Tensor(TensorData::F64(values)) = column("large") else { panic!("large") };
        assert_eq!(values, [0.0, i64::MAX as f64]);
        let ColumnData::Tensor(TensorData::I32(values)) = column("small") else { panic!("small") };
        assert_eq!(values, [7, -7]);
        let ColumnData::Tensor(TensorData::F32(values)) = column("halves") else { panic!("halves") };
        assert_eq!(values, [1.0, -2.0]);
        assert_eq!(dataset.find("words").unwrap().1.classes, ["no", "y"]);
        let ColumnData::Numbers(values) = column("truths") else { panic!("truths") };
        assert_eq!(values, [1.0, 0.0]);
    }

    #[test]
    fn one_array_is_a_table() {
        let cells: Vec<u8> =
            [1.0_f64, 0.0, 2.5, 1.0, f64::NAN, 0.0].iter().flat_map(|cell| cell.to_le_bytes()).collect();
        let dataset = Upload::new(Format::Npz, &npy("<f8", false, "(3, 2)", &cells)).import().unwrap().open();
        let ColumnData::Numbers(numbers) = dataset.column(0) else { panic!("numbers") };
        assert_eq!((numbers[0], numbers[1], numbers[2].is_nan()), (1.0, 2.5, true));
        let columns = &dataset.schema().columns;
        assert_eq!((&columns[1].name[..], columns[0].missing), ("1", 1));
        let tensor =
            Upload::new(Format::Npz, &npy("<f8", false, "(1, 2, 2)", &cells[..32])).import().unwrap();
        assert_eq!(
            (&tensor.schema.columns[0].name[..], tensor.schema.columns[0].kind),
            ("data", Kind::Tensor)
        );
    }

    #[test]
    fn what_does_not_fit_together_is_refused() {
        let two = npy("|u1", false, "(2,)", &[0, 1]);
        let three = npy("|u1", false, "(3,)", &[0, 1, 2]);
        let objects = npy("|O", false, "(2,)", b"cposix\nsystem");
        let infinite = npy("<f4", false, "(2,)", &[0, 0, 0x80, 0x7f, 0, 0, 0, 0]);
        let empty = npy("<f4", false, "(0, 2)", &[]);
        insta::assert_snapshot!([
            refusal(&[("x.npy", &two), ("y.npy", &three)]),
            refusal(&[("x.npy", &two), ("x_test.npy", &three)]),
            refusal(&[("x_train.npy", &two), ("y_train.npy", &two), ("x_test.npy", &two)]),
            refusal(&[("x_train.npy", &two), ("train_x.npy", &two)]),
            refusal(&[("x_train.npy", &two), ("x_test.npy", &infinite)]),
            refusal(&[("x.npy", &objects)]),
            refusal(&[("x.npy", &two[..two.len() - 1])]),
            refusal(&[("x.npy", &[&two[..], b"more"].concat())]),
            refusal(&[("x.npy", &infinite)]),
            refusal(&[("x.npy", &empty)]),
            refusal(&[("x.npy", b"nothing")]),
            refusal(&[("README", b"nothing")]),
            Upload::new(Format::Npz, b"nothing").refusal().detail,
        ].join("\n"), @r#"
        "y.npy": has 3 examples along its first axis, but "x.npy" has 2
        "x.npy": names no split where others do; names such as "x_train" and "x_test" tell splits apart
        "y_train.npy": is column "y", which the split "test" lacks
        "train_x.npy": would be column "x" of split "train", and so would "x_train.npy"
        "x_test.npy": holds float32 examples of shape [], but "x_train.npy" uint8 of []
        "x.npy": holds Python objects, which are never unpickled; convert the array to numbers or texts first, such as with .astype("float32") or .astype(str)
        "x.npy": ends before the elements that its header says
        "x.npy": holds more than the 2 bytes of elements that its header says
        "x.npy": holds inf, which is beyond ±3.4e38 that training computes with
        "x.npy": is of shape [0, 2], which is no set of examples
        "x.npy": ends before the elements that its header says
        the archive holds no .npy arrays
        the upload is neither a .npz archive nor a .npy array
        "#);
        let huge = npy("|u1", false, "(4000000000, 4000000000)", &[]);
        assert_eq!(Upload::new(Format::Npz, &huge).refusal().kind, RefusalKind::TooLarge);
    }
}
