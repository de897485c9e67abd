//! The one release wheel that every environment shares, built again only when its sources changed.

use std::collections::hash_map::DefaultHasher;
use std::fs;
use std::hash::{Hash, Hasher};
use std::path::{Path, PathBuf};

use crate::python::Venv;
use crate::steps::{Step, Steps};
use crate::workspace::{Result, Workspace};

/// A built wheel.
#[derive(Debug)]
pub(crate) struct Wheel {
    pub(crate) path: PathBuf,
    /// Names the sources it was built from; environments compare it with what they hold.
    pub(crate) stamp: String,
}

/// `cargo xtask wheel`.
pub(crate) fn run(workspace: &Workspace) -> Result<bool> {
    let mut steps = Steps::aside(workspace, "wheel")?;
    let wheel = steps.run("release wheel", |step| ensure(workspace, step));
    if let Some(wheel) = &wheel {
        println!("{}", wheel.path.display());
    }
    Ok(wheel.is_some())
}

/// The wheel of the current sources.
pub(crate) fn ensure(workspace: &Workspace, step: &mut Step) -> Result<Wheel> {
    let dir = workspace.own_dir("wheels")?;
    let stamp = sources_stamp(&workspace.root)?;
    let stamp_file = dir.join("built-from.txt");
    if let Ok(noted) = fs::read_to_string(&stamp_file)
        && noted == stamp
        && let Some(path) = wheel_in(&dir)?
    {
        return Ok(Wheel { path, stamp });
    }

    let tools = Venv::ensure(workspace, "tools", None, step)?;
    for entry in fs::read_dir(&dir)? {
        fs::remove_file(entry?.path())?;
    }
    let mut build = workspace.command(
        tools.program("maturin"),
        &["build", "--release", "--locked"],
    )?;
    build
        .args(["--manifest-path", "crates/py-bindings/Cargo.toml", "--out"])
        .arg(&dir);
    build.arg("--interpreter").arg(tools.program("python"));
    if cfg!(target_os = "linux") {
        // For this machine only: what is published is built against an old glibc elsewhere.
        build.args(["--compatibility", "linux"]);
    }
    step.run(&mut build)?;
    let path =
        wheel_in(&dir)?.ok_or_else(|| format!("maturin left no wheel in {}", dir.display()))?;
    fs::write(&stamp_file, &stamp)?;
    Ok(Wheel { path, stamp })
}

fn wheel_in(dir: &Path) -> Result<Option<PathBuf>> {
    for entry in fs::read_dir(dir)? {
        let path = entry?.path();
        if path.extension().is_some_and(|extension| extension == "whl") {
            return Ok(Some(path));
        }
    }
    Ok(None)
}

/// A hash over names and contents of everything that goes into the wheel.
fn sources_stamp(root: &Path) -> Result<String> {
    let mut files = vec![
        root.join("Cargo.toml"),
        root.join("Cargo.lock"),
        root.join("rust-toolchain.toml"),
        root.join("crates/py-bindings/pyproject.toml"),
        root.join("crates/py-bindings/README.md"),
    ];
    for entry in fs::read_dir(root.join("crates"))? {
        let krate = entry?.path();
        files.push(krate.join("Cargo.toml"));
        collect(&krate.join("src"), &mut files)?;
        collect(&krate.join("python"), &mut files)?;
    }
    files.sort();
    let mut hasher = DefaultHasher::new();
    for file in files.iter().filter(|file| file.is_file()) {
        file.strip_prefix(root)?.hash(&mut hasher);
        fs::read(file)?.hash(&mut hasher);
    }
    Ok(format!("{:016x}", hasher.finish()))
}

fn collect(dir: &Path, files: &mut Vec<PathBuf>) -> Result<()> {
    if !dir.is_dir() {
        return Ok(());
    }
    for entry in fs::read_dir(dir)? {
        let path = entry?.path();
        let hidden = path
            .file_name()
            .is_some_and(|name| name == "__pycache__" || name.to_string_lossy().starts_with('.'));
        let built = path
            .extension()
            .is_some_and(|extension| extension == "pyc" || extension == "so");
        if path.is_dir() && !hidden {
            collect(&path, files)?;
        } else if path.is_file() && !built {
            files.push(path);
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::{fs, sources_stamp};
    use crate::workspace::Workspace;

    #[test]
    fn the_stamp_changes_with_a_source_and_not_with_a_cache() {
        let root = std::env::temp_dir().join(format!("xtask-stamp-{}", std::process::id()));
        let source = root.join("crates/py-bindings/python/remote_store");
        fs::create_dir_all(source.join("__pycache__")).unwrap();
        fs::write(source.join("__init__.py"), "a = 1\n").unwrap();
        let first = sources_stamp(&root).unwrap();
        fs::write(source.join("__pycache__/x.pyc"), "cache").unwrap();
        assert_eq!(sources_stamp(&root).unwrap(), first);
        fs::write(source.join("__init__.py"), "a = 2\n").unwrap();
        assert_ne!(sources_stamp(&root).unwrap(), first);
        fs::remove_dir_all(&root).unwrap();
    }

    #[test]
    fn the_workspace_is_found_from_anywhere() {
        assert!(
            Workspace::locate()
                .unwrap()
                .root
                .join("crates/py-bindings")
                .is_dir()
        );
    }
}
