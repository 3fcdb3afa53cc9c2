//! interim
use crate::Tone;
use tdm::Block;
/// interim
#[derive(Clone, Debug, Default)]
pub struct TonePlan {}
#[derive(Clone, Default)]
pub(crate) struct Sounder {}
impl Sounder {
    pub(crate) fn start(&mut self, _plan: &TonePlan, _tone: Tone) {}
    pub(crate) fn start_digit(&mut self, _digit: u8) {}
    pub(crate) fn fill(&mut self, block: &mut Block) {
        *block = tdm::SILENCE;
    }
}
