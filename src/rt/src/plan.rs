//! What has to be done for each block, as dense lists, so that an idle strip costs nothing.
//!
//! Commands change the strips' settings and mark the plan as stale; before the next block the lists are made anew, in
//! one walk over the strips (a few microseconds for 500). The loops over samples then have no choice to make.

use dsp::mix::Gain as Factor;
use tdm::Law;

use crate::detect::Detectors;
use crate::echo::Cancellers;
use crate::feeds::Feeds;
use crate::fixed::Fixed;
use crate::strips::Strips;
use crate::taps::Taps;
use crate::{Conference, FeedPort, Source, Strip};

/// Neighbouring strips of one law.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Run {
    pub(crate) first: usize,
    pub(crate) end: usize,
    pub(crate) law: Law,
}

/// Strip `to` sends what strip `from` receives.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Pair {
    pub(crate) to: usize,
    pub(crate) from: usize,
}

/// The lists.
pub(crate) struct Plan {
    /// The lists are older than the settings.
    pub(crate) stale: bool,
    /// Strips whose octets are decoded and measured.
    pub(crate) decode: Fixed<Run>,
    /// Strips with a gain from the line.
    pub(crate) rx_gains: Fixed<usize>,
    /// Channels bridged octet by octet: bit-exact, and nothing to encode.
    pub(crate) copies: Fixed<Pair>,
    /// Channels bridged through linear samples.
    pub(crate) lines: Fixed<Pair>,
    /// Conferences that have members.
    pub(crate) conferences: Fixed<Members>,
    /// Their members, one conference after the other.
    pub(crate) members: Fixed<usize>,
    /// Feeds that are listened to, each once.
    pub(crate) feeds: Fixed<FeedPort>,
    /// Strips that send nothing but are looked at all the same.
    pub(crate) quiet: Fixed<usize>,
    /// Strips that play a feed.
    pub(crate) players: Fixed<(usize, FeedPort)>,
    /// Strips that sound a tone.
    pub(crate) tones: Fixed<usize>,
    /// Strips that send digits.
    pub(crate) dials: Fixed<usize>,
    /// Strips whose former source ends with a ramp in the next block.
    pub(crate) fades: Fixed<usize>,
    /// Strips with a gain to the line.
    pub(crate) tx_gains: Fixed<usize>,
    /// Strips whose samples to the line are measured.
    pub(crate) sending: Fixed<usize>,
    /// Strips whose samples are encoded.
    pub(crate) encode: Fixed<Run>,
    /// Taps in use.
    pub(crate) taps: Fixed<(usize, usize)>,
    heard: Box<[bool]>,
    /// Strips to whose lines something is sent.
    sends: Box<[bool]>,
    listened: Box<[bool]>,
}

/// A part of [`Plan::members`].
#[derive(Clone, Copy, Debug)]
pub(crate) struct Members {
    pub(crate) first: usize,
    pub(crate) end: usize,
}

impl Plan {
    pub(crate) fn new(strips: usize, taps: usize, feeds: usize, conferences: usize) -> Plan {
        let run = Run { first: 0, end: 0, law: Law::A };
        let pair = Pair { to: 0, from: 0 };
        Plan {
            stale: true,
            decode: Fixed::new(strips, run),
            rx_gains: Fixed::new(strips, 0),
            copies: Fixed::new(strips, pair),
            lines: Fixed::new(strips, pair),
            conferences: Fixed::new(conferences, Members { first: 0, end: 0 }),
            members: Fixed::new(strips, 0),
            feeds: Fixed::new(feeds, FeedPort(0)),
            quiet: Fixed::new(strips, 0),
            players: Fixed::new(strips, (0, FeedPort(0))),
            tones: Fixed::new(strips, 0),
            dials: Fixed::new(strips, 0),
            fades: Fixed::new(strips, 0),
            tx_gains: Fixed::new(strips, 0),
            sending: Fixed::new(strips, 0),
            encode: Fixed::new(strips, run),
            taps: Fixed::new(taps, (0, 0)),
            heard: vec![false; strips].into_boxed_slice(),
            sends: vec![false; strips].into_boxed_slice(),
            listened: vec![false; feeds].into_boxed_slice(),
        }
    }

    /// Makes the lists anew.
    pub(crate) fn make(
        &mut self,
        strips: &Strips,
        detectors: &Detectors,
        taps: &Taps,
        feeds: &Feeds,
        echo: &Cancellers,
    ) {
        self.stale = false;
        self.clear();
        self.list_taps(taps);
        for to in 0..strips.len() {
            self.list_settings(to, strips);
            self.heard[to] |= strips.present[to] && !detectors.wants(to).is_empty();
            self.list_source(to, strips, feeds, echo);
        }
        self.list_members(strips);
        for strip in 0..strips.len() {
            if self.heard[strip] {
                add_to_runs(&mut self.decode, strip, strips.law[strip]);
            }
        }
    }

    /// Returns which strips are decoded.
    pub(crate) fn listens(&self) -> &[bool] {
        &self.heard
    }

    /// Returns to which strips' lines something is sent.
    pub(crate) fn sends(&self) -> &[bool] {
        &self.sends
    }

    fn clear(&mut self) {
        self.decode.clear();
        self.rx_gains.clear();
        self.copies.clear();
        self.lines.clear();
        self.conferences.clear();
        self.members.clear();
        self.feeds.clear();
        self.quiet.clear();
        self.players.clear();
        self.tones.clear();
        self.dials.clear();
        self.fades.clear();
        self.tx_gains.clear();
        self.sending.clear();
        self.encode.clear();
        self.taps.clear();
        self.heard.fill(false);
        self.listened.fill(false);
    }

    fn list_taps(&mut self, taps: &Taps) {
        for (tap, Strip(strip)) in taps.in_use() {
            self.taps.add((tap, usize::from(strip)));
            self.heard[usize::from(strip)] = true;
        }
    }

    fn list_settings(&mut self, strip: usize, strips: &Strips) {
        let sends = strips.source[strip] != Source::Silence;
        let dials = strips.dials[strip].is_busy();
        let fades = strips.tail[strip] != 0;
        if !sends && (self.heard[strip] || dials || fades) {
            self.quiet.add(strip);
        }
        self.heard[strip] |= sends || dials;
        self.sends[strip] = sends || dials || fades;
        if strips.rx_gain[strip] != Factor::UNITY {
            self.rx_gains.add(strip);
        }
        if dials {
            self.dials.add(strip);
        }
        if fades {
            self.fades.add(strip);
        }
        if (sends || dials) && strips.tx_gain[strip] != Factor::UNITY {
            self.tx_gains.add(strip);
        }
        if sends || dials || fades {
            self.sending.add(strip);
        }
    }

    fn list_source(&mut self, to: usize, strips: &Strips, feeds: &Feeds, echo: &Cancellers) {
        let changed = strips.dials[to].is_busy() || strips.tail[to] != 0;
        match strips.source[to] {
            Source::Silence => {
                if changed {
                    add_to_runs(&mut self.encode, to, strips.law[to]);
                }
                return;
            }
            Source::Line(Strip(from)) => {
                let from = usize::from(from);
                self.heard[from] = true;
                let as_is = strips.law[to] == strips.law[from]
                    && strips.rx_gain[from] == Factor::UNITY
                    && strips.tx_gain[to] == Factor::UNITY
                    && !echo.is_on(from)
                    && !changed;
                if as_is {
                    self.copies.add(Pair { to, from });
                    return;
                }
                self.lines.add(Pair { to, from });
            }
            Source::Conference(_) => {}
            Source::Feed(port) => {
                if let Some(listened) = self.listened.get_mut(usize::from(port.0))
                    && !core::mem::replace(listened, true)
                    && feeds.exists(port)
                {
                    self.feeds.add(port);
                }
                self.players.add((to, port));
            }
            Source::Tone(_) => {
                self.tones.add(to);
            }
        }
        add_to_runs(&mut self.encode, to, strips.law[to]);
    }

    fn list_members(&mut self, strips: &Strips) {
        for (conference, &members) in (0..).zip(strips.members.iter()) {
            if members == 0 {
                continue;
            }
            let first = self.members.as_slice().len();
            for strip in 0..strips.len() {
                if strips.source[strip] == Source::Conference(Conference(conference)) {
                    self.members.add(strip);
                }
            }
            self.conferences.add(Members { first, end: self.members.as_slice().len() });
        }
    }
}

/// Lengthens the last run by `strip` or begins another.
fn add_to_runs(runs: &mut Fixed<Run>, strip: usize, law: Law) {
    match runs.last_mut() {
        Some(run) if run.end == strip && run.law == law => run.end += 1,
        Some(_) | None => {
            runs.add(Run { first: strip, end: strip + 1, law });
        }
    }
}
