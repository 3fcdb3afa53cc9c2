//! Causes: why a call ended or a message was refused, and who says so.
//!
//! A [`Cause`] is the seven-bit value of Q.850; every value has a number, the common ones a name, so that a
//! value this table does not know travels through unchanged. A [`Location`] is the place that generated it.
//!
//! Limits: only the ITU-T coding is named; other codings keep their number. Source: ITU-T Q.850 (05/98) table 1.

use core::fmt;

/// A cause value, 0 to 127.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Cause(u8);

macro_rules! causes {
    ($($(#[$doc:meta])* $name:ident = $value:literal, $text:literal;)*) => {
        impl Cause {
            $(
                #[doc = concat!("Cause ", stringify!($value), ": ", $text, ".")]
                pub const $name: Cause = Cause($value);
            )*

            /// Every cause that has a name here, in rising order.
            pub const NAMED: &'static [Cause] = &[$(Cause::$name),*];

            /// Returns the words of Q.850 for this cause, or "cause without a name".
            pub const fn name(self) -> &'static str {
                match self.0 {
                    $($value => $text,)*
                    _ => "cause without a name",
                }
            }
        }
    };
}

causes! {
    UNALLOCATED_NUMBER = 1, "unallocated number";
    NO_ROUTE_TO_TRANSIT = 2, "no route to specified transit network";
    NO_ROUTE_TO_DESTINATION = 3, "no route to destination";
    SEND_SPECIAL_TONE = 4, "send special information tone";
    MISDIALLED_TRUNK_PREFIX = 5, "misdialled trunk prefix";
    CHANNEL_UNACCEPTABLE = 6, "channel unacceptable";
    CALL_AWARDED = 7, "call awarded and being delivered in an established channel";
    PREEMPTION = 8, "preemption";
    PREEMPTION_RESERVED = 9, "preemption, circuit reserved for reuse";
    NORMAL_CLEARING = 16, "normal call clearing";
    USER_BUSY = 17, "user busy";
    NO_USER_RESPONDING = 18, "no user responding";
    NO_ANSWER = 19, "no answer from user (user alerted)";
    SUBSCRIBER_ABSENT = 20, "subscriber absent";
    CALL_REJECTED = 21, "call rejected";
    NUMBER_CHANGED = 22, "number changed";
    REDIRECTED = 23, "redirection to new destination";
    EXCHANGE_ROUTING_ERROR = 25, "exchange routing error";
    NON_SELECTED_USER_CLEARING = 26, "non-selected user clearing";
    DESTINATION_OUT_OF_ORDER = 27, "destination out of order";
    INVALID_NUMBER_FORMAT = 28, "invalid number format (address incomplete)";
    FACILITY_REJECTED = 29, "facility rejected";
    RESPONSE_TO_STATUS_ENQUIRY = 30, "response to status enquiry";
    NORMAL_UNSPECIFIED = 31, "normal, unspecified";
    NO_CIRCUIT_AVAILABLE = 34, "no circuit or channel available";
    NETWORK_OUT_OF_ORDER = 38, "network out of order";
    FRAME_MODE_OUT_OF_SERVICE = 39, "permanent frame mode connection out of service";
    FRAME_MODE_OPERATIONAL = 40, "permanent frame mode connection operational";
    TEMPORARY_FAILURE = 41, "temporary failure";
    CONGESTION = 42, "switching equipment congestion";
    ACCESS_INFORMATION_DISCARDED = 43, "access information discarded";
    REQUESTED_CHANNEL_NOT_AVAILABLE = 44, "requested circuit or channel not available";
    PRECEDENCE_CALL_BLOCKED = 46, "precedence call blocked";
    RESOURCE_UNAVAILABLE = 47, "resource unavailable, unspecified";
    QUALITY_OF_SERVICE_UNAVAILABLE = 49, "quality of service not available";
    FACILITY_NOT_SUBSCRIBED = 50, "requested facility not subscribed";
    OUTGOING_CALLS_BARRED_IN_CUG = 53, "outgoing calls barred within closed user group";
    INCOMING_CALLS_BARRED_IN_CUG = 55, "incoming calls barred within closed user group";
    BEARER_NOT_AUTHORIZED = 57, "bearer capability not authorized";
    BEARER_NOT_AVAILABLE = 58, "bearer capability not presently available";
    INCONSISTENT_ACCESS_INFORMATION = 62, "inconsistency in outgoing access information and class";
    SERVICE_NOT_AVAILABLE = 63, "service or option not available, unspecified";
    BEARER_NOT_IMPLEMENTED = 65, "bearer capability not implemented";
    CHANNEL_TYPE_NOT_IMPLEMENTED = 66, "channel type not implemented";
    FACILITY_NOT_IMPLEMENTED = 69, "requested facility not implemented";
    ONLY_RESTRICTED_DIGITAL = 70, "only restricted digital information bearer is available";
    SERVICE_NOT_IMPLEMENTED = 79, "service or option not implemented, unspecified";
    INVALID_CALL_REFERENCE = 81, "invalid call reference value";
    CHANNEL_DOES_NOT_EXIST = 82, "identified channel does not exist";
    NO_SUCH_CALL_IDENTITY = 83, "a suspended call exists, but this call identity does not";
    CALL_IDENTITY_IN_USE = 84, "call identity in use";
    NO_CALL_SUSPENDED = 85, "no call suspended";
    CALL_IDENTITY_CLEARED = 86, "call having the requested call identity has been cleared";
    USER_NOT_MEMBER_OF_CUG = 87, "user not member of closed user group";
    INCOMPATIBLE_DESTINATION = 88, "incompatible destination";
    NO_SUCH_CUG = 90, "non-existent closed user group";
    INVALID_TRANSIT_NETWORK = 91, "invalid transit network selection";
    INVALID_MESSAGE = 95, "invalid message, unspecified";
    MANDATORY_ELEMENT_MISSING = 96, "mandatory information element is missing";
    MESSAGE_TYPE_UNKNOWN = 97, "message type non-existent or not implemented";
    MESSAGE_NOT_COMPATIBLE = 98, "message not compatible with call state or not implemented";
    ELEMENT_UNKNOWN = 99, "information element or parameter non-existent or not implemented";
    INVALID_ELEMENT_CONTENTS = 100, "invalid information element contents";
    MESSAGE_IN_WRONG_STATE = 101, "message not compatible with call state";
    TIMER_EXPIRED = 102, "recovery on timer expiry";
    PARAMETER_PASSED_ON = 103, "parameter non-existent or not implemented, passed on";
    MESSAGE_DISCARDED = 110, "message with unrecognized parameter discarded";
    PROTOCOL_ERROR = 111, "protocol error, unspecified";
    INTERWORKING = 127, "interworking, unspecified";
}

impl Cause {
    /// Makes a cause from the low seven bits of `value`.
    pub const fn new(value: u8) -> Cause {
        Cause(value & 0x7f)
    }

    /// Returns the value, 0 to 127.
    pub const fn value(self) -> u8 {
        self.0
    }
}

impl fmt::Debug for Cause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Cause({} {})", self.0, self.name())
    }
}

impl fmt::Display for Cause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({})", self.0, self.name())
    }
}

/// The place that generated a cause or a progress indication. Source: ITU-T Q.850 2.2.3.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Location {
    /// The user.
    User,
    /// The private network serving the local user.
    PrivateLocal,
    /// The public network serving the local user.
    PublicLocal,
    /// A transit network.
    Transit,
    /// The public network serving the remote user.
    PublicRemote,
    /// The private network serving the remote user.
    PrivateRemote,
    /// An international network.
    International,
    /// A network beyond an interworking point.
    BeyondInterworking,
    /// A value without a meaning in Q.850, 0 to 15.
    Other(u8),
}

impl Location {
    /// Reads the low four bits of `code`.
    pub const fn from_code(code: u8) -> Location {
        match code & 15 {
            0 => Location::User,
            1 => Location::PrivateLocal,
            2 => Location::PublicLocal,
            3 => Location::Transit,
            4 => Location::PublicRemote,
            5 => Location::PrivateRemote,
            7 => Location::International,
            10 => Location::BeyondInterworking,
            other => Location::Other(other),
        }
    }

    /// Returns the four-bit code.
    pub const fn code(self) -> u8 {
        match self {
            Location::User => 0,
            Location::PrivateLocal => 1,
            Location::PublicLocal => 2,
            Location::Transit => 3,
            Location::PublicRemote => 4,
            Location::PrivateRemote => 5,
            Location::International => 7,
            Location::BeyondInterworking => 10,
            Location::Other(code) => code & 15,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn named_causes_rise_and_say_their_name() {
        assert!(Cause::NAMED.windows(2).all(|pair| pair[0] < pair[1]));
        for (value, name) in
            [(16, "normal call clearing"), (17, "user busy"), (102, "recovery on timer expiry")]
        {
            assert_eq!(Cause::new(value).name(), name);
            assert!(Cause::NAMED.contains(&Cause::new(value)));
        }
        assert_eq!(Cause::new(120).name(), "cause without a name");
        assert_eq!(Cause::USER_BUSY.to_string(), "17 (user busy)");
    }

    #[test]
    fn the_extension_bit_is_no_part_of_a_cause() {
        assert_eq!(Cause::new(0x90), Cause::NORMAL_CLEARING);
    }

    #[test]
    fn every_location_code_survives() {
        for code in 0..16 {
            assert_eq!(Location::from_code(code).code(), code);
        }
    }
}
