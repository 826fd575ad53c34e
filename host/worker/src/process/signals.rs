//! Signals by name and by number.

use rustix::process::Signal;

const NAMED: [(&str, Signal); 29] = [
    ("HUP", Signal::HUP),
    ("INT", Signal::INT),
    ("QUIT", Signal::QUIT),
    ("ILL", Signal::ILL),
    ("TRAP", Signal::TRAP),
    ("ABRT", Signal::ABORT),
    ("BUS", Signal::BUS),
    ("FPE", Signal::FPE),
    ("KILL", Signal::KILL),
    ("USR1", Signal::USR1),
    ("SEGV", Signal::SEGV),
    ("USR2", Signal::USR2),
    ("PIPE", Signal::PIPE),
    ("ALRM", Signal::ALARM),
    ("TERM", Signal::TERM),
    ("CHLD", Signal::CHILD),
    ("CONT", Signal::CONT),
    ("STOP", Signal::STOP),
    ("TSTP", Signal::TSTP),
    ("TTIN", Signal::TTIN),
    ("TTOU", Signal::TTOU),
    ("URG", Signal::URG),
    ("XCPU", Signal::XCPU),
    ("XFSZ", Signal::XFSZ),
    ("VTALRM", Signal::VTALARM),
    ("PROF", Signal::PROF),
    ("WINCH", Signal::WINCH),
    ("IO", Signal::IO),
    ("SYS", Signal::SYS),
];

/// `SIGTERM`, `TERM`, `sigterm`: all the same signal.
pub(super) fn by_name(name: &str) -> Option<Signal> {
    let name = name.trim().to_ascii_uppercase();
    let bare = name.strip_prefix("SIG").unwrap_or(&name);
    NAMED.iter().find(|(known, _)| *known == bare).map(|(_, signal)| *signal)
}

/// As people write it; real-time signals by number.
pub(super) fn name(number: i32) -> String {
    NAMED
        .iter()
        .find(|(_, signal)| signal.as_raw() == number)
        .map_or_else(|| format!("signal {number}"), |(name, _)| format!("SIG{name}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_read_with_or_without_sig_in_any_case() {
        for spelling in ["SIGINT", "INT", "int", " SigInt "] {
            assert_eq!(by_name(spelling), Some(Signal::INT), "{spelling}");
        }
        assert_eq!(by_name("SIG"), None);
        assert_eq!(by_name("9"), None);
    }

    #[test]
    fn every_name_comes_back() {
        for (known, signal) in NAMED {
            assert_eq!(name(signal.as_raw()), format!("SIG{known}"));
        }
        assert_eq!(name(40), "signal 40");
    }
}
