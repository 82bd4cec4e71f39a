//! Images in IDX files, and the archives that they come in.

use std::io::Write;

use flate2::Compression;
use flate2::write::GzEncoder;

/// Files by name.
pub(crate) type Files = Vec<(String, Vec<u8>)>;

/// `count` images of 8 by 8 whose bright quarter is their class, of four.
pub(crate) fn squares(count: u32) -> Vec<Vec<u8>> {
    let image = |number: u32| {
        let lit = |at: u32| (at / 8 / 4) * 2 + (at % 8) / 4 == number % 4;
        let pixel = |at| if lit(at) { 200 + (at * 7 + number * 13) % 50 } else { (at * 3 + number) % 9 };
        (0..64).map(|at| pixel(at) as u8).collect()
    };
    (0..count).map(image).collect()
}

/// The images and their labels as two files, named as MNIST's are.
pub(crate) fn files(prefix: &str, images: &[Vec<u8>]) -> Files {
    let count = (images.len() as u32).to_be_bytes();
    let side = 8_u32.to_be_bytes();
    let pixels = [&[0, 0, 8, 3][..], &count, &side, &side, &images.concat()].concat();
    let classes: Vec<u8> = (0..images.len()).map(|number| (number % 4) as u8).collect();
    let labels = [&[0, 0, 8, 1][..], &count, &classes].concat();
    vec![(format!("{prefix}images-idx3-ubyte"), pixels), (format!("{prefix}labels-idx1-ubyte"), labels)]
}

pub(crate) fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut packed = GzEncoder::new(Vec::new(), Compression::fast());
    packed.write_all(bytes).unwrap();
    packed.finish().unwrap()
}

/// Each file gzipped, and named so.
pub(crate) fn gzipped(files: &Files) -> Files {
    files.iter().map(|(name, bytes)| (format!("{name}.gz"), gzip(bytes))).collect()
}

pub(crate) fn tar(files: &Files) -> Vec<u8> {
    let mut archive = tar::Builder::new(Vec::new());
    for (name, bytes) in files {
        let mut header = tar::Header::new_gnu();
        header.set_size(bytes.len() as u64);
        header.set_mode(0o644);
        header.set_cksum();
        archive.append_data(&mut header, name, bytes.as_slice()).unwrap();
    }
    archive.into_inner().unwrap()
}

pub(crate) fn zip(files: &Files) -> Vec<u8> {
    let mut archive = zip::ZipWriter::new(std::io::Cursor::new(Vec::new()));
    let options = zip::write::SimpleFileOptions::default();
    for (name, bytes) in files {
        archive.start_file(name.as_str(), options).unwrap();
        archive.write_all(bytes).unwrap();
    }
    archive.finish().unwrap().into_inner()
}
