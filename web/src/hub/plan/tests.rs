use std::collections::BTreeMap;
use std::fs;

use candle_core::Device;
use clipwright_shared::clip::{Configuration, ModelFile};
use clipwright_shared::formats::{Checkpoint, StoredType};
use safetensors::tensor::{Dtype, TensorView};

use super::{CHUNK_BYTES, Header, HeaderProbe, Plan, SMALLEST_CHUNK};

fn golden(path: &str) -> Vec<u8> {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../tests/golden/");
    fs::read(format!("{folder}{path}")).unwrap()
}

fn configuration(path: &str) -> Configuration {
    Configuration {
        name: path.into(),
        json: String::from_utf8(golden(path)).unwrap(),
    }
}

fn header(file: &[u8]) -> Header {
    match HeaderProbe::read(file).unwrap() {
        HeaderProbe::Whole(header) => header,
        needs => panic!("{needs:?}"),
    }
}

/// A safetensors file of `tensors`.
fn file(tensors: &BTreeMap<String, (Dtype, Vec<usize>, Vec<u8>)>) -> Vec<u8> {
    let views = tensors.iter().map(|(name, (dtype, dims, bytes))| {
        (name, TensorView::new(*dtype, dims.clone(), bytes).unwrap())
    });
    safetensors::serialize(views, None).unwrap()
}

fn tensors(file: &[u8]) -> BTreeMap<String, (Dtype, Vec<usize>, Vec<u8>)> {
    let read = Checkpoint::read(file).unwrap();
    let tensors = read.tensors.into_iter().map(|(name, tensor)| {
        let dtype = match tensor.dtype {
            StoredType::F32 => Dtype::F32,
            StoredType::F16 => Dtype::F16,
            StoredType::I64 => Dtype::I64,
            other => panic!("{other:?}"),
        };
        (
            name,
            (
                dtype,
                tensor.dims.clone(),
                tensor.contiguous_bytes().into_owned(),
            ),
        )
    });
    tensors.collect()
}

/// The file that the plan makes of whole files.
fn made(plan: &Plan, files: &[(&str, &[u8])]) -> Vec<u8> {
    let mut made = plan.head();
    for part in &plan.parts {
        let (_, file) = files.iter().find(|(name, _)| *name == part.file).unwrap();
        assert_eq!(part.file_bytes, file.len() as u64);
        for &(from, to) in &part.spans {
            made.extend_from_slice(&file[from as usize..to as usize]);
        }
    }
    made
}

fn plan(files: &[(&str, &[u8])], configurations: &[Configuration]) -> Plan {
    let headers: Vec<(String, Header)> = files
        .iter()
        .map(|(name, file)| (name.to_string(), header(file)))
        .collect();
    Plan::of_safetensors(&headers, configurations).unwrap()
}

fn fingerprint(file: &[u8]) -> String {
    let model = ModelFile::open(vec![Checkpoint::read(file).unwrap()], &[]).unwrap();
    let weights = model.weights(&Device::Cpu, &mut |_, _| {}).unwrap();
    weights.fingerprint().unwrap()
}

#[test]
fn the_file_that_is_made_is_the_same_model() {
    for (path, configurations) in [
        (
            "hf/vit_a/model.safetensors",
            vec![configuration("hf/vit_a/config.json")],
        ),
        ("clip/vit_a.weights.safetensors", vec![]),
        ("clip/rn_1211_w6.weights.safetensors", vec![]),
        ("open_clip/vit_gelu_customtext.weights.safetensors", vec![]),
    ] {
        let whole = golden(path);
        let plan = plan(&[(path, &whole)], &configurations);
        let made = made(&plan, &[(path, &whole)]);
        let read = |file: &[u8]| tensors(file);
        let (all, kept) = (read(&whole), read(&made));
        for (name, tensor) in &kept {
            assert_eq!(Some(tensor), all.get(name), "{path}: {name}");
        }
        for name in all.keys().filter(|name| !kept.contains_key(*name)) {
            assert!(
                name.contains("num_batches_tracked") || name.contains("position_ids"),
                "{name}"
            );
        }
        assert_eq!(
            plan.bytes() as usize,
            made.len() - plan.head().len(),
            "{path}"
        );
    }
}

#[test]
fn what_a_clip_has_not_is_left_out() {
    let path = "hf/vit_a/model.safetensors";
    let configurations = [configuration("hf/vit_a/config.json")];
    let original = golden(path);
    let mut all = tensors(&original);
    let ids = (Dtype::I64, vec![1, 77], vec![0; 77 * 8]);
    all.insert("text_model.embeddings.position_ids".into(), ids);
    let with_buffers = file(&all);
    let plain = plan(&[(path, &original)], &configurations);
    let plan = plan(&[(path, &with_buffers)], &configurations);
    assert_eq!(plan.bytes(), plain.bytes());
    let made = made(&plan, &[(path, &with_buffers)]);
    assert!(!tensors(&made).contains_key("text_model.embeddings.position_ids"));
    assert_eq!(fingerprint(&made), fingerprint(&original));
}

#[test]
fn shards_become_one_file() {
    let original = golden("clip/vit_a.weights.safetensors");
    let (mut first, mut second) = (BTreeMap::new(), BTreeMap::new());
    for (at, (name, tensor)) in tensors(&original).into_iter().enumerate() {
        let shard = if at % 3 == 0 { &mut first } else { &mut second };
        shard.insert(name, tensor);
    }
    let (first, second) = (file(&first), file(&second));
    let files = [
        ("a.safetensors", &first[..]),
        ("b.safetensors", &second[..]),
    ];
    let plan = plan(&files, &[]);
    assert_eq!(plan.parts.len(), 2);
    let made = made(&plan, &files);
    assert_eq!(fingerprint(&made), fingerprint(&original));
    // One of them alone is no model.
    let alone = Plan::of_safetensors(&[("a".into(), header(&first))], &[]);
    assert!(alone.is_err());
}

#[test]
fn what_the_worker_would_refuse_is_refused_before_the_download() {
    let original = golden("clip/vit_a.weights.safetensors");
    let all = tensors(&original);
    let without = |end: &str| {
        let mut some = all.clone();
        some.retain(|name, _| !name.starts_with(end));
        file(&some)
    };
    let with = |name: &str| {
        let mut more = all.clone();
        more.insert(name.into(), (Dtype::F32, vec![1], vec![0; 4]));
        file(&more)
    };
    for (bytes, words) in [
        (without("visual."), "only the text encoder"),
        (without("transformer."), "transformer.resblocks.0"),
        (without("logit_scale"), "`logit_scale` is missing"),
        (with("logit_bias"), "`logit_bias` [1] is not a CLIP's"),
        (
            file(&BTreeMap::from([(
                "lm_head".into(),
                all["logit_scale"].clone(),
            )])),
            "no CLIP",
        ),
    ] {
        let problem = Plan::of_safetensors(&[("x".into(), header(&bytes))], &[]).unwrap_err();
        assert!(problem.message.contains(words), "{words}: {problem:?}");
        assert!(problem.hint.is_some());
    }
    let headers = [
        ("x".to_string(), header(&original)),
        ("y".to_string(), header(&original)),
    ];
    let problem = Plan::of_safetensors(&headers, &[]).unwrap_err();
    assert!(
        problem.message.contains("in two of its files"),
        "{problem:?}"
    );
}

#[test]
fn a_header_is_read_from_the_first_bytes() {
    let file = golden("clip/vit_a.weights.safetensors");
    let length = u64::from_le_bytes(file[..8].try_into().unwrap());
    let needs = HeaderProbe::read(&file[..100]).unwrap();
    assert_eq!(needs, HeaderProbe::Needs(8 + length));
    let whole = HeaderProbe::read(&file[..8 + length as usize]).unwrap();
    assert_eq!(whole, HeaderProbe::read(&file).unwrap());
    for bytes in [
        &b""[..],
        b"short",
        b"<!doctype html>",
        &[0xff; 100],
        b"\xff\xff\xff\xff\xff\xff\xff\xff{",
    ] {
        assert!(HeaderProbe::read(bytes).is_err(), "{bytes:?}");
    }
}

#[test]
fn chunks_are_neither_many_nor_large() {
    for bytes in [1, SMALLEST_CHUNK, 3_000_000, 600_000_000, 1_700_000_000] {
        let plan = Plan::whole("model.pt", bytes);
        assert!(
            (SMALLEST_CHUNK..=CHUNK_BYTES).contains(&plan.chunk_bytes),
            "{bytes}"
        );
        let lengths = (0..plan.chunks()).map(|number| plan.chunk(number));
        let sum: u64 = lengths.map(|chunk| chunk.end - chunk.start).sum();
        assert_eq!(sum, bytes);
        assert_eq!(plan.head(), Vec::<u8>::new());
    }
}
