use base64::Engine;
use base64::engine::general_purpose::{STANDARD, STANDARD_NO_PAD, URL_SAFE, URL_SAFE_NO_PAD};
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};

use super::*;
use crate::http::UNRESERVED;

fn redactor(secrets: &[(&str, &str)]) -> Redactor {
    Redactor::new(
        secrets
            .iter()
            .map(|(name, text)| ((*name).to_owned(), Secret::new((*text).to_owned()))),
    )
}

/// A small deterministic generator: the tests must not differ from run to run.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }

    fn below(&mut self, bound: usize) -> usize {
        (self.next() % bound as u64) as usize
    }

    fn bytes(&mut self, length: usize) -> Vec<u8> {
        (0..length).map(|_| self.next() as u8).collect()
    }

    fn text(&mut self, length: usize) -> String {
        const CHARACTERS: &[char] = &[
            'a', 'b', 'Z', '0', '9', '+', '/', '=', '&', '%', '"', '\\', '\'', ' ', '~', '*', '-',
            '_', '<', '?', '#', '{', '库', 'é', '😀', '\n', '\t',
        ];
        (0..length)
            .map(|_| CHARACTERS[self.below(CHARACTERS.len())])
            .collect()
    }
}

#[test]
fn text_without_secrets_is_returned_as_it_is() {
    let redactor = redactor(&[("token", "s3cr3t-token")]);
    for text in [
        "",
        "s3cr3t",
        "nothing 库存 here",
        "s3cr3t-toke.",
        "3cr3t-token",
    ] {
        assert!(matches!(redactor.redact(text), Cow::Borrowed(same) if same == text));
        assert!(matches!(
            redactor.redact_bytes(text.as_bytes()),
            Cow::Borrowed(_)
        ));
    }
}

#[test]
fn a_secret_becomes_its_name() {
    let redactor = redactor(&[("token", "s3cr3t-token"), ("app-key", "另一个秘密")]);
    assert_eq!(
        redactor.redact("X-Token: s3cr3t-token; k=另一个秘密, s3cr3t-tokens3cr3t-token."),
        "X-Token: «token»; k=«app-key», «token»«token»."
    );
    assert_eq!(
        *redactor.redact_bytes(b"\xff s3cr3t-token \xfe"),
        *b"\xff \xc2\xabtoken\xc2\xbb \xfe"
    );
}

#[test]
fn every_common_spelling_of_a_secret_is_found() {
    let secret = "p@ss/w0rd+ \"库\"&=\\~*'";
    let percent = utf8_percent_encode(secret, UNRESERVED).to_string();
    let mut url = url::Url::parse("https://a.example/").unwrap();
    url.query_pairs_mut().append_pair("k", secret);
    let form = url.query().unwrap().trim_start_matches("k=").to_owned();
    url.set_query(Some(secret));
    let query = url.query().unwrap().to_owned();
    let spelled = [
        secret.to_owned(),
        percent.clone(),
        percent
            .replace("%2F", "%2f")
            .replace("%2B", "%2b")
            .replace("%E5%BA%93", "%e5%ba%93")
            .replace("%5C", "%5c")
            .replace("%2A", "%2a")
            .replace("%3D", "%3d"),
        percent.replace('~', "%7E"),
        form,
        query,
        r#"p@ss/w0rd+ \"库\"&=\\~*'"#.to_owned(),
        r#"p@ss\/w0rd+ \"\u5e93\"&=\\~*'"#.to_owned(),
        r#"p@ss/w0rd+ \"\u5E93\"&=\\~*'"#.to_owned(),
        r#"p@ss/w0rd+ \"库\"\u0026\u003d\\~*\u0027"#.to_owned(),
        STANDARD.encode(secret),
        STANDARD_NO_PAD.encode(secret),
        URL_SAFE.encode(secret),
        URL_SAFE_NO_PAD.encode(secret),
        STANDARD
            .encode(secret)
            .replace('+', "%2B")
            .replace('/', "%2F")
            .replace('=', "%3D"),
        STANDARD.encode(secret).replace('/', "\\/"),
        hex::encode(secret),
        hex::encode_upper(secret),
    ];
    let redactor = redactor(&[("pw", secret)]);
    for text in spelled {
        assert_eq!(
            redactor.redact(&format!("a={text}&b")),
            "a=«pw»&b",
            "{text}"
        );
    }
}

#[test]
fn the_beginning_of_a_secret_goes_where_a_text_was_cut() {
    let redactor = redactor(&[("token", "s3cr3t-token/库存")]);
    redactor.derive("signature", &[0xab; 16]).unwrap();
    for (text, clean) in [
        ("t=s3cr3t-token/库", "t=«token»"),
        ("t=s3cr3t-token%2FE5%", "t=s3cr3t-token%2FE5%"),
        ("t=s3cr3t-token%2F%E5%", "t=«token»"),
        ("t=s3cr3t-t… and more", "t=«token»… and more"),
        ("sign=abababab", "sign=«signature»"),
        // Too short to be told from an accident, or not cut at all.
        ("t=s3cr3t-", "t=s3cr3t-"),
        ("t=s3cr3t-tale", "t=s3cr3t-tale"),
        ("sign=abababab;", "sign=abababab;"),
    ] {
        assert_eq!(redactor.redact(text), clean);
    }
}

#[test]
fn a_cut_is_seen_however_it_is_marked() {
    let redactor = redactor(&[("token", "s3cr3t-token")]);
    for text in [
        "s3cr3t-t...",
        "s3cr3t-t\u{2026}",
        "s3cr3t-t****",
        "s3cr3t-t\\u2026",
        "s3cr3t%2dt%2e%2e%2e",
        "s3cr3t-t%7",
    ] {
        let clean = redactor.redact(text);
        assert!(clean.starts_with("«token»"), "{text}: {clean}");
    }
    // Too short, or another word.
    for text in ["s3cr3t-...", "s3cr3t-tale", "s3cr3t-t."] {
        assert_eq!(redactor.redact(text), text);
    }
}

#[test]
fn it_does_not_matter_which_characters_an_encoder_escapes_and_how() {
    let secret = "a+b/c=<d>&'e\" f\\库%41~";
    let redactor = redactor(&[("pw", secret)]);
    let mut random = Random(0xec0de);
    let percent = |random: &mut Random, text: &str| -> String {
        let each = text.bytes().map(|byte| match (random.below(3), byte) {
            (_, b'%' | 128..) | (0, _) => format!("%{byte:02x}"),
            (1, _) => format!("%{byte:02X}"),
            _ => char::from(byte).to_string(),
        });
        each.collect()
    };
    let json = |random: &mut Random, text: &str| -> String {
        let each = text
            .chars()
            .map(|character| match (random.below(3), character) {
                (0, '"' | '\\' | '/') => format!("\\{character}"),
                (0 | 1, _) => format!("\\u{:04x}", u32::from(character)),
                (_, '"' | '\\') => format!("\\u{:04X}", u32::from(character)),
                _ => character.to_string(),
            });
        each.collect()
    };
    let html = |text: &str| -> String {
        text.replace('&', "&amp;")
            .replace('<', "&lt;")
            .replace('>', "&#62;")
            .replace('"', "&#x22;")
    };
    for _ in 0..500 {
        let url = percent(&mut random, secret);
        let once = json(&mut random, secret);
        for spelled in [
            url.clone(),
            percent(&mut random, &secret.replace(' ', "+")).replace("%2b", "%2B"),
            once.clone(),
            json(&mut random, &once),
            json(&mut random, &url),
            percent(&mut random, &url),
            html(secret),
            json(&mut random, &html(secret)),
        ] {
            let text = format!("[{spelled}]");
            assert_eq!(redactor.redact(&text), "[«pw»]", "{spelled}");
        }
    }
    // Go's and Gson's JSON, and a form.
    for spelled in [
        r#"a+b/c=\u003cd\u003e\u0026'e\" f\\库%41~"#,
        r#"a\u002bb/c\u003d\u003cd\u003e\u0026\u0027e\" f\\库%41~"#,
        "a%2Bb%2Fc%3D%3Cd%3E%26%27e%22+f%5C%E5%BA%93%2541%7E",
    ] {
        assert_eq!(redactor.redact(spelled), "«pw»");
    }
}

#[test]
fn the_strings_of_a_json_text_are_looked_at_one_by_one() {
    let redactor = redactor(&[("token", "s3cr3t-token"), ("pin", "12345678")]);
    for (json, clean) in [
        (r#"{"a":"s3cr3t-token"}"#, r#"{"a":"«token»"}"#),
        (
            r#"{"s3cr3t-token":[1,"s3cr3t-to"]}"#,
            r#"{"«token»":[1,"«token»"]}"#,
        ),
        (
            r#"{"a":"\u00733cr3t\u002dtoken \"x\""}"#,
            r#"{"a":"«token» \"x\""}"#,
        ),
        (
            r#"{"a": 12345678, "b": -12345678.5e3}"#,
            r#"{"a": "«pin»", "b": "-«pin».5e3"}"#,
        ),
        (
            r#"{"a":"{\"t\":\"s3cr3t-token\"}"}"#,
            r#"{"a":"{\"t\":\"«token»\"}"}"#,
        ),
        (
            r#"{"a":"s3cr3t%2dtok","b":"库\ud800"}"#,
            r#"{"a":"«token»","b":"库\ud800"}"#,
        ),
    ] {
        let found = redactor.redact_json(json);
        assert_eq!(found, clean);
        assert!(serde_json::from_str::<&serde_json::value::RawValue>(&found).is_ok());
    }
    let plain = r#"{"a":"s3cr3t","b":"%2F\u003c","c":1234567}"#;
    assert!(matches!(redactor.redact_json(plain), Cow::Borrowed(same) if same == plain));
}

#[test]
fn the_beginning_of_a_text_ends_without_half_a_secret() {
    let redactor = redactor(&[("token", "s3cr3t-token")]);
    let text = format!("{}s3cr3t-token{}", "x".repeat(95), "y".repeat(5_000));
    let start = redactor.start_of(&text, 100);
    assert_eq!(start, format!("{}«tok…", "x".repeat(95)));
    assert_eq!(redactor.start_of("短", 100), "短");
}

#[test]
fn outer_spaces_do_not_hide_a_secret() {
    let redactor = redactor(&[("token", " s3cr3t-token\n")]);
    assert_eq!(redactor.redact("t=s3cr3t-token;"), "t=«token»;");
    assert_eq!(redactor.redact("t= s3cr3t-token\n;"), "t=«token»;");
}

#[test]
fn a_secret_within_a_longer_base64_text_is_found_wherever_it_begins() {
    let redactor = redactor(&[("token", "s3cr3t?token>~")]);
    for before in 0..9 {
        for after in 0..4 {
            let text = format!("{}s3cr3t?token>~{}", "u".repeat(before), "v".repeat(after));
            for (name, coded) in [
                ("standard", STANDARD.encode(&text)),
                ("url", URL_SAFE_NO_PAD.encode(&text)),
                (
                    "percent",
                    utf8_percent_encode(&STANDARD.encode(&text), NON_ALPHANUMERIC).to_string(),
                ),
            ] {
                let clean = redactor.redact(&coded).into_owned();
                assert!(
                    clean.contains("«token»"),
                    "{name} {before} {after}: {clean}"
                );
                // What is left over belongs to the characters around it.
                let rest = clean.replace("«token»", "");
                assert!(
                    rest.len() <= (before + after) * 2 + 6 + 6,
                    "{name} {before} {after}: {clean}"
                );
            }
        }
    }
}

#[test]
fn basic_authentication_is_taken_out_whole() {
    let secret = Secret::new("pa:ss".to_owned());
    let redactor = Redactor::builder()
        .secret("password", &secret)
        .basic("password", "acme", &secret)
        .build();
    let header = format!("authorization: Basic {}", STANDARD.encode("acme:pa:ss"));
    assert_eq!(redactor.redact(&header), "authorization: Basic «password»");
    assert_eq!(redactor.redact("acme:pa:ss"), "«password»");
    assert_eq!(redactor.redact("pa:ss"), "«password»");
}

#[test]
fn every_common_spelling_of_a_signature_is_found() {
    let mut random = Random(0x5eed);
    let all = redactor(&[("token", "s3cr3t-token")]);
    for length in [16, 20, 32, 64] {
        for _ in 0..50 {
            let scope = all.scope();
            let digest = random.bytes(length);
            scope.derive("signature", &digest).unwrap();
            let base64 = STANDARD.encode(&digest);
            for text in [
                hex::encode(&digest),
                hex::encode_upper(&digest),
                base64.clone(),
                STANDARD_NO_PAD.encode(&digest),
                URL_SAFE.encode(&digest),
                URL_SAFE_NO_PAD.encode(&digest),
                utf8_percent_encode(&base64, NON_ALPHANUMERIC).to_string(),
                utf8_percent_encode(&base64, NON_ALPHANUMERIC)
                    .to_string()
                    .replace("%2B", "%2b")
                    .replace("%2F", "%2f")
                    .replace("%3D", "%3d"),
                base64.replace('/', "\\/"),
                STANDARD.encode(hex::encode(&digest)),
                STANDARD.encode(hex::encode_upper(&digest)),
            ] {
                assert_eq!(
                    scope.redact(&format!("?sign={text}&t=s3cr3t-token")),
                    "?sign=«signature»&t=«token»",
                    "{text}"
                );
            }
            let raw = [b"<", &digest[..], b">"].concat();
            assert_eq!(*scope.redact_bytes(&raw), *"<«signature»>".as_bytes());
            // Another delivery knows nothing of it.
            assert!(matches!(all.scope().redact(&base64), Cow::Borrowed(_)));
        }
    }
}

#[test]
fn overlapping_secrets_go_completely() {
    let redactor = redactor(&[
        ("a", "abcdefgh"),
        ("b", "efghijklm"),
        ("c", "cd"),
        ("d", "abcdefghijkl"),
    ]);
    assert_eq!(redactor.redact("<abcdefghijklm>"), "<«d»>");
    assert_eq!(redactor.redact("<abcdefgh>"), "<«a»>");
    assert_eq!(redactor.redact("<xcdx>"), "<x«c»x>");
    assert_eq!(redactor.redact("<abcdefghefghijklm>"), "<«a»«b»>");
    let redactor = self::redactor(&[("r", "aaaaaaaaaa")]);
    assert_eq!(redactor.redact(&"a".repeat(1_000_000)), "«r»");
    assert_eq!(redactor.redact("aaaaaaa"), "aaaaaaa");
}

#[test]
fn a_secret_that_is_an_ordinary_word_goes_everywhere() {
    let redactor = redactor(&[("password", "stock"), ("pin", "7"), ("none", "")]);
    assert_eq!(
        redactor.redact("/stock/update?stock=17 c3RvY2s="),
        "/«password»/update?«password»=1«pin» «password»"
    );
}

#[test]
fn the_first_of_two_equal_secrets_gives_the_name() {
    let redactor = redactor(&[("a", "same-secret"), ("b", "same-secret")]);
    assert_eq!(redactor.redact("same-secret"), "«a»");
}

#[test]
fn no_secret_survives_any_mixture_of_spellings() {
    let mut random = Random(0xdecade);
    for round in 0..300 {
        let secrets: Vec<(String, String)> = (0..1 + random.below(4))
            .map(|number| {
                let length = 6 + random.below(30);
                (format!("n{number}"), random.text(length).trim().to_owned())
            })
            .collect();
        let scope = Redactor::new(
            secrets
                .iter()
                .map(|(name, text)| (name.clone(), Secret::new(text.clone()))),
        );
        let digest = random.bytes(32);
        scope.derive("signature", &digest).unwrap();
        let mut spelled: Vec<String> = vec![hex::encode(&digest), STANDARD.encode(&digest)];
        for (_, secret) in &secrets {
            spelled.extend([
                secret.clone(),
                STANDARD.encode(secret),
                hex::encode(secret),
                utf8_percent_encode(secret, UNRESERVED).to_string(),
                serde_json::to_string(secret)
                    .map(|json| json[1..json.len() - 1].to_owned())
                    .unwrap(),
            ]);
        }
        let mut text = String::new();
        for _ in 0..20 {
            let noise = random.below(4);
            text.push_str(&random.text(noise));
            text.push_str(&spelled[random.below(spelled.len())]);
        }
        let clean = scope.redact(&text).into_owned();
        // Labels of neighbours may touch; what was between them may not.
        let rest: Vec<&str> = clean.split(['«', '»']).step_by(2).collect();
        for spelling in spelled.iter().filter(|spelling| !spelling.is_empty()) {
            for part in &rest {
                assert!(
                    !part.contains(spelling.as_str()),
                    "round {round}: {part:?} has {spelling:?}"
                );
            }
        }
        assert_eq!(
            scope.redact_bytes(text.as_bytes()).as_ref(),
            clean.as_bytes()
        );
    }
}

#[test]
fn a_digest_that_happens_to_cut_a_character_does_no_harm() {
    let redactor = redactor(&[]);
    // The last byte of 库 and the first two of 存, by way of a made-up "digest".
    redactor
        .derive("signature", b"\x93abcdefgh\xe5\xad")
        .unwrap();
    assert_eq!(redactor.redact("库abcdefgh存!"), "«signature»!");
}

#[test]
fn a_scope_is_full_at_some_point_and_says_so() {
    let scope = redactor(&[]).scope();
    let mut random = Random(0xf111);
    let mut last = Vec::new();
    for _ in 0..MAX_DERIVED {
        last = random.bytes(16);
        scope.derive("signature", &last).unwrap();
    }
    assert_eq!(scope.derive("signature", b"one more"), Err(TooManyDerived));
    assert_eq!(scope.redact(&hex::encode(last)), "«signature»");
}

#[test]
fn nothing_prints_a_secret() {
    let builder = Redactor::builder().secret("token", &Secret::new("s3cr3t-token".to_owned()));
    let printed = format!("{builder:?}");
    let redactor = builder.build();
    redactor.derive("signature", &[0xab; 16]).unwrap();
    let printed = format!("{printed} {redactor:?} {redactor:#?}");
    for secret in ["s3cr3t", "abab", "171"] {
        assert!(!printed.contains(secret), "{printed}");
    }
}
