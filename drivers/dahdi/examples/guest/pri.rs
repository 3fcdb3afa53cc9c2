//! A complete call of primary rate ISDN between two spans: through the driver, the engine in a thread of its own, and both
//! sides' Q.921 and Q.931.
//!
//! Speech is proved by keys: what one end dials on the channel that was agreed on the engine must hear at the other.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use card::Signalling;
use clock::{Clock, MonoClock, Prng};
use isdn::{
    BearerCapability, Cause, ChannelChoice, Digits, Input, Output, PartyNumber, Pri, PriConfig, PriEvent,
    Request, Setup, Side,
};
use rt::sched::ThreadConfig;
use rt::{
    DChannel, EndReason, Engine, EngineConfig, EngineHandle, RtCommand, RtEventKind, RtOp, Strip, Wants,
};
use tdm::{ChannelId, HdlcFrame, Law, SpanId, SpanKind, Timeslot};

use crate::calls::start;
use crate::rig;

/// How long the whole call may take.
const DEADLINE: Duration = Duration::from_secs(40);

/// One end of a span.
pub struct End {
    pub span: SpanId,
    pub pri: Pri,
    channel: DChannel,
    frames: VecDeque<HdlcFrame>,
    pub events: Vec<PriEvent>,
}

impl End {
    pub fn new(side: Side, channel: DChannel) -> End {
        let config = PriConfig { restart_on_start: false, ..PriConfig::new(side, SpanKind::E1) };
        let mut pri = Pri::new(config, Prng::new(1));
        pri.handle(Input::LineUp, MonoClock.now());
        let span = channel.span.unwrap();
        End { span, pri, channel, frames: VecDeque::new(), events: Vec::new() }
    }

    pub fn request(&mut self, request: Request) {
        self.pri.handle(Input::Request(request), MonoClock.now());
    }

    /// Moves frames and time on.
    pub fn turn(&mut self) {
        let now = MonoClock.now();
        while let Ok(frame) = self.channel.rx.pop() {
            self.pri.handle(Input::Frame(frame.octets()), now);
        }
        if self.pri.poll_timeout().is_some_and(|(at, _)| at <= now) {
            self.pri.handle(Input::Timeout, now);
        }
        while let Some(output) = self.pri.poll_output() {
            match output {
                Output::Frame(frame) => self.frames.push_back(frame),
                Output::Event(event) => self.events.push(event),
            }
        }
        while let Some(frame) = self.frames.front() {
            if self.channel.tx.push(*frame).is_err() {
                break;
            }
            self.frames.pop_front();
        }
    }
}

/// A call to 8000 on any channel.
pub fn setup(call: isdn::CallId) -> Request {
    Request::Setup(Box::new(Setup {
        call,
        called: PartyNumber::called(Digits::new("8000").unwrap()),
        calling: None,
        name: None,
        channel: ChannelChoice::Any,
        sending_complete: true,
        bearer: BearerCapability::audio(Law::A),
    }))
}

/// How far the call is.
#[derive(Default)]
struct Progress {
    caller: Option<isdn::CallId>,
    /// The strips of the channel that was agreed on, at both ends.
    talk: Option<[Strip; 2]>,
    /// The key that each end's strip has heard.
    heard: [Option<u8>; 2],
    released: [bool; 2],
}

/// Layer 2 up, SETUP to CONNECT, keys heard both ways on the channel that was agreed on, DISCONNECT to RELEASE COMPLETE.
pub fn call() {
    let (_control, io) = start(rig::pair(5, 6), Signalling::Hdlc(Timeslot(16)));
    let config = EngineConfig { period_chunks: 10, detect: Wants::DTMF, ..EngineConfig::default() };
    let (engine, mut handle) = Engine::new(config, vec![Box::new(io)]).unwrap();
    let thread = ThreadConfig { name: "rt-0".into(), priority: Some(50), cpu: None, lock_memory: false };
    let running = rt::start(engine, thread).unwrap();
    let mut channels = std::mem::take(&mut handle.dchannels).into_iter();
    let mut ends = [Side::Network, Side::User].map(|side| End::new(side, channels.next().unwrap()));
    let (mut progress, began) = (Progress::default(), Instant::now());
    while progress.released != [true; 2] {
        let events = (&ends[0].events, &ends[1].events);
        assert!(began.elapsed() < DEADLINE && !running.is_finished(), "{events:?} {:?}", progress.heard);
        std::thread::sleep(Duration::from_millis(5));
        for index in 0..2 {
            ends[index].turn();
            for event in std::mem::take(&mut ends[index].events) {
                follow(&mut ends, index, event, &mut progress, &mut handle);
            }
        }
        listen(&mut handle, &mut progress);
        if progress.heard == [Some(b'9'), Some(b'1')] && progress.talk.take().is_some() {
            let call = progress.caller.unwrap();
            ends[0].request(Request::Disconnect { call, cause: Cause::NORMAL_CLEARING, inband: false });
        }
    }
    let (periods, lost) = (handle.counters.periods.get(), handle.counters.lost_samples.get());
    println!(
        "INFO a call through driver, engine and Q.931: keys heard both ways, {periods} periods, {lost} lost"
    );
    running.stop();
    assert_eq!(running.join(), EndReason::Stopped);
    assert_eq!(handle.counters.dchan_drops.get(), 0);
}

/// Does what people at both ends would do.
fn follow(
    ends: &mut [End; 2],
    index: usize,
    event: PriEvent,
    progress: &mut Progress,
    handle: &mut EngineHandle,
) {
    match event {
        PriEvent::Up if index == 0 && progress.caller.is_none() => {
            let call = ends[0].pri.next_call();
            progress.caller = Some(call);
            ends[0].request(setup(call));
        }
        PriEvent::Offer(offer) => {
            let call = offer.call;
            ends[index].request(Request::Proceeding { call, inband: false });
            ends[index].request(Request::Alerting { call, inband: false });
            ends[index].request(Request::Connect { call });
        }
        PriEvent::Answered { call, channel, .. } => {
            assert_eq!(Some(call), progress.caller);
            let strip = |end: &End| {
                let channel = ChannelId { span: end.span, timeslot: channel };
                handle.layout.strip(channel).unwrap()
            };
            let strips = [strip(&ends[0]), strip(&ends[1])];
            for (seq, (strip, key)) in (0..).zip(strips.into_iter().zip(["1", "9"])) {
                let digits = rt::Digits::new(key).unwrap();
                handle.sig_commands.push(RtCommand { seq, op: RtOp::Dial { strip, digits } }).unwrap();
            }
            progress.talk = Some(strips);
        }
        PriEvent::Released { .. } => progress.released[index] = true,
        _ => {}
    }
}

/// Notes which keys the engine has heard where.
fn listen(handle: &mut EngineHandle, progress: &mut Progress) {
    while let Ok(event) = handle.events.pop() {
        if let RtEventKind::DigitDown { strip, digit } = event.kind {
            let strips = progress.talk.expect("keys are heard only on the channel that was agreed on");
            let end = strips.iter().position(|known| *known == strip);
            progress.heard[end.expect("and on no other")] = Some(digit);
        }
    }
}
