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
    for card in &report.cards {
        own_driver(out, card, report.iommu)?;
    }
    super::ethernet::tables(out, &report.ethernet)?;
    for fault in &report.faults {
        writeln!(out, "\nWRONG  {fault}")?;
    }
    if report.faults.is_empty() && !report.cards.is_empty() {
        writeln!(out, "\nNothing is wrong.")?;
    }
    Ok(())
}

/// Writes how a card can be driven without a kernel module.
fn own_driver(out: &mut dyn Write, card: &Found, iommu: bool) -> io::Result<()> {
    let Some(keys) = &card.keys else { return Ok(()) };
    let state = match &card.group {
        Some(group) => format!("IOMMU group {group}"),
        None if iommu => "in no IOMMU group".to_owned(),
        None => "The IOMMU is off".to_owned(),
    };
    writeln!(out, "\nCard {} can be driven by DAHDI, or Tandem itself: {keys}. {state}.", card.slot)?;
    let Some(bind) = &card.to_vfio else { return Ok(()) };
    if card.group.is_none() {
        writeln!(
            out,
            "  For the latter switch the IOMMU on first (intel_iommu=on or amd_iommu=on), then give it to VFIO:"
        )?;
    } else {
        writeln!(out, "  For the latter give it to VFIO:")?;
    }
    bind.lines().try_for_each(|line| writeln!(out, "    {line}"))?;
    let Some(bind) = &card.to_uio else { return Ok(()) };
    writeln!(
        out,
        "  A machine that has no IOMMU: access = \"uio\", run as root. Nothing then keeps the card from all memory:"
    )?;
    bind.lines().try_for_each(|line| writeln!(out, "    {line}"))
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
