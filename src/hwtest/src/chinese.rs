//! Findings and advice in Chinese.
//!
//! How: a case writes its findings in English; here each of them has its sentence, with `{}` where a number or a name stands, and what
//! stands there is taken over. What has no sentence stays as it is; the tests see that nothing of the cases does. JSON has English.

use crate::cases::{bits, dchannel, echo, jitter, ring, signal, timeslots, unplugging};
use crate::run;

/// What was seen. A longer sentence stands before one that it contains.
const FINDINGS: [(&str, &str); 30] = [
    ("span {} is in alarm {}", "中继 {} 处于告警：{}"),
    ("span {} shows no RED within {} s", "中继 {} 在 {} 秒内没有出现 RED 告警"),
    ("span {} is still in alarm {} after {} s", "中继 {} 仍处于告警 {}，已过 {} 秒"),
    ("the card tells {} slips", "板卡报告 {} 次滑码"),
    ("span {} to {}: {} of {} messages arrived as sent", "中继 {} 到 {}：正确到达 {} 条消息，共发送 {} 条"),
    ("span {} to {}: {} slips", "中继 {} 到 {}：{} 次滑码"),
    ("{} slips", "{} 次滑码"),
    ("span {} timeslot {}: nothing of what is sent is heard", "中继 {} 时隙 {}：听不到所发送的内容"),
    ("span {} timeslot {} hears the tone of timeslot {}", "中继 {} 时隙 {} 听到的是另一时隙的单音：时隙 {}"),
    ("span {} timeslot {} hears timeslot {} of span {}", "中继 {} 时隙 {} 收到的是时隙 {}，来自中继 {}"),
    ("span {} timeslot {}: {} of {} bits are wrong", "中继 {} 时隙 {}：误码 {} 个，共比对 {} 比特"),
    ("span {} timeslot {}: {} ms without what was sent", "中继 {} 时隙 {}：有 {} 毫秒没有收到所发送的内容"),
    ("span {} timeslot {} is clear only by the other law", "中继 {} 时隙 {} 只有按另一种编码律才清晰"),
    ("span {} timeslot {} is silent", "中继 {} 时隙 {} 无声"),
    (
        "span {} timeslot {}: the tone stands only {} dB above the rest",
        "中继 {} 时隙 {}：单音仅高出其余成分 {} dB",
    ),
    ("span {} timeslot {}: {} dBm0 instead of {}", "中继 {} 时隙 {}：电平 {} dBm0，应为 {}"),
    ("span {}: {} of {} frames came back as sent", "中继 {}：原样返回 {} 帧，共发送 {} 帧"),
    ("no link between spans {} and {} within {} s", "中继 {} 与 {} 之间的链路未能建立，已等待 {} 秒"),
    ("{} frames arrived damaged", "{} 帧到达时已损坏"),
    ("port {} hears port {} {} dB weaker", "端口 {} 听到端口 {} 的声音减弱了 {} dB"),
    ("port {}: the echo is only {} dB weaker than what was sent", "端口 {}：回声仅比所发送的弱 {} dB"),
    ("port {}: the echo ends after {}", "端口 {}：回声结束得太晚：{}"),
    ("port {} sees no ringing from port {}", "端口 {} 检测不到振铃，振铃来自端口 {}"),
    ("port {} does not see that port {} was lifted", "端口 {} 没有检测到端口 {} 摘机"),
    ("port {} does not see that port {} was put down", "端口 {} 没有检测到端口 {} 挂机"),
    ("{} samples of every channel were lost in {} times", "每个通道丢失 {} 个样点，共 {} 次"),
    ("and {} more", "另有 {} 条"),
    ("the card gave up: {}", "板卡停止工作：{}"),
    ("nobody is there to pull a plug", "现场无人拔插头"),
    ("the line has no signal", "线路无信号"),
];

/// What to do, and what is missing in a rig.
const ADVICE: [(&str, &str); 26] = [
    (signal::GONE, "中继已从板卡上消失：用 `tandem cards` 查看现有的中继"),
    (
        signal::RED,
        "收不到任何信号：插头是否插好，4-5 脚（我方发送）是否接到对端的 1-2 脚（对端接收），成帧和线路编码是否一致（line_code、板卡的 E1/T1 跳线）？",
    ),
    (signal::AIS, "收到全 1：中间设备自身没有信号"),
    (signal::YELLOW, "对端收不到我方：检查我方发送的线对（4-5 脚）和对端的成帧"),
    (signal::LOOP, "板卡上设置了测试环回：取消环回，或重新启动板卡"),
    (
        bits::NO_SEQUENCE,
        "发送的内容没有回来：是否是自环头或正确的电缆，中间是否有回声消除器或增益，该通道是否被其他程序占用？",
    ),
    (bits::ERRORS, "检查电缆及其长度、插头接触、line_code 和 build_out；只有一个时隙出错则是板卡故障"),
    (
        bits::SLIPS,
        "时钟不一致：使用自环头时 clock = \"internal\"；两条互相对接的中继中必须恰好有一条为 internal",
    ),
    (bits::ELSEWHERE, "时隙错位：原因在中间设备，或驱动程序不适合此板卡"),
    (dchannel::FRAMES, "帧在途中损坏：该时隙有误码、时隙不对，或两条中继之间有不透明的设备"),
    (dchannel::LINK, "Q.921 链路未建立：查看上面该时隙的各项；两台真实交换机中必须有一台为网络侧"),
    (
        echo::LOUD,
        "混合线圈与负载不匹配：端口的国家或阻抗设置（模块参数 opermode、boostringer）、电缆不良，或端口悬空",
    ),
    (echo::DEAF, "两个端口之间没有声音：检查电缆，并查看上面的振铃与摘挂机"),
    (echo::FAR, "超出任何回声消除器的长度（128 毫秒）：端口之间有设备引入时延"),
    (
        jitter::LATE,
        "机器响应太慢：授予实时优先级（`tandem run` 会提示方法），在固件设置中关闭节能，查找占用中断的驱动（cyclictest），或加大 buffer_ms",
    ),
    (
        ring::NO_RING,
        "电缆是否接在这两个端口之间，板卡的供电插头（振铃用 12 V）是否插好，模块位置是否与端口一致（`tandem cards`）？",
    ),
    (ring::NO_HOOK, "线路端口没有从话机端口取得电流：检查电缆和模块"),
    (timeslots::SILENT, "该时隙听不到任何声音：是否被绑定到别处，或中间设备没有转送？"),
    (timeslots::LAWS, "两端的编码律不同：把 law = \"a\" 或 \"mu\" 设为对端所用的"),
    (timeslots::DISTORTED, "数据被改变：比特窃用、回声消除器、增益，或中间有编码律转换"),
    (unplugging::UNSEEN, "如果已拔插头：板卡没有报告告警；如果现场无人：用 --no-person 跳过此项"),
    (unplugging::STAYS, "插头没有插回，或线路没有恢复：检查插头，重新启动板卡"),
    (run::NO_CABLE, "接线文件没有为此板卡列出 [[loop]] 或 [[pair]]"),
    (run::NO_WIRE, "接线文件没有为此板卡列出 [[wire]]"),
    (run::CARD, "驱动程序启动时的提示和内核日志（dmesg）有更多说明"),
    (run::LATE, "机器太慢，无法测量：查看抖动一项"),
];

/// Returns a finding or an advice in Chinese; none if there is no sentence for it.
pub(crate) fn sentence(english: &str) -> Option<String> {
    if let Some((_, chinese)) = ADVICE.iter().find(|(known, _)| *known == english) {
        return Some((*chinese).to_owned());
    }
    FINDINGS.iter().find_map(|(pattern, chinese)| Some(fill(chinese, &parts(pattern, english)?)))
}

/// Returns what stands in `text` where the pattern has `{}`; none if it is another sentence.
fn parts<'a>(pattern: &str, text: &'a str) -> Option<Vec<&'a str>> {
    let mut pieces = pattern.split("{}");
    let mut rest = text.strip_prefix(pieces.next()?)?;
    let mut found = Vec::new();
    let mut pieces = pieces.peekable();
    while let Some(piece) = pieces.next() {
        let at = match (piece.is_empty(), pieces.peek()) {
            (true, None) => rest.len(),
            (false, None) => {
                rest.len().checked_sub(piece.len()).filter(|at| rest.get(*at..) == Some(piece))?
            }
            (_, Some(_)) => rest.find(piece)?,
        };
        found.push(&rest[..at]);
        rest = &rest[at + piece.len()..];
    }
    rest.is_empty().then_some(found)
}

fn fill(chinese: &str, parts: &[&str]) -> String {
    let mut text = String::new();
    let mut parts = parts.iter();
    for (place, piece) in chinese.split("{}").enumerate() {
        if place > 0 {
            text.push_str(parts.next().copied().unwrap_or_default());
        }
        text.push_str(piece);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_finding_keeps_its_numbers_and_names() {
        for (english, chinese) in [
            ("span 3 is in alarm RED, AIS", "中继 3 处于告警：RED, AIS"),
            ("12 slips", "12 次滑码"),
            ("span 1 to 2: 12 slips", "中继 1 到 2：12 次滑码"),
            ("span 1 timeslot 16 is silent", "中继 1 时隙 16 无声"),
            ("span 2 timeslot 9: -10.93 dBm0 instead of -10", "中继 2 时隙 9：电平 -10.93 dBm0，应为 -10"),
            ("port 6/1 hears port 5/1 14.2 dB weaker", "端口 6/1 听到端口 5/1 的声音减弱了 14.2 dB"),
            ("nobody is there to pull a plug", "现场无人拔插头"),
        ] {
            assert_eq!(sentence(english).as_deref(), Some(chinese));
        }
        assert_eq!(sentence("something else"), None);
        assert_eq!(sentence("span 1 timeslot 16 is silent today"), None);
    }

    #[test]
    fn both_sentences_have_as_many_places() {
        for (english, chinese) in FINDINGS {
            assert_eq!(english.matches("{}").count(), chinese.matches("{}").count(), "{english}");
        }
    }
}
