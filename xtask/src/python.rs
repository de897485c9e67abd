//! The Python interpreter and the virtual environments under `target/xtask/venvs`.

use std::env;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use crate::process::output;
use crate::steps::Step;
use crate::wheel::Wheel;
use crate::workspace::{Result, Workspace};

/// The oldest Python that the wheel's stable ABI supports.
const OLDEST: (u32, u32) = (3, 11);
/// Where to look when `REMOTE_STORE_PYTHON` does not say; the oldest supported first,
/// because that is what users have and what the wheel promises.
const CANDIDATES: [&str; 5] = [
    "python3.11",
    "python3",
    "python3.12",
    "python3.13",
    "python3.14",
];

/// A CPython that can make virtual environments.
#[derive(Clone, Debug)]
pub(crate) struct Python {
    program: PathBuf,
    version: (u32, u32),
}

impl Python {
    /// Finds a usable interpreter.
    ///
    /// # Errors
    /// When there is none, or when it lacks `venv` or `pip`; the text says how to get them.
    pub(crate) fn find() -> Result<Self> {
        let named = env::var("REMOTE_STORE_PYTHON")
            .ok()
            .filter(|name| !name.is_empty());
        let python = match &named {
            Some(name) => Self::probe(name).ok_or_else(|| {
                format!("REMOTE_STORE_PYTHON={name} is not a CPython of at least 3.{}", OLDEST.1)
            })?,
            None => CANDIDATES.iter().find_map(|name| Self::probe(name)).ok_or(
                "no CPython 3.11 or newer found: install one (Debian: `apt-get install python3.11 \
                 python3.11-venv`), or name it: `REMOTE_STORE_PYTHON=/path/to/python cargo xtask …`",
            )?,
        };
        output(Command::new(&python.program).args(["-c", "import venv, ensurepip"])).map_err(|_missing| {
            format!(
                "{} cannot make virtual environments, because its modules venv and ensurepip (pip) are missing: \
                 install them (Debian: `apt-get install python3-venv python3-pip`), or name another \
                 interpreter with REMOTE_STORE_PYTHON",
                python.program.display()
            )
        })?;
        Ok(python)
    }

    /// The interpreter called `name`, when it runs and is new enough.
    fn probe(name: &str) -> Option<Self> {
        let code =
            "import sys; print(sys.implementation.name, *sys.version_info[:2], sys.executable)";
        let text = output(Command::new(name).args(["-c", code])).ok()?;
        let mut words = text.trim().splitn(4, ' ');
        if words.next()? != "cpython" {
            return None;
        }
        let version = (words.next()?.parse().ok()?, words.next()?.parse().ok()?);
        let program = PathBuf::from(words.next()?);
        (version >= OLDEST).then_some(Self { program, version })
    }
}

/// A virtual environment that holds what a list of requirements asks for.
#[derive(Debug)]
pub(crate) struct Venv {
    dir: PathBuf,
}

impl Venv {
    /// Makes `target/xtask/venvs/<name>` hold `xtask/requirements/<name>.txt`, pinned by the shared
    /// constraints, and, when given, the wheel. Does nothing when it already does.
    pub(crate) fn ensure(
        workspace: &Workspace,
        name: &str,
        wheel: Option<&Wheel>,
        step: &mut Step,
    ) -> Result<Self> {
        let folder = workspace.root.join("xtask/requirements");
        let files = [
            ("-r", format!("{name}.txt")),
            ("-c", "constraints.txt".to_owned()),
        ];
        Self::holding(
            workspace,
            name,
            &files.map(|(flag, file)| (flag, folder.join(file))),
            wheel,
            step,
        )
    }

    /// The same for `xtask/requirements/locked/<name>.txt`, which names every package itself:
    /// environments that want other versions than the shared ones.
    pub(crate) fn ensure_locked(
        workspace: &Workspace,
        name: &str,
        wheel: Option<&Wheel>,
        step: &mut Step,
    ) -> Result<Self> {
        let file = workspace
            .root
            .join(format!("xtask/requirements/locked/{name}.txt"));
        Self::holding(workspace, name, &[("-r", file)], wheel, step)
    }

    fn holding(
        workspace: &Workspace,
        name: &str,
        files: &[(&str, PathBuf)],
        wheel: Option<&Wheel>,
        step: &mut Step,
    ) -> Result<Self> {
        let python = Python::find()?;
        let dir = workspace.own_dir("venvs")?.join(name);
        let venv = Self { dir };
        let mut wanted = format!(
            "python {}.{} {}\n",
            python.version.0,
            python.version.1,
            python.program.display(),
        );
        for (_, file) in files {
            wanted += &read(file)?;
        }
        if !venv.holds("requirements", &wanted) || !venv.works() {
            if venv.dir.exists() {
                fs::remove_dir_all(&venv.dir)?;
            }
            step.run(
                workspace
                    .command(&python.program, &["-m", "venv"])?
                    .arg(&venv.dir),
            )?;
            let mut install = venv.pip(workspace)?;
            install.arg("--prefer-binary");
            for (flag, file) in files {
                install.arg(flag).arg(file);
            }
            step.run(&mut install)?;
            venv.note("requirements", &wanted)?;
        }
        if let Some(wheel) = wheel
            && !venv.holds("wheel", &wheel.stamp)
        {
            // Its dependencies are in the requirements, so that they are pinned there too.
            step.run(
                venv.pip(workspace)?
                    .args(["--force-reinstall", "--no-deps"])
                    .arg(&wheel.path),
            )?;
            venv.note("wheel", &wheel.stamp)?;
        }
        Ok(venv)
    }

    /// The path of a program of this environment.
    pub(crate) fn program(&self, name: &str) -> PathBuf {
        self.dir.join("bin").join(name)
    }

    /// `python` of this environment with these arguments, started at the root of the checkout.
    pub(crate) fn python(&self, workspace: &Workspace, args: &[&str]) -> Result<Command> {
        workspace.command(self.program("python"), args)
    }

    fn pip(&self, workspace: &Workspace) -> Result<Command> {
        self.python(
            workspace,
            &[
                "-m",
                "pip",
                "install",
                "--disable-pip-version-check",
                "--no-input",
                "--progress-bar=off",
            ],
        )
    }

    /// A folder that was made by an interpreter that is gone does not run any more.
    fn works(&self) -> bool {
        Command::new(self.program("python"))
            .args(["-c", "import pip"])
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .status()
            .is_ok_and(|status| status.success())
    }

    /// Written only after an installation came to its end, so that a broken one is made again.
    fn note(&self, what: &str, text: &str) -> Result<()> {
        Ok(fs::write(self.note_path(what), text)?)
    }

    fn holds(&self, what: &str, text: &str) -> bool {
        fs::read_to_string(self.note_path(what)).is_ok_and(|noted| noted == text)
    }

    fn note_path(&self, what: &str) -> PathBuf {
        self.dir.join(format!("xtask-{what}.txt"))
    }
}

fn read(path: &Path) -> Result<String> {
    fs::read_to_string(path)
        .map_err(|error| format!("cannot read {}: {error}", path.display()).into())
}
