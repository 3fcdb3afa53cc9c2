//! What time and the data link do to a call.
//!
//! Source: ITU-T Q.931 (05/98) tables 9-1 and 9-2, 5.8.8, 5.8.9.

use super::{Call, CallState, Ctx};
use crate::cause::Cause;
use crate::config::Side;
use crate::event::{CallTimer, PriEvent};
use crate::wire::Digits;

impl Call {
    /// Acts on every timer of the call that has run out.
    pub(crate) fn timeout(&mut self, ctx: &mut Ctx<'_>) {
        if self.t309.is_some_and(|at| at <= ctx.now) {
            self.t309 = None;
            return self.finish(Cause::DESTINATION_OUT_OF_ORDER, ctx.config.location, ctx);
        }
        if self.t322.is_some_and(|at| at <= ctx.now) {
            self.t322 = None;
            self.t322_expired(ctx);
        }
        if let Some((_, timer)) = self.timer.filter(|&(at, _)| at <= ctx.now) {
            self.timer = None;
            self.expired(timer, ctx);
        }
    }

    fn expired(&mut self, timer: CallTimer, ctx: &mut Ctx<'_>) {
        ctx.counters.timer_expiries += 1;
        match timer {
            CallTimer::T301 => self.send_disconnect(&ctx.cause(Cause::NO_ANSWER), false, ctx),
            // What was dialled is all there is: above decides whether it is enough.
            CallTimer::T302 => {
                let digits = Digits::default();
                ctx.event(PriEvent::Digits { call: self.id, digits, complete: true });
            }
            CallTimer::T303 => self.t303_expired(ctx),
            CallTimer::T304 | CallTimer::T313 => self.disconnect_by_timer(timer, Cause::TIMER_EXPIRED, ctx),
            CallTimer::T310 => {
                let end = match ctx.config.side {
                    Side::User => Cause::TIMER_EXPIRED,
                    Side::Network => Cause::NO_USER_RESPONDING,
                };
                self.disconnect_by_timer(timer, end, ctx);
            }
            CallTimer::T305 | CallTimer::T306 => {
                let cause = self.end.map(|(cause, _)| ctx.cause(cause));
                self.send_release(cause.as_ref(), ctx);
            }
            CallTimer::T308 => self.t308_expired(ctx),
            // These two have deadlines of their own.
            CallTimer::T309 | CallTimer::T322 => {}
        }
    }

    /// Sends DISCONNECT with cause 102 and tells `end` above.
    fn disconnect_by_timer(&mut self, timer: CallTimer, end: Cause, ctx: &mut Ctx<'_>) {
        self.ends(end, ctx.config.location);
        let [a, b, c] = timer.digits();
        let cause = ctx.cause(Cause::TIMER_EXPIRED).with_diagnostic(a).with_diagnostic(b).with_diagnostic(c);
        self.send_disconnect(&cause, false, ctx);
    }

    /// The SETUP is sent once more, then the call is given up (5.2.5.3).
    fn t303_expired(&mut self, ctx: &mut Ctx<'_>) {
        if self.repeats < ctx.config.timers.n303 {
            self.repeats += 1;
            self.resend(CallTimer::T303, ctx);
            return;
        }
        let end = match ctx.config.side {
            Side::User => Cause::TIMER_EXPIRED,
            Side::Network => Cause::NO_USER_RESPONDING,
        };
        self.ends(end, ctx.config.location);
        self.refuse(Some(&ctx.cause(Cause::TIMER_EXPIRED)), ctx);
    }

    /// The RELEASE is sent once more; then the channel is in doubt and is restarted (5.3.3).
    fn t308_expired(&mut self, ctx: &mut Ctx<'_>) {
        if self.repeats == 0 {
            self.repeats = 1;
            self.resend(CallTimer::T308, ctx);
            return;
        }
        ctx.out.doubtful.extend(self.channel);
        self.finish(Cause::TIMER_EXPIRED, ctx.config.location, ctx);
    }

    fn resend(&mut self, timer: CallTimer, ctx: &mut Ctx<'_>) {
        if let Some(message) = self.repeat.clone() {
            ctx.counters.messages_sent += 1;
            ctx.counters.messages_repeated += 1;
            ctx.out.messages.push_back(message);
        }
        let after = if timer == CallTimer::T303 { ctx.config.timers.t303 } else { ctx.config.timers.t308 };
        self.start(timer, after, ctx);
    }

    fn t322_expired(&mut self, ctx: &mut Ctx<'_>) {
        ctx.counters.timer_expiries += 1;
        if self.enquiries < ctx.config.timers.n322 {
            self.send_enquiry(ctx);
        } else if !self.state.is_clearing() {
            self.send_disconnect(&ctx.cause(Cause::TEMPORARY_FAILURE), false, ctx);
        }
    }

    /// The data link is lost: an active call goes on for T309, every other ends (5.8.9).
    pub(crate) fn link_lost(&mut self, ctx: &mut Ctx<'_>) {
        self.t322 = None;
        if self.state == CallState::Active {
            self.t309.get_or_insert(ctx.now + ctx.config.timers.t309);
        } else {
            self.finish(Cause::TEMPORARY_FAILURE, ctx.config.location, ctx);
        }
    }

    /// The data link is back, or was set up anew and messages may be lost: calls in the middle of dialling end, every
    /// other asks the peer where it stands (5.8.8, 5.8.9).
    pub(crate) fn link_established(&mut self, ctx: &mut Ctx<'_>) {
        self.t309 = None;
        match self.state {
            CallState::OverlapSending | CallState::OverlapReceiving => {
                self.send_disconnect(&ctx.cause(Cause::TEMPORARY_FAILURE), false, ctx);
            }
            CallState::OutgoingProceeding
            | CallState::Delivered
            | CallState::Present
            | CallState::IncomingProceeding
            | CallState::Received
            | CallState::ConnectRequest
            | CallState::Active => self.enquire(ctx),
            // Their own timers repeat what was lost.
            CallState::Null
            | CallState::Initiated
            | CallState::DisconnectRequest
            | CallState::DisconnectIndication
            | CallState::ReleaseRequest => {}
        }
    }
}
