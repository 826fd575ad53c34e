//! What is said of a compiler that does not compile. The compilers here are shell lines.
#![expect(clippy::unwrap_used, reason = "tests")]

use super::*;

/// A compiler that runs this line.
fn line(line: &str) -> Compiler {
    let arguments = ["-c", line].map(OsString::from).to_vec();
    Compiler::Child { program: "/bin/sh".into(), arguments, memory_mib: 64, cpu_seconds: 7 }
}

async fn told(compiler: Compiler) -> CodeError {
    compiler.compile(b"x".to_vec(), Shape::Component).await.unwrap_err()
}

#[tokio::test]
async fn each_end_of_a_compiler_has_its_own_sentence() {
    for (end, wanted) in [
        ("echo 'bad magic number' >&2; exit 65", "bad magic number"),
        ("kill -XCPU $$", "compilation took more than 7 s of CPU time"),
        ("kill -KILL $$", "compilation took more than 7 s of CPU time"),
        ("ulimit -c 0; kill -ABRT $$", "compilation took more than 64 MiB of memory"),
        ("ulimit -c 0; kill -SEGV $$", "compilation took more than 64 MiB of memory"),
        ("echo 'no room' >&2; exit 3", "the compiler ended with exit status: 3: no room"),
    ] {
        let error = told(line(end)).await;
        assert_eq!(error.to_string(), wanted, "{end}");
        let right = match error {
            CodeError::Refused(_) => end.ends_with("65"),
            CodeError::Bound(_) => end.contains("kill"),
            CodeError::Host(_) => end.ends_with('3'),
            CodeError::Compiler { .. } | CodeError::Load(_) => false,
        };
        assert!(right, "{end}: {error:?}");
    }
    assert_eq!(line("cat >/dev/null; printf native").compile(b"x".to_vec(), Shape::Module).await.unwrap(), b"native");
}

#[tokio::test]
async fn a_compiler_that_is_not_there_is_named() {
    let program = PathBuf::from("/no/such/compiler");
    let error = told(Compiler::Child { program, arguments: vec![], memory_mib: 64, cpu_seconds: 7 }).await;
    let wanted = "the compiler `/no/such/compiler` could not be run: No such file or directory (os error 2)";
    assert_eq!(error.to_string(), wanted);
}

#[tokio::test]
async fn a_compiler_that_waits_is_not_waited_for() {
    let arguments = ["-c", "exec sleep 600"].map(OsString::from).to_vec();
    let sleeper = Compiler::Child { program: "/bin/sh".into(), arguments, memory_mib: 64, cpu_seconds: 0 };
    assert_eq!(told(sleeper).await.to_string(), "compilation took more than 5 s");
}

#[tokio::test]
async fn what_is_not_webassembly_is_refused_here_as_there() {
    let error = told(Compiler::InProcess).await;
    assert!(matches!(&error, CodeError::Refused(said) if !said.is_empty() && !said.contains('\n')), "{error:?}");
}
