use super::*;

#[tokio::test]
async fn what_is_no_component_is_told_in_one_line() {
    let limits = HostLimits::default();
    let dir = tempfile::tempdir().expect("a folder");
    let sandbox = Sandbox::new(&limits).expect("a sandbox");
    let loader = Loader::new(sandbox, CodeCache::new(dir.path().into()), &limits);
    for bytes in [
        &b""[..],
        b"no component",
        b"(module)\n(module)\n",
        b"\0asm\x0d\0\x01\0\xff\xff",
        b"\0asm\x01\0\0\0",
    ] {
        let path = dir.path().join("p.wasm");
        std::fs::write(&path, bytes).expect("writing");
        let artifact = Artifact::read(&path, 1 << 20).expect("a file");
        let refusal = loader.load(artifact, 1).await.expect_err("no component");
        let said = refusal.to_string();
        assert_eq!(refusal.step(), "parse", "{said}");
        assert!(!said.contains('\n'), "{said:?}");
    }
}
