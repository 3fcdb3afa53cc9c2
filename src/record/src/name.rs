//! Where a recording lies: a directory a day, so that no directory grows without end.

use std::path::PathBuf;

use link::RecordingId;
use time::OffsetDateTime;

/// Returns `YYYY/MM/DD/HHMMSS-ID.wav` for a recording that starts at `unix_millis`, in UTC.
///
/// UTC, so that names are unique and in order when clocks are put back in autumn.
pub fn recording_path(unix_millis: u64, id: RecordingId) -> PathBuf {
    let seconds = i64::try_from(unix_millis / 1_000).unwrap_or(i64::MAX);
    let at = OffsetDateTime::from_unix_timestamp(seconds).unwrap_or(OffsetDateTime::UNIX_EPOCH);
    let (year, month, day) = at.to_calendar_date();
    let (hour, minute, second) = at.to_hms();
    let month = u8::from(month);
    PathBuf::from(format!("{year:04}/{month:02}/{day:02}/{hour:02}{minute:02}{second:02}-{id}.wav"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_path_is_the_day_and_the_second_in_utc() {
        let leg = link::LegId { epoch: 0x673f_2a10, session: 0, serial: 12 };
        let path =
            |millis| recording_path(millis, RecordingId { leg, number: 1 }).to_str().unwrap().to_string();
        assert_eq!(path(0), "1970/01/01/000000-673f2a10-0-12-r1.wav");
        assert_eq!(path(1_709_251_199_999), "2024/02/29/235959-673f2a10-0-12-r1.wav");
        assert_eq!(path(1_709_251_200_000), "2024/03/01/000000-673f2a10-0-12-r1.wav");
        assert_eq!(path(u64::MAX), "1970/01/01/000000-673f2a10-0-12-r1.wav");
    }
}
