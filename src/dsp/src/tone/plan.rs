//! The tones of countries.
//!
//! Frequencies and cadences as commonly published; each plan says what stands behind it. A plan marked
//! [`Provenance::Unverified`] has not been compared with ITU-T E.180 Supplement 2 or the country's own standard. Levels
//! are a moderate choice within the -5 to -15 dBm0 that E.180 recommends (-13 for each of two sines).

use super::{Segment, Sine, ToneSpec};

/// A country or rule whose tones are known.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Country {
    /// China.
    Cn,
    /// The values that ITU-T E.180 recommends.
    Itu,
    /// United States (the precise tone plan).
    Us,
    /// United Kingdom.
    Uk,
    /// The values common in Europe (ETSI).
    Etsi,
}

/// What stands behind a plan.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Provenance {
    /// Compared with this text.
    Checked(&'static str),
    /// Widely published, compared with no standard.
    Unverified,
}

/// The tones of one country.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct TonePlan {
    /// Go on and dial.
    pub dial: ToneSpec,
    /// The called telephone rings.
    pub ringback: ToneSpec,
    /// The called line is busy.
    pub busy: ToneSpec,
    /// No path.
    pub congestion: ToneSpec,
    /// The number cannot be reached.
    pub unobtainable: ToneSpec,
    /// What stands behind the values.
    pub provenance: Provenance,
}

impl Country {
    /// Every country known.
    pub const ALL: [Country; 5] = [Country::Cn, Country::Itu, Country::Us, Country::Uk, Country::Etsi];

    /// Finds a country by its code: `cn`, `itu`, `us`, `uk`, `etsi`.
    pub fn from_code(code: &str) -> Option<Country> {
        Country::ALL.into_iter().find(|country| country.code() == code)
    }

    /// Returns the code.
    pub const fn code(self) -> &'static str {
        match self {
            Country::Cn => "cn",
            Country::Itu => "itu",
            Country::Us => "us",
            Country::Uk => "uk",
            Country::Etsi => "etsi",
        }
    }
}

/// Returns the tones of a country.
pub const fn plan(country: Country) -> &'static TonePlan {
    match country {
        Country::Cn => &CN,
        Country::Itu => &ITU,
        Country::Us => &US,
        Country::Uk => &UK,
        Country::Etsi => &ETSI,
    }
}

const fn single(freq_hz: f32, level_dbm0: f32) -> [Sine; 3] {
    [Sine::new(freq_hz, level_dbm0), Sine::NONE, Sine::NONE]
}

const fn dual(a_hz: f32, b_hz: f32, level_dbm0: f32) -> [Sine; 3] {
    [Sine::new(a_hz, level_dbm0), Sine::new(b_hz, level_dbm0), Sine::NONE]
}

/// The special information tone: three rising tones of 330 ms, 1 s of silence. Source: ITU-T E.180 clause 3.3.
pub const SPECIAL_INFORMATION: ToneSpec = ToneSpec::new(&[
    Segment::single(Sine::new(950.0, -10.0), 330),
    Segment::single(Sine::new(1_400.0, -10.0), 330),
    Segment::single(Sine::new(1_800.0, -10.0), 330),
    Segment::silence(1_000),
]);

static CN: TonePlan = TonePlan {
    dial: ToneSpec::cadence(single(450.0, -10.0), &[]),
    ringback: ToneSpec::cadence(single(450.0, -10.0), &[1_000, 4_000]),
    busy: ToneSpec::cadence(single(450.0, -10.0), &[350, 350]),
    congestion: ToneSpec::cadence(single(450.0, -10.0), &[700, 700]),
    unobtainable: ToneSpec::cadence(
        single(450.0, -10.0),
        &[100, 100, 100, 100, 100, 100, 100, 100, 400, 400],
    ),
    provenance: Provenance::Unverified,
};

static ITU: TonePlan = TonePlan {
    dial: ToneSpec::cadence(single(425.0, -10.0), &[]),
    ringback: ToneSpec::cadence(single(425.0, -10.0), &[1_000, 4_000]),
    busy: ToneSpec::cadence(single(425.0, -10.0), &[500, 500]),
    congestion: ToneSpec::cadence(single(425.0, -10.0), &[250, 250]),
    unobtainable: SPECIAL_INFORMATION,
    provenance: Provenance::Unverified,
};

static ETSI: TonePlan = TonePlan {
    dial: ToneSpec::cadence(single(425.0, -10.0), &[]),
    ringback: ToneSpec::cadence(single(425.0, -10.0), &[1_000, 4_000]),
    busy: ToneSpec::cadence(single(425.0, -10.0), &[500, 500]),
    congestion: ToneSpec::cadence(single(425.0, -10.0), &[200, 200]),
    unobtainable: SPECIAL_INFORMATION,
    provenance: Provenance::Unverified,
};

static US: TonePlan = TonePlan {
    dial: ToneSpec::cadence(dual(350.0, 440.0, -13.0), &[]),
    ringback: ToneSpec::cadence(dual(440.0, 480.0, -19.0), &[2_000, 4_000]),
    busy: ToneSpec::cadence(dual(480.0, 620.0, -24.0), &[500, 500]),
    congestion: ToneSpec::cadence(dual(480.0, 620.0, -24.0), &[250, 250]),
    unobtainable: SPECIAL_INFORMATION,
    provenance: Provenance::Unverified,
};

static UK: TonePlan = TonePlan {
    dial: ToneSpec::cadence(dual(350.0, 440.0, -13.0), &[]),
    ringback: ToneSpec::cadence(dual(400.0, 450.0, -13.0), &[400, 200, 400, 2_000]),
    busy: ToneSpec::cadence(single(400.0, -10.0), &[375, 375]),
    congestion: ToneSpec::cadence(single(400.0, -10.0), &[400, 350, 225, 525]),
    unobtainable: ToneSpec::cadence(single(400.0, -10.0), &[]),
    provenance: Provenance::Unverified,
};

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn countries_are_found_by_code_only() {
        for country in Country::ALL {
            assert_eq!(Country::from_code(country.code()), Some(country));
        }
        assert_eq!(Country::from_code("CN"), None);
    }
}
