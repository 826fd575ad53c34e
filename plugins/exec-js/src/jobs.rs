//! What promises leave to be done: a queue that is run to its end, in order.

use std::cell::RefCell;
use std::collections::VecDeque;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Poll, Waker};

use boa_engine::job::{GenericJob, Job, JobExecutor, NativeAsyncJob, PromiseJob};
use boa_engine::{Context, JsResult};

/// The queue.
#[derive(Default)]
pub(crate) struct Jobs {
    queue: RefCell<VecDeque<Queued>>,
}

enum Queued {
    Promise(PromiseJob),
    Generic(GenericJob),
    Async(NativeAsyncJob),
}

impl Jobs {
    fn next(&self) -> Option<Queued> {
        self.queue.borrow_mut().pop_front()
    }
}

impl JobExecutor for Jobs {
    fn enqueue_job(self: Rc<Self>, job: Job, _: &mut Context) {
        let queued = match job {
            Job::PromiseJob(job) => Queued::Promise(job),
            Job::GenericJob(job) => Queued::Generic(job),
            Job::AsyncJob(job) => Queued::Async(job),
            // Nothing that a script can call makes timers, and what is left when it ends needs no cleaning up.
            _ => return,
        };
        self.queue.borrow_mut().push_back(queued);
    }

    fn run_jobs(self: Rc<Self>, context: &mut Context) -> JsResult<()> {
        while let Some(job) = self.next() {
            match job {
                Queued::Promise(job) => job.call(context).map(drop)?,
                Queued::Generic(job) => job.call(context).map(drop)?,
                Queued::Async(job) => at_once(job, context)?,
            }
            context.clear_kept_objects();
        }
        Ok(())
    }
}

/// The one thing that is asynchronous to the interpreter is an import, and that is refused at once: whatever is not ready
/// has nothing to wait for, and its promise stays open.
fn at_once(job: NativeAsyncJob, context: &mut Context) -> JsResult<()> {
    let context = RefCell::new(context);
    let mut future = job.call(&context);
    match Pin::new(&mut future).poll(&mut std::task::Context::from_waker(Waker::noop())) {
        Poll::Ready(result) => result.map(drop),
        Poll::Pending => Ok(()),
    }
}
