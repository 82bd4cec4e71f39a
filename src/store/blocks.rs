//! Blocks of metric points: how they are written, and the open last block of each series.

use std::collections::HashMap;

use sqlx::query;
use sqlx::sqlite::SqliteConnection;

use super::{RunId, StoreError};
use crate::spec::report::Point;

/// Points a block holds.
pub(super) const BLOCK: usize = 4_096;
/// The layout of `data`: this byte, then the points.
const VERSION: u8 = 1;
/// Bytes a point: step u64, epoch f64, time i64, value f64, little-endian.
const POINT: usize = 32;
/// Runs whose last blocks are kept in memory.
const OPEN_RUNS: usize = 256;

/// A point without the name of its series.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Sample {
    pub(super) step: u64,
    pub(super) epoch: f64,
    pub(super) time: i64,
    pub(super) value: f64,
}

impl Sample {
    fn write(&self, data: &mut Vec<u8>) {
        data.extend_from_slice(&self.step.to_le_bytes());
        data.extend_from_slice(&self.epoch.to_le_bytes());
        data.extend_from_slice(&self.time.to_le_bytes());
        data.extend_from_slice(&self.value.to_le_bytes());
    }
}

/// Reads the points of a block.
pub(super) fn read(data: &[u8]) -> Result<impl ExactSizeIterator<Item = Sample> + '_, StoreError> {
    let Some((&VERSION, points)) = data.split_first() else {
        return Err(StoreError::Corrupt("a metric block of an unknown version".to_owned()));
    };
    let (points, rest) = points.as_chunks::<POINT>();
    if !rest.is_empty() {
        return Err(StoreError::Corrupt("a metric block that breaks off".to_owned()));
    }
    Ok(points.iter().map(|point| {
        let (words, _) = point.as_chunks::<8>();
        Sample {
            step: u64::from_le_bytes(words[0]),
            epoch: f64::from_le_bytes(words[1]),
            time: i64::from_le_bytes(words[2]),
            value: f64::from_le_bytes(words[3]),
        }
    }))
}

/// A block as it is filled.
struct Block {
    number: i64,
    first_step: u64,
    last_step: u64,
    n: usize,
    min: Option<f64>,
    max: Option<f64>,
    data: Vec<u8>,
}

impl Block {
    fn new(number: i64) -> Self {
        Self { number, first_step: u64::MAX, last_step: 0, n: 0, min: None, max: None, data: vec![VERSION] }
    }

    fn push(&mut self, sample: &Sample) {
        self.n += 1;
        self.first_step = self.first_step.min(sample.step);
        self.last_step = self.last_step.max(sample.step);
        if sample.value.is_finite() {
            self.min = Some(self.min.map_or(sample.value, |min| min.min(sample.value)));
            self.max = Some(self.max.map_or(sample.value, |max| max.max(sample.value)));
        }
        sample.write(&mut self.data);
    }

    async fn save(&self, conn: &mut SqliteConnection, series: i64) -> Result<(), StoreError> {
        let (first, last, n) = (self.first_step as i64, self.last_step as i64, self.n as i64);
        let data = &self.data[..];
        query!(
            "INSERT INTO metric_block (series_id, number, first_step, last_step, n, min, max, data)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)
             ON CONFLICT (series_id, number) DO UPDATE
             SET first_step = ?3, last_step = ?4, n = ?5, min = ?6, max = ?7, data = ?8",
            series,
            self.number,
            first,
            last,
            n,
            self.min,
            self.max,
            data
        )
        .execute(conn)
        .await?;
        Ok(())
    }
}

struct Tail {
    series: i64,
    block: Block,
}

/// The open last blocks of the series of runs that report. What is here is what the database holds: after a failure
/// it is dropped and read again.
#[derive(Default)]
pub(super) struct Tails {
    runs: HashMap<RunId, HashMap<String, Tail>>,
}

impl Tails {
    /// Appends points to the series of a run.
    pub(super) async fn append(
        &mut self,
        conn: &mut SqliteConnection,
        run: RunId,
        points: Vec<Point>,
    ) -> Result<(), StoreError> {
        if self.runs.len() >= OPEN_RUNS && !self.runs.contains_key(&run) {
            self.runs.clear();
        }
        let tails = self.runs.entry(run).or_default();
        let mut by_name: Vec<(String, Vec<Sample>)> = Vec::new();
        for Point { name, step, epoch, time, value } in points {
            let sample = Sample { step, epoch, time, value };
            match by_name.iter_mut().find(|(known, _)| *known == name) {
                Some((_, samples)) => samples.push(sample),
                None => by_name.push((name, vec![sample])),
            }
        }
        for (name, samples) in by_name {
            let tail = match tails.entry(name) {
                std::collections::hash_map::Entry::Occupied(tail) => tail.into_mut(),
                std::collections::hash_map::Entry::Vacant(place) => {
                    let tail = open(conn, run, place.key()).await?;
                    place.insert(tail)
                }
            };
            for sample in &samples {
                if tail.block.n == BLOCK {
                    tail.block.save(conn, tail.series).await?;
                    tail.block = Block::new(tail.block.number + 1);
                }
                tail.block.push(sample);
            }
            tail.block.save(conn, tail.series).await?;
        }
        Ok(())
    }

    pub(super) fn forget(&mut self, run: RunId) {
        self.runs.remove(&run);
    }
}

/// Finds where a series goes on, or begins it.
async fn open(conn: &mut SqliteConnection, run: RunId, name: &str) -> Result<Tail, StoreError> {
    query!("INSERT INTO metric_series (run_id, name) VALUES (?, ?) ON CONFLICT DO NOTHING", run, name)
        .execute(&mut *conn)
        .await?;
    let series =
        query!(r#"SELECT id AS "id!: i64" FROM metric_series WHERE run_id = ? AND name = ?"#, run, name)
            .fetch_one(&mut *conn)
            .await?
            .id;
    let last = query!(
        r#"SELECT number AS "number!: i64", data AS "data!: Vec<u8>" FROM metric_block
           WHERE series_id = ? ORDER BY number DESC LIMIT 1"#,
        series
    )
    .fetch_optional(conn)
    .await?;
    let mut block = Block::new(last.as_ref().map_or(0, |last| last.number));
    if let Some(last) = last {
        for sample in read(&last.data)? {
            block.push(&sample);
        }
    }
    Ok(Tail { series, block })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn points_come_back_bit_for_bit() {
        let samples = [(0, f64::NAN), (1, f64::NEG_INFINITY), (u64::MAX >> 1, 0.1)]
            .map(|(step, value)| Sample { step, epoch: 0.5, time: -7, value });
        let mut block = Block::new(0);
        for sample in &samples {
            block.push(sample);
        }
        assert_eq!((block.n, block.min, block.max), (3, Some(0.1), Some(0.1)));
        let back: Vec<Sample> = read(&block.data).unwrap().collect();
        let bits = |samples: &[Sample]| -> Vec<_> {
            samples.iter().map(|s| (s.step, s.epoch.to_bits(), s.time, s.value.to_bits())).collect()
        };
        assert_eq!(bits(&back), bits(&samples));
    }

    #[test]
    fn foreign_bytes_are_refused() {
        assert!(read(&[]).is_err());
        assert!(read(&[2]).is_err());
        assert!(read(&[1, 0, 0]).is_err());
    }
}
