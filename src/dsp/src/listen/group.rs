//! The detectors of one group of channels.

use tdm::Block;

use super::{CallerIdModem, FskChannel, Heard, ListenSet, Wants};
use crate::amd::{Amd, AmdEvent, BeepLanes};
use crate::bank::{Ear, Folded, LANES, Path, lanes_of};
use crate::dtmf::{DtmfLanes, HOP_BLOCKS, ROWS};
use crate::fsk::{BELL_202, FskLanes, FskTables, V21_CHANNEL_2, V23, V23_BACKWARD};
use crate::mf::{MfLanes, MfSystem, MfTables};
use crate::progress::{self, Beside, ProgressLanes, Window};
use crate::signal::SignalLanes;
use crate::voice::vad::Vad;

/// What the groups share: room for one window.
#[derive(Debug)]
pub(super) struct Scratch {
    short: Folded<LANES, ROWS>,
    long: [Folded<LANES, { progress::ROWS }>; 3],
}

impl Default for Scratch {
    fn default() -> Scratch {
        Scratch { short: Folded::new(), long: [const { Folded::new() }; 3] }
    }
}

#[derive(Debug)]
pub(super) struct Group {
    ear: Ear<LANES>,
    /// What was received, before echo cancelling, and what was sent: heard only by call progress.
    received: Ear<LANES>,
    sent: Ear<LANES>,
    wants: [Wants; LANES],
    /// The union of all wishes.
    any: Wants,
    /// Blocks heard, for the phases of windows.
    blocks: usize,
    dtmf: DtmfLanes<LANES>,
    mf: [MfLanes<LANES>; 3],
    progress: ProgressLanes<LANES>,
    signals: SignalLanes<LANES>,
    caller_id: FskLanes<LANES>,
    fax: FskLanes<LANES>,
    backward: FskLanes<LANES>,
    vads: [Vad; LANES],
    amds: [Amd; LANES],
    beeps: BeepLanes<LANES>,
}

static CALLER_ID_BELL_202: FskTables<4> = FskTables::new(BELL_202, 1, false);
static CALLER_ID_V23: FskTables<4> = FskTables::new(V23, 1, false);
static FAX: FskTables<14> = FskTables::new(V21_CHANNEL_2, 4, true);
static BACKWARD: FskTables<54> = FskTables::new(V23_BACKWARD, 16, false);

/// The wish for each set of register signals, in the order of [`MfSystem::ALL`].
const MF_WANTS: [Wants; 3] = [Wants::R2_FORWARD, Wants::R2_BACKWARD, Wants::R1];

impl Group {
    pub(super) fn new(index: usize, path: Path) -> Group {
        Group {
            ear: Ear::new(path),
            received: Ear::new(path),
            sent: Ear::new(path),
            wants: [Wants::empty(); LANES],
            any: Wants::empty(),
            blocks: index * 5, // 5 is prime to the lengths of all hops
            dtmf: DtmfLanes::new(),
            mf: [const { MfLanes::new() }; 3],
            progress: ProgressLanes::new(),
            signals: SignalLanes::new(),
            caller_id: FskLanes::new(),
            fax: FskLanes::new(),
            backward: FskLanes::new(),
            vads: [Vad::new(); LANES],
            amds: [Amd::new(); LANES],
            beeps: BeepLanes::new(),
        }
    }

    pub(super) fn wants(&self, lane: usize) -> Wants {
        self.wants.get(lane).copied().unwrap_or_default()
    }

    pub(super) fn want(&mut self, lane: usize, wants: Wants) {
        let Some(place) = self.wants.get_mut(lane) else { return };
        let before = core::mem::replace(place, wants);
        let new = wants - before;
        if before.is_empty() {
            self.ear.forget(lane);
        }
        self.reset(lane, new);
        self.any = self.wants.iter().fold(Wants::empty(), |any, &wants| any | wants);
    }

    pub(super) fn forget(&mut self, lane: usize) {
        self.ear.forget(lane);
        self.reset(lane, Wants::all());
    }

    fn reset(&mut self, lane: usize, kinds: Wants) {
        if kinds.contains(Wants::DTMF) {
            self.dtmf.reset(lane);
        }
        if kinds.contains(Wants::SIGNALS) {
            self.signals.reset(lane);
        }
        if let Some(vad) = self.vads.get_mut(lane).filter(|_| kinds.contains(Wants::VOICE)) {
            *vad = Vad::new();
        }
        if let Some(amd) = self.amds.get_mut(lane).filter(|_| kinds.contains(Wants::MACHINE)) {
            *amd = Amd::new();
            self.beeps.reset(lane);
        }
        if kinds.contains(Wants::CALLER_ID) {
            self.caller_id.reset(lane);
        }
        if kinds.contains(Wants::FAX_PREAMBLE) {
            self.fax.reset(lane);
        }
        if kinds.contains(Wants::V23_BACKWARD) {
            self.backward.reset(lane);
        }
        if kinds.contains(Wants::PROGRESS) {
            self.received.forget(lane);
            self.sent.forget(lane);
            self.progress.reset(lane);
        }
        for (mf, want) in self.mf.iter_mut().zip(MF_WANTS) {
            if kinds.contains(want) {
                mf.reset(lane);
            }
        }
    }

    /// Returns the channels that want `kind`.
    fn set(&self, kind: Wants) -> u32 {
        let wanted = |set, (lane, wants): (usize, &Wants)| set | u32::from(wants.intersects(kind)) << lane;
        self.wants.iter().enumerate().fold(0, wanted)
    }

    pub(super) fn push(
        &mut self,
        blocks: &[Block; LANES],
        beside: Option<[&[Block; LANES]; 2]>,
        set: &ListenSet,
        scratch: &mut Scratch,
        tell: &mut impl FnMut(usize, Heard),
    ) {
        if self.any.is_empty() {
            return;
        }
        self.ear.push(blocks);
        if let Some([received, sent]) = beside.filter(|_| self.any.contains(Wants::PROGRESS)) {
            self.received.push(received);
            self.sent.push(sent);
        }
        self.blocks = self.blocks.wrapping_add(1);
        if self.any.intersects(Wants::CALLER_ID | Wants::FAX_PREAMBLE | Wants::V23_BACKWARD) {
            self.modems(set, tell);
        }
        if self.blocks.is_multiple_of(HOP_BLOCKS) {
            self.short_window(&mut scratch.short, tell);
            self.voices(set, tell);
        }
        if self.blocks % progress::HOP_BLOCKS == progress::HOP_BLOCKS / 4 {
            self.long_window(set, &mut scratch.long, tell);
        }
    }

    /// Looks who speaks in the newest 8 ms.
    fn voices(&mut self, set: &ListenSet, tell: &mut impl FnMut(usize, Heard)) {
        if !self.any.intersects(Wants::VOICE | Wants::MACHINE) {
            return;
        }
        let power = self.ear.power(HOP_BLOCKS);
        for lane in lanes_of(self.set(Wants::VOICE)) {
            if let Some(event) = self.vads[lane % LANES].push(&set.voice, power[lane % LANES]) {
                tell(lane, Heard::Voice(event));
            }
        }
        let answers = self.set(Wants::MACHINE);
        for lane in lanes_of(answers) {
            if let Some(answerer) = self.amds[lane % LANES].push(&set.machine, power[lane % LANES]) {
                tell(lane, Heard::Machine(AmdEvent::Decided(answerer)));
            }
        }
        if answers != 0 {
            let tell = &mut |lane, event| tell(lane, Heard::Machine(event));
            self.beeps.window(&self.ear, &power, answers, tell);
        }
    }

    /// Lets the modem receivers hear the newest block.
    fn modems(&mut self, set: &ListenSet, tell: &mut impl FnMut(usize, Heard)) {
        let (ids, faxes) = (self.set(Wants::CALLER_ID), self.set(Wants::FAX_PREAMBLE));
        let backwards = self.set(Wants::V23_BACKWARD);
        if ids != 0 {
            let tell = &mut |lane, event| tell(lane, Heard::Fsk(FskChannel::CallerId, event));
            let tables = match set.caller_id {
                CallerIdModem::Bell202 => &CALLER_ID_BELL_202,
                CallerIdModem::V23 => &CALLER_ID_V23,
            };
            self.caller_id.block(&self.ear, tables, ids, tell);
        }
        if faxes != 0 {
            let tell = &mut |lane, event| tell(lane, Heard::Fsk(FskChannel::Fax, event));
            self.fax.block(&self.ear, &FAX, faxes, tell);
        }
        if backwards != 0 {
            let tell = &mut |lane, event| tell(lane, Heard::Fsk(FskChannel::Backward, event));
            self.backward.block(&self.ear, &BACKWARD, backwards, tell);
        }
    }

    /// Looks at the newest 32 ms.
    fn long_window(
        &mut self,
        set: &ListenSet,
        [heard, received, sent]: &mut [Folded<LANES, { progress::ROWS }>; 3],
        tell: &mut impl FnMut(usize, Heard),
    ) {
        const BLOCKS: usize = 2 * progress::HOP_BLOCKS;
        let wanted = self.set(Wants::PROGRESS);
        if wanted == 0 {
            return;
        }
        let (path, sent_power) = (self.ear.path(), self.sent.power(BLOCKS));
        self.ear.fold(heard);
        let beside = self.progress.minds_own(&sent_power, wanted).then(|| {
            self.received.fold(received);
            self.sent.fold(sent);
            let received = Window { folded: received, power: self.received.power(BLOCKS) };
            Beside { received, sent: Window { folded: sent, power: sent_power } }
        });
        let heard = Window { folded: heard, power: self.ear.power(BLOCKS) };
        let tell = &mut |lane, event| tell(lane, Heard::Progress(event));
        self.progress.window(path, &set.progress, &heard, beside.as_ref(), wanted, tell);
    }

    /// Looks at the newest 16 ms.
    fn short_window(&mut self, folded: &mut Folded<LANES, ROWS>, tell: &mut impl FnMut(usize, Heard)) {
        let kinds = Wants::DTMF | Wants::R2_FORWARD | Wants::R2_BACKWARD | Wants::R1 | Wants::SIGNALS;
        if !self.any.intersects(kinds) {
            return;
        }
        let path = self.ear.path();
        self.ear.fold(folded);
        let power = self.ear.power(2 * HOP_BLOCKS);
        if self.any.contains(Wants::DTMF) {
            let wanted = self.set(Wants::DTMF);
            self.dtmf.window(path, folded, &power, wanted, &mut |lane, event| tell(lane, Heard::Dtmf(event)));
        }
        let wanted = self.set(Wants::SIGNALS);
        if wanted != 0 {
            let tell = &mut |lane, event| tell(lane, Heard::Signal(event));
            self.signals.window(path, folded, &power, wanted, tell);
        }
        for (n, system) in MfSystem::ALL.into_iter().enumerate() {
            let wanted = self.set(MF_WANTS[n]);
            if wanted != 0 {
                let tell = &mut |lane, event| tell(lane, Heard::Mf(system, event));
                self.mf[n].window(path, MfTables::of(system), folded, &power, wanted, tell);
            }
        }
    }
}
