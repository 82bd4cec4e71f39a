//! Tables as CSV: one file, or an archive of one file for each split.

use std::fs::File;
use std::io::{BufRead, BufReader};

use flate2::read::MultiGzDecoder;

use super::records::{Record, Records, Rows};
use super::splits;
use super::table::{self, Cell, Sink};
use crate::data::archive::{self, Budget, Member, Wrapping};
use crate::data::import::{ImportError, ImportRequest, shown};
use crate::spec::dataset::DatasetSchema;

pub(in crate::data) fn import(
    request: &ImportRequest<'_>,
    schema: DatasetSchema,
) -> Result<DatasetSchema, ImportError> {
    table::import(request, schema, read)
}

fn read(request: &ImportRequest<'_>, sink: &mut dyn Sink) -> Result<(), ImportError> {
    let mut file = File::open(request.source)?;
    let budget = Budget::new(file.metadata()?.len(), request.limits);
    let mut names = None;
    match archive::innermost(&mut file, &budget)? {
        Wrapping::Zip | Wrapping::Tar => read_archive(request, &mut file, sink),
        Wrapping::Gzip => {
            sink.split(splits::ALL);
            let unpacked = budget.meter(MultiGzDecoder::new(BufReader::new(file)));
            read_file(request, Box::new(BufReader::with_capacity(1 << 16, unpacked)), &mut names, sink)
        }
        Wrapping::None => {
            sink.split(splits::ALL);
            read_file(request, Box::new(BufReader::with_capacity(1 << 16, file)), &mut names, sink)
        }
    }
}

/// Reads one file. `names` are the columns of the files before, where there were some.
fn read_file(
    request: &ImportRequest<'_>,
    source: Box<dyn BufRead + '_>,
    names: &mut Option<Vec<String>>,
    sink: &mut dyn Sink,
) -> Result<(), ImportError> {
    let limits = request.limits;
    let (own, mut table) = Rows::open(Records::new(source, limits.record_bytes, limits.columns))?;
    match names {
        None => own.iter().for_each(|name| sink.column(name)),
        Some(names) => check_columns(names, &own)?,
    }
    *names = Some(own);
    let mut row = Record::default();
    let mut rows = 0_u64;
    while table.next(&mut row)? {
        sink.row(row.line, &mut row.fields().map(Cell::Text))?;
        rows += 1;
    }
    if rows == 0 {
        return Err(ImportError::unprocessable("the file has a header and no rows"));
    }
    Ok(())
}

/// The files of a set have the same columns in the same order.
fn check_columns(expected: &[String], found: &[String]) -> Result<(), ImportError> {
    let lacks = |names: &[String], of: &[String]| of.iter().find(|name| !names.contains(name)).cloned();
    let detail = match (lacks(found, expected), lacks(expected, found)) {
        (Some(name), _) => format!("has no column {}, which the set's other files have", shown(&name)),
        (_, Some(name)) => format!("has a column {}, which the set's other files lack", shown(&name)),
        _ if expected != found => "has the columns of the set's other files in another order".into(),
        _ => return Ok(()),
    };
    Err(ImportError::unprocessable(detail).at_line(1))
}

/// Reads the archive's files, split after split.
fn read_archive(
    request: &ImportRequest<'_>,
    file: &mut File,
    sink: &mut dyn Sink,
) -> Result<(), ImportError> {
    let members = tables_of(request, file)?;
    let mut names = None;
    for split in splits::ORDER {
        let Some((_, wanted)) = members.iter().find(|(other, _)| *other == split) else { continue };
        sink.split(split);
        let budget = Budget::new(file.metadata()?.len(), request.limits);
        let unzipped = budget.again();
        archive::each_member(file, &budget, request.limits, &mut |member| {
            if member.name != *wanted {
                return Ok(());
            }
            read_file(request, opened(member, &unzipped)?, &mut names, sink)
        })?;
    }
    Ok(())
}

/// A member's text, unpacked if it is gzipped.
fn opened<'a>(member: Member<'a>, unzipped: &Budget) -> Result<Box<dyn BufRead + 'a>, ImportError> {
    let mut packed = BufReader::with_capacity(1 << 16, member.content);
    if packed.fill_buf().map_err(archive::read_failure)?.starts_with(&[0x1f, 0x8b]) {
        let unpacked = unzipped.meter(MultiGzDecoder::new(packed));
        return Ok(Box::new(BufReader::with_capacity(1 << 16, unpacked)));
    }
    Ok(Box::new(packed))
}

/// The split and the name of each table in the archive.
fn tables_of(
    request: &ImportRequest<'_>,
    file: &mut File,
) -> Result<Vec<(&'static str, String)>, ImportError> {
    const ADVICE: &str = "name the files after their splits: train.csv, validation.csv, test.csv";
    let mut tables: Vec<(&'static str, String)> = Vec::new();
    let budget = Budget::new(file.metadata()?.len(), request.limits);
    archive::each_member(file, &budget, request.limits, &mut |member| {
        let lower = member.name.to_ascii_lowercase();
        if splits::is_hidden(&member.name)
            || ![".csv", ".csv.gz"].iter().any(|ending| lower.ends_with(ending))
        {
            return Ok(());
        }
        let split = splits::of_file(&member.name);
        if let Some((_, other)) = tables.iter().find(|(other, _)| *other == split) {
            return Err(ImportError::unprocessable(format!(
                "would be the split \"{split}\", and so would {}; {ADVICE}",
                shown(other)
            )));
        }
        tables.push((split, member.name));
        Ok(())
    })?;
    if tables.is_empty() {
        return Err(ImportError::unprocessable(
            "the archive holds no CSV file; their names end in .csv or .csv.gz",
        ));
    }
    match tables.iter().find(|(split, _)| *split == splits::ALL) {
        Some((_, name)) if tables.len() > 1 => {
            Err(ImportError::unprocessable(format!("names no split where others do; {ADVICE}"))
                .in_member(name))
        }
        _ => Ok(tables),
    }
}

#[cfg(test)]
mod tests {
    use crate::data::storage::NO_CLASS;
    use crate::data::testing::{Upload, csv, gzip, tar, zip};
    use crate::data::{ColumnData, Format, RefusalKind};
    use crate::spec::dataset::Kind;

    fn kinds(text: &str) -> Vec<(Kind, String)> {
        let columns = csv(text).schema().columns.clone();
        columns.into_iter().map(|column| (column.kind, column.dtype)).collect()
    }

    #[test]
    fn kinds_are_found() {
        let text =
            "n,w,c,t,e,b\n1.5,1,red,one,,\n,2,\"blue, dark\",two,, \n-3e2,3,red,three,,x\n4,4,red,four,,x\n";
        let dataset = csv(text);
        let columns = &dataset.schema().columns;
        let found: Vec<(&str, &str, u64)> =
            columns.iter().map(|column| (column.kind.word(), &column.dtype[..], column.missing)).collect();
        assert_eq!(
            found,
            [
                ("number", "float64", 1),
                ("number", "int64", 0),
                ("category", "string", 0),
                ("text", "string", 0),
                ("number", "int64", 4),
                ("category", "string", 2),
            ]
        );
        assert_eq!(columns[2].classes, ["blue, dark", "red"]);
        assert_eq!(dataset.schema().splits, [("all".to_owned(), 4)]);
        let ColumnData::Numbers(numbers) = dataset.column(0) else { panic!("numbers") };
        assert!(numbers[1].is_nan());
        assert_eq!([numbers[0], numbers[2], numbers[3]], [1.5, -300.0, 4.0]);
        let ColumnData::Codes(codes) = dataset.column(2) else { panic!("codes") };
        assert_eq!(codes, [1, 0, 1, 1]);
        let ColumnData::Codes(codes) = dataset.column(5) else { panic!("codes") };
        assert_eq!(codes, [NO_CLASS, NO_CLASS, 0, 0]);
        let ColumnData::Text { offsets, bytes } = dataset.column(3) else { panic!("text") };
        assert_eq!((offsets, bytes), (&[0, 3, 6, 11, 15][..], &b"onetwothreefour"[..]));
    }

    #[test]
    fn words_for_no_number_make_no_numbers() {
        assert_eq!(kinds("a\nnan\n1\n2\n3\n")[0].0, Kind::Text);
        assert_eq!(kinds("a\n1\n2\ninf\n1\n2\ninf\n")[0].0, Kind::Category);
    }

    #[test]
    fn hints_override() {
        let upload = Upload::new(Format::Csv, b"a,b\n10,x\n9,x\n10,x\n")
            .typed(&[("a", Kind::Category), ("b", Kind::Text)]);
        let imported = upload.import().unwrap();
        assert_eq!(imported.schema.columns[0].classes, ["9", "10"]);
        assert_eq!(imported.schema.columns[1].kind, Kind::Text);
        let refused = |types: &[(&str, Kind)]| {
            Upload::new(Format::Csv, b"age,b\n10,x\nold,x\n").typed(types).refusal().detail
        };
        assert_eq!(refused(&[("age", Kind::Number)]), "line 3: \"old\" in column \"age\" is no number");
        assert_eq!(
            refused(&[("agee", Kind::Number)]),
            "types: there is no column \"agee\"; did you mean \"age\"?"
        );
        assert!(refused(&[("age", Kind::Image)]).ends_with("so \"age\" cannot be image"));
        assert!(refused(&[("age", Kind::Text), ("age", Kind::Number)]).ends_with("is given two kinds"));
    }

    #[test]
    fn many_rows_go_through_many_blocks() {
        let mut text = String::from("number,class,text\n");
        for row in 0..150_000 {
            use std::fmt::Write;
            writeln!(text, "{},c{},text number {row}", f64::from(row) / 8.0, row % 700).unwrap();
        }
        for bytes in [text.as_bytes(), &gzip(text.as_bytes())] {
            let dataset = Upload::new(Format::Csv, bytes).import().unwrap().open();
            let (ColumnData::Numbers(numbers), ColumnData::Codes(codes)) =
                (dataset.column(0), dataset.column(1))
            else {
                panic!("columns")
            };
            let ColumnData::Text { offsets, bytes } = dataset.column(2) else { panic!("text") };
            let classes = &dataset.schema().columns[1].classes;
            assert!(classes.is_sorted() && classes.len() == 700);
            for row in (0..150_000).step_by(997) {
                assert_eq!(numbers[row], row as f64 / 8.0);
                assert_eq!(classes[codes[row] as usize], format!("c{}", row % 700));
                let text = &bytes[offsets[row] as usize..offsets[row + 1] as usize];
                assert_eq!(text, format!("text number {row}").as_bytes());
            }
        }
    }

    #[test]
    fn what_is_no_table_is_refused() {
        let refusal = |bytes: &[u8]| Upload::new(Format::Csv, bytes).refusal();
        assert_eq!(refusal(b"a,b\n").detail, "the file has a header and no rows");
        assert_eq!(refusal(b"").detail, "the upload is empty");
        let quoted = refusal(b"a,b\n1,2\n\"3,4\n");
        assert_eq!((quoted.line, quoted.kind), (Some(3), RefusalKind::Unprocessable));
        assert!(refusal(b"PK\x03\x04").detail.starts_with("the zip archive is cut short"));
        let bomb = gzip(&[&b"a\n"[..], &vec![b'1'; 8 << 20]].concat());
        assert_eq!(refusal(&bomb).kind, RefusalKind::TooLarge);
        let mut limited = Upload::new(Format::Csv, b"a,b\n1,2\n");
        limited.limits.columns = 1;
        assert_eq!(limited.refusal().kind, RefusalKind::TooLarge);
        let mut limited = Upload::new(Format::Csv, b"a,b\n1,2\n");
        limited.limits.canonical_bytes = 16;
        assert_eq!(limited.refusal().kind, RefusalKind::TooLarge);
    }

    #[test]
    fn iris_is_read() {
        let dataset = csv(include_str!("../../../datasets/iris/iris.csv"));
        assert_eq!(dataset.rows(), 150);
        assert_eq!(dataset.schema().columns.len(), 5);
        let (_, species) = dataset.find("species").unwrap();
        assert_eq!(species.classes, ["setosa", "versicolor", "virginica"]);
    }

    #[test]
    fn files_by_split_become_one_set() {
        let (train, test, valid) =
            (&b"a,b\n1,x\n2,y\n3,x\n4,y\n"[..], &b"a,b\n5,z\n"[..], &b"a,b\n6,x\n"[..]);
        let packed = gzip(valid);
        let members: [(&str, &[u8]); 5] = [
            ("set/test.csv", test),
            ("set/README", b"free"),
            ("set/._train.csv", b"of a Mac"),
            ("set/valid.csv.gz", &packed),
            ("set/train.csv", train),
        ];
        for archive in [tar(&members), zip(&members), gzip(&tar(&members))] {
            let dataset = Upload::new(Format::Csv, &archive).import().unwrap().open();
            let splits =
                [("train", 4), ("validation", 1), ("test", 1)].map(|(name, rows)| (name.to_owned(), rows));
            assert_eq!(dataset.schema().splits, splits);
            let ColumnData::Numbers(numbers) = dataset.column(0) else { panic!("numbers") };
            assert_eq!(numbers, [1.0, 2.0, 3.0, 4.0, 6.0, 5.0]);
            assert_eq!(dataset.schema().columns[1].classes, ["x", "y", "z"]);
            let ColumnData::Codes(codes) = dataset.column(1) else { panic!("codes") };
            assert_eq!(codes, [0, 1, 0, 1, 0, 2]);
        }
        let refused = |members: &[(&str, &[u8])]| Upload::new(Format::Csv, &tar(members)).refusal().detail;
        insta::assert_snapshot!([
            refused(&[("train.csv", train), ("test.csv", b"a,c\n1,2\n")]),
            refused(&[("train.csv", train), ("test.csv", b"a,b,c\n1,2,3\n")]),
            refused(&[("train.csv", train), ("test.csv", b"b,a\n1,2\n")]),
            refused(&[("train.csv", train), ("test.csv", b"a,b\n1,2\n3\n")]),
            refused(&[("train.csv", train), ("test.csv", b"a,b\n")]),
            refused(&[("train.csv", train), ("more.csv", test)]),
            refused(&[("one.csv", train), ("two.csv", test)]),
            refused(&[("one.txt", train)]),
        ].join("\n"), @r#"
        "test.csv": line 1: has no column "b", which the set's other files have
        "test.csv": line 1: has a column "c", which the set's other files lack
        "test.csv": line 1: has the columns of the set's other files in another order
        "test.csv": line 3: 1 field(s) where the header names 2 column(s)
        "test.csv": the file has a header and no rows
        "more.csv": names no split where others do; name the files after their splits: train.csv, validation.csv, test.csv
        "two.csv": would be the split "all", and so would "one.csv"; name the files after their splits: train.csv, validation.csv, test.csv
        the archive holds no CSV file; their names end in .csv or .csv.gz
        "#);
    }
}
