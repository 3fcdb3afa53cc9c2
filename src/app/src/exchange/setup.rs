//! From the configuration to the simulated exchange: its spans, telephones, people and voices.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use config::{Config, FarEnd, Reach, TrunkSignalling};
use isdn::config::Side;
use simulator::exchange::{
    At, Config as ExchangeConfig, Identity, IdentityTime, LoopService, Phone, Release, Span,
};
use simulator::people::{CallerKind, Habits};
use simulator::sound::Clips;
use tdm::{SpanId, SpanKind};

use crate::refused;

/// Returns true if there is an exchange to be simulated.
pub(crate) fn is_wanted(config: &Config) -> bool {
    config.exchange.is_some() && spans(config).next().is_some()
}

/// Returns the spans that end in the exchange.
pub(crate) fn spans(config: &Config) -> impl Iterator<Item = &config::Span> {
    let all = config.cards.iter().flat_map(|card| &card.spans);
    all.filter(|span| matches!(span.far_end, FarEnd::Exchange))
}

/// Returns the exchange's set-up; `unix_ms` is the wall time at the zero of its time line.
///
/// # Errors
/// The configuration has no exchange.
pub(crate) fn exchange_config(config: &Config, unix_ms: u64) -> anyhow::Result<ExchangeConfig> {
    let people = config.exchange.as_ref().ok_or_else(|| {
        refused(format!(
            "{}: exchange: the section is missing: there is nothing to play",
            config.file.display()
        ))
    })?;
    let exchange_spans = spans(config).map(|span| Span {
        span: span.id,
        kind: span.kind,
        channels: span.channels,
        law: span.law,
        // The other side of what we are.
        side: match config.trunk_of(span.id).map(|trunk| trunk.signalling) {
            Some(TrunkSignalling::PriNet) => Side::User,
            Some(TrunkSignalling::PriCpe | TrunkSignalling::LoopStart) | None => Side::Network,
        },
    });
    let percent = |percent: u8| f64::from(percent) / 100.0;
    let kind = |kind: &config::CallerKind| CallerKind {
        weight: kind.weight.into(),
        language: language(kind),
        keys: kind.keys.clone(),
        listen: kind.listen,
    };
    Ok(ExchangeConfig {
        seed: people.seed.into(),
        unix_ms,
        spans: exchange_spans.collect(),
        phones: phones(config),
        loops: loops(config, people),
        habits: Habits {
            calls_per_hour: people.calls_per_hour.into(),
            max_callers: people.max_callers.into(),
            called: people.called.clone(),
            patience: people.patience,
            talk: people.talk,
            pick_up: people.pick_up,
            no_answer: percent(people.no_answer_percent),
            agent_hangs_up: percent(people.agent_hangs_up_percent),
            kinds: people.callers.iter().map(kind).collect(),
        },
    })
}

/// Returns what the exchange's subscriber lines are like: as our trunk expects them.
fn loops(config: &Config, people: &config::Exchange) -> BTreeMap<SpanId, LoopService> {
    let ring = config.system.country.ring_cadence();
    let service = |span: &config::Span| {
        let own = &config.trunk_of(span.id)?.loop_start;
        let service = LoopService {
            number: own.called.clone(),
            identity: match (own.caller_id, config.detect.caller_id) {
                (config::CallerIdBy::None, _) => Identity::None,
                (config::CallerIdBy::Dtmf, _) => Identity::Dtmf,
                (config::CallerIdBy::Fsk, config::CallerIdModem::Bell202) => Identity::Bell202,
                (config::CallerIdBy::Fsk, config::CallerIdModem::V23) => Identity::V23,
            },
            time: match own.caller_id_time {
                config::CallerIdTime::AfterRing => IdentityTime::AfterRing,
                config::CallerIdTime::AfterReversal => IdentityTime::AfterReversal,
                config::CallerIdTime::BeforeRing => IdentityTime::BeforeRing,
            },
            burst: Duration::from_millis(ring.on_ms.into()),
            pause: Duration::from_millis(ring.off_ms.into()),
            release: match people.line_release {
                config::LineRelease::BusyTone => Release::BusyTone,
                config::LineRelease::FeedBreak => Release::FeedBreak,
                config::LineRelease::Reversal => Release::Reversal,
            },
            reverses: people.line_reversal,
        };
        Some((span.id, service))
    };
    spans(config).filter(|span| span.kind == SpanKind::Fxo).filter_map(service).collect()
}

fn language(kind: &config::CallerKind) -> String {
    match kind.language {
        ivr::Language::Zh => "zh".into(),
        ivr::Language::En => "en".into(),
    }
}

/// Returns the telephones of all seats on the exchange's lines, named after the seats.
fn phones(config: &Config) -> Vec<Phone> {
    let ours: BTreeSet<_> = spans(config).map(|span| span.id).collect();
    let at = |seat: &config::Seat| match &seat.reach {
        Reach::Port(port) => ours.contains(&port.span).then_some(At::Port(*port)),
        Reach::Trunk { trunk, dial } => {
            let known = config.trunks.iter().find(|known| known.name == *trunk)?;
            known.spans.iter().any(|span| ours.contains(span)).then(|| At::Number(dial.clone()))
        }
    };
    config.seats.iter().filter_map(|seat| Some(Phone { name: seat.number.clone(), at: at(seat)? })).collect()
}

/// Reads the voices of the people.
///
/// # Errors
/// A file in the folder is no clip.
pub(crate) fn voices(config: &Config) -> anyhow::Result<Clips> {
    match &config.exchange {
        Some(people) => Clips::load(&people.voices_dir).map_err(refused),
        None => Ok(Clips::default()),
    }
}

/// Returns true if callers come over some span of the exchange.
pub(crate) fn has_public_span(exchange: &ExchangeConfig) -> bool {
    exchange.spans.iter().any(|span| span.kind != SpanKind::Fxs && span.side == Side::Network)
}
