//! Steps that wait for a time: how long is known when their worker has found that they may go ahead.

use pintle_core::plan::StepIndex;
use pintle_core::run::Outcome;
use pintle_core::run::command::{FailReason, Finished, Later};
use pintle_core::time::Span;
use pintle_spec::{Pause, pause};

use crate::live::Live;
use crate::service::Coordinator;
use crate::settle::failed;

impl Coordinator {
    /// What a step comes to that its worker found ready to wait. An instant that is past is not waited for.
    pub(crate) async fn pause(&self, live: &mut Live, index: StepIndex, done: Finished) -> Outcome {
        let plan = live.run.plan.clone();
        let read = match self.scope(live, &plan, index).await {
            Ok(scope) => pause(&plan, index, &scope).map_err(|error| error.to_string()),
            Err(reason) => Err(reason),
        };
        let now = self.now();
        let after = match read {
            Ok(Pause::For(span)) => span,
            // To the next whole millisecond: a step never goes on too early.
            Ok(Pause::Until(at)) => Span(at.micros_since(now).div_ceil(1000)),
            Err(message) => return failed(FailReason::Refused, message, None),
        };
        if after == Span::ZERO { Outcome::Finished(done) } else { Outcome::Later(Later { after, token: None }) }
    }
}
