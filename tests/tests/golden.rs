//! Walks every case of a golden folder by its JSON file: `tests/golden` of this
//! repository, or the folder named by `CLIPWRIGHT_GOLDEN`. A folder or case that
//! no reader knows is a failure, never a skip.

use clipwright_tests::golden::{self, Files, report};

fn main() {
    let files = Files::read(&golden::root()).expect("the golden folder can be read");
    let cases = files.cases();
    report(
        "golden",
        cases.map(|case| (case.into(), golden::check(&files, case))),
    );
}
