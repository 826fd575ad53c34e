//! What logs and blobs promise.

use pintle_core::counter::Fence;
use pintle_core::ids::Digest;
use pintle_core::plan::StepIndex;

use super::cases;
use super::make::id;
use crate::{Channel, Error, LogName, LogPart};

fn log(run: &str, step: u32, fence: u64, channel: Channel) -> LogName {
    LogName { run: id(run), step: StepIndex(step), fence: Fence(fence), channel }
}

cases! {
    /// A chunk that is sent again changes nothing, and none leaves a hole.
    async fn chunks_of_a_log_go_where_they_belong(store) {
        let out = log("r1", 0, 1, Channel::Stdout);
        assert_eq!(store.read_log(&out, 0, 100).await.unwrap(), b"");
        assert_eq!(store.log_size(&out).await.unwrap(), 0);
        assert_eq!(store.append_log(&out, 0, b"one ".to_vec()).await.unwrap(), 4);
        assert_eq!(store.append_log(&out, 4, b"two ".to_vec()).await.unwrap(), 8);
        assert_eq!(store.append_log(&out, 0, b"one ".to_vec()).await.unwrap(), 8, "sent again");
        assert_eq!(store.append_log(&out, 4, b"two three".to_vec()).await.unwrap(), 13, "and with more behind it");
        let hole = store.append_log(&out, 20, b"x".to_vec()).await;
        assert!(matches!(hole, Err(Error::LogGap { have: 13, offset: 20, .. })), "{hole:?}");
        let sentence = format!("log {out} has 13 bytes and the chunk begins at 20: send what is missing first");
        assert_eq!(hole.unwrap_err().to_string(), sentence);
        assert_eq!(store.read_log(&out, 0, 100).await.unwrap(), b"one two three");
        assert_eq!(store.read_log(&out, 4, 3).await.unwrap(), b"two");
        assert_eq!(store.read_log(&out, 13, 5).await.unwrap(), b"");
        assert_eq!(store.read_log(&out, 99, 5).await.unwrap(), b"");
        assert_eq!(store.log_size(&out).await.unwrap(), 13);
    }

    /// Each claim and stream has a log of its own.
    async fn logs_of_a_run_are_listed(store) {
        let logs = [
            log("r1", 0, 1, Channel::Stdout),
            log("r1", 0, 2, Channel::Stdout),
            log("r1", 0, 2, Channel::Stderr),
            log("r1", 10, 1, Channel::Stdout),
        ];
        for log in logs.iter().rev() {
            store.append_log(log, 0, log.to_string().into_bytes()).await.unwrap();
        }
        store.append_log(&log("r2", 0, 1, Channel::Stdout), 0, b"x".to_vec()).await.unwrap();
        assert_eq!(store.logs_of(&id("r1")).await.unwrap(), logs);
        assert!(store.logs_of(&id("nobody")).await.unwrap().is_empty());
        for log in &logs {
            assert_eq!(store.read_log(log, 0, 100).await.unwrap(), log.to_string().into_bytes());
        }
    }

    /// Sealing lets go of a file, not of what is in it; what is sent again afterwards is harmless.
    async fn a_sealed_log_is_read_as_before(store) {
        let out = log("r1", 0, 1, Channel::Stdout);
        store.append_log(&out, 0, b"all of it".to_vec()).await.unwrap();
        store.seal_logs(&out.run, out.step, out.fence, &[]).await.unwrap();
        assert_eq!(store.read_log(&out, 0, 100).await.unwrap(), b"all of it");
        assert_eq!(store.append_log(&out, 0, b"all".to_vec()).await.unwrap(), 9);
        store.seal_logs(&out.run, StepIndex(7), out.fence, &[]).await.unwrap();
        assert_eq!(store.read_log(&out, 0, 100).await.unwrap(), b"all of it");
    }

    /// What is left goes behind what is there, by streams, and may be sent again; a hole in one stream is not the other's.
    async fn what_is_left_of_a_log_is_stored_as_it_is_sealed(store) {
        let (out, err) = (log("r1", 0, 1, Channel::Stdout), log("r1", 0, 1, Channel::Stderr));
        let part = |channel, offset, bytes| LogPart { channel, offset, bytes };
        store.append_log(&out, 0, b"one ".to_vec()).await.unwrap();
        let rest = [
            part(Channel::Stdout, 4, b"two ".as_slice()),
            part(Channel::Stderr, 0, b"oh".as_slice()),
            part(Channel::Stdout, 8, b"three".as_slice()),
        ];
        for _ in 0..2 {
            store.seal_logs(&out.run, out.step, out.fence, &rest).await.unwrap();
            assert_eq!(store.read_log(&out, 0, 100).await.unwrap(), b"one two three");
            assert_eq!(store.read_log(&err, 0, 100).await.unwrap(), b"oh");
        }
        let torn = [part(Channel::Stdout, 20, b"x".as_slice()), part(Channel::Stderr, 2, b"!".as_slice())];
        let hole = store.seal_logs(&out.run, out.step, out.fence, &torn).await;
        assert!(matches!(hole, Err(Error::LogGap { have: 13, offset: 20, .. })), "{hole:?}");
        assert_eq!(store.read_log(&err, 0, 100).await.unwrap(), b"oh!");
    }

    /// A run may be called `..`; its logs are its own all the same.
    async fn a_log_stays_below_its_run_whatever_the_run_is_called(store) {
        for name in ["..", ".", "%..", " ", "a:b", "-x"] {
            let out = log(name, 0, 1, Channel::Stderr);
            store.append_log(&out, 0, name.as_bytes().to_vec()).await.unwrap();
        }
        for name in ["..", ".", "%..", " ", "a:b", "-x"] {
            let out = log(name, 0, 1, Channel::Stderr);
            assert_eq!(store.read_log(&out, 0, 100).await.unwrap(), name.as_bytes());
            assert_eq!(store.logs_of(&out.run).await.unwrap(), [out]);
        }
    }

    /// The same bytes have the same name, and parts of them can be read.
    async fn blobs_are_kept_by_digest(store) {
        let digest = store.put_blob(b"abc".to_vec()).await.unwrap();
        assert_eq!(digest.as_str(), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
        assert_eq!(store.put_blob(b"abc".to_vec()).await.unwrap(), digest);
        assert_eq!(store.read_blob(&digest, 1, 100).await.unwrap().as_deref(), Some(&b"bc"[..]));
        assert_eq!(store.read_blob(&digest, 5, 100).await.unwrap().as_deref(), Some(&b""[..]));
        assert_eq!(store.blob_size(&digest).await.unwrap(), Some(3));
        let empty = store.put_blob(Vec::new()).await.unwrap();
        assert_eq!(store.read_blob(&empty, 0, 10).await.unwrap(), Some(Vec::new()));
        let unknown = Digest::from_bytes([1; 32]);
        assert_eq!(store.read_blob(&unknown, 0, 10).await.unwrap(), None);
        assert_eq!(store.blob_size(&unknown).await.unwrap(), None);
    }
}
