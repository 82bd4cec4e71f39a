//! The Open Inference Protocol: what its clients send and rely on, in every form, beside what the other call of the same
//! models says.

use axum::body::Body;
use axum::http::StatusCode;
use serde_json::{Value, json};

use crate::support::bodies::{IRIS, cnn, iris};
use crate::support::{Answer, Server, alone, idx, request, server, server_with};

const HEADER_LENGTH: &str = "inference-header-content-length";

async fn flowers() -> Server {
    let server = server().await;
    server.add_csv("iris", IRIS).await;
    server.train(&iris(20)).await;
    server
}

fn columns() -> [&'static str; 4] {
    ["sepal_length_cm", "sepal_width_cm", "petal_length_cm", "petal_width_cm"]
}

async fn infer(server: &Server, model: &str, body: &Value) -> Answer {
    server.post(&format!("/v2/models/{model}/infer"), body).await
}

fn numbers(value: &Value) -> Vec<f64> {
    value.as_array().unwrap().iter().map(|number| number.as_f64().unwrap()).collect()
}

fn near(left: &[f64], right: &[f64]) {
    assert_eq!(left.len(), right.len());
    assert!(
        left.iter().zip(right).all(|(a, b)| (a - b).abs() < 1e-6 * b.abs().max(1.0)),
        "{left:?} {right:?}"
    );
}

#[tokio::test]
async fn the_server_and_its_models_say_what_they_are() {
    let _alone = alone().await;
    let server = flowers().await;
    assert_eq!(server.get("/v2/health/live").await.expect(200), json!({"live": true}));
    assert_eq!(server.get("/v2/health/ready").await.expect(200), json!({"live": true, "ready": true}));
    let about = server.get("/v2").await.expect(200);
    assert_eq!(about["name"], "lyceum");
    assert!(about["extensions"].as_array().unwrap().contains(&json!("binary_tensor_data")));
    let model = server.get("/v2/models/iris").await.expect(200);
    assert_eq!(
        model,
        json!({"name": "iris", "versions": ["1"], "platform": "lyceum",
            "inputs": [{"name": "input", "datatype": "FP32", "shape": [-1, 4]}],
            "outputs": [{"name": "probabilities", "datatype": "FP32", "shape": [-1, 3]},
                        {"name": "class", "datatype": "BYTES", "shape": [-1]}]})
    );
    assert_eq!(server.get("/v2/models/iris/versions/1").await.expect(200), model);
    for path in ["/v2/models/iris/ready", "/v2/models/iris/versions/1/ready"] {
        assert_eq!(server.get(path).await.expect(200)["ready"], true);
    }
    let config = server.get("/v2/models/iris/config").await.expect(200);
    assert_eq!(config["input"], json!([{"name": "input", "data_type": "TYPE_FP32", "dims": [4]}]));
    assert_eq!(config["output"][1], json!({"name": "class", "data_type": "TYPE_STRING", "dims": []}));
    let unknown = server.get("/v2/models/rose/ready").await;
    assert_eq!(unknown.status, StatusCode::NOT_FOUND);
    assert_eq!(unknown.body, json!({"error": "there is no model \"rose\""}));
}

#[tokio::test]
async fn rows_are_one_tensor_or_one_of_each_column() {
    let _alone = alone().await;
    let server = flowers().await;
    let rows = [[5.1, 3.5, 1.4, 0.2], [6.7, 3.1, 5.6, 2.4]];
    let said = server.post("/v1/models/iris/predict", &json!({"inputs": rows})).await.expect(200);
    let said: Vec<&Value> = said["predictions"].as_array().unwrap().iter().collect();
    let probabilities: Vec<f64> = said
        .iter()
        .flat_map(|one| {
            one["probabilities"].as_object().unwrap().values().map(|value| value.as_f64().unwrap())
        })
        .collect();
    let whole = json!({"id": "a1", "inputs": [
        {"name": "input", "shape": [2, 4], "datatype": "FP32", "data": rows}]});
    let answer = infer(&server, "iris", &whole).await.expect(200);
    assert_eq!(
        (&answer["model_name"], &answer["model_version"], &answer["id"]),
        (&json!("iris"), &json!("1"), &json!("a1"))
    );
    let outputs = answer["outputs"].as_array().unwrap();
    assert_eq!((&outputs[0]["name"], &outputs[0]["shape"]), (&json!("probabilities"), &json!([2, 3])));
    near(&numbers(&outputs[0]["data"]), &probabilities);
    assert_eq!(
        outputs[1],
        json!({"name": "class", "datatype": "BYTES", "shape": [2], "data": [said[0]["class"], said[1]["class"]]})
    );

    let each: Vec<Value> = columns()
        .iter()
        .enumerate()
        .map(|(at, name)| {
            let datatype = if at % 2 == 0 { "FP64" } else { "FP32" };
            json!({"name": name, "shape": [2, 1], "datatype": datatype, "data": [rows[0][at], rows[1][at]]})
        })
        .collect();
    let one = json!({"inputs": each, "outputs": [{"name": "probabilities"}]});
    let answer = infer(&server, "iris", &one).await.expect(200);
    assert_eq!(answer["outputs"].as_array().unwrap().len(), 1);
    near(&numbers(&answer["outputs"][0]["data"]), &probabilities);

    // Triton's classification: the greatest first, with their places and labels.
    let classified = json!({"inputs": whole["inputs"], "outputs": [
        {"name": "probabilities", "parameters": {"classification": 2}}]});
    let answer = infer(&server, "iris", &classified).await.expect(200);
    assert_eq!(answer["outputs"][0]["shape"], json!([2, 2]));
    let first = answer["outputs"][0]["data"][0].as_str().unwrap();
    assert!(first.ends_with(":0:setosa"), "{first}");
}

#[tokio::test]
async fn tensors_are_binary_behind_the_json_or_alone() {
    let _alone = alone().await;
    let server = server().await;
    let images = idx::squares(32);
    server.upload("name=squares&format=idx", idx::tar(&idx::files("train-", &images))).await.expect(201);
    server.train(&cnn("squares", 6)).await;
    let model = server.get("/v2/models/squares").await.expect(200);
    assert_eq!(model["inputs"], json!([{"name": "image", "datatype": "UINT8", "shape": [-1, 1, 8, 8]}]));
    let pixels = [images[1].as_slice(), images[2].as_slice()].concat();
    let plain =
        json!({"inputs": [{"name": "image", "shape": [2, 1, 8, 8], "datatype": "UINT8", "data": pixels}]});
    let plain = infer(&server, "squares", &plain).await.expect(200);
    let expected = numbers(&plain["outputs"][0]["data"]);
    assert_eq!(plain["outputs"][1]["data"], json!(["1", "2"]));

    let json = json!({"inputs": [{"name": "image", "shape": [2, 1, 8, 8], "datatype": "UINT8",
        "parameters": {"binary_data_size": pixels.len()}}],
        "outputs": [{"name": "probabilities", "parameters": {"binary_data": true}}, {"name": "class"}]})
    .to_string();
    let send = async |header: usize, body: Vec<u8>| {
        let request = request("POST", "/v2/models/squares/infer").header(HEADER_LENGTH, header.to_string());
        server.ask(request, Body::from(body)).await
    };
    let answer = send(json.len(), [json.as_bytes(), &pixels].concat()).await;
    near(&floats(&answer, 0), &expected);
    assert_eq!(head(&answer)["outputs"][1]["data"], json!(["1", "2"]));

    // A body of pixels alone: as many examples as they make.
    let answer = send(0, pixels.clone()).await;
    assert_eq!(head(&answer)["outputs"][0]["shape"], json!([2, 4]));
    near(&floats(&answer, 0), &expected);
    for (header, body) in
        [(0, vec![1, 2, 3]), (json.len(), json.clone().into_bytes()), (99_999, pixels.clone())]
    {
        let refused = send(header, body).await;
        assert_eq!(refused.status, StatusCode::BAD_REQUEST, "{}", refused.text());
    }
}

/// The JSON of an answer with binary tensors.
fn head(answer: &Answer) -> Value {
    assert_eq!(answer.status, StatusCode::OK, "{}", String::from_utf8_lossy(&answer.bytes));
    assert_eq!(answer.header("content-type"), "application/octet-stream");
    let length: usize = answer.header(HEADER_LENGTH).parse().unwrap();
    serde_json::from_slice(&answer.bytes[..length]).unwrap()
}

/// The numbers of an output, which stand behind those of the outputs before it.
fn floats(answer: &Answer, output: usize) -> Vec<f64> {
    let head = head(answer);
    let size =
        |at: usize| head["outputs"][at]["parameters"]["binary_data_size"].as_u64().unwrap_or(0) as usize;
    let from = answer.header(HEADER_LENGTH).parse::<usize>().unwrap() + (0..output).map(size).sum::<usize>();
    let (four, _) = answer.bytes[from..from + size(output)].as_chunks::<4>();
    four.iter().map(|bytes| f64::from(f32::from_le_bytes(*bytes))).collect()
}

#[tokio::test]
async fn categories_are_texts_and_numbers_are_in_their_own_unit() {
    let _alone = alone().await;
    let server = server().await;
    let line = |row: usize| {
        let (colour, size) = (["red", "blue"][row % 2], row % 10);
        let price = if colour == "red" { 1_000 + 10 * size } else { 3_000 + 10 * size };
        format!("{colour},{size},{price}\n")
    };
    let table: String = std::iter::once("colour,size,price\n".to_owned()).chain((0..60).map(line)).collect();
    server.add_csv("goods", &table).await;
    let body = json!({"name": "goods", "seed": 1, "training": {
        "method": "supervised", "dataset": {"name": "goods", "target": "price", "target_transform": "standardize"},
        "model": {"layers": [{"type": "dense", "name": "price"}]}, "loss": "mean_squared_error",
        "optimizer": {"type": "adam", "learning_rate": 0.1}, "epochs": 60}});
    server.train(&body).await;
    let model = server.get("/v2/models/goods").await.expect(200);
    assert_eq!(
        model["inputs"],
        json!([{"name": "colour", "datatype": "BYTES", "shape": [-1]}, {"name": "size", "datatype": "FP32", "shape": [-1]}])
    );
    assert_eq!(model["outputs"], json!([{"name": "price", "datatype": "FP32", "shape": [-1, 1]}]));
    let body = json!({"inputs": [
        {"name": "size", "shape": [2], "datatype": "INT64", "data": [4, 4]},
        {"name": "colour", "shape": [2], "datatype": "BYTES", "data": ["red", "blue"]}]});
    let answer = infer(&server, "goods", &body).await.expect(200);
    let prices = numbers(&answer["outputs"][0]["data"]);
    assert!((prices[0] - 1_040.0).abs() < 100.0 && (prices[1] - 3_040.0).abs() < 100.0, "{prices:?}");
    let same = server
        .post("/v1/models/goods/predict", &json!({"inputs": [{"colour": "red", "size": 4}]}))
        .await
        .expect(200);
    near(&prices[..1], &[same["predictions"][0]["value"].as_f64().unwrap()]);
}

#[tokio::test]
async fn what_is_wrong_is_told_in_the_protocols_form() {
    let _alone = alone().await;
    let server = flowers().await;
    let input = |name: &str, shape: Value, datatype: &str, data: Value| json!({"inputs": [{"name": name, "shape": shape, "datatype": datatype, "data": data}]});
    for (body, named) in [
        (json!({}), "inputs"),
        (json!({"inputs": []}), "inputs"),
        (input("input", json!([1, 4]), "FP32", json!([1, 2, 3])), "[1, 4]"),
        (input("input", json!([1, 3]), "FP32", json!([1, 2, 3])), "[4]"),
        (input("inputs", json!([1, 4]), "FP32", json!([1, 2, 3, 4])), "inputs"),
        (input("input", json!([1, 4]), "FP31", json!([1, 2, 3, 4])), "FP31"),
        (input("input", json!([1, 4]), "FP32", json!(["a", "b", "c", "d"])), "texts"),
        (input("input", json!([0, 4]), "FP32", json!([])), "no example"),
        (input("sepal_length_cm", json!([1]), "FP32", json!([5])), "sepal_width_cm"),
    ] {
        let refused = infer(&server, "iris", &body).await;
        assert_eq!(refused.status, StatusCode::BAD_REQUEST, "{body}");
        let error = refused.body["error"].as_str().unwrap();
        assert!(error.contains(named), "{body}: {error}");
    }
    let wanted = json!({"inputs": [{"name": "input", "shape": [1, 4], "datatype": "FP32", "data": [1, 2, 3, 4]}],
        "outputs": [{"name": "odds"}]});
    assert!(infer(&server, "iris", &wanted).await.body["error"].as_str().unwrap().contains("odds"));
    let text = server.ask(request("POST", "/v2/models/iris/infer"), Body::from("{")).await;
    assert_eq!(text.status, StatusCode::BAD_REQUEST);
    assert_eq!(infer(&server, "rose", &json!({"inputs": []})).await.status, StatusCode::NOT_FOUND);
    assert_eq!(server.get("/v2/models/iris/versions/9").await.status, StatusCode::NOT_FOUND);
    assert_eq!(server.get("/v2/nothing").await.body, json!({"error": "no resource has this address"}));
    // A deadline that is no number.
    let mut late = wanted.clone();
    late.as_object_mut().unwrap().remove("outputs");
    late["parameters"] = json!({"timeout": "never"});
    assert_eq!(infer(&server, "iris", &late).await.status, StatusCode::BAD_REQUEST);
}

/// Whoever waits no longer than a microsecond has no answer of a network that has first to be read, 67 MB of it.
#[tokio::test]
async fn a_deadline_that_passes_is_told() {
    let server = server().await;
    server.add_csv("iris", IRIS).await;
    let mut body = iris(0);
    let wide = json!({"type": "dense", "units": 4096, "activation": "relu"});
    body["training"]["model"]["layers"] = json!([wide, wide, {"type": "dense", "activation": "softmax"}]);
    server.train(&body).await;
    let mut asked =
        json!({"inputs": [{"name": "input", "shape": [1, 4], "datatype": "FP32", "data": [1, 2, 3, 4]}]});
    asked["parameters"] = json!({"timeout": 1});
    let late = infer(&server, "iris", &asked).await;
    assert_eq!(late.status, StatusCode::SERVICE_UNAVAILABLE);
    assert!(!late.header("retry-after").is_empty() && late.body["error"].is_string(), "{}", late.body);
    asked["parameters"] = json!({"timeout": 60_000_000});
    infer(&server, "iris", &asked).await.expect(200);
}

#[tokio::test]
async fn models_are_loaded_and_unloaded_and_counted() {
    let _alone = alone().await;
    let server = flowers().await;
    let empty = || request("POST", "/v2/repository/index");
    let index = server.ask(empty(), Body::empty()).await.expect(200);
    assert_eq!(index[0]["state"], "UNAVAILABLE");
    assert_eq!(server.post("/v2/repository/index", &json!({"ready": true})).await.expect(200), json!([]));
    let order = async |what: &str| {
        server.ask(request("POST", &format!("/v2/repository/models/{what}")), Body::empty()).await
    };
    assert_eq!(order("iris/load").await.expect(200), json!({}));
    let index = server.post("/v2/repository/index", &json!({"ready": true})).await.expect(200);
    assert_eq!(index, json!([{"name": "iris", "version": "1", "state": "READY", "reason": ""}]));
    let body =
        json!({"inputs": [{"name": "input", "shape": [3, 4], "datatype": "FP32", "data": vec![1; 12]}]});
    infer(&server, "iris", &body).await.expect(200);
    infer(&server, "iris", &body).await.expect(200);
    infer(&server, "iris", &json!({"inputs": []})).await.expect(400);
    for path in ["/v2/models/iris/stats", "/v2/models/iris/versions/1/stats", "/v2/models/stats"] {
        let stats = server.get(path).await.expect(200)["model_stats"][0].clone();
        assert_eq!((&stats["inference_count"], &stats["execution_count"]), (&json!(6), &json!(2)), "{path}");
        let counts = |what: &str| stats["inference_stats"][what]["count"].as_u64().unwrap();
        assert_eq!((counts("success"), counts("fail"), counts("compute_infer")), (2, 1, 2));
        assert!(stats["inference_stats"]["success"]["ns"].as_u64().unwrap() > 0);
        assert_eq!(stats["batch_stats"][0]["batch_size"], 3);
        assert!(stats["last_inference"].as_u64().unwrap() > 1_600_000_000_000);
    }
    assert_eq!(order("iris/unload").await.expect(200), json!({}));
    let index = server.post("/v2/repository/index", &json!({"ready": true})).await.expect(200);
    assert_eq!(index, json!([]));
    infer(&server, "iris", &body).await.expect(200);
    assert_eq!(order("rose/load").await.status, StatusCode::NOT_FOUND);
    assert_eq!(order("rose/unload").await.status, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn a_request_too_large_is_refused() {
    let _alone = alone().await;
    let server = server_with(|config| config.inference.request_examples = 4).await;
    server.add_csv("iris", IRIS).await;
    server.train(&iris(1)).await;
    let body =
        json!({"inputs": [{"name": "input", "shape": [5, 4], "datatype": "FP32", "data": vec![1; 20]}]});
    let refused = infer(&server, "iris", &body).await;
    assert_eq!(refused.status, StatusCode::PAYLOAD_TOO_LARGE);
    assert!(refused.body["error"].as_str().unwrap().contains("at most 4"));
}
