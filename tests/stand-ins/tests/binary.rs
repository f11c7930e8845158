//! The binary serves until it is told to stop.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use crossdock_stand_ins::Options;

/// Ends the child even when an assertion fails.
struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[test]
fn the_binary_prints_where_each_platform_is_and_answers_there() {
    let child = Command::new(env!("CARGO_BIN_EXE_stand-ins"))
        .args(["--listen", "127.0.0.1:0"])
        .stdout(Stdio::piped())
        .spawn()
        .expect("a process");
    let mut running = Running(child);
    let stdout = running.0.stdout.take().expect("its output");
    let lines: Vec<String> = BufReader::new(stdout)
        .lines()
        .take(8)
        .collect::<Result<_, _>>()
        .expect("eight lines");
    let names: Vec<&str> = lines
        .iter()
        .filter_map(|line| line.split_whitespace().next())
        .collect();
    assert_eq!(
        names,
        [
            "dingliyun",
            "doudian",
            "fengchao",
            "lingzhi",
            "oauth",
            "shopify",
            "wangdian",
            "control"
        ]
    );
    let address = lines[7].split('/').nth(2).expect("an address");
    let mut stream = TcpStream::connect(address).expect("a connection");
    stream
        .set_read_timeout(Some(Duration::from_secs(20)))
        .expect("a bound");
    stream
        .write_all(
            b"GET /_control/wangdian/counters HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n",
        )
        .expect("a request");
    let mut answer = String::new();
    stream.read_to_string(&mut answer).expect("an answer");
    assert!(
        answer
            .ends_with(r#"{"received":0,"applied":0,"violating":0,"misbehaved":0,"throttled":0}"#),
        "{answer}"
    );
}

#[test]
fn options_may_name_one_thing_only_and_nothing_unknown() {
    let text = r#"{"doudian": {"access_token": "t"}, "lingzhi": {"auth": {"header": {"name": "X", "value": "y"}}},
        "fengchao": {"repeat": "apply_again"}, "calls_per_minute": {"wangdian": 60}, "clock": {"shifted": -5}}"#;
    let options: Options = serde_json::from_str(text).expect("options");
    assert_eq!(
        (
            options.doudian.access_token.as_str(),
            options.doudian.app_key.as_str()
        ),
        ("t", "app-key")
    );
    assert!(serde_json::from_str::<Options>(r#"{"doudian": {"token": "t"}}"#).is_err());
}
