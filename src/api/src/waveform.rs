//! What a recording looks like: the least and the greatest sample of each of a few hundred stretches.
//!
//! The file is read once from front to back in pieces; memory is what one piece and the answer need, however long the
//! recording. Stretch `i` of `n` has the frames from `i * frames / n` up to those of the next.
//!
//! Read are RIFF/WAVE files with 16-bit PCM and one or two channels, as the recorder writes them; other chunks are
//! passed over. A file that was cut gives what is there.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;

use crate::schema::{Lane, Waveform};

/// Octets read at a time.
const PIECE: usize = 256 * 1024;
/// The most chunks before the samples.
const MAX_CHUNKS: usize = 64;

/// Where the samples are.
struct Samples {
    channels: usize,
    rate_hz: u64,
    /// The first octet.
    from: u64,
    frames: u64,
}

/// Draws `file` with at most `points` stretches, while `wanted` says so.
///
/// # Errors
/// The file cannot be read, is no recording, or is not wanted any more.
pub(crate) fn draw(file: &File, points: usize, wanted: impl Fn() -> bool) -> io::Result<Waveform> {
    let samples = find(file)?;
    let Samples { channels, rate_hz, from, frames } = samples;
    let points = (points as u64).min(frames);
    let lane = || Lane { min: Vec::with_capacity(points as usize), max: Vec::with_capacity(points as usize) };
    let mut waveform =
        Waveform { length_ms: frames * 1_000 / rate_hz, channels: (0..channels).map(|_| lane()).collect() };
    let frame = 2 * channels;
    let mut octets = vec![0; PIECE / frame * frame];
    let (mut at, mut point) = (0, 0);
    let mut stretch = vec![(i16::MAX, i16::MIN); channels];
    while at < frames {
        if !wanted() {
            return Err(io::Error::other("nobody waits for it"));
        }
        let count = ((octets.len() / frame) as u64).min(frames - at);
        let piece = &mut octets[..count as usize * frame];
        file.read_exact_at(piece, from + at * frame as u64)?;
        let mut rest = &piece[..];
        while !rest.is_empty() {
            let end = (point + 1) * frames / points;
            let (now, later) = rest.split_at(rest.len().min((end - at) as usize * frame));
            widen(&mut stretch, now);
            at += (now.len() / frame) as u64;
            rest = later;
            if at == end {
                for (lane, (min, max)) in waveform.channels.iter_mut().zip(&mut stretch) {
                    lane.min.push(*min);
                    lane.max.push(*max);
                    (*min, *max) = (i16::MAX, i16::MIN);
                }
                point += 1;
            }
        }
    }
    Ok(waveform)
}

fn widen(stretch: &mut [(i16, i16)], octets: &[u8]) {
    let channels = stretch.len();
    for (channel, (min, max)) in stretch.iter_mut().enumerate() {
        for sample in octets.chunks_exact(2).skip(channel).step_by(channels) {
            let sample = i16::from_le_bytes([sample[0], sample[1]]);
            *min = sample.min(*min);
            *max = sample.max(*max);
        }
    }
}

/// Finds the samples. Source: RIFF/WAVE, Microsoft and IBM 1991.
fn find(file: &File) -> io::Result<Samples> {
    let len = file.metadata()?.len();
    let unfit = |what: &str| io::Error::new(io::ErrorKind::InvalidData, what.to_string());
    let mut head = [0; 12];
    file.read_exact_at(&mut head, 0).map_err(|_| unfit("it is shorter than any recording"))?;
    if &head[..4] != b"RIFF" || &head[8..] != b"WAVE" {
        return Err(unfit("it is no WAV file"));
    }
    let (mut at, mut format) = (12, None);
    for _ in 0..MAX_CHUNKS {
        let mut chunk = [0; 8];
        file.read_exact_at(&mut chunk, at).map_err(|_| unfit("it has no samples"))?;
        let size = u64::from(u32::from_le_bytes([chunk[4], chunk[5], chunk[6], chunk[7]]));
        at += 8;
        match &chunk[..4] {
            b"fmt " if size >= 16 => {
                let mut fmt = [0; 16];
                file.read_exact_at(&mut fmt, at)?;
                format = Some(fmt);
            }
            b"data" => {
                let fmt = format.ok_or_else(|| unfit("its format is missing"))?;
                let word = |at: usize| u16::from_le_bytes([fmt[at], fmt[at + 1]]);
                let rate_hz = u64::from(u32::from_le_bytes([fmt[4], fmt[5], fmt[6], fmt[7]]));
                let channels = usize::from(word(2));
                if word(0) != 1 || word(14) != 16 || !(1..=2).contains(&channels) || rate_hz == 0 {
                    return Err(unfit("it is not 16-bit PCM with one or two channels"));
                }
                let frames = size.min(len.saturating_sub(at)) / (2 * channels as u64);
                return Ok(Samples { channels, rate_hz, from: at, frames });
            }
            _other => {}
        }
        // Chunks lie on even octets.
        at += size + (size & 1);
    }
    Err(unfit("it has too many chunks"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write;

    fn wav(channels: u16, samples: &[i16]) -> Vec<u8> {
        let mut file = b"RIFF\0\0\0\0WAVELIST\x03\0\0\0abc\0fmt \x10\0\0\0\x01\0".to_vec();
        file.extend(channels.to_le_bytes());
        file.extend(8_000u32.to_le_bytes());
        file.extend([0; 6]);
        file.extend(16u16.to_le_bytes());
        file.extend(b"data");
        file.extend((samples.len() as u32 * 2).to_le_bytes());
        samples.iter().for_each(|sample| file.extend(sample.to_le_bytes()));
        file
    }

    fn drawn(octets: &[u8], points: usize) -> io::Result<Waveform> {
        let mut file = tempfile::tempfile()?;
        file.write_all(octets)?;
        draw(&file, points, || true)
    }

    #[test]
    fn each_stretch_has_its_least_and_greatest_sample_by_channel() {
        let samples = [1, -1, 5, -5, 2, -2, 3, -3, i16::MIN, i16::MAX, 0, 0];
        let waveform = drawn(&wav(2, &samples), 3).unwrap();
        assert_eq!(waveform.length_ms, 0);
        let [left, right] = &waveform.channels[..] else { panic!("two channels") };
        assert_eq!((&left.min[..], &left.max[..]), (&[1, 2, i16::MIN][..], &[5, 3, 0][..]));
        assert_eq!((&right.min[..], &right.max[..]), (&[-5, -3, 0][..], &[-1, -2, i16::MAX][..]));
    }

    #[test]
    fn stretches_cover_every_frame_once_across_pieces() {
        let frames = 300_000_usize;
        let samples: Vec<i16> = (0..frames).map(|n| (n % 30_000) as i16).collect();
        for points in [10, 999, 4_000] {
            let waveform = drawn(&wav(1, &samples), points).unwrap();
            assert_eq!(waveform.length_ms, 37_500);
            let lane = &waveform.channels[0];
            assert_eq!((lane.min.len(), lane.max.len()), (points, points));
            for (point, (min, max)) in lane.min.iter().zip(&lane.max).enumerate() {
                let stretch = &samples[point * frames / points..(point + 1) * frames / points];
                assert_eq!((Some(min), Some(max)), (stretch.iter().min(), stretch.iter().max()), "{point}");
            }
        }
    }

    #[test]
    fn a_recording_shorter_than_the_points_has_a_point_a_frame_and_an_empty_one_none() {
        assert_eq!(drawn(&wav(1, &[7, 8, 9]), 10).unwrap().channels[0].min, [7, 8, 9]);
        let empty = drawn(&wav(2, &[]), 10).unwrap();
        assert_eq!((empty.length_ms, empty.channels), (0, vec![Lane::default(); 2]));
    }

    #[test]
    fn a_cut_file_gives_what_is_there_and_no_beginning_is_a_panic() {
        let whole = wav(2, &[1, 2, 3, 4, 5, 6]);
        assert_eq!(drawn(&whole[..whole.len() - 3], 10).unwrap().channels[0].min, [1, 3]);
        for len in 0..whole.len() {
            let _ = drawn(&whole[..len], 10);
        }
        assert!(drawn(&whole[..40], 10).is_err());
    }

    #[test]
    fn other_codings_are_refused() {
        let mut file = wav(2, &[1, 2]);
        let tag = file.windows(4).position(|w| w == b"fmt ").unwrap() + 8;
        file[tag] = 6;
        assert_eq!(drawn(&file, 10).unwrap_err().kind(), io::ErrorKind::InvalidData);
    }

    #[test]
    fn reading_stops_when_nobody_waits() {
        let mut file = tempfile::tempfile().unwrap();
        file.write_all(&wav(1, &[1; 100])).unwrap();
        assert!(draw(&file, 10, || false).is_err());
    }
}
