//! Models over HTTP: versions and aliases, weights, predictions of images in every form, evaluation.

use axum::body::Body;
use axum::http::header;
use base64::Engine as _;
use image::{DynamicImage, ImageFormat};
use safetensors::SafeTensors;
use serde_json::{Value, json};

use crate::support::bodies::{IRIS, cnn, iris};
use crate::support::{Answer, Server, alone, idx, request, server};

const IMAGES: u32 = 64;

/// A server with images in it, and a CNN that has learned them.
async fn with_squares() -> Server {
    let server = server().await;
    let images = idx::squares(IMAGES);
    let files = [idx::files("train-", &images), idx::files("t10k-", &images[..16])].concat();
    server.upload("name=squares&format=idx", idx::tar(&files)).await.expect(201);
    let job = server.train(&cnn("squares", 12)).await;
    assert!(job["metrics"]["test_accuracy"].as_f64().unwrap() > 0.9, "{}", job["metrics"]);
    server
}

async fn predict(server: &Server, inputs: Value) -> Answer {
    server.post("/v1/models/squares/predict", &json!({"inputs": inputs})).await
}

/// Rows of pixels.
fn pixels(image: &[u8]) -> Value {
    image.chunks(8).map(|row| json!(row)).collect()
}

fn picture(image: &[u8]) -> DynamicImage {
    image::GrayImage::from_raw(8, 8, image.to_vec()).unwrap().into()
}

fn encoded(picture: &DynamicImage, format: ImageFormat) -> Vec<u8> {
    let mut bytes = std::io::Cursor::new(Vec::new());
    picture.write_to(&mut bytes, format).unwrap();
    bytes.into_inner()
}

fn text(bytes: &[u8]) -> String {
    base64::engine::general_purpose::STANDARD.encode(bytes)
}

/// A job on a table of `x` and others, every third row of which it is tested on.
fn table_job(name: &str, target: &Value, epochs: u64, loss: &str, activation: &str) -> Value {
    json!({"name": name, "seed": 5, "resources": {"device": "cpu"}, "training": {
        "method": "supervised",
        "dataset": {"name": name, "input": "x", "target": target, "test": {"every": 3, "offset": 1}},
        "model": {"layers": [{"type": "dense", "activation": activation}]},
        "loss": loss, "optimizer": {"type": "adam", "learning_rate": 0.1}, "batch_size": 8, "epochs": epochs}})
}

/// What a version gets wrong, and what it predicts for each row of `x`.
async fn mistakes_and_predictions(server: &Server, name: &str, x: Vec<i64>) -> (Value, Value) {
    let mistakes = server.get(&format!("/v1/models/{name}/versions/latest/mistakes")).await.expect(200);
    let inputs: Vec<Value> = x.into_iter().map(|x| json!({"x": x})).collect();
    let told = server.post(&format!("/v1/models/{name}/predict"), &json!({"inputs": inputs})).await;
    (mistakes, told.expect(200)["predictions"].clone())
}

fn rows(mistakes: &Value) -> Vec<usize> {
    mistakes["data"].as_array().unwrap().iter().map(|one| one["row"].as_u64().unwrap() as usize).collect()
}

fn probabilities(prediction: &Value) -> Vec<f64> {
    prediction["probabilities"].as_object().unwrap().values().map(|value| value.as_f64().unwrap()).collect()
}

#[track_caller]
fn assert_near(left: &Value, right: &Value, tolerance: f64) {
    let (left, right) = (probabilities(left), probabilities(right));
    assert!(left.len() == right.len() && !left.is_empty());
    for (a, b) in left.iter().zip(&right) {
        assert!((a - b).abs() <= tolerance, "{left:?} {right:?}");
    }
}

#[tokio::test]
async fn an_image_is_taken_in_every_form() {
    let _alone = alone().await;
    let server = with_squares().await;
    let images = idx::squares(IMAGES);
    let plain = predict(&server, json!([pixels(&images[2])])).await.expect(200);
    assert_eq!((&plain["model"], &plain["version"]), (&json!("squares"), &json!(1)));
    let expected = plain["predictions"][0].clone();
    assert_eq!(expected["class"], "2");
    assert_eq!(expected["probability"], expected["probabilities"]["2"]);

    let grey = picture(&images[2]);
    let send = async |bytes: Vec<u8>, media: &str| {
        let request =
            request("POST", "/v1/models/squares/versions/latest/predict").header(header::CONTENT_TYPE, media);
        server.ask(request, Body::from(bytes)).await
    };
    // Lossless and of any colour, the answer is the same; alpha that hides nothing changes nothing.
    let same = [
        grey.clone(),
        grey.to_rgb8().into(),
        grey.to_rgba8().into(),
        grey.to_luma_alpha8().into(),
        grey.to_rgb16().into(),
    ];
    for picture in same {
        let told = send(encoded(&picture, ImageFormat::Png), "image/png").await.expect(200);
        assert_near(&told["predictions"][0], &expected, 1e-6);
    }
    // Larger, smaller, of another shape, or with some loss, it is still the same square.
    for (width, height) in [(64, 64), (4, 4), (100, 9), (1_000, 1_000)] {
        let other = grey.resize_exact(width, height, image::imageops::FilterType::Nearest);
        for (format, media) in [(ImageFormat::Png, "image/png"), (ImageFormat::Jpeg, "image/jpeg")] {
            let told = send(encoded(&other, format), media).await.expect(200);
            assert_eq!(told["predictions"][0]["class"], "2", "{width} by {height}");
        }
    }
    let png = encoded(&grey, ImageFormat::Png);
    let nested: Value =
        images[2].chunks(8).map(|row| row.iter().map(|pixel| json!([pixel])).collect::<Value>()).collect();
    let forms = [
        json!(text(&png)),
        json!(format!("data:image/png;base64,{}", text(&png))),
        json!({"image": text(&png)}),
        json!({"image": pixels(&images[2])}),
        json!([pixels(&images[2])]),
        nested,
    ];
    let told = predict(&server, json!(forms)).await.expect(200);
    for prediction in told["predictions"].as_array().unwrap() {
        assert_near(prediction, &expected, 1e-6);
    }
    // Many at once come back in their order.
    let all = predict(&server, images.iter().map(|image| pixels(image)).collect()).await.expect(200);
    for (number, prediction) in all["predictions"].as_array().unwrap().iter().enumerate() {
        assert_eq!(prediction["class"], (number % 4).to_string());
    }

    assert_eq!(send(b"hello".to_vec(), "image/png").await.pointers(), [""]);
    assert_eq!(send(png[..60].to_vec(), "image/png").await.pointers(), [""]);
    assert_eq!(send(Vec::new(), "image/png").await.status, 422);
    assert_eq!(send(png.clone(), "image/gif").await.status, 415);
    assert_eq!(send(png, "application/json").await.status, 400);
    for (inputs, places) in [
        (json!([pixels(&images[0]), "!!!"]), vec!["/inputs/1"]),
        (json!([text(b"GIF89a")]), vec!["/inputs/0"]),
        (json!([[[1, 2, 256]]]), vec!["/inputs/0/0/2"]),
        (json!([[[1, 2], [1]]]), vec!["/inputs/0/1"]),
        (json!([[1, 2, 3]]), vec!["/inputs/0"]),
        (json!([{"picture": [[1]]}]), vec!["/inputs/0/picture", "/inputs/0/image"]),
        (json!([]), vec!["/inputs"]),
        (json!("x"), vec!["/inputs"]),
    ] {
        let refused = predict(&server, inputs.clone()).await;
        assert_eq!((refused.status.as_u16(), refused.pointers()), (422, places), "{inputs}");
    }
    let typo = server.post("/v1/models/squares/predict", &json!({"input": [[[1]]]})).await;
    assert_eq!(typo.status, 422);
    assert!(typo.pointers().contains(&"/input"), "{}", typo.text());
    for missing in ["square/predict", "squares/versions/2/predict", "squares/versions/best/predict"] {
        server.post(&format!("/v1/models/{missing}"), &json!({"inputs": [1]})).await.expect(404);
    }
}

/// What Prometheus is told of the batcher: examples, and batches.
async fn counts(server: &Server) -> (f64, f64) {
    let metrics = server.get("/metrics").await;
    let sample = |name: &str| {
        let labels = r#"{model="squares",version="2"} "#;
        let line = metrics.text().lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(labels));
        line.map_or(0.0, |value| value.parse().unwrap())
    };
    (sample("nv_inference_count"), sample("nv_inference_exec_count"))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn clients_that_call_together_are_answered_as_one_by_one() {
    let _alone = alone().await;
    let server = std::sync::Arc::new(with_squares().await);
    // A network that takes longer than a request does: what waits for it is computed together.
    let mut wide = cnn("squares", 1);
    wide["training"]["model"]["layers"][0]["filters"] = json!(64);
    wide["training"]["model"]["layers"][3]["units"] = json!(2_048);
    server.train(&wide).await;
    let images = idx::squares(32);
    let mut expected = Vec::new();
    for image in &images {
        expected.push(predict(&server, json!([pixels(image)])).await.expect(200)["predictions"][0].clone());
    }
    let before = counts(&server).await;
    let clients = images.iter().zip(&expected).map(|(image, expected)| {
        let (server, inputs, expected) = (server.clone(), json!([pixels(image)]), expected.clone());
        tokio::spawn(async move {
            for _ in 0..30 {
                let told = predict(&server, inputs.clone()).await.expect(200);
                assert_near(&told["predictions"][0], &expected, 1e-6);
            }
        })
    });
    for client in futures::future::join_all(clients).await {
        client.unwrap();
    }
    let after = counts(&server).await;
    let (examples, batches) = (after.0 - before.0, after.1 - before.1);
    assert!((examples - 32.0 * 30.0).abs() < 0.5, "{examples}");
    assert!(examples / batches > 2.0, "{examples} examples in {batches} batches");
}

#[tokio::test]
async fn versions_are_named_by_number_and_by_alias() {
    let _alone = alone().await;
    let server = server().await;
    server.add_csv("iris", IRIS).await;
    for epochs in 1..=3 {
        server.train(&iris(epochs)).await;
    }
    let model = server.get("/v1/models/iris").await.expect(200);
    assert_eq!(
        (&model["latest"], &model["versions"], &model["aliases"]),
        (&json!(3), &json!([3, 2, 1]), &json!({"latest": 3}))
    );
    assert_eq!(server.get("/v1/models").await.expect(200)["data"], json!([model]));
    let alias = async |alias: &str, version: Value| {
        server.send("PUT", &format!("/v1/models/iris/aliases/{alias}"), &json!({"version": version})).await
    };
    let put = alias("production", json!(1)).await.expect(200);
    assert_eq!(put["aliases"], json!({"latest": 3, "production": 1}));
    assert_eq!(alias("latest", json!(1)).await.status, 409);
    for refused in ["12", "007", "Prod", "-x", "a%20b", &"a".repeat(64)] {
        assert_eq!(alias(refused, json!(1)).await.status, 400, "{refused}");
    }
    assert_eq!(alias("v1.0", json!(2)).await.status, 200);
    assert_eq!(alias("x", json!(9)).await.status, 404);
    assert_eq!(alias("x", json!("1")).await.pointers(), ["/version"]);
    assert_eq!(
        server.send("PUT", "/v1/models/iris/aliases/x", &json!({"vers": 1})).await.pointers(),
        ["/vers", "/version"]
    );
    assert_eq!(server.send("PUT", "/v1/models/rose/aliases/x", &json!({"version": 1})).await.status, 404);

    let row = json!({"inputs": [[5.1, 3.5, 1.4, 0.2]]});
    let called = async |version: &str| {
        server.post(&format!("/v1/models/iris/versions/{version}/predict"), &row).await.expect(200)["version"]
            .clone()
    };
    assert_eq!(called("production").await, 1);
    assert_eq!(called("latest").await, 3);
    assert_eq!(server.post("/v1/models/iris/predict", &row).await.expect(200)["version"], 3);
    alias("production", json!(2)).await.expect(200);
    assert_eq!(called("production").await, 2);
    let shown = server.get("/v1/models/iris/versions/production").await.expect(200);
    assert_eq!((&shown["version"], &shown["aliases"]), (&json!(2), &json!(["production", "v1.0"])));

    // What an alias points at is kept; `latest` goes back to what is left.
    let refused = server.delete("/v1/models/iris/versions/2").await;
    assert!(refused.status == 409 && refused.detail().contains("production"), "{}", refused.detail());
    assert_eq!(server.delete("/v1/models/iris/versions/3").await.status, 204);
    assert_eq!(server.get("/v1/models/iris").await.expect(200)["latest"], 2);
    assert_eq!(called("latest").await, 2);
    server.get("/v1/models/iris/versions/3").await.expect(404);
    server.get("/v1/models/iris/versions/3/weights").await.expect(404);
    // An alias is taken away again, and a number is never given twice.
    server.delete("/v1/models/iris/aliases/latest").await.expect(409);
    assert_eq!(server.delete("/v1/models/iris/aliases/production").await.status, 204);
    server.delete("/v1/models/iris/aliases/production").await.expect(404);
    assert_eq!(server.train(&iris(1)).await["model"]["version"], 4);
    for version in ["1", "4"] {
        assert_eq!(server.delete(&format!("/v1/models/iris/versions/{version}")).await.status, 204);
    }
    assert_eq!(server.delete("/v1/models/iris/aliases/v1.0").await.status, 204);
    assert_eq!(server.delete("/v1/models/iris/versions/latest").await.status, 204);
    server.get("/v1/models/iris").await.expect(404);
    assert_eq!(server.get("/v1/models").await.expect(200)["data"], json!([]));
    server.post("/v1/models/iris/predict", &row).await.expect(404);
}

#[tokio::test]
async fn equal_specs_make_equal_weights_named_in_the_order_of_the_plan() {
    let _alone = alone().await;
    let server = with_squares().await;
    let weights = async |version: u32| {
        let uri = format!("/v1/models/squares/versions/{version}/weights");
        server.ask(request("GET", &uri), Body::empty()).await
    };
    let first = weights(1).await;
    server.train(&cnn("squares", 12)).await;
    let again = weights(2).await;
    assert!(first.bytes == again.bytes && first.header("etag") == again.header("etag"));
    let mut other = cnn("squares", 12);
    other["seed"] = json!(4);
    server.train(&other).await;
    assert!(weights(3).await.bytes != first.bytes);

    let (_, header) = SafeTensors::read_metadata(&first.bytes).unwrap();
    assert!(header.metadata().is_none());
    let length = u64::from_le_bytes(first.bytes[..8].try_into().unwrap()) as usize;
    let names: serde_json::Map<String, Value> = serde_json::from_slice(&first.bytes[8..8 + length]).unwrap();
    let order: Vec<&str> = names.keys().map(String::as_str).collect();
    assert_eq!(
        order,
        ["conv2d.kernel", "conv2d.bias", "dense.kernel", "dense.bias", "dense_1.kernel", "dense_1.bias"]
    );
    let version = server.get("/v1/models/squares/versions/1").await.expect(200);
    assert_eq!(
        (&version["bytes"], &version["sha256"]),
        (&json!(first.bytes.len()), &json!(first.header("etag").trim_matches('"')))
    );
    assert_eq!(version["inputs"][0]["shape"], json!([1, 8, 8]));
    assert_eq!(version["spec"]["training"]["model"]["layers"][0]["name"], "conv2d");

    let uri = "/v1/models/squares/versions/1/weights";
    let part = server.ask(request("GET", uri).header(header::RANGE, "bytes=8-15"), Body::empty()).await;
    assert_eq!((part.status.as_u16(), &part.bytes[..]), (206, &first.bytes[8..16]));
    let known = request("GET", uri).header(header::IF_NONE_MATCH, first.header("etag"));
    assert_eq!(server.ask(known, Body::empty()).await.status, 304);
    let behind = request("GET", uri).header(header::RANGE, "bytes=99999999-");
    assert_eq!(server.ask(behind, Body::empty()).await.status, 416);
}

#[tokio::test]
async fn a_version_is_evaluated_on_other_splits_and_sets() {
    let _alone = alone().await;
    let server = with_squares().await;
    let uri = "/v1/models/squares/versions/1/evaluate";
    let own = server.post(uri, &json!({})).await.expect(200);
    assert_eq!(own["dataset"], json!({"name": "squares", "version": 1, "split": "test"}));
    let version = server.get("/v1/models/squares/versions/1").await.expect(200);
    let near = |a: &Value, b: &Value| (a.as_f64().unwrap() - b.as_f64().unwrap()).abs() < 1e-5;
    assert!(near(&own["metrics"]["loss"], &version["metrics"]["test_loss"]), "{own} {}", version["metrics"]);
    let train =
        server.post(uri, &json!({"dataset": {"name": "squares", "split": "train"}})).await.expect(200);
    assert_eq!((&train["examples"], &train["dataset"]["split"]), (&json!(IMAGES), &json!("train")));
    let more = idx::tar(&idx::files("", &idx::squares(24)));
    server.upload("name=more&format=idx", more).await.expect(201);
    let more = server.post(uri, &json!({"dataset": "more"})).await.expect(200);
    assert_eq!(
        (&more["examples"], &more["dataset"]),
        (&json!(24), &json!({"name": "more", "version": 1, "split": "all"}))
    );
    server.add_csv("iris", IRIS).await;
    for (body, place) in [
        (json!({"dataset": "moer"}), "/dataset"),
        (json!({"dataset": {"name": "more", "version": 7}}), "/dataset/version"),
        (json!({"dataset": {"name": "squares", "split": "tset"}}), "/dataset/split"),
        (json!({"dataset": "iris"}), "/dataset"),
        (json!({"set": "more"}), "/set"),
        (json!([]), ""),
    ] {
        let refused = server.post(uri, &body).await;
        assert!(refused.status == 422 && refused.pointers().contains(&place), "{body}: {}", refused.text());
    }
    server.post("/v1/models/squares/versions/9/evaluate", &json!({})).await.expect(404);
}

/// Several targets of nought and one under one loss: each is answered as a class, whatever kind its column was given.
#[tokio::test]
async fn several_yes_or_no_targets_are_answered_as_classes() {
    let _alone = alone().await;
    let server = server().await;
    let row = |x: i64| format!("{x},{},{}\n", i64::from(x > 0), i64::from(x.abs() > 10));
    let table: String = (-20..=20).map(row).collect();
    let uri = "name=signs&format=csv&types=%22far,+out%22:category";
    server.upload(uri, format!("x,positive,\"far, out\"\n{table}")).await.expect(201);
    let job = json!({"name": "signs", "seed": 3, "resources": {"device": "cpu"}, "training": {
        "method": "supervised", "dataset": {"name": "signs", "target": ["positive", "far, out"]},
        "model": {"layers": [
            {"type": "dense", "units": 16, "activation": "tanh"}, {"type": "dense", "activation": "sigmoid"}]},
        "loss": "binary_cross_entropy", "optimizer": {"type": "adam", "learning_rate": 0.02},
        "metrics": ["accuracy"], "batch_size": 8, "epochs": 80}});
    let trained = server.train(&job).await;
    assert!(trained["metrics"]["accuracy"].as_f64().unwrap() > 0.9, "{}", trained["metrics"]);
    let answer =
        server.post("/v1/models/signs/predict", &json!({"inputs": [{"x": -19}, {"x": 5}]})).await.expect(200);
    let told = |row: usize, target: &str| answer["predictions"][row][target]["class"].clone();
    assert_eq!((told(0, "positive"), told(0, "far, out")), (json!("0"), json!("1")));
    assert_eq!((told(1, "positive"), told(1, "far, out")), (json!("1"), json!("0")));
    let sum: f64 = probabilities(&answer["predictions"][0]["positive"]).iter().sum();
    assert!((sum - 1.0).abs() < 1e-6);
}

#[tokio::test]
async fn the_surest_mistakes_of_a_classifier_come_first() {
    let _alone = alone().await;
    let server = server().await;
    let truth = |x: i64| if (x > 0) == (x % 5 == 0) { "low" } else { "high" };
    let row = |x: i64| format!("{x},{}\n", truth(x));
    let table: String = (-40..40).map(row).collect();
    server.add_csv("sides", &format!("x,side\n{table}")).await;
    server.train(&table_job("sides", &json!("side"), 20, "categorical_cross_entropy", "softmax")).await;
    let (told, predictions) = mistakes_and_predictions(&server, "sides", (-40..40).collect()).await;
    assert_eq!(told["dataset"], json!({"name": "sides", "version": 1, "split": "test"}));
    assert_eq!(told["targets"], json!(["side"]));
    let answer = |row: usize| (predictions[row]["class"].clone(), predictions[row]["probability"].clone());
    let mut wrong: Vec<usize> =
        (1..80).step_by(3).filter(|row| answer(*row).0 != truth(*row as i64 - 40)).collect();
    wrong.sort_by(|a, b| answer(*b).1.as_f64().unwrap().total_cmp(&answer(*a).1.as_f64().unwrap()));
    assert!(wrong.len() > 2, "{wrong:?}");
    assert_eq!((&told["examples"], &told["wrong"]), (&json!(27), &json!(wrong.len())));
    assert_eq!(rows(&told), wrong);
    for mistake in told["data"].as_array().unwrap() {
        let row = mistake["row"].as_u64().unwrap() as usize;
        let x = row as i64 - 40;
        assert_eq!(mistake["example"], json!({"x": x, "side": truth(x)}));
        assert_eq!((&mistake["truth"], &mistake["answer"]), (&json!(truth(x)), &answer(row).0));
        let (said, before) = (mistake["probability"].as_f64().unwrap(), answer(row).1.as_f64().unwrap());
        assert!((said - before).abs() < 1e-6, "{mistake} {before}");
        assert_eq!((&mistake["error"], &mistake["image"]), (&json!(null), &json!(null)));
    }

    let get = async |query: &str| server.get(&format!("/v1/models/sides/versions/1/mistakes?{query}")).await;
    assert_eq!(rows(&get("limit=2").await.expect(200)), wrong[..2]);
    let [train, all] = ["train", "all"].map(|split| format!("split={split}&limit=1"));
    let (train, all) = (get(&train).await.expect(200), get(&all).await.expect(200));
    assert_eq!((&train["examples"], &all["examples"]), (&json!(53), &json!(80)));
    let sum = train["wrong"].as_u64().unwrap() + wrong.len() as u64;
    assert_eq!(all["wrong"], sum);
    for (query, says) in [
        ("split=tset", "did you mean \"test\"?"),
        ("split=validation", "must be one of all, test, train"),
        ("limit=0", "from 1 to 100"),
        ("limit=101", "from 1 to 100"),
        ("most=3", "\"most\" is not a query parameter"),
    ] {
        let refused = get(query).await;
        assert!(refused.status == 400 && refused.detail().contains(says), "{query}: {}", refused.text());
    }
    server.get("/v1/models/sides/versions/7/mistakes").await.expect(404);
    server.delete("/v1/datasets/sides/versions/1").await.expect(204);
    let gone = get("").await;
    assert!(gone.status == 409 && gone.detail().contains("not there any more"), "{}", gone.text());
    server.add_csv("sides", "x,up\n1,no\n2,yes\n3,no\n").await;
    get("").await.expect(409);
}

#[tokio::test]
async fn a_mistake_of_several_answers_is_wrong_in_any() {
    let _alone = alone().await;
    let server = server().await;
    let truth = |x: i64| [x > 0, x.abs() < 10].map(|holds| if holds { "1" } else { "0" });
    let row = |x: i64| format!("{x},{}\n", truth(x).join(","));
    let table: String = (-30..30).map(row).collect();
    server.add_csv("signs", &format!("x,positive,small\n{table}")).await;
    let job = table_job("signs", &json!(["positive", "small"]), 10, "binary_cross_entropy", "sigmoid");
    server.train(&job).await;
    let (told, predictions) = mistakes_and_predictions(&server, "signs", (-30..30).collect()).await;
    // How sure the surest wrong answer of a row is, if there is one.
    let surest = |row: usize| {
        let wrong = ["positive", "small"].into_iter().zip(truth(row as i64 - 30));
        let wrong = wrong.filter(|(name, truth)| predictions[row][name]["class"] != *truth);
        wrong.map(|(name, _)| predictions[row][name]["probability"].as_f64().unwrap()).reduce(f64::max)
    };
    let mut wrong: Vec<(usize, f64)> =
        (1..60).step_by(3).filter_map(|row| Some((row, surest(row)?))).collect();
    wrong.sort_by(|a, b| b.1.total_cmp(&a.1));
    assert!(wrong.len() > 2 && wrong.len() < 20, "{wrong:?}");
    assert_eq!(rows(&told), wrong.iter().map(|(row, _)| *row).collect::<Vec<_>>());
    for (mistake, (row, probability)) in told["data"].as_array().unwrap().iter().zip(wrong) {
        let [positive, small] = truth(row as i64 - 30);
        assert_eq!(mistake["truth"], json!({"positive": positive, "small": small}));
        for name in ["positive", "small"] {
            assert_eq!(mistake["answer"][name], predictions[row][name]["class"]);
        }
        assert!((mistake["probability"].as_f64().unwrap() - probability).abs() < 1e-6, "{mistake}");
    }
}

#[tokio::test]
async fn numbers_are_told_by_how_far_off_they_are() {
    let _alone = alone().await;
    let server = server().await;
    let truth = |x: i64| if x == -7 { 200 } else { 3 * x + 1 };
    let row = |x: i64| format!("{x},{}\n", truth(x));
    let table: String = (-20..20).map(row).collect();
    server.add_csv("lines", &format!("x,y\n{table}")).await;
    let mut job = table_job("lines", &json!("y"), 10, "mean_squared_error", "linear");
    job["training"]["dataset"]["target_transform"] = json!("standardize");
    server.train(&job).await;
    let (told, predictions) = mistakes_and_predictions(&server, "lines", (-20..20).collect()).await;
    let error =
        |row: usize| (predictions[row]["value"].as_f64().unwrap() - truth(row as i64 - 20) as f64).abs();
    let mut expected: Vec<usize> = (1..40).step_by(3).collect();
    expected.sort_by(|a, b| error(*b).total_cmp(&error(*a)));
    assert_eq!((&told["examples"], &told["wrong"]), (&json!(13), &json!(null)));
    assert_eq!(rows(&told), expected);
    assert_eq!(told["data"][0]["example"], json!({"x": -7, "y": 200}));
    for (mistake, row) in told["data"].as_array().unwrap().iter().zip(expected) {
        assert_eq!(mistake["truth"], truth(row as i64 - 20) as f64);
        assert!((mistake["error"].as_f64().unwrap() - error(row)).abs() < 1e-3, "{mistake}");
        assert_eq!(mistake["probability"], json!(null));
    }
}

#[tokio::test]
async fn mistakes_are_shown_by_their_images() {
    let _alone = alone().await;
    let server = server().await;
    let images = idx::squares(IMAGES);
    let files = [idx::files("train-", &images), idx::files("t10k-", &images[..16])].concat();
    server.upload("name=squares&format=idx", idx::tar(&files)).await.expect(201);
    server.train(&cnn("squares", 1)).await;
    let told = server.get("/v1/models/squares/versions/1/mistakes").await.expect(200);
    assert_eq!(told["dataset"]["split"], "test");
    let mistakes = told["data"].as_array().unwrap();
    assert!(!mistakes.is_empty() && told["wrong"] == mistakes.len() && told["examples"] == 16, "{told}");
    for mistake in mistakes {
        // The test part stands behind the training part.
        let number = mistake["row"].as_u64().unwrap() as usize - images.len();
        let address = mistake["image"].as_str().unwrap();
        assert_eq!(mistake["example"]["image"], address);
        let png = server.get(address).await;
        assert_eq!((png.status.as_u16(), png.header("content-type")), (200, "image/png"));
        let predicted = predict(&server, json!([pixels(&images[number])])).await.expect(200);
        assert_eq!(mistake["answer"], predicted["predictions"][0]["class"]);
        assert_eq!(mistake["truth"], (number % 4).to_string());
        assert_ne!(mistake["answer"], mistake["truth"]);
    }
}
