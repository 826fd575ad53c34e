//! What a run promises, tried from outside: through commands, events and the folded state alone.
//!
//! | file | holds |
//! |---|---|
//! | `plans`, `stand` | short ways to say a plan, and to drive a run of it |
//! | `watch` | what must hold after every command, whatever the command was |
//! | `random` | plans and commands made by chance |
//! | `transitions`, `words` | every state against every command, as golden tables |
//! | `order`, `ends`, `routes`, `tries`, `waits`, `stops`, `recovery`, `handlers`, `retries` | what runs when, by topic |
//! | `asks` | what people are asked, and what they answer |
//! | `refusals` | what is said when a run does not add up |
//! | `properties`, `growth`, `corpus`, `golden` | chance, size, and events of old |
//! | `fuzz` | plans and commands that a fuzzer made |

#![expect(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests fail by panicking")]

mod asks;
mod corpus;
mod ends;
mod fuzz;
mod golden;
mod growth;
mod handlers;
mod order;
mod plans;
mod properties;
mod random;
mod recovery;
mod refusals;
mod retries;
mod routes;
mod stand;
mod stops;
mod transitions;
mod tries;
mod waits;
mod watch;
mod words;
