//! The body of an inference as it is sent: JSON, JSON with binary tensors behind it, or one tensor's bytes alone.

use std::fmt;
use std::time::Duration;

use axum::http::HeaderMap;
use serde::Deserialize;
use serde::de::{self, DeserializeSeed, Deserializer, SeqAccess, Visitor};
use serde_json::{Map, Value};

use super::HEADER_LENGTH;
use super::cursor::Cursor;
use super::datatype::{self, Datatype};
use crate::http::{Kind, Problem};
use crate::inference::{Elements, NamedTensor, Signature};

/// What is asked of a model.
#[derive(Debug)]
pub(super) struct Asked {
    pub(super) id: Option<String>,
    pub(super) inputs: Vec<NamedTensor>,
    /// What is to be answered; everything where nothing is said.
    pub(super) outputs: Option<Vec<Wanted>>,
    /// Whether outputs that say nothing else come as binary tensors.
    pub(super) binary: bool,
    /// How long the answer is waited for.
    pub(super) deadline: Option<Duration>,
}

/// An output as it is asked for.
#[derive(Debug)]
pub(super) struct Wanted {
    pub(super) name: String,
    pub(super) binary: Option<bool>,
    /// The classes to tell of, the most probable first; 0 for the tensor itself.
    pub(super) classification: usize,
}

#[derive(Default, Deserialize)]
#[cfg_attr(test, derive(Debug, PartialEq))]
struct Body<'a> {
    id: Option<Value>,
    #[serde(borrow)]
    inputs: Option<Vec<Input<'a>>>,
    outputs: Option<Vec<Output>>,
    #[serde(default)]
    parameters: Map<String, Value>,
}

#[derive(Deserialize)]
#[cfg_attr(test, derive(Debug, PartialEq))]
struct Input<'a> {
    name: String,
    shape: Vec<u64>,
    #[serde(borrow)]
    datatype: std::borrow::Cow<'a, str>,
    #[serde(default)]
    parameters: Map<String, Value>,
    data: Option<Data>,
}

#[derive(Deserialize)]
#[cfg_attr(test, derive(Debug, PartialEq))]
struct Output {
    name: String,
    #[serde(default)]
    parameters: Map<String, Value>,
}

/// Values nested to any depth, one after another.
#[derive(Default)]
#[cfg_attr(test, derive(Debug, PartialEq))]
struct Data {
    numbers: Vec<f32>,
    texts: Vec<String>,
}

impl<'de> Deserialize<'de> for Data {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let mut data = Self::default();
        Flat(&mut data).deserialize(deserializer)?;
        Ok(data)
    }
}

struct Flat<'a>(&'a mut Data);

impl<'de> DeserializeSeed<'de> for Flat<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Flat<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("numbers, or texts, nested or not")
    }

    fn visit_f64<E>(self, number: f64) -> Result<(), E> {
        self.0.numbers.push(number as f32);
        Ok(())
    }

    fn visit_u64<E>(self, number: u64) -> Result<(), E> {
        self.0.numbers.push(number as f32);
        Ok(())
    }

    fn visit_i64<E>(self, number: i64) -> Result<(), E> {
        self.0.numbers.push(number as f32);
        Ok(())
    }

    fn visit_bool<E>(self, truth: bool) -> Result<(), E> {
        self.0.numbers.push(f32::from(u8::from(truth)));
        Ok(())
    }

    fn visit_unit<E: de::Error>(self) -> Result<(), E> {
        // As JSON has no other word for it: a number that is missing.
        self.0.numbers.push(f32::NAN);
        Ok(())
    }

    fn visit_str<E>(self, text: &str) -> Result<(), E> {
        self.0.texts.push(text.to_owned());
        Ok(())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut values: A) -> Result<(), A::Error> {
        while values.next_element_seed(Flat(self.0))?.is_some() {}
        Ok(())
    }
}

fn wrong(detail: impl Into<String>) -> Problem {
    Problem::new(Kind::UnreadableBody, detail)
}

/// The length of the JSON before the binary tensors, where the request tells one.
pub(super) fn header_length(headers: &HeaderMap) -> Result<Option<usize>, Problem> {
    let Some(value) = headers.get(HEADER_LENGTH) else { return Ok(None) };
    let length = value.to_str().ok().and_then(|text| text.trim().parse().ok());
    length.map(Some).ok_or_else(|| wrong("Inference-Header-Content-Length must be a number of bytes"))
}

impl Asked {
    /// Reads a body of which the first `header` bytes are JSON, or all of it. Where that is 0, the body is the one tensor
    /// that the model takes.
    pub(super) fn read(body: &[u8], header: Option<usize>, signature: &Signature) -> Result<Self, Problem> {
        let (json, mut binary) = match header {
            None => (body, &[][..]),
            Some(0) => return Self::raw(body, signature),
            Some(length) => body.split_at_checked(length).ok_or_else(|| {
                let bytes = body.len();
                wrong(format!(
                    "Inference-Header-Content-Length says {length}, and the body has {bytes} bytes"
                ))
            })?,
        };
        let body = Body::read(json)?;
        let inputs =
            body.inputs.ok_or_else(|| wrong("inputs are missing: the tensors that the model takes"))?;
        let inputs = inputs.into_iter().map(|input| input.tensor(&mut binary)).collect::<Result<_, _>>()?;
        if !binary.is_empty() {
            return Err(wrong(format!(
                "{} bytes stand behind the tensors that the inputs tell of",
                binary.len()
            )));
        }
        let outputs = body.outputs.map(|outputs| outputs.into_iter().map(Output::wanted).collect());
        let id = match body.id {
            None | Some(Value::Null) => None,
            Some(Value::String(id)) => Some(id),
            Some(Value::Number(id)) => Some(id.to_string()),
            Some(_) => return Err(wrong("id must be a text")),
        };
        let flag = |name: &str| body.parameters.get(name).and_then(Value::as_bool).unwrap_or(false);
        // Microseconds, and 0 is none: the words of Triton's queue policy.
        let deadline = match body.parameters.get("timeout") {
            None => None,
            Some(timeout) => {
                let timeout =
                    timeout.as_u64().or_else(|| timeout.as_str().and_then(|text| text.parse().ok()));
                Some(timeout.ok_or_else(|| wrong("parameters.timeout must be a number of microseconds"))?)
            }
        };
        Ok(Self {
            id,
            inputs,
            outputs: outputs.transpose()?,
            binary: flag("binary_data_output"),
            deadline: deadline.filter(|timeout| *timeout > 0).map(Duration::from_micros),
        })
    }

    /// The body is the only input's bytes, as many examples as they make; the answer is binary as well.
    fn raw(body: &[u8], signature: &Signature) -> Result<Self, Problem> {
        let [form] = &signature.inputs[..] else {
            let inputs = signature.inputs.len();
            return Err(wrong(format!("a raw body is one tensor, and the model takes {inputs}")));
        };
        let datatype = Datatype::of(form.element);
        let elements = match datatype.bytes() {
            Some(_) => datatype.read(body),
            None => datatype::text_of(body).map(|text| Elements::Texts(vec![text])),
        }
        .map_err(|detail| wrong(format!("the body {detail}")))?;
        let each = form.shape.iter().product::<u64>().max(1);
        let examples = elements.len() as u64 / each;
        if examples == 0 || examples * each != elements.len() as u64 {
            let found = elements.len();
            return Err(wrong(format!("the body holds {found} value(s), and an example has {each}")));
        }
        let shape = std::iter::once(examples).chain(form.shape.iter().copied()).collect();
        let inputs = vec![NamedTensor { name: form.name.clone(), shape, elements }];
        Ok(Self { id: None, inputs, outputs: None, binary: true, deadline: None })
    }
}

impl<'a> Body<'a> {
    fn read(json: &'a [u8]) -> Result<Self, Problem> {
        if let Some(body) = Self::plain(json) {
            return Ok(body);
        }
        serde_json::from_slice(json).map_err(|error| wrong(format!("the body is not a request: {error}")))
    }

    /// One as nearly every client writes it, with numbers and no member that is not known.
    fn plain(json: &'a [u8]) -> Option<Self> {
        let (mut body, mut cursor) = (Self::default(), Cursor::new(json));
        cursor.object(|cursor, name| {
            match name {
                "id" => body.id = cursor.value()?,
                "inputs" => {
                    let mut inputs = Vec::new();
                    cursor.array(|cursor| {
                        inputs.push(Input::plain(cursor)?);
                        Some(())
                    })?;
                    body.inputs = Some(inputs);
                }
                "outputs" => body.outputs = cursor.value()?,
                "parameters" => body.parameters = cursor.value()?,
                _ => return None,
            }
            Some(())
        })?;
        cursor.end()?;
        Some(body)
    }
}

impl<'a> Input<'a> {
    fn plain(cursor: &mut Cursor<'a>) -> Option<Self> {
        let (mut name, mut shape, mut datatype) = (None, None, None);
        let (mut parameters, mut data) = (Map::new(), None);
        cursor.object(|cursor, member| {
            match member {
                "name" => name = Some(cursor.value()?),
                "shape" => shape = Some(cursor.value()?),
                "datatype" => datatype = Some(cursor.value()?),
                "parameters" => parameters = cursor.value()?,
                "data" => {
                    let numbers = &mut data.insert(Data::default()).numbers;
                    cursor.numbers(numbers)?;
                }
                _ => return None,
            }
            Some(())
        })?;
        let datatype: &str = datatype?;
        Some(Self { name: name?, shape: shape?, datatype: datatype.into(), parameters, data })
    }

    /// The tensor, with its bytes taken off the front of `binary` where it is a binary one.
    fn tensor(self, binary: &mut &[u8]) -> Result<NamedTensor, Problem> {
        let name = self.name;
        let datatype = Datatype::parse(&self.datatype)
            .ok_or_else(|| wrong(format!("input \"{name}\": there is no datatype \"{}\"", self.datatype)))?;
        let elements = match (self.data, self.parameters.get("binary_data_size")) {
            (None, None) => return Err(wrong(format!("input \"{name}\" has no data"))),
            (Some(_), Some(_)) => {
                return Err(wrong(format!(
                    "input \"{name}\" has data and binary_data_size: it is one or the other"
                )));
            }
            (Some(data), None) => data.elements(datatype),
            (None, Some(size)) => {
                let size = size.as_u64().and_then(|size| usize::try_from(size).ok());
                let size = size.ok_or_else(|| {
                    wrong(format!("input \"{name}\": binary_data_size must be a number of bytes"))
                })?;
                let (own, rest) = binary.split_at_checked(size).ok_or_else(|| {
                    let left = binary.len();
                    wrong(format!(
                        "input \"{name}\": binary_data_size says {size} bytes, and {left} are left"
                    ))
                })?;
                *binary = rest;
                datatype.read(own)
            }
        };
        let elements = elements.map_err(|detail| wrong(format!("input \"{name}\" {detail}")))?;
        let holds = self.shape.iter().try_fold(1_u64, |product, extent| product.checked_mul(*extent));
        if holds != Some(elements.len() as u64) {
            let (shape, found) = (&self.shape, elements.len());
            return Err(wrong(format!(
                "input \"{name}\" holds {found} value(s), which its shape {shape:?} does not"
            )));
        }
        Ok(NamedTensor { name, shape: self.shape, elements })
    }
}

impl Data {
    fn elements(self, datatype: Datatype) -> Result<Elements, String> {
        match (datatype, self.numbers.is_empty(), self.texts.is_empty()) {
            (Datatype::Bytes, true, _) => Ok(Elements::Texts(self.texts)),
            (Datatype::Bytes, false, _) => Err("is BYTES and holds numbers; send them as texts".into()),
            (_, _, true) => Ok(Elements::Numbers(self.numbers)),
            (datatype, _, false) => Err(format!("is {} and holds texts", datatype.name())),
        }
    }
}

impl Output {
    fn wanted(self) -> Result<Wanted, Problem> {
        let name = self.name;
        let classification = match self.parameters.get("classification") {
            None => 0,
            Some(count) => count.as_u64().and_then(|count| usize::try_from(count).ok()).ok_or_else(|| {
                wrong(format!("output \"{name}\": classification must be a number of classes"))
            })?,
        };
        let binary = self.parameters.get("binary_data").and_then(Value::as_bool);
        Ok(Wanted { name, binary, classification })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::inference::{Element, TensorForm};

    fn signature() -> Signature {
        let form = |name: &str, shape: &[u64]| TensorForm {
            name: name.into(),
            element: Element::Byte,
            shape: shape.to_vec(),
            labels: Vec::new(),
        };
        Signature {
            model: "digits".into(),
            version: 1,
            inputs: vec![form("image", &[1, 2, 2])],
            outputs: Vec::new(),
        }
    }

    fn detail(body: &str, header: Option<usize>) -> String {
        Asked::read(body.as_bytes(), header, &signature()).unwrap_err().detail
    }

    #[test]
    fn data_is_flat_or_nested_and_in_any_order_of_members() {
        let body = r#"{"inputs": [{"data": [[1, 2.5], [true, -3]], "datatype": "FP32", "shape": [2, 2], "name": "a"}],
            "parameters": {"timeout": 1500, "binary_data_output": true}, "id": "7",
            "outputs": [{"name": "b", "parameters": {"classification": 3}}]}"#;
        let asked = Asked::read(body.as_bytes(), None, &signature()).unwrap();
        assert_eq!(asked.inputs[0].elements, Elements::Numbers(vec![1.0, 2.5, 1.0, -3.0]));
        assert_eq!((asked.id.as_deref(), asked.binary), (Some("7"), true));
        assert_eq!(asked.deadline, Some(Duration::from_micros(1_500)));
        assert_eq!(asked.outputs.unwrap()[0].classification, 3);
    }

    #[test]
    fn a_plain_body_is_read_as_the_general_parser_reads_it() {
        let plain = [
            r#"{"inputs": [{"name": "a", "shape": [2, 2], "datatype": "FP32", "data": [[1, 2.5], [-3, 0.1e1]]}]}"#,
            r#" {"id":"7","inputs":[{"data":[],"datatype":"INT8","shape":[0],"name":"a"}],"parameters":{"timeout":1}} "#,
            r#"{"id": null, "inputs": [], "outputs": [{"name": "b", "parameters": {"binary_data": true}}]}"#,
            r#"{"inputs": [{"name": "a\"", "shape": [1], "datatype": "UINT8", "parameters": {"binary_data_size": 1}}]}"#,
            "{}",
        ];
        for text in plain {
            let general: Body<'_> = serde_json::from_str(text).unwrap();
            assert_eq!(Body::plain(text.as_bytes()), Some(general), "{text}");
        }
        // Some of these are requests and some are not; whichever it is, the general parser says so.
        for text in [
            "",
            "{",
            "[]",
            "{} {}",
            r#"{"inputs": [{}]}"#,
            r#"{"inputs": null}"#,
            r#"{"id": 1, "id": 1}"#,
            r#"{"what": 1}"#,
            r#"{"inputs": [{"name": "a", "shape": [1], "datatype": "BYTES", "data": ["x"]}]}"#,
            r#"{"inputs": [{"name": "a", "shape": [1], "datatype": "BOOL", "data": [true]}]}"#,
            r#"{"inputs": [{"name": "a", "shape": [1], "datatype": "FP32", "data": [1], "data": [1]}]}"#,
            r#"{"inputs": [{"name": "a", "shape": [-1], "datatype": "FP32", "data": [1]}]}"#,
            r#"{"inputs": [], "parameters": null}"#,
            "{\"inputs\n\": []}",
            r#"{"inputs\u0020": []}"#,
        ] {
            assert_eq!(Body::plain(text.as_bytes()), None, "{text}");
        }
    }

    #[test]
    fn binary_tensors_follow_the_json() {
        let json = r#"{"inputs": [
            {"name": "a", "shape": [1, 2], "datatype": "UINT8", "parameters": {"binary_data_size": 2}},
            {"name": "b", "shape": [1], "datatype": "BYTES", "parameters": {"binary_data_size": 6}}]}"#;
        let body = [json.as_bytes(), &[9, 8, 2, 0, 0, 0, b'o', b'k']].concat();
        let asked = Asked::read(&body, Some(json.len()), &signature()).unwrap();
        assert_eq!(asked.inputs[0].elements, Elements::Numbers(vec![9.0, 8.0]));
        assert_eq!(asked.inputs[1].elements, Elements::Texts(vec!["ok".into()]));
        let longer = [&body[..], &[0]].concat();
        assert!(Asked::read(&longer, Some(json.len()), &signature()).is_err());
        assert!(Asked::read(&body[..body.len() - 1], Some(json.len()), &signature()).is_err());
    }

    #[test]
    fn a_raw_body_is_the_only_input() {
        let asked = Asked::read(&[1, 2, 3, 4, 5, 6, 7, 8], Some(0), &signature()).unwrap();
        assert_eq!((&*asked.inputs[0].name, &asked.inputs[0].shape), ("image", &vec![2, 1, 2, 2]));
        assert!(Asked::read(&[1, 2, 3], Some(0), &signature()).is_err());
    }

    #[test]
    fn what_is_wrong_is_named() {
        assert!(detail("{", None).contains("not a request"));
        assert!(detail("{}", None).contains("inputs are missing"));
        let input = |inside: &str| {
            detail(&format!(r#"{{"inputs": [{{"name": "a", "shape": [2], "datatype": {inside}}}]}}"#), None)
        };
        assert!(input(r#""FP33", "data": [1, 2]"#).contains("FP33"));
        assert!(input(r#""FP32""#).contains("no data"));
        assert!(input(r#""FP32", "data": [1]"#).contains("[2]"));
        assert!(input(r#""FP32", "data": ["x", "y"]"#).contains("texts"));
        assert!(input(r#""BYTES", "data": [1, 2]"#).contains("numbers"));
        assert!(input(r#""FP32", "parameters": {"binary_data_size": 8}"#).contains("are left"));
        assert!(detail("{}", Some(9)).contains("says 9"));
    }
}
