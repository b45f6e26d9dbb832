//! Pickles that ask for code, and pickles made to break their reader.

use clipwright_shared::Error;
use clipwright_shared::formats::Checkpoint;

use super::samples::*;
use super::{BYTES_AT_LEAST, BYTES_PER_BYTE, check, peak_of, refused};

#[test]
fn pickles_that_ask_for_code() {
    let run = |module, name| call(module, name, &[text("echo ran")]);
    let plain = |module, name| [global(module, name), text("echo ran"), b"\x85R".to_vec()].concat();
    let stack_global = [
        text("os"),
        text("system"),
        b"\x93".to_vec(),
        text("ls"),
        b"\x85R".to_vec(),
    ];
    for (what, opcodes, name) in [
        ("REDUCE", run("os", "system"), "os.system"),
        (
            "REDUCE of one argument",
            plain("posix", "system"),
            "posix.system",
        ),
        ("eval", run("builtins", "eval"), "builtins.eval"),
        (
            "exec in Python 2",
            run("__builtin__", "execfile"),
            "__builtin__.execfile",
        ),
        ("getattr", run("builtins", "getattr"), "builtins.getattr"),
        (
            "a subprocess",
            run("subprocess", "Popen"),
            "subprocess.Popen",
        ),
        ("a submodule", run("os.path", "join"), "os.path.join"),
        (
            "PyTorch's own loader",
            run("torch.hub", "load"),
            "torch.hub.load",
        ),
        (
            "numpy's own interpreter",
            run("numpy.testing._private.utils", "runstring"),
            "runstring",
        ),
        (
            "an unknown function",
            run("my_module", "make"),
            "my_module.make",
        ),
        (
            "INST",
            [b"(".to_vec(), text("ls"), b"ios\nsystem\n".to_vec()].concat(),
            "os.system",
        ),
        (
            "INST of something unknown",
            b"(iwicked\nthing\n".to_vec(),
            "wicked.thing",
        ),
        (
            "OBJ",
            [
                b"(".to_vec(),
                global("runpy", "run_path"),
                text("x"),
                b"o".to_vec(),
            ]
            .concat(),
            "runpy.run_path",
        ),
        ("STACK_GLOBAL", stack_global.concat(), "os.system"),
        ("only a name", global("os", "system"), "os.system"),
        (
            "a class made without a call",
            [global("subprocess", "Popen"), b")\x81".to_vec()].concat(),
            "subprocess.Popen",
        ),
        (
            "a name with line feeds for the terminal",
            run("my\rmodule\x1b[2J", "make"),
            "my?module?[2J.make",
        ),
    ] {
        let value = dict(&[
            ("weight", Described::default().opcodes()),
            ("extra", opcodes),
        ]);
        let value = pickle(&value);
        for (container, file) in [
            ("an archive", archive(&value)),
            ("a TorchScript archive", torch_script(&value)),
            ("the old container", legacy(&value)),
        ] {
            let what = format!("{what} in {container}");
            let error = refused(&what, &file);
            assert!(
                matches!(error, Error::ForeignCode { .. }),
                "{what}: {error}"
            );
            check(&what, &file, name);
        }
    }
    // Objects of unknown classes, which Python makes without their code, stay closed.
    let object = [global("my_module", "Scheduler"), b")\x81}b".to_vec()].concat();
    let value = dict(&[
        ("weight", Described::default().opcodes()),
        ("scheduler", object),
    ]);
    let file = archive(&pickle(&value));
    let checkpoint = Checkpoint::read(&file).unwrap();
    assert!(checkpoint.tensors.keys().eq(["weight"]));
    assert_eq!(
        checkpoint.values["scheduler"],
        "<class 'my_module.Scheduler'>"
    );
}

#[test]
fn pickles_made_to_break_their_reader() {
    let flood = 300_000;
    let nested = |open: &[u8], close: &[u8], depth| {
        [open.repeat(depth), b"N".to_vec(), close.repeat(depth)].concat()
    };
    // Each list holds the one before it ten times.
    let mut laughs = b"]q\0".to_vec();
    for level in 1..40 {
        let before = [b'h', level - 1];
        laughs.extend([b"]q".as_slice(), &[level], b"(", &before.repeat(10), b"e"].concat());
    }
    let long_name = "n".repeat(5000);
    let shared_name = [text(&"n".repeat(900)), b"q\0".to_vec()].concat();
    let names = [
        b"}".as_slice(),
        b"(",
        &shared_name,
        &[b"]q\x01(", b"N".repeat(200).as_slice(), b"eu"].concat(),
    ];
    for (what, opcodes, reason) in [
        ("no value", b"".to_vec(), "more values than there are"),
        (
            "an opcode that is none",
            b"\xff".to_vec(),
            "expected an opcode",
        ),
        ("an extension", b"\x82\x01".to_vec(), "expected an opcode"),
        (
            "a mark that is not there",
            b"t".to_vec(),
            "more values than there are",
        ),
        (
            "a value from below a mark",
            b"N(0a".to_vec(),
            "more values than there are",
        ),
        (
            "an entry for a number",
            b"K\x01K\x02a".to_vec(),
            "no container",
        ),
        (
            "a list's item for a dictionary",
            b"}K\x02a".to_vec(),
            "another kind",
        ),
        (
            "a key without a value",
            b"}(K\x01u".to_vec(),
            "a key has no value",
        ),
        (
            "a memo that was never written",
            b"h\x05".to_vec(),
            "memo 5 was never written",
        ),
        (
            "a memo of a high number",
            b"Nr\xff\xff\xff\xff".to_vec(),
            "memo 4294967295 is out of order",
        ),
        (
            "a text of 2⁶⁴ bytes",
            b"\x8d\xff\xff\xff\xff\xff\xff\xff\xff".to_vec(),
            "before it is complete",
        ),
        (
            "a pickle of 17 MB",
            [b"B\0\0\0\x01".to_vec(), vec![0; 1 << 24], b"0N".to_vec()].concat(),
            "longer than 16777216 bytes",
        ),
        (
            "an integer of 2³² bytes",
            b"\x8b\xff\xff\xff\xff".to_vec(),
            "before it is complete",
        ),
        (
            "a line without an end",
            b"cos".to_vec(),
            "before it is complete",
        ),
        (
            "a call of a number",
            b"K\x01)R".to_vec(),
            "what is no function",
        ),
        (
            "a state for a number",
            b"K\x01Nb".to_vec(),
            "what is no object",
        ),
        (
            "a long name of a function",
            global(&long_name, "x"),
            "too long",
        ),
        (
            "lists in lists",
            nested(b"](", b"e", flood),
            "nested more than 64 times",
        ),
        (
            "tuples in tuples",
            nested(b"(", b"t", flood),
            "nested more than 64 times",
        ),
        (
            "a list in itself",
            b"]q\0h\0a".to_vec(),
            "nested more than 64 times",
        ),
        (
            "a dictionary in itself",
            b"}q\0K\x01h\0s".to_vec(),
            "nested more than 64 times",
        ),
        ("ten lists in ten lists", laughs, "too much memory"),
        (
            "a flood of lists",
            b"]".repeat(flood),
            "too many containers",
        ),
        (
            "a flood of dictionaries",
            b"}".repeat(flood),
            "too many containers",
        ),
        (
            "a flood of marks",
            b"(".repeat(flood),
            "more values than there are",
        ),
    ] {
        let value = pickle(&opcodes);
        check(what, &archive(&value), reason);
        // The old container wants its storage mentioned.
        let value = pickle(&[Described::default().opcodes(), b"0".to_vec(), opcodes].concat());
        check(what, &legacy(&value), reason);
    }
    // These are allowed, and must stay small.
    for (what, opcodes) in [
        (
            "a flood of nothing",
            [b"](".to_vec(), b"N".repeat(flood), b"e".to_vec()].concat(),
        ),
        (
            "a flood of empty tuples",
            [b"](".to_vec(), b")".repeat(flood), b"e".to_vec()].concat(),
        ),
        (
            "a flood of copies",
            [b"](N".to_vec(), b"2".repeat(flood), b"e".to_vec()].concat(),
        ),
        (
            "a flood of small numbers",
            [b"](".to_vec(), b"K\x07".repeat(flood), b"e".to_vec()].concat(),
        ),
        ("a long name with many values", names.concat()),
    ] {
        let file = archive(&pickle(&opcodes));
        let (checkpoint, peak) = peak_of(|| Checkpoint::read(&file));
        let most = file.len() * BYTES_PER_BYTE + BYTES_AT_LEAST;
        assert!(
            peak < most,
            "{what}: {peak} bytes of memory for {} of file",
            file.len()
        );
        checkpoint.unwrap();
    }
}
