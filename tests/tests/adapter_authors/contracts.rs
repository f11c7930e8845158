//! Contracts outlive releases: what was built against an old version loads, and
//! a contract that changes moves its version.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use crossdock::plugin::verify::CONTRACTS;
use crossdock::report::ItemStatus;
use crossdock_tests::bed::{Bed, call, connection, deliver};
use crossdock_tests::recorder::{Recorder, Reply};
use wit_parser::{
    Function, Handle, InterfaceId, Resolve, Type, TypeDefKind, TypeId, World, WorldItem, WorldKey,
};

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

/// A package as text: its version, its interfaces, its worlds.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Package {
    version: (u64, u64, u64),
    /// Types and functions of each interface.
    interfaces: BTreeMap<String, BTreeMap<String, String>>,
    /// What each world imports and exports.
    worlds: BTreeMap<String, [Vec<String>; 2]>,
}

fn package(text: &str) -> Package {
    let mut resolve = Resolve::default();
    // What others refer to.
    if text.contains("crossdock:adapter/") {
        let adapter = read(root().join("wit/adapter/adapter.wit"));
        resolve
            .push_str("adapter.wit", &adapter)
            .expect("a package");
    }
    let id = resolve.push_str("package.wit", text).expect("a package");
    let package = &resolve.packages[id];
    let version = package.name.version.as_ref().expect("a version");
    Package {
        version: (version.major, version.minor, version.patch),
        interfaces: package
            .interfaces
            .iter()
            .map(|(name, id)| (name.clone(), interface(&resolve, *id)))
            .collect(),
        worlds: package
            .worlds
            .iter()
            .map(|(name, id)| (name.clone(), world(&resolve, &resolve.worlds[*id])))
            .collect(),
    }
}

fn interface(resolve: &Resolve, id: InterfaceId) -> BTreeMap<String, String> {
    let interface = &resolve.interfaces[id];
    let types = interface.types.iter();
    let types = types.map(|(name, id)| (format!("type {name}"), definition(resolve, *id)));
    let functions = interface.functions.iter();
    let functions =
        functions.map(|(name, function)| (format!("func {name}"), signature(resolve, function)));
    types.chain(functions).collect()
}

fn signature(resolve: &Resolve, function: &Function) -> String {
    let params = function.params.iter();
    let params = params.map(|param| format!("{}: {}", param.name, named(resolve, param.ty)));
    let params = params.collect::<Vec<_>>().join(", ");
    let result = function
        .result
        .map(|ty| format!(" -> {}", named(resolve, ty)))
        .unwrap_or_default();
    format!("{:?}({params}){result}", function.kind)
}

/// A type by its name, or what it is where it has none.
fn named(resolve: &Resolve, ty: Type) -> String {
    match ty {
        Type::Id(id) => match &resolve.types[id].name {
            Some(name) => name.clone(),
            None => definition(resolve, id),
        },
        plain => format!("{plain:?}").to_lowercase(),
    }
}

fn definition(resolve: &Resolve, id: TypeId) -> String {
    let of = |ty: &Type| named(resolve, *ty);
    let maybe = |ty: &Option<Type>| ty.as_ref().map_or_else(|| "_".to_owned(), of);
    match &resolve.types[id].kind {
        TypeDefKind::Record(record) => {
            let fields = record.fields.iter();
            let fields = fields.map(|field| format!("{}: {}", field.name, of(&field.ty)));
            format!("record {{ {} }}", fields.collect::<Vec<_>>().join(", "))
        }
        TypeDefKind::Variant(variant) => {
            let cases = variant.cases.iter();
            let cases = cases.map(|case| format!("{}({})", case.name, maybe(&case.ty)));
            format!("variant {{ {} }}", cases.collect::<Vec<_>>().join(", "))
        }
        TypeDefKind::Enum(of) => {
            let cases: Vec<&str> = of.cases.iter().map(|case| &*case.name).collect();
            format!("enum {{ {} }}", cases.join(", "))
        }
        TypeDefKind::Flags(of) => {
            let flags: Vec<&str> = of.flags.iter().map(|flag| &*flag.name).collect();
            format!("flags {{ {} }}", flags.join(", "))
        }
        TypeDefKind::Tuple(tuple) => {
            let types: Vec<String> = tuple.types.iter().map(of).collect();
            format!("tuple<{}>", types.join(", "))
        }
        TypeDefKind::Option(ty) => format!("option<{}>", of(ty)),
        TypeDefKind::Result(result) => {
            format!("result<{}, {}>", maybe(&result.ok), maybe(&result.err))
        }
        TypeDefKind::List(ty) => format!("list<{}>", of(ty)),
        TypeDefKind::Type(ty) => {
            // `use` of another interface's, or another name for the same.
            format!("= {}", of(ty))
        }
        TypeDefKind::Resource => "resource".to_owned(),
        TypeDefKind::Handle(Handle::Own(id)) => format!("own<{}>", of(&Type::Id(*id))),
        TypeDefKind::Handle(Handle::Borrow(id)) => format!("borrow<{}>", of(&Type::Id(*id))),
        other => panic!("the contracts have no {}", other.as_str()),
    }
}

fn world(resolve: &Resolve, world: &World) -> [Vec<String>; 2] {
    let names = |items: Vec<(&WorldKey, &WorldItem)>| {
        let mut names: Vec<String> = items
            .into_iter()
            .map(|(key, _)| resolve.name_world_key(key))
            // The version of the package itself is compared by itself.
            .map(|name| name.split('@').next().unwrap_or_default().to_owned())
            .collect();
        names.sort();
        names
    };
    [
        names(world.imports.iter().collect()),
        names(world.exports.iter().collect()),
    ]
}

/// What a contract may not have changed since it was released.
fn broken(released: &Package, now: &Package) -> Vec<String> {
    let (old, new) = (released.version, now.version);
    if old.0 != new.0 || old.1 != new.1 {
        return Vec::new();
    }
    let mut broken = Vec::new();
    for (name, interface) in &released.interfaces {
        let Some(other) = now.interfaces.get(name) else {
            broken.push(format!("interface `{name}` is gone"));
            continue;
        };
        for (item, text) in interface {
            match other.get(item) {
                Some(same) if same == text => {}
                Some(changed) => {
                    broken.push(format!("`{name}`: {item} was `{text}` and is `{changed}`"));
                }
                None => broken.push(format!("`{name}`: {item} is gone")),
            }
        }
        for item in other.keys().filter(|item| !interface.contains_key(*item)) {
            broken.push(format!(
                "`{name}`: {item} is new, and belongs into a new interface"
            ));
        }
    }
    for name in now.interfaces.keys() {
        if old == new && !released.interfaces.contains_key(name) {
            broken.push(format!("interface `{name}` is new: move the version"));
        }
    }
    for (name, [imports, exports]) in &released.worlds {
        match now.worlds.get(name) {
            None => broken.push(format!("world `{name}` is gone")),
            Some([_, other]) if other != exports => {
                broken.push(format!(
                    "world `{name}` exports {other:?} and no longer {exports:?}"
                ));
            }
            Some([other, _]) if !imports.iter().all(|import| other.contains(import)) => {
                broken.push(format!("world `{name}` no longer imports {imports:?}"));
            }
            Some(_) => {}
        }
    }
    broken
}

fn read(path: PathBuf) -> String {
    std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// Where the packages of each contract are written: what a later version adds is a
/// package of its own.
const PACKAGES: [(&str, &str); 6] = [
    ("crossdock:adapter", "adapter"),
    ("crossdock:adapter", "inbound"),
    ("crossdock:adapter", "composing"),
    ("crossdock:script", "script"),
    ("crossdock:script", "tables"),
    ("crossdock:source", "source"),
];

#[test]
fn a_contract_that_changes_moves_its_version() {
    let released =
        |version: &str, folder: &str| root().join(format!("wit/released/{version}/{folder}.wit"));
    for (contract, folder) in PACKAGES {
        let mut contracts = CONTRACTS.iter();
        let served = contracts.find(|it| it.contract == contract).unwrap();
        let now = package(&read(root().join(format!("wit/{folder}/{folder}.wit"))));
        let (major, minor, patch) = now.version;
        let version = format!("{major}.{minor}.{patch}");
        assert!(
            served.versions.contains(&&*version),
            "{folder} {version} is not served"
        );
        assert!(
            released(&version, folder).exists(),
            "keep wit/{folder} in wit/released/{version}"
        );
        for version in served.versions {
            let file = released(version, folder);
            if !file.exists() {
                continue;
            }
            let broken = broken(&package(&read(file)), &now);
            assert!(
                broken.is_empty(),
                "wit/{folder} breaks what was built against {version}: {}; move its version, or leave it as it was (docs/decisions/0048-contract-versions.md)",
                broken.join("; ")
            );
        }
    }
    for served in CONTRACTS {
        for version in served.versions {
            let mut folders = PACKAGES.iter().filter(|(name, _)| *name == served.contract);
            assert!(
                folders.any(|(_, folder)| released(version, folder).exists()),
                "nothing of {} {version} is kept",
                served.contract
            );
        }
    }
}

#[test]
fn what_breaks_a_contract_is_found() {
    let text = read(root().join("wit/released/0.1.0/adapter.wit"));
    let released = package(&text);
    let changed = |from: &str, to: &str| {
        assert!(text.contains(from), "{from}");
        broken(&released, &package(&text.replacen(from, to, 1)))
    };
    for (from, to, expected) in [
        ("now-ms: u64", "now-ms: u32", "type context was"),
        (
            "enum digest { md5,",
            "enum digest { md5, sm3,",
            "type digest was",
        ),
        (
            "record failure { item: u32, fault: fault }",
            "record failure { fault: fault, item: u32 }",
            "type failure was",
        ),
        (
            "describe: func() -> json;",
            "describe: func(language: string) -> json;",
            "func describe was",
        ),
        (
            "describe: func() -> json;",
            "describe: func() -> json; ping: func();",
            "func ping is new, and belongs into a new interface",
        ),
        (
            "interface log {",
            "interface more { ping: func(); }\ninterface log {",
            "interface `more` is new: move the version",
        ),
        (
            "  import log;",
            "  import log;\n  export keys;",
            "world `platform` exports",
        ),
        ("  import log;\n", "", "world `platform` no longer imports"),
    ] {
        let found = changed(from, to).join("; ");
        assert!(found.contains(expected), "{from} → {to}: {found:?}");
    }
    // With the version moved, as the rule has it.
    let moved = |version: &str, from: &str, to: &str| {
        let text = text.replacen("@0.1.0;", &format!("@{version};"), 1);
        broken(&released, &package(&text.replacen(from, to, 1)))
    };
    let more = "interface more { ping: func(); }\ninterface log {";
    assert_eq!(moved("0.1.1", "interface log {", more), [""; 0]);
    assert_eq!(moved("0.1.1", "now-ms: u64", "now-ms: u32").len(), 1);
    assert_eq!(moved("0.2.0", "now-ms: u64", "now-ms: u32"), [""; 0]);
    // A comment is none.
    assert_eq!(
        changed("/// Lines for the plugin's log", "/// Lines of a log"),
        [""; 0]
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_component_of_the_first_release_is_served() {
    let component = crate::kept();
    let platform = Recorder::answering(|_| Reply::text(200, "ok")).await;
    let bed = Bed::new();
    bed.put_plugin("kept", &component);
    let secrets = "secrets = { key = { file = \"key.txt\" } }";
    bed.put_tenant("acme", "key.txt", "k3y-of-the-shop");
    let shop = connection("shop", "kept", &platform.base_url(), secrets);
    bed.put_tenant("acme", "tenant.toml", &shop);
    let host = bed.host_unwatched().await;
    let report = deliver(&host, call("acme", "shop", "thing.send", r#"{"a":1}"#)).await;
    assert_eq!(report.items[0].status, ItemStatus::Accepted, "{report:?}");
    let sent = platform.requests();
    assert_eq!(sent.len(), 1, "{sent:?}");
    // HMAC-SHA-256 of the body under that key: the host's functions answer it, too.
    let expected = "6b4ec9b11dd7f5ad27983b47fef3a81befe7d3990b71034d53fbecd8e79757b6";
    assert_eq!(sent[0].header("x-signature"), Some(expected));
    assert!(
        report
            .log
            .iter()
            .any(|line| line.message == "an answer came")
    );
}
