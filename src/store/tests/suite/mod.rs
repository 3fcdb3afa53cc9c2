//! What every database behind the store must do; a test program for each one runs all of it.

// Each test program uses another part of this.
#![allow(dead_code, reason = "shared by several test programs")]

use std::path::Path;
use std::sync::Arc;

use call::{From, Progress};
use store::{AgentStay, FiguresAsked, MAX_TOTAL, MAX_VISITS_READ, Read, Record, Selection, Write};
use switch::view::{AgentStateView, CallView, LegStateView, LegView, Outcome, RecordingView, VisitView};

/// Both halves of one database.
pub struct Both {
    pub write: Box<dyn Write>,
    pub read: Arc<dyn Read>,
    /// Removed with the database in it.
    pub folder: tempfile::TempDir,
}

impl Both {
    pub fn put(&mut self, records: &[Record]) {
        wait(self.write.write(records)).expect("written");
    }

    pub fn names(&self, selection: &Selection) -> Vec<String> {
        wait(self.read.records(selection))
            .expect("a page")
            .records
            .into_iter()
            .map(|call| call.call)
            .collect()
    }
}

/// Makes a new database in a folder.
pub type Make = fn(&Path) -> (Box<dyn Write>, Arc<dyn Read>);

pub fn fresh(make: Make) -> Both {
    let folder = tempfile::tempdir().expect("a folder");
    let (mut write, read) = make(folder.path());
    wait(write.open()).expect("opened");
    Both { write, read, folder }
}

/// Waits for an answer.
pub fn wait<T>(answer: impl Future<Output = T>) -> T {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    runtime.block_on(answer)
}

pub fn visit(queue: &str, entered_ms: u64, wait_ms: u64, outcome: Outcome) -> VisitView {
    let agent = (outcome == Outcome::Answered).then(|| "zhang".to_string());
    VisitView {
        queue: queue.into(),
        entered_ms,
        left_ms: Some(entered_ms + wait_ms),
        outcome: Some(outcome),
        agent,
    }
}

/// A call that began at `since_ms`, with all that a call can have.
pub fn call(serial: u32, since_ms: u64) -> CallView {
    let name = format!("673f2a10-0-{serial}");
    let leg = |leg: &str, channel: Option<&str>, incoming| LegView {
        leg: leg.into(),
        channel: channel.map(Into::into),
        incoming,
        state: LegStateView::Ended,
    };
    CallView {
        legs: vec![leg(&name, Some("1/1"), true), leg("673f2a10-1-7", None, false)],
        recordings: vec![RecordingView {
            recording: format!("{name}-r1"),
            file: Some(format!("2026/11/22/031500-{name}-r1.wav")),
            length_ms: Some(61_000),
            failed: None,
        }],
        call: name,
        called: "8000".into(),
        calling: format!("1390000{:04}", serial % 10_000),
        restricted: false,
        from: From::Trunk,
        flow: Some("front".into()),
        reached: Some("201".into()),
        agent: Some("zhang".into()),
        visits: vec![visit("service", since_ms + 5_000, 7_000, Outcome::Answered)],
        progress: Progress::Ending,
        since_ms,
        answered_ms: Some(since_ms + 1_000),
        talking_ms: Some(since_ms + 12_000),
        ended_ms: Some(since_ms + 73_000),
        cause: Some(16),
    }
}

pub fn told(call: &CallView) -> Record {
    Record::Call(Box::new(call.clone()))
}

fn all(from_ms: u64, to_ms: u64) -> FiguresAsked {
    let goals_ms = [("service".to_string(), 7_000)].into();
    FiguresAsked { from_ms, to_ms, step_ms: 60_000, goals_ms, other_goal_ms: 20_000 }
}

/// What is written is read back, to the last field, and so is its absence.
pub fn a_record_is_read_back_as_it_was(make: Make) {
    let mut both = fresh(make);
    let full = call(1, 1_000);
    let bare = CallView {
        calling: String::new(),
        restricted: true,
        from: From::Seat,
        flow: None,
        reached: None,
        agent: None,
        visits: vec![],
        progress: Progress::Dialling,
        legs: vec![],
        answered_ms: None,
        talking_ms: None,
        cause: None,
        recordings: vec![],
        called: "'; DROP TABLE calls; -- \u{1F4DE} 客服 \"".into(),
        ..call(2, 2_000)
    };
    let open = VisitView { left_ms: None, outcome: None, agent: None, ..full.visits[0].clone() };
    let waits = CallView { visits: vec![full.visits[0].clone(), open], ..call(3, 3_000) };
    let calls = [full, bare, waits];
    both.put(&calls.iter().map(told).collect::<Vec<_>>());
    for call in &calls {
        assert_eq!(wait(both.read.record(&call.call)).expect("read").as_ref(), Some(call));
    }
    assert_eq!(wait(both.read.record("673f2a10-0-4")), Ok(None));
    let page = wait(both.read.records(&Selection::default())).expect("a page");
    assert_eq!((page.records.len(), page.total, page.next), (3, 3, None));
    assert_eq!(page.records[1], calls[1]);
}

/// The same call told again is one record: the newest news, found by its new keys only.
pub fn a_call_told_again_replaces_itself(make: Make) {
    let mut both = fresh(make);
    let first = call(1, 1_000);
    let news = CallView {
        agent: Some("li".into()),
        visits: vec![visit("sales", 9_000, 3_000, Outcome::Abandoned)],
        calling: "139".into(),
        ..first.clone()
    };
    both.put(&[told(&first), told(&call(2, 1_000))]);
    both.put(&[told(&first), told(&news), told(&news)]);
    assert_eq!(wait(both.read.record(&first.call)).expect("read"), Some(news.clone()));
    assert_eq!(both.names(&Selection::default()).len(), 2);
    let by = |number: &str| both.names(&Selection { number: Some(number.into()), ..Selection::default() });
    assert_eq!((by("139"), by(&first.calling)), (vec![news.call.clone()], vec![]));
    let service = Selection { queue: Some("service".into()), ..Selection::default() };
    assert_eq!(both.names(&service), ["673f2a10-0-2"]);
    let figures = wait(both.read.figures(&all(0, 60_000))).expect("figures");
    let counts: Vec<_> = figures.iter().map(|row| (row.queue.as_str(), row.offered, row.abandoned)).collect();
    assert_eq!(counts, [("sales", 1, 1), ("service", 1, 0)]);
}

/// Every filter alone and together with others.
pub fn records_are_found_by_all_that_one_may_ask_for(make: Make) {
    let mut both = fresh(make);
    let calls = [
        call(1, 1_000),
        CallView { agent: Some("li".into()), visits: vec![], ..call(2, 2_000) },
        CallView { visits: vec![visit("sales", 3_000, 50, Outcome::Refused)], agent: None, ..call(3, 3_000) },
        CallView {
            visits: vec![
                visit("service", 4_000, 9, Outcome::FlowedOut),
                visit("sales", 4_009, 9, Outcome::Answered),
            ],
            called: "8001".into(),
            ..call(4, 4_000)
        },
    ];
    both.put(&calls.iter().map(told).collect::<Vec<_>>());
    let any = Selection::default;
    let text = |text: &str| Some(text.to_string());
    let cases: Vec<(Selection, &[u32])> = vec![
        (any(), &[4, 3, 2, 1]),
        (Selection { from_ms: 2_000, ..any() }, &[4, 3, 2]),
        (Selection { from_ms: 2_001, to_ms: 4_000, ..any() }, &[3]),
        (Selection { to_ms: 1_000, ..any() }, &[]),
        (Selection { queue: text("service"), ..any() }, &[4, 1]),
        (Selection { queue: text("sales"), outcome: Some(Outcome::Answered), ..any() }, &[4]),
        (Selection { queue: text("service"), outcome: Some(Outcome::Refused), ..any() }, &[]),
        (Selection { outcome: Some(Outcome::Answered), ..any() }, &[4, 1]),
        (Selection { agent: text("zhang"), ..any() }, &[4, 1]),
        (Selection { agent: text("li"), ..any() }, &[2]),
        (Selection { number: text("8000"), ..any() }, &[3, 2, 1]),
        (Selection { number: text("201"), from_ms: 3_000, ..any() }, &[4, 3]),
        (Selection { number: text("13900000002"), agent: text("li"), ..any() }, &[2]),
        (Selection { number: text("13900000002"), agent: text("zhang"), ..any() }, &[]),
        (Selection { number: text("8001"), queue: text("sales"), agent: text("zhang"), ..any() }, &[4]),
        (Selection { number: text("800"), ..any() }, &[]),
        (Selection { number: text("%"), ..any() }, &[]),
    ];
    for (selection, serials) in cases {
        let names: Vec<_> = serials.iter().map(|serial| format!("673f2a10-0-{serial}")).collect();
        assert_eq!(both.names(&selection), names, "{selection:?}");
        let page = wait(both.read.records(&selection)).expect("a page");
        assert_eq!(page.total, serials.len() as u64, "{selection:?}");
    }
}

/// Pages of any length give every record once, also while new ones are written, also at equal times.
pub fn pages_give_every_record_once(make: Make) {
    let mut both = fresh(make);
    let calls: Vec<_> = (0..25).map(|serial| call(serial, 1_000 + u64::from(serial / 4))).collect();
    both.put(&calls.iter().map(told).collect::<Vec<_>>());
    let whole = both.names(&Selection::default());
    assert_eq!(whole.len(), 25);
    for limit in [1, 3, 24, 25, 26] {
        for queue in [None, Some("service".to_string())] {
            let (mut found, mut before) = (Vec::new(), None);
            loop {
                let selection = Selection { limit, before, queue: queue.clone(), ..Selection::default() };
                let page = wait(both.read.records(&selection)).expect("a page");
                assert!(page.records.len() <= limit && page.total >= 25);
                found.extend(page.records.into_iter().map(|call| call.call));
                before = page.next;
                let Some(next) = before else { break };
                assert_eq!(next.to_string().parse(), Ok(next));
                // Somebody calls meanwhile.
                both.put(&[told(&call(100 + limit as u32, 9_000))]);
            }
            found.retain(|name| !["101", "103", "124", "125", "126"].iter().any(|new| name.ends_with(new)));
            assert_eq!(found, whole, "limit {limit}");
        }
    }
}

/// The whole number of a selection is counted up to its bound and no further.
pub fn totals_are_counted_up_to_their_bound(make: Make) {
    let mut both = fresh(make);
    let calls: Vec<_> = (0..MAX_TOTAL as u32 + 50).map(|serial| told(&call(serial, 1_000))).collect();
    both.put(&calls);
    let page = wait(both.read.records(&Selection { limit: 1, ..Selection::default() })).expect("a page");
    assert_eq!((page.total, page.records.len()), (MAX_TOTAL, 1));
}

/// Figures by queue and interval, exact at the edges of interval and goal.
pub fn figures_count_each_stay_in_its_interval(make: Make) {
    let mut both = fresh(make);
    let stays = [
        visit("service", 59_999, 9_000, Outcome::Answered),
        visit("service", 60_000, 7_000, Outcome::Answered),
        visit("service", 119_999, 7_001, Outcome::Answered),
        visit("service", 60_001, 4_000, Outcome::Abandoned),
        visit("service", 60_002, 4_000, Outcome::FlowedOut),
        visit("service", 60_003, 0, Outcome::Refused),
        VisitView {
            left_ms: None,
            outcome: None,
            agent: None,
            ..visit("service", 60_004, 0, Outcome::Refused)
        },
        visit("sales", 60_005, 20_000, Outcome::Answered),
        visit("service", 180_000, 1, Outcome::Answered),
    ];
    let calls = stays
        .iter()
        .zip(1..)
        .map(|(stay, serial)| CallView { visits: vec![stay.clone()], ..call(serial, 1) });
    both.put(&calls.map(|call| told(&call)).collect::<Vec<_>>());
    let figures = wait(both.read.figures(&all(60_000, 180_000))).expect("figures");
    let [sales, service] = &figures[..] else { panic!("{figures:?}") };
    assert_eq!(
        (&*sales.queue, sales.from_ms, sales.offered, sales.answered_in_goal),
        ("sales", 60_000, 1, 1)
    );
    let expected = store::IntervalFigures {
        queue: "service".into(),
        from_ms: 60_000,
        offered: 5,
        answered: 2,
        answered_in_goal: 1,
        abandoned: 1,
        flowed_out: 1,
        refused: 1,
        answered_wait_ms: 14_001,
        abandoned_wait_ms: 4_000,
    };
    assert_eq!(service, &expected);
    assert_eq!(wait(both.read.figures(&all(0, 0))), Ok(vec![]));
}

/// A restart of the switch reads all stays of the day, page by page.
pub fn visits_are_read_by_pages(make: Make) {
    let mut both = fresh(make);
    let count = MAX_VISITS_READ as u32 + 3;
    let calls: Vec<_> = (0..count).map(|serial| told(&call(serial, 1_000 + u64::from(serial % 3)))).collect();
    both.put(&calls);
    let first = wait(both.read.visits(1_001 + 5_000, None)).expect("a page");
    let below = u64::from(count.div_ceil(3));
    assert_eq!((first.visits.len() as u64, first.next), (u64::from(count) - below, None));
    let stay = &first.visits[0];
    assert_eq!((&*stay.queue, stay.entered_ms, stay.wait_ms), ("service", 6_001, Some(7_000)));
    assert_eq!((stay.outcome, stay.agent.as_deref()), (Some(Outcome::Answered), Some("zhang")));
    let first = wait(both.read.visits(0, None)).expect("a page");
    let rest = wait(both.read.visits(0, first.next)).expect("a page");
    assert_eq!((first.visits.len(), rest.visits.len(), rest.next), (MAX_VISITS_READ, 3, None));
}

/// An agent's stays, the newest first; one told again with its end replaces the open one.
pub fn agents_stays_are_read_back(make: Make) {
    let mut both = fresh(make);
    let stay = |agent: &str, state, from_ms, to_ms| AgentStay {
        agent: agent.into(),
        state,
        reason: (state == AgentStateView::Busy).then(|| "lunch".into()),
        from_ms,
        to_ms,
    };
    let busy = stay("zhang", AgentStateView::Busy, 1_000, Some(2_000));
    let open = stay("zhang", AgentStateView::Idle, 2_000, None);
    let short = stay("zhang", AgentStateView::WrapUp, 2_000, Some(2_000));
    let other = stay("li", AgentStateView::Talking, 1_500, None);
    both.put(&[busy.clone(), open.clone(), short.clone(), other.clone()].map(Record::Agent));
    let closed = AgentStay { to_ms: Some(5_000), ..open };
    both.put(&[Record::Agent(closed.clone())]);
    assert_eq!(wait(both.read.agent_stays("zhang", 0, 9_000)), Ok(vec![short, closed, busy.clone()]));
    assert_eq!(wait(both.read.agent_stays("zhang", 1_000, 2_000)), Ok(vec![busy]));
    assert_eq!(wait(both.read.agent_stays("li", 0, 9_000)), Ok(vec![other]));
    assert_eq!(wait(both.read.agent_stays("wang", 0, 9_000)), Ok(vec![]));
}

/// Old records go in steps, with all that belongs to them; younger ones stay.
pub fn old_records_are_removed_in_steps(make: Make) {
    let mut both = fresh(make);
    let stay = |from_ms| {
        Record::Agent(AgentStay {
            agent: "zhang".into(),
            state: AgentStateView::Idle,
            reason: None,
            from_ms,
            to_ms: Some(from_ms + 1),
        })
    };
    both.put(&(0..10).map(|serial| told(&call(serial, 1_000 + u64::from(serial)))).collect::<Vec<_>>());
    both.put(&[stay(1_000), stay(1_007)]);
    let removed: Vec<_> = (0..3).map(|_| wait(both.write.prune(1_007, 4)).expect("done")).collect();
    assert_eq!(removed, [5, 3, 0]);
    let service = Selection { queue: Some("service".into()), ..Selection::default() };
    for selection in [Selection::default(), service] {
        assert_eq!(both.names(&selection), ["673f2a10-0-9", "673f2a10-0-8", "673f2a10-0-7"]);
        assert_eq!(wait(both.read.records(&selection)).expect("a page").total, 3);
    }
    assert_eq!(wait(both.read.figures(&all(0, 60_000))).expect("figures")[0].offered, 3);
    assert_eq!(wait(both.read.agent_stays("zhang", 0, 9_000)).expect("stays").len(), 1);
}

/// Many questions at once while it is written.
pub fn readers_and_the_writer_do_not_wait_for_each_other(make: Make) {
    let mut both = fresh(make);
    let reads: Vec<_> = (0..8)
        .map(|_| {
            let read = Arc::clone(&both.read);
            std::thread::spawn(move || {
                (0..20).for_each(|_| assert!(wait(read.records(&Selection::default())).is_ok()));
            })
        })
        .collect();
    (0..50).for_each(|serial| both.put(&[told(&call(serial, 1_000))]));
    reads.into_iter().for_each(|read| read.join().expect("no panic"));
    assert_eq!(both.names(&Selection::default()).len(), 50);
}
