//! spandsp as packaged, by its C interface: the counterpart, linked into this bench only.
//!
//! Its library is LGPL and stays a library of its own; nothing of it is in the product.
#![expect(unsafe_code, reason = "a C library")]

use std::ffi::{CStr, c_char, c_int, c_void};

type Report = extern "C" fn(*mut c_void, c_int, c_int, c_int);
type Digits = extern "C" fn(*mut c_void, *const c_char, c_int);
type PutBit = extern "C" fn(*mut c_void, c_int);

/// The fields before what we need are not looked at.
#[repr(C)]
struct FskSpec {
    name: *const c_char,
    freq_zero: c_int,
    freq_one: c_int,
    tx_level: c_int,
    min_level: c_int,
    baud_rate: c_int,
}

#[link(name = "spandsp")]
unsafe extern "C" {
    fn dtmf_rx_init(s: *mut c_void, digits: Option<Digits>, user: *mut c_void) -> *mut c_void;
    fn dtmf_rx(s: *mut c_void, amp: *const i16, samples: c_int) -> c_int;
    fn dtmf_rx_get(s: *mut c_void, digits: *mut c_char, max: c_int) -> usize;
    fn dtmf_rx_parms(s: *mut c_void, filter: c_int, twist: c_int, reverse_twist: c_int, threshold: c_int);
    fn dtmf_rx_free(s: *mut c_void) -> c_int;
    fn bell_mf_rx_init(s: *mut c_void, digits: Option<Digits>, user: *mut c_void) -> *mut c_void;
    fn bell_mf_rx(s: *mut c_void, amp: *const i16, samples: c_int) -> c_int;
    fn bell_mf_rx_get(s: *mut c_void, digits: *mut c_char, max: c_int) -> usize;
    fn bell_mf_rx_free(s: *mut c_void) -> c_int;
    fn r2_mf_rx_init(s: *mut c_void, fwd: c_int, report: Option<Report>, user: *mut c_void) -> *mut c_void;
    fn r2_mf_rx(s: *mut c_void, amp: *const i16, samples: c_int) -> c_int;
    fn r2_mf_rx_get(s: *mut c_void) -> c_int;
    fn r2_mf_rx_free(s: *mut c_void) -> c_int;
    static preset_fsk_specs: [FskSpec; 12];
    fn fsk_rx_init(
        s: *mut c_void,
        spec: *const FskSpec,
        framing: c_int,
        put: PutBit,
        user: *mut c_void,
    ) -> *mut c_void;
    fn fsk_rx(s: *mut c_void, amp: *const i16, len: c_int) -> c_int;
    fn modem_connect_tones_rx_init(
        s: *mut c_void,
        tone: c_int,
        report: Option<Report>,
        user: *mut c_void,
    ) -> *mut c_void;
    fn modem_connect_tones_rx(s: *mut c_void, amp: *const i16, len: c_int) -> c_int;
    fn super_tone_rx_make_descriptor(d: *mut c_void) -> *mut c_void;
    fn super_tone_rx_add_tone(d: *mut c_void) -> c_int;
    fn super_tone_rx_add_element(
        d: *mut c_void,
        tone: c_int,
        f1: c_int,
        f2: c_int,
        min: c_int,
        max: c_int,
    ) -> c_int;
    fn super_tone_rx_init(s: *mut c_void, d: *mut c_void, report: Report, user: *mut c_void) -> *mut c_void;
    fn super_tone_rx(s: *mut c_void, amp: *const i16, samples: c_int) -> c_int;
}

extern "C" fn count(user: *mut c_void, code: c_int, _level: c_int, _delay: c_int) {
    if code != -1 && code != 0 && !user.is_null() {
        // SAFETY: `user` is the counter given at `init`, which outlives the receiver.
        unsafe { *user.cast::<u32>() += 1 };
    }
}

/// Bits of a receiver; codes below zero are signal changes.
#[derive(Debug, Default)]
pub struct Bits(pub Vec<u8>);

extern "C" fn put(user: *mut c_void, bit: c_int) {
    if bit >= 0 {
        // SAFETY: `user` is the boxed vector given at `init`, which outlives the receiver.
        unsafe { (*user.cast::<Bits>()).0.push(bit as u8) };
    }
}

/// One receiver.
pub struct Rival {
    state: *mut c_void,
    run: unsafe extern "C" fn(*mut c_void, *const i16, c_int) -> c_int,
    kind: Kind,
    /// What was reported by call-back.
    pub hits: Box<u32>,
    /// Octets or bits of a modem.
    pub bits: Box<Bits>,
}

#[derive(Clone, Copy, PartialEq)]
enum Kind {
    Dtmf,
    R1,
    R2,
    Other,
}

impl Rival {
    fn new(run: unsafe extern "C" fn(*mut c_void, *const i16, c_int) -> c_int, kind: Kind) -> Rival {
        Rival { state: std::ptr::null_mut(), run, kind, hits: Box::new(0), bits: Box::default() }
    }

    fn user(&mut self) -> *mut c_void {
        (&raw mut *self.hits).cast()
    }

    /// A DTMF receiver; `filter` switches its dial tone filter on.
    pub fn dtmf(filter: bool) -> Rival {
        let mut rival = Rival::new(dtmf_rx, Kind::Dtmf);
        // SAFETY: the library allocates the state; negative values keep its own settings.
        unsafe {
            rival.state = dtmf_rx_init(std::ptr::null_mut(), None, std::ptr::null_mut());
            dtmf_rx_parms(rival.state, c_int::from(filter), -1, -1, -99);
        }
        rival
    }

    /// An R1 receiver.
    pub fn r1() -> Rival {
        let mut rival = Rival::new(bell_mf_rx, Kind::R1);
        // SAFETY: the library allocates the state.
        rival.state = unsafe { bell_mf_rx_init(std::ptr::null_mut(), None, std::ptr::null_mut()) };
        rival
    }

    /// An R2 receiver of one direction.
    pub fn r2(forward: bool) -> Rival {
        let mut rival = Rival::new(r2_mf_rx, Kind::R2);
        // SAFETY: the library allocates the state.
        rival.state =
            unsafe { r2_mf_rx_init(std::ptr::null_mut(), c_int::from(forward), None, std::ptr::null_mut()) };
        rival
    }

    /// An FSK receiver of the preset of that name; `framing` is bits in a frame, 1 is none.
    pub fn fsk(name: &str, framing: c_int) -> Rival {
        let mut rival = Rival::new(fsk_rx, Kind::Other);
        let user = (&raw mut *rival.bits).cast();
        // SAFETY: the presets are static, their names C strings; the library allocates the state; the bits are boxed.
        unsafe {
            let specs = &*(&raw const preset_fsk_specs);
            let spec = specs
                .iter()
                .find(|spec| !spec.name.is_null() && CStr::from_ptr(spec.name).to_bytes() == name.as_bytes())
                .expect("a preset of that name");
            rival.state = fsk_rx_init(std::ptr::null_mut(), spec, framing, put, user);
        }
        rival
    }

    /// A receiver of modem connect tones: 1 CNG, 2 CED, 3 the same with phase reversals, 6 V.21 preamble.
    pub fn connect_tone(tone: c_int) -> Rival {
        let mut rival = Rival::new(modem_connect_tones_rx, Kind::Other);
        let user = rival.user();
        // SAFETY: the library allocates the state; the counter is boxed.
        rival.state = unsafe { modem_connect_tones_rx_init(std::ptr::null_mut(), tone, Some(count), user) };
        rival
    }

    /// A receiver of call progress tones: `(first Hz, second Hz or 0, [(least ms, most ms)])`, second and further
    /// elements in turn silent and sounding.
    pub fn super_tone(tones: &[(c_int, c_int, &[(c_int, c_int)])]) -> Rival {
        let mut rival = Rival::new(super_tone_rx, Kind::Other);
        let user = rival.user();
        // SAFETY: the library allocates descriptor and state; the counter is boxed.
        unsafe {
            let descriptor = super_tone_rx_make_descriptor(std::ptr::null_mut());
            for (first, second, elements) in tones {
                let tone = super_tone_rx_add_tone(descriptor);
                for (n, (least, most)) in elements.iter().enumerate() {
                    let (f1, f2) = if n % 2 == 0 { (*first, *second) } else { (0, 0) };
                    super_tone_rx_add_element(descriptor, tone, f1, f2, *least, *most);
                }
            }
            rival.state = super_tone_rx_init(std::ptr::null_mut(), descriptor, count, user);
        }
        rival
    }

    /// Takes in samples.
    pub fn push(&mut self, samples: &[i16]) {
        // SAFETY: the state is the library's own, the samples are a slice.
        unsafe { (self.run)(self.state, samples.as_ptr(), samples.len() as c_int) };
    }

    /// Returns the digits heard since the last call.
    pub fn digits(&mut self) -> Vec<u8> {
        let mut digits = [0; 129];
        let at = digits.as_mut_ptr().cast::<c_char>();
        // SAFETY: the buffer holds one octet more than is asked for.
        let len = unsafe {
            match self.kind {
                Kind::Dtmf => dtmf_rx_get(self.state, at, 128),
                Kind::R1 => bell_mf_rx_get(self.state, at, 128),
                Kind::R2 | Kind::Other => 0,
            }
        };
        digits[..len].to_vec()
    }

    /// Returns the R2 signal that sounds now, 0 if none.
    pub fn signal(&mut self) -> u8 {
        if self.kind != Kind::R2 {
            return 0;
        }
        // SAFETY: the state is the library's own.
        unsafe { r2_mf_rx_get(self.state) as u8 }
    }
}

impl Drop for Rival {
    fn drop(&mut self) {
        // SAFETY: states come from `init`; those of other kinds are few and end with the program.
        unsafe {
            match self.kind {
                Kind::Dtmf => dtmf_rx_free(self.state),
                Kind::R1 => bell_mf_rx_free(self.state),
                Kind::R2 => r2_mf_rx_free(self.state),
                Kind::Other => 0,
            };
        }
    }
}
