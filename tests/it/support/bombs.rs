//! Uploads and images that are small and unfold to much, or lead elsewhere.

use std::io::Write;

use flate2::write::{DeflateEncoder, GzEncoder, ZlibEncoder};
use flate2::{Compression, Crc};

/// `bytes` zeros, as gzip packs them at best: a thousandth.
pub(crate) fn gzipped_zeros(bytes: usize) -> Vec<u8> {
    gzipped(&vec![0; bytes])
}

pub(crate) fn gzipped(bytes: &[u8]) -> Vec<u8> {
    let mut packed = GzEncoder::new(Vec::new(), Compression::best());
    packed.write_all(bytes).unwrap();
    packed.finish().unwrap()
}

/// An IDX file of zeros whose header says `claimed` examples of `example` bytes, and that has `real` of them.
pub(crate) fn idx_zeros(claimed: u32, real: u32, example: u32) -> Vec<u8> {
    let mut file =
        [&[0, 0, 8, 3][..], &claimed.to_be_bytes(), &1_u32.to_be_bytes(), &example.to_be_bytes()].concat();
    file.resize(file.len() + real as usize * example as usize, 0);
    file
}

/// A zip whose members are all the same packed bytes, told of under one name each; `padding` is what lies before them.
pub(crate) fn overlapping_zip(names: &[String], content: &[u8], padding: usize) -> Vec<u8> {
    let mut packed = DeflateEncoder::new(Vec::new(), Compression::best());
    packed.write_all(content).unwrap();
    let packed = packed.finish().unwrap();
    let mut crc = Crc::new();
    crc.update(content);
    let header = |name: &str| {
        let mut header = vec![20, 0, 0, 0, 8, 0, 0, 0, 0, 0];
        for number in [crc.sum(), packed.len() as u32, content.len() as u32] {
            header.extend(number.to_le_bytes());
        }
        header.extend([name.len() as u8, 0, 0, 0]);
        header
    };
    // A stored member that nobody reads.
    let mut zip = [b"PK\x03\x04".as_slice(), &header("x")[..4], &[0; 18], &[1, 0, 0, 0, b'x']].concat();
    zip.resize(zip.len() + padding, 7);
    let start = zip.len() as u32;
    zip.extend([b"PK\x03\x04", header(&names[0]).as_slice(), names[0].as_bytes(), &packed].concat());
    let directory = zip.len() as u32;
    for name in names {
        zip.extend(
            [b"PK\x01\x02\x14\x00".as_slice(), &header(name), &[0; 10], &start.to_le_bytes()].concat(),
        );
        zip.extend(name.as_bytes());
    }
    let length = zip.len() as u32 - directory;
    let count = (names.len() as u16).to_le_bytes();
    zip.extend([b"PK\x05\x06\0\0\0\0".as_slice(), &count, &count].concat());
    zip.extend([&length.to_le_bytes()[..], &directory.to_le_bytes(), &[0, 0]].concat());
    zip
}

/// A tar of one member of that kind, whose name stands in the header as it is.
pub(crate) fn tar_of(kind: tar::EntryType, name: &str, link: &str) -> Vec<u8> {
    let mut header = tar::Header::new_gnu();
    header.as_mut_bytes()[..name.len()].copy_from_slice(name.as_bytes());
    header.as_mut_bytes()[157..157 + link.len()].copy_from_slice(link.as_bytes());
    header.set_entry_type(kind);
    header.set_mode(0o644);
    header.set_size(0);
    header.set_cksum();
    let mut archive = tar::Builder::new(Vec::new());
    archive.append(&header, std::io::empty()).unwrap();
    archive.into_inner().unwrap()
}

/// The beginning of a tar whose one member, of no known name, has so many bytes, which do not follow.
pub(crate) fn tar_head(bytes: u64) -> Vec<u8> {
    let mut header = tar::Header::new_gnu();
    header.set_path("readme").unwrap();
    header.set_mode(0o644);
    header.set_size(bytes);
    header.set_cksum();
    header.as_bytes().to_vec()
}

/// A grey PNG of `side` by `side` pixels, of which the first lines are there.
pub(crate) fn png(side: u32) -> Vec<u8> {
    let mut picture = b"\x89PNG\r\n\x1a\n".to_vec();
    let mut chunk = |kind: &[u8], content: &[u8]| {
        let mut crc = Crc::new();
        crc.update(kind);
        crc.update(content);
        picture.extend(
            [&(content.len() as u32).to_be_bytes()[..], kind, content, &crc.sum().to_be_bytes()].concat(),
        );
    };
    chunk(b"IHDR", &[&side.to_be_bytes()[..], &side.to_be_bytes(), &[8, 0, 0, 0, 0]].concat());
    let mut lines = ZlibEncoder::new(Vec::new(), Compression::best());
    lines.write_all(&vec![0; 4 << 20]).unwrap();
    chunk(b"IDAT", &lines.finish().unwrap());
    chunk(b"IEND", b"");
    picture
}
