//! From the configuration to the parts: which card, which engine, which machines.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use call::{From, NumberEntry, Place, Plan, Seat};
use card::{Card, CardCaps, CardControl, CardError, CardIo, LineConfig as CardLine};
use cas::fxo::{AnswerBy, DialTone, FxoConfig, IdentityTime};
use cas::fxs::FxsConfig;
use config::Config;
use dsp::amd::AmdConfig;
use dsp::echo::{NlpMode, TAILS_MS};
use dsp::listen::{CallerIdModem, Wants};
use dsp::progress::ProgressKind;
use dsp::tone::{Country, Sine, TonePlan, ToneSpec, plan};
use dsp::voice::vad::VadConfig;
use isdn::config::{Hunt, PriConfig, Side};
use line::{IdentityBy, LineConfig, LoopStart, PhoneConfig, SpanConfig, TrunkConfig};
use link::Destination;
use rt::sched::ThreadConfig;
use rt::{EchoChannels, EchoSettings, EngineConfig, Strip};
use sim::{EchoPath, FarEnd, Hand, Pace, Plug, SimCard, SimConfig, SimControl, SimIo, SimPosition};
use switch::{Agent, Queue, Start, SwitchConfig, Trunk};
use tdm::{ChannelId, SpanId, SpanKind, Timeslot};

use crate::refused;

/// Samples in a millisecond.
const SAMPLES_PER_MS: usize = tdm::CHUNK;

/// Both halves of a running card.
pub(crate) struct Started {
    pub control: Box<dyn CardControl>,
    pub io: Box<dyn CardIo>,
    /// What it can do.
    pub caps: CardCaps,
    /// How long it has stood still, if it is a simulated one.
    pub stillness: Option<sim::Stillness>,
    /// What breaks its lines, if it is a simulated one.
    pub hand: Option<Hand>,
}

/// Makes and starts a card of the configuration.
///
/// # Errors
/// The card cannot be had as configured.
pub(crate) fn start_card(config: &Config, card: &config::Card) -> anyhow::Result<Started> {
    match card.kind {
        config::CardType::Sim => {
            let made = SimCard::new(sim_config(config, card)).map_err(refused)?;
            let caps = made.caps().clone();
            let (control, io) = made.start(&config.lines(card)).map_err(refused)?;
            let stillness = Some(control.stillness());
            let hand = Hand::new(control);
            let control = Box::new(hand.clone());
            Ok(Started { control, io: Box::new(io), caps, stillness, hand: Some(hand) })
        }
        config::CardType::Dahdi => {
            let made = dahdi::DahdiCard::new(dahdi_config(card)).map_err(refused)?;
            let caps = made.caps().clone();
            let (control, io) = made.start(&config.lines(card)).map_err(not_now)?;
            Ok(Started { control: Box::new(control), io: Box::new(io), caps, stillness: None, hand: None })
        }
        config::CardType::Pci => crate::pci_card::start(card, &config.lines(card)),
        config::CardType::Tdmoe => crate::tdmoe_card::start(config, card),
    }
}

/// What the system does not give now it may give later, when a module is loaded or another program has ended.
pub(crate) fn not_now(error: CardError) -> anyhow::Error {
    match error {
        CardError::System { .. } => anyhow::Error::new(error),
        other => refused(other),
    }
}

/// Returns what the driver needs for a card of DAHDI.
fn dahdi_config(card: &config::Card) -> dahdi::DahdiConfig {
    let span = |span: &config::Span| dahdi::DahdiSpan {
        kind: span.kind,
        first: u32::from(span.dahdi_channel),
        channels: span.channels,
        framing: framing(span),
    };
    dahdi::DahdiConfig {
        spans: card.spans.iter().map(span).collect(),
        block_ms: u8::try_from(card.block.as_millis()).unwrap_or(*dahdi::BLOCK_MS.end()),
        buffer_ms: ms(card.buffer),
        hdlc: match card.hdlc {
            config::CardHdlc::Own => dahdi::Hdlc::Own,
            config::CardHdlc::Kernel => dahdi::Hdlc::Kernel,
            config::CardHdlc::Card => dahdi::Hdlc::Card,
        },
        card_echo: card.card_echo,
        ..dahdi::DahdiConfig::new(&card.name)
    }
}

fn framing(span: &config::Span) -> Option<dahdi::Framing> {
    let crc4 = match span.line_code {
        config::LineCode::Leave => return None,
        config::LineCode::Hdb3 | config::LineCode::EsfB8zs => false,
        config::LineCode::Hdb3Crc4 => true,
    };
    Some(dahdi::Framing { crc4, build_out: span.build_out })
}

/// Makes and starts a simulated card whose time `clock` shows and whose exchange is in this process: `far_end` gives its
/// end of a span.
///
/// # Errors
/// The card cannot be had as configured.
pub(crate) fn start_virtual_card(
    config: &Config,
    card: &config::Card,
    clock: &clock::VirtualClock,
    far_end: impl Fn(SpanId) -> Box<dyn FarEnd>,
) -> anyhow::Result<(SimControl, SimIo)> {
    let mut made = sim_config(config, card);
    made.pace = Pace::Virtual(clock.clone());
    for (position, span) in made.positions.iter_mut().zip(&card.spans) {
        if matches!(span.far_end, config::FarEnd::Exchange) {
            position.plug = Plug::Local(far_end(span.id));
        }
    }
    start_sim(config, card, made)
}

fn start_sim(config: &Config, card: &config::Card, made: SimConfig) -> anyhow::Result<(SimControl, SimIo)> {
    let lines: Vec<CardLine> = config.lines(card);
    SimCard::new(made).map_err(refused)?.start(&lines).map_err(refused)
}

fn sim_config(config: &Config, card: &config::Card) -> SimConfig {
    let mut made = SimConfig::new(&card.name);
    made.pace = match card.pace {
        config::Pace::Wall => Pace::Wall,
        config::Pace::Lockstep => Pace::Lockstep,
        config::Pace::Virtual => Pace::Virtual(clock::VirtualClock::new()),
    };
    made.buffer_ms = u16::try_from(card.buffer.as_millis()).unwrap_or(sim::MAX_BUFFER_MS);
    made.seed = u64::from(card.seed);
    if config.realtime.priority > 0 {
        // Hardware waits for nobody, not for the engine either.
        let priority = Some(config.realtime.priority.saturating_add(1).min(99));
        let wish =
            ThreadConfig { name: format!("card-{}", card.name), priority, cpu: None, lock_memory: false };
        made.begin = Some(Box::new(move || _ = rt::sched::enter(&wish)));
    }
    card.spans.iter().fold(made, |made, span| made.position(sim_position(config, card, span)))
}

fn sim_position(config: &Config, card: &config::Card, span: &config::Span) -> SimPosition {
    let position_of = |id| card.spans.iter().position(|other| other.id == id);
    let plug = match &span.far_end {
        config::FarEnd::Open => Plug::Open,
        config::FarEnd::Loop => Plug::Loop,
        config::FarEnd::Span(other) => {
            let position = position_of(*other).and_then(|position| u8::try_from(position).ok());
            Plug::Cross(position.expect("the configuration was checked: the other span is on this card"))
        }
        config::FarEnd::Socket(path) => Plug::Socket(path.clone()),
        config::FarEnd::Exchange => Plug::Socket(config.exchange_socket(span.id)),
    };
    let path = span.echo.map(echo_path);
    let echo = path.iter().flat_map(|path| (1..=span.channels).map(|t| (Timeslot(t), path.clone())));
    SimPosition {
        kind: span.kind,
        channels: span.channels,
        plug,
        echo: echo.collect(),
        ppm: span.ppm,
        bit_error_rate: 0.0,
    }
}

fn echo_path(echo: config::Echo) -> EchoPath {
    use config::EchoModel::{D2, D3, D4, D5, D6, D7, D8, D9};
    let name = match echo.model {
        D2 => "D.2",
        D3 => "D.3",
        D4 => "D.4",
        D5 => "D.5",
        D6 => "D.6",
        D7 => "D.7",
        D8 => "D.8",
        D9 => "D.9",
    };
    let hybrid = sim::g168::hybrid(name).expect("all eight models are in the table");
    let delay_ms = usize::try_from(echo.delay.as_millis()).unwrap_or(0);
    EchoPath::hybrid(hybrid, delay_ms * SAMPLES_PER_MS, echo.erl_db as f32)
}

/// Returns which channels have which echo canceller.
fn echo_settings(config: &Config) -> EchoSettings {
    let nlp = |rest| match rest {
        config::CancelRest::ComfortNoise => NlpMode::ComfortNoise,
        config::CancelRest::Silence => NlpMode::Silence,
        config::CancelRest::Keep => NlpMode::Off,
    };
    let tail = |ms: u16| if ms == 0 { 0 } else { ms.max(*TAILS_MS.start()) };
    let whole = &config.cancel;
    let spans = || config.cards.iter().flat_map(|card| card.spans.iter().map(move |span| (card, span)));
    let of_span = |card: &config::Card, span: &config::Span| {
        // One canceller after another helps nobody.
        let usual = if card.card_echo { 0 } else { whole.tail_ms };
        (span.cancel_tail_ms.unwrap_or(usual).min(whole.tail_ms), span.cancel_rest.unwrap_or(whole.rest))
    };
    let own = |(card, span): (&config::Card, &config::Span)| {
        let (tail_ms, rest) = of_span(card, span);
        EchoChannels { span: span.id, timeslot: None, tail_ms: tail(tail_ms), nlp: nlp(rest) }
    };
    let one = |own: &config::CancelChannels, channel: tdm::ChannelId| {
        let (card, span) = spans().find(|(_, span)| span.id == channel.span)?;
        let (tail_ms, rest) = of_span(card, span);
        Some(EchoChannels {
            span: channel.span,
            timeslot: Some(channel.timeslot),
            tail_ms: tail(own.tail_ms.unwrap_or(tail_ms)),
            nlp: nlp(own.rest.unwrap_or(rest)),
        })
    };
    let differs = |(card, span): &(&config::Card, &config::Span)| {
        card.card_echo || span.cancel_tail_ms.is_some() || span.cancel_rest.is_some()
    };
    let of_channels = whole.channels.iter().flat_map(|own| own.at.iter().filter_map(|&at| one(own, at)));
    let channels = spans().filter(differs).map(own).chain(of_channels).collect();
    EchoSettings { tail_ms: tail(whole.tail_ms), nlp: nlp(whole.rest), channels }
}

/// Returns the engine's set-up for the cards as they are, not for simulated ones in their place.
pub(crate) fn engine_config_of_cards(config: &Config) -> EngineConfig {
    let dahdi = |card: &config::Card| card.kind == config::CardType::Dahdi;
    let period = config.cards.first().filter(|card| dahdi(card)).map_or(1, |card| ms(card.block));
    let frames = |card: &config::Card| dahdi(card) && card.hdlc != config::CardHdlc::Own;
    EngineConfig {
        period_chunks: period,
        hardware_hdlc: config.cards.iter().map(frames).collect(),
        ..engine_config(config)
    }
}

/// Returns the engine's set-up, with every card a simulated one.
pub(crate) fn engine_config(config: &Config) -> EngineConfig {
    let blocks = |time: Duration| usize::try_from(time.as_millis()).unwrap_or(usize::MAX).max(1);
    EngineConfig {
        taps: usize::from(config.realtime.recordings),
        tap_blocks: blocks(config.realtime.recording_buffer),
        remove_keys: config.record.remove_digits,
        feeds: usize::from(config.realtime.prompts),
        feed_blocks: blocks(config.realtime.prompt_buffer),
        conceal: config.realtime.conceal_gaps,
        tones: *plan(country(config)),
        own_tones: config.detect.tones.iter().map(own_tone).collect(),
        detect: detect_at_start(&config.detect),
        caller_id: match config.detect.caller_id {
            config::CallerIdModem::Bell202 => CallerIdModem::Bell202,
            config::CallerIdModem::V23 => CallerIdModem::V23,
        },
        voice: voice(&config.detect.vad),
        machine: machine(&config.detect.machine),
        echo: echo_settings(config),
        ..EngineConfig::default()
    }
}

/// Returns whose tones are sent and listened for.
pub(crate) fn country(config: &Config) -> Country {
    match config.system.country {
        config::Country::Cn => Country::Cn,
        config::Country::Itu => Country::Itu,
        config::Country::Us => Country::Us,
        config::Country::Uk => Country::Uk,
        config::Country::Etsi => Country::Etsi,
    }
}

/// Returns what is listened for on every channel from start.
fn detect_at_start(detect: &config::Detect) -> Wants {
    let kinds = [
        (detect.dtmf, Wants::DTMF),
        (detect.progress, Wants::PROGRESS),
        (detect.signals, Wants::SIGNALS),
        (detect.voice, Wants::VOICE),
    ];
    kinds.into_iter().filter(|(wanted, _)| *wanted).map(|(_, kind)| kind).collect()
}

/// Returns a tone of the configuration's own as the detectors take it.
fn own_tone(tone: &config::OwnTone) -> (ProgressKind, ToneSpec) {
    let kind = match tone.means {
        config::ToneMeaning::Dial => ProgressKind::Dial,
        config::ToneMeaning::Ringback => ProgressKind::Ringback,
        config::ToneMeaning::Busy => ProgressKind::Busy,
        config::ToneMeaning::Congestion => ProgressKind::Congestion,
        config::ToneMeaning::Unobtainable => ProgressKind::Unobtainable,
    };
    let mut sines = [Sine::NONE; dsp::tone::MAX_SINES];
    for (sine, hz) in sines.iter_mut().zip(&tone.frequencies_hz) {
        *sine = Sine::new(f32::from(*hz), -13.0);
    }
    (kind, ToneSpec::cadence(sines, &tone.cadence_ms))
}

fn voice(vad: &config::Vad) -> VadConfig {
    VadConfig {
        over_floor_db: vad.over_floor_db as f32,
        least_dbm0: vad.least_dbm0 as f32,
        hangover_ms: ms(vad.hangover),
    }
}

fn machine(machine: &config::Machine) -> AmdConfig {
    AmdConfig {
        initial_silence_ms: ms(machine.initial_silence),
        greeting_ms: ms(machine.greeting),
        after_greeting_ms: ms(machine.after_greeting),
        between_words_ms: ms(machine.between_words),
        min_word_ms: ms(machine.min_word),
        max_word_ms: ms(machine.max_word),
        max_words: machine.max_words,
        total_ms: ms(machine.total),
    }
}

/// The configuration holds all of these times below a minute.
fn ms(time: Duration) -> u16 {
    u16::try_from(time.as_millis()).unwrap_or(u16::MAX)
}

/// Returns the line machine's set-up.
pub(crate) fn line_config(
    config: &Config,
    strip: &dyn Fn(ChannelId) -> Option<Strip>,
    epoch: u32,
) -> LineConfig {
    let spans: Vec<SpanConfig> = config
        .cards
        .iter()
        .flat_map(|card| &card.spans)
        .map(|span| SpanConfig {
            span: span.id,
            kind: span.kind,
            channels: span.channels,
            trunk: config.trunk_of(span.id).map(|trunk| trunk_config(config, trunk, span)),
            phones: (span.kind == SpanKind::Fxs).then(|| PhoneConfig {
                fxs: FxsConfig::default(),
                cadence: config.system.country.ring_cadence(),
            }),
        })
        .collect();
    let channels = spans.iter().flat_map(|span| (1..=span.channels).map(|t| ChannelId::new(span.span.0, t)));
    let strips: BTreeMap<_, _> = channels.filter_map(|c| Some((c, strip(c)?))).collect();
    LineConfig {
        epoch,
        // Every channel can carry one leg, and one more may be waiting to be refused or ending.
        max_legs: strips.len() * 2,
        spans,
        strips,
        feeds: config.realtime.prompts,
        taps: if config.record.enabled { config.realtime.recordings } else { 0 },
        hold: config.line.hold,
    }
}

fn trunk_config(config: &Config, trunk: &config::Trunk, span: &config::Span) -> TrunkConfig {
    match trunk.signalling {
        config::TrunkSignalling::PriCpe => TrunkConfig::Pri(pri_config(trunk, span, Side::User)),
        config::TrunkSignalling::PriNet => TrunkConfig::Pri(pri_config(trunk, span, Side::Network)),
        config::TrunkSignalling::LoopStart => TrunkConfig::LoopStart(loop_start(config, trunk)),
    }
}

/// Returns what exchange lines are like.
fn loop_start(config: &Config, trunk: &config::Trunk) -> LoopStart {
    let own = &trunk.loop_start;
    let (busy_cycle, congestion_cycle) = (
        longest_cycle(config, ProgressKind::Busy, |plan| plan.busy),
        longest_cycle(config, ProgressKind::Congestion, |plan| plan.congestion),
    );
    let fxo = FxoConfig {
        ring_min: own.ring_min,
        ring_gap: own.ring_gap,
        identity: match (own.caller_id, own.caller_id_time) {
            (config::CallerIdBy::None, _) => IdentityTime::Never,
            (_, config::CallerIdTime::AfterRing) => IdentityTime::AfterRing,
            (_, config::CallerIdTime::AfterReversal) => IdentityTime::AfterReversal,
            (_, config::CallerIdTime::BeforeRing) => IdentityTime::BeforeRing,
        },
        identity_wait: own.caller_id_wait,
        dial_tone: match own.dial_tone {
            config::DialTone::Required => DialTone::Required,
            config::DialTone::Preferred => DialTone::Preferred,
            config::DialTone::Ignored => DialTone::Ignored,
        },
        dial_tone_wait: own.dial_tone_wait,
        dial_delay: own.dial_delay,
        answer: match own.answer {
            config::AnswerBy::Polarity => AnswerBy::Polarity,
            config::AnswerBy::Ringback => AnswerBy::Ringback,
            config::AnswerBy::Dialled => AnswerBy::Dialled,
        },
        answer_after: own.answer_after,
        polarity_ends: own.reversal_ends,
        settle: own.settle,
        feed_break: own.feed_break,
        tone_cycles: own.busy_cycles,
        busy_cycle,
        congestion_cycle,
        guard: own.guard,
        no_feed: own.no_feed,
    };
    LoopStart {
        fxo,
        identity: match own.caller_id {
            config::CallerIdBy::Dtmf => IdentityBy::Dtmf,
            config::CallerIdBy::Fsk | config::CallerIdBy::None => IdentityBy::Fsk,
        },
        called: own.called.clone(),
        hunt: hunt(trunk.hunt),
    }
}

/// Returns the longest cycle of the tones that mean the same: that of the country, and those of `[[detect.tone]]`.
fn longest_cycle(config: &Config, kind: ProgressKind, of: impl Fn(&TonePlan) -> ToneSpec) -> Duration {
    let cycle = |tone: &ToneSpec| tone.segments().iter().map(|segment| u64::from(segment.ms)).sum::<u64>();
    let own = config.detect.tones.iter().map(own_tone).filter(|(means, _)| *means == kind);
    let own = own.map(|(_, tone)| cycle(&tone)).max().unwrap_or(0);
    Duration::from_millis(own.max(cycle(&of(plan(country(config))))))
}

fn hunt(hunt: config::Hunt) -> Hunt {
    match hunt {
        config::Hunt::Ascending => Hunt::Ascending,
        config::Hunt::Descending => Hunt::Descending,
        config::Hunt::RoundRobin => Hunt::RoundRobin,
    }
}

fn pri_config(trunk: &config::Trunk, span: &config::Span, side: Side) -> PriConfig {
    let mut pri = PriConfig::new(side, span.kind);
    let config::Dialect::EuroIsdn = trunk.dialect;
    pri.hunt = hunt(trunk.hunt);
    pri.overlap_receive = trunk.overlap_receive;
    pri.restart_on_start = trunk.restart_on_start;
    pri.law = span.law;
    let t = &trunk.timers;
    (pri.link.t200, pri.link.t203, pri.link.n200, pri.link.k) = (t.t200, t.t203, t.n200, t.k);
    (pri.timers.t301, pri.timers.t302, pri.timers.t303, pri.timers.t304) = (t.t301, t.t302, t.t303, t.t304);
    (pri.timers.t305, pri.timers.t306, pri.timers.t308, pri.timers.t309) = (t.t305, t.t306, t.t308, t.t309);
    (pri.timers.t310, pri.timers.t313, pri.timers.t316, pri.timers.t322) = (t.t310, t.t313, t.t316, t.t322);
    pri
}

/// Returns the switch machine's set-up, as the configuration alone gives it.
pub(crate) fn switch_config(config: &Config) -> SwitchConfig {
    let trunk = |trunk: &config::Trunk| Trunk {
        name: trunk.name.clone(),
        spans: trunk.spans.clone(),
        caller: trunk.caller.clone(),
    };
    let queue = |queue: &config::Queue| Queue {
        name: queue.name.clone(),
        title: queue.title.clone(),
        rules: queue.settings.clone(),
    };
    let agent = |agent: &config::Agent| Agent {
        name: agent.name.clone(),
        title: agent.title.clone(),
        seat: agent.seat.clone(),
        queues: agent.queues.clone(),
        start: match agent.start {
            config::AgentStart::Offline => Start::Offline,
            config::AgentStart::Busy => Start::Busy(None),
            config::AgentStart::Ready => Start::Ready,
        },
    };
    let spans = config.cards.iter().flat_map(|card| &card.spans);
    SwitchConfig {
        plan: Plan {
            numbers: config.numbers.iter().map(|rule| number_entry(config, rule)).collect(),
            seats: config.seats.iter().map(|seat| seat_entry(config, seat)).collect(),
            digit_timeout: config.call.next_digit_timeout,
            trunk_timeout: config.call.trunk_answer_timeout,
        },
        trunks: config.trunks.iter().map(trunk).collect(),
        telephones: spans.filter(|span| span.kind == SpanKind::Fxs).map(|span| span.id).collect(),
        flows: config.flows.iter().map(|flow| (flow.name.clone(), Arc::new(flow.flow.clone()))).collect(),
        queues: config.queues.iter().map(queue).collect(),
        agents: config.agents.iter().map(agent).collect(),
        busy_reasons: config.acd.busy_reasons.clone(),
        missed_pause: match config.acd.missed {
            acd::Missed::Busy => None,
            acd::Missed::Pause(pause) => Some(pause),
        },
        past: Vec::new(),
        records: false,
    }
}

fn spans_of(config: &Config, trunk: &str) -> Vec<SpanId> {
    let known = config.trunks.iter().find(|known| known.name == trunk);
    known.expect("the configuration was checked: the trunk is there").spans.clone()
}

fn seat_entry(config: &Config, seat: &config::Seat) -> Seat {
    let place = match &seat.reach {
        config::Reach::Port(port) => Place::Port(*port),
        config::Reach::Trunk { trunk, dial } => {
            Place::Trunk { spans: spans_of(config, trunk), dial: dial.clone() }
        }
    };
    Seat { number: seat.number.clone(), place, answer_timeout: seat.answer_timeout }
}

fn number_entry(config: &Config, rule: &config::NumberRule) -> NumberEntry {
    let (action, prompts) = match &rule.action {
        config::Action::Attendant { prompts, digits, digit_timeout, attempts } => {
            let (digits, digit_timeout, attempts) = (*digits, *digit_timeout, *attempts);
            (call::Action::Attendant { digits, digit_timeout, attempts }, prompts.clone())
        }
        config::Action::Announce { prompts } => (call::Action::Announce, prompts.clone()),
        config::Action::Seat { seat } => (call::Action::Seat(seat.clone()), Vec::new()),
        config::Action::Trunk { trunk } => {
            let known = config.trunks.iter().find(|known| known.name == *trunk);
            let known = known.expect("the configuration was checked: the trunk is there");
            let (to, caller) = (Destination::Trunk(known.spans.clone()), known.caller.clone());
            (call::Action::Trunk { to, caller }, Vec::new())
        }
        config::Action::Flow { flow } => (call::Action::Flow(flow.clone()), Vec::new()),
    };
    NumberEntry {
        called: rule.called.clone(),
        from: match rule.from {
            config::Origin::Any => None,
            config::Origin::Trunk => Some(From::Trunk),
            config::Origin::Seat => Some(From::Seat),
        },
        action,
        prompts,
        language: rule.language.clone(),
        record: rule.record && config.record.enabled,
    }
}

/// A prompt that cannot be played.
pub(crate) struct UnfitPrompt {
    /// With its folder.
    pub prompt: String,
    /// The files and keys that name it.
    pub named_by: Vec<String>,
    /// Why it cannot be played.
    pub error: record::PromptError,
}

impl std::fmt::Display for UnfitPrompt {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let (first, others) = self.named_by.split_first().expect("somebody names the prompt");
        write!(f, "{first} names a prompt that cannot be played: {}", self.error)?;
        if others.is_empty() { Ok(()) } else { write!(f, "; so do {}", others.join(", ")) }
    }
}

/// Returns the prompts that the number plan and the flows name or need without naming them, each with who names it.
pub(crate) fn named_prompts(config: &Config) -> BTreeMap<String, Vec<String>> {
    let mut named: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for rule in &config.numbers {
        let own = || call::OWN_PROMPTS.iter().map(|name| format!("{}/{name}", rule.language)).collect();
        let prompts: Vec<String> = match &rule.action {
            config::Action::Attendant { prompts, .. } => [prompts.clone(), own()].concat(),
            config::Action::Announce { prompts } => prompts.clone(),
            config::Action::Seat { .. } | config::Action::Trunk { .. } | config::Action::Flow { .. } => {
                Vec::new()
            }
        };
        for prompt in prompts {
            let by = format!("{}: number.{}", config.file.display(), rule.called);
            named.entry(prompt).or_default().push(by);
        }
    }
    for flow in &config.flows {
        for used in flow.flow.prompts() {
            let by = format!("{}: nodes.{}.{}", flow.file.display(), used.node, used.field);
            named.entry(used.what).or_default().push(by);
        }
    }
    named
}

/// Tells people which prompts cannot be played: each of a few, but where all are missing that there are none.
pub(crate) fn tell_unfit(config: &Config, unfit: &[UnfitPrompt]) -> Vec<String> {
    let folder = &config.system.prompts_dir;
    if !unfit.is_empty() && !folder.is_dir() {
        let file = config.file.display();
        return vec![format!(
            "{file}: system.prompts_dir: {}: no such folder: none of the {} prompts in use can be played (for the prompts \
             that Tandem brings along: `make prompts`)",
            folder.display(),
            unfit.len()
        )];
    }
    unfit.iter().map(ToString::to_string).collect()
}

/// Returns each named prompt that cannot be played. Reads all of them.
pub(crate) fn unfit_prompts(config: &Config) -> Vec<UnfitPrompt> {
    let mut prompts = record::Prompts::default();
    let unfit = |(prompt, named_by): (String, Vec<String>)| {
        let error = prompts.load(&config.prompt_file(&prompt)).err()?;
        Some(UnfitPrompt { prompt, named_by, error })
    };
    named_prompts(config).into_iter().filter_map(unfit).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_channels_canceller_is_its_own_then_its_spans_then_that_of_all() {
        let file = r#"version = 1
[echo]
tail_ms = 64
[[echo.channel]]
at = ["1/3"]
rest = "keep"
[[echo.channel]]
at = ["6/2", "1/4"]
tail_ms = 0
[[card]]
name = "sim0"
type = "sim"
[[card.span]]
span = 1
kind = "e1"
cancel_tail_ms = 32
[[card.span]]
span = 6
kind = "fxo"
ports = 4
[[card]]
name = "office"
type = "dahdi"
card_echo = true
[[card.span]]
span = 7
kind = "e1"
dahdi_channel = 1
[[card.span]]
span = 8
kind = "e1"
dahdi_channel = 32
cancel_tail_ms = 64
"#;
        let settings = echo_settings(&Config::parse(file, "f.toml").expect("a good file"));
        assert_eq!((settings.tail_ms, settings.nlp), (64, NlpMode::ComfortNoise));
        let told = |own: &EchoChannels| (own.span.0, own.timeslot.map(|slot| slot.0), own.tail_ms, own.nlp);
        let told: Vec<_> = settings.channels.iter().map(told).collect();
        let wanted = [
            (1, None, 32, NlpMode::ComfortNoise),
            (7, None, 0, NlpMode::ComfortNoise),
            (8, None, 64, NlpMode::ComfortNoise),
            (1, Some(3), 32, NlpMode::Off),
            (6, Some(2), 0, NlpMode::ComfortNoise),
            (1, Some(4), 0, NlpMode::ComfortNoise),
        ];
        assert_eq!(told, wanted);
    }
}
