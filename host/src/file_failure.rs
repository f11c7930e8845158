//! Why a file cannot be read or written, in words an operator can act on.

use std::io;

/// To be read after "… cannot be read: ", without a full stop.
pub(crate) fn sentence(error: &io::Error) -> String {
    #[cfg(unix)]
    match error.raw_os_error() {
        // ENFILE and EMFILE, which have no kind of their own.
        Some(23 | 24) => {
            return "no file descriptor is left; raise LimitNOFILE (ulimit -n)".to_owned();
        }
        Some(5) => return "the disk gives an error (EIO); look at the disk".to_owned(),
        _ => {}
    }
    // The host's own words.
    if let Some(own) = error.get_ref() {
        return own.to_string();
    }
    match error.kind() {
        io::ErrorKind::NotFound => "it does not exist",
        io::ErrorKind::PermissionDenied => {
            "the host may not; check owner and permissions of it and of the folders above"
        }
        io::ErrorKind::IsADirectory => "it is a folder",
        io::ErrorKind::NotADirectory => "what is named as a folder on the way to it is none",
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => "the disk is full",
        io::ErrorKind::ReadOnlyFilesystem => "the file system is read-only",
        io::ErrorKind::InvalidFilename => "its name is too long",
        io::ErrorKind::AlreadyExists => "it exists already",
        io::ErrorKind::OutOfMemory => "no memory is left",
        io::ErrorKind::StaleNetworkFileHandle | io::ErrorKind::TimedOut => {
            "its network file system does not answer; look at the mount"
        }
        io::ErrorKind::InvalidData => "it is not UTF-8 text",
        io::ErrorKind::UnexpectedEof => "it ends too early",
        io::ErrorKind::BrokenPipe => "nobody reads any more",
        io::ErrorKind::AddrInUse => "the address is taken",
        io::ErrorKind::AddrNotAvailable => "this machine does not have that address",
        // The system's own words, without its number.
        _ => {
            let text = error.to_string();
            let words = text.split(" (os error").next().unwrap_or_default();
            return words.to_owned();
        }
    }
    .to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failure_says_what_to_look_at_and_no_number() {
        for (errno, says) in [
            (2, "does not exist"),
            (13, "permissions"),
            (24, "descriptor"),
            (28, "full"),
            (40, ""),
        ] {
            let said = sentence(&io::Error::from_raw_os_error(errno));
            assert!(said.contains(says), "{errno}: {said}");
            assert!(!said.contains("os error"), "{errno}: {said}");
        }
    }
}
