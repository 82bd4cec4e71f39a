//! The state of training in one file.
//!
//! ```text
//! "LYCEUMCK"  version u32  header length u64  body length u64  header (JSON)  body (safetensors)  sha256
//! ```
//! Numbers are little-endian; the checksum is over all that stands before it. A file that is torn, flipped in a bit
//! or longer than it says is refused.

use std::io::{self, Write};
use std::path::Path;

use serde::{Deserialize, Serialize};
use serde_json::Value;
use sha2::{Digest, Sha256};
use tch::{Device, Tensor};

use crate::torch::safetensors;

const MAGIC: &[u8; 8] = b"LYCEUMCK";
const VERSION: u32 = 1;
const PREFIX: usize = 8 + 4 + 8 + 8;
const DIGEST: usize = 32;

/// Why a checkpoint cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum CheckpointError {
    #[error("the checkpoint cannot be read: {0}")]
    Unreadable(#[from] io::Error),
    #[error("this is no checkpoint")]
    Foreign,
    #[error("the checkpoint is of format {0}, which this program does not read")]
    Version(u32),
    #[error("the checkpoint is damaged: {0}")]
    Damaged(&'static str),
    #[error("the checkpoint does not belong to this job: {0}")]
    Mismatch(String),
}

/// What stands before the tensors.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct Header {
    step: u64,
    /// Examples seen over examples in an epoch.
    epoch: Exact,
    /// What the method keeps beside its tensors.
    state: Value,
}

/// A double, written by its bits so that it comes back as it was, infinities and all.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct Exact(pub(crate) f64);

impl Serialize for Exact {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_u64(self.0.to_bits())
    }
}

impl<'de> Deserialize<'de> for Exact {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        u64::deserialize(deserializer).map(|bits| Self(f64::from_bits(bits)))
    }
}

/// The state at a step boundary, in memory of its own: training goes on while it is written.
#[derive(Debug)]
pub struct Snapshot {
    pub step: u64,
    /// Examples seen over examples in an epoch.
    pub epoch: f64,
    state: Value,
    tensors: Vec<(String, Tensor)>,
}

/// A file as it was written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Written {
    pub sha256: String,
    pub bytes: u64,
}

impl Snapshot {
    /// Copies the tensors.
    pub(crate) fn take(step: u64, epoch: f64, state: Value, tensors: &[(String, Tensor)]) -> Self {
        let tensors = tensors.iter().map(|(name, tensor)| (name.clone(), own(tensor))).collect();
        Self { step, epoch, state, tensors }
    }

    /// The same as a part of something longer, which has taken so many steps before it.
    pub(crate) fn within(self, steps: u64, keep: impl FnOnce(Value) -> Value) -> Self {
        Self { step: self.step + steps, state: keep(self.state), ..self }
    }

    /// Writes the whole file. To sync it and to give it its name is the caller's affair.
    pub fn write(&self, out: impl Write) -> io::Result<Written> {
        let header = Header { step: self.step, epoch: Exact(self.epoch), state: self.state.clone() };
        let header = serde_json::to_vec(&header)?;
        let body = safetensors::length(&self.tensors)?;
        let mut out = Hashing::new(out);
        out.write_all(MAGIC)?;
        out.write_all(&VERSION.to_le_bytes())?;
        out.write_all(&(header.len() as u64).to_le_bytes())?;
        out.write_all(&body.to_le_bytes())?;
        out.write_all(&header)?;
        // Tensor by tensor: a second copy of all of them might not fit into the memory of the job.
        safetensors::write(&mut out, &self.tensors)?;
        let checksum = out.hash.clone().finalize();
        out.write_all(&checksum)?;
        out.finish()
    }
}

/// Lower-case hexadecimal.
pub(crate) fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write as _;
    bytes.iter().fold(String::with_capacity(bytes.len() * 2), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}

/// Passes bytes on, counted and hashed.
pub(crate) struct Hashing<W> {
    out: W,
    hash: Sha256,
    bytes: u64,
}

impl<W: Write> Hashing<W> {
    pub(crate) fn new(out: W) -> Self {
        Self { out, hash: Sha256::new(), bytes: 0 }
    }

    pub(crate) fn finish(mut self) -> io::Result<Written> {
        self.out.flush()?;
        Ok(Written { sha256: hex(&self.hash.finalize()), bytes: self.bytes })
    }
}

impl<W: Write> Write for Hashing<W> {
    fn write(&mut self, buffer: &[u8]) -> io::Result<usize> {
        let written = self.out.write(buffer)?;
        self.hash.update(&buffer[..written]);
        self.bytes += written as u64;
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.out.flush()
    }
}

/// The state as it is read back.
#[derive(Debug)]
pub struct Checkpoint {
    pub step: u64,
    pub epoch: f64,
    pub(crate) state: Value,
    tensors: Vec<(String, Tensor)>,
}

impl Checkpoint {
    pub fn read(path: &Path) -> Result<Self, CheckpointError> {
        Self::parse(&std::fs::read(path)?)
    }

    /// Reads the bytes of a file.
    pub fn parse(bytes: &[u8]) -> Result<Self, CheckpointError> {
        use CheckpointError::{Damaged, Foreign, Version};
        if bytes.len() < PREFIX || &bytes[..8] != MAGIC {
            return Err(if MAGIC.starts_with(&bytes[..bytes.len().min(8)]) {
                Damaged("it ends too early")
            } else {
                Foreign
            });
        }
        let version = u32::from_le_bytes(array(&bytes[8..12]));
        if version != VERSION {
            return Err(Version(version));
        }
        let header_length = usize::try_from(u64::from_le_bytes(array(&bytes[12..20]))).ok();
        let body_length = usize::try_from(u64::from_le_bytes(array(&bytes[20..28]))).ok();
        let header_end = header_length.and_then(|length| length.checked_add(PREFIX));
        let body_end = body_length.zip(header_end).and_then(|(length, start)| length.checked_add(start));
        let (Some(header_end), Some(body_end)) = (header_end, body_end) else {
            return Err(Damaged("its lengths make no sense"));
        };
        if body_end.checked_add(DIGEST) != Some(bytes.len()) {
            return Err(Damaged("its length is not what it says"));
        }
        if Sha256::digest(&bytes[..body_end])[..] != bytes[body_end..] {
            return Err(Damaged("its checksum does not agree"));
        }
        let header: Header = serde_json::from_slice(&bytes[PREFIX..header_end])
            .map_err(|_| Damaged("its header cannot be read"))?;
        Ok(Self {
            step: header.step,
            epoch: header.epoch.0,
            state: header.state,
            tensors: safetensors::parse(&bytes[header_end..body_end])
                .map_err(|_| Damaged("its tensors cannot be read"))?,
        })
    }

    /// Takes out every tensor whose name begins so, without that beginning, in their order.
    pub(crate) fn take_all(&mut self, part: &str) -> Vec<(String, Tensor)> {
        let of_part = |name: &str| name.strip_prefix(part).and_then(|name| name.strip_prefix('/')).is_some();
        let taken = self.tensors.extract_if(.., |(name, _)| of_part(name));
        taken.map(|(name, tensor)| (name[part.len() + 1..].to_owned(), tensor)).collect()
    }
}

/// The first bytes of a slice that is long enough.
fn array<const N: usize>(bytes: &[u8]) -> [u8; N] {
    let mut array = [0; N];
    array.copy_from_slice(&bytes[..N]);
    array
}

/// A copy on the CPU, C-contiguous, which nothing else refers to.
pub(crate) fn own(tensor: &Tensor) -> Tensor {
    let detached = tensor.detach();
    if detached.device() == Device::Cpu && detached.is_contiguous() {
        detached.copy()
    } else {
        detached.to_device(Device::Cpu).contiguous().copy()
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn snapshot() -> (Vec<u8>, Written) {
        let tensors = [
            ("parameters/dense.kernel".to_owned(), Tensor::from_slice(&[1.5_f32, -2.0, 0.1]).view([3, 1])),
            ("sums/loss".to_owned(), Tensor::from_slice(&[0.1_f64])),
        ];
        let mut bytes = Vec::new();
        let written = Snapshot::take(7, 1.0 / 3.0, json!({"seen": 12}), &tensors).write(&mut bytes).unwrap();
        (bytes, written)
    }

    #[test]
    fn what_is_written_is_read_again() {
        let (bytes, written) = snapshot();
        assert_eq!(written.bytes, bytes.len() as u64);
        assert_eq!(written.sha256, hex(&Sha256::digest(&bytes)));
        let mut read = Checkpoint::parse(&bytes).unwrap();
        assert_eq!((read.step, read.epoch), (7, 1.0 / 3.0));
        assert_eq!(read.state, json!({"seen": 12}));
        let parameters = read.take_all("parameters");
        assert_eq!(parameters[0].0, "dense.kernel");
        assert_eq!(parameters[0].1.size(), [3, 1]);
        assert_eq!(Vec::<f32>::try_from(parameters[0].1.view([3])).unwrap(), [1.5, -2.0, 0.1]);
        assert_eq!(read.take_all("sums")[0].1.double_value(&[0]), 0.1);
    }

    #[test]
    fn a_torn_or_flipped_file_is_refused() {
        let (bytes, _) = snapshot();
        for length in 0..bytes.len() {
            assert!(Checkpoint::parse(&bytes[..length]).is_err(), "{length} bytes were taken for the whole");
        }
        for place in 0..bytes.len() {
            let mut flipped = bytes.clone();
            flipped[place] ^= 1 << (place % 8);
            assert!(Checkpoint::parse(&flipped).is_err(), "a flip at {place} went unseen");
        }
        let mut longer = bytes;
        longer.push(0);
        assert!(matches!(Checkpoint::parse(&longer), Err(CheckpointError::Damaged(_))));
    }
}
