//! Event files, read back by a reader that shares no code with the writer.

use std::fs;
use std::path::Path;

use clipwright::report::tensorboard::EventFile;

/// A field of a message: its number with its value.
#[derive(Debug, Clone, PartialEq)]
enum Field {
    Varint(u64),
    Eight([u8; 8]),
    Bytes(Vec<u8>),
    Four([u8; 4]),
}

/// The fields of a message, in order.
fn fields(mut bytes: &[u8]) -> Vec<(u64, Field)> {
    fn varint(bytes: &mut &[u8]) -> u64 {
        let mut value = 0;
        for shift in (0..64).step_by(7) {
            let byte = bytes[0];
            *bytes = &bytes[1..];
            value |= u64::from(byte & 0x7f) << shift;
            if byte & 0x80 == 0 {
                return value;
            }
        }
        panic!("a number without an end");
    }
    fn take<'a>(bytes: &mut &'a [u8], count: usize) -> &'a [u8] {
        let (taken, rest) = bytes.split_at(count);
        *bytes = rest;
        taken
    }
    let mut fields = Vec::new();
    while !bytes.is_empty() {
        let key = varint(&mut bytes);
        let value = match key & 7 {
            0 => Field::Varint(varint(&mut bytes)),
            1 => Field::Eight(take(&mut bytes, 8).try_into().unwrap()),
            2 => {
                let length = varint(&mut bytes) as usize;
                Field::Bytes(take(&mut bytes, length).into())
            }
            5 => Field::Four(take(&mut bytes, 4).try_into().unwrap()),
            other => panic!("wire type {other}"),
        };
        fields.push((key >> 3, value));
    }
    fields
}

/// The field at the end of a path of nested fields.
fn at(message: &[u8], path: &[u64]) -> Option<Field> {
    let (number, rest) = path.split_first().unwrap();
    let (_, field) = fields(message)
        .into_iter()
        .find(|field| field.0 == *number)?;
    match (rest, &field) {
        ([], _) => Some(field),
        (rest, Field::Bytes(inner)) => at(inner, rest),
        _ => panic!("field {number} is no message"),
    }
}

fn text(message: &[u8], path: &[u64]) -> Option<String> {
    match at(message, path)? {
        Field::Bytes(bytes) => Some(String::from_utf8(bytes).unwrap()),
        other => panic!("{other:?} is no text"),
    }
}

/// CRC-32C, bit by bit, masked as TensorFlow does.
fn masked(data: &[u8]) -> u32 {
    let mut crc = u32::MAX;
    for byte in data {
        crc ^= u32::from(*byte);
        for _ in 0..8 {
            crc = (crc >> 1) ^ (0x82f6_3b78 & (crc & 1).wrapping_neg());
        }
    }
    (!crc).rotate_right(15).wrapping_add(0xa282_ead8)
}

/// The events of a file, every checksum checked.
fn events(path: &Path) -> Vec<Vec<u8>> {
    let bytes = fs::read(path).unwrap();
    let mut rest = &bytes[..];
    let mut events = Vec::new();
    while !rest.is_empty() {
        let number = |from: usize| u32::from_le_bytes(rest[from..from + 4].try_into().unwrap());
        let length = u64::from_le_bytes(rest[..8].try_into().unwrap()) as usize;
        assert_eq!(number(8), masked(&rest[..8]), "the length's checksum");
        let data = &rest[12..12 + length];
        assert_eq!(number(12 + length), masked(data), "the data's checksum");
        events.push(data.to_vec());
        rest = &rest[16 + length..];
    }
    events
}

/// The files of a folder in the order of their names, which is TensorBoard's.
fn files(folder: &Path) -> Vec<std::path::PathBuf> {
    let entries = fs::read_dir(folder).unwrap();
    let mut paths: Vec<_> = entries.map(|entry| entry.unwrap().path()).collect();
    paths.sort();
    paths
}

#[test]
fn the_checksum_is_the_standard_one() {
    // RFC 3720, B.4: 32 bytes of zeros, of ones.
    let unmasked = |data: &[u8]| masked(data).wrapping_sub(0xa282_ead8).rotate_left(15);
    assert_eq!(unmasked(&[0; 32]), 0x8a91_36aa);
    assert_eq!(unmasked(&[0xff; 32]), 0x62a8_ab43);
}

#[test]
fn events_are_read_back() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path().join("new/tensorboard");
    let mut file = EventFile::create(&folder).unwrap();
    let scalars = [
        (0, "loss", 2.5),
        (1, "loss", -0.125),
        (300, "validation/accuracy", 0.8125),
        (u64::from(u32::MAX) + 1, "größe", f64::INFINITY),
    ];
    for (step, tag, value) in scalars {
        file.scalar(step, tag, value).unwrap();
    }
    file.text("plan", "a *plan*").unwrap();
    let png = [0x89, b'P', b'N', b'G', 0, 0xff];
    file.image(7, "view", &png, 640, 48).unwrap();
    file.flush().unwrap();

    let events = events(file.path());
    assert_eq!(text(&events[0], &[3]).as_deref(), Some("brain.Event:2"));
    for event in &events {
        let Some(Field::Eight(time)) = at(event, &[1]) else {
            panic!("no time");
        };
        assert!(f64::from_le_bytes(time) > 1.6e9, "seconds since 1970");
    }
    for ((step, tag, value), event) in scalars.iter().zip(&events[1..]) {
        assert_eq!(at(event, &[2]), Some(Field::Varint(*step)), "{tag}");
        assert_eq!(text(event, &[5, 1, 1]).as_deref(), Some(*tag));
        let Some(Field::Four(bytes)) = at(event, &[5, 1, 2]) else {
            panic!("{tag} has no value");
        };
        assert_eq!(f64::from(f32::from_le_bytes(bytes)), *value, "{tag}");
    }
    let [written, image] = &events[5..] else {
        panic!("{} events", events.len());
    };
    assert_eq!(text(written, &[5, 1, 1]).as_deref(), Some("plan"));
    assert_eq!(text(written, &[5, 1, 9, 1, 1]).as_deref(), Some("text"));
    assert_eq!(
        at(written, &[5, 1, 8, 1]),
        Some(Field::Varint(7)),
        "a string"
    );
    assert_eq!(
        at(written, &[5, 1, 8, 2, 2, 1]),
        Some(Field::Varint(1)),
        "one of them"
    );
    assert_eq!(text(written, &[5, 1, 8, 8]).as_deref(), Some("a *plan*"));
    assert_eq!(at(image, &[2]), Some(Field::Varint(7)));
    assert_eq!(at(image, &[5, 1, 4, 1]), Some(Field::Varint(48)), "height");
    assert_eq!(at(image, &[5, 1, 4, 2]), Some(Field::Varint(640)), "width");
    assert_eq!(at(image, &[5, 1, 4, 4]), Some(Field::Bytes(png.into())));
}

#[test]
fn a_resumed_run_goes_on_in_a_file_of_its_own() {
    let folder = tempfile::tempdir().unwrap();
    let mut first = EventFile::create(folder.path()).unwrap();
    first.scalar(1, "loss", 1.0).unwrap();
    first.flush().unwrap();
    let before = fs::read(first.path()).unwrap();
    let mut paths = vec![first.path().to_owned()];
    for step in 5..8 {
        let mut file = EventFile::resume(folder.path(), step).unwrap();
        file.scalar(step, "loss", 0.5).unwrap();
        file.flush().unwrap();
        let events = events(file.path());
        assert_eq!(text(&events[0], &[3]).as_deref(), Some("brain.Event:2"));
        assert_eq!(at(&events[1], &[2]), Some(Field::Varint(step)));
        assert_eq!(
            at(&events[1], &[7, 1]),
            Some(Field::Varint(1)),
            "a session starts"
        );
        assert_eq!(events.len(), 3);
        paths.push(file.path().to_owned());
    }
    assert_eq!(
        files(folder.path()),
        paths,
        "in the order they were written"
    );
    let name = paths[0].file_name().unwrap().to_string_lossy().into_owned();
    assert!(name.starts_with("events.out.tfevents."), "{name}");
    assert_eq!(
        fs::read(&paths[0]).unwrap(),
        before,
        "the first is untouched"
    );
}

#[test]
fn a_folder_that_cannot_be_written_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("file");
    fs::write(&file, "").unwrap();
    let Err(error) = EventFile::create(&file.join("tensorboard")) else {
        panic!("a file is no folder");
    };
    assert!(format!("{error:#}").contains("tensorboard"), "{error:#}");
}
