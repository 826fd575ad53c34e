//! `archive.*`.

use std::io::Write as _;

use flate2::write::GzEncoder;
use pintle_guest::executor::Done;

use super::*;

fn packed(host: &FakeHost, destination: &str) -> Done {
    let input = json!({ "source": "dir", "destination": destination });
    run(host, "archive.create", input).done().clone()
}

fn listed(host: &FakeHost, source: &str) -> Vec<String> {
    let ended = run(host, "archive.list", json!({ "source": source }));
    let entries = ended.output("entries");
    let entry = |entry: &Value| {
        let name = entry.get("path").and_then(Value::as_str).unwrap_or_default().to_owned();
        format!("{name} {}", entry.get("size").unwrap_or(&Value::Null))
    };
    entries.as_array().expect("a list").iter().map(entry).collect()
}

/// A tar archive of these entries; a name that `tar` would refuse is written all the same.
fn tarred(entries: &[(&str, tar::EntryType, &[u8])]) -> Vec<u8> {
    let mut builder = tar::Builder::new(Vec::new());
    for (name, kind, bytes) in entries {
        let mut header = tar::Header::new_gnu();
        header.set_entry_type(*kind);
        header.set_size(bytes.len() as u64);
        header.set_mode(0o755);
        let field = &mut header.as_old_mut().name;
        for (to, from) in field.iter_mut().zip(name.bytes()) {
            *to = from;
        }
        header.set_cksum();
        builder.append(&header, *bytes).expect("memory takes all");
    }
    builder.into_inner().expect("memory takes all")
}

fn zipped(entries: &[(&str, &[u8])]) -> Vec<u8> {
    let mut writer = zip::ZipWriter::new(std::io::Cursor::new(Vec::new()));
    for (name, bytes) in entries {
        writer.start_file(*name, zip::write::SimpleFileOptions::default()).expect("memory takes all");
        writer.write_all(bytes).expect("memory takes all");
    }
    writer.finish().expect("memory takes all").into_inner()
}

fn gzipped(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), flate2::Compression::best());
    encoder.write_all(bytes).expect("memory takes all");
    encoder.finish().expect("memory takes all")
}

const REGULAR: tar::EntryType = tar::EntryType::Regular;

#[test]
fn what_is_packed_comes_back_in_every_kind() {
    for name in ["out/a.zip", "out/a.tar", "out/a.tar.gz", "out/a.TGZ"] {
        let host = host().file("fs/work/dir/deep/c.txt", "gamma");
        let done = packed(&host, name);
        let output = |name: &str| done.outputs().iter().find(|(key, _)| key == name).map(|(_, value)| value.clone());
        assert_eq!((output("filesAdded"), output("bytesArchived")), (Some(json!(3)), Some(json!(14))), "{name}");
        let wanted = ["dir/ 0", "dir/.c 6", "dir/b.csv 3", "dir/deep/ 0", "dir/deep/c.txt 5"];
        assert_eq!(listed(&host, name), wanted, "{name}");
        let input = json!({ "source": name, "destination": "back" });
        let ended = run(&host, "archive.extract", input);
        assert_eq!((ended.output("filesExtracted"), ended.output("bytesExtracted")), (json!(3), json!(14)), "{name}");
        assert_eq!(text(&host, "fs/work/back/dir/deep/c.txt").as_deref(), Some("gamma"), "{name}");
        assert_eq!(host.contents("fs/work/out/.a.zip.part"), None);
    }
}

#[test]
fn one_file_is_packed_alone_and_large_ones_in_pieces() {
    let large: Vec<u8> = (0..700_000_u32).map(|n| u8::try_from(n % 251).unwrap_or(0)).collect();
    let host = host().file("fs/work/large.bin", large.clone());
    for name in ["l.zip", "l.tar.gz"] {
        let input = json!({ "source": "large.bin", "destination": name, "compression_level": 1 });
        assert_eq!(run(&host, "archive.create", input).output("filesAdded"), 1);
        let back = json!({ "source": name, "destination": "back", "overwrite": true });
        assert_eq!(run(&host, "archive.extract", back).output("filesExtracted"), 1);
        assert_eq!(host.contents("fs/work/back/large.bin"), Some(large.clone()), "{name}");
    }
}

#[test]
fn names_may_be_stripped_flattened_and_chosen() {
    let host =
        host().file("fs/work/a.tar", tarred(&[("top/x/one.txt", REGULAR, b"1"), ("top/two.csv", REGULAR, b"2")]));
    let extract = |more: Value| {
        let mut input = json!({ "source": "a.tar", "destination": "to", "overwrite": true });
        let (Value::Object(fields), Value::Object(more)) = (&mut input, more) else { unreachable!("both are maps") };
        fields.extend(more);
        run(&host, "archive.extract", input).output("filesSkipped")
    };
    assert_eq!(extract(json!({ "strip_components": 1 })), 0);
    assert_eq!(text(&host, "fs/work/to/x/one.txt").as_deref(), Some("1"));
    assert_eq!(extract(json!({ "strip_components": 2 })), 1, "what has no name left is left out");
    assert_eq!(text(&host, "fs/work/to/one.txt").as_deref(), Some("1"));
    assert_eq!(extract(json!({ "preserve_paths": false, "include": ["**/*.csv"] })), 1);
    assert_eq!(text(&host, "fs/work/to/two.csv").as_deref(), Some("2"));
    assert_eq!(extract(json!({ "exclude": ["top/*"] })), 1, "a star stays within its directory");
    assert_eq!(text(&host, "fs/work/to/top/two.csv"), None);
    assert_eq!(text(&host, "fs/work/to/top/x/one.txt").as_deref(), Some("1"));
}

#[test]
fn an_entry_that_leads_out_stops_everything_before_a_byte_is_written() {
    let evil = ["../escape.txt", "/etc/cron.d/x", "a/../../b", "..\\b"];
    for name in evil {
        for (file, bytes) in [
            ("e.tar", tarred(&[("good.txt", REGULAR, b"good"), (name, REGULAR, b"evil")])),
            ("e.zip", zipped(&[("good.txt", b"good"), (name, b"evil")])),
        ] {
            let host = host().file(&format!("fs/work/{file}"), bytes);
            let error = refused(&host, "archive.extract", json!({ "source": file, "destination": "to" }));
            assert_eq!(error.fault, Fault::Denied, "{name} {file}: {}", error.message);
            assert!(
                error.message.ends_with("escapes destination: nothing of this archive is written"),
                "{}",
                error.message
            );
            assert_eq!(text(&host, "fs/work/to/good.txt"), None, "{name} {file}");
        }
    }
}

#[test]
fn links_are_never_made() {
    let link = |kind| tarred(&[("l", kind, b""), ("l/x", REGULAR, b"through")]);
    for kind in [tar::EntryType::Symlink, tar::EntryType::Link, tar::EntryType::Char, tar::EntryType::Fifo] {
        let host = host().file("fs/work/l.tar", link(kind));
        let ended = run(&host, "archive.extract", json!({ "source": "l.tar", "destination": "to" }));
        assert_eq!((ended.output("filesExtracted"), ended.output("filesSkipped")), (json!(1), json!(1)), "{kind:?}");
        assert_eq!(ended.stderr(), "l is a link or no regular file: left out\n");
        assert_eq!(text(&host, "fs/work/to/l/x").as_deref(), Some("through"));
    }
}

#[test]
fn a_bomb_is_bounded_by_what_it_says_and_by_what_it_is() {
    let zeros = vec![0; 3 << 20];
    let honest = gzipped(&tarred(&[("zeros", REGULAR, &zeros)]));
    assert!(honest.len() < 20_000, "it is no bomb");
    // The central directory of the other says that it is small.
    let mut lying = zipped(&[("zeros", &zeros)]);
    let size = u32::try_from(zeros.len()).expect("small").to_le_bytes();
    let places: Vec<usize> = (0..lying.len() - 4).filter(|at| lying.get(*at..at + 4) == Some(&size[..])).collect();
    for at in places {
        lying.splice(at..at + 4, [9, 0, 0, 0]);
    }
    for (name, bytes) in [("b.tar.gz", honest), ("b.zip", lying)] {
        let host = host().file(&format!("fs/work/{name}"), bytes);
        let error =
            refused(&host, "archive.extract", json!({ "source": name, "destination": "to", "max_bytes": 1_000_000 }));
        let wanted = format!("`/work/{name}` unpacks to more than 1000000 bytes: raise `max_bytes` if that is meant");
        // Of one that lies, the library may notice it first.
        let noticed = name == "b.zip" && error.fault == Fault::Invalid;
        assert!(error.message == wanted || noticed, "{name}: {}", error.message);
        assert_eq!(host.contents("fs/work/to/zeros"), None, "{name}");
        assert_eq!(host.contents("fs/work/to/.zeros.part"), None, "{name} left what it had begun");
    }
    let many: Vec<String> = (0..20).map(|n| format!("f{n}")).collect();
    let many: Vec<(&str, tar::EntryType, &[u8])> = many.iter().map(|name| (name.as_str(), REGULAR, &b""[..])).collect();
    let host = host().file("fs/work/many.tar", tarred(&many));
    for action in ["archive.extract", "archive.list"] {
        let error = refused(&host, action, json!({ "source": "many.tar", "max_entries": 10 }));
        let wanted = "`/work/many.tar` has more than 10 entries: raise `max_entries` if that is meant";
        assert_eq!((error.fault, error.message.as_str()), (Fault::Exhausted, wanted));
    }
}

#[test]
fn what_stands_there_is_replaced_only_where_that_is_said() {
    let host = host().file("fs/work/a.tar", tarred(&[("new.txt", REGULAR, b"1"), ("a.txt", REGULAR, b"2")]));
    let error = refused(&host, "archive.extract", json!({ "source": "a.tar" }));
    assert_eq!(error.message, "`/work/a.txt` exists already: set `overwrite: true` to replace it");
    assert_eq!(text(&host, "fs/work/new.txt"), None, "something was written");
    assert_eq!(
        run(&host, "archive.extract", json!({ "source": "a.tar", "overwrite": true })).output("filesExtracted"),
        2
    );
    assert_eq!(text(&host, "fs/work/a.txt").as_deref(), Some("2"));
    let lost = task("archive.extract", json!({ "source": "a.tar" })).var("PINTLE_LOSSES", "1");
    assert_eq!(host.run::<ExecFile>(&lost).output("filesExtracted"), 2, "what a lost run left is in its way");
    let host = host.file("fs/work/d.tar", tarred(&[("dir", REGULAR, b"1")]));
    let error = refused(&host, "archive.extract", json!({ "source": "d.tar", "overwrite": true }));
    assert_eq!(error.message, "`/work/dir` is a directory: a file cannot take its place");
    let twice = json!({ "source": "t.tar", "destination": "t", "preserve_paths": false });
    let host = host.file("fs/work/t.tar", tarred(&[("x/a", REGULAR, b"1"), ("y/a", REGULAR, b"2")]));
    let wanted = "two entries of the archive would be `/work/t/a`: keep their paths";
    assert_eq!(refused(&host, "archive.extract", twice).message, wanted);
}

#[test]
fn what_is_no_archive_says_so() {
    let host = host()
        .file("fs/work/text.zip", "this is text")
        .file(
            "fs/work/cut.tar.gz",
            gzipped(&tarred(&[("a", REGULAR, &[7; 5000])])).into_iter().take(40).collect::<Vec<_>>(),
        )
        .file("fs/work/cut.zip", zipped(&[("a", b"1")]).into_iter().take(30).collect::<Vec<_>>())
        .file("fs/work/odd.tar.zst", vec![0x28, 0xb5, 0x2f, 0xfd, 0xff, 0xff, 0xff])
        .file("fs/work/short.tar", vec![b'x'; 700]);
    for (name, kind) in [
        ("text.zip", "zip"),
        ("cut.zip", "zip"),
        ("cut.tar.gz", "tar.gz"),
        ("odd.tar.zst", "tar.zst"),
        ("short.tar", "tar"),
    ] {
        let error = refused(&host, "archive.list", json!({ "source": name }));
        assert_eq!(error.fault, Fault::Invalid, "{name}: {}", error.message);
        assert!(
            error.message.starts_with(&format!("`/work/{name}` is no whole {kind} archive: ")),
            "{}",
            error.message
        );
    }
    let error = refused(&host, "archive.list", json!({ "source": "a.txt" }));
    assert_eq!(error.message, "`/work/a.txt` is no archive of a kind that is read: zip, tar, tar.gz or tar.zst");
    let error = refused(&host, "archive.extract", json!({ "source": "no.zip" }));
    assert_eq!((error.fault, error.message.as_str()), (Fault::NotFound, "`/work/no.zip` does not exist"));
}

#[test]
fn what_cannot_be_packed_is_refused() {
    let table = [
        (json!({ "source": "dir" }), "`destination` is required for create: name the archive that is made"),
        (
            json!({ "source": "dir", "destination": "x.bin" }),
            "could not infer format: end `destination` in .zip, .tar or .tar.gz, or set `format`",
        ),
        (
            json!({ "source": "dir", "dry_run": true }),
            "could not infer format: end `destination` in .zip, .tar or .tar.gz, or set `format`",
        ),
        (
            json!({ "source": "dir", "destination": "x.tar.zst" }),
            "tar.zst archives are read, not made: choose tar.gz or zip",
        ),
        (json!({ "source": "no", "destination": "x.zip" }), "`/work/no` does not exist"),
        (
            json!({ "source": "dir", "destination": "x.zip", "compression_level": 10 }),
            "`compression_level` of 10 is out of range: write 0 to 9",
        ),
        (
            json!({ "source": "dir", "destination": "x.zip", "include": ["[a"] }),
            "`include`: `[a` is no pattern: Pattern syntax error near position 0: invalid range pattern",
        ),
        (
            json!({ "source": "dir", "destination": "x.zip", "password": "p" }),
            "the input of `archive.create` is faulty: `password`: unknown field `password`",
        ),
    ];
    for (input, said) in table {
        let error = refused(&host(), "archive.create", input.clone());
        assert!(error.message.starts_with(said), "{input}: {}", error.message);
    }
    let ungranted = FakeHost::new().run::<ExecFile>(&task("archive.list", json!({ "source": "a.zip" })));
    assert_eq!(ungranted.error().fault, Fault::Denied);
}

#[test]
fn a_dry_run_packs_and_unpacks_nothing() {
    let host = host().file("fs/work/a.tar", tarred(&[("x", REGULAR, b"1")]));
    let ended = run(&host, "archive.create", json!({ "source": "dir", "format": "zip", "dry_run": true }));
    assert_eq!(ended.output("filesAdded"), 2);
    assert!(ended.stdout().starts_with("would pack 2 files of /work/dir\n"), "{}", ended.stdout());
    let ended = run(&host, "archive.extract", json!({ "source": "a.tar", "destination": "to", "dry_run": true }));
    assert_eq!((ended.output("filesExtracted"), text(&host, "fs/work/to/x")), (json!(1), None));
    assert!(ended.stdout().starts_with("would extract 1 files to /work/to\n"), "{}", ended.stdout());
}

#[test]
fn an_archive_in_the_directory_that_is_packed_is_left_out_of_itself() {
    let host = host().file("fs/work/dir/old.zip", "old");
    packed(&host, "dir/old.zip");
    assert_eq!(listed(&host, "dir/old.zip"), ["dir/ 0", "dir/.c 6", "dir/b.csv 3"]);
}

#[test]
fn zstd_is_read() {
    let tar = tarred(&[("a.txt", REGULAR, b"squeezed")]);
    let packed = ruzstd::encoding::compress_to_vec(tar.as_slice(), ruzstd::encoding::CompressionLevel::Fastest);
    let host = host().file("fs/work/a.tar.zst", packed);
    assert_eq!(listed(&host, "a.tar.zst"), ["a.txt 8"]);
    assert_eq!(
        run(&host, "archive.extract", json!({ "source": "a.tar.zst", "destination": "to" })).output("filesExtracted"),
        1
    );
    assert_eq!(text(&host, "fs/work/to/a.txt").as_deref(), Some("squeezed"));
}
