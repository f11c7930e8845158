//! Roots, folders and files that are symbolic links.

use std::os::unix::fs::symlink;

use super::*;

#[tokio::test]
async fn a_root_may_be_a_link_that_is_pointed_elsewhere() {
    let dir = tempfile::tempdir().unwrap();
    let root = dir.path().join("tenants");
    for version in ["v1", "v2"] {
        fs::create_dir(dir.path().join(version)).unwrap();
    }
    symlink("v1", &root).unwrap();
    let (_watcher, mut changes) = Watcher::start(std::slice::from_ref(&root), None).unwrap();
    fs::write(dir.path().join("v1/a"), "x").unwrap();
    assert_eq!(next(&mut changes).await.paths, [root.join("a")].into());

    symlink("v2", dir.path().join("tmp")).unwrap();
    fs::rename(dir.path().join("tmp"), &root).unwrap();
    assert!(next(&mut changes).await.rescan);
    fs::write(dir.path().join("v2/b"), "x").unwrap();
    assert_eq!(next(&mut changes).await.paths, [root.join("b")].into());
}

#[tokio::test]
async fn a_folder_that_a_link_leads_to_is_watched_under_the_links_name() {
    let mut watched = Watched::notified();
    let elsewhere = watched.beside("elsewhere");
    fs::create_dir(&elsewhere).unwrap();
    let link = watched.beside("tenants/linked");
    symlink(&elsewhere, &link).unwrap();
    watched.expect(std::slice::from_ref(&link)).await;
    fs::write(elsewhere.join("tenant.toml"), "x").unwrap();
    watched.expect(&[link.join("tenant.toml")]).await;

    fs::remove_file(&link).unwrap();
    watched.expect(&[link]).await;
    fs::write(elsewhere.join("tenant.toml"), "nobody's business").unwrap();
    let path = watched.acme("a.jq");
    fs::write(&path, "new").unwrap();
    watched.expect(&[path]).await;
}

#[tokio::test]
async fn a_file_that_a_link_leads_to_is_looked_at() {
    let mut watched = Watched::notified();
    let built = watched.beside("built.wasm");
    fs::write(&built, "one").unwrap();
    let link = watched.acme("built.wasm");
    symlink(&built, &link).unwrap();
    watched.expect(std::slice::from_ref(&link)).await;
    fs::write(&built, "two, and longer").unwrap();
    watched.expect(&[link]).await;
}

#[tokio::test]
async fn a_link_to_the_folder_it_is_in_does_no_harm() {
    let mut watched = Watched::notified();
    for (target, name) in [(".", "here"), ("..", "up"), ("/", "all")] {
        symlink(target, watched.acme(name)).unwrap();
        watched.until(&watched.acme(name)).await;
    }
    let path = watched.acme("a.jq");
    fs::write(&path, "new").unwrap();
    watched.expect(&[path]).await;
}
