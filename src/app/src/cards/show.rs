//! The report of `tandem cards` as tables for people.

use std::io::{self, Write};

use super::{Found, Report, Span};

/// Writes cards, spans and what is wrong.
pub(super) fn tables(out: &mut dyn Write, report: &Report) -> io::Result<()> {
    if report.cards.is_empty() {
        writeln!(out, "No telephony card that is known is in a PCI slot.")?;
    } else {
        let head = ["SLOT", "PCI ID", "MODULE", "DRIVEN BY", "CARD"];
        cli::table(out, head, report.cards.iter().map(card))?;
    }
    match &report.dahdi {
        Some(version) => writeln!(out, "\nDAHDI {version} on kernel {}.", report.kernel)?,
        None => writeln!(out, "\nDAHDI does not answer on kernel {}.", report.kernel)?,
    }
    if !report.spans.is_empty() {
        let head = ["SPAN", "NAME", "CHANNELS", "IN USE", "ALARMS", "KEYS OF [[card.span]]"];
        cli::table(out, head, report.spans.iter().map(span))?;
    }
    if report.cards.iter().any(|card| card.userspace) && !report.iommu {
        writeln!(
            out,
            "\nThe kernel has no IOMMU (intel_iommu=on or amd_iommu=on): DAHDI needs none, a driver in user space would."
        )?;
    }
    super::ethernet::tables(out, &report.ethernet)?;
    for fault in &report.faults {
        writeln!(out, "\nWRONG  {}", fault.what)?;
        for line in fault.mend.lines() {
            writeln!(out, "  mend: {line}")?;
        }
    }
    if report.faults.is_empty() && !report.cards.is_empty() {
        writeln!(out, "\nNothing is wrong.")?;
    }
    Ok(())
}

fn card(card: &Found) -> [String; 5] {
    let driver = card.driver.clone().unwrap_or_default();
    [card.slot.clone(), card.id.clone(), card.module.into(), driver, card.name.into()]
}

fn span(span: &Span) -> [String; 6] {
    let last = (span.first_channel as usize + span.channels).saturating_sub(1);
    let alarms = if span.alarms.is_empty() { "none".to_owned() } else { span.alarms.join(" ") };
    [
        span.number.to_string(),
        span.name.clone(),
        format!("{}-{last}", span.first_channel),
        span.in_use.to_string(),
        alarms,
        span.keys.clone(),
    ]
}
