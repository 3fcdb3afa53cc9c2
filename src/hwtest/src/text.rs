//! The report for people, in English or Chinese: headings, cases, verdicts, figures, findings and what to do.

use std::fmt::Write;

use crate::{Ask, Case, Outcome, Report, Verdict, chinese};

/// The language of headings and questions.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Language {
    /// English.
    #[default]
    English,
    /// Chinese.
    Chinese,
}

/// Names of figures in Chinese.
const FIGURES: [(&str, &str); 25] = [
    ("alarms", "告警"),
    ("bits compared", "比对比特数"),
    ("wrong bits", "误码"),
    ("error rate", "误码率"),
    ("slips", "滑码"),
    ("slips told by the card", "板卡报告的滑码"),
    ("delay", "时延"),
    ("level", "电平"),
    ("clear of noise", "信噪比"),
    ("frames", "帧"),
    ("damaged frames", "坏帧"),
    ("link up after", "链路建立用时"),
    ("ringing seen after", "检测到振铃用时"),
    ("off hook seen after", "检测到摘机用时"),
    ("on hook seen after", "检测到挂机用时"),
    ("reversal seen", "检测到极性反转"),
    ("feed break seen", "检测到断馈"),
    ("flash seen", "检测到拍叉"),
    ("echo return loss", "回声衰减"),
    ("echo delay", "回声时延"),
    ("echo length", "回声长度"),
    ("loss to the other end", "到对端的衰减"),
    ("late wakes", "唤醒间隔超出量分布"),
    ("longest wait", "最长唤醒间隔"),
    ("lost", "丢失"),
];

impl Language {
    fn pick<T>(self, english: T, chinese: T) -> T {
        match self {
            Language::English => english,
            Language::Chinese => chinese,
        }
    }

    /// Returns the name of a case.
    pub fn case(self, case: Case) -> &'static str {
        match case {
            Case::Signal => self.pick("signal", "线路信号"),
            Case::BitErrors => self.pick("bit errors", "误码测试"),
            Case::Timeslots => self.pick("tone in every timeslot", "逐时隙单音"),
            Case::DChannel => self.pick("D-channel", "D 信道"),
            Case::RingAndHook => self.pick("ring and hook", "振铃与摘挂机"),
            Case::EchoPath => self.pick("echo path", "回声路径"),
            Case::Unplugging => self.pick("alarms by unplugging", "拔线告警"),
            Case::Jitter => self.pick("jitter", "抖动"),
        }
    }

    /// Returns what somebody is asked to do, within so many seconds.
    pub fn ask(self, ask: Ask, within_s: u64) -> String {
        match ask {
            Ask::Unplug(span) => self.pick(
                format!("Please pull the plug of span {span} now ({within_s} s)."),
                format!("请在 {within_s} 秒内拔下中继 {span} 的插头。"),
            ),
            Ask::Plug(span) => self.pick(
                format!("Thank you. Please put the plug of span {span} back ({within_s} s)."),
                format!("谢谢。请在 {within_s} 秒内插回中继 {span} 的插头。"),
            ),
        }
    }

    /// Returns the word for how a case ended.
    pub fn verdict(self, verdict: &Verdict) -> &'static str {
        match verdict {
            Verdict::Passed => self.pick("passed", "通过"),
            Verdict::Failed { .. } => self.pick("FAILED", "未通过"),
            Verdict::NotPossible { .. } => self.pick("not possible", "无法测试"),
        }
    }

    fn figure(self, name: &'static str) -> &'static str {
        let chinese =
            FIGURES.iter().find(|(english, _)| *english == name).map_or(name, |(_, chinese)| chinese);
        self.pick(name, chinese)
    }

    /// Returns a finding, or what to do; as it is if there is no sentence for it.
    fn finding(self, english: &str) -> String {
        let chinese = || chinese::sentence(english).unwrap_or_else(|| english.to_owned());
        match self {
            Language::English => english.to_owned(),
            Language::Chinese => chinese(),
        }
    }

    /// Returns an outcome in some lines.
    pub fn outcome(self, outcome: &Outcome) -> String {
        let mut text = String::new();
        let on = if outcome.on.is_empty() { String::new() } else { format!("  {}", outcome.on) };
        let _ = writeln!(text, "{}  {}{on}", self.verdict(&outcome.verdict), self.case(outcome.case));
        for figure in &outcome.figures {
            let _ = writeln!(text, "    {}: {}", self.figure(figure.name), figure.value);
        }
        match &outcome.verdict {
            Verdict::Passed => {}
            Verdict::Failed { what, mend } => {
                let (saw, act) = (self.pick("seen", "现象"), self.pick("to do", "处理"));
                what.iter().for_each(|line| _ = writeln!(text, "    {saw}: {}", self.finding(line)));
                mend.iter().for_each(|line| _ = writeln!(text, "    {act}: {}", self.finding(line)));
            }
            Verdict::NotPossible { why } => _ = writeln!(text, "    {}", self.finding(why)),
        }
        text
    }

    /// Returns the whole report.
    pub fn report(self, report: &Report) -> String {
        let mut text = String::new();
        let head = self.pick("Test of line cards", "线路卡测试报告");
        let _ = writeln!(text, "{head}: {}\n{}\n{}\n{}", report.title, report.rig, report.at, report.by);
        for card in &report.cards {
            let _ = writeln!(text, "\n{} {}: {}\n", self.pick("Card", "板卡"), card.name, card.model);
            card.outcomes.iter().for_each(|outcome| text.push_str(&self.outcome(outcome)));
        }
        text.push('\n');
        text.push_str(&self.totals(report));
        text.push('\n');
        text
    }

    /// Returns the sum of a report in a line.
    pub fn totals(self, report: &Report) -> String {
        let totals = report.totals();
        let (passed, failed, not) = (totals.passed, totals.failed, totals.not_possible);
        self.pick(
            format!("{passed} passed, {failed} failed, {not} not possible here"),
            format!("通过 {passed} 项，未通过 {failed} 项，无法测试 {not} 项"),
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{CardReport, Figure};

    #[test]
    fn a_report_reads_the_same_in_both_languages_and_says_what_to_do() {
        let outcome = |case, verdict| Outcome {
            case,
            on: "span 1".into(),
            verdict,
            figures: vec![Figure { name: "slips", value: "3".into() }],
        };
        let failed = Verdict::Failed { what: vec!["3 slips".into()], mend: vec!["look at the clock".into()] };
        let why = "no [[wire]] is in the rig".to_owned();
        let report = Report {
            title: "rack 3".into(),
            rig: "e1.toml".into(),
            at: "today".into(),
            by: "tandem".into(),
            cards: vec![CardReport {
                name: "c".into(),
                model: "simulated".into(),
                outcomes: vec![
                    outcome(Case::Signal, Verdict::Passed),
                    outcome(Case::BitErrors, failed),
                    outcome(Case::EchoPath, Verdict::NotPossible { why }),
                ],
            }],
        };
        let english = Language::English.report(&report);
        for part in [
            "passed  signal  span 1\n",
            "FAILED  bit errors",
            "slips: 3",
            "to do: look at the clock",
            "1 passed, 1 failed, 1 not",
        ] {
            assert!(english.contains(part), "{part} is not in\n{english}");
        }
        let chinese = Language::Chinese.report(&report);
        for part in [
            "通过  线路信号",
            "未通过  误码测试",
            "滑码: 3",
            "现象: 3 次滑码",
            "处理: look at the clock",
            "通过 1 项，未通过 1 项，无法测试 1 项",
        ] {
            assert!(chinese.contains(part), "{part} is not in\n{chinese}");
        }
    }
}
