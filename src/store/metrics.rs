//! Metric series: read, joined over a job's runs, and thinned out.

use std::cmp::Ordering;

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

impl Part {
    /// Whether the point is the part's, and among those that are asked for.
    fn has(&self, point: &Sample, since_step: Option<u64>) -> bool {
        point.step < self.before && since_step.is_none_or(|since| point.step > since)
    }

    /// What its blocks are compared with: steps greater than the one, and less than the other.
    fn bounds(&self, since_step: Option<u64>) -> (i64, i64) {
        let since = since_step.map_or(-1, |step| step.min(i64::MAX as u64) as i64);
        (since, self.before.min(i64::MAX as u64) as i64)
    }
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
            // Long series are not held whole: to be thinned out as it is read, it is counted first.
            let total = count(&mut snapshot, &parts, query.since_step).await?;
            let mut thinned = Thinned::new(total, query.max_points);
            read(&mut snapshot, &parts, query.since_step, &mut thinned).await?;
            let point = |sample: Sample| Point {
                name: name.clone(),
                step: sample.step,
                epoch: sample.epoch,
                time: sample.time,
                value: sample.value,
            };
            let points = thinned.kept.into_iter().map(point).collect();
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

/// How many points there are to read. Into a block that lies within the bounds nobody has to look.
async fn count(
    conn: &mut SqliteConnection,
    parts: &[Part],
    since_step: Option<u64>,
) -> Result<usize, StoreError> {
    let mut total = 0;
    for part in parts {
        if since_step.is_none() && part.before == u64::MAX {
            total += part.points;
            continue;
        }
        let (since, before) = part.bounds(since_step);
        // Not the checked macro, which copies each block out of its row.
        let mut rows = sqlx::query(
            "SELECT n, CASE WHEN first_step > ?2 AND last_step < ?3 THEN NULL ELSE data END FROM metric_block
             WHERE series_id = ?1 AND last_step > ?2 AND first_step < ?3",
        )
        .bind(part.series)
        .bind(since)
        .bind(before)
        .fetch(&mut *conn);
        while let Some(row) = rows.try_next().await? {
            total += match row.try_get::<Option<&[u8]>, _>(1)? {
                None => row.try_get::<i64, _>(0)? as usize,
                Some(data) => blocks::read(data)?.filter(|point| part.has(point, since_step)).count(),
            };
        }
    }
    Ok(total)
}

async fn read(
    conn: &mut SqliteConnection,
    parts: &[Part],
    since_step: Option<u64>,
    thinned: &mut Thinned,
) -> Result<(), StoreError> {
    for part in parts {
        let (since, before) = part.bounds(since_step);
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
            for point in points.filter(|point| part.has(point, since_step)) {
                thinned.push(point);
            }
        }
    }
    Ok(())
}

/// A series as it is read. A short one is kept whole; of a longer one both ends are, and of each of equal buckets between
/// them the least and the greatest, in their order.
struct Thinned {
    total: usize,
    most: usize,
    seen: usize,
    kept: Vec<Sample>,
    /// Buckets that are full, and what is known of the next.
    full: usize,
    bucket: Extremes,
}

impl Thinned {
    fn new(total: usize, most: usize) -> Self {
        let kept = Vec::with_capacity(total.min(most));
        Self { total, most, seen: 0, kept, full: 0, bucket: Extremes::default() }
    }

    fn push(&mut self, sample: Sample) {
        let place = self.seen;
        self.seen += 1;
        let is_last = self.seen == self.total;
        let is_end = is_last || (place == 0 && self.most >= 2);
        if self.total <= self.most || (is_end && self.most > 0) {
            self.kept.push(sample);
        } else if !is_end {
            self.put(place, sample);
        }
    }

    /// Puts a point between the ends into its bucket.
    fn put(&mut self, place: usize, sample: Sample) {
        let buckets = self.most.saturating_sub(2) / 2;
        if buckets == 0 {
            return;
        }
        self.bucket.put(place, sample);
        let inner = self.total - 2;
        if place == inner * (self.full + 1) / buckets {
            self.kept.extend(std::mem::take(&mut self.bucket).in_order());
            self.full += 1;
        }
    }
}

/// The least and the greatest finite value of a bucket, with their places; its first point where none is finite.
#[derive(Default)]
struct Extremes {
    first: Option<Sample>,
    least: Option<(usize, Sample)>,
    greatest: Option<(usize, Sample)>,
}

impl Extremes {
    fn put(&mut self, place: usize, sample: Sample) {
        self.first.get_or_insert(sample);
        if sample.value.is_finite() {
            if self.least.is_none_or(|(_, least)| sample.value < least.value) {
                self.least = Some((place, sample));
            }
            if self.greatest.is_none_or(|(_, greatest)| sample.value > greatest.value) {
                self.greatest = Some((place, sample));
            }
        }
    }

    /// One point where they are the same.
    fn in_order(self) -> impl Iterator<Item = Sample> {
        let points = match self.least.zip(self.greatest) {
            None => [self.first, None],
            Some((least, greatest)) => match least.0.cmp(&greatest.0) {
                Ordering::Less => [Some(least.1), Some(greatest.1)],
                Ordering::Equal => [Some(least.1), None],
                Ordering::Greater => [Some(greatest.1), Some(least.1)],
            },
        };
        points.into_iter().flatten()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn samples(values: impl IntoIterator<Item = f64>) -> Vec<Sample> {
        let sample = |(step, value)| Sample { step: step as u64, epoch: 0.0, time: 0, value };
        values.into_iter().enumerate().map(sample).collect()
    }

    fn thin(samples: &[Sample], most: usize) -> Vec<Sample> {
        let mut thinned = Thinned::new(samples.len(), most);
        for sample in samples {
            thinned.push(*sample);
        }
        thinned.kept
    }

    /// The same, of a series that is at hand as a whole.
    fn thin_at_once(samples: &[Sample], most: usize) -> Vec<Sample> {
        let (first, last) = match samples {
            [first, .., last] if samples.len() > most => (*first, *last),
            _ => return samples.iter().take(most).copied().collect(),
        };
        if most < 2 {
            return vec![last; most];
        }
        let (inner, buckets) = (&samples[1..samples.len() - 1], (most - 2) / 2);
        let mut kept = vec![first];
        for bucket in 0..buckets {
            let bucket = &inner[inner.len() * bucket / buckets..inner.len() * (bucket + 1) / buckets];
            let finite: Vec<&Sample> = bucket.iter().filter(|sample| sample.value.is_finite()).collect();
            let values = finite.iter().map(|sample| sample.value);
            let (least, greatest) =
                (values.clone().fold(f64::INFINITY, f64::min), values.fold(f64::NEG_INFINITY, f64::max));
            let find = |value: f64| finite.iter().copied().find(|sample| sample.value == value);
            let mut both = [find(least), find(greatest)].map(|found| *found.unwrap_or(&bucket[0])).to_vec();
            both.sort_by_key(|sample| sample.step);
            both.dedup_by_key(|sample| sample.step);
            kept.extend(both);
        }
        kept.push(last);
        kept
    }

    #[test]
    fn a_series_is_thinned_as_it_is_read_as_it_would_be_at_once() {
        let steps = |samples: Vec<Sample>| -> Vec<u64> { samples.iter().map(|sample| sample.step).collect() };
        // Values that repeat, and some that are not finite.
        let value = |index: u32| match index.wrapping_mul(2_654_435_761) >> 28 {
            0..5 => f64::NAN,
            5 => f64::INFINITY,
            other => f64::from(other % 7),
        };
        for total in (0..40).chain([97, 1_000, 4_099]) {
            let all = samples((0..total).map(value));
            for most in (0..20).chain([96, 97, 98, 999, 1_000, 5_000]) {
                assert_eq!(steps(thin(&all, most)), steps(thin_at_once(&all, most)), "{total} to {most}");
            }
        }
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
