//! Archives and tensors whose numbers do not add up.

use clipwright_shared::formats::Checkpoint;

use super::samples::*;
use super::targets::zip;
use super::{check, peak_of};

#[test]
fn tensors_that_do_not_fit_their_storage() {
    let good = Described::default;
    for (what, described, reason) in [
        (
            "a shape beyond the storage",
            Described {
                dims: vec![4, 5],
                ..good()
            },
            "beyond its storage of 16 elements",
        ),
        (
            "an offset beyond the storage",
            Described {
                offset: 1,
                ..good()
            },
            "beyond its storage of 16 elements",
        ),
        (
            "a huge offset",
            Described {
                offset: i64::MAX,
                ..good()
            },
            "beyond its storage",
        ),
        (
            "a negative offset",
            Described {
                offset: -1,
                ..good()
            },
            "offset is no number of elements",
        ),
        (
            "a huge stride",
            Described {
                strides: vec![i64::MAX, 1],
                ..good()
            },
            "beyond its storage",
        ),
        (
            "a negative stride",
            Described {
                strides: vec![-4, 1],
                ..good()
            },
            "strides are not a tuple of sizes",
        ),
        (
            "a negative size",
            Described {
                dims: vec![-4, 4],
                ..good()
            },
            "shape is not a tuple of sizes",
        ),
        (
            "a shape that overflows",
            Described {
                dims: vec![i64::MAX, 4],
                ..good()
            },
            "too many elements",
        ),
        (
            "fewer strides",
            Described {
                strides: vec![1],
                ..good()
            },
            "1 strides for 2 dimensions",
        ),
        (
            "forty dimensions",
            Described {
                dims: vec![1; 40],
                strides: vec![1; 40],
                ..good()
            },
            "40 dimensions",
        ),
        (
            "one element repeated",
            Described {
                dims: vec![1 << 40],
                strides: vec![0],
                ..good()
            },
            "repeats a storage of 16 elements",
        ),
        (
            "another size of storage",
            Described {
                count: 17,
                ..good()
            },
            "expected 17 elements of f32",
        ),
        (
            "a huge storage",
            Described {
                count: i64::MAX,
                ..good()
            },
            "storage",
        ),
        (
            "a negative storage",
            Described {
                count: -1,
                ..good()
            },
            "its storage has no size",
        ),
        (
            "another type of storage",
            Described {
                storage: "DoubleStorage",
                ..good()
            },
            "elements of f64",
        ),
        (
            "complex numbers",
            Described {
                storage: "ComplexFloatStorage",
                ..good()
            },
            "its type is ComplexFloatStorage",
        ),
        (
            "a storage that is not there",
            Described { key: "1", ..good() },
            "storage `1` is not in the file",
        ),
        (
            "a storage elsewhere",
            Described {
                key: "../data.pkl",
                ..good()
            },
            "storage `../data.pkl` is not in the file",
        ),
    ] {
        let value = pickle(&dict(&[("weight", described.opcodes())]));
        check(what, &archive(&value), reason);
        check(what, &torch_script(&value), reason);
    }
    let twice = [text("weight"), Described::default().opcodes()].concat();
    let twice = pickle(&[b"}(".to_vec(), twice.repeat(2), b"u".to_vec()].concat());
    check(
        "one name twice",
        &archive(&twice),
        "two values have the name `weight`",
    );
    let joined = dict(&[
        ("a.b", Described::default().opcodes()),
        ("a", dict(&[("b", Described::default().opcodes())])),
    ]);
    check(
        "one joined name twice",
        &archive(&pickle(&joined)),
        "the name `a.b`",
    );
    let long = dict(&[(&"n".repeat(2000), Described::default().opcodes())]);
    check("a long name", &archive(&pickle(&long)), "is too long");
    // Each of the views is small, all together are not.
    let view = Described {
        dims: vec![1 << 14],
        strides: vec![0],
        ..Described::default()
    };
    let views = [
        b"](".to_vec(),
        view.opcodes(),
        b"2".repeat(1000),
        b"e".to_vec(),
    ]
    .concat();
    check(
        "many views of little",
        &archive(&pickle(&views)),
        "times the bytes of the file",
    );
}

#[test]
fn the_old_container_with_wrong_numbers() {
    let good = legacy(&state_dict());
    let storage = good.len() - 64;
    let changed = |at: usize, bytes: &[u8]| {
        let mut file = good.clone();
        file[at..at + bytes.len()].copy_from_slice(bytes);
        file
    };
    let order = good.windows(2).position(|pair| pair == b"\x88s").unwrap();
    let key = good.windows(3).rposition(|three| three == b"0a.").unwrap();
    let version = good
        .windows(3)
        .position(|three| three == b"M\xe9\x03")
        .unwrap();
    for (what, file, reason) in [
        (
            "another length of the storage",
            changed(storage - 8, &15_i64.to_le_bytes()),
            "storage `0` has 15 elements; expected 16",
        ),
        (
            "a negative length",
            changed(storage - 8, &(-1_i64).to_le_bytes()),
            "has -1 elements",
        ),
        (
            "a huge length",
            changed(storage - 8, &i64::MAX.to_le_bytes()),
            "expected 16",
        ),
        (
            "bytes behind the end",
            [good.as_slice(), b"x"].concat(),
            "1 bytes follow its last storage",
        ),
        ("big-endian numbers", changed(order, b"\x89"), "big-endian"),
        (
            "a key that no tensor has",
            changed(key, b"9"),
            "storage `9` belongs to no tensor",
        ),
        (
            "another version",
            changed(version + 1, b"\xea"),
            "version is unknown",
        ),
        (
            "a storage that is missing",
            good[..storage - 8].to_vec(),
            "ends inside of storage `0`",
        ),
    ] {
        check(what, &file, reason);
    }
}

#[test]
fn archives_that_swell_or_lie() {
    let good = archive(&state_dict());
    let pickled = state_dict();
    let directory = good
        .windows(4)
        .position(|four| four == b"PK\x01\x02")
        .unwrap();
    let storage_directory = good
        .windows(4)
        .rposition(|four| four == b"PK\x01\x02")
        .unwrap();
    let storage = good
        .windows(4)
        .rposition(|four| four == b"PK\x03\x04")
        .unwrap();
    let changed = |changes: &[(usize, &[u8])]| {
        let mut file = good.clone();
        for (at, bytes) in changes {
            file[*at..*at + bytes.len()].copy_from_slice(bytes);
        }
        file
    };
    let huge = &u32::MAX.wrapping_sub(1).to_le_bytes();
    let data = pickled.as_slice();
    let named = |names: [&str; 3]| zip(&names.map(|name| (name.to_string(), data)));
    for (what, file, reason) in [
        // The method is deflate; the size that it claims to unfold to is 4 GB.
        (
            "a bomb for a storage",
            changed(&[
                (storage + 8, &[8]),
                (storage_directory + 10, &[8]),
                (storage_directory + 24, huge),
            ]),
            "`model/data/0` is compressed",
        ),
        (
            "a bomb for the pickle",
            changed(&[(8, &[8]), (directory + 10, &[8]), (directory + 24, huge)]),
            "`data.pkl` is compressed",
        ),
        (
            "two sizes",
            changed(&[(storage_directory + 24, &[65])]),
            "compressed",
        ),
        (
            "an encrypted entry",
            changed(&[(storage_directory + 8, &[1])]),
            "compressed",
        ),
        (
            "a size beyond the file",
            changed(&[
                (storage_directory + 20, huge),
                (storage_directory + 24, huge),
            ]),
            "overlap",
        ),
        (
            "a place beyond the file",
            changed(&[(storage_directory + 42, huge)]),
            "cannot be read",
        ),
        (
            "two entries in one place",
            changed(&[(storage_directory + 42, &[0, 0, 0, 0])]),
            "overlap",
        ),
        (
            "two entries of one name",
            named(["m/data.pkl", "m/data.pkl", "m/x"]),
            "same name",
        ),
        (
            "two descriptions",
            named(["m/data.pkl", "n/data.pkl", "m/x"]),
            "without one `data.pkl`",
        ),
        (
            "no description",
            named(["m/data", "m/x", "m/y"]),
            "without one `data.pkl`",
        ),
        (
            "a description further down",
            named(["a/b/data.pkl", "m/x", "m/y"]),
            "without one `data.pkl`",
        ),
        (
            "big-endian numbers",
            archive_with(&pickled, &[("byteorder", b"big")]),
            "big-endian",
        ),
        (
            "a directory of 65 535 entries",
            changed(&[
                (good.len() - 14, &[255, 255]),
                (good.len() - 12, &[255, 255]),
            ]),
            "cannot be read",
        ),
    ] {
        check(what, &file, reason);
    }
    // What is compressed and not needed is nobody's business: it stays as it is.
    let code = archive_with(&pickled, &[("code/model.py", b"never looked at")]);
    let entry = code
        .windows(4)
        .rposition(|four| four == b"PK\x01\x02")
        .unwrap();
    let mut code = code;
    code[entry + 10] = 8;
    code[entry + 24..entry + 28].copy_from_slice(huge);
    let (checkpoint, peak) = peak_of(|| Checkpoint::read(&code).map(|read| read.tensors.len()));
    assert_eq!(checkpoint.unwrap(), 1);
    assert!(peak < 1 << 20, "{peak} bytes of memory");
}

#[test]
fn files_that_are_something_else() {
    let mut tar = vec![b'x'; 600];
    tar[257..262].copy_from_slice(b"ustar");
    for (what, bytes, reason) in [
        ("nothing", b"".as_slice(), "an empty file"),
        (
            "a pointer",
            b"version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 1\n",
            "a Git LFS pointer",
        ),
        (
            "a page",
            b"<!DOCTYPE html>\n<html><body>404</body></html>",
            "a web page",
        ),
        (
            "a page in other letters",
            b"\n <HTML lang=en>",
            "a web page",
        ),
        (
            "an answer in XML",
            b"<?xml version=\"1.0\"?><Error/>",
            "a web page",
        ),
        (
            "JSON",
            b"{\"error\": \"Entry not found\"}",
            "a JSON document",
        ),
        ("an index", b"[1, 2, 3]", "a JSON document"),
        (
            "a packed file",
            b"\x1f\x8b\x08\0\0\0\0\0\0\0",
            "packed by gzip",
        ),
        (
            "an empty archive",
            b"PK\x05\x06\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0",
            "a zip archive without entries",
        ),
        ("a tar", &tar, "a tar archive"),
        ("numpy", b"\x93NUMPY\x01\0v\0{'descr'", "a file of numpy's"),
        (
            "a pickle",
            b"\x80\x04\x95\x0a\0\0\0\0\0\0\0}\x94.",
            "a Python pickle",
        ),
        ("zeros", &[0; 4000], "a file of zeros"),
        (
            "noise",
            b"\x07\x13\x99\xa5\xb1\xc3\xd5\xe7\xf9",
            "9 bytes, beginning with 07 13 99",
        ),
        (
            "half a magic number",
            b"PK",
            "a zip archive without entries",
        ),
    ] {
        check(what, bytes, "this is ");
        check(what, bytes, reason);
    }
}
