//! interim
use crate::telling::Teller;
use clock::SampleTime;
use tdm::Block;
pub(crate) struct Detectors {}
impl Detectors {
    pub(crate) fn new(_strips: usize) -> Detectors {
        Detectors {}
    }
    pub(crate) fn restart(&mut self, _strip: usize) {}
    pub(crate) fn block(
        &mut self,
        _strips: &[usize],
        _heard: &[Block],
        _time: SampleTime,
        _tell: &mut Teller,
    ) {
    }
}
