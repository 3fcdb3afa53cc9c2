//! Whether a span fits a card as it is: what every driver asks before it attaches one.

use tdm::SpanKind;

use crate::{CardError, LineConfig, PositionCaps, Signalling};

/// Checks that `line` may be attached: its position is there and empty, its number is free, and `fits` has no objection.
///
/// # Errors
/// Says what is wrong; `fits` returns what is wrong with the span's set-up.
pub fn check_line(
    model: &str,
    positions: &[PositionCaps],
    attached: &[Option<LineConfig>],
    line: &LineConfig,
    fits: impl FnOnce(&PositionCaps) -> Result<(), String>,
) -> Result<(), CardError> {
    let model = || model.to_owned();
    let &LineConfig { position, span, .. } = line;
    let Some(place) = positions.get(usize::from(position)) else {
        return Err(CardError::NoPosition { model: model(), position, positions: positions.len() });
    };
    if let Some(there) = attached.get(usize::from(position)).copied().flatten() {
        return Err(CardError::PositionTaken { model: model(), position, span: there.span });
    }
    let fits = if attached.iter().flatten().any(|other| other.span == span) {
        Err("its number is taken by another span of the card".to_owned())
    } else {
        fits(place)
    };
    fits.map_err(|what| CardError::DoesNotFit { model: model(), span, what })
}

impl Signalling {
    /// Says that a span of this kind does not signal so.
    pub fn does_not_fit(&self, kind: SpanKind) -> String {
        format!("{self:?} signalling does not fit {kind}")
    }
}
