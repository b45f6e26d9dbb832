//! The real browser of the tests: Chromium, and the chromedriver that steers it.

use std::env;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, Result, bail};

use crate::project::{output, succeed, with_hint};

/// A pair that fits.
pub struct Browser {
    pub chromium: PathBuf,
    pub chromedriver: PathBuf,
}

/// The names that Chromium goes by.
const CHROMIUM_NAMES: [&str; 6] = [
    "chromium",
    "chromium-browser",
    "google-chrome",
    "google-chrome-stable",
    "/Applications/Chromium.app/Contents/MacOS/Chromium",
    "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome",
];

const CHROMEDRIVER_NAMES: [&str; 2] = ["chromedriver", "/usr/lib/chromium/chromedriver"];

/// The browser that `CHROMIUM` and `CHROMEDRIVER` name, or one on `PATH`, or one
/// freshly installed.
pub fn find_or_install() -> Result<Browser> {
    let found = (
        find("CHROMIUM", &CHROMIUM_NAMES)?,
        find("CHROMEDRIVER", &CHROMEDRIVER_NAMES)?,
    );
    let browser = match found {
        (Some(chromium), Some(chromedriver)) => Browser {
            chromium,
            chromedriver,
        },
        (chromium, _) => {
            let missing = if chromium.is_none() {
                "Chromium"
            } else {
                "chromedriver"
            };
            install(missing)?;
            let after = "is not on PATH after its installation";
            Browser {
                chromium: find("CHROMIUM", &CHROMIUM_NAMES)?
                    .with_context(|| format!("Chromium {after}"))?,
                chromedriver: find("CHROMEDRIVER", &CHROMEDRIVER_NAMES)?
                    .with_context(|| format!("chromedriver {after}"))?,
            }
        }
    };
    check_versions(&browser)?;
    Ok(browser)
}

/// The program that the variable names, else the first of `names` that runs. An
/// absolute path, because chromedriver takes no other.
fn find(variable: &str, names: &[&str]) -> Result<Option<PathBuf>> {
    let runs = |path: &PathBuf| major_version(path).is_some();
    if let Some(name) = env::var_os(variable).filter(|name| !name.is_empty()) {
        let path = on_path(Path::new(&name)).filter(runs);
        return path.map(Some).with_context(|| {
            format!(
                "{variable} names {}, which does not answer --version\nhint: correct it, or \
                 unset it to search PATH",
                Path::new(&name).display()
            )
        });
    }
    Ok(names
        .iter()
        .filter_map(|name| on_path(Path::new(name)))
        .find(runs))
}

/// The file that `name` stands for: itself if it is a path, else found on `PATH`.
fn on_path(name: &Path) -> Option<PathBuf> {
    let mut name = name.as_os_str().to_owned();
    if !name.to_string_lossy().ends_with(env::consts::EXE_SUFFIX) {
        name.push(env::consts::EXE_SUFFIX);
    }
    let name = PathBuf::from(name);
    if name.components().count() > 1 {
        return name
            .is_file()
            .then(|| std::path::absolute(&name).unwrap_or(name));
    }
    let path = env::var_os("PATH")?;
    env::split_paths(&path)
        .map(|folder| folder.join(&name))
        .find(|file| file.is_file())
}

/// chromedriver refuses a browser of another major version; said here, the reason
/// is plain.
fn check_versions(browser: &Browser) -> Result<()> {
    let chromium = major_version(&browser.chromium);
    let chromedriver = major_version(&browser.chromedriver);
    if chromium != chromedriver {
        let shown = |version: Option<u32>| version.map_or("unknown".into(), |v| v.to_string());
        bail!(
            "{} is of version {}, {} of version {}\nhint: install the two from one source, or name \
             a fitting pair in CHROMIUM and CHROMEDRIVER",
            browser.chromium.display(),
            shown(chromium),
            browser.chromedriver.display(),
            shown(chromedriver),
        );
    }
    Ok(())
}

fn major_version(program: &Path) -> Option<u32> {
    parse_major(&output(Command::new(program).arg("--version")).ok()?)
}

/// The first number before a dot: `Chromium 140.0.7339.80 built on Debian` → 140.
fn parse_major(said: &str) -> Option<u32> {
    said.split_whitespace()
        .find_map(|word| word.split_once('.')?.0.parse().ok())
}

fn install(missing: &str) -> Result<()> {
    let packages = ["chromium", "chromium-driver"];
    let command = format!("apt-get install -y {}", packages.join(" "));
    let hint = format!(
        "install a Chromium and its chromedriver (Debian: `{command}`; Fedora: `dnf install \
         chromium chromedriver`; Arch: `pacman -S chromium`; macOS: `brew install --cask chromium \
         chromedriver`), or name them in CHROMIUM and CHROMEDRIVER"
    );
    if !runs(Command::new("apt-get").arg("--version")) {
        bail!("{missing} is missing: the tests open the page in a real browser\nhint: {hint}");
    }
    let apt: &[&str] = if runs_as_root() {
        &["apt-get"]
    } else if runs(Command::new("sudo").args(["-n", "true"])) {
        &["sudo", "-n", "apt-get"]
    } else {
        bail!(
            "{missing} is missing: the tests open the page in a real browser, and installing it \
             needs root\nhint: {hint}"
        );
    };
    eprintln!(
        "setup: installing {} with apt-get: the tests open the page in a real browser",
        packages.join(" and ")
    );
    let apt_get = |arguments: &[&str]| {
        let mut command = Command::new(apt[0]);
        command
            .args(&apt[1..])
            .args(arguments)
            .env("DEBIAN_FRONTEND", "noninteractive");
        succeed(&mut command, "installing the browser").map_err(|error| with_hint(error, &hint))
    };
    apt_get(&["update", "-qq"])?;
    apt_get(
        &[
            &["install", "-y", "-qq", "--no-install-recommends"][..],
            &packages,
        ]
        .concat(),
    )
}

fn runs_as_root() -> bool {
    output(Command::new("id").arg("-u")).is_ok_and(|id| id.trim() == "0")
}

fn runs(command: &mut Command) -> bool {
    let quiet = command
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null());
    quiet.status().is_ok_and(|status| status.success())
}

#[cfg(test)]
mod tests {
    use super::parse_major;

    #[test]
    fn the_major_version_is_the_first_dotted_number() {
        assert_eq!(
            parse_major("Chromium 140.0.7339.80 built on Debian 12"),
            Some(140)
        );
        assert_eq!(
            parse_major("ChromeDriver 139.0.1 (a.b-refs/heads@{#1})"),
            Some(139)
        );
        assert_eq!(parse_major("nothing here"), None);
    }
}
