//! What a job may be made of, as it is listed: the example of each component stands in a body that the server takes, and
//! the schema of a job takes the bodies that the server takes.

use serde_json::{Value, json};

use crate::support::bodies::iris;
use crate::support::schema::mistakes;
use crate::support::{Server, example, examples, idx, mnist, server};

const TABLE: &str = "number,share,yes,when,kind\n1,0.5,0,2024-01-05,a\n2,0.25,1,2024-02-06,b\n3.5,0.75,0,2024-01-07,a\n\
                     4,0.1,1,2024-05-08,b\n5,0.9,0,2024-07-09,c\n6.5,0.3,1,2024-11-10,c\n";

/// A server with flowers, digits, pictures in colour and a small table of all kinds of columns.
async fn stocked() -> Server {
    let server = server().await;
    server.add_csv("iris", crate::support::bodies::IRIS).await;
    server.add_csv("table", TABLE).await;
    server.upload("name=mnist&format=idx", mnist::archive(64, 32)).await.expect(201);
    server.upload("name=colours&format=images", colours()).await.expect(201);
    server
}

/// Two pictures in colour of each of two classes.
fn colours() -> Vec<u8> {
    let picture = |shade: u8| {
        let pixel = |x: u32, y: u32| image::Rgb([shade, x as u8 * 20, y as u8 * 20]);
        let mut file = std::io::Cursor::new(Vec::new());
        image::RgbImage::from_fn(8, 8, pixel).write_to(&mut file, image::ImageFormat::Png).unwrap();
        file.into_inner()
    };
    let names = ["red/1.png", "red/2.png", "blue/1.png", "blue/2.png"];
    let files = names.map(|name| (name.to_owned(), picture(if name.starts_with("red") { 250 } else { 5 })));
    idx::tar(&files.to_vec())
}

fn job(training: Value) -> Value {
    let mut body = json!({"name": "a-job", "training": training});
    body["training"]["method"] = json!("supervised");
    body
}

fn classifier(dataset: &str, layers: Value) -> Value {
    let target = if dataset == "iris" { "species" } else { "label" };
    job(json!({"dataset": {"name": dataset, "target": target}, "model": {"layers": layers},
               "loss": "categorical_cross_entropy"}))
}

/// The network of one layer on a row, an image, a sequence, and two rows.
fn with_layer(layer: &Value) -> Vec<Value> {
    let head = json!({"type": "dense", "activation": "softmax"});
    let mut two = layer.clone();
    two["name"] = json!("own");
    two["inputs"] = json!(["a", "b"]);
    let graph = json!({"nodes": [
        {"name": "a", "type": "dense", "units": 3, "inputs": ["input"]},
        {"name": "b", "type": "dense", "units": 3, "inputs": ["input"]},
        two, {"type": "dense", "activation": "softmax", "inputs": ["own"]}]});
    let mut merged = classifier("iris", json!([]));
    merged["training"]["model"] = graph;
    vec![
        classifier("iris", json!([layer, head])),
        classifier("mnist", json!([layer, "flatten", head])),
        classifier("mnist", json!([{"type": "reshape", "target_shape": [28, 28]}, layer, "flatten", head])),
        merged,
    ]
}

/// Bodies in which a component may stand: it has to fit one of them.
fn bodies(kind: &str, example: &Value) -> Vec<Value> {
    let dense = |field: &str| {
        let layer = json!({"type": "dense", "activation": "softmax", field: example});
        vec![classifier("iris", json!([layer]))]
    };
    let changed = |field: &str, value: Value| {
        let mut body = iris(1);
        body["training"]["dataset"]["validation"] = json!({"fraction": 0.2});
        body["training"][field] = value;
        body
    };
    let table = |target: &str, activation: &str, members: Value| {
        let mut training = json!({
            "dataset": {"name": "table", "input": "share", "target": target},
            "model": {"layers": [{"type": "dense", "activation": activation}]}, "loss": "mean_squared_error"});
        training.as_object_mut().unwrap().extend(members.as_object().unwrap().clone());
        job(training)
    };
    let pair = json!({"name": "table", "input": "number", "target": ["share", "yes"]});
    match kind {
        "layer" | "activation" | "block" => with_layer(example),
        "initializer" => dense("kernel_initializer"),
        "regularizer" => dense("kernel_regularizer"),
        "constraint" => dense("kernel_constraint"),
        "loss" => vec![
            changed("loss", example.clone()),
            table("yes", "softmax", json!({"loss": example, "dataset": pair})),
            table("yes", "linear", json!({"loss": example, "dataset": pair})),
            table("yes", "sigmoid", json!({"loss": example})),
            table("yes", "tanh", json!({"loss": example})),
            table("number", "linear", json!({"loss": example})),
            table("number", "softplus", json!({"loss": example})),
        ],
        "optimizer" => vec![changed("optimizer", example.clone())],
        "schedule" => vec![changed("optimizer", json!({"type": "sgd", "learning_rate": example}))],
        "metric" => vec![
            changed("metrics", json!([example])),
            table("number", "linear", json!({"metrics": [example]})),
            table("yes", "sigmoid", json!({"loss": "binary_cross_entropy", "metrics": [example]})),
        ],
        "transform" => {
            let listed = |columns: &str, steps: Value| json!([{"columns": [columns], "steps": steps}]);
            let on = |column: &str, steps: Value| {
                let mut body = table("yes", "sigmoid", json!({"loss": "binary_cross_entropy"}));
                body["training"]["dataset"]["input"] = json!([column]);
                body["training"]["dataset"]["transforms"] = listed(column, steps);
                body
            };
            let mut image =
                classifier("mnist", json!(["flatten", {"type": "dense", "activation": "softmax"}]));
            image["training"]["dataset"]["transforms"] = listed("image", json!([example]));
            vec![
                on("number", json!([example])),
                on("kind", json!([example])),
                on("kind", json!([example, "one_hot"])),
                on("when", json!([example])),
                image,
            ]
        }
        "augmentation" => ["mnist", "colours"]
            .map(|dataset| {
                let layers = json!(["flatten", {"type": "dense", "activation": "softmax"}]);
                let mut body = classifier(dataset, layers);
                body["training"]["augmentation"] = json!([example]);
                body
            })
            .to_vec(),
        other => panic!("{other} stands nowhere"),
    }
}

#[tokio::test]
async fn the_example_of_each_component_stands_in_a_body() {
    let server = stocked().await;
    let schema = server.get("/v1/schemas/job").await.expect(200);
    let listed = server.get("/v1/components").await.expect(200);
    let mut nowhere = Vec::new();
    for component in listed["data"].as_array().unwrap() {
        let (kind, name) = (component["kind"].as_str().unwrap(), &component["name"]);
        let mut refusals = Vec::new();
        let mut taken = false;
        for body in bodies(kind, &component["example"]) {
            let plan = server.post("/v1/plans", &body).await;
            if plan.status == 200 {
                assert_eq!(mistakes(&schema, &schema, &body), [""; 0], "{body}");
                assert_eq!(mistakes(&schema, &schema, &plan.body["spec"]), [""; 0], "{}", plan.body["spec"]);
                taken = true;
                break;
            }
            assert_eq!(plan.status, 422, "{}", plan.text());
            refusals.push(plan.text().to_owned());
        }
        if !taken {
            nowhere.push(format!("{kind} {name}: {}\n{}", component["example"], refusals.join("\n")));
        }
        assert!(!component["documentation"].as_str().unwrap().is_empty(), "{name} says nothing of itself");
    }
    assert!(nowhere.is_empty(), "{}", nowhere.join("\n"));
}

#[tokio::test]
async fn components_are_listed_by_kind() {
    let server = server().await;
    let optimizers = server.get("/v1/components?kind=optimizer").await.expect(200);
    let names: Vec<&Value> =
        optimizers["data"].as_array().unwrap().iter().map(|found| &found["name"]).collect();
    assert!(names.contains(&&json!("adam")) && names.iter().all(|name| *name != "dense"), "{names:?}");
    let refused = server.get("/v1/components?kind=optimiser").await;
    assert_eq!(refused.status, 400);
    assert!(refused.detail().contains("optimizer"), "{}", refused.detail());
}

#[tokio::test]
async fn the_schema_of_a_job_takes_the_examples_and_no_more() {
    let server = server().await;
    let schema = server.get("/v1/schemas/job").await.expect(200);
    assert_eq!(schema["$schema"], "https://json-schema.org/draft/2020-12/schema");
    for entry in std::fs::read_dir(examples()).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_some_and(|extension| extension == "json") {
            let body = example(path.file_stem().unwrap().to_str().unwrap());
            assert_eq!(mistakes(&schema, &schema, &body), [""; 0], "{}", path.display());
        }
    }
    for (pointer, wrong) in [
        ("/training/optimizer", json!({"type": "adam", "rate": 1})),
        ("/training/loss", json!("cross_entropy")),
        ("/training/model/layers/0", json!({"type": "dense", "unit": 3})),
        ("/training/batch_size", json!(0)),
        ("/seed", json!("seven")),
    ] {
        let mut body = iris(1);
        *body.pointer_mut(pointer).unwrap() = wrong.clone();
        assert_ne!(mistakes(&schema, &schema, &body), [""; 0], "{pointer}: {wrong}");
    }
}
