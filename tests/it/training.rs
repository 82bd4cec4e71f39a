//! Training as a whole: what is learned, that it is learned the same way twice, and that a run goes on where it stood.

use std::fmt::Write as _;
use std::io::Write as _;
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};

use lyceum::data::{Dataset, Format, Hints, ImportLimits, ImportRequest, import};
use lyceum::nn::optimizers::Optimizer;
use lyceum::spec::report::{Control, ErrorKind, Outcome, Report};
use lyceum::train::checkpoint::Checkpoint;
use lyceum::train::model::{DOCUMENT_FILE, LoadedModel, WEIGHTS_FILE};
use lyceum::train::{Catalog, CatalogError, Method, ModelFiles, Plan, RecordingSink};
use serde_json::{Value, json};
use tch::Tensor;

use crate::support::mnist;

/// Two cores are enough for tests that train, if they do so one after the other.
fn turn() -> MutexGuard<'static, ()> {
    static TURN: Mutex<()> = Mutex::new(());
    TURN.lock().unwrap_or_else(PoisonError::into_inner)
}

struct Sets {
    _folders: Vec<tempfile::TempDir>,
    sets: Vec<(&'static str, Arc<Dataset>)>,
}

impl Catalog for Sets {
    fn dataset(&self, name: &str, _version: Option<u32>) -> Result<Arc<Dataset>, CatalogError> {
        let found = self.sets.iter().find(|(known, _)| *known == name);
        found.map(|(_, set)| set.clone()).ok_or_else(|| CatalogError::UnknownName(Vec::new()))
    }
}

fn sets() -> &'static Sets {
    static SETS: OnceLock<Sets> = OnceLock::new();
    SETS.get_or_init(|| {
        let iris =
            std::fs::read(Path::new(env!("CARGO_MANIFEST_DIR")).join("datasets/iris/iris.csv")).unwrap();
        let mut folders = Vec::new();
        let mut sets = Vec::new();
        for (name, format, bytes) in [
            ("iris", Format::Csv, iris),
            ("pairs", Format::Csv, b"a,b,y\n-1,2,0\n3,1,1\n0.5,-2,1\n-2,-1,0\n".to_vec()),
            ("line", Format::Csv, line()),
            ("weighed", Format::Csv, weighed()),
            ("digits", Format::Idx, mnist::archive(2_000, 500)),
            ("mnist", Format::Idx, mnist::archive(60_000, 10_000)),
        ] {
            let folder = tempfile::tempdir().unwrap();
            let (source, out_dir) = (folder.path().join("upload"), folder.path().join("set"));
            std::fs::write(&source, bytes).unwrap();
            std::fs::create_dir(&out_dir).unwrap();
            let request = ImportRequest {
                format,
                name,
                source: &source,
                hints: &Hints::default(),
                limits: &ImportLimits::default(),
                out_dir: &out_dir,
            };
            import(&request).unwrap();
            sets.push((name, Dataset::open_as(&out_dir, name, 1).unwrap()));
            folders.push(folder);
        }
        Sets { _folders: folders, sets }
    })
}

/// y = 3 a − 2 b + 5, far from standardised.
fn line() -> Vec<u8> {
    let mut text = String::from("a,b,y\n");
    for row in 0..200_i32 {
        let (a, b) = (f64::from(row % 17) - 8.0, f64::from(row * 7 % 23) * 10.0);
        writeln!(text, "{a},{b},{}", 300.0 * a - 2.0 * b + 5_000.0).unwrap();
    }
    text.into_bytes()
}

/// Two classes, as one column and as two, and weights of the examples.
fn weighed() -> Vec<u8> {
    let mut text = String::from("a,b,y,no,yes,w\n");
    for row in 0..32_i32 {
        let (a, b) = (f64::from(row % 7) - 3.0, f64::from(row % 5) - 2.0);
        let class = i32::from(row % 4 == 0);
        writeln!(text, "{a},{b},{class},{},{class},2", 1 - class).unwrap();
    }
    text.into_bytes()
}

fn plan(training: &Value) -> Plan {
    let body = json!({"name": "a-test", "training": training, "seed": 7, "resources": {"device": "cpu"}});
    plan_of(&body)
}

fn plan_of(body: &Value) -> Plan {
    Plan::resolve_body(body, sets()).unwrap_or_else(|errors| panic!("{errors}"))
}

fn train(plan: &Plan) -> RecordingSink {
    let mut sink = RecordingSink::default();
    let outcome = lyceum::train::run(plan, None, &mut sink);
    assert_eq!(outcome, Outcome::Succeeded);
    sink
}

fn weights(model: &ModelFiles) -> Vec<u8> {
    let mut bytes = Vec::new();
    model.write_weights(&mut bytes).unwrap();
    bytes
}

fn loaded(model: &ModelFiles) -> LoadedModel {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join(WEIGHTS_FILE), weights(model)).unwrap();
    std::fs::write(folder.path().join(DOCUMENT_FILE), &model.document).unwrap();
    LoadedModel::load(folder.path()).unwrap()
}

fn iris(epochs: u64, more: &Value) -> Value {
    let mut training = json!({
        "method": "supervised",
        "dataset": {"name": "iris", "target": "species", "validation": {"fraction": 0.2}, "test": {"every": 5}},
        "model": {"layers": [{"type": "dense", "units": 16, "activation": "tanh"}, {"type": "dropout", "rate": 0.1},
            {"type": "dense", "activation": "softmax"}]},
        "loss": "categorical_cross_entropy",
        "optimizer": {"type": "adam", "learning_rate": 0.01},
        "metrics": ["accuracy"],
        "batch_size": 16, "epochs": epochs,
    });
    for (field, value) in more.as_object().unwrap() {
        training[field] = value.clone();
    }
    training
}

#[test]
fn iris_is_learned() {
    let _turn = turn();
    let sink = train(&plan(&iris(60, &json!({}))));
    let accuracy = sink.last("test_accuracy").unwrap();
    assert!(accuracy >= 0.85, "{accuracy}");
    for series in ["loss", "accuracy", "val_loss", "val_accuracy", "learning_rate", "gradient_norm"] {
        assert_eq!(sink.series(series).len(), 60, "{series}");
    }
    let losses: Vec<f64> = sink.series("loss").iter().map(|(_, loss)| *loss).collect();
    assert!(losses[59] < losses[0] / 2.0);
    assert_eq!(sink.models[0].metrics["test_accuracy"], accuracy);
    assert_eq!(sink.models[0].metrics["val_loss"], sink.last("val_loss").unwrap());
}

#[test]
fn images_are_learned_by_a_convolutional_network() {
    let _turn = turn();
    let training = json!({
        "method": "supervised",
        "dataset": {"name": "digits", "input": "image", "target": "label"},
        "model": {"layers": [
            {"type": "conv2d", "filters": 8, "kernel_size": 3, "activation": "relu"},
            {"type": "max_pool2d", "pool_size": 2},
            {"type": "flatten"}, {"type": "dense", "activation": "softmax"}]},
        "loss": "categorical_cross_entropy", "optimizer": "adam", "metrics": ["accuracy"],
        "batch_size": 32, "epochs": 3,
    });
    let sink = train(&plan(&training));
    let accuracy = sink.last("test_accuracy").unwrap();
    assert!(accuracy > 0.8, "{accuracy}");
    let model = loaded(&sink.models[0]);
    let again = model.evaluate(&sets().sets[4].1, &(2_000..2_500).collect::<Vec<_>>(), None, 64).unwrap();
    assert!((again["accuracy"] - accuracy).abs() < 1e-9, "{again:?}");
}

#[test]
fn a_line_is_found_and_errors_are_in_the_targets_own_unit() {
    let _turn = turn();
    let training = json!({
        "method": "supervised",
        "dataset": {"name": "line", "target": "y", "target_transform": "standardize", "test": {"every": 4}},
        "model": {"layers": [{"type": "dense"}]},
        "loss": "mean_squared_error", "optimizer": {"type": "sgd", "learning_rate": 0.1},
        "metrics": ["mean_absolute_error", "mean_squared_error"], "batch_size": 8, "epochs": 60,
    });
    let sink = train(&plan(&training));
    let errors = sink.series("mean_absolute_error");
    assert!(
        errors[0].1 > 10.0,
        "the first epoch's error is in thousands, not in deviations: {}",
        errors[0].1
    );
    assert!(sink.last("test_mean_absolute_error").unwrap() < 1.0);
    assert!(sink.last("test_loss").unwrap() < 1e-5);
}

/// Every step is accounted for, and being watched changes nothing.
#[test]
fn a_profile_says_where_the_time_went() {
    let _turn = turn();
    let run = |profile: bool| {
        let body = json!({"name": "a-test", "training": iris(3, &json!({})), "seed": 7, "profile": profile});
        train(&plan_of(&body))
    };
    let (watched, plain) = (run(true), run(false));
    assert_eq!(weights(&watched.models[0]), weights(&plain.models[0]));
    assert!(plain.artifacts.iter().all(|file| file.name != "profile.json"));
    let file = watched.artifacts.iter().find(|file| file.name == "profile.json").unwrap();
    let trace: Value = serde_json::from_slice(&file.bytes).unwrap();
    let steps = watched.series("step_loss").len() as u64;
    let phases = &trace["otherData"]["phases"];
    for phase in ["batch", "forward", "loss", "backward", "metrics", "update", "report"] {
        assert_eq!(phases[phase]["count"], steps, "{phase}");
        assert!(phases[phase]["seconds"].as_f64().unwrap() > 0.0, "{phase}");
    }
    // After each of three epochs, and at the end of the test part.
    assert_eq!((&phases["evaluation"]["count"], &phases["checkpoint"]["count"]), (&json!(4), &json!(3)));
    let last = trace["traceEvents"].as_array().unwrap().last().unwrap();
    assert_eq!((&last["name"], &last["args"]["step"]), (&json!("evaluation"), &json!(steps)));
}

#[test]
fn equal_seeds_give_equal_weights_and_other_seeds_others() {
    let _turn = turn();
    let run = |seed: u64| {
        let body = json!({"name": "a-test", "training": iris(3, &json!({})), "seed": seed});
        weights(&train(&plan_of(&body)).models[0])
    };
    assert_eq!(run(7), run(7));
    assert_ne!(run(7), run(8));
}

/// All that a run made and told, but for the times.
fn told(sinks: &[&RecordingSink]) -> Vec<(String, u64, u64)> {
    let mut points = Vec::new();
    for sink in sinks {
        for report in &sink.reports {
            if let Report::Metrics { points: more } = report {
                points
                    .extend(more.iter().map(|point| (point.name.clone(), point.step, point.value.to_bits())));
            }
        }
        let files = sink.artifacts.iter().map(|file| {
            let text = String::from_utf8(file.bytes.clone()).unwrap();
            (format!("{} {text}", file.name), 0, 0)
        });
        points.extend(files);
    }
    points
}

#[test]
fn a_resumed_run_gives_the_same_bytes_wherever_it_was_paused() {
    let _turn = turn();
    let training = iris(
        4,
        &json!({
            "optimizer": {"type": "adam", "learning_rate": {"type": "cosine", "initial_learning_rate": 0.02}},
            "gradient_clipping": {"norm": 0.5},
            "early_stopping": {"monitor": "val_loss", "patience": 2, "restore_best": true},
        }),
    );
    goes_on(&training, &[1, 4, 6, 7, 13, 20]);
}

/// A run that is paused at any of these questions and goes on tells and makes what one does that was not.
fn goes_on(training: &Value, pauses: &[u64]) {
    let plan = plan(training);
    let whole = train(&plan);
    for &paused_at in pauses {
        let mut first = RecordingSink::ordering(paused_at, Control::Pause);
        assert_eq!(lyceum::train::run(&plan, None, &mut first), Outcome::Stopped);
        let (step, bytes) = first.checkpoints.last().unwrap();
        let mut file = tempfile::NamedTempFile::new().unwrap();
        file.write_all(bytes).unwrap();
        let checkpoint = Checkpoint::read(file.path()).unwrap();
        let mut second = RecordingSink::default();
        assert_eq!(lyceum::train::run(&plan, Some(checkpoint), &mut second), Outcome::Succeeded);
        let what = format!("{}, paused at {paused_at}", training["optimizer"]);
        assert_eq!(weights(&second.models[0]), weights(&whole.models[0]), "{what}");
        assert_eq!(second.models[0].metrics, whole.models[0].metrics);
        assert_eq!(told(&[&first, &second]), told(&[&whole]), "{what}, step {step}");
    }
}

fn augmented(augmentation: &Value) -> Value {
    json!({
        "method": "supervised",
        "dataset": {"name": "digits", "input": "image", "target": "label"},
        "model": {"layers": [
            {"type": "conv2d", "filters": 4, "kernel_size": 5, "strides": 2, "activation": "relu"},
            {"type": "flatten"}, {"type": "dense", "activation": "softmax"}]},
        "loss": "categorical_cross_entropy", "metrics": ["accuracy"], "augmentation": augmentation,
        "batch_size": 100, "epochs": 2,
    })
}

#[test]
fn augmented_training_goes_on_as_if_nothing_had_been() {
    let _turn = turn();
    let augmentation = json!([
        {"type": "random_translation", "fill_mode": "constant"}, {"type": "random_rotation", "factor": 0.03},
        "gaussian_noise", {"type": "cutout", "size": 6}, {"type": "mixup", "alpha": 0.4}
    ]);
    let plan = plan(&augmented(&augmentation));
    goes_on(&augmented(&augmentation), &[3, 25]);
    let (with, without) = (train(&plan), train(&self::plan(&augmented(&json!([])))));
    assert_ne!(weights(&with.models[0]), weights(&without.models[0]));
    // What is harder to learn is learned all the same, and the test part is left as it is.
    assert!(with.last("loss").unwrap() > without.last("loss").unwrap());
    assert!(with.last("test_accuracy").unwrap() > 0.25);
    let written = plan.answer()["spec"]["training"]["augmentation"][1].clone();
    let expected =
        json!({"type": "random_rotation", "factor": 0.03, "fill_mode": "reflect", "fill_value": 0.0});
    assert_eq!(written, expected);
}

#[test]
fn augmentation_that_does_not_fit_is_refused_at_its_place() {
    let refused = |training: Value| {
        let body = json!({"name": "a-test", "training": training, "resources": {"device": "cpu"}});
        Plan::resolve_body(&body, sets()).err().unwrap().to_string()
    };
    let mistakes = augmented(&json!([
        "random_hue", {"type": "random_crop", "height": 40}, {"type": "random_zoom", "height_factor": -1},
        {"type": "cutout", "size": 90}, "mixup", {"type": "random_flip"}
    ]));
    insta::assert_snapshot!([
        refused(mistakes),
        refused(augmented(&json!([{"type": "random_rotation", "factor": [2, 1], "degrees": 5}, "random_flpi"]))),
        refused(iris(1, &json!({"augmentation": ["random_flip"]}))),
    ].join("\n"), @r#"
        /training/augmentation/0: random_hue needs images of 3 channels, and these have 1; grey has no hue
        /training/augmentation/1/height: 40 pixels are more than the 28 that the image has with its padding
        /training/augmentation/2/height_factor: must lie above -1: at -1 nothing of the image would be seen
        /training/augmentation/3/size: must be at most 56, twice the longer side of the image
        /training/augmentation/4: mixup mixes what the others made, so it stands last and once
        /training/augmentation/0/degrees: "degrees" is not a field of random_rotation
        /training/augmentation/0/factor: must have its lower end first
        /training/augmentation/1: "random_flpi" is not an augmentation that Lyceum knows; did you mean "random_flip"?
        /training/augmentation/0: random_flip is for images, and no input of this job is a column of images
        "#);
}

#[test]
fn tables_are_mixed_too() {
    let _turn = turn();
    let sink = train(&plan(&iris(60, &json!({"augmentation": [{"type": "mixup", "alpha": 0.2}]}))));
    assert!(sink.last("test_accuracy").unwrap() >= 0.8);
}

#[test]
fn every_optimizer_and_schedule_goes_on() {
    let _turn = turn();
    let rate = 0.01;
    let schedules = [
        json!(rate),
        json!({"type": "cosine_restarts", "initial_learning_rate": rate, "first_decay_steps": 5}),
        json!({"type": "exponential", "initial_learning_rate": rate, "decay_steps": 4, "decay_rate": 0.5}),
        json!({"type": "inverse_time", "initial_learning_rate": rate, "decay_steps": 4, "decay_rate": 0.5}),
        json!({"type": "one_cycle", "max_learning_rate": rate}),
        json!({"type": "piecewise", "boundaries": [4, 9], "values": [0.01, 0.005, 0.001]}),
        json!({"type": "polynomial", "initial_learning_rate": rate, "warmup_steps": 6}),
        json!({"type": "step", "initial_learning_rate": rate, "step_size": 5}),
        json!({"type": "reduce_on_plateau", "initial_learning_rate": rate, "patience": 1, "min_delta": 0.2}),
    ];
    for (name, schedule) in Optimizer::NAMES.iter().zip(schedules.iter().cycle()) {
        let optimizer = json!({"type": name, "learning_rate": schedule});
        goes_on(&iris(3, &json!({"optimizer": optimizer})), &[9]);
    }
}

#[test]
fn accumulation_averages_weights_and_metrics_go_on() {
    let _turn = turn();
    let training = iris(
        4,
        &json!({
            "optimizer": {"type": "adam", "learning_rate":
                {"type": "reduce_on_plateau", "initial_learning_rate": 0.01, "patience": 1, "min_delta": 0.2}},
            "gradient_accumulation": 3, "batch_size": 8, "weight_average": {"momentum": 0.8},
            "gradient_clipping": {"norm_per_parameter": 0.5}, "class_weight": "balanced",
            "early_stopping": {"monitor": "val_f1", "patience": 2, "restore_best": true},
            "metrics": ["accuracy", "f1", {"type": "precision", "average": "none"}, "roc_auc", "pr_auc", "log_loss",
                        "expected_calibration_error", "confusion_matrix", "classification_report"],
        }),
    );
    goes_on(&training, &[2, 5, 6, 9]);
}

#[test]
fn a_matrix_of_what_was_taken_for_what_is_kept_of_every_part() {
    let _turn = turn();
    let sink = train(&plan(&iris(3, &json!({"metrics": ["accuracy", "confusion_matrix"]}))));
    let names: Vec<&str> = sink.artifacts.iter().map(|file| file.name.as_str()).collect();
    assert_eq!(names, ["confusion_matrix.json", "test_confusion_matrix.json", "val_confusion_matrix.json"]);
    let document: Value = serde_json::from_slice(&sink.artifacts[1].bytes).unwrap();
    assert_eq!(document["labels"], json!(["setosa", "versicolor", "virginica"]));
    let matrix: Vec<Vec<u32>> = serde_json::from_value(document["matrix"].clone()).unwrap();
    let all: u32 = matrix.iter().flatten().sum();
    assert_eq!(all, 30);
    let right: u32 = (0..3).map(|class| matrix[class][class]).sum();
    let accuracy = sink.last("test_accuracy").unwrap();
    assert!((accuracy - f64::from(right) / f64::from(all)).abs() < 1e-12);
}

fn classes(rate: f64, more: &Value) -> Value {
    let mut training = json!({
        "method": "supervised",
        "dataset": {"name": "weighed", "input": ["a", "b"], "target": "y"},
        "model": {"layers": [{"type": "dense", "units": 2, "activation": "softmax"}]},
        "loss": "categorical_cross_entropy", "optimizer": {"type": "sgd", "learning_rate": rate},
        "batch_size": 8, "epochs": 3,
    });
    for (field, value) in more.as_object().unwrap() {
        training[field] = value.clone();
    }
    training
}

/// A loss of twice the weight at half the rate is the same step, to the last bit.
#[test]
fn weights_of_classes_and_examples_multiply() {
    let _turn = turn();
    let made = |rate: f64, more: &Value| weights(&train(&plan(&classes(rate, more))).models[0]);
    let plain = made(0.4, &json!({}));
    assert_eq!(plain, made(0.2, &json!({"sample_weight": "w"})));
    assert_eq!(plain, made(0.2, &json!({"class_weight": {"0": 2, "1": 2}})));
    assert_eq!(plain, made(0.1, &json!({"class_weight": {"0": 2, "1": 2}, "sample_weight": "w"})));
    let balanced = made(0.4, &json!({"class_weight": "balanced"}));
    assert_eq!(balanced, made(0.4, &json!({"class_weight": {"0": 32.0 / (2.0 * 24.0), "1": 2}})));
    assert_ne!(balanced, plain);
}

#[test]
fn a_column_for_each_class_is_a_column_of_classes() {
    let _turn = turn();
    let columns = json!({"dataset": {"name": "weighed", "input": ["a", "b"], "target": ["no", "yes"]}});
    let one_hot = train(&plan(&classes(0.4, &columns)));
    let plain = train(&plan(&classes(0.4, &json!({}))));
    assert_eq!(weights(&one_hot.models[0]), weights(&plain.models[0]));
    assert!(loaded(&one_hot.models[0]).outputs()[0].is_one_of_columns());
    let twice = json!({"dataset": {"name": "weighed", "input": ["a", "b"], "target": ["yes", "y"]}});
    let body = json!({"name": "a-test", "training": classes(0.4, &twice)});
    let refused = Plan::resolve_body(&body, sets()).err().unwrap().to_string();
    assert!(refused.contains("row 0 has 2 of them, where 1 is needed"), "{refused}");
}

#[test]
fn batches_that_are_added_up_are_one_batch() {
    let _turn = turn();
    let run = |batch: u64, accumulation: u64| {
        let more = json!({"batch_size": batch, "gradient_accumulation": accumulation});
        train(&plan(&classes(0.4, &more)))
    };
    let (added, whole) = (run(5, 4), run(20, 1));
    assert_eq!(added.series("step_loss").len(), whole.series("step_loss").len());
    for name in ["step_loss", "loss", "gradient_norm"] {
        for (one, other) in added.series(name).iter().zip(&whole.series(name)) {
            assert!((one.1 - other.1).abs() < 1e-5, "{name}: {one:?} {other:?}");
        }
    }
}

#[test]
fn the_model_has_the_mean_of_the_weights() {
    let _turn = turn();
    let flat = |sink: &RecordingSink| -> Vec<f32> {
        let file = weights(&sink.models[0]);
        let tensors = lyceum::torch::safetensors::parse(&file).unwrap();
        tensors.iter().flat_map(|(_, tensor)| Vec::<f32>::try_from(tensor.flatten(0, -1)).unwrap()).collect()
    };
    let run = |more: &Value| flat(&train(&plan(&classes(0.4, more))));
    let before = run(&json!({"epochs": 0}));
    let behind = run(&json!({"epochs": 1, "batch_size": 32}));
    let mean = run(&json!({"epochs": 1, "batch_size": 32, "weight_average": {"momentum": 0.75}}));
    for ((before, behind), mean) in before.iter().zip(&behind).zip(&mean) {
        assert!((0.75 * before + 0.25 * behind - mean).abs() < 1e-6);
    }
    let more = json!({"weight_average": {"momentum": 0.9}, "metrics": ["accuracy"]});
    let sink = train(&plan(&iris(2, &more)));
    let set = &sets().sets[0].1;
    let test: Vec<u32> = (0..150).filter(|row| row % 5 == 0).collect();
    let evaluated = loaded(&sink.models[0]).evaluate(set, &test, None, 64).unwrap();
    assert!((evaluated["loss"] - sink.last("test_loss").unwrap()).abs() < 1e-9);
}

#[test]
fn the_rate_falls_where_nothing_improves() {
    let _turn = turn();
    let rate = json!({"type": "reduce_on_plateau", "initial_learning_rate": 0.4, "factor": 0.5, "patience": 2,
        "min_delta": 100, "monitor": "loss", "min_learning_rate": 0.15});
    let more = json!({"optimizer": {"type": "sgd", "learning_rate": rate}, "epochs": 7});
    let sink = train(&plan(&classes(0.4, &more)));
    let rates: Vec<f64> = sink.series("learning_rate").iter().map(|(_, rate)| *rate).collect();
    assert_eq!(rates, [0.4, 0.4, 0.4, 0.2, 0.2, 0.15, 0.15]);
    let unheard = json!({"optimizer": {"type": "sgd", "learning_rate":
        {"type": "reduce_on_plateau", "initial_learning_rate": 0.4}}});
    let body = json!({"name": "a-test", "training": classes(0.4, &unheard)});
    let refused = Plan::resolve_body(&body, sets()).err().unwrap().to_string();
    let place = "/training/optimizer/learning_rate/monitor: \"val_loss\" is not measured; there is no validation part";
    assert!(refused.starts_with(place), "{refused}");
}

#[test]
fn weights_that_weigh_nothing_are_refused_at_their_fields() {
    let refused = |more: &Value| {
        let body = json!({"name": "a-test", "training": classes(0.4, more)});
        Plan::resolve_body(&body, sets()).err().unwrap().to_string()
    };
    let line = json!({"dataset": {"name": "line", "target": "y"}, "loss": "mean_squared_error",
        "model": {"layers": ["dense"]}, "class_weight": "balanced", "sample_weight": "a"});
    let refusals = [
        refused(&json!({"class_weight": {"2": 1}})),
        refused(&json!({"class_weight": {"0": -1}})),
        refused(&json!({"sample_weight": "b"})),
        refused(&json!({"sample_weight": "ww"})),
        refused(&line),
    ];
    insta::assert_snapshot!(refusals.join("\n"), @r#"
    /training/class_weight/2: "2" is not a class of the target
    /training/class_weight/0: must be a number of at least 0, not -1
    /training/sample_weight: row 0 of column "b" is -2, and a weight is a number of at least 0
    /training/sample_weight: column "b" is an input, and cannot weigh the examples as well
    /training/sample_weight: the data set has no column "ww"; did you mean "w"?
    /training/sample_weight: row 0 of column "a" is -8, and a weight is a number of at least 0
    /training/class_weight: weighs classes, and the target is no single one of classes
    "#);
}

#[test]
fn a_cancelled_run_ends_at_the_step() {
    let _turn = turn();
    let plan = plan(&iris(50, &json!({})));
    let mut sink = RecordingSink::ordering(5, Control::Stop);
    assert_eq!(lyceum::train::run(&plan, None, &mut sink), Outcome::Cancelled);
    assert_eq!(sink.series("step_loss").last().map(|(step, _)| *step), Some(4));
    assert!(sink.models.is_empty());
}

#[test]
fn early_stopping_gives_the_model_the_best_weights() {
    let _turn = turn();
    let stopping = json!({
        "optimizer": {"type": "sgd", "learning_rate": 1.5},
        "early_stopping": {"monitor": "val_loss", "patience": 3, "restore_best": true},
    });
    let stopped = train(&plan(&iris(200, &stopping)));
    let losses = stopped.series("val_loss");
    let best = losses.iter().enumerate().min_by(|a, b| a.1.1.total_cmp(&b.1.1)).unwrap().0;
    assert!(losses.len() < 200, "it went on to the end");
    assert_eq!(losses.len(), best + 1 + 3);
    assert_eq!(stopped.models[0].metrics["val_loss"], losses[best].1);
    let short =
        train(&plan(&iris(best as u64 + 1, &json!({"optimizer": {"type": "sgd", "learning_rate": 1.5}}))));
    assert_eq!(weights(&stopped.models[0]), weights(&short.models[0]));
}

#[test]
fn a_run_that_diverges_says_at_which_step() {
    let _turn = turn();
    let training = json!({
        "method": "supervised",
        "dataset": {"name": "line", "target": "y", "transforms": []},
        "model": {"layers": [{"type": "dense"}]},
        "loss": "mean_squared_error", "optimizer": {"type": "sgd", "learning_rate": 10.0}, "epochs": 50,
    });
    let mut sink = RecordingSink::default();
    let Outcome::Failed { error } = lyceum::train::run(&plan(&training), None, &mut sink) else {
        panic!("it did not fail")
    };
    assert_eq!(error.kind, ErrorKind::Diverged);
    let (step, value) = *sink.series("step_loss").last().unwrap();
    assert!(!value.is_finite());
    assert!(error.detail.ends_with(&format!("at step {step}")), "{}", error.detail);
    assert!(error.hint.unwrap().contains("gradient_clipping"));
    assert!(sink.series("step_loss").iter().rev().skip(1).all(|(_, loss)| loss.is_finite()));
}

#[test]
fn the_perceptron_of_the_text_answers_as_the_text_does() {
    let _turn = turn();
    let training = json!({
        "method": "supervised",
        "dataset": {"name": "pairs", "input": ["a", "b"], "target": "y", "transforms": []},
        "model": {"layers": [{"type": "dense", "units": 1, "activation": "sigmoid",
            "kernel_initializer": {"type": "constant", "value": [[3], [-2]]},
            "bias_initializer": {"type": "constant", "value": 1}}]},
        "loss": "binary_cross_entropy", "metrics": ["accuracy"], "epochs": 0,
    });
    let sink = train(&plan(&training));
    let model = loaded(&sink.models[0]);
    let answer = model.forward(&[Tensor::from_slice(&[-1.0_f32, 2.0]).view([1, 2])]);
    assert!((answer[0].double_value(&[0, 0]) - 0.002_473).abs() < 1e-6);
    assert!(!answer[0].requires_grad());
}

/// What is found trains about as well as the best of a grid.
#[test]
fn a_learning_rate_is_found() {
    let _turn = turn();
    let fields = |optimizer: &str| {
        json!({
            "method": "learning_rate_finder",
            "dataset": {"name": "iris", "target": "species"},
            "model": {"layers": [{"type": "dense", "units": 16, "activation": "tanh"},
                {"type": "dense", "activation": "softmax"}]},
            "loss": "categorical_cross_entropy", "optimizer": optimizer, "batch_size": 16,
        })
    };
    for optimizer in ["adam", "sgd"] {
        let finder = plan(&fields(optimizer));
        assert_eq!(finder.extent(), (10, 100));
        let written = finder.spec.training.0.fields.clone();
        assert_eq!((&written["dataset"]["version"], &written["steps"]), (&json!(1), &json!(100)));
        assert!(!written.contains_key("epochs"));
        let sink = train(&finder);
        let result = sink.reports.iter().find_map(|report| match report {
            Report::Result { result } => Some(result),
            _ => None,
        });
        let rate = result.unwrap()["learning_rate"].as_f64().unwrap();
        assert!(sink.models.is_empty() && sink.series("loss").len() == sink.series("learning_rate").len());
        let loss = |rate: f64| {
            let mut training = fields(optimizer);
            training["method"] = json!("supervised");
            training["optimizer"] = json!({"type": optimizer, "learning_rate": rate});
            training["epochs"] = json!(5);
            let mut sink = RecordingSink::default();
            lyceum::train::run(&plan(&training), None, &mut sink);
            sink.last("loss").filter(|loss| loss.is_finite()).unwrap_or(f64::INFINITY)
        };
        let best =
            [0.001, 0.003, 0.01, 0.03, 0.1, 0.3, 1.0].map(loss).into_iter().fold(f64::INFINITY, f64::min);
        let found = loss(rate);
        assert!(found <= 3.0 * best, "{optimizer}: {found} at {rate}, where {best} is possible");
    }
    let body = json!({"name": "a-test", "training": fields("adam")});
    let wrong = |field: &str, value: Value| {
        let mut body = body.clone();
        body["training"][field] = value;
        Plan::resolve_body(&body, sets()).err().unwrap().to_string()
    };
    assert_eq!(wrong("end", json!(1e-7)), "/training/end: must be above the start, 0.000001");
    let unknown = "/training/epochs: \"epochs\" is not a field of learning_rate_finder";
    assert_eq!(wrong("epochs", json!(3)), unknown);
}

#[test]
fn as_many_rows_are_drawn_as_the_plan_counted() {
    let by = |fraction: f64, member: &str| json!({"fraction": fraction, (member): "petal_width_cm"});
    let tests =
        [json!({"fraction": 0.2}), json!({"every": 7, "offset": 3}), by(0.2, "group"), by(0.2, "order")];
    let validations =
        [json!({"fraction": 0.1}), json!({"every": 5, "offset": 1}), by(0.1, "group"), by(0.1, "order")];
    for (test, validation) in tests.iter().flat_map(|test| validations.iter().map(move |other| (test, other)))
    {
        let plan = plan(&json!({
            "method": "supervised",
            "dataset": {"name": "iris", "target": "species", "test": test, "validation": validation},
            "model": {"layers": [{"type": "dense", "units": 3, "activation": "softmax"}]},
            "loss": "categorical_cross_entropy", "optimizer": "sgd"}));
        let Method::Supervised(method) = &plan.method else { panic!("supervised") };
        let (counts, rows) = (&method.parts.counts, method.parts.rows());
        let drawn = [&rows.train, &rows.validation, &rows.test].map(|part| part.len() as u64);
        assert_eq!([counts.train, counts.validation, counts.test], drawn, "{test} {validation}");
        assert_eq!(drawn.iter().sum::<u64>(), 150);
    }
}
