//! WAV files: the header we write and the headers we can read.
//!
//! What we write is always the same 44 octets with two sizes, so that it can be rewritten in place. What we read may
//! have other chunks in it; only `fmt ` and `data` matter. Source: RIFF/WAVE, Microsoft and IBM 1991; format tags of
//! RFC 2361 (1 PCM, 6 A-law, 7 mu-law, 0xFFFE extensible).

use tdm::Law;

/// Octets of the header that we write.
pub(crate) const HEADER: u64 = 44;
/// Octets of a frame that we write: left and right, 16 bit each.
pub(crate) const FRAME: u64 = 4;
/// Samples per second, in files as on the line.
pub(crate) const RATE_HZ: u32 = 8_000;
/// The most frames in one file: the sizes in the header have 32 bits. About 18 hours.
pub(crate) const MAX_FRAMES: u64 = (1 << 31) / FRAME;

const PCM: u16 = 1;
const A_LAW: u16 = 6;
const MU_LAW: u16 = 7;
const EXTENSIBLE: u16 = 0xFFFE;

const _: () = assert!(clock::SAMPLE_RATE_HZ == RATE_HZ as u64);
const _: () = assert!(MAX_FRAMES * FRAME + HEADER <= u32::MAX as u64);

/// Returns the header of a stereo 16-bit file with `frames` frames.
pub(crate) fn header(frames: u64) -> [u8; HEADER as usize] {
    let data = u32::try_from(frames.min(MAX_FRAMES) * FRAME).expect("MAX_FRAMES fits in 32 bits");
    let mut out = [0; HEADER as usize];
    let mut at = 0;
    let mut put = |octets: &[u8]| {
        out[at..at + octets.len()].copy_from_slice(octets);
        at += octets.len();
    };
    put(b"RIFF");
    put(&(data + 36).to_le_bytes());
    put(b"WAVEfmt ");
    put(&16u32.to_le_bytes());
    put(&PCM.to_le_bytes());
    put(&2u16.to_le_bytes());
    put(&RATE_HZ.to_le_bytes());
    put(&(RATE_HZ * FRAME as u32).to_le_bytes());
    put(&(FRAME as u16).to_le_bytes());
    put(&16u16.to_le_bytes());
    put(b"data");
    put(&data.to_le_bytes());
    out
}

/// Returns true if `octets` begin as a file of ours, whatever its sizes.
pub(crate) fn is_ours(octets: &[u8; HEADER as usize]) -> bool {
    let ours = header(0);
    let same = |range: core::ops::Range<usize>| octets[range.clone()] == ours[range];
    same(0..4) && same(8..40)
}

/// How samples are coded in a prompt's file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Coding {
    Pcm16,
    G711(Law),
}

/// Why octets are not a prompt: which field, what it holds, what it may hold.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Unfit {
    pub field: &'static str,
    pub value: String,
    pub allowed: &'static str,
}

/// How a prompt's file holds its samples.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Form {
    pub coding: Coding,
    pub rate_hz: u32,
}

/// Finds the samples in a whole file.
pub(crate) fn parse(file: &[u8]) -> Result<(Form, &[u8]), Unfit> {
    let riff = file.get(..4).unwrap_or_default() == b"RIFF" && file.get(8..12).unwrap_or_default() == b"WAVE";
    if !riff {
        return Err(unfit("file type", shown(file.get(..12).unwrap_or(file)), "RIFF with WAVE in it"));
    }
    let (mut rest, mut form) = (&file[12..], None);
    while rest.len() >= 8 {
        let (id, size) = (&rest[..4], u32_at(rest, 4) as usize);
        let body = &rest[8..];
        let held = &body[..size.min(body.len())];
        match id {
            b"fmt " => form = Some(format(held)?),
            b"data" => {
                let form =
                    form.ok_or_else(|| unfit("fmt chunk", "missing".into(), "before the data chunk"))?;
                return Ok((form, held));
            }
            _ => {}
        }
        // Chunks lie on even octets.
        rest = body.get(size.saturating_add(size & 1)..).unwrap_or_default();
    }
    Err(unfit("data chunk", "missing".into(), "one"))
}

fn format(fmt: &[u8]) -> Result<Form, Unfit> {
    if fmt.len() < 16 {
        return Err(unfit("fmt chunk", format!("{} octets", fmt.len()), "16 or more"));
    }
    let (mut tag, channels, rate_hz, bits) =
        (u16_at(fmt, 0), u16_at(fmt, 2), u32_at(fmt, 4), u16_at(fmt, 14));
    if tag == EXTENSIBLE && fmt.len() >= 26 {
        tag = u16_at(fmt, 24);
    }
    if channels != 1 {
        return Err(unfit("channels", channels.to_string(), "1"));
    }
    if !resample::RATES_HZ.contains(&rate_hz) {
        return Err(unfit("sample rate", format!("{rate_hz} Hz"), "8000 to 48000 Hz"));
    }
    let form = |coding| Ok(Form { coding, rate_hz });
    match (tag, bits) {
        (PCM, 16) => form(Coding::Pcm16),
        (A_LAW, 8) => form(Coding::G711(Law::A)),
        (MU_LAW, 8) => form(Coding::G711(Law::Mu)),
        (PCM, _) => Err(unfit("bits per sample", bits.to_string(), "16 for PCM")),
        (A_LAW | MU_LAW, _) => Err(unfit("bits per sample", bits.to_string(), "8 for A-law and mu-law")),
        _ => Err(unfit("format tag", tag.to_string(), "1 (PCM), 6 (A-law) or 7 (mu-law)")),
    }
}

fn unfit(field: &'static str, value: String, allowed: &'static str) -> Unfit {
    Unfit { field, value, allowed }
}

fn shown(octets: &[u8]) -> String {
    if octets.is_empty() { "an empty file".into() } else { format!("\"{}\"", octets.escape_ascii()) }
}

fn u16_at(octets: &[u8], at: usize) -> u16 {
    u16::from_le_bytes([octets[at], octets[at + 1]])
}

fn u32_at(octets: &[u8], at: usize) -> u32 {
    u32::from_le_bytes([octets[at], octets[at + 1], octets[at + 2], octets[at + 3]])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mono(tag: u16, rate_hz: u32, bits: u16, data: &[u8]) -> Vec<u8> {
        let mut file = b"RIFF\0\0\0\0WAVELIST\x03\0\0\0abc\0fmt \x10\0\0\0".to_vec();
        file.extend(tag.to_le_bytes());
        file.extend(1u16.to_le_bytes());
        file.extend(rate_hz.to_le_bytes());
        file.extend(0u32.to_le_bytes());
        file.extend(0u16.to_le_bytes());
        file.extend(bits.to_le_bytes());
        file.extend(b"data");
        file.extend((data.len() as u32).to_le_bytes());
        file.extend(data);
        file
    }

    #[test]
    fn our_header_is_read_by_hound_as_stereo_16_bit() {
        let mut file = header(2).to_vec();
        file.extend([1, 0, 2, 0, 3, 0, 4, 0]);
        let mut reader = hound::WavReader::new(&file[..]).unwrap();
        assert_eq!(
            (reader.spec().channels, reader.spec().sample_rate, reader.spec().bits_per_sample),
            (2, 8_000, 16)
        );
        assert_eq!(reader.samples::<i16>().map(Result::unwrap).collect::<Vec<_>>(), [1, 2, 3, 4]);
        assert!(is_ours(&header(77)));
    }

    #[test]
    fn odd_chunks_before_the_format_are_passed_over() {
        let form = |coding| Form { coding, rate_hz: 8_000 };
        assert_eq!(parse(&mono(1, 8_000, 16, &[1, 2, 3, 4])), Ok((form(Coding::Pcm16), &[1u8, 2, 3, 4][..])));
        assert_eq!(parse(&mono(6, 8_000, 8, &[0xD5])), Ok((form(Coding::G711(Law::A)), &[0xD5u8][..])));
        assert_eq!(parse(&mono(7, 8_000, 8, &[0xFF])), Ok((form(Coding::G711(Law::Mu)), &[0xFFu8][..])));
    }

    #[test]
    fn what_does_not_fit_is_named_with_its_value() {
        let field = |file: &[u8]| parse(file).map_err(|unfit| (unfit.field, unfit.value)).unwrap_err();
        assert_eq!(field(&mono(1, 6_000, 16, &[])), ("sample rate", "6000 Hz".into()));
        assert_eq!(field(&mono(1, 96_000, 16, &[])), ("sample rate", "96000 Hz".into()));
        assert_eq!(parse(&mono(1, 48_000, 16, &[])).map(|(form, _)| form.rate_hz), Ok(48_000));
        assert_eq!(field(&mono(1, 8_000, 24, &[])), ("bits per sample", "24".into()));
        assert_eq!(field(&mono(6, 8_000, 16, &[])), ("bits per sample", "16".into()));
        assert_eq!(field(&mono(3, 8_000, 32, &[])), ("format tag", "3".into()));
        assert_eq!(field(&header(0)), ("channels", "2".into()));
        assert_eq!(field(b"OggS\0\0"), ("file type", "\"OggS\\x00\\x00\"".into()));
        assert_eq!(field(b""), ("file type", "an empty file".into()));
        assert_eq!(field(b"RIFF\0\0\0\0WAVE"), ("data chunk", "missing".into()));
        assert_eq!(field(b"RIFF\0\0\0\0WAVEdata\0\0\0\0"), ("fmt chunk", "missing".into()));
    }

    #[test]
    fn no_beginning_of_a_file_is_a_panic() {
        let file = mono(1, 8_000, 16, &[0; 64]);
        for len in 0..file.len() {
            let _ = parse(&file[..len]);
        }
        assert!(parse(&file[..file.len() - 3]).is_ok(), "a cut file gives what is there");
    }
}
