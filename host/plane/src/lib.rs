//! The words that crates say to each other: async traits and the messages that pass through them.
//!
//! A trait stands here when one crate calls what another provides and neither may know the other: the worker performs
//! a step through [`Executor`] and never sees wasmtime; the runtime starts a program through [`Processes`] and never
//! sees a process group. There is no tokio in here; futures are boxed, so every trait can be a `dyn`.
//!
//! | trait | called by | provided by |
//! |---|---|---|
//! | [`WorkerPlane`](worker::WorkerPlane) | worker | coordinator (in process), rpc (over the wire) |
//! | [`Executor`](executor::Executor) | worker | runtime |
//! | [`Processes`](process::Processes) | runtime | worker |
//! | [`Sink`](output::Sink) | runtime, worker | worker, cli |
//! | [`StopSignal`](stop::StopSignal) | runtime, worker | worker |
//! | [`Clock`](clock::Clock), [`Entropy`](clock::Entropy) | all | cli |

pub mod clock;
pub mod executor;
pub mod output;
pub mod process;
pub mod stop;
pub mod worker;

/// A boxed future: what an async method of a `dyn` trait returns.
pub type BoxFuture<'a, T> = std::pin::Pin<Box<dyn Future<Output = T> + Send + 'a>>;
