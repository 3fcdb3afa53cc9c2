//! One call in a flow, node by node: what each input leads to.

use super::*;
use crate::flow::Flow;

struct Bench {
    flow: ValidFlow,
    call: Interpreter,
    now: Mono,
}

impl Bench {
    /// A call in a flow that starts at "main" and has the ends "bye" (announce) and "end" (hang up, busy).
    fn new(nodes: &str) -> Bench {
        let text = format!(
            "version = 1\nname = \"t\"\nlanguage = \"en\"\nstart = \"main\"\n{nodes}\n\
             [nodes.bye]\ntype = \"announce\"\nprompts = [\"goodbye\"]\n\
             [nodes.end]\ntype = \"hang_up\"\ncause = 17\n"
        );
        let flow: Flow = toml::from_str(&text).unwrap();
        let flow = flow.validate().unwrap_or_else(|errors| panic!("{errors:#?}"));
        Bench { call: Interpreter::new(&flow), flow, now: Mono::from_millis(1_000) }
    }

    fn tell(&mut self, input: Input) -> Vec<Output> {
        let mut outputs = Vec::new();
        self.call.handle(input, &self.flow, &mut outputs, self.now);
        assert!(self.call.is_over() || self.call.poll_timeout().is_some_and(|due| due > self.now));
        outputs
    }

    fn keys(&mut self, keys: &str) -> Vec<Output> {
        keys.chars().flat_map(|key| self.tell(Input::Digit(key))).collect()
    }

    /// Lets time pass until the deadline and tells how long that was.
    fn time_out(&mut self) -> (u64, Vec<Output>) {
        let due = self.call.poll_timeout().expect("it waits");
        let waited = due.since(self.now).as_millis();
        self.now = due;
        (waited as u64, self.tell(Input::Timeout))
    }
}

fn play(play: u32, prompts: &[&str], treatment: Treatment) -> Output {
    Output::Play { play: PlayId(play), prompts: prompts.iter().map(|p| (*p).into()).collect(), treatment }
}

fn hung_up(cause: Cause) -> Output {
    Output::HangUp { cause }
}

const MENU: &str = r#"
[nodes.main]
type = "menu"
prompts = ["menu"]
keys = { 1 = "bye", "*" = "end" }
timeout_ms = 4000
attempts = 2
invalid = ["invalid"]
on_timeout = "end"
on_invalid = "bye"
"#;

#[test]
fn a_menus_key_leads_on_at_once_and_ends_its_prompts() {
    let mut bench = Bench::new(MENU);
    assert_eq!(bench.tell(Input::Started), [play(1, &["en/menu"], Treatment::UntilDigit)]);
    assert_eq!(bench.keys("1"), [play(2, &["en/goodbye"], Treatment::Whole)]);
    assert_eq!(bench.tell(Input::Played(PlayId(1))), [], "the end of the menu's prompts comes late");
    assert_eq!(bench.tell(Input::Played(PlayId(2))), [hung_up(Cause::NORMAL)]);
    assert_eq!(bench.tell(Input::Digit('1')), []);
}

#[test]
fn a_menu_without_a_key_is_repeated_and_then_given_up() {
    let mut bench = Bench::new(MENU);
    bench.tell(Input::Started);
    bench.tell(Input::Played(PlayId(1)));
    assert_eq!(bench.time_out(), (4_000, vec![play(2, &["en/menu"], Treatment::UntilDigit)]));
    bench.tell(Input::Played(PlayId(2)));
    assert_eq!(bench.time_out(), (4_000, vec![hung_up(Cause::BUSY)]));
}

#[test]
fn a_key_that_leads_nowhere_is_told_and_after_the_last_attempt_given_up() {
    let mut bench = Bench::new(MENU);
    bench.tell(Input::Started);
    assert_eq!(bench.keys("5"), [play(2, &["en/invalid", "en/menu"], Treatment::UntilDigit)]);
    assert_eq!(bench.keys("#"), [play(3, &["en/goodbye"], Treatment::Whole)]);
}

#[test]
fn without_barge_in_keys_count_only_after_the_prompts() {
    let mut bench = Bench::new(&MENU.replace("attempts", "barge_in = false\nattempts"));
    assert_eq!(bench.tell(Input::Started), [play(1, &["en/menu"], Treatment::Whole)]);
    assert_eq!(bench.keys("*"), []);
    bench.tell(Input::Played(PlayId(1)));
    assert_eq!(bench.keys("*"), [hung_up(Cause::BUSY)]);
}

const COLLECT: &str = r##"
[nodes.main]
type = "collect"
prompts = ["enter"]
min = 3
max = 5
terminator = "#"
timeout_ms = 5000
inter_digit_ms = 2000
variable = "number"
attempts = 2
invalid = ["invalid"]
next = "which"
on_failed = "end"
[nodes.which]
type = "branch"
variable = "number"
equals = { 999 = "bye" }
otherwise = "seat"
[nodes.seat]
type = "connect"
variable = "number"
music = ["ringing"]
ring_s = 20
on_busy = "bye"
on_failed = "end"
"##;

#[test]
fn digits_are_complete_at_the_most_by_the_terminator_or_by_silence() {
    for (keys, silence, number) in
        [("12345", false, "12345"), ("201#", false, "201"), ("2*01", true, "201"), ("9988#", false, "9988")]
    {
        let mut bench = Bench::new(COLLECT);
        bench.tell(Input::Started);
        let mut outputs = bench.keys(keys);
        if silence {
            let (waited, more) = bench.time_out();
            assert_eq!((waited, outputs), (2_000, vec![]));
            outputs = more;
        }
        let ringing = play(2, &["en/ringing"], Treatment::Loop);
        assert_eq!(outputs, [ringing, Output::Connect { seat: number.into() }], "{keys}");
        assert_eq!(bench.call.variable("number"), Some(number));
    }
}

#[test]
fn too_few_digits_are_asked_for_again_and_then_given_up() {
    let mut bench = Bench::new(COLLECT);
    bench.tell(Input::Started);
    assert_eq!(bench.keys("12#"), [play(2, &["en/invalid", "en/enter"], Treatment::UntilDigit)]);
    bench.tell(Input::Played(PlayId(2)));
    assert_eq!(bench.time_out(), (5_000, vec![hung_up(Cause::BUSY)]));
    assert_eq!(bench.call.variable("number"), None);
}

#[test]
fn a_branch_goes_where_the_variable_says() {
    let mut bench = Bench::new(COLLECT);
    bench.tell(Input::Started);
    assert_eq!(bench.keys("999#"), [play(2, &["en/goodbye"], Treatment::Whole)]);
}

#[test]
fn a_seat_answers_talks_and_hangs_up() {
    let mut bench = Bench::new(COLLECT);
    bench.tell(Input::Started);
    bench.keys("201#");
    assert_eq!(bench.tell(Input::Answered), []);
    assert_eq!(bench.keys("1"), [], "keys in a talk are the talkers' own");
    assert_eq!(bench.tell(Input::TalkEnded), [hung_up(Cause::NORMAL)]);
}

#[test]
fn a_seat_that_is_not_reached_leads_where_the_reason_says() {
    let after = |why: Option<FailReason>| {
        let mut bench = Bench::new(COLLECT);
        bench.tell(Input::Started);
        bench.keys("201#");
        match why {
            Some(why) => bench.tell(Input::Failed(why)),
            None => bench.time_out().1,
        }
    };
    let bye = play(3, &["en/goodbye"], Treatment::Whole);
    assert_eq!(after(Some(FailReason::Busy)), [Output::StopPlay, bye]);
    assert_eq!(after(Some(FailReason::NoAnswer)), [Output::StopPlay, hung_up(Cause::BUSY)]);
    assert_eq!(after(Some(FailReason::Unreachable)), [Output::StopPlay, hung_up(Cause::BUSY)]);
    assert_eq!(after(None), [Output::Disconnect, Output::StopPlay, hung_up(Cause::BUSY)]);
}

const QUEUE: &str = r#"
[nodes.main]
type = "language"
language = "zh"
next = "wait"
[nodes.wait]
type = "queue"
queue = "sales"
priority = 7
prompts = ["please-wait"]
music = ["music/one", "advert"]
position = "position"
max_wait_s = 100
on_timeout = "bye"
on_refused = "end"
after = "survey"
[nodes.survey]
type = "play"
prompts = ["en/thanks"]
until_digit = true
next = "end"
"#;

fn queued() -> Bench {
    let mut bench = Bench::new(QUEUE);
    let enqueue = Output::Enqueue { queue: "sales".into(), priority: 7 };
    assert_eq!(bench.tell(Input::Started), [enqueue, play(1, &["zh/please-wait"], Treatment::Whole)]);
    bench
}

#[test]
fn a_caller_in_a_queue_hears_music_and_positions() {
    let mut bench = queued();
    let music = |n| play(n, &["music/one", "zh/advert"], Treatment::Loop);
    assert_eq!(bench.tell(Input::Queue(QueueEvent::Position(4))), [], "not into what is being said");
    assert_eq!(bench.tell(Input::Played(PlayId(1))), [music(2)]);
    let position = |n| Input::Queue(QueueEvent::Position(n));
    assert_eq!(bench.tell(position(20)), [play(3, &["zh/position", "zh/number-20"], Treatment::Whole)]);
    assert_eq!(bench.tell(Input::Played(PlayId(3))), [music(4)]);
    assert_eq!(bench.tell(position(21)), []);
    assert_eq!(bench.tell(position(0)), []);
}

#[test]
fn an_agent_answers_and_the_caller_goes_on_after_the_talk() {
    let mut bench = queued();
    assert_eq!(bench.tell(Input::Answered), []);
    assert_eq!(bench.tell(Input::TalkEnded), [play(2, &["en/thanks"], Treatment::UntilDigit)]);
    assert_eq!(bench.tell(Input::Played(PlayId(2))), [hung_up(Cause::BUSY)]);
}

#[test]
fn the_longest_wait_is_the_flows_or_the_queues() {
    let bye = || play(2, &["zh/goodbye"], Treatment::Whole);
    assert_eq!(queued().time_out(), (100_000, vec![Output::LeaveQueue, Output::StopPlay, bye()]));
    let by_queue = queued().tell(Input::Queue(QueueEvent::TimedOut));
    assert_eq!(by_queue, [Output::StopPlay, bye()]);
    let refused = queued().tell(Input::Queue(QueueEvent::Refused));
    assert_eq!(refused, [Output::StopPlay, hung_up(Cause::BUSY)]);
}

#[test]
fn a_caller_who_hangs_up_leaves_the_queue_and_the_ringing_telephone() {
    let mut bench = queued();
    assert_eq!(bench.tell(Input::Gone), [Output::LeaveQueue]);
    assert!(bench.call.is_over() && bench.call.poll_timeout().is_none());
    assert_eq!(bench.tell(Input::Gone), []);
    let mut bench = Bench::new(COLLECT);
    bench.tell(Input::Started);
    bench.keys("201#");
    assert_eq!(bench.tell(Input::Gone), [Output::Disconnect]);
}

#[test]
fn a_talk_whose_end_is_never_told_ends_by_itself() {
    let mut bench = queued();
    bench.tell(Input::Answered);
    assert_eq!(bench.time_out(), (12 * 3_600_000, vec![hung_up(Cause::NORMAL)]));
}

#[test]
fn a_prompt_whose_end_is_never_told_is_left_behind() {
    let mut bench = queued();
    bench.tell(Input::Answered);
    bench.tell(Input::TalkEnded);
    assert_eq!(bench.time_out(), (600_000, vec![hung_up(Cause::BUSY)]));
}

#[test]
fn a_call_whose_node_is_gone_from_a_replaced_flow_is_hung_up() {
    for input in [Input::Queue(QueueEvent::TimedOut), Input::Timeout] {
        let mut bench = queued();
        bench.flow = Bench::new(MENU).flow;
        if input == Input::Timeout {
            bench.now = bench.call.poll_timeout().unwrap();
        }
        assert_eq!(bench.tell(input), [Output::LeaveQueue, hung_up(Cause::TEMPORARY)]);
    }
}

#[test]
fn a_call_that_goes_on_for_ever_is_hung_up() {
    let mut bench = Bench::new(&MENU.replace("on_timeout = \"end\"", "on_timeout = \"main\""));
    bench.tell(Input::Started);
    let mut waits = 0;
    while !bench.call.is_over() {
        bench.time_out();
        waits += 1;
        assert!(waits <= MAX_STEPS_PER_CALL);
    }
    assert_eq!(waits, MAX_STEPS_PER_CALL);
}

#[test]
fn the_largest_state_fits_into_its_limit_and_comes_back_equal() {
    use crate::{MAX_DIGITS, MAX_NAME, MAX_STATE, MAX_VARIABLE, MAX_VARIABLES};
    let mut call = Bench::new(MENU).call;
    call.node = "n".repeat(MAX_NAME);
    let value = "9".repeat(MAX_DIGITS.into());
    call.variables =
        (0..MAX_VARIABLES).map(|n| (format!("{n:0>width$}", width = MAX_VARIABLE), value.clone())).collect();
    call.state = State::Collecting { play: Some(PlayId(u32::MAX)), attempt: 10, digits: value };
    (call.plays, call.steps, call.deadline) = (u32::MAX, u16::MAX, Some(Mono::MAX));
    let octets = postcard::to_stdvec(&call).unwrap();
    assert!(octets.len() <= MAX_STATE, "{}", octets.len());
    assert_eq!(postcard::from_bytes(&octets), Ok(call));
}

#[test]
fn what_was_missed_while_nobody_listened_is_made_up_for() {
    let mut bench = Bench::new(MENU);
    bench.tell(Input::Started);
    assert_eq!(bench.tell(Input::Found(Some(PlayId(1)))), []);
    bench.tell(Input::Found(None));
    assert_eq!(bench.time_out().0, 4_000, "the prompt has ended: a key is awaited");
}

#[test]
fn music_that_was_never_begun_is_begun() {
    let queue = "[nodes.main]\ntype = \"queue\"\nqueue = \"q\"\nmusic = [\"music\"]\nmax_wait_s = 60\n\
                 on_timeout = \"bye\"\non_refused = \"end\"\n";
    let mut bench = Bench::new(queue);
    bench.tell(Input::Started);
    assert_eq!(bench.tell(Input::Found(Some(PlayId(1)))), []);
    assert_eq!(bench.tell(Input::Found(None)), [play(2, &["en/music"], Treatment::Loop)]);
}
