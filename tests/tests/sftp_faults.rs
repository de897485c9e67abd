//! What goes wrong with SFTP servers: host keys, logins, lost connections, links, what killed writers leave.
#![allow(clippy::unwrap_used, reason = "a test may fail loudly")]

use std::fs;
use std::net::TcpListener;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use remote_store_core::backends::{HostKeyPolicy, SftpOptions};
use remote_store_core::{ErrorKind, ListOptions, Store, WriteOptions};
use remote_store_credential_masking::Secret;
use remote_store_tests::faults::{everything, silent_port};
use remote_store_tests::found::{Found, fresh_root};
use remote_store_tests::sftp_server::{ASKED_USER, PASSWORD_USER, SftpServer, over};
use remote_store_tests::wait;

static SERVER: Found<SftpServer> = Found::new();

/// A folder that no other test and no other run uses.
fn folder() -> String {
    fresh_root("sftp-faults")
}

/// Fails at once rather than three times.
fn impatient(mut options: SftpOptions) -> SftpOptions {
    options.retry.max_attempts = 1;
    options
}

/// The names in a folder on this machine, hidden ones too.
fn names(folder: &Path) -> Vec<String> {
    let mut names: Vec<String> = fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    names
}

/// Polls until it is so; the other side works in its own time.
fn eventually(what: &str, mut so: impl FnMut() -> bool) {
    let started = Instant::now();
    while !so() {
        assert!(started.elapsed() < Duration::from_secs(30), "never: {what}");
        std::thread::sleep(Duration::from_millis(10));
    }
}

fn known_lines(server: &SftpServer, port: u16) -> Vec<String> {
    let text = fs::read_to_string(server.known_hosts()).unwrap();
    let wanted = format!("[127.0.0.1]:{port} ");
    let lines = text.lines().filter(|line| line.starts_with(&wanted));
    lines.map(str::to_owned).collect()
}

/// A file of known hosts that names the main server by the key of another one.
fn changed_hosts(server: &SftpServer, dir: &Path) -> PathBuf {
    let others = known_lines(server, server.password_port);
    let (_name, key) = others.first().unwrap().split_once(' ').unwrap();
    let file = dir.join("changed");
    fs::write(&file, format!("[127.0.0.1]:{} {key}\n", server.port())).unwrap();
    file
}

#[test]
fn an_unknown_host_is_refused_kept_or_accepted_as_the_policy_says() {
    let Some(server) = SERVER.get() else { return };
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("new/known_hosts");
    let mut options = server.options(&folder()).unwrap();
    options.host_keys_path = Some(file.clone());

    let err = wait(over(options.clone()).list_level("")).unwrap_err();
    assert_eq!(err.kind(), ErrorKind::PermissionDenied, "{err}");
    let said = err.to_string();
    for part in ["SHA256:", "known_host_keys", "tofu", "127.0.0.1"] {
        assert!(said.contains(part), "{part} in {said}");
    }

    options.host_key_policy = HostKeyPolicy::AutoAdd;
    wait(over(options.clone()).list_level("")).unwrap();
    assert!(!file.exists(), "nothing is kept");

    options.host_key_policy = HostKeyPolicy::TrustOnFirstUse;
    wait(over(options.clone()).list_level("")).unwrap();
    let kept = fs::read_to_string(&file).unwrap();
    assert!(
        kept.starts_with(&format!("[127.0.0.1]:{} ", server.port())),
        "{kept}"
    );
    wait(over(options.clone()).list_level("")).unwrap();
    assert_eq!(fs::read_to_string(&file).unwrap(), kept, "kept once");

    options.host_key_policy = HostKeyPolicy::Strict;
    wait(over(options.clone()).list_level("")).unwrap();

    options.host_keys_path = Some(dir.path().join("none"));
    options.known_host_keys = Some(kept);
    wait(over(options).list_level("")).unwrap();
}

#[test]
fn a_changed_or_revoked_host_key_is_refused_by_every_policy() {
    let Some(server) = SERVER.get() else { return };
    let dir = tempfile::tempdir().unwrap();
    let changed = changed_hosts(server, dir.path());
    let revoked = dir.path().join("revoked");
    let line = &known_lines(server, server.port())[0];
    fs::write(&revoked, format!("{line}\n@revoked {line}\n")).unwrap();
    for (file, word) in [(changed, "changed"), (revoked, "revoked")] {
        let before = fs::read_to_string(&file).unwrap();
        for policy in [
            HostKeyPolicy::Strict,
            HostKeyPolicy::TrustOnFirstUse,
            HostKeyPolicy::AutoAdd,
        ] {
            let mut options = server.options(&folder()).unwrap();
            options.host_keys_path = Some(file.clone());
            options.host_key_policy = policy;
            // Were it tried again, it would take longer than any test.
            options.retry.max_attempts = 1000;
            options.retry.backoff_base = Duration::from_hours(1);
            let err = wait(over(options).ping()).unwrap_err();
            assert_eq!(err.kind(), ErrorKind::PermissionDenied, "{err}");
            assert!(err.to_string().contains(word), "{err}");
            assert!(err.to_string().contains("SHA256:"), "{err}");
        }
        assert_eq!(fs::read_to_string(&file).unwrap(), before);
    }
}

fn with_password(server: &SftpServer, user: &str, password: Secret) -> SftpOptions {
    let mut options = server.options(&folder()).unwrap();
    options.port = server.password_port;
    options.username = Some(user.into());
    options.pkey = None;
    options.password = Some(password);
    options
}

#[test]
fn a_password_opens_the_door_also_when_it_is_asked_for() {
    let Some(server) = SERVER.get() else { return };
    for user in [PASSWORD_USER, ASKED_USER] {
        let store = over(with_password(server, user, server.password.clone()));
        wait(store.write("a", "b".into(), &WriteOptions::create())).unwrap();
        assert_eq!(wait(store.read_bytes("a")).unwrap(), "b");
    }
}

#[test]
fn a_wrong_password_is_permission_denied_and_never_shown() {
    let Some(server) = SERVER.get() else { return };
    for user in [PASSWORD_USER, ASKED_USER] {
        let options = with_password(server, user, Secret::new("a-wrong-guess"));
        let store = over(options);
        let err = wait(store.ping()).unwrap_err();
        assert_eq!(err.kind(), ErrorKind::PermissionDenied, "{err}");
        assert!(err.to_string().contains(user), "{err}");
        assert!(err.to_string().contains("the password"), "{err}");
        assert!(!everything(&err).contains("a-wrong-guess"), "{err}");
    }
}

#[test]
fn the_text_of_a_key_does_as_well_as_its_file() {
    let Some(server) = SERVER.get() else { return };
    let mut options = server.options(&folder()).unwrap();
    options.pkey = Some(Secret::new(fs::read_to_string(server.key()).unwrap()));
    wait(over(options).list_level("")).unwrap();
}

#[test]
fn an_unreachable_server_is_named() {
    let port = silent_port();
    let mut options = SftpOptions::new("127.0.0.1").unwrap();
    options.port = port;
    let err = wait(over(impatient(options)).ping()).unwrap_err();
    assert_eq!(err.kind(), ErrorKind::BackendUnavailable);
    assert!(
        err.to_string().contains(&format!("127.0.0.1:{port}")),
        "{err}"
    );
}

#[test]
fn a_missing_base_path_lists_nothing_and_is_made_by_the_first_write() {
    let Some(server) = SERVER.get() else { return };
    let base = format!("{}/deep/er", folder());
    let store = server.store(&base).unwrap();
    assert!(wait(store.list_level("")).unwrap().is_empty());
    let err = wait(store.read_bytes("a")).unwrap_err();
    assert_eq!(err.kind(), ErrorKind::NotFound, "{err}");
    let err = wait(store.ping()).unwrap_err();
    assert_eq!(err.kind(), ErrorKind::NotFound, "{err}");
    assert!(err.to_string().contains(&base), "{err}");
    wait(store.write("a", "b".into(), &WriteOptions::create())).unwrap();
    wait(store.ping()).unwrap();
}

#[test]
fn a_folder_out_of_reach_is_permission_denied() {
    let Some(server) = SERVER.get() else { return };
    // Read-only; and where we are root the server is somebody else.
    let name = folder();
    let here = server.folder(&name);
    fs::create_dir_all(&here).unwrap();
    fs::set_permissions(&here, fs::Permissions::from_mode(0o555)).unwrap();
    let store = server.store(&name).unwrap();
    for path in ["a", "b/c"] {
        let err = wait(store.write(path, "x".into(), &WriteOptions::create())).unwrap_err();
        assert_eq!(err.kind(), ErrorKind::PermissionDenied, "{err}");
        assert!(err.to_string().contains(&name), "{err}");
    }
    assert!(names(&here).is_empty());
}

#[test]
fn links_that_leave_the_base_path_are_refused_and_not_listed() {
    let Some(server) = SERVER.get() else { return };
    let name = folder();
    let store = server.store(&name).unwrap();
    wait(store.write("in/x", "inside".into(), &WriteOptions::create())).unwrap();
    let here = server.folder(&name);
    let outside = tempfile::tempdir().unwrap();
    fs::write(outside.path().join("secret"), "secret").unwrap();
    std::os::unix::fs::symlink(outside.path().join("secret"), here.join("leak")).unwrap();
    std::os::unix::fs::symlink(outside.path(), here.join("out")).unwrap();
    std::os::unix::fs::symlink("in/x", here.join("alias")).unwrap();
    std::os::unix::fs::symlink("in", here.join("folder")).unwrap();
    std::os::unix::fs::symlink("nowhere", here.join("dead")).unwrap();
    for path in ["leak", "out/secret"] {
        let read = wait(store.read_bytes(path)).unwrap_err();
        let write = wait(store.write(path, "x".into(), &WriteOptions::overwrite())).unwrap_err();
        for err in [read, write] {
            assert_eq!(err.kind(), ErrorKind::InvalidPath, "{err}");
        }
    }
    assert_eq!(wait(store.read_bytes("alias")).unwrap(), "inside");
    assert_eq!(wait(store.read_bytes("folder/x")).unwrap(), "inside");
    let dead = wait(store.read_bytes("dead")).unwrap_err();
    assert_eq!(dead.kind(), ErrorKind::NotFound, "{dead}");
    assert_eq!(listed(&store), ["alias", "in/x"]);
    wait(store.delete_folder("out", true, false)).unwrap_err();
    assert!(outside.path().join("secret").exists());
}

fn listed(store: &Store) -> Vec<String> {
    use futures_util::TryStreamExt;
    let keys = store.list("", &ListOptions::recursive()).unwrap();
    wait(keys.map_ok(|info| info.key.to_string()).try_collect()).unwrap()
}

#[test]
fn leftovers_of_lost_connections_are_hidden_and_swept_when_old() {
    let Some(server) = SERVER.get() else { return };
    let name = folder();
    let store = server.store(&name).unwrap();
    wait(store.write("a", "b".into(), &WriteOptions::create())).unwrap();
    let here = server.folder(&name);
    let old = here.join(".remote-store-staged-0123456789abcdef0");
    let young = here.join(".remote-store-staged-0123456789abcdef1");
    for path in [&old, &young] {
        fs::write(path, "part").unwrap();
    }
    let long_ago = std::time::SystemTime::now() - Duration::from_hours(48);
    fs::File::options()
        .write(true)
        .open(&old)
        .unwrap()
        .set_modified(long_ago)
        .unwrap();
    assert_eq!(listed(&store), ["a"]);
    let err = wait(store.read_bytes(".remote-store-staged-0123456789abcdef0")).unwrap_err();
    assert_eq!(err.kind(), ErrorKind::InvalidPath, "{err}");
    // A backend looks once into each folder; this one is new.
    let store = server.store(&name).unwrap();
    wait(store.write("a", "c".into(), &WriteOptions::overwrite())).unwrap();
    eventually("the old leftover is swept", || !old.exists());
    assert!(young.exists(), "its writer may be at work");
}

#[test]
fn an_object_that_a_lost_writer_moved_aside_is_put_back() {
    let Some(server) = SERVER.get() else { return };
    let name = folder();
    let store = server.store(&name).unwrap();
    wait(store.write("replaced", "new".into(), &WriteOptions::create())).unwrap();
    let here = server.folder(&name);
    let long_ago = Duration::from_secs(1);
    let now = std::time::SystemTime::now();
    let since = now.duration_since(std::time::UNIX_EPOCH).unwrap();
    let aside = |since: Duration, key: &str| {
        let name = format!(".remote-store-staged-aside-{:x}-0a-{key}", since.as_secs());
        let path = here.join(name);
        fs::write(&path, "old").unwrap();
        // It keeps the time of its last change.
        let file = fs::File::options().write(true).open(&path).unwrap();
        file.set_modified(now - Duration::from_hours(48)).unwrap();
        path
    };
    let lost = aside(long_ago, "lost-one");
    let replaced = aside(long_ago, "replaced");
    let young = aside(since, "young");
    // A backend looks once into each folder; this one is new.
    let store = server.store(&name).unwrap();
    wait(store.write("a", "c".into(), &WriteOptions::overwrite())).unwrap();
    eventually("both are dealt with", || {
        !lost.exists() && !replaced.exists()
    });
    assert_eq!(wait(store.read_bytes("lost-one")).unwrap(), "old");
    assert_eq!(wait(store.read_bytes("replaced")).unwrap(), "new");
    assert!(young.exists(), "its writer may be at work");
}

mod proxy;

#[test]
fn a_connection_killed_in_the_middle_of_a_write_leaves_the_old_object() {
    let Some(server) = SERVER.get() else { return };
    let name = folder();
    let proxy = proxy::Proxy::start(server.port());
    let mut options = impatient(server.options(&name).unwrap());
    options.port = proxy.port();
    options.known_host_keys = Some(
        known_lines(server, server.port())[0]
            .replace(&server.port().to_string(), &proxy.port().to_string()),
    );
    let store = over(options);
    wait(store.write("a", "old".into(), &WriteOptions::create())).unwrap();
    let mut writer = wait(store.writer("a", &WriteOptions::overwrite())).unwrap();
    wait(writer.write(bytes::Bytes::from(vec![7; 3 << 20]))).unwrap();
    proxy.kill_all();
    let err = wait(async {
        writer.write(bytes::Bytes::from(vec![7; 9 << 20])).await?;
        writer.finish().await
    })
    .unwrap_err();
    assert_eq!(err.kind(), ErrorKind::BackendUnavailable, "{err}");
    // The next call opens a new connection.
    assert_eq!(wait(store.read_bytes("a")).unwrap(), "old");
    assert_eq!(listed(&store), ["a"]);
    for left in names(&server.folder(&name)) {
        assert!(
            left == "a" || left.starts_with(".remote-store-staged-"),
            "{left}"
        );
    }
    wait(store.write("a", "new".into(), &WriteOptions::overwrite())).unwrap();
    assert_eq!(wait(store.read_bytes("a")).unwrap(), "new");
    assert_eq!(proxy.connections(), 2);
}

#[test]
fn what_may_be_done_twice_survives_a_lost_connection() {
    let Some(server) = SERVER.get() else { return };
    let proxy = proxy::Proxy::start(server.port());
    let mut options = server.options(&folder()).unwrap();
    options.port = proxy.port();
    options.host_key_policy = HostKeyPolicy::AutoAdd;
    options.retry.backoff_base = Duration::from_millis(1);
    let store = over(options);
    wait(store.write("a", "1".into(), &WriteOptions::create())).unwrap();
    for round in 2..5 {
        // The connection dies while the request is under way, or just before.
        proxy.kill_after(round * 700);
        let big = bytes::Bytes::from(vec![u8::try_from(round).unwrap(); 300_000]);
        wait(store.write("a", big.clone(), &WriteOptions::overwrite())).unwrap();
        assert!(wait(store.read_bytes("a")).unwrap() == big);
    }
    assert!(proxy.connections() >= 4, "{}", proxy.connections());
}

#[test]
fn a_server_that_says_nothing_is_given_up_in_time() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let mut options = SftpOptions::new("127.0.0.1").unwrap();
    options.port = listener.local_addr().unwrap().port();
    options.banner_timeout = Duration::from_millis(50);
    let err = wait(over(impatient(options)).ping()).unwrap_err();
    assert_eq!(err.kind(), ErrorKind::BackendUnavailable);
    assert!(err.to_string().contains("banner_timeout"), "{err}");
}
