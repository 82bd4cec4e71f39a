//! The one place that reads a clock, so that time can be found, and moved, in one place.

use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

/// Wall-clock time in microseconds since the Unix epoch.
#[expect(clippy::disallowed_methods, reason = "this is the clock")]
pub fn now_us() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or(Duration::ZERO);
    let now = i64::try_from(since.as_micros()).unwrap_or(i64::MAX);
    #[cfg(feature = "fault-injection")]
    let now = now.saturating_add(MOVED.get());
    now
}

#[cfg(feature = "fault-injection")]
thread_local! {
    static MOVED: std::cell::Cell<i64> = const { std::cell::Cell::new(0) };
}

/// Moves the wall clock of this thread, as an administrator or a time server does.
#[cfg(feature = "fault-injection")]
pub fn jump(us: i64) {
    MOVED.set(MOVED.get().saturating_add(us));
}

/// A monotonic moment, for measuring durations and judging leases.
#[expect(clippy::disallowed_methods, reason = "this is the clock")]
pub fn monotonic() -> Instant {
    Instant::now()
}

/// RFC 3339 in UTC with microseconds, as every time in the API is written.
pub fn rfc3339(unix_us: i64) -> String {
    let format = time::macros::format_description!(
        "[year]-[month]-[day]T[hour]:[minute]:[second].[subsecond digits:6]Z"
    );
    time::OffsetDateTime::from_unix_timestamp_nanos(i128::from(unix_us) * 1000)
        .ok()
        .and_then(|moment| moment.format(format).ok())
        .unwrap_or_default()
}

#[cfg(test)]
mod tests {
    #[test]
    fn times_are_written_with_microseconds() {
        assert_eq!(super::rfc3339(1_700_000_000_000_042), "2023-11-14T22:13:20.000042Z");
    }
}
