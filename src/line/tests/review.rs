mod world;
use core::time::Duration;
use isdn::event::{PriEvent, Request};
use tdm::{ChannelId, HookState};
use world::{PHONES, World};
const SECOND: Duration = Duration::from_secs(1);

fn offered(world: &World) -> isdn::event::CallId {
    world
        .told
        .iter()
        .find_map(|e| match e {
            PriEvent::Offer(o) => Some(o.call),
            _ => None,
        })
        .expect("offer")
}

#[test]
fn alerting_missed_while_away() {
    let mut world = World::new(1);
    world.hook(4, HookState::OffHook);
    world.run(SECOND);
    world.key(ChannelId::new(PHONES.0, 4), "910086#");
    world.run(SECOND);
    let out = offered(&world);
    world.ask(Request::Proceeding { call: out, inband: false });
    world.run(SECOND);
    world.kill_switch();
    world.ask(Request::Alerting { call: out, inband: false });
    world.run(SECOND);
    world.start_switch();
    world.run(SECOND);
    let source = world.sources[&world::strip(ChannelId::new(PHONES.0, 4))];
    assert_eq!(source, rt::Source::Tone(rt::Tone::Ringback));
}

#[test]
fn trunk_caller_gets_no_alerting() {
    let mut world = World::new(1);
    let call = world.call("910086");
    world.run(SECOND);
    let out = offered(&world);
    world.ask(Request::Proceeding { call: out, inband: false });
    world.run(SECOND);
    world.kill_switch();
    world.ask(Request::Alerting { call: out, inband: false });
    world.run(SECOND);
    world.start_switch();
    world.run(Duration::from_secs(20));
    assert_eq!(world.released(call), None, "cut: {:?}", world.released(call));
}

#[test]
fn talking_call_cut_after_hold() {
    let mut world = World::new(2);
    let call = world.call("8001");
    world.run(SECOND);
    world.hook(1, HookState::OffHook);
    world.run(Duration::from_millis(20));
    world.kill_switch();
    world.run(SECOND);
    assert!(world.answered(call));
    assert!(world.hear_each_other(world.channel_of(call), ChannelId::new(PHONES.0, 1)));
    world.run(Duration::from_secs(35));
    assert_eq!(world.released(call), None);
}

#[test]
fn silent_switch() {
    let mut world = World::new(3);
    world.switch = None; // attached, but never speaks
    let call = world.call("8000");
    world.run(Duration::from_secs(120));
    println!("released {:?} legs {}", world.released(call), world.line.legs());
    world.hook(3, HookState::OffHook);
    world.run(Duration::from_secs(1200));
    assert_eq!(world.line.legs(), 0, "x");
}
