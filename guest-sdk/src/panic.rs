//! A trap has no words. The hook gives it some: one line at level `error` with message, place and the field
//! `panic = true`, which the host puts into the step's failure.

use std::panic::PanicHookInfo;
use std::sync::Once;

use crate::log::{self, Level};

static INSTALLED: Once = Once::new();

/// Installs the hook; once is enough, and more does no harm.
pub(crate) fn install() {
    INSTALLED.call_once(|| std::panic::set_hook(Box::new(report)));
}

fn report(info: &PanicHookInfo<'_>) {
    log::write(Level::Error, &sentence(info), &[("panic", "true")]);
}

fn sentence(info: &PanicHookInfo<'_>) -> String {
    let words = info.payload_as_str().unwrap_or("a value that is not text");
    match info.location() {
        Some(place) => format!("panicked at {place}: {words}"),
        None => format!("panicked: {words}"),
    }
}

#[cfg(test)]
#[expect(clippy::indexing_slicing, reason = "a test fails by panicking")]
mod tests {
    use super::*;
    use std::sync::{Arc, Mutex};

    #[test]
    fn a_panic_is_told_with_its_place() {
        let told = Arc::new(Mutex::new(String::new()));
        let keep = Arc::clone(&told);
        let before = std::panic::take_hook();
        let test = std::thread::current().id();
        std::panic::set_hook(Box::new(move |info| {
            if std::thread::current().id() == test
                && let Ok(mut told) = keep.lock()
            {
                *told = sentence(info);
            }
        }));
        let caught = std::panic::catch_unwind(|| {
            let empty: Vec<u8> = std::hint::black_box(Vec::new());
            empty[3]
        });
        std::panic::set_hook(before);
        assert!(caught.is_err());
        let told = told.lock().map(|told| told.clone()).unwrap_or_default();
        assert!(told.starts_with("panicked at ") && told.contains("panic.rs:"), "{told}");
        assert!(told.ends_with("index out of bounds: the len is 0 but the index is 3"), "{told}");
    }
}
