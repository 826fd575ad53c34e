//! Names in an archive: where an entry belongs, if it belongs anywhere below the destination.

use pintle_guest::prelude::*;

/// The parts of an entry's name.
///
/// # Errors
/// `denied`, for a name that leads out of the destination.
pub(crate) fn parts(name: &str) -> Result<Vec<&str>, Error> {
    let escapes =
        || Error::denied(format!("the entry {name:?} escapes destination: nothing of this archive is written"));
    if name.starts_with('/') || name.contains('\0') || name.contains('\\') {
        return Err(escapes());
    }
    let mut parts = Vec::new();
    for part in name.split('/') {
        match part {
            "" | "." => {}
            ".." => return Err(escapes()),
            // `C:` of another system.
            drive if drive.ends_with(':') => return Err(escapes()),
            part => parts.push(part),
        }
    }
    Ok(parts)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_that_leads_out_is_refused() {
        for name in ["/etc/passwd", "../a", "a/../../b", "a/..", "..", "C:/a", "a\\..\\b", "a\0b", "//a"] {
            assert_eq!(parts(name).err().map(|error| error.fault), Some(Fault::Denied), "{name:?}");
        }
        for (name, wanted) in [("a/b", vec!["a", "b"]), ("./a//b/", vec!["a", "b"]), ("", vec![]), ("...", vec!["..."])]
        {
            assert_eq!(parts(name), Ok(wanted), "{name:?}");
        }
    }
}
