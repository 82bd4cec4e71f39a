//! Files of tensors: safetensors without metadata, C-contiguous and in the order given, so that equal weights are
//! equal files. The crate's own writer sorts by type and name, so the file is put together here from its types.

use std::fs::File;
use std::io::{self, Read, Write};
use std::path::Path;

use safetensors::tensor::{Dtype, Metadata, SafeTensorError, SafeTensors, TensorInfo};
use tch::{Device, Kind, Tensor};

/// Why a file of tensors cannot be read or written.
#[derive(Debug, thiserror::Error)]
pub enum SafetensorsError {
    #[error("{0}")]
    Io(#[from] io::Error),
    #[error("the file is no safetensors file: {0}")]
    Damaged(String),
    #[error("tensors of the type {0} have no place here")]
    Kind(String),
    #[error("there is no memory for {0}: {1}")]
    Tensor(String, String),
}

impl From<SafetensorsError> for io::Error {
    /// A full disk is told as one.
    fn from(error: SafetensorsError) -> Self {
        match error {
            SafetensorsError::Io(error) => error,
            other => Self::other(other),
        }
    }
}

impl From<SafeTensorError> for SafetensorsError {
    fn from(error: SafeTensorError) -> Self {
        Self::Damaged(error.to_string())
    }
}

const KINDS: [(Kind, Dtype); 10] = [
    (Kind::Float, Dtype::F32),
    (Kind::Double, Dtype::F64),
    (Kind::Half, Dtype::F16),
    (Kind::BFloat16, Dtype::BF16),
    (Kind::Int64, Dtype::I64),
    (Kind::Int, Dtype::I32),
    (Kind::Int16, Dtype::I16),
    (Kind::Int8, Dtype::I8),
    (Kind::Uint8, Dtype::U8),
    (Kind::Bool, Dtype::BOOL),
];

/// Headers are of a few bytes for each parameter; one beyond this is nobody's weights.
const MOST_HEADER: u64 = 64 << 20;

/// What stands before the elements, and how many bytes these are.
fn header(tensors: &[(String, Tensor)]) -> Result<(Vec<u8>, usize), SafetensorsError> {
    let mut infos = Vec::with_capacity(tensors.len());
    let mut end = 0;
    for (name, tensor) in tensors {
        let kind = tensor.kind();
        let dtype = KINDS.iter().find(|(known, _)| *known == kind).map(|(_, dtype)| *dtype);
        let dtype = dtype.ok_or_else(|| SafetensorsError::Kind(format!("{kind:?}")))?;
        let start = end;
        end += tensor.numel() * kind.elt_size_in_bytes();
        let shape = tensor.size().iter().map(|extent| *extent as usize).collect();
        infos.push((name.clone(), TensorInfo { dtype, shape, data_offsets: (start, end) }));
    }
    let metadata = Metadata::new(None, infos)?;
    let mut header = serde_json::to_vec(&metadata).map_err(io::Error::other)?;
    header.resize(header.len().next_multiple_of(8), b' ');
    Ok((header, end))
}

/// The length of what [`write()`] writes.
pub fn length(tensors: &[(String, Tensor)]) -> Result<u64, SafetensorsError> {
    let (header, elements) = header(tensors)?;
    Ok((8 + header.len() + elements) as u64)
}

/// Writes tensors in their order.
pub fn write(out: &mut dyn Write, tensors: &[(String, Tensor)]) -> Result<(), SafetensorsError> {
    let (header, _) = header(tensors)?;
    out.write_all(&(header.len() as u64).to_le_bytes())?;
    out.write_all(&header)?;
    for (name, tensor) in tensors {
        write_elements(out, name, tensor)?;
    }
    Ok(())
}

/// Writes the elements in C order, which is not always their order in memory.
fn write_elements(out: &mut dyn Write, name: &str, tensor: &Tensor) -> Result<(), SafetensorsError> {
    let failed = |error: tch::TchError| SafetensorsError::Tensor(name.to_owned(), error.to_string());
    let plain =
        tensor.detach().f_to_device(Device::Cpu).and_then(|tensor| tensor.f_contiguous()).map_err(failed)?;
    let mut bytes = vec![0; plain.numel() * plain.kind().elt_size_in_bytes()];
    if !bytes.is_empty() {
        plain.f_copy_data_u8(&mut bytes, plain.numel()).map_err(failed)?;
    }
    out.write_all(&bytes)?;
    Ok(())
}

pub fn to_bytes(tensors: &[(String, Tensor)]) -> Result<Vec<u8>, SafetensorsError> {
    let mut bytes = Vec::new();
    write(&mut bytes, tensors)?;
    Ok(bytes)
}

/// Writes a file: under a temporary name, synced, renamed, so that there is all of it or nothing.
pub fn save(path: &Path, tensors: &[(String, Tensor)]) -> Result<(), SafetensorsError> {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let mut file = tempfile::NamedTempFile::new_in(folder)?;
    let mut out = io::BufWriter::with_capacity(1 << 20, file.as_file_mut());
    write(&mut out, tensors)?;
    out.flush()?;
    drop(out);
    file.as_file().sync_all()?;
    file.persist(path).map_err(|error| error.error)?;
    File::open(folder)?.sync_all()?;
    Ok(())
}

/// The tensors of a file in its order, on the CPU.
pub fn parse(bytes: &[u8]) -> Result<Vec<(String, Tensor)>, SafetensorsError> {
    let header = bytes.first_chunk().map_or(0, |length| u64::from_le_bytes(*length));
    if header > MOST_HEADER {
        return Err(SafetensorsError::Damaged(format!("its header says that it has {header} bytes")));
    }
    let (_, metadata) = SafeTensors::read_metadata(bytes)?;
    let file = SafeTensors::deserialize(bytes)?;
    let names = metadata.offset_keys();
    names
        .into_iter()
        .map(|name| {
            let view = file.tensor(&name)?;
            let kind = KINDS.iter().find(|(_, dtype)| *dtype == view.dtype()).map(|(kind, _)| *kind);
            let kind = kind.ok_or_else(|| SafetensorsError::Kind(view.dtype().to_string()))?;
            let shape =
                view.shape().iter().map(|extent| i64::try_from(*extent)).collect::<Result<Vec<_>, _>>();
            let shape = shape.map_err(|_| SafetensorsError::Damaged(format!("{name} is too large")))?;
            let tensor = Tensor::f_from_data_size(view.data(), &shape, kind)
                .map_err(|error| SafetensorsError::Tensor(name.clone(), error.to_string()))?;
            Ok((name, tensor))
        })
        .collect()
}

/// See [`parse`].
pub fn read(path: &Path) -> Result<Vec<(String, Tensor)>, SafetensorsError> {
    let mut bytes = Vec::new();
    File::open(path)?.read_to_end(&mut bytes)?;
    parse(&bytes)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::torch::ops;

    fn sample() -> Vec<(String, Tensor)> {
        let image = Tensor::arange(24, (Kind::Float, Device::Cpu)).reshape([1, 2, 3, 4]);
        vec![
            ("z.kernel".into(), image),
            ("a.bias".into(), Tensor::from_slice(&[1.5_f64, -2.0])),
            ("m.steps".into(), Tensor::from(7_i64)),
            ("e.none".into(), Tensor::zeros([0, 3], (Kind::Float, Device::Cpu))),
        ]
    }

    #[test]
    fn order_and_values_come_back() {
        let bytes = to_bytes(&sample()).unwrap();
        let read = parse(&bytes).unwrap();
        assert_eq!(read.len(), 4);
        for ((name, tensor), (expected_name, expected)) in read.iter().zip(&sample()) {
            assert_eq!((name, tensor), (expected_name, expected));
        }
        let header = u64::from_le_bytes(*bytes.first_chunk().unwrap()) as usize;
        let text = std::str::from_utf8(&bytes[8..8 + header]).unwrap();
        assert!(text.starts_with("{\"z.kernel\":{\"dtype\":\"F32\",\"shape\":[1,2,3,4]"), "{text}");
        assert!(!text.contains("metadata") && header.is_multiple_of(8));
    }

    #[test]
    fn equal_weights_are_equal_files_whatever_their_layout() {
        let mut inner = sample();
        inner[0].1 = ops::contiguous_channels_last(&inner[0].1);
        assert!(!inner[0].1.is_contiguous());
        assert_eq!(to_bytes(&sample()).unwrap(), to_bytes(&inner).unwrap());
    }

    #[test]
    fn a_file_is_there_whole_or_not_at_all() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("weights.safetensors");
        save(&path, &sample()).unwrap();
        let unknown = [("x".to_owned(), Tensor::zeros([2], (Kind::ComplexFloat, Device::Cpu)))];
        assert!(matches!(save(&path, &unknown), Err(SafetensorsError::Kind(_))));
        assert_eq!(read(&path).unwrap().len(), 4);
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1);
    }

    #[test]
    fn hostile_files_are_refused() {
        let with_header = |header: &str, data: &[u8]| {
            [&(header.len() as u64).to_le_bytes(), header.as_bytes(), data].concat()
        };
        let good = to_bytes(&sample()).unwrap();
        let cases: Vec<Vec<u8>> = vec![
            vec![],
            vec![0xff; 8],
            (1_u64 << 40).to_le_bytes().to_vec(),
            good[..good.len() - 1].to_vec(),
            [good.as_slice(), &[0]].concat(),
            with_header("{", &[]),
            with_header(r#"{"a":{"dtype":"F32","shape":[2],"data_offsets":[0,4]}}"#, &[0; 4]),
            with_header(r#"{"a":{"dtype":"F32","shape":[1],"data_offsets":[4,8]}}"#, &[0; 8]),
            with_header(
                r#"{"a":{"dtype":"F32","shape":[18446744073709551615,2],"data_offsets":[0,8]}}"#,
                &[0; 8],
            ),
            with_header(r#"{"a":{"dtype":"Q7","shape":[1],"data_offsets":[0,4]}}"#, &[0; 4]),
            with_header(
                r#"{"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]},"b":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}}"#,
                &[0; 4],
            ),
            with_header(r#"{"a":{"dtype":"F32","shape":[9223372036854775808,0],"data_offsets":[0,0]}}"#, &[]),
        ];
        for bytes in cases {
            assert!(parse(&bytes).is_err(), "{:?}", String::from_utf8_lossy(&bytes));
        }
    }
}
