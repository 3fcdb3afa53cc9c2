//! Any octets as a message of layer 3: every element through every parser; what parses survives emitting.
#![no_main]

use isdn::wire::*;
use libfuzzer_sys::fuzz_target;

macro_rules! survives {
    ($content:expr, $($type:ty),*) => {
        $(if let Ok(value) = <$type>::parse($content) {
            assert_eq!(<$type>::parse(&value.emit()[..]), Ok(value.clone()));
        })*
    };
}

fuzz_target!(|octets: &[u8]| {
    let Ok(message) = Message::parse(octets) else { return };
    let again = message.emit();
    if octets[1] == 2 && octets.len() <= again.capacity() {
        assert_eq!(again.as_slice(), octets);
    }
    for element in message.elements() {
        survives!(
            element.content,
            BearerCapability,
            ChannelIdentification,
            PartyNumber,
            CauseElement,
            ProgressIndicator,
            CallStateElement,
            RestartIndicator,
            Notification,
            Signal,
            Display,
            Keypad,
            HighLayerCompatibility
        );
    }
});
