//! Files cut or changed at random, and those that fuzzing found.

use clipwright_shared::formats::{Checkpoint, Container};
use clipwright_tests::repository_root;
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;

use super::samples::*;
use super::targets::{TARGETS, checkpoint};
use super::{BYTES_AT_LEAST, BYTES_PER_BYTE, peak_of, refused};

/// A small file of each container: our own, and what PyTorch wrote.
fn small_files() -> Vec<(&'static str, Vec<u8>)> {
    let golden = repository_root().join("tests/golden/interop");
    let golden = |name: &str| std::fs::read(golden.join(name)).unwrap();
    vec![
        ("an archive", archive(&state_dict())),
        ("a TorchScript archive", torch_script(&script_module())),
        ("the old container", legacy(&state_dict())),
        ("PyTorch's archive", golden("torch_save_mixed.pt")),
        (
            "PyTorch's old container",
            golden("torch_save_mixed_legacy.pt"),
        ),
        (
            "safetensors",
            golden("torch_save_mixed.expected.safetensors"),
        ),
    ]
}

#[test]
fn a_download_cut_at_any_byte() {
    for (what, file) in small_files() {
        for length in 0..file.len() {
            let error = refused(&format!("{what} cut at {length}"), &file[..length]);
            assert!(error.hint().is_some() && !error.to_string().is_empty());
        }
    }
}

#[test]
fn random_changes() {
    for (what, file) in small_files() {
        let mut random = ChaCha8Rng::seed_from_u64(7);
        let (mut read, mut refused) = (0, 0);
        for round in 0..20_000 {
            let mut changed = file.clone();
            for _ in 0..random.random_range(1..5) {
                let at = random.random_range(0..changed.len());
                changed[at] = match random.random_range(0..3) {
                    0 => random.random(),
                    1 => changed[at] ^ (1 << random.random_range(0..8)),
                    _ => [0, 1, 0x7f, 0x80, 0xff][random.random_range(0..5)],
                };
            }
            let (result, peak) = peak_of(|| Checkpoint::read(&changed).map(drop));
            let most = file.len() * BYTES_PER_BYTE + BYTES_AT_LEAST;
            assert!(
                peak <= most,
                "{what}, round {round}: {peak} bytes of memory"
            );
            match result {
                Ok(()) => read += 1,
                Err(_) => refused += 1,
            }
            checkpoint(&changed);
        }
        // Changes of the numbers themselves go unseen, those of their description not.
        assert!(
            read > 100 && refused > 100,
            "{what}: {read} read, {refused} refused"
        );
    }
}

#[test]
fn what_fuzzing_kept() {
    let corpus = repository_root().join("tests/fuzz/corpus");
    for (name, target) in TARGETS {
        let folder = corpus.join(name);
        let entries = std::fs::read_dir(&folder).expect("every target has a corpus");
        let mut inputs = 0;
        for entry in entries {
            target(&std::fs::read(entry.unwrap().path()).unwrap());
            inputs += 1;
        }
        assert!(inputs >= 10, "{inputs} inputs in {}", folder.display());
    }
}

#[test]
fn numbers_that_are_none() {
    use candle_core::Device;
    use clipwright_shared::{Error, clip::Weights};
    let model = repository_root().join("static/model/tiny.safetensors");
    let mut model = std::fs::read(model).unwrap();
    assert!(Weights::from_bytes(&model, &Device::Cpu).is_ok());
    assert_eq!(
        Checkpoint::read(&model).unwrap().container,
        Container::Safetensors
    );
    // The last number of the last tensor: NaN as f16.
    let end = model.len();
    model[end - 2..].copy_from_slice(&0x7e00_u16.to_le_bytes());
    let error = Weights::from_bytes(&model, &Device::Cpu)
        .map(drop)
        .unwrap_err();
    assert!(
        matches!(error, Error::NotFinite { count: 1, .. }),
        "{error}"
    );
    assert!(error.hint().is_some());
}
