use std::fmt::Write as _;
use std::io::Cursor;
use std::sync::Arc;

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use image::{ImageBuffer, Rgb};
use serde_json::json;

use super::*;
use crate::data::testing::{Upload, csv, fit, images_and_labels, tar};
use crate::data::{Dataset, Format, Prepared, image_png};

fn passengers() -> (Arc<Dataset>, Preprocessing) {
    let dataset = csv(
        "age,sex,class,constant,survived\n20,male,1,5,0\n40,female,2,5,1\n,male,3,5,0\n60,female,1,5,1\n",
    );
    let (preprocessing, warnings) = fit(&dataset, json!({"target": "survived"})).unwrap();
    assert_eq!(warnings, ["column \"constant\" is constant in the training part and is left out"]);
    (dataset, preprocessing)
}

fn at() -> Pointer {
    Pointer::root().key("inputs")
}

fn encode(preprocessing: &Preprocessing, inputs: impl Into<Value>) -> Vec<f32> {
    preprocessing.encode(&inputs.into(), &at()).unwrap().inputs.concat()
}

fn refusals(preprocessing: &Preprocessing, inputs: impl Into<Value>) -> String {
    preprocessing.encode(&inputs.into(), &at()).unwrap_err().to_string()
}

#[test]
fn rows_in_every_form_are_what_training_saw() {
    let (dataset, preprocessing) = passengers();
    let prepared = Prepared::new(dataset, &preprocessing).unwrap();
    let mut trained = vec![0.0; 4 * 4];
    prepared.gather(0, &[0, 1, 2, 3], &mut trained);
    let objects = json!([
        {"age": 20, "sex": "male", "class": 1, "constant": 5},
        {"sex": "female", "age": "40", "class": "2"},
        {"age": null, "sex": "male", "class": 3.0, "constant": null},
        {"age": " 60 ", "sex": "female", "class": 1},
    ]);
    assert_eq!(encode(&preprocessing, objects), trained);
    let arrays =
        json!([[20, "male", 1, 5], ["40", "female", "2", ""], ["", "male", 3, 5], [60, "female", 1, 5]]);
    assert_eq!(encode(&preprocessing, arrays.clone()), trained);
    assert_eq!(encode(&preprocessing, json!({"age": 20, "sex": "male", "class": 1})), trained[..4]);
    let alone: Vec<f32> =
        arrays.as_array().unwrap().iter().flat_map(|row| encode(&preprocessing, json!([row]))).collect();
    assert_eq!(alone, trained);
    let unseen = encode(
        &preprocessing,
        json!([{"age": 20, "sex": "unknown", "class": 1}, {"age": 20, "sex": "", "class": 1}]),
    );
    assert_eq!(unseen[1..3], [0.0, 0.0]);
    assert_eq!(unseen[..4], unseen[4..]);
}

#[test]
fn mistakes_are_all_told_at_their_places() {
    let (_, preprocessing) = passengers();
    insta::assert_snapshot!(refusals(&preprocessing, json!([
        {"age": "old", "sex": "male", "class": 1},
        {"age": 1, "sex": "male", "class": true},
        {"age": 1, "sexx": "male", "class": 1},
        [1, "male", 3],
        {"age": [1], "sex": {}, "class": 1e300},
        7,
        {"age": 1, "sex": "male", "class": 1, "survived": 0},
        null,
    ])), @r#"
    /inputs/0/age: must be a number, not "old"
    /inputs/1/class: must be a number, not true
    /inputs/2/sexx: "sexx" is not a column that this model reads; did you mean "sex"?
    /inputs/2/sex: is missing: the model reads column "sex"
    /inputs/3: holds 3 value(s) where the model reads 4 column(s) (age, sex, class, constant)
    /inputs/4/age: must be a number, not an array
    /inputs/4/sex: must be a class as a text, not an object
    /inputs/4/class: is too large
    /inputs/5: must be a row with 4 column(s) (age, sex, class, constant), not 7
    /inputs/6/survived: "survived" is not a column that this model reads
    /inputs/7: must be a row with 4 column(s) (age, sex, class, constant), not null
    "#);
    assert_eq!(refusals(&preprocessing, json!([])), "/inputs: must hold at least one example");
    assert_eq!(refusals(&preprocessing, json!(3)), "/inputs: must be a list of examples, not 3");
}

#[test]
fn what_was_not_filled_in_training_is_not_filled() {
    let dataset = csv("x,y\n-1,0\n2,1\n");
    let (preprocessing, _) = fit(&dataset, json!({"target": "y", "transforms": []})).unwrap();
    assert_eq!(encode(&preprocessing, json!([[-1], 2, "3", {"x": 4}])), [-1.0, 2.0, 3.0, 4.0]);
    assert_eq!(
        refusals(&preprocessing, json!([[null]])),
        "/inputs/0/0: is empty, and the model was not trained to fill it"
    );
    assert_eq!(refusals(&preprocessing, json!([1e300])), "/inputs/0: is too large");
}

fn pictures(height: u32, width: u32) -> (Arc<Dataset>, Preprocessing) {
    let [images, labels] = images_and_labels(256, height, width);
    let dataset = Upload::new(Format::Idx, &tar(&[("x", &images), ("y", &labels)])).import().unwrap().open();
    let (preprocessing, _) = fit(&dataset, json!({"target": "label"})).unwrap();
    (dataset, preprocessing)
}

#[test]
fn images_in_every_form_are_what_training_saw() {
    let (dataset, preprocessing) = pictures(2, 3);
    let prepared = Prepared::new(dataset.clone(), &preprocessing).unwrap();
    let mut trained = vec![0.0; 6];
    prepared.gather(0, &[77], &mut trained);
    let png = image_png(&dataset, "image", 77).unwrap();
    let base64 = BASE64_STANDARD.encode(&png);
    let rows = [[77, 77, 77], [77, 77, 77]];
    let last = [[[77], [77], [77]], [[77], [77], [77]]];
    for input in [
        json!(base64),
        json!(format!("data:image/png;base64,{base64}")),
        json!({"image": base64}),
        json!(rows),
        json!([rows]),
        json!(last),
        json!({"image": rows}),
        json!([[77.0, 77, 77], [77, 77, 77]]),
        // Another size of the same grey.
        json!([[77, 77], [77, 77], [77, 77]]),
    ] {
        assert_eq!(encode(&preprocessing, json!([input])), trained, "{input}");
    }
    assert_eq!(encode(&preprocessing, json!(base64)), trained);
    assert_eq!(preprocessing.encode_image(&png).unwrap().inputs, [trained.clone()]);
    let mut bytes = Cursor::new(Vec::new());
    let large: ImageBuffer<Rgb<u8>, Vec<u8>> = ImageBuffer::from_pixel(30, 20, Rgb([77; 3]));
    large.write_to(&mut bytes, image::ImageFormat::Jpeg).unwrap();
    for (value, expected) in
        preprocessing.encode_image(&bytes.into_inner()).unwrap().inputs[0].iter().zip(&trained)
    {
        assert!((value - expected).abs() < 0.01);
    }
}

#[test]
fn wrong_images_are_refused_where_they_are_wrong() {
    let (_, preprocessing) = pictures(2, 3);
    let refused = |inputs: Value| refusals(&preprocessing, inputs);
    insta::assert_snapshot!([
        refused(json!([[[1, 2, 300], [1, 2, 3]]])),
        refused(json!([[[1, 2, 3], [1, 2]]])),
        refused(json!([[[1, 2, 3], [1, "x", 3]]])),
        refused(json!([[1, 2, 3]])),
        refused(json!([[]])),
        refused(json!([[[[[[1]]]]]])),
        refused(json!(["hello"])),
        refused(json!([""])),
        refused(json!([BASE64_STANDARD.encode("GIF89a")])),
        refused(json!([7])),
        refused(json!([{"image": null}])),
        refused(json!([{"picture": "x"}])),
        preprocessing.encode_image(b"x").unwrap_err().to_string(),
        passengers().1.encode_image(b"x").unwrap_err().to_string(),
    ].join("\n"), @r#"
    /inputs/0/0/2: must be a number from 0 to 255, not 300
    /inputs/0/1: must be an array of 3 like the others, not one of 2
    /inputs/0/1/1: must be a number from 0 to 255, not "x"
    /inputs/0: is of shape [3]; an image is [H, W], [C, H, W] or [H, W, C], and the model reads [1, 2, 3]
    /inputs/0: holds an empty array
    /inputs/0: is nested more than 4 deep
    /inputs/0: is no base64 text of a PNG or JPEG image
    /inputs/0: is empty; an image is base64 of a PNG or JPEG, or nested arrays of its values
    /inputs/0: is neither a PNG nor a JPEG image
    /inputs/0: must be an image (base64 of a PNG or JPEG, or nested arrays), not 7
    /inputs/0/image: must be an image (base64 of a PNG or JPEG, or nested arrays), not null
    /inputs/0/picture: "picture" is not a column that this model reads
    /inputs/0/image: is missing: the model reads column "image"
    (the body): the image is neither a PNG nor a JPEG image
    (the body): this model reads no single image; send its inputs as JSON
    "#);
}

#[test]
fn several_inputs_are_read_by_column_or_by_input() {
    let dataset = csv("a,b,c,y\n0,5,x,0\n2,7,z,1\n0,5,x,0\n2,7,z,1\n");
    let (preprocessing, _) =
        fit(&dataset, json!({"target": "y", "input": {"left": ["a", "b"], "right": "c"}})).unwrap();
    assert_eq!(preprocessing.input_shapes(), [[2], [2]]);
    let expected = vec![vec![-1.0, 1.0], vec![0.0, 1.0]];
    for input in [
        json!({"a": 0, "b": 7, "c": "z"}),
        json!({"left": {"a": 0, "b": 7}, "right": "z"}),
        json!({"left": [0, "7"], "right": ["z"]}),
        json!({"left": [0, 7], "c": "z"}),
        json!([0, 7, "z"]),
    ] {
        assert_eq!(preprocessing.encode(&json!([input]), &at()).unwrap().inputs, expected, "{input}");
    }
    insta::assert_snapshot!(refusals(&preprocessing, json!([
        {"left": {"a": 0, "d": 7}, "right": "z"}, {"left": [1], "right": "z"}, {"left": 3, "c": "z"},
        {"left": [0, "x"], "right": "z"},
    ])), @r#"
    /inputs/0/left/d: "d" is not a column of input "left"
    /inputs/0/b: is missing: the model reads column "b"
    /inputs/1/left: holds 1 value(s) where input "left" has 2 column(s)
    /inputs/1/a: is missing: the model reads column "a"
    /inputs/1/b: is missing: the model reads column "b"
    /inputs/2/left: must be a row of input "left", not 3
    /inputs/2/a: is missing: the model reads column "a"
    /inputs/2/b: is missing: the model reads column "b"
    /inputs/3/left/1: must be a number, not "x"
    "#);
}

#[test]
fn tensors_are_read_by_column() {
    let (dataset, preprocessing) = passengers();
    let prepared = Prepared::new(dataset, &preprocessing).unwrap();
    let mut trained = vec![0.0; 2 * 4];
    prepared.gather(0, &[1, 2], &mut trained);
    let sexes = ["female", "male"].map(String::from);
    let tensors = [
        InputTensor { name: "sex", values: TensorValues::Texts(&sexes) },
        InputTensor { name: "age", values: TensorValues::Numbers(&[40.0, f32::NAN]) },
        InputTensor { name: "class", values: TensorValues::Numbers(&[2.0, 3.0]) },
    ];
    assert!(!preprocessing.is_plain());
    assert_eq!(preprocessing.encode_tensors(2, &tensors, &at()).unwrap().inputs, [trained]);
    let wrong = [
        InputTensor { name: "sexx", values: TensorValues::Texts(&sexes) },
        InputTensor { name: "age", values: TensorValues::Numbers(&[40.0]) },
    ];
    insta::assert_snapshot!(preprocessing.encode_tensors(2, &wrong, &at()).unwrap_err().to_string(), @r#"
    /inputs/0: "sexx" is not an input of this model; did you mean "sex"?
    /inputs/1: "age" holds 1 value(s); 2 example(s) of 1 were expected
    /inputs: "sex" is missing among the inputs
    /inputs: "class" is missing among the inputs
    "#);
}

#[test]
fn plain_tensors_are_scaled_as_training_scales() {
    let (dataset, preprocessing) = pictures(2, 3);
    let prepared = Prepared::new(dataset, &preprocessing).unwrap();
    let mut trained = vec![0.0; 12];
    prepared.gather(0, &[9, 255], &mut trained);
    let raw: Vec<f32> = [9.0; 6].into_iter().chain([255.0; 6]).collect();
    assert!(preprocessing.is_plain());
    for name in ["image", "input"] {
        let tensor = [InputTensor { name, values: TensorValues::Numbers(&raw) }];
        assert_eq!(preprocessing.encode_tensors(2, &tensor, &at()).unwrap().inputs, [trained.clone()]);
        assert!(preprocessing.encode_tensors(3, &tensor, &at()).is_err());
    }
    let table = csv("a,b,y\n0,5,0\n2,,1\n");
    let (preprocessing, _) = fit(
        &table,
        json!({"target": "y", "transforms": [{"columns": ["a", "b"], "steps": ["impute_median"]}]}),
    )
    .unwrap();
    // `b` holds one value alone and is left out.
    assert!(!preprocessing.is_plain() && preprocessing.takes_rows());
    let numbers = |name, values| InputTensor { name, values: TensorValues::Numbers(values) };
    let rows = [numbers("input", &[0.0, 5.0, 2.0, 7.0])];
    let columns = [numbers("a", &[0.0, 2.0]), numbers("b", &[5.0, 7.0])];
    let [rows, columns] =
        [&rows[..], &columns].map(|tensors| preprocessing.encode_tensors(2, tensors, &at()).unwrap());
    assert_eq!(rows, columns);
    assert_eq!(rows.inputs[0].len(), 2);
    let (preprocessing, _) = fit(&table, json!({"target": "y", "input": ["a"]})).unwrap();
    let tensor = [InputTensor { name: "input", values: TensorValues::Numbers(&[0.0, 2.0, f32::NAN]) }];
    assert_eq!(preprocessing.encode_tensors(3, &tensor, &at()).unwrap().inputs, [[-1.0, 1.0, 0.0]]);
}

#[test]
fn every_transform_does_to_a_prediction_what_it_did_in_training() {
    let mut text = String::from("size,amount,gap,when,id,y\n");
    for row in 0..12 {
        let size = ["small", "", "large", "medium"][row % 4];
        let gap = if row % 3 == 0 { String::new() } else { row.to_string() };
        let when = if row == 5 { String::new() } else { format!("2024-{:02}-1{}", row % 12 + 1, row % 9) };
        writeln!(text, "{size},{},{gap},{when},u{row},{}", row * 10, row % 2).unwrap();
    }
    let dataset = csv(&text);
    let kind = |name: &str| dataset.find(name).unwrap().1.kind;
    assert_eq!((kind("size"), kind("when"), kind("id")), (Kind::Category, Kind::Text, Kind::Text));
    let steps = json!([
        {"columns": ["size"], "steps": [{"type": "impute_most_frequent", "indicator": true}, "one_hot"]},
        {"columns": ["amount"], "steps": ["log", {"type": "clip", "max": 4}, "min_max"]},
        {"columns": ["gap"], "steps": [{"type": "impute_mean", "indicator": true}, "robust_scale"]},
        {"columns": ["when"], "steps": ["impute_most_frequent", {"type": "date_parts", "parts": ["month", "day"]}, "standardize"]},
        {"columns": ["id"], "steps": [{"type": "hash", "buckets": 5}]},
    ]);
    let (preprocessing, _) = fit(&dataset, json!({"target": "y", "transforms": steps})).unwrap();
    // Three sizes and an indicator, an amount, a gap and its indicator, two parts of a date, five buckets.
    assert_eq!(preprocessing.input_shapes(), [[3 + 1 + 1 + 2 + 2 + 5]]);
    let prepared = Prepared::new(dataset.clone(), &preprocessing).unwrap();
    let mut trained = vec![f32::NAN; 12 * 14];
    prepared.gather(0, &(0..12).collect::<Vec<u32>>(), &mut trained);
    let rows: Vec<Value> =
        text.lines().skip(1).map(|line| json!(line.split(',').take(5).collect::<Vec<_>>())).collect();
    assert_eq!(encode(&preprocessing, rows), trained);
    // The second row: its size is imputed with the class that comes first among the most frequent.
    assert_eq!(trained[14..18], [1.0, 0.0, 0.0, 1.0]);
    assert!((trained[18] - 11_f32.ln() / 4.0).abs() < 1e-6);
    assert_eq!((trained[6], trained[14 + 6]), (1.0, 0.0));
    let month = |row: usize| trained[row * 14 + 7];
    assert!((0..12).map(month).sum::<f32>().abs() < 1e-4 && month(0) < month(1));
    let sums = |row: &[f32]| row[9..].iter().sum::<f32>();
    assert!(trained.chunks(14).all(|row| sums(row) == 1.0));
    insta::assert_snapshot!(refusals(&preprocessing, json!([
        ["tiny", -5, 3, "2024-13-01", "new"], ["small", 1, null, "soon", 7], ["small", 1, null, null, null],
    ])), @r#"
    /inputs/0/3: "2024-13-01" is no date such as 2024-05-31 or 2024-05-31T13:45
    /inputs/1/3: "soon" is no date such as 2024-05-31 or 2024-05-31T13:45
    "#);
}

#[test]
fn ordinals_may_be_scaled_and_texts_need_a_step_that_makes_numbers() {
    let dataset = csv("c,t,y\nlow,a,0\nhigh,b,1\nlow,c,0\nhigh,d,1\n");
    let steps = |columns: &str, steps: Value| json!({"target": "y", "input": columns, "transforms": [{"columns": [columns], "steps": steps}]});
    let order = json!({"type": "ordinal", "order": ["low", "middle", "high"]});
    let (preprocessing, _) = fit(&dataset, steps("c", json!([order, "standardize"]))).unwrap();
    assert_eq!(
        encode(&preprocessing, json!(["low", "middle", "high", "unknown", null])),
        [-1.0, 0.0, 1.0, -2.0, -2.0]
    );
    let refusal = |steps: Value| fit(&dataset, steps).unwrap_err().to_string();
    insta::assert_snapshot!([
        refusal(steps("t", json!(["impute_most_frequent"]))),
        refusal(steps("c", json!(["impute_most_frequent"]))),
        refusal(steps("c", json!(["one_hot", "impute_most_frequent"]))),
        refusal(steps("c", json!(["standardize"]))),
        refusal(steps("t", json!(["date_parts"]))),
        refusal(steps("t", json!([{"type": "hash"}]))),
    ].join("\n"), @r#"
    /training/dataset/transforms: column "t" is of kind text, which a network cannot read as it is; it needs "hash" or "date_parts"
    /training/dataset/transforms: column "c" is of kind category, which a network cannot read as it is; it needs "one_hot"
    /training/dataset/transforms/0/steps/1: nothing can follow one_hot (column "c")
    /training/dataset/transforms/0/steps/0: standardize is for columns of kind number, image, tensor; "c" is of kind category
    /training/dataset/transforms/0/steps/0: column "t": "a" is no date such as 2024-05-31 or 2024-05-31T13:45
    /training/dataset/transforms/0/steps/0/buckets: is missing: hash needs "buckets"
    "#);
}
