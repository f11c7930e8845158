//! Links, which Unix has.

use std::os::unix::fs::symlink;

use super::*;

#[test]
fn a_script_may_be_reached_through_links_that_stay_in_the_folder() {
    let acme = small_and("mappings = { \"stock.update\" = \"stock.jq\" }\n");
    let dir = acme.dir();
    fs::create_dir(dir.join("..2024_1")).unwrap();
    fs::write(dir.join("..2024_1/stock.jq"), ".one").unwrap();
    symlink("..2024_1", dir.join("..data")).unwrap();
    symlink("..data/stock.jq", dir.join("stock.jq")).unwrap();
    let shop = acme.connection("shop");
    assert_eq!(&*shop.mappings["stock.update"].text, ".one");
    assert_eq!(shop.mappings["stock.update"].path, dir.join("stock.jq"));
}

#[test]
fn a_script_must_not_be_a_link_out_of_the_folder() {
    let acme = small_and("mappings = { \"stock.update\" = \"stock.jq\" }\n");
    let other = acme.tenants.path().join("other.jq");
    fs::write(&other, "secret mapping of another tenant").unwrap();
    symlink(&other, acme.dir().join("stock.jq")).unwrap();
    assert_eq!(
        acme.problems(),
        [
            "config-bad-value acme/tenant.toml:4:31: `connections.shop.mappings.\"stock.update\"` must be a file inside the tenant's own folder."
        ]
    );
}

#[test]
fn hidden_folders_are_not_tenants() {
    let acme = small_and("");
    fs::create_dir(acme.tenants.path().join(".git")).unwrap();
    fs::write(acme.tenants.path().join("README"), "").unwrap();
    assert_eq!(tenant_dirs(acme.tenants.path()).unwrap(), [acme.dir()]);
}
