//! Runs that are killed, and disks that are full: nothing is lost, and what comes out is
//! what would have come out.

use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use clipwright_tests::{clipwright, shifted_pictures, succeeds};
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;

/// After this many kills a run is left alone.
const MOST_KILLS: usize = 20;

/// What a run leaves that must not depend on interruptions.
fn outcome(run: &Path) -> Result<(Vec<u8>, String)> {
    let learned = fs::read(run.join("learned.safetensors")).context("no learned file")?;
    let metrics = fs::read_to_string(run.join("metrics.jsonl"))?;
    Ok((learned, metrics))
}

/// Starts a run that takes so `long` again and again, and kills it with SIGKILL, until it
/// ends by itself: every other time at a random moment, else a random moment behind its next
/// checkpoint, so that it gets on, and is not soon done, however fast the machine is. Returns
/// how many of the kills hit it behind its first checkpoint.
fn run_with_kills(
    here: &Path,
    arguments: &str,
    long: Duration,
    random: &mut ChaCha8Rng,
) -> Result<usize> {
    let run = here.join("killed");
    let checkpoint = run.join("checkpoint.safetensors");
    let written = || {
        fs::metadata(&checkpoint)
            .and_then(|file| file.modified())
            .ok()
    };
    let mut hits = 0;
    for attempt in 0..MOST_KILLS {
        let before = written();
        let mut child = Command::new(clipwright()?)
            .args(arguments.split(' '))
            .args(["--out", "killed", "--resume", "--checkpoint-seconds", "0"])
            .current_dir(here)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()?;
        let delay = long.mul_f64(match attempt % 2 {
            0 => random.random_range(0.0..0.1),
            _ => random.random_range(0.0..0.2),
        });
        let mut start = Instant::now();
        while start.elapsed() < delay && child.try_wait()?.is_none() {
            if attempt % 2 == 0 && written() == before {
                start = Instant::now();
            }
            std::thread::sleep(Duration::from_millis(2));
        }
        if let Some(status) = child.try_wait()? {
            ensure!(status.success(), "a resumed run failed: {status}");
            return Ok(hits);
        }
        child.kill()?;
        child.wait()?;
        let learned = run.join("learned.safetensors").exists();
        ensure!(
            !learned || run.join("summary.json").exists(),
            "a learned file without its summary"
        );
        hits += usize::from(checkpoint.exists());
    }
    succeeds(here, &format!("{arguments} --out killed --resume"))?;
    Ok(hits)
}

#[test]
fn a_killed_run_ends_as_if_it_had_not_been() -> Result<()> {
    let folder = shifted_pictures(3)?;
    let here = folder.path();
    let mut random = ChaCha8Rng::seed_from_u64(5);
    let mut kills = 0;
    // Momentum and crops; moments, dropped values and the best weights so far.
    for arguments in [
        "train coop --model tiny --data data --n-ctx 4 --epochs 24 --batch 8",
        "train lora --model tiny --data data --shots 2 --subset base --epochs 16 --batch 4 \
         --patience 20 --rank 2",
    ] {
        let arguments = arguments.split_whitespace().collect::<Vec<_>>().join(" ");
        let begun = Instant::now();
        succeeds(here, &format!("{arguments} --out whole"))?;
        let hits = run_with_kills(here, &arguments, begun.elapsed(), &mut random)?;
        ensure!(
            hits >= 3,
            "{arguments}: only {hits} kills behind a checkpoint"
        );
        kills += hits;
        let (whole, killed) = (
            outcome(&here.join("whole"))?,
            outcome(&here.join("killed"))?,
        );
        ensure!(whole.0 == killed.0, "{arguments}: another learned file");
        ensure!(
            whole.1 == killed.1,
            "{arguments}: {} and {}",
            whole.1,
            killed.1
        );
        fs::remove_dir_all(here.join("whole"))?;
        fs::remove_dir_all(here.join("killed"))?;
    }
    eprintln!("killed {kills} times behind a checkpoint");
    Ok(())
}

#[test]
#[cfg(unix)]
fn a_full_disk_loses_no_earlier_checkpoint() -> Result<()> {
    let folder = shifted_pictures(3)?;
    let here = folder.path();
    let arguments = "train lora --model tiny --data data --shots 1 --subset base --epochs 12 \
                     --batch 5 --rank 4 --checkpoint-seconds 0";
    succeeds(here, &format!("{arguments} --out whole"))?;

    let checkpoint = here.join("run/checkpoint.safetensors");
    let mut child = Command::new(clipwright()?)
        .args(arguments.split_whitespace())
        .args(["--out", "run"])
        .current_dir(here)
        .stderr(Stdio::null())
        .spawn()?;
    let start = Instant::now();
    while !checkpoint.exists() && start.elapsed() < Duration::from_secs(60) {
        std::thread::sleep(Duration::from_millis(1));
    }
    child.kill()?;
    child.wait()?;
    let kept = fs::read(&checkpoint).context("no checkpoint before the end")?;

    // No file may grow over a quarter of a checkpoint: as on a disk that fills up.
    let blocks = (kept.len() / 4 / 1024).max(1);
    let limited = format!("trap '' XFSZ; ulimit -f {blocks}; exec \"$0\" \"$@\"");
    let output = Command::new("bash")
        .args(["-c", &limited])
        .arg(clipwright()?)
        .args(arguments.split_whitespace())
        .args(["--out", "run", "--resume"])
        .current_dir(here)
        .output()?;
    let error = String::from_utf8_lossy(&output.stderr);
    ensure!(
        output.status.code() == Some(1),
        "{:?}: {error}",
        output.status
    );
    ensure!(error.contains("checkpoint.safetensors"), "{error}");
    ensure!(fs::read(&checkpoint)? == kept, "the checkpoint was changed");
    let left: Vec<_> = fs::read_dir(here.join("run"))?
        .filter_map(|entry| Some(entry.ok()?.file_name().to_string_lossy().into_owned()))
        .filter(|name| name.ends_with(".partial"))
        .collect();
    ensure!(left.is_empty(), "left behind: {left:?}");

    succeeds(here, &format!("{arguments} --out run --resume"))?;
    let (whole, run) = (outcome(&here.join("whole"))?, outcome(&here.join("run"))?);
    ensure!(whole == run, "the rest of the run went another way");
    Ok(())
}
