//! CPython's random numbers and Dassl's few-shot draws.

use anyhow::{Context, Result, ensure};
use clipwright::data::Subset;
use clipwright::data::few_shot::draw;
use clipwright::data::python_random::PythonRandom;
use serde_json::Value;

use super::case::Case;

pub fn check_random(case: &Case) -> Result<()> {
    let seeds = case.json.as_array().context("no seeds")?;
    ensure!(!seeds.is_empty(), "no seeds");
    for golden in seeds {
        check_seed(golden).with_context(|| format!("seed {}", golden["seed"]))?;
    }
    Ok(())
}

fn check_seed(golden: &Value) -> Result<()> {
    let seed = golden["seed"].as_u64().context("no seed")?;
    // The lists were drawn one after the other, in the order of the file.
    let mut random = PythonRandom::new(seed);
    for (key, expected) in golden.as_object().context("no object")? {
        if key == "seed" {
            continue;
        }
        let numbers = expected
            .as_array()
            .with_context(|| format!("{key} is no list"))?;
        let parts: Vec<&str> = key.split('_').collect();
        let size = |at: usize| parts.get(at).and_then(|part| part.parse::<usize>().ok());
        let count = numbers.len();
        let got: Vec<f64> = match (parts[0], size(1), size(2)) {
            ("random", None, None) => (0..count).map(|_| random.random()).collect(),
            ("getrandbits32", None, None) => (0..count).map(|_| random.bits(32).into()).collect(),
            ("randrange", Some(n), None) => (0..count).map(|_| random.below(n) as f64).collect(),
            ("sample", Some(n), Some(k)) => as_numbers(&random.sample(n, k)),
            ("choices", Some(n), Some(k)) => as_numbers(&random.choices(n, k)),
            ("shuffle", Some(n), None) => {
                let mut items: Vec<usize> = (0..n).collect();
                random.shuffle(&mut items);
                as_numbers(&items)
            }
            _ => anyhow::bail!("no reader for {key}"),
        };
        let expected: Option<Vec<f64>> = numbers.iter().map(Value::as_f64).collect();
        ensure!(
            Some(&got) == expected.as_ref(),
            "{key}: {got:?}; expected {expected:?}"
        );
    }
    Ok(())
}

fn as_numbers(indices: &[usize]) -> Vec<f64> {
    indices.iter().map(|&index| index as f64).collect()
}

pub fn check_draws(case: &Case) -> Result<()> {
    let labels = |key: &str| -> Result<Vec<usize>> {
        let items = case.json[key]
            .as_array()
            .with_context(|| format!("no {key}"))?;
        items
            .iter()
            .map(|item| Ok(item[1].as_u64().context("no label")? as usize))
            .collect()
    };
    let (train, val) = (labels("train")?, labels("val")?);
    let cases = case.json["cases"].as_array().context("no cases")?;
    ensure!(!cases.is_empty(), "no cases");
    for golden in cases {
        let number = |key: &str| golden[key].as_u64().with_context(|| format!("no {key}"));
        let repeat = golden["repeat"].as_bool().context("no repeat")?;
        let mut random = PythonRandom::new(number("seed")?);
        let drawn = draw(&train, number("num_shots")? as usize, repeat, &mut random);
        ensure!(
            indices(golden, "train_indices")? == drawn,
            "train of {golden}: {drawn:?}"
        );
        let drawn = draw(&val, number("val_shots")? as usize, repeat, &mut random);
        ensure!(
            indices(golden, "val_indices")? == drawn,
            "val of {golden}: {drawn:?}"
        );
    }
    let classes = case.json["class_sizes"]
        .as_array()
        .context("no class_sizes")?
        .len();
    for (name, subset) in [
        ("all", Subset::All),
        ("base", Subset::Base),
        ("new", Subset::New),
    ] {
        let range = subset.labels(classes);
        let expected = &case.json["subsample"][name];
        let names: Vec<String> = range.clone().map(|class| format!("class{class}")).collect();
        let listed: Vec<&str> = expected["classes"]
            .as_array()
            .context("no classes")?
            .iter()
            .filter_map(Value::as_str)
            .collect();
        ensure!(names == listed, "{name}: {names:?}; expected {listed:?}");
        let count = train.iter().filter(|label| range.contains(label)).count();
        ensure!(
            expected["n_train"].as_u64() == Some(count as u64),
            "{name}: {count} in train"
        );
    }
    Ok(())
}

fn indices(golden: &Value, key: &str) -> Result<Vec<usize>> {
    let list = golden[key]
        .as_array()
        .with_context(|| format!("no {key}"))?;
    list.iter()
        .map(|index| Ok(index.as_u64().context("no index")? as usize))
        .collect()
}
