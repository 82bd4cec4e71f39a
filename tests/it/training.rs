//! Training as a whole: what is learned, that it is learned the same way twice, and that a run goes on where it stood.

use std::fmt::Write as _;
use std::io::Write as _;
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};

use lyceum::data::{Dataset, Format, Hints, ImportLimits, ImportRequest, import};
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
    let again = model.evaluate(&sets().sets[3].1, &(2_000..2_500).collect::<Vec<_>>(), None, 64).unwrap();
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
    goes_on_wherever_it_was_paused(&plan(&training), &[1, 4, 6, 7, 13, 20]);
}

fn goes_on_wherever_it_was_paused(plan: &Plan, places: &[u64]) {
    let whole = train(plan);
    for paused_at in places.iter().copied() {
        let mut first = RecordingSink::ordering(paused_at, Control::Pause);
        assert_eq!(lyceum::train::run(plan, None, &mut first), Outcome::Stopped);
        let (step, bytes) = first.checkpoints.last().unwrap();
        let mut file = tempfile::NamedTempFile::new().unwrap();
        file.write_all(bytes).unwrap();
        let checkpoint = Checkpoint::read(file.path()).unwrap();
        let mut second = RecordingSink::default();
        assert_eq!(lyceum::train::run(plan, Some(checkpoint), &mut second), Outcome::Succeeded);
        assert_eq!(weights(&second.models[0]), weights(&whole.models[0]), "paused at {paused_at}");
        assert_eq!(second.models[0].metrics, whole.models[0].metrics);
        assert_eq!(told(&[&first, &second]), told(&[&whole]), "paused at {paused_at}, step {step}");
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
    goes_on_wherever_it_was_paused(&plan, &[3, 25]);
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
        let Method::Supervised(method) = &plan.method;
        let (counts, rows) = (&method.parts.counts, method.parts.rows());
        let drawn = [&rows.train, &rows.validation, &rows.test].map(|part| part.len() as u64);
        assert_eq!([counts.train, counts.validation, counts.test], drawn, "{test} {validation}");
        assert_eq!(drawn.iter().sum::<u64>(), 150);
    }
}
