//! Metric series: read, joined over a job's runs, and thinned out.

use futures::TryStreamExt as _;
use sqlx::sqlite::SqliteConnection;
use sqlx::{Row as _, query};

use super::blocks::{self, Sample};
use super::{JobId, RunId, Store, StoreError};
use crate::spec::report::Point;

/// Which points of a job's series.
#[derive(Clone, Debug)]
pub struct SeriesQuery {
    pub job: JobId,
    /// This series alone.
    pub name: Option<String>,
    /// This run alone, instead of the runs joined.
    pub run: Option<RunId>,
    /// Steps greater than this.
    pub since_step: Option<u64>,
    pub max_points: usize,
}

/// A series, thinned out where it is long.
#[derive(Clone, Debug)]
pub struct Series {
    pub name: String,
    /// The newest run that it has points of.
    pub run: RunId,
    pub points: Vec<Point>,
}

/// The part of a series that one run wrote.
struct Part {
    series: i64,
    run: RunId,
    attempt: u32,
    /// Points from this step on are a later run's.
    before: u64,
    first_step: u64,
    points: usize,
}

impl Store {
    /// Series in the order of their first points.
    pub async fn series(&self, query: SeriesQuery) -> Result<Vec<Series>, StoreError> {
        let mut snapshot = self.snapshot().await?;
        let starts = starts(&mut snapshot, &query).await?;
        let mut found = Vec::new();
        for (name, mut parts) in parts(&mut snapshot, &query).await? {
            cut(&mut parts, &starts);
            let Some(run) =
                parts.iter().rev().find(|part| part.before > part.first_step).map(|part| part.run)
            else {
                continue;
            };
            let samples = read(&mut snapshot, &parts, query.since_step).await?;
            let point = |sample: &Sample| Point {
                name: name.clone(),
                step: sample.step,
                epoch: sample.epoch,
                time: sample.time,
                value: sample.value,
            };
            let points = thin(&samples, query.max_points).into_iter().map(point).collect();
            found.push(Series { name, run, points });
        }
        Ok(found)
    }
}

/// The parts of each series, by run.
async fn parts(
    conn: &mut SqliteConnection,
    wanted: &SeriesQuery,
) -> Result<Vec<(String, Vec<Part>)>, StoreError> {
    let rows = query!(
        r#"SELECT metric_series.id AS "series!: i64", metric_series.name AS "name!: String", run.id AS "run!: RunId",
                  attempt AS "attempt!: u32", min(first_step) AS "first_step!: u64", sum(n) AS "points!: u64"
           FROM run JOIN metric_series ON run_id = run.id JOIN metric_block ON series_id = metric_series.id
           WHERE job_id = ?1 AND (?2 IS NULL OR run.id = ?2) AND (?3 IS NULL OR metric_series.name = ?3)
           GROUP BY metric_series.id ORDER BY attempt, metric_series.id"#,
        wanted.job,
        wanted.run,
        wanted.name
    )
    .fetch_all(conn)
    .await?;
    let mut series: Vec<(String, Vec<Part>)> = Vec::new();
    for row in rows {
        let part = Part {
            series: row.series,
            run: row.run,
            attempt: row.attempt,
            before: u64::MAX,
            first_step: row.first_step,
            points: row.points as usize,
        };
        match series.iter_mut().find(|(name, _)| *name == row.name) {
            Some((_, parts)) => parts.push(part),
            None => series.push((row.name, vec![part])),
        }
    }
    Ok(series)
}

/// Which runs went on from where, by attempt, where the runs are joined.
async fn starts(conn: &mut SqliteConnection, wanted: &SeriesQuery) -> Result<Vec<(u32, u64)>, StoreError> {
    if wanted.run.is_some() {
        return Ok(Vec::new());
    }
    let rows = query!(
        r#"SELECT attempt AS "attempt!: u32", from_step AS "from_step!: u64" FROM run
           WHERE job_id = ? AND from_step IS NOT NULL"#,
        wanted.job
    );
    Ok(rows.fetch_all(conn).await?.into_iter().map(|row| (row.attempt, row.from_step)).collect())
}

/// Ends each run's part where a later run went on: behind the step it started from, or where it has points itself.
fn cut(parts: &mut [Part], starts: &[(u32, u64)]) {
    let mut before = u64::MAX;
    for part in parts.iter_mut().rev() {
        let later = starts.iter().filter(|(attempt, _)| *attempt > part.attempt);
        // What started anew goes through step 0 itself.
        let from = later.map(|(_, from)| if *from == 0 { 0 } else { from + 1 }).min();
        part.before = before.min(from.unwrap_or(u64::MAX));
        before = before.min(part.first_step);
    }
}

async fn read(
    conn: &mut SqliteConnection,
    parts: &[Part],
    since_step: Option<u64>,
) -> Result<Vec<Sample>, StoreError> {
    let since = since_step.map_or(-1, |step| step.min(i64::MAX as u64) as i64);
    let mut samples = Vec::with_capacity(parts.iter().map(|part| part.points).sum());
    for part in parts {
        let before = part.before.min(i64::MAX as u64) as i64;
        // Not the checked macro, which copies each block out of its row before it can be read.
        let mut rows = sqlx::query(
            "SELECT data FROM metric_block WHERE series_id = ? AND last_step > ? AND first_step < ? ORDER BY number",
        )
        .bind(part.series)
        .bind(since)
        .bind(before)
        .fetch(&mut *conn);
        while let Some(row) = rows.try_next().await? {
            let points = blocks::read(row.try_get::<&[u8], _>(0)?)?;
            samples.extend(
                points.filter(|point| point.step < part.before && since_step.is_none_or(|s| point.step > s)),
            );
        }
    }
    Ok(samples)
}

/// Keeps both ends, and of each of equal buckets between them the least and the greatest, in their order.
fn thin(samples: &[Sample], most: usize) -> Vec<&Sample> {
    if samples.len() <= most {
        return samples.iter().collect();
    }
    let [first, inner @ .., last] = samples else { return samples.iter().take(most).collect() };
    if most < 2 {
        return std::iter::repeat_n(last, most).collect();
    }
    let buckets = (most - 2) / 2;
    let mut kept = Vec::with_capacity(most);
    kept.push(first);
    for bucket in 0..buckets {
        let bounds = inner.len() * bucket / buckets..inner.len() * (bucket + 1) / buckets;
        kept.extend(extremes(&inner[bounds]));
    }
    kept.push(last);
    kept
}

/// The least and the greatest of the finite values, in their order; one point where they are the same.
fn extremes(bucket: &[Sample]) -> impl Iterator<Item = &Sample> {
    let (mut least, mut greatest) = (None, None);
    let (mut min, mut max) = (f64::INFINITY, f64::NEG_INFINITY);
    for (index, sample) in bucket.iter().enumerate() {
        if sample.value.is_finite() {
            if sample.value < min {
                (least, min) = (Some(index), sample.value);
            }
            if sample.value > max {
                (greatest, max) = (Some(index), sample.value);
            }
        }
    }
    // Where nothing is finite, that is worth a point.
    let none = if bucket.is_empty() { None } else { Some(0) };
    let a = least.or(none);
    let b = greatest.filter(|greatest| Some(*greatest) != a);
    let (first, second) = if b.is_some() && b < a { (b, a) } else { (a, b) };
    first.into_iter().chain(second).map(|index| &bucket[index])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn samples(values: impl IntoIterator<Item = f64>) -> Vec<Sample> {
        let sample = |(step, value)| Sample { step: step as u64, epoch: 0.0, time: 0, value };
        values.into_iter().enumerate().map(sample).collect()
    }

    #[test]
    fn short_series_are_whole() {
        let all = samples([3.0, 1.0, 2.0]);
        assert_eq!(thin(&all, 3).len(), 3);
        assert!(thin(&[], 3).is_empty());
    }

    #[test]
    fn thinning_keeps_ends_and_extremes() {
        let mut values: Vec<f64> = (0..10_000).map(|i| f64::from(i % 97)).collect();
        values[4_321] = -5.0;
        values[8_765] = 1_000.0;
        let all = samples(values);
        for most in [4, 5, 10, 999, 1_000] {
            let kept = thin(&all, most);
            assert!(kept.len() <= most);
            assert_eq!((kept[0].step, kept[kept.len() - 1].step), (0, 9_999));
            assert!(kept.iter().any(|s| s.step == 4_321) && kept.iter().any(|s| s.step == 8_765));
            assert!(kept.is_sorted_by_key(|s| s.step));
        }
        assert_eq!(thin(&all, 2).len(), 2);
        assert_eq!(thin(&all, 1)[0].step, 9_999);
        assert!(thin(&all, 0).is_empty());
    }

    #[test]
    fn what_is_not_finite_hides_nothing() {
        let mut values = vec![f64::NAN; 1_000];
        values[500] = 1.0;
        let kept: Vec<u64> = thin(&samples(values), 8).iter().map(|s| s.step).collect();
        assert_eq!(kept, [0, 1, 500, 666, 999]);
    }
}
