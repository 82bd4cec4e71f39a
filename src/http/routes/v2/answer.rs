//! The answer to an inference: JSON, with binary tensors behind it where they are asked for.

use axum::body::Body;
use axum::http::{HeaderName, HeaderValue, header};
use axum::response::Response;
use serde::Serialize;

use super::HEADER_LENGTH;
use super::datatype::{self, Datatype};
use super::request::{Asked, Wanted};
use crate::http::{Kind, Problem};
use crate::inference::{Elements, NamedTensor, TensorAnswer, TensorForm};

#[derive(Serialize)]
struct Answer<'a> {
    model_name: &'a str,
    model_version: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    id: Option<&'a str>,
    outputs: Vec<Output<'a>>,
}

#[derive(Serialize)]
struct Output<'a> {
    name: &'a str,
    datatype: &'static str,
    shape: &'a [u64],
    #[serde(skip_serializing_if = "Option::is_none")]
    parameters: Option<Parameters>,
    #[serde(skip_serializing_if = "Option::is_none")]
    data: Option<Data<'a>>,
}

#[derive(Serialize)]
struct Parameters {
    binary_data_size: usize,
}

#[derive(Serialize)]
#[serde(untagged)]
enum Data<'a> {
    Numbers(&'a [f32]),
    Texts(&'a [String]),
}

/// Writes what was asked for.
pub(super) fn write(asked: &Asked, answer: TensorAnswer) -> Result<Response, Problem> {
    let signature = answer.signature.clone();
    let chosen: Vec<(NamedTensor, bool)> = match &asked.outputs {
        None => answer.outputs.into_iter().map(|tensor| (tensor, asked.binary)).collect(),
        Some(wanted) => {
            let choose = |wanted: &Wanted| choose(wanted, &answer, asked.binary);
            wanted.iter().map(choose).collect::<Result<_, _>>()?
        }
    };
    let mut binary = Vec::new();
    let outputs = chosen
        .iter()
        .map(|(tensor, is_binary)| {
            let before = binary.len();
            if *is_binary {
                datatype::write(&tensor.elements, &mut binary);
            }
            output(tensor, is_binary.then(|| binary.len() - before))
        })
        .collect();
    let answer = Answer {
        model_name: &signature.model,
        model_version: signature.version.to_string(),
        id: asked.id.as_deref(),
        outputs,
    };
    let mut body = serde_json::to_vec(&answer).map_err(Problem::internal)?;
    let json = body.len();
    let is_binary = chosen.iter().any(|(_, is_binary)| *is_binary);
    body.extend(binary);
    let mut response = Response::new(Body::from(body));
    let media = if is_binary { "application/octet-stream" } else { "application/json" };
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static(media));
    if is_binary {
        response.headers_mut().insert(HeaderName::from_static(HEADER_LENGTH), HeaderValue::from(json));
    }
    Ok(response)
}

fn output(tensor: &NamedTensor, binary_data_size: Option<usize>) -> Output<'_> {
    let (datatype, data) = match &tensor.elements {
        Elements::Numbers(numbers) => (Datatype::Fp32, Data::Numbers(numbers)),
        Elements::Texts(texts) => (Datatype::Bytes, Data::Texts(texts)),
    };
    Output {
        name: &tensor.name,
        datatype: datatype.name(),
        shape: &tensor.shape,
        parameters: binary_data_size.map(|binary_data_size| Parameters { binary_data_size }),
        data: binary_data_size.is_none().then_some(data),
    }
}

fn choose(wanted: &Wanted, answer: &TensorAnswer, binary: bool) -> Result<(NamedTensor, bool), Problem> {
    let outputs = &answer.signature.outputs;
    let Some(place) = outputs.iter().position(|form| form.name == wanted.name) else {
        let known: Vec<&str> = outputs.iter().map(|form| form.name.as_str()).collect();
        let detail = format!("\"{}\" is no output of this model; it has {}", wanted.name, known.join(", "));
        return Err(Problem::new(Kind::UnreadableBody, detail));
    };
    let tensor = answer.outputs[place].clone();
    let tensor = match wanted.classification {
        0 => tensor,
        count => classified(tensor, &outputs[place], count)?,
    };
    Ok((tensor, wanted.binary.unwrap_or(binary)))
}

/// The greatest values of each example as `value:place:label`, by Triton's classification extension.
fn classified(tensor: NamedTensor, form: &TensorForm, count: usize) -> Result<NamedTensor, Problem> {
    let Elements::Numbers(numbers) = &tensor.elements else {
        let detail = format!("output \"{}\" holds texts: there is nothing to classify by", form.name);
        return Err(Problem::new(Kind::UnreadableBody, detail));
    };
    let width = form.shape.iter().product::<u64>().max(1) as usize;
    let count = count.min(width);
    let mut texts = Vec::with_capacity(numbers.len() / width * count);
    for line in numbers.chunks_exact(width) {
        let mut places: Vec<usize> = (0..width).collect();
        places.sort_by(|one, other| line[*other].total_cmp(&line[*one]));
        texts.extend(places[..count].iter().map(|place| match form.labels.get(*place) {
            Some(label) => format!("{}:{place}:{label}", line[*place]),
            None => format!("{}:{place}", line[*place]),
        }));
    }
    let shape = vec![tensor.shape[0], count as u64];
    Ok(NamedTensor { name: tensor.name, shape, elements: Elements::Texts(texts) })
}
