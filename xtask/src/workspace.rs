//! Where things are: the checkout, cargo's target folder and the corner of it that tasks own.

use std::error::Error;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::{env, fs};

use cargo_metadata::{Metadata, MetadataCommand};
use xshell::{Cmd, Shell};

/// Any failure of a task; its text is what the person reads.
pub(crate) type Result<T> = std::result::Result<T, Box<dyn Error + Send + Sync>>;

/// The checkout and its build folder.
#[derive(Debug)]
pub(crate) struct Workspace {
    /// The folder of the root `Cargo.toml`.
    pub(crate) root: PathBuf,
    /// Cargo's target folder, `CARGO_TARGET_DIR` included.
    pub(crate) target: PathBuf,
}

impl Workspace {
    /// Finds the workspace that this binary was built from.
    pub(crate) fn locate() -> Result<Self> {
        let manifest = Path::new(env!("CARGO_MANIFEST_DIR")).join("../Cargo.toml");
        let metadata = MetadataCommand::new()
            .manifest_path(manifest.canonicalize()?)
            .no_deps()
            .exec()?;
        Ok(Self {
            root: metadata.workspace_root.into_std_path_buf(),
            target: metadata.target_directory.into_std_path_buf(),
        })
    }

    /// The whole dependency graph, locked: a task never changes `Cargo.lock`.
    pub(crate) fn metadata(&self) -> Result<Metadata> {
        Ok(MetadataCommand::new()
            .manifest_path(self.root.join("Cargo.toml"))
            .other_options(vec!["--locked".to_owned()])
            .exec()?)
    }

    /// A folder below `target/xtask`, made when it is not there.
    pub(crate) fn own_dir(&self, relative: &str) -> Result<PathBuf> {
        let dir = self.target.join("xtask").join(relative);
        fs::create_dir_all(&dir)
            .map_err(|error| format!("cannot create {}: {error}", dir.display()))?;
        Ok(dir)
    }

    /// A shell whose working folder is the root of the checkout.
    pub(crate) fn shell(&self) -> Result<Shell> {
        let shell = Shell::new()?;
        shell.change_dir(&self.root);
        Ok(shell)
    }

    /// `cargo` with these arguments, started at the root.
    pub(crate) fn cargo(&self, args: &[&str]) -> Result<Command> {
        let cargo = env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
        Ok(plain(self.shell()?.cmd(cargo).args(args)))
    }

    /// Any program with these arguments, started at the root.
    pub(crate) fn command(&self, program: impl AsRef<Path>, args: &[&str]) -> Result<Command> {
        Ok(plain(self.shell()?.cmd(program).args(args)))
    }

    /// `path` as seen from the root, for messages.
    pub(crate) fn relative<'a>(&self, path: &'a Path) -> std::path::Display<'a> {
        path.strip_prefix(&self.root).unwrap_or(path).display()
    }
}

/// The command without what `cargo run` put into our environment: build scripts that watch
/// `CARGO_MANIFEST_DIR` or `CARGO_PKG_*` would rebuild their crates on each change of caller.
fn plain(cmd: Cmd<'_>) -> Command {
    let mut command = Command::from(cmd);
    for (name, _) in env::vars_os() {
        let text = name.to_string_lossy();
        if text == "CARGO_MANIFEST_DIR"
            || text == "CARGO_MANIFEST_PATH"
            || text == "CARGO_PRIMARY_PACKAGE"
            || text == "CARGO_CRATE_NAME"
            || text == "CARGO_BIN_NAME"
            || text.starts_with("CARGO_PKG_")
        {
            command.env_remove(&name);
        }
    }
    command
}
