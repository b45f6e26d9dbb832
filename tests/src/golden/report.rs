//! What the golden tests print: the form of Rust's own test runner.

use anyhow::Result;

/// Prints an outcome for each case and the sum, and ends the process with a
/// failure unless all cases passed and there was one.
pub fn report(kind: &str, outcomes: impl Iterator<Item = (String, Result<()>)>) {
    let (mut passed, mut failed) = (0, 0);
    println!();
    for (case, outcome) in outcomes {
        match outcome {
            Ok(()) => {
                passed += 1;
                println!("test {kind} {case} ... ok");
            }
            Err(error) => {
                failed += 1;
                println!("test {kind} {case} ... FAILED\n    {error:#}");
            }
        }
    }
    let verdict = if failed == 0 { "ok" } else { "FAILED" };
    println!(
        "\ntest result: {verdict}. {passed} passed; {failed} failed; 0 ignored; 0 measured; 0 filtered out"
    );
    if failed > 0 || passed == 0 {
        std::process::exit(1);
    }
}
