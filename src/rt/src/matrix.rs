//! The matrix: moves one block of every channel from where it comes to where it goes.
//!
//! Place on the path: between the octets received and the octets sent. The order of a block is: decode, measure, cancel
//! echo, detect, gain; then sources (lines, conferences, feeds, tones), ramps, digits, gain, measure; then encode and taps. A channel that
//! sends what another receives sends it in the same period; one of the same law without gains gets the very octets.
//!
//! Conferences are sums in 32 bits, less the member's own block, saturated to 16 bits.

use clock::SampleTime;
use dsp::mix::{Sum, add};
use g711::{decode_slice, encode_slice};
use tdm::{Block, SILENCE};

use crate::detect::{Detectors, Sounds};
use crate::echo::Cancellers;
use crate::feeds::{Feeds, fade_out};
use crate::levels::Meters;
use crate::plan::{Members, Plan};
use crate::removal::Waiting;
use crate::strips::Strips;
use crate::taps::Taps;
use crate::telling::Teller;
use crate::{Counters, RtEventKind, Source, Strip, TapBlock};

/// All that moves samples; it knows no cards.
pub(crate) struct Matrix {
    pub(crate) strips: Strips,
    pub(crate) feeds: Feeds,
    pub(crate) taps: Taps,
    pub(crate) plan: Plan,
    pub(crate) detectors: Detectors,
    pub(crate) meters: Meters,
    pub(crate) echo: Cancellers,
}

impl Matrix {
    /// Carries one block: from `strips.line` to `strips.out`.
    ///
    /// # Realtime
    /// Linear in the channels in use.
    pub(crate) fn block(&mut self, time: SampleTime, tell: &mut Teller, counters: &Counters) {
        if self.plan.stale {
            self.plan.make(&self.strips, &self.detectors, &self.taps, &self.feeds, &self.echo);
        }
        self.receive(time, tell);
        self.choose(time, tell, counters);
        self.finish(time, tell);
        self.send();
        self.echo.keep(&self.strips.out);
        self.tap(time, counters);
    }

    /// Line octets to linear samples; levels, digits, gain.
    fn receive(&mut self, time: SampleTime, tell: &mut Teller) {
        let strips = &mut self.strips;
        for run in self.plan.decode.as_slice() {
            let octets = strips.line[run.first..run.end].as_flattened();
            let heard = &mut strips.heard[run.first..run.end];
            decode_slice(run.law, octets, heard.as_flattened_mut());
            self.meters.receive(run.first, heard);
        }
        strips.received.copy_from_slice(&strips.heard);
        for ((was, now), sends) in strips.was_sent.iter_mut().zip(&strips.sent).zip(self.plan.sends()) {
            *was = if *sends { *now } else { SILENCE };
        }
        self.echo.block(strips, self.plan.listens(), self.plan.sends());
        let sounds = Sounds { heard: &strips.heard, received: &strips.received, sent: &strips.was_sent };
        self.detectors.block(sounds, time, tell);
        for &strip in self.plan.rx_gains.as_slice() {
            strips.rx_gain[strip].apply(&mut strips.heard[strip]);
        }
    }

    /// Every sender's source.
    fn choose(&mut self, time: SampleTime, tell: &mut Teller, counters: &Counters) {
        let (plan, strips) = (&self.plan, &mut self.strips);
        for &strip in plan.quiet.as_slice() {
            strips.sent[strip] = SILENCE;
        }
        for pair in plan.copies.as_slice() {
            strips.sent[pair.to] = strips.heard[pair.from];
        }
        for pair in plan.lines.as_slice() {
            strips.sent[pair.to] = strips.heard[pair.from];
        }
        for &Members { first, end } in plan.conferences.as_slice() {
            confer(&plan.members.as_slice()[first..end], &strips.heard, &mut strips.sent);
        }
        for &feed in plan.feeds.as_slice() {
            self.feeds.pull(feed, time, tell, counters);
        }
        for &(strip, feed) in plan.players.as_slice() {
            strips.sent[strip] = *self.feeds.block(feed);
        }
        for &strip in plan.tones.as_slice() {
            strips.sent[strip] = strips.tones[strip].next_block();
        }
    }

    /// What is laid over the source: the ramp of a cut one, digits; then gain and level.
    fn finish(&mut self, time: SampleTime, tell: &mut Teller) {
        let (plan, strips) = (&mut self.plan, &mut self.strips);
        for &strip in plan.fades.as_slice() {
            let ramp = fade_out(core::mem::take(&mut strips.tail[strip]));
            add(&mut strips.sent[strip], &ramp);
        }
        plan.stale |= !plan.fades.as_slice().is_empty();
        for &strip in plan.dials.as_slice() {
            if strips.dials[strip].next(&mut strips.sent[strip])
                && tell.tell(time, RtEventKind::Dialled { strip: Strip(strip as u16) })
            {
                strips.dials[strip].stop();
                plan.stale = true;
            }
        }
        for &strip in plan.tx_gains.as_slice() {
            strips.tx_gain[strip].apply(&mut strips.sent[strip]);
        }
        self.meters.send(plan.sending.as_slice(), &strips.sent);
    }

    /// Linear samples to line octets.
    fn send(&mut self) {
        let strips = &mut self.strips;
        strips.out.copy_from_slice(&strips.idle);
        for pair in self.plan.copies.as_slice() {
            strips.out[pair.to] = strips.line[pair.from];
        }
        for run in self.plan.encode.as_slice() {
            let sent = strips.sent[run.first..run.end].as_flattened();
            encode_slice(run.law, sent, strips.out[run.first..run.end].as_flattened_mut());
        }
    }

    /// Both directions to the recorders.
    fn tap(&mut self, time: SampleTime, counters: &Counters) {
        let strips = &self.strips;
        let keys = self.detectors.keys();
        for &(tap, strip) in self.plan.taps.as_slice() {
            let block = TapBlock { time, rx: strips.heard[strip], tx: strips.sent[strip] };
            let tx = match strips.source[strip] {
                Source::Line(Strip(from)) => Some(from),
                Source::Silence | Source::Conference(_) | Source::Feed(_) | Source::Tone(_) => None,
            };
            let waiting = Waiting { block, rx: strip as u16, tx, dials: strips.dials[strip].is_busy() };
            self.taps.push(tap, waiting, keys, counters);
        }
    }
}

/// Gives each member the sum of all less itself.
fn confer(members: &[usize], heard: &[Block], sent: &mut [Block]) {
    let mut sum = Sum::new();
    for &member in members {
        sum.add(&heard[member]);
    }
    for &member in members {
        sent[member] = sum.less(&heard[member]);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_member_hears_the_others_saturated_and_never_itself() {
        let heard = [[30_000; 8], [20_000; 8], [-100; 8], [7; 8]];
        let mut sent = [SILENCE; 4];
        confer(&[0, 1, 2], &heard, &mut sent);
        assert_eq!(sent, [[19_900; 8], [29_900; 8], [i16::MAX; 8], SILENCE]);
    }
}
