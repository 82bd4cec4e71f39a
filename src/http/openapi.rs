//! The contract: OpenAPI 3.1 from the handlers and their types, with what the types cannot say added here.

use serde_json::{Map, Value, json};
use utoipa::OpenApi;

use super::problem::{Form, Kind, PROBLEM_JSON, ProblemBody};
use super::{routes, session};
use crate::spec::{Field, JobSpec, report};
use crate::{clock, inference, store};

/// What stands around the routes.
#[derive(OpenApi)]
#[openapi(
    info(
        title = "Lyceum",
        description = "Training as a service: post a deep-learning job as JSON, watch it train, call the model.",
        license(name = "Apache-2.0", identifier = "Apache-2.0"),
    ),
    servers((url = "/", description = "This server.")),
    components(schemas(ProblemBody)),
    tags(
        (name = "datasets", description = "Named, versioned, immutable sets of examples."),
        (name = "jobs", description = "Training jobs, their runs and what they leave."),
        (name = "models", description = "Trained models, and calling them."),
        (name = "inference", description = "The Open Inference Protocol (KServe V2), as Triton's clients speak it."),
        (name = "keys", description = "Keys by which callers are known."),
        (name = "session", description = "How a browser signs in, since its streams of events can show no key."),
        (name = "operations", description = "Health and figures."),
        (name = "documentation", description = "This document."),
    )
)]
struct Frame;

/// Schemas that no type of Rust's describes: what `spec` knows of bodies, and forms of JSON that derive cannot say.
#[expect(clippy::too_many_lines, reason = "a table: one schema after the other")]
fn written_schemas() -> Vec<(&'static str, Value)> {
    let mut schemas = vec![
        ("JobSpec", JobSpec::schema()),
        ("JobChange", routes::JobChange::schema()),
        ("JobActions", routes::JobActions::schema()),
        ("NewKey", routes::NewKey::schema()),
        ("SignIn", routes::SignIn::schema()),
        ("Scope", described(store::Scope::schema(), "What a key allows.")),
        ("AliasTarget", routes::AliasTarget::schema()),
        ("Training", crate::train::plan::training_schema()),
        ("LearningRate", crate::train::plan::learning_rate_schema()),
        ("Plan", plan()),
        ("Components", components()),
        (
            "JobSchema",
            json!({"description": "A JSON Schema, draft 2020-12.", "type": "object", "required": ["$schema", "$defs"], "properties": {"$schema": {"type": "string"}}}),
        ),
        ("Evaluation", evaluation()),
        ("EvaluationBody", inference::Evaluation::schema()),
        ("JobStatus", described(store::JobStatus::schema(), "Where a job stands.")),
        ("RunStatus", described(store::RunStatus::schema(), "Where a run stands.")),
        ("Desired", described(store::Desired::schema(), "What was asked of a job and has not happened yet.")),
        ("Kind", described(crate::spec::dataset::Kind::schema(), "What a column holds.")),
        ("ErrorKind", described(report::ErrorKind::schema(), "The kinds of failure.")),
        (
            "Time",
            json!({"type": "string", "format": "date-time", "description": "RFC 3339 in UTC with microseconds.", "example": "2026-01-31T12:00:00.000000Z"}),
        ),
        (
            "Point",
            json!({
                "description": "Step, epoch (examples seen over examples in an epoch), time, and value (`null` where it is not finite).",
                "type": "array", "minItems": 4, "maxItems": 4,
                "prefixItems": [
                    {"type": "integer", "minimum": 0}, {"type": "number", "minimum": 0},
                    {"$ref": "#/components/schemas/Time"}, {"type": ["number", "null"]},
                ],
                "items": {"type": ["number", "string", "null"]},
                "example": [1500, 1.77, "2026-01-31T12:00:00.000000Z", 0.11],
            }),
        ),
        ("EventData", event_data()),
        ("ColumnStatistics", routes::column_schema()),
        (
            "Cell",
            json!({
                "description": "A value of the data set: a number, a text, nothing, or nested arrays of numbers.",
                "anyOf": [
                    {"type": ["number", "string", "boolean", "null"]},
                    {"type": "array", "items": {"$ref": "#/components/schemas/Cell"}},
                ],
            }),
        ),
        (
            "Example",
            json!({
                "description": "An example of a data set by column. An image is the address of a PNG.",
                "type": "object", "additionalProperties": {"$ref": "#/components/schemas/Cell"},
                "example": {"sepal_length": 5.1, "species": "setosa"},
            }),
        ),
        (
            "Answer",
            json!({
                "description": "A class or a number; where a model has several targets, an object of these by name.",
                "anyOf": [
                    {"type": ["string", "number", "null"]},
                    {"type": "object", "additionalProperties": {"type": ["string", "number", "null"]}},
                ],
                "example": "setosa",
            }),
        ),
        (
            "PredictBody",
            json!({
                "description": "The examples to predict for.",
                "type": "object", "required": ["inputs"], "additionalProperties": false,
                "properties": {"inputs": {
                    "description": "Each an object of named columns, an array in the order of the columns, or for images \
                                    base64 of a PNG or JPEG or nested arrays.",
                    "type": "array",
                    "items": {"anyOf": [{"$ref": "#/components/schemas/Example"}, {"$ref": "#/components/schemas/Cell"}]},
                }},
                "example": {"inputs": [{"sepal_length": 5.1, "sepal_width": 3.5, "petal_length": 1.4, "petal_width": 0.2}]},
            }),
        ),
        (
            "ClassPrediction",
            json!({
                "description": "The class that is most probable.",
                "type": "object", "required": ["class", "probability", "probabilities"], "additionalProperties": false,
                "properties": {
                    "class": {"type": "string"},
                    "probability": {"type": ["number", "null"], "description": "Of the class."},
                    "probabilities": {"type": "object", "additionalProperties": {"type": ["number", "null"]}, "description": "Of each class."},
                },
                "example": {"class": "setosa", "probability": 0.98, "probabilities": {"setosa": 0.98, "versicolor": 0.02, "virginica": 0.0}},
            }),
        ),
        (
            "NumberPrediction",
            json!({
                "description": "A number, or nested arrays of numbers.",
                "type": "object", "required": ["value"], "additionalProperties": false,
                "properties": {"value": {"$ref": "#/components/schemas/Cell"}},
                "example": {"value": 21.7},
            }),
        ),
        (
            "Prediction",
            json!({
                "description": "A class or a number; where a model has several targets or outputs, an object of these by name.",
                "anyOf": [
                    {"$ref": "#/components/schemas/ClassPrediction"},
                    {"$ref": "#/components/schemas/NumberPrediction"},
                    {"type": "object", "additionalProperties": {"anyOf": [
                        {"$ref": "#/components/schemas/ClassPrediction"}, {"$ref": "#/components/schemas/NumberPrediction"},
                    ]}},
                ],
            }),
        ),
        (
            "Predictions",
            json!({
                "description": "What a version answers to the examples, in their order.",
                "type": "object", "required": ["model", "version", "predictions"], "additionalProperties": false,
                "properties": {
                    "model": {"type": "string"}, "version": {"type": "integer", "minimum": 1},
                    "predictions": {"type": "array", "items": {"$ref": "#/components/schemas/Prediction"}},
                },
                "example": {"model": "iris", "version": 1, "predictions": [
                    {"class": "setosa", "probability": 0.98, "probabilities": {"setosa": 0.98, "versicolor": 0.02, "virginica": 0.0}}]},
            }),
        ),
    ];
    schemas.extend(crate::train::plan::network_schemas());
    schemas.extend(protocol_schemas());
    schemas
}

/// What the Open Inference Protocol says.
fn protocol_schemas() -> Vec<(&'static str, Value)> {
    let parameters = json!({
        "type": "object", "description": "What the protocol's extensions add.",
        "additionalProperties": {"type": ["string", "number", "boolean"]}});
    let object = json!({
        "type": "object",
        "additionalProperties": {"type": ["string", "number", "boolean", "array", "object", "null"], "items": {"$ref": "#/components/schemas/Cell"}, "properties": {}}});
    let datatype = json!({"type": "string", "description": "Of the elements.", "enum": [
        "BOOL", "UINT8", "UINT16", "UINT32", "UINT64", "INT8", "INT16", "INT32", "INT64", "FP16", "BF16", "FP32", "FP64",
        "BYTES"]});
    let shape = json!({"type": "array", "items": {"type": "integer", "minimum": 0}, "description": "The batch axis first."});
    let data = json!({"type": "array", "description": "The elements, row by row or nested.",
        "items": {"type": ["number", "string", "boolean", "array", "null"], "items": {"$ref": "#/components/schemas/Cell"}}});
    let tensor = |required: Value, datatype: Value| {
        json!({"type": "object", "required": required, "properties": {
            "name": {"type": "string"}, "shape": shape, "datatype": datatype, "parameters": parameters, "data": data}})
    };
    vec![
        (
            "InferBody",
            json!({
                "description": "The tensors to infer from.", "type": "object", "required": ["inputs"],
                "properties": {
                    "id": {"type": "string", "description": "Comes back with the answer."},
                    "inputs": {"type": "array", "minItems": 1, "items": tensor(json!(["name", "shape", "datatype"]), datatype.clone())},
                    "outputs": {"type": "array", "description": "Those that are wanted; without it all of them.", "items": {
                        "type": "object", "required": ["name"], "properties": {"name": {"type": "string"}, "parameters": parameters}}},
                    "parameters": parameters,
                },
                "example": {"inputs": [{"name": "input", "shape": [1, 4], "datatype": "FP32", "data": [5.1, 3.5, 1.4, 0.2]}]},
            }),
        ),
        (
            "Inferred",
            json!({
                "description": "What a version answered.", "type": "object",
                "required": ["model_name", "model_version", "outputs"], "additionalProperties": false,
                "properties": {
                    "model_name": {"type": "string"}, "model_version": {"type": "string"}, "id": {"type": "string"},
                    "outputs": {"type": "array", "items": tensor(json!(["name", "shape", "datatype"]), datatype)},
                },
                "example": {"model_name": "iris", "model_version": "1", "outputs": [
                    {"name": "probabilities", "datatype": "FP32", "shape": [1, 3], "data": [0.98, 0.02, 0.0]},
                    {"name": "class", "datatype": "BYTES", "shape": [1], "data": ["setosa"]}]},
            }),
        ),
        (
            "ModelConfig",
            json!({
                "description": "How a model is run, in the words of Triton's model configuration.", "type": "object",
                "required": ["name", "platform", "backend", "max_batch_size", "input", "output", "instance_group", "dynamic_batching"],
                "properties": {
                    "name": {"type": "string"}, "platform": {"type": "string"}, "backend": {"type": "string"},
                    "max_batch_size": {"type": "integer", "minimum": 1},
                    "input": {"type": "array", "items": object}, "output": {"type": "array", "items": object},
                    "instance_group": {"type": "array", "items": object}, "dynamic_batching": object,
                },
            }),
        ),
        (
            "IndexBody",
            json!({"description": "Which versions are meant.", "type": "object", "properties": {
                "ready": {"type": "boolean", "default": false, "description": "Those alone that are loaded."}}}),
        ),
        (
            "Done",
            json!({"description": "Nothing is left to say.", "type": "object", "additionalProperties": false, "example": {}}),
        ),
        (
            "RepositoryBody",
            json!({"description": "Nothing that has to be said.", "type": "object", "properties": {"parameters": parameters}}),
        ),
        (
            "InferenceError",
            json!({
                "description": "Why there is no answer, in the protocol's form.", "type": "object", "required": ["error"],
                "additionalProperties": false, "properties": {"error": {"type": "string"}},
                "example": {"error": "there is no model \"iris\""},
            }),
        ),
    ]
}

fn described(mut schema: Value, description: &str) -> Value {
    schema["description"] = json!(description);
    schema
}

/// What a plan answers.
fn plan() -> Value {
    let count = json!({"type": "integer", "minimum": 0});
    let names = json!({"type": "array", "items": {"type": "string"}});
    let object = |properties: Value| {
        let required: Vec<&String> = properties.as_object().into_iter().flat_map(Map::keys).collect();
        json!({"type": "object", "required": required, "additionalProperties": false, "properties": properties})
    };
    let node = object(json!({
        "name": {"type": "string"}, "type": {"type": "string"}, "inputs": names,
        "output_shape": {"type": "array", "items": count}, "parameters": count, "trainable": count,
    }));
    let mut plan = object(json!({
        "nodes": {"type": "array", "items": node},
        "parameters": object(json!({"total": count, "trainable": count})),
        "step": object(json!({
            "memory_bytes": {"type": "integer", "minimum": 0, "description": "Greatest use of memory while training."},
            "flops": {"type": "integer", "minimum": 0, "description": "Of a step, forward and backward; a multiply-add counts as two."},
        })),
        "steps_per_epoch": count,
        "rewrites": {"type": "array", "items": object(json!({"name": {"type": "string"}, "nodes": names}))},
        "warnings": names,
        "spec": {"$ref": "#/components/schemas/JobSpec"},
    }));
    plan["description"] =
        json!("What a job would be: its nodes in topological order, inputs first, and the canonical spec.");
    plan
}

/// What the list of components answers.
fn components() -> Value {
    json!({
        "description": "The components that a job may be made of, and the training methods.",
        "type": "object", "required": ["data", "methods"], "additionalProperties": false,
        "properties": {
            "data": {"type": "array", "items": {
                "type": "object", "required": ["kind", "name", "documentation", "schema", "example"],
                "additionalProperties": false,
                "properties": {
                    "kind": {"type": "string"}, "name": {"type": "string"},
                    "documentation": {"type": "string", "description": "Markdown: formula, shapes, source."},
                    "schema": {"type": "object", "required": ["type", "properties"], "properties": {"type": {"const": "object"}}, "description": "JSON Schema of the component as an object."},
                    "example": {"type": "object", "required": ["type"], "properties": {"type": {"type": "string"}}, "description": "As it may stand in a body."},
                },
            }},
            "methods": {"type": "array", "items": {"type": "string"}},
        },
    })
}

const SCHEMAS: &str = "#/components/schemas/";

/// JSON Schema of a job's body, with all that it refers to.
pub fn job_schema() -> Value {
    let schemas = written_schemas();
    let mut definitions = Map::new();
    let mut wanted = vec!["JobSpec".to_owned()];
    while let Some(name) = wanted.pop() {
        let Some((_, schema)) = schemas.iter().find(|(known, _)| *known == name) else { continue };
        if definitions.contains_key(&name) {
            continue;
        }
        let mut schema = schema.clone();
        rewrite(&mut schema, &mut |name| {
            wanted.push(name.to_owned());
            format!("#/$defs/{name}")
        });
        definitions.insert(name, schema);
    }
    let mut schema = definitions.shift_remove("JobSpec").unwrap_or_default();
    schema["$schema"] = json!("https://json-schema.org/draft/2020-12/schema");
    schema["title"] = json!("A job");
    schema["$defs"] = Value::Object(definitions);
    schema
}

/// Has what refers to this document refer to the schema of a job's body.
pub fn refer_to_job_schema(mut value: Value) -> Value {
    rewrite(&mut value, &mut |name| format!("/v1/schemas/job#/$defs/{name}"));
    value
}

/// Gives every reference to one of this document's schemas another address.
fn rewrite(value: &mut Value, address: &mut dyn FnMut(&str) -> String) {
    match value {
        Value::Object(members) => {
            for (member, value) in members {
                let name =
                    value.as_str().filter(|_| member == "$ref").and_then(|to| to.strip_prefix(SCHEMAS));
                match name.map(&mut *address) {
                    Some(address) => *value = address.into(),
                    None => rewrite(value, address),
                }
            }
        }
        Value::Array(items) => items.iter_mut().for_each(|item| rewrite(item, address)),
        _ => {}
    }
}

/// What an evaluation answers.
fn evaluation() -> Value {
    json!({
        "description": "Loss and metrics of a version on a part of a data set.",
        "type": "object", "required": ["model", "version", "dataset", "examples", "metrics"], "additionalProperties": false,
        "properties": {
            "model": {"type": "string"}, "version": {"type": "integer", "minimum": 1},
            "dataset": {
                "type": "object", "required": ["name", "version", "split"], "additionalProperties": false,
                "properties": {"name": {"type": "string"}, "version": {"type": "integer", "minimum": 1}, "split": {"type": "string"}},
            },
            "examples": {"type": "integer", "minimum": 0},
            "metrics": {"type": "object", "additionalProperties": {"type": ["number", "null"]}},
        },
        "example": {"model": "iris", "version": 1, "dataset": {"name": "iris", "version": 1, "split": "all"},
            "examples": 150, "metrics": {"loss": 0.06, "accuracy": 0.98}},
    })
}

/// What an event's data may be, by kind.
fn event_data() -> Value {
    let reference = |name: &str| json!({"$ref": format!("#/components/schemas/{name}")});
    let or_null = |name: &str| json!({"anyOf": [reference(name), {"type": "null"}]});
    let id = json!({"type": "string", "format": "uuid"});
    let run = json!({"type": ["string", "null"], "format": "uuid"});
    let metrics = json!({"type": "object", "additionalProperties": {"type": ["number", "null"]}});
    let object = |description: &str, properties: Value| {
        let required: Vec<&String> = properties.as_object().into_iter().flat_map(Map::keys).collect();
        json!({"description": description, "type": "object", "required": required, "properties": properties})
    };
    json!({
        "description": "What an event says, by its kind.",
        "anyOf": [
            object("`status`", json!({"status": reference("JobStatus"), "run": run})),
            reference("Progress"),
            object("`metrics`", json!({"run": id, "points": {"type": "array", "items": object("A point of a series.", json!({
                "name": {"type": "string"}, "step": {"type": "integer"}, "epoch": {"type": "number"},
                "value": {"type": ["number", "null"]},
            }))}})),
            object("`checkpoint`", json!({"run": id, "step": {"type": "integer"}})),
            object("`resumed`", json!({"run": id, "from_step": {"type": "integer"}})),
            object("`log`", json!({"run": run, "level": {"type": "string", "enum": ["info", "warning", "error"]}, "message": {"type": "string"}})),
            object("`end`, a job's last", json!({
                "status": reference("JobStatus"), "metrics": metrics, "model": or_null("MadeModel"), "error": or_null("RunError"),
            })),
        ],
        "example": {"run": "0193a5a0-7c1e-7b3a-9d2f-0d3c7a1b2c3d", "points": [{"name": "loss", "step": 844, "epoch": 1.0, "value": 0.31}]},
    })
}

/// Types that stand for a schema of `written_schemas`, by its name.
macro_rules! named {
    ($($(#[$meta:meta])* $type:ident = $name:literal;)*) => {$(
        $(#[$meta])*
        pub(crate) struct $type;

        impl utoipa::PartialSchema for $type {
            fn schema() -> utoipa::openapi::RefOr<utoipa::openapi::schema::Schema> {
                utoipa::openapi::schema::ObjectBuilder::new().into()
            }
        }

        impl utoipa::ToSchema for $type {
            fn name() -> std::borrow::Cow<'static, str> {
                $name.into()
            }
        }
    )*};
}

named! {
    /// A job's body.
    JobSpecSchema = "JobSpec";
    TimeSchema = "Time";
    PointSchema = "Point";
    EventDataSchema = "EventData";
    ExampleSchema = "Example";
    ColumnStatisticsSchema = "ColumnStatistics";
    AnswerSchema = "Answer";
    PredictBody = "PredictBody";
    PredictionSchema = "Predictions";
    EvaluationBody = "EvaluationBody";
    EvaluationSchema = "Evaluation";
    InferBody = "InferBody";
    InferSchema = "Inferred";
    ModelConfigSchema = "ModelConfig";
    IndexBody = "IndexBody";
    RepositoryBody = "RepositoryBody";
    DoneSchema = "Done";
    PlanSchema = "Plan";
    ComponentsSchema = "Components";
    SchemaOfJobs = "JobSchema";
    JobChangeSchema = "JobChange";
    JobActionsSchema = "JobActions";
    AliasBody = "AliasTarget";
    NewKeySchema = "NewKey";
    SignInSchema = "SignIn";
    ScopeSchema = "Scope";
    JobStatusSchema = "JobStatus";
    RunStatusSchema = "RunStatus";
    DesiredSchema = "Desired";
    ErrorKindSchema = "ErrorKind";
    KindSchema = "Kind";
}

/// A time of the API, from microseconds since the Unix epoch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Time(pub(crate) i64);

impl serde::Serialize for Time {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&clock::rfc3339(self.0))
    }
}

impl utoipa::PartialSchema for Time {
    fn schema() -> utoipa::openapi::RefOr<utoipa::openapi::schema::Schema> {
        TimeSchema::schema()
    }
}

impl utoipa::ToSchema for Time {
    fn name() -> std::borrow::Cow<'static, str> {
        TimeSchema::name()
    }
}

pub fn frame() -> utoipa::openapi::OpenApi {
    Frame::openapi()
}

/// The whole document.
pub fn document() -> Value {
    let mut document = serde_json::to_value(routes::all().into_openapi()).unwrap_or_default();
    if let Some(paths) = document.get_mut("paths").and_then(Value::as_object_mut) {
        for (path, item) in paths {
            for operation in item.as_object_mut().into_iter().flat_map(Map::values_mut) {
                let Some(operation) = operation.as_object_mut() else { continue };
                add_problems(operation, Form::of(path));
            }
        }
    }
    document["components"]["responses"] = problem_responses();
    document["components"]["securitySchemes"] = json!({
        "key": {"type": "http", "scheme": "bearer", "description": "A key, made with `lyceum keys create`."},
        "session": {
            "type": "apiKey", "in": "cookie", "name": session::COOKIE,
            "description": "A browser's session. Changes need the header `x-csrf-token` beside it.",
        },
    });
    // A server without keys knows nobody, and serves its own machine.
    document["security"] = json!([{}, {"key": []}, {"session": []}]);
    for (name, schema) in written_schemas() {
        document["components"]["schemas"][name] = schema;
    }
    document
}

/// The document as it stands in the repository and is served.
pub fn yaml() -> String {
    yaml_serde::to_string(&document()).unwrap_or_default()
}

/// Adds the problems that an operation may answer: those that follow from its parts, and those that it names
/// itself under `x-problems`, by status.
fn add_problems(operation: &mut Map<String, Value>, form: Form) {
    let own = operation.remove("x-problems");
    let parameter_in = |place: &str| {
        let parameters = operation.get("parameters").and_then(Value::as_array);
        parameters.is_some_and(|parameters| parameters.iter().any(|parameter| parameter["in"] == place))
    };
    let mut kinds = vec![
        Kind::BadRequest,
        Kind::Unauthorized,
        Kind::Forbidden,
        Kind::UriTooLong,
        Kind::TooMany,
        Kind::Internal,
        Kind::Unavailable,
    ];
    if parameter_in("path") {
        kinds.push(Kind::NotFound);
    }
    if let Some(body) = operation.get("requestBody") {
        kinds.extend([Kind::Slow, Kind::TooLarge, Kind::MediaType]);
        if body["content"].get("application/json").is_some() && form == Form::Problem {
            kinds.push(Kind::Invalid);
        }
    }
    let mut problems: Map<String, Value> = kinds
        .into_iter()
        .map(|kind| (kind.status().as_str().to_owned(), json!({"$ref": reference(kind, form)})))
        .collect();
    for (status, description) in own.as_ref().and_then(Value::as_object).into_iter().flatten() {
        problems.insert(status.clone(), problem_response(description.as_str().unwrap_or_default()));
    }
    if let Some(responses) = operation.get_mut("responses").and_then(Value::as_object_mut) {
        responses.extend(problems);
        responses.sort_keys();
    }
}

fn reference(kind: Kind, form: Form) -> String {
    match form {
        Form::Problem => format!("#/components/responses/{}", kind.status().as_u16()),
        Form::Protocol => "#/components/responses/inference".to_owned(),
    }
}

fn problem_response(description: &str) -> Value {
    json!({
        "description": description,
        "content": {PROBLEM_JSON: {"schema": {"$ref": "#/components/schemas/Problem"}}},
    })
}

/// One response by status, for what needs no words of its own.
fn problem_responses() -> Value {
    [
        Kind::BadRequest,
        Kind::Unauthorized,
        Kind::Forbidden,
        Kind::NotFound,
        Kind::Slow,
        Kind::TooLarge,
        Kind::UriTooLong,
    ]
    .into_iter()
    .chain([Kind::MediaType, Kind::Invalid, Kind::TooMany, Kind::Internal, Kind::Unavailable])
    .map(|kind| (kind.status().as_u16().to_string(), problem_response(&format!("{}.", kind.title()))))
    .chain([("inference".to_owned(), protocol_response())])
    .collect::<Map<String, Value>>()
    .into()
}

/// How the Open Inference Protocol tells every failure.
fn protocol_response() -> Value {
    json!({
        "description": "There is no answer.",
        "content": {"application/json": {"schema": {"$ref": "#/components/schemas/InferenceError"}}},
    })
}
