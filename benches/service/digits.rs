//! A part of MNIST as a data set of its own: so many of the images for training, and all of those for testing.

use std::fs;
use std::io::Read as _;
use std::path::Path;

use flate2::read::GzDecoder;

use crate::server::Server;

/// The file of a set that ships, with no more than so many examples.
fn idx(name: &str, examples: usize) -> Vec<u8> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("datasets/mnist/{name}.gz"));
    let mut bytes = Vec::new();
    GzDecoder::new(fs::File::open(path).expect("a file")).read_to_end(&mut bytes).expect("IDX");
    let extent = |axis: usize| {
        let at = 4 + 4 * axis;
        u32::from_be_bytes(bytes[at..at + 4].try_into().expect("four bytes")) as usize
    };
    let axes = usize::from(bytes[3]);
    let example: usize = (1..axes).map(extent).product();
    let kept = extent(0).min(examples);
    bytes.truncate(4 + 4 * axes + kept * example);
    bytes[4..8].copy_from_slice(&(kept as u32).to_be_bytes());
    bytes
}

/// Makes the data set and answers its name.
pub(crate) async fn upload(server: &Server, examples: usize) -> String {
    let mut archive = tar::Builder::new(Vec::new());
    for (name, most) in [
        ("train-images-idx3-ubyte", examples),
        ("train-labels-idx1-ubyte", examples),
        ("t10k-images-idx3-ubyte", usize::MAX),
        ("t10k-labels-idx1-ubyte", usize::MAX),
    ] {
        let bytes = idx(name, most);
        let mut header = tar::Header::new_gnu();
        header.set_size(bytes.len() as u64);
        header.set_mode(0o644);
        archive.append_data(&mut header, name, bytes.as_slice()).expect("a file in the archive");
    }
    let name = format!("digits-{examples}");
    let request = server.client.post(format!("{}/v1/datasets?name={name}&format=idx", server.url));
    let body = archive.into_inner().expect("an archive");
    let answer = request.header("content-type", "application/octet-stream").body(body).send().await;
    let answer = answer.expect("an answer");
    assert!(answer.status().is_success(), "{:?}", answer.text().await);
    name
}
