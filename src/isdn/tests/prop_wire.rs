//! Laws of the wire formats: parsing takes any octets, emitting gives back what was parsed.

use isdn::wire::*;
use isdn::{Cause, Location};
use proptest::collection::vec;
use proptest::prelude::*;
use tdm::Timeslot;

/// Walks every parser over `content`; where one accepts, its value survives emitting.
fn every_element(content: &[u8]) {
    macro_rules! survives {
        ($type:ty) => {
            if let Ok(value) = <$type>::parse(content) {
                assert_eq!(<$type>::parse(&value.emit()[..]), Ok(value.clone()), "{content:02x?}");
            }
        };
    }
    survives!(BearerCapability);
    survives!(ChannelIdentification);
    survives!(PartyNumber);
    survives!(CauseElement);
    survives!(ProgressIndicator);
    survives!(CallStateElement);
    survives!(RestartIndicator);
    survives!(Notification);
    survives!(Signal);
    survives!(Display);
    survives!(Keypad);
    survives!(HighLayerCompatibility);
}

proptest! {
    #[test]
    fn a_frame_that_parses_emits_its_own_octets(octets in vec(any::<u8>(), 0..300)) {
        if let Ok(frame) = Frame::parse(&octets) {
            let emitted = frame.emit();
            prop_assert_eq!(emitted.as_slice(), &octets[..]);
        }
    }

    #[test]
    fn a_message_that_parses_emits_its_own_octets(body in vec(any::<u8>(), 0..255), value in 0u16..0x8000, flag: bool, kind: u8) {
        let [high, low] = (value | u16::from(flag) << 15).to_be_bytes();
        let octets = [&[8, 2, high, low, kind][..], &body].concat();
        let message = Message::parse(&octets).unwrap();
        let emitted = message.emit();
        prop_assert_eq!(emitted.as_slice(), &octets[..]);
        let walked: usize = message.elements().map(|element| element.content.len() + 1).sum();
        prop_assert!(walked <= body.len());
    }

    #[test]
    fn any_octets_can_be_parsed_as_a_message(octets in vec(any::<u8>(), 0..64)) {
        if let Ok(message) = Message::parse(&octets) {
            message.elements().for_each(|element| every_element(element.content));
        }
    }

    #[test]
    fn a_value_that_parses_survives_emitting(content in vec(any::<u8>(), 0..48)) {
        every_element(&content);
    }

    #[test]
    fn numbers_and_causes_survive(digits in "[0-9*#]{0,32}", slot in 1u8..32, exclusive: bool, cause in 0u8..128, place in 0u8..16) {
        let number = PartyNumber::calling(Digits::new(&digits).unwrap());
        prop_assert_eq!(PartyNumber::parse(&number.emit()), Ok(number));
        let channel = ChannelIdentification::timeslot(Timeslot(slot), exclusive);
        prop_assert_eq!(ChannelIdentification::parse(&channel.emit()), Ok(channel));
        let cause = CauseElement::new(Location::from_code(place), Cause::new(cause));
        prop_assert_eq!(CauseElement::parse(&cause.emit()), Ok(cause));
    }
}

/// Whole messages as a real exchange (libpri 1.6 in EuroISDN) and this crate sent them; see `golden/SOURCE`.
#[test]
fn captured_messages_are_read_and_written_octet_by_octet() {
    let golden = include_str!("golden/messages.txt");
    let mut count = 0;
    for line in golden.lines().filter(|line| !line.starts_with('#') && !line.is_empty()) {
        let (name, hex) = line.split_once(':').unwrap();
        let octets: Vec<u8> =
            hex.split_whitespace().map(|octet| u8::from_str_radix(octet, 16).unwrap()).collect();
        let frame = Frame::parse(&octets).unwrap();
        assert_eq!(frame.emit().as_slice(), octets, "{name}");
        let message = Message::parse(frame.info).unwrap();
        assert_eq!(format!("{:?}", message.kind), name);
        assert_eq!(message.emit().as_slice(), frame.info);
        let mut builder = Builder::new(message.call_ref, message.kind);
        for element in message.elements() {
            let content = element.content;
            let id = element.known().unwrap();
            builder = match id {
                ElementId::BearerCapability => {
                    builder.element(id, &BearerCapability::parse(content).unwrap().emit())
                }
                ElementId::ChannelIdentification => {
                    builder.element(id, &ChannelIdentification::parse(content).unwrap().emit())
                }
                ElementId::CallingNumber | ElementId::CalledNumber => {
                    builder.element(id, &PartyNumber::parse(content).unwrap().emit())
                }
                ElementId::Cause => builder.element(id, &CauseElement::parse(content).unwrap().emit()),
                ElementId::CallState => {
                    builder.element(id, &CallStateElement::parse(content).unwrap().emit())
                }
                ElementId::SendingComplete => builder.sending_complete(true),
                ElementId::ProgressIndicator => {
                    builder.element(id, &ProgressIndicator::parse(content).unwrap().emit())
                }
                ElementId::RestartIndicator => {
                    builder.element(id, &RestartIndicator::parse(content).unwrap().emit())
                }
                other => panic!("{other:?} in {name}"),
            };
        }
        assert_eq!(builder.finish().as_slice(), frame.info, "{name}");
        count += 1;
    }
    assert!(count >= 25);
}
