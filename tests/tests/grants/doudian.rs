//! 抖店 with nothing but app key, app secret and one authorization: its own way to
//! tokens, which its adapter maps and signs without seeing one.

use crossdock_stand_ins::platforms::doudian::RefreshRule;
use crossdock_stand_ins::{Options, StandIns};
use crossdock_tests::bed::Bed;
use crossdock_tests::client::Client;
use crossdock_tests::grants::{self, browse, call_back, credentials, shown_in};
use crossdock_tests::leaks::Leaks;
use crossdock_tests::platforms::TENANT;
use crossdock_tests::process::Serving;
use crossdock_tests::wait::until;
use serde_json::{Value, json};
use url::Url;

use super::{said, until_state};

/// A host with one shop, and the platform.
struct Shop {
    stand_ins: StandIns,
    bed: Bed,
}

impl Shop {
    /// With these settings beside the app's key.
    fn new(settings: &str, options: Options) -> Self {
        let stand_ins = StandIns::start_in_background(options, 1).expect("the stand-ins");
        let bed = Bed::with_plugins(&["doudian"]);
        bed.share_compiled_code();
        bed.configure("[server]\npublic_url = \"https://crossdock.example\"\n");
        bed.put_tenant(TENANT, "app.secret", "secret");
        let shop = Self { stand_ins, bed };
        shop.file("app-key", settings);
        shop
    }

    /// The tenant's file, with this app and these settings.
    fn file(&self, app_key: &str, settings: &str) {
        let base_url = self.stand_ins.base_url("doudian");
        let text = format!(
            "[connections.shop]\nadapter = \"doudian\"\nbase_url = \"{base_url}\"\nallow_private = true\n\
             secrets = {{ app_secret = {{ file = \"app.secret\" }} }}\n\
             settings = {{ app_key = \"{app_key}\", {settings} }}\n"
        );
        self.bed.put_tenant(TENANT, "tenant.toml", &text);
    }

    async fn serve(&self) -> Serving {
        Serving::start(&self.bed.path("")).await.checked().await
    }

    /// A person opens the platform's page and agrees: state and code, as the platform
    /// sends them on.
    async fn agree(&self, host: &Client) -> (String, String) {
        let begun = host.post(&credentials("shop", "/authorize"), "{}").await;
        let begun = begun.expect("an authorization");
        let url: Url = begun["url"].as_str().expect("an address").parse().unwrap();
        assert_eq!(url.host_str(), Some("fuwu.jinritemai.com"));
        // The page is at another host; the stand-in has it, too.
        let page = self.stand_ins.base_url("doudian");
        let query = url.query().expect("a query");
        let page = browse(&format!("{page}/authorize?{query}")).await;
        let (_, _, text) = page.expect("the platform's page");
        let sent: Value = serde_json::from_str(&text).expect("state and code");
        let text = |name: &str| sent[name].as_str().expect("a text").to_owned();
        (text("state"), text("code"))
    }

    /// A person agrees and comes back to the host.
    async fn authorize(&self, serving: &Serving) {
        let (state, code) = self.agree(&serving.client()).await;
        let back = format!("https://crossdock.example/v1/{TENANT}/shop/oauth/callback");
        let mut back: Url = back.parse().unwrap();
        back.query_pairs_mut()
            .append_pair("code", &code)
            .append_pair("state", &state);
        let (status, page) = call_back(&serving.base_url, &back).await.expect("a page");
        assert_eq!(status, 200, "{page}");
        until_state(&serving.client(), "shop", "ready").await;
    }

    /// Sets the stock of an article, and has it arrive.
    async fn sells(&self, host: &Client, article: u64, quantity: i64) {
        let delivered = grants::deliver(host, "shop", article, quantity).await;
        let (status, code) = delivered.expect("an answer");
        assert_eq!((&*status, &*code), ("accepted", ""));
        let stock = self.stand_ins.doudian().stock(&format!("code:{article}"));
        assert_eq!(stock.expect("an article").stock, quantity);
    }

    /// No token, code or secret in any file or in what the host says, and nothing that
    /// came to the platform against its documents.
    async fn is_clean(&self, host: &Client) {
        let mut leaks = Leaks::default();
        let given = self.stand_ins.doudian().tokens_given();
        for (number, text) in given.iter().enumerate() {
            leaks.secret(&format!("token {number}"), text);
        }
        let shown = shown_in(&self.bed, &leaks);
        assert!(shown.is_empty(), "{shown:#?}");
        leaks.none_in("what the host says", said(host, "shop").await.as_bytes());
        let mut wrong = self.stand_ins.violations("doudian");
        // What was good when it was signed.
        wrong.retain(|it| it.message != "a token that is over");
        assert_eq!(wrong, []);
    }
}

const SERVICE: &str = "service_id = \"1234\"";
const OWN: &str = "shop_id = \"4463798\"";

#[tokio::test(flavor = "multi_thread")]
async fn a_shop_of_doudian_needs_its_app_and_one_authorization() {
    let shop = Shop::new(SERVICE, Options::default());
    let serving = shop.serve().await;
    let host = serving.client();
    until_state(&host, "shop", "missing").await;
    let (_, code) = grants::deliver(&host, "shop", 1001, 5)
        .await
        .expect("an answer");
    assert_eq!(code, "not-authorized");
    assert_eq!(shop.stand_ins.counters("doudian").received, 0);

    shop.authorize(&serving).await;
    let standing = grants::standing(&host, "shop").await.expect("an answer");
    assert_eq!(standing["account"], "测试店铺", "{standing}");
    shop.sells(&host, 1001, 5).await;
    assert_eq!(shop.stand_ins.doudian().token_counts().issued, 1);

    // The token is over earlier than was said: one refresh, and the call goes again.
    shop.stand_ins.doudian().expire_tokens();
    shop.sells(&host, 1001, 7).await;
    let counts = shop.stand_ins.doudian().token_counts();
    assert_eq!((counts.issued, counts.refreshes, counts.refused), (2, 1, 0));
    shop.is_clean(&host).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_shop_of_ones_own_needs_nobody() {
    let shop = Shop::new(OWN, Options::default());
    let serving = shop.serve().await;
    let host = serving.client();
    shop.sells(&host, 1001, 5).await;
    let counts = shop.stand_ins.doudian().token_counts();
    assert_eq!((counts.issued, counts.refreshes), (1, 0));
    shop.stand_ins.doudian().expire_tokens();
    shop.sells(&host, 1001, 7).await;
    let counts = shop.stand_ins.doudian().token_counts();
    assert_eq!((counts.issued, counts.refreshes, counts.refused), (2, 1, 0));
    let begun = host.post(&credentials("shop", "/authorize"), "{}").await;
    let why = format!("{:#}", begun.unwrap_err());
    assert!(why.contains("no-authorization"), "{why}");
    shop.is_clean(&host).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_shop_of_ones_own_whose_tokens_were_taken_back_loses_no_call() {
    let shop = Shop::new(OWN, Options::default());
    let serving = shop.serve().await;
    let host = serving.client();
    shop.sells(&host, 1001, 5).await;
    // Nothing renews the token any more, and the app's own credentials get another.
    shop.stand_ins.doudian().revoke_tokens();
    shop.sells(&host, 1001, 9).await;
    let counts = shop.stand_ins.doudian().token_counts();
    assert_eq!((counts.issued, counts.refreshes, counts.refused), (2, 0, 1));
    shop.is_clean(&host).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn tokens_of_doudian_are_renewed_ahead_and_a_refresh_token_is_used_once() {
    let mut options = Options::default();
    options.doudian.tokens.refresh = RefreshRule::Once;
    options.doudian.tokens.seconds = 3;
    let shop = Shop::new(SERVICE, options);
    let serving = shop.serve().await;
    let host = serving.client();
    let (_, code) = shop.agree(&host).await;
    // Nobody comes back to the host: the code is pasted.
    let pasted = json!({ "code": code }).to_string();
    let taken = host.post(&credentials("shop", "/code"), &pasted).await;
    assert_eq!(taken.expect("a grant")["state"], "ready");
    let mut quantity = 0;
    while shop.stand_ins.doudian().token_counts().refreshes < 4 {
        quantity += 1;
        shop.sells(&host, 1001, quantity).await;
    }
    let counts = shop.stand_ins.doudian().token_counts();
    assert_eq!((counts.reused, counts.refused), (0, 0));
    shop.is_clean(&host).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_of_another_shop_or_application_is_not_used_and_not_lost() {
    let shop = Shop::new(SERVICE, Options::default());
    let serving = shop.serve().await;
    let host = serving.client();
    shop.authorize(&serving).await;
    shop.sells(&host, 1001, 5).await;
    let before = shop.stand_ins.counters("doudian").received;
    for (app_key, settings, state) in [
        ("another-app", SERVICE, "missing"),
        // Another shop of an app for one's own use, which the platform does not know.
        ("app-key", "shop_id = \"7\"", "needs-person"),
    ] {
        shop.file(app_key, settings);
        until_state(&host, "shop", state).await;
        let (_, code) = grants::deliver(&host, "shop", 1001, 6)
            .await
            .expect("an answer");
        assert_eq!(code, "not-authorized", "{app_key} {settings}");
        let requests = shop.stand_ins.requests("doudian");
        let later = requests.iter().skip(before as usize);
        let carried = later.filter(|it| it.raw_query.contains("access_token="));
        assert_eq!(carried.count(), 0, "{app_key} {settings}");
    }
    // What says nothing of the account is another matter.
    shop.file("app-key", "service_id = \"1234\", time_format = \"unix\"");
    until_state(&host, "shop", "ready").await;
    shop.sells(&host, 1001, 8).await;
    assert_eq!(shop.stand_ins.doudian().token_counts().issued, 1);
    shop.is_clean(&host).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_shop_of_doudian_that_takes_its_agreement_back_needs_a_person() {
    let shop = Shop::new(SERVICE, Options::default());
    let serving = shop.serve().await;
    let host = serving.client();
    shop.authorize(&serving).await;
    shop.stand_ins.doudian().revoke_tokens();
    for article in 1..=3 {
        let queued = grants::queue(&host, "shop", article, 4).await;
        queued.expect("taken in");
    }
    until_state(&host, "shop", "needs-person").await;
    let standing = grants::standing(&host, "shop").await.expect("an answer");
    assert_eq!(standing["failure"]["blame"], "platform", "{standing}");
    shop.authorize(&serving).await;
    until("the records to arrive", || {
        let arrived = (1..=3).all(|article| {
            let stock = shop.stand_ins.doudian().stock(&format!("code:{article}"));
            stock.is_some_and(|stock| stock.stock == 4)
        });
        arrived.then_some(())
    })
    .await;
    shop.is_clean(&host).await;
}
