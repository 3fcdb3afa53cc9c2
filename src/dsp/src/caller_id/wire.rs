//! The octets of a caller identity message.

use super::{Absence, CALL_SETUP, CallerId, MAX_NAME, MAX_NUMBER, MESSAGE_WAITING, SINGLE};

/// Parameter: month, day, hour, minute as eight digits.
const TIME: u8 = 0x01;
/// Parameter: calling number.
const NUMBER: u8 = 0x02;
/// Parameter: called number.
const CALLED: u8 = 0x03;
/// Parameter: why there is no number.
const NO_NUMBER: u8 = 0x04;
/// Parameter: name.
const NAME: u8 = 0x07;
/// Parameter: why there is no name.
const NO_NAME: u8 = 0x08;
/// Parameter: a lamp for waiting messages.
const INDICATOR: u8 = 0x0b;

/// Why octets are no message, with the offset of the octet at fault.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ParseError {
    /// Fewer octets than a message has, or than its length says.
    Short(usize),
    /// The check octet is wrong: a bit was not heard rightly.
    Check(usize),
    /// No such message.
    Type(usize),
    /// A parameter reaches beyond the message.
    Parameter(usize),
    /// A time, number or name that is none, or too long.
    Value(usize),
}

/// Which message carries an identity.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Message {
    /// Time and number in one piece.
    Single,
    /// Parameters.
    Multiple,
}

/// Reads a whole message.
///
/// # Errors
/// The octets are no message; the first fault is told.
pub fn parse(octets: &[u8]) -> Result<CallerId, ParseError> {
    let (&[kind, length], rest) = octets.split_first_chunk::<2>().ok_or(ParseError::Short(octets.len()))?;
    let length = usize::from(length);
    let (data, check) = rest.split_at_checked(length).ok_or(ParseError::Short(octets.len()))?;
    let &[check, ..] = check else { return Err(ParseError::Short(octets.len())) };
    let sum = octets.iter().take(length + 2).fold(check, |sum, &octet| sum.wrapping_add(octet));
    if sum != 0 {
        return Err(ParseError::Check(length + 2));
    }
    match kind {
        SINGLE => single(data),
        CALL_SETUP | MESSAGE_WAITING => multiple(data),
        _ => Err(ParseError::Type(0)),
    }
}

fn single(data: &[u8]) -> Result<CallerId, ParseError> {
    let (at, rest) = data.split_at_checked(8).ok_or(ParseError::Parameter(2))?;
    let mut caller = CallerId { time: Some(time(at, 2)?), ..CallerId::default() };
    match rest {
        [] => {}
        [reason] => caller.no_number = Some(absence(*reason, 10)?),
        number => caller.number = Some(self::number(number, 10)?),
    }
    Ok(caller)
}

fn multiple(data: &[u8]) -> Result<CallerId, ParseError> {
    let mut caller = CallerId::default();
    let mut at = 2;
    let mut rest = data;
    while let Some((&[kind, length], after)) = rest.split_first_chunk::<2>() {
        let (value, next) = after.split_at_checked(length.into()).ok_or(ParseError::Parameter(at))?;
        let place = at + 2;
        match kind {
            TIME => caller.time = Some(time(value, place)?),
            NUMBER => caller.number = Some(number(value, place)?),
            CALLED => caller.called = Some(number(value, place)?),
            NO_NUMBER => caller.no_number = Some(one_absence(value, place)?),
            NAME if value.len() <= MAX_NAME => caller.name = Some(value.to_vec()),
            NAME => return Err(ParseError::Value(place)),
            NO_NAME => caller.no_name = Some(one_absence(value, place)?),
            INDICATOR => caller.waiting = Some(value.first().ok_or(ParseError::Value(place))? == &0xff),
            // Parameters of other services are passed over.
            0 | 5 | 6 | 9 | 10 | 12..=255 => {}
        }
        at = place + value.len();
        rest = next;
    }
    if rest.is_empty() { Ok(caller) } else { Err(ParseError::Parameter(at)) }
}

fn one_absence(value: &[u8], at: usize) -> Result<Absence, ParseError> {
    let [reason] = value else { return Err(ParseError::Value(at)) };
    absence(*reason, at)
}

fn absence(reason: u8, at: usize) -> Result<Absence, ParseError> {
    match reason {
        b'P' => Ok(Absence::Private),
        b'O' => Ok(Absence::Unavailable),
        _ => Err(ParseError::Value(at)),
    }
}

fn time(digits: &[u8], at: usize) -> Result<[u8; 4], ParseError> {
    let digits: &[u8; 8] = digits.try_into().map_err(|_| ParseError::Value(at))?;
    if !digits.iter().all(u8::is_ascii_digit) {
        return Err(ParseError::Value(at));
    }
    let pair = |n: usize| (digits[2 * n] - b'0') * 10 + (digits[2 * n + 1] - b'0');
    let time = [pair(0), pair(1), pair(2), pair(3)];
    let [month, day, hour, minute] = time;
    let real = (1..=12).contains(&month) && (1..=31).contains(&day) && hour < 24 && minute < 60;
    real.then_some(time).ok_or(ParseError::Value(at))
}

fn number(octets: &[u8], at: usize) -> Result<String, ParseError> {
    let digits = octets.iter().all(|octet| matches!(octet, b'0'..=b'9' | b'*' | b'#' | b'+' | b' ' | b'-'));
    if !digits || octets.is_empty() || octets.len() > MAX_NUMBER {
        return Err(ParseError::Value(at));
    }
    Ok(octets.iter().map(|&octet| char::from(octet)).collect())
}

/// Writes a message, as an exchange sends it after seizure and mark. What does not fit the message is left out; a
/// [`Message::Single`] needs a time and a number or its absence.
pub fn emit(caller: &CallerId, message: Message) -> Vec<u8> {
    let mut data: Vec<u8> = Vec::new();
    let clock = caller.time.map(|time| time.map(|part| [b'0' + part / 10 % 10, b'0' + part % 10]).concat());
    let reason = |absence: Absence| match absence {
        Absence::Private => b'P',
        Absence::Unavailable => b'O',
    };
    match message {
        Message::Single => {
            data.extend(clock.unwrap_or_default());
            data.extend(caller.no_number.map(reason));
            data.extend(caller.number.iter().flat_map(|number| number.bytes()));
        }
        Message::Multiple => {
            let values = [
                (TIME, clock),
                (CALLED, caller.called.clone().map(String::into_bytes)),
                (NUMBER, caller.number.clone().map(String::into_bytes)),
                (NO_NUMBER, caller.no_number.map(|absence| vec![reason(absence)])),
                (NAME, caller.name.clone()),
                (NO_NAME, caller.no_name.map(|absence| vec![reason(absence)])),
                (INDICATOR, caller.waiting.map(|on| vec![if on { 0xff } else { 0 }])),
            ];
            for (kind, value) in values {
                let Some(value) = value.filter(|value| value.len() <= MAX_NAME) else { continue };
                data.extend([kind, value.len() as u8]);
                data.extend(value);
            }
        }
    }
    let kind = match message {
        Message::Single => SINGLE,
        Message::Multiple if caller.waiting.is_some() => MESSAGE_WAITING,
        Message::Multiple => CALL_SETUP,
    };
    let mut octets = vec![kind, u8::try_from(data.len()).unwrap_or(u8::MAX)];
    octets.extend(data.iter().take(usize::from(u8::MAX)));
    let sum = octets.iter().fold(0_u8, |sum, &octet| sum.wrapping_add(octet));
    octets.extend([sum.wrapping_neg()]);
    octets
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::caller_id::{Assembled, Assembler};

    fn caller() -> CallerId {
        CallerId {
            time: Some([11, 22, 7, 5]),
            number: Some("01082286688".into()),
            name: Some(b"WANG XIAOLIN".to_vec()),
            ..CallerId::default()
        }
    }

    #[test]
    fn messages_are_read_as_written() {
        let private = CallerId {
            time: Some([1, 31, 23, 59]),
            no_number: Some(Absence::Private),
            no_name: Some(Absence::Unavailable),
            called: Some("8000".into()),
            ..CallerId::default()
        };
        for caller in [caller(), private, CallerId { waiting: Some(true), ..CallerId::default() }] {
            assert_eq!(parse(&emit(&caller, Message::Multiple)), Ok(caller));
        }
        let single = CallerId { name: None, ..caller() };
        assert_eq!(parse(&emit(&single, Message::Single)), Ok(single));
    }

    #[test]
    fn a_published_single_data_message_is_read() {
        // 30 September, 12:24, 609 555 1212: the example of the literature.
        let octets = b"\x04\x1209301224609555121251";
        let octets = [&octets[..20], &[0x51]].concat();
        assert_eq!(parse(&octets).unwrap().number.as_deref(), Some("6095551212"));
    }

    #[test]
    fn every_damaged_octet_and_every_cut_is_noticed() {
        let good = emit(&caller(), Message::Multiple);
        for n in 0..good.len() {
            let mut bad = good.clone();
            bad[n] ^= 0x10;
            assert!(parse(&bad).is_err(), "octet {n}");
            assert!(parse(&good[..n]).is_err(), "cut at {n}");
        }
        assert_eq!(parse(&[CALL_SETUP, 2, NUMBER, 9, 0x75]), Err(ParseError::Check(4)));
        assert_eq!(parse(&[CALL_SETUP, 2, NUMBER, 9, 0x73]), Err(ParseError::Parameter(2)));
    }

    #[test]
    fn an_assembler_passes_over_seizure_and_takes_the_next_message_after_a_damaged_one() {
        let mut assembler = Assembler::new();
        let mut damaged = emit(&caller(), Message::Multiple);
        damaged[8] ^= 1;
        let line = [&[0x55; 30][..], &damaged, &[0x55, 0xff], &emit(&caller(), Message::Multiple)].concat();
        let heard: Vec<Assembled> = line.iter().filter_map(|&octet| assembler.octet(octet)).collect();
        assert!(matches!(heard[..], [Assembled::Damaged(ParseError::Check(_)), Assembled::Message(_)]));
    }
}
