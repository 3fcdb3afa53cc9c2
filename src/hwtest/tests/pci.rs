//! The cases on the driver of PCI cards over the model of a card: framers, alarms and slips as the driver sees them.
#![allow(clippy::unwrap_used, reason = "a test stops where something is wrong")]

mod rig;

use card::{Card, ClockSource, LineConfig, Signalling};
use clock::{Clock, Mono};
use firmware_shim::Generation;
use firmware_shim::model::{ModelConfig, Plug};
use hwtest::{Case, Outcome, Plan, Subject, Verdict};
use pci::model::{Handle, ModelBus};
use pci::{PciCard, PciConfig, PortConfig};
use rig::{Helper, failed, plan, told};
use tdm::{Law, SpanId};

struct ModelClock(Handle);

impl Clock for ModelClock {
    fn now(&self) -> Mono {
        self.0.now()
    }
}

/// Spans 1 and 2 with loop plugs, 3 and 4 cabled to each other.
fn run(laws: [Law; 4], mut spoil: impl FnMut(&Handle, Case)) -> Vec<Outcome> {
    let config = PciConfig {
        name: "bench".to_owned(),
        generation: Generation::Five,
        ports: [PortConfig::E1; 4].into_iter().collect(),
        buffers: 16,
    };
    let model = ModelConfig {
        generation: Generation::Five,
        ports: 4,
        e1_jumpers: config.jumpers(),
        framer_version: 0x20,
    };
    let (handle, bus) = pci::model::card(model, PciCard::<ModelBus>::words(&config));
    let plugs = [Plug::Loop, Plug::Loop, Plug::Cross(3), Plug::Cross(2)];
    handle.card(|card| (0..).zip(plugs).for_each(|(port, plug)| card.plug(port, plug)));
    let lines = (0..4).zip(laws).map(|(position, law)| LineConfig {
        position,
        span: SpanId(u16::from(position) + 1),
        law,
        signalling: Signalling::Clear,
        clock: ClockSource::Internal,
    });
    let card = PciCard::new(config, bus).unwrap();
    let caps = card.caps().clone();
    let (control, io) = card.start(&lines.collect::<Vec<_>>()).unwrap();
    let mut subject = Subject { caps, control: Box::new(control), io: Box::new(io) };
    let plan = Plan { loops: vec![SpanId(1), SpanId(2)], pairs: vec![(SpanId(3), SpanId(4))], ..plan() };
    let (puller, spoiled, clock) = (handle.clone(), handle.clone(), ModelClock(handle));
    let mut helper = Helper {
        pull: move |span: SpanId, cut| {
            puller.card(|card| card.cut(u8::try_from(span.0 - 1).unwrap(), cut));
            true
        },
        begin: move |case| spoil(&spoiled, case),
        told: 0,
    };
    hwtest::run(&mut subject, &plan, &clock, &mut helper)
}

#[test]
fn a_good_card_passes_every_case_that_it_can_be_wired_for() {
    let outcomes = run([Law::A; 4], |_, _| {});
    assert_eq!(failed(&outcomes), [], "{}", told(&outcomes));
    let not = outcomes.iter().filter(|o| matches!(o.verdict, Verdict::NotPossible { .. }));
    assert_eq!(not.map(|o| o.case).collect::<Vec<_>>(), [Case::RingAndHook, Case::EchoPath]);
    assert_eq!(outcomes.len(), 5 * 3 + 2 + 1);
}

#[test]
fn faults_of_line_and_card_fail_their_cases() {
    let slipping = run([Law::A; 4], |handle, case| {
        if case == Case::BitErrors {
            handle.card(|card| card.slip(0, 1));
        }
    });
    assert_eq!(failed(&slipping), [Case::BitErrors], "{}", told(&slipping));
    let law = run([Law::A, Law::A, Law::A, Law::Mu], |_, _| {});
    assert_eq!(failed(&law), [Case::Timeslots], "{}", told(&law));
    let cut = run([Law::A; 4], |handle, case| {
        if case == Case::Signal {
            handle.card(|card| card.cut(1, true));
        }
    });
    assert_eq!(failed(&cut), [Case::Signal], "{}", told(&cut));
    let late = run([Law::A; 4], |handle, case| {
        if case == Case::Jitter {
            handle.be_late(60);
        }
    });
    assert_eq!(failed(&late), [Case::Jitter], "{}", told(&late));
    let gone = run([Law::A; 4], |handle, case| {
        if case == Case::DChannel {
            handle.pull_out();
        }
    });
    assert_eq!(failed(&gone), [Case::DChannel], "{}", told(&gone));
}
