//! MNIST, or as much of it as a test can afford.

use std::io::Read as _;
use std::path::Path;

/// The first examples of both parts, as a tar of IDX files.
pub(crate) fn archive(train: u32, test: u32) -> Vec<u8> {
    let mut archive = tar::Builder::new(Vec::new());
    for (part, count) in [("train", train), ("t10k", test)] {
        for (what, header, size) in [("images-idx3", 16, 784), ("labels-idx1", 8, 1)] {
            let name = format!("{part}-{what}-ubyte");
            let mut bytes = unpacked(&name);
            bytes.truncate(header + count as usize * size);
            bytes[4..8].copy_from_slice(&count.to_be_bytes());
            append(&mut archive, &name, &bytes);
        }
    }
    archive.into_inner().unwrap()
}

/// The first labels of a part, `train` or `t10k`.
pub(crate) fn labels(part: &str, count: u32) -> Vec<u8> {
    unpacked(&format!("{part}-labels-idx1-ubyte"))[8..][..count as usize].to_vec()
}

fn unpacked(name: &str) -> Vec<u8> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("datasets/mnist");
    let file = std::fs::File::open(folder.join(format!("{name}.gz"))).unwrap();
    let mut bytes = Vec::new();
    flate2::read::GzDecoder::new(file).read_to_end(&mut bytes).unwrap();
    bytes
}

/// Puts a file into an archive.
pub(crate) fn append(archive: &mut tar::Builder<Vec<u8>>, name: &str, bytes: &[u8]) {
    let mut entry = tar::Header::new_gnu();
    entry.set_size(bytes.len() as u64);
    entry.set_mode(0o644);
    entry.set_cksum();
    archive.append_data(&mut entry, name, bytes).unwrap();
}
