//! Models are trained, stored and called, without a server around them.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use base64::Engine as _;
use lyceum::artifacts::Artifacts;
use lyceum::config;
use lyceum::data::{Dataset, Format, Hints, ImportLimits, ImportRequest, import};
use lyceum::inference::{Inference, InferenceError, PredictInput, VersionRef};
use lyceum::spec::report::{Outcome, Report};
use lyceum::store::{Capacity, Created, NewDataset, NewJob, Store};
use lyceum::train::{self, Catalog, CatalogError, Plan, RecordingSink};
use serde_json::{Value, json};

/// A store, its files, and the models in them.
struct World {
    folder: tempfile::TempDir,
    store: Store,
    artifacts: Artifacts,
    inference: Inference,
}

/// The data sets of a world, by name.
#[derive(Default)]
struct Sets(BTreeMap<String, Arc<Dataset>>);

impl Catalog for Sets {
    fn dataset(&self, name: &str, _version: Option<u32>) -> Result<Arc<Dataset>, CatalogError> {
        self.0.get(name).cloned().ok_or_else(|| CatalogError::UnknownName(Vec::new()))
    }
}

impl World {
    async fn new(settings: config::Inference) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open(&folder.path().join("lyceum.db")).await.unwrap();
        let artifacts = Artifacts::open(&folder.path().join("artifacts")).unwrap();
        let inference = Inference::start(settings, store.clone(), artifacts.clone());
        Self { folder, store, artifacts, inference }
    }

    async fn add(&self, name: &str, format: Format, upload: &Path) -> Arc<Dataset> {
        let out = self.folder.path().join(format!("{name}.new"));
        std::fs::create_dir(&out).unwrap();
        let limits = ImportLimits::default();
        let request = ImportRequest {
            format,
            name,
            source: upload,
            hints: &Hints::default(),
            limits: &limits,
            out_dir: &out,
        };
        let schema = import(&request).unwrap();
        let digest = format!("{}-{name}", schema.sha256);
        let key = format!("datasets/{digest}");
        self.artifacts.put_file(&key, &out).await.unwrap();
        let new = NewDataset { schema, digest, hints: json!({}), key: key.clone() };
        let Created::Now(put) = self.store.put_dataset(new, None).await.unwrap() else {
            panic!("put before")
        };
        let version = put.version.schema.version;
        Dataset::open_as(&self.artifacts.local_path(&key).unwrap(), name, version).unwrap()
    }

    async fn add_csv(&self, name: &str, text: &str) -> Arc<Dataset> {
        let upload = self.folder.path().join(format!("{name}.csv"));
        std::fs::write(&upload, text).unwrap();
        self.add(name, Format::Csv, &upload).await
    }

    /// Trains a job to its end and answers the number of the version that it made.
    async fn train(&self, sets: &[&Arc<Dataset>], body: &Value) -> u32 {
        let sets = Sets(sets.iter().map(|set| (set.schema().name.clone(), Arc::clone(set))).collect());
        let plan = Plan::resolve_body(body, &sets).unwrap();
        let mut sink = RecordingSink::default();
        let outcome = train::run(&plan, None, &mut sink);
        assert_eq!(outcome, Outcome::Succeeded);
        let datasets = sets.0.values().map(|set| (set.schema().name.clone(), set.schema().version)).collect();
        let new = NewJob {
            spec: plan.spec.clone(),
            posted: body.to_string(),
            datasets,
            parents: lyceum::store::JobParents::default(),
            poster: None,
            trace: None,
        };
        let Created::Now(job) = self.store.create_job(new, None).await.unwrap() else {
            panic!("posted before")
        };
        let free = Capacity { threads: 64, memory_mb: 1 << 20, gpus: Vec::new() };
        let claim = self.store.claim(free).await.unwrap().unwrap();
        assert_eq!(claim.job, job.id);
        let model = sink.models.remove(0);
        let key = format!("models/{}/{}/{}", claim.job, claim.attempt, "model");
        let folder = self.folder.path().join("model.new");
        std::fs::create_dir(&folder).unwrap();
        let mut weights = std::fs::File::create(folder.join("weights.safetensors")).unwrap();
        let written = model.write_weights(&mut weights).unwrap();
        std::fs::write(folder.join("model.json"), &model.document).unwrap();
        self.artifacts.put_file(&key, &folder).await.unwrap();
        let reports = vec![
            Report::Model {
                output: model.output,
                key,
                sha256: written.sha256,
                bytes: written.bytes,
                metrics: model.metrics,
            },
            Report::Finished { outcome },
        ];
        self.store.report(claim.run, claim.attempt, 1, lyceum::clock::now_us(), reports).await.unwrap();
        self.store.job(job.id).await.unwrap().model.unwrap().version
    }

    async fn predict(&self, model: &str, inputs: Value) -> Result<Value, InferenceError> {
        let body = PredictInput::Json(json!({"inputs": inputs}));
        self.inference.predict(model, &VersionRef::latest(), body).await
    }
}

/// `count` images of 28 by 28 with a bright square whose place is their class.
fn idx_archive(folder: &Path, count: u32) -> (std::path::PathBuf, Vec<Vec<u8>>) {
    let images: Vec<Vec<u8>> = (0..count)
        .map(|number| {
            let class = number % 4;
            let lit = |at: u32| (at / 28 / 14) * 2 + (at % 28) / 14 == class;
            (0..784)
                .map(|at| if lit(at) { 200 + (at * 7 + number * 13) % 50 } else { number % 9 } as u8)
                .collect()
        })
        .collect();
    let mut pixels = vec![0, 0, 8, 3];
    for extent in [count, 28, 28] {
        pixels.extend(extent.to_be_bytes());
    }
    pixels.extend(images.concat());
    let mut labels = vec![0, 0, 8, 1];
    labels.extend(count.to_be_bytes());
    labels.extend((0..count).map(|number| (number % 4) as u8));
    let path = folder.join("squares.tar");
    let mut archive = tar::Builder::new(std::fs::File::create(&path).unwrap());
    for (name, bytes) in [("train-images-idx3-ubyte", pixels), ("train-labels-idx1-ubyte", labels)] {
        let mut header = tar::Header::new_gnu();
        header.set_size(bytes.len() as u64);
        header.set_mode(0o644);
        header.set_cksum();
        archive.append_data(&mut header, name, bytes.as_slice()).unwrap();
    }
    archive.finish().unwrap();
    (path, images)
}

fn cnn(epochs: u32) -> Value {
    json!({
        "name": "squares",
        "seed": 3,
        "resources": {"device": "cpu"},
        "training": {
            "method": "supervised",
            "dataset": {"name": "squares", "input": "image", "target": "label"},
            "model": {"layers": [
                {"type": "conv2d", "filters": 24, "kernel_size": 3, "activation": "relu"},
                {"type": "max_pool2d", "pool_size": 2},
                {"type": "conv2d", "filters": 36, "kernel_size": 3, "activation": "relu"},
                {"type": "max_pool2d", "pool_size": 2},
                {"type": "flatten"},
                {"type": "dense", "units": 128, "activation": "relu"},
                {"type": "dense", "activation": "softmax"}]},
            "loss": "categorical_cross_entropy",
            "optimizer": "adam",
            "metrics": ["accuracy"],
            "batch_size": 16,
            "epochs": epochs
        }
    })
}

fn pixels(image: &[u8]) -> Value {
    image.chunks(28).map(|row| json!(row)).collect()
}

fn probabilities(answer: &Value) -> Vec<f64> {
    let all = answer["predictions"].as_array().unwrap();
    all.iter()
        .flat_map(|one| one["probabilities"].as_object().unwrap().values())
        .map(|value| value.as_f64().unwrap())
        .collect()
}

fn assert_near(left: &[f64], right: &[f64]) {
    assert_eq!(left.len(), right.len());
    for (left, right) in left.iter().zip(right) {
        assert!((left - right).abs() < 1e-6, "{left} {right}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn clients_that_call_together_are_answered_as_one_by_one() {
    let world = World::new(config::Inference::default()).await;
    let (upload, images) = idx_archive(world.folder.path(), 64);
    let set = world.add("squares", Format::Idx, &upload).await;
    assert_eq!(world.train(&[&set], &cnn(3)).await, 1);
    let mut alone = Vec::new();
    for image in &images {
        let answer = world.predict("squares", json!([pixels(image)])).await.unwrap();
        assert_eq!((&answer["model"], &answer["version"]), (&json!("squares"), &json!(1)));
        alone.extend(probabilities(&answer));
    }
    let before = counts(&world.inference);
    let clients = images.iter().take(32).enumerate().map(|(index, image)| {
        let (inference, image) = (world.inference.clone(), pixels(image));
        tokio::spawn(async move {
            for _ in 0..4 {
                let body = PredictInput::Json(json!({"inputs": [image]}));
                let answer = inference.predict("squares", &VersionRef::Number(1), body).await.unwrap();
                assert_eq!(answer["predictions"][0]["class"], json!((index % 4).to_string()));
                let _ = &answer;
            }
            let body = PredictInput::Json(json!({"inputs": [image]}));
            probabilities(&inference.predict("squares", &VersionRef::Number(1), body).await.unwrap())
        })
    });
    let together: Vec<f64> =
        futures::future::join_all(clients).await.into_iter().flat_map(Result::unwrap).collect();
    assert_near(&together, &alone[..together.len()]);
    let after = counts(&world.inference);
    let (examples, batches) = (after.0 - before.0, after.1 - before.1);
    assert_eq!(examples, 160);
    assert!(examples as f64 / batches as f64 > 2.0, "{examples} examples in {batches} batches");
    // All in one request, more than a batch holds, in order; as files as well.
    let whole = world.predict("squares", images.iter().map(|image| pixels(image)).collect()).await.unwrap();
    assert_near(&probabilities(&whole), &alone);
    let png = |image: &[u8]| {
        let mut bytes = std::io::Cursor::new(Vec::new());
        let picture = image::GrayImage::from_raw(28, 28, image.to_vec()).unwrap();
        picture.write_to(&mut bytes, image::ImageFormat::Png).unwrap();
        bytes.into_inner()
    };
    let texts =
        images.iter().map(|image| json!(base64::engine::general_purpose::STANDARD.encode(png(image))));
    assert_near(&probabilities(&world.predict("squares", texts.collect()).await.unwrap()), &alone);
    let body = PredictInput::Image(png(&images[5]).into());
    let one = world.inference.predict("squares", &VersionRef::latest(), body).await.unwrap();
    assert_near(&probabilities(&one), &alone[20..24]);
}

/// Examples and batches so far.
fn counts(inference: &Inference) -> (u64, u64) {
    let registry = prometheus::Registry::new();
    inference.metrics().register(&registry).unwrap();
    let sum = |name: &str| {
        let families = registry.gather();
        let family = families.iter().find(|family| family.name() == name);
        family.map_or(0.0, |family| {
            family.get_metric().iter().map(|metric| metric.get_counter().get_value()).sum()
        })
    };
    (sum("nv_inference_count") as u64, sum("nv_inference_exec_count") as u64)
}

fn perceptron(name: &str, epochs: u32) -> Value {
    json!({
        "name": name,
        "resources": {"device": "cpu"},
        "training": {
            "method": "supervised",
            "dataset": {"name": "points", "target": "y", "transforms": []},
            "model": {"layers": [{"type": "dense", "units": 1, "activation": "sigmoid",
                "kernel_initializer": {"type": "constant", "value": [[3.0], [-2.0]]},
                "bias_initializer": {"type": "constant", "value": 1.0}}]},
            "loss": "mean_squared_error",
            "optimizer": "sgd",
            "epochs": epochs
        }
    })
}

const POINTS: &str = "x1,x2,y\n-1,2,0\n2,-1,1\n0.5,0.25,0.5\n1,1,1\n0,0,0\n3,1,1\n";

#[tokio::test]
async fn numbers_are_answered_as_they_are_and_mistakes_by_their_places() {
    let world = World::new(config::Inference { request_examples: 4, ..config::Inference::default() }).await;
    let set = world.add_csv("points", POINTS).await;
    world.train(&[&set], &perceptron("perceptron", 0)).await;
    let answer = world.predict("perceptron", json!([{"x1": -1, "x2": 2}, [-1, "2"]])).await.unwrap();
    let predictions = answer["predictions"].as_array().unwrap();
    assert_eq!(predictions[0], predictions[1]);
    let value = predictions[0]["value"].as_f64().unwrap();
    assert!((value - 0.002_473).abs() < 1e-6, "{value}");
    // The shortest text of the 32-bit float, and not of the double beside it.
    assert!(predictions[0]["value"].to_string().len() <= 13, "{}", predictions[0]["value"]);

    let refused = world.predict("perceptron", json!([{"x1": "?", "x2": 2}, {"x1": 1, "x3": 1}])).await;
    let Err(InferenceError::Refused(errors)) = refused else { panic!("{refused:?}") };
    let places: Vec<&str> = errors.iter().map(|error| error.pointer.as_str()).collect();
    assert_eq!(places, ["/inputs/0/x1", "/inputs/1/x3", "/inputs/1/x2"], "{errors}");
    let nothing = world.predict("perceptron", json!([])).await;
    assert!(matches!(nothing, Err(InferenceError::Refused(_))));
    let many = world.predict("perceptron", json!([[1, 2], [1, 2], [1, 2], [1, 2], [1, 2]])).await;
    assert!(matches!(many, Err(InferenceError::TooManyExamples { found: 5, limit: 4 })));
    let typo = PredictInput::Json(json!({"input": []}));
    let typo = world.inference.predict("perceptron", &VersionRef::latest(), typo).await;
    assert!(typo.unwrap_err().to_string().contains("did you mean \"inputs\"?"));
    let picture = PredictInput::Image(vec![1, 2, 3].into());
    let picture = world.inference.predict("perceptron", &VersionRef::latest(), picture).await;
    assert!(matches!(picture, Err(InferenceError::Refused(_))));
    assert!(matches!(world.predict("percepton", json!([])).await, Err(InferenceError::UnknownModel { .. })));
    let body = PredictInput::Json(json!({"inputs": []}));
    let unknown = world.inference.predict("perceptron", &VersionRef::Number(7), body).await;
    assert!(matches!(unknown, Err(InferenceError::UnknownVersion { .. })));
}

#[tokio::test]
async fn the_next_request_finds_the_version_that_is_named_now() {
    let world = World::new(config::Inference::default()).await;
    let set = world.add_csv("points", POINTS).await;
    let version = async |alias: &str| {
        let body = PredictInput::Json(json!({"inputs": [[1, 2]]}));
        world
            .inference
            .predict("p", &VersionRef::parse(alias), body)
            .await
            .map(|answer| answer["version"].clone())
    };
    assert_eq!(world.train(&[&set], &perceptron("p", 0)).await, 1);
    assert_eq!(version("latest").await.unwrap(), 1);
    assert_eq!(world.train(&[&set], &perceptron("p", 1)).await, 2);
    assert_eq!(version("latest").await.unwrap(), 2);
    world.store.set_alias("p", "best", 1).await.unwrap();
    assert_eq!(version("best").await.unwrap(), 1);
    world.store.set_alias("p", "best", 2).await.unwrap();
    assert_eq!(version("best").await.unwrap(), 2);
    assert_eq!(world.inference.loaded().len(), 2);
    world.store.delete_model_version("p", "1").await.unwrap();
    world.inference.forget("p", 1).await;
    assert_eq!(world.inference.loaded(), [("p".into(), 2)]);
    assert!(matches!(version("1").await, Err(InferenceError::UnknownVersion { .. })));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_model_whose_files_are_gone_answers_no_request_and_loads_once_they_are_back() {
    let world = World::new(config::Inference::default()).await;
    let set = world.add_csv("points", POINTS).await;
    world.train(&[&set], &perceptron("p", 0)).await;
    let key = world.store.model_version("p", "1").await.unwrap().key;
    let weights = world.artifacts.local_path(&key).unwrap().join("weights.safetensors");
    let aside = world.folder.path().join("aside");
    std::fs::rename(&weights, &aside).unwrap();
    let calls = (0..8).map(|_| world.predict("p", json!([[1, 2]])));
    for answer in futures::future::join_all(calls).await {
        assert!(matches!(answer, Err(InferenceError::Internal(_))));
    }
    assert!(world.inference.loaded().is_empty());
    std::fs::rename(&aside, &weights).unwrap();
    let calls = (0..8).map(|_| world.predict("p", json!([[1, 2]])));
    assert!(futures::future::join_all(calls).await.iter().all(Result::is_ok));
    assert_eq!(world.inference.metrics().loads.get(), 1);
    assert_eq!(world.inference.loaded(), [("p".into(), 1)]);
}

#[tokio::test]
async fn models_that_do_not_fit_together_take_turns() {
    // Each holds its buffers, of 100,000 examples of two numbers.
    let settings =
        config::Inference { model_memory_mb: 3, max_batch_size: 100_000, ..config::Inference::default() };
    let world = World::new(settings).await;
    let set = world.add_csv("points", POINTS).await;
    for name in ["a", "b"] {
        world.train(&[&set], &perceptron(name, 0)).await;
    }
    for name in ["a", "b", "b", "a"] {
        world.predict(name, json!([[1, 2]])).await.unwrap();
        assert_eq!(world.inference.loaded(), [(name.into(), 1)]);
    }
}

#[tokio::test]
async fn a_model_is_evaluated_on_other_data_and_says_what_does_not_fit() {
    let world = World::new(config::Inference::default()).await;
    let set = world.add_csv("points", POINTS).await;
    world.add_csv("more", "x2,x1,truth,other\n2,-1,0.5,a\n1,1,,b\n0,0,0.25,a\n").await;
    world.add_csv("less", "x1,x2,y\nlow,1,0\nhigh,2,1\nlow,3,0\nlow,4,0\n").await;
    world.train(&[&set], &perceptron("p", 0)).await;
    let evaluate = async |body: Value| world.inference.evaluate("p", &VersionRef::latest(), &body).await;
    let sigmoid = |x: f64| 1.0 / (1.0 + (-x).exp());
    let own = evaluate(json!({})).await.unwrap();
    assert_eq!(own["dataset"], json!({"name": "points", "version": 1, "split": "all"}));
    assert_eq!(own["examples"], 6);
    let other = evaluate(json!({"dataset": {"name": "more", "target": "truth"}})).await.unwrap();
    assert_eq!(other["examples"], 2);
    let expected = f64::midpoint((sigmoid(-6.0) - 0.5).powi(2), (sigmoid(1.0) - 0.25).powi(2));
    let loss = other["metrics"]["loss"].as_f64().unwrap();
    assert!((loss - expected).abs() < 1e-6, "{loss} {expected}");
    for (body, place) in [
        (json!({"dataset": "mroe"}), "/dataset"),
        (json!({"dataset": "more", "version": 9}), "/version"),
        (json!({"dataset": {"name": "points", "split": "tets"}}), "/dataset/split"),
        (json!({"dataset": {"name": "more"}}), "/dataset/name"),
        (json!({"dataset": "more", "target": "other"}), "/target"),
        (json!({"dataset": "more", "target": ["truth", "x1"]}), "/target"),
        (json!({"dataset": "less"}), "/dataset"),
    ] {
        let refused = evaluate(body.clone()).await;
        let Err(InferenceError::Refused(errors)) = refused else { panic!("{body}: {refused:?}") };
        assert!(errors.iter().any(|error| error.pointer.as_str() == place), "{body}: {errors}");
    }
}

const GOODS: &str = "size,colour,fit,price,weight\n1,red,yes,10,1\n2,blue,no,20,2\n3,red,yes,30,3\n,green,no,40,4\n\
                     5,\"blue, dark\",yes,50,5\n6,red,no,60,6\n3,red,no,35,3\n4,blue,yes,35,4\n";

fn goods(name: &str, dataset: Value, rest: Value) -> Value {
    let mut training = json!({"method": "supervised", "optimizer": "sgd", "epochs": 0});
    training["dataset"] = dataset;
    training["dataset"]["name"] = json!("goods");
    for (key, value) in rest.as_object().unwrap() {
        training[key] = value.clone();
    }
    json!({"name": name, "resources": {"device": "cpu"}, "training": training})
}

/// A layer that answers nothing but its bias.
fn flat(units: u32, activation: &str, bias: f64) -> Value {
    json!({"type": "dense", "units": units, "activation": activation, "kernel_initializer": "zeros",
           "bias_initializer": {"type": "constant", "value": bias}})
}

#[tokio::test]
async fn every_kind_of_target_is_answered_in_its_own_words() {
    let world = World::new(config::Inference::default()).await;
    let set = world.add_csv("goods", GOODS).await;
    let row = json!([{"size": "", "colour": "mauve"}, {"size": 2, "colour": null}]);
    let input = json!(["size", "colour"]);

    let one = json!({"input": input, "target": "fit"});
    let model = json!({"layers": [flat(1, "sigmoid", 0.0)]});
    let body = goods("binary", one, json!({"model": model, "loss": "binary_cross_entropy"}));
    world.train(&[&set], &body).await;
    let answer = world.predict("binary", row.clone()).await.unwrap();
    assert_eq!(answer["predictions"][1]["probabilities"], json!({"no": 0.5, "yes": 0.5}));

    let price = json!({"input": input, "target": "price", "target_transform": "standardize"});
    let model = json!({"layers": [flat(1, "linear", 0.0)]});
    let body = goods("price", price, json!({"model": model, "loss": "mean_squared_error"}));
    world.train(&[&set], &body).await;
    let answer = world.predict("price", row.clone()).await.unwrap();
    assert_eq!(answer["predictions"], json!([{"value": 35.0}, {"value": 35.0}]));

    let both = json!({"input": input, "target": ["price", "weight"]});
    let model = json!({"layers": [flat(2, "linear", 0.1)]});
    let body = goods("both", both, json!({"model": model, "loss": "mean_squared_error"}));
    world.train(&[&set], &body).await;
    let answer = world.predict("both", row.clone()).await.unwrap();
    assert_eq!(answer["predictions"][0].to_string(), r#"{"price":{"value":0.1},"weight":{"value":0.1}}"#);

    let (mut colour, mut weight) = (flat(4, "softmax", 0.0), flat(1, "linear", 2.0));
    for (node, name) in [(&mut colour, "shade"), (&mut weight, "mass")] {
        node["name"] = json!(name);
        node["inputs"] = json!(["input"]);
    }
    let model = json!({"nodes": [colour, weight], "outputs": {"colour": "shade", "weight": "mass"}});
    let loss = json!({"colour": "categorical_cross_entropy", "weight": "mean_squared_error"});
    // The targets' order is not that of the outputs.
    let several = json!({"input": ["size"], "target": ["weight", "colour"]});
    world.train(&[&set], &goods("several", several, json!({"model": model, "loss": loss}))).await;
    let answer = world.predict("several", json!([[1], [null]])).await.unwrap();
    assert_eq!(answer["predictions"][1]["weight"], json!({"value": 2.0}));
    assert_eq!(
        answer["predictions"][0]["colour"],
        json!({"class": "blue", "probability": 0.25,
               "probabilities": {"blue": 0.25, "blue, dark": 0.25, "green": 0.25, "red": 0.25}})
    );
}
