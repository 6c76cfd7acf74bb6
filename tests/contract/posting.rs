//! Checks `POST /events`: which messages are accepted, how they are normalised, and idempotency keys.

use std::collections::HashSet;

use serde_json::json;

use crate::support::{Answer, Client, Method, Server, StatusCode, Tenant, within};

const BODY_MAX: usize = 16 * 1024;

/// Posts a body as given.
async fn post_body(server: &Client, body: impl Into<Vec<u8>>) -> Answer {
    server.request(Method::POST, "/events").tenant(Tenant::A).json(body).send().await
}

async fn post_with_key(server: &Client, tenant: Tenant, key: &str, message: &str) -> Answer {
    server.new_post(tenant, message).header("idempotency-key", key).send().await
}

/// A valid body of exactly this many bytes.
fn body_of(length: usize) -> Vec<u8> {
    let mut body = br#"{"message":"padded"}"#.to_vec();
    body.resize(length, b' ');
    body
}

#[tokio::test]
async fn an_event_has_exactly_four_fields_and_its_tenant() {
    let server = Server::start().await;
    for tenant in Tenant::ALL {
        let event = server.post(tenant, "hello").await.created();
        assert_eq!((event.tenant_id.as_str(), event.message.as_str()), (tenant.id(), "hello"));
    }
}

#[tokio::test]
async fn ids_are_random_and_timestamps_never_decrease() {
    let server = Server::start().await;
    let mut events = Vec::new();
    for n in 0..20 {
        events.push(server.post(Tenant::A, &n.to_string()).await.created());
    }
    assert!(events.is_sorted_by(|one, next| one.timestamp <= next.timestamp));
    assert_eq!(events.iter().map(|event| &event.id).collect::<HashSet<_>>().len(), 20);
}

#[tokio::test]
async fn a_message_of_500_characters_is_accepted_and_of_501_is_not() {
    let server = Server::start().await;
    for unit in ["a", "é", "\u{1F600}", "\u{301}", "\u{200d}", "क", "\u{10ffff}", "<"] {
        let event = server.post(Tenant::A, &unit.repeat(500)).await.created();
        assert_eq!(event.message, unit.repeat(500));
        let problem = server.post(Tenant::A, &unit.repeat(501)).await.refused(422);
        assert_eq!(problem.detail, "1 character over the 500 limit");
    }
}

#[tokio::test]
async fn crlf_counts_as_one_character() {
    let server = Server::start().await;
    let text = format!("{}x", "\r\n".repeat(499));
    server.post(Tenant::A, &format!("x{text}")).await.refused(422); // 1 + 499 + 1 characters
    let accepted = server.post(Tenant::A, &format!("x{}x", "\r\n".repeat(498))).await.created();
    assert_eq!(accepted.message, format!("x{}x", "\n".repeat(498)));
}

#[tokio::test]
async fn white_space_around_a_message_is_trimmed_and_not_counted() {
    let server = Server::start().await;
    for (sent, kept) in [
        ("  x  ", "x"),
        ("\r\n\tone\r\n two\n\n", "one\n two"),
        ("\u{85}\u{a0}\u{2003}\u{2028}\u{3000}x\u{85}", "x"),
        ("\u{feff}x\u{feff}", "\u{feff}x\u{feff}"),
        ("\u{200b}x", "\u{200b}x"),
        ("\rx\r", "x"),
    ] {
        assert_eq!(server.post(Tenant::A, sent).await.created().message, kept, "{sent:?}");
    }
    let padded = format!("{0}{1}{0}", " \r\n".repeat(300), "x".repeat(500));
    assert_eq!(server.post(Tenant::A, &padded).await.created().message.len(), 500);
}

#[tokio::test]
async fn an_empty_message_is_refused() {
    let server = Server::start().await;
    for empty in ["", " ", "\r\n", "\t\n", "\u{85}", "\u{3000}\u{2029}"] {
        server.post(Tenant::A, empty).await.refused(422);
    }
    assert_eq!(server.post(Tenant::A, "\u{feff}").await.created().message, "\u{feff}");
}

#[tokio::test]
async fn only_two_control_characters_are_accepted_line_feed_and_tab() {
    let server = Server::start().await;
    assert_eq!(server.post(Tenant::A, "a\n\tb").await.created().message, "a\n\tb");
    let controls = (0..=0x1f).chain(0x7f..=0x9f).filter_map(char::from_u32).filter(|c| !matches!(c, '\n' | '\t'));
    for control in controls {
        server.post(Tenant::A, &format!("a{control}b")).await.refused(422);
    }
}

#[tokio::test]
async fn any_other_text_is_kept_as_sent() {
    let server = Server::start().await;
    for text in [
        "<script>alert(1)</script>",
        "a\u{202e}b\u{2066}c",
        "👩\u{200d}👩\u{200d}👧",
        "\"\\/{}[]",
        "&amp; %41 {{x}}",
        "e\u{301}",
        "\u{fffe}\u{e000}",
    ] {
        assert_eq!(server.post(Tenant::A, text).await.created().message, text);
    }
    assert_eq!(post_body(&server, r#"{"message":"\u0041\ud83d\ude00"}"#).await.created().message, "A\u{1F600}");
}

#[tokio::test]
async fn a_body_is_an_object_with_exactly_one_string_field() {
    let server = Server::start().await;
    for body in [
        "{}",
        "[]",
        "null",
        "7",
        "\"text\"",
        "[\"text\"]",
        "[{\"message\":\"x\"}]",
        r#"{"text":"x"}"#,
        r#"{"Message":"x"}"#,
        r#"{"message":7}"#,
        r#"{"message":null}"#,
        r#"{"message":["x"]}"#,
        r#"{"message":{"message":"x"}}"#,
        r#"{"message":1e999}"#,
        r#"{"message":"x","more":1}"#,
        r#"{"message":"x","tenant_id":"tenant_a"}"#,
        r#"{"message":"x","message":"x"}"#,
        r#"{"message":"x","message":"y"}"#,
    ] {
        let answer = post_body(&server, body).await;
        assert_eq!(answer.status, 422, "{body} gave {answer:?}");
        answer.refused(422);
    }
    assert!(server.list(Tenant::A).await.events.is_empty());
}

#[tokio::test]
async fn a_deeply_nested_body_is_refused_like_any_other() {
    let server = Server::start().await;
    for (open, close) in [("[", "]"), (r#"{"message":"#, "}")] {
        let depth = 1_200;
        let body = format!("{}\"x\"{}", open.repeat(depth), close.repeat(depth));
        post_body(&server, body).await.refused(422);
    }
}

#[tokio::test]
async fn a_body_that_is_not_json_or_not_utf_8_is_refused() {
    let server = Server::start().await;
    for body in ["", " ", "{", r#"{"message":"x""#, r#"{"message":"x"} x"#, r#"{"message":'x'}"#, "message=x", "{,}"] {
        post_body(&server, body).await.refused(400);
    }
    for body in [&b"{\"message\":\"\xff\"}"[..], b"{\"message\":\"\xed\xa0\x80\"}", b"\xfe\xff", b"\xef\xbb\xbf{}"] {
        post_body(&server, body).await.refused(400);
    }
    // JSON requires a control character in a string to be escaped.
    post_body(&server, "{\"message\":\"a\nb\"}").await.refused(400);
}

#[tokio::test]
async fn a_body_of_16_kib_is_accepted_and_one_byte_more_gets_413() {
    let server = Server::start().await;
    let post = |length| server.request(Method::POST, "/events").tenant(Tenant::A).json(body_of(length));
    for (fits, one_more) in
        [(post(BODY_MAX), post(BODY_MAX + 1)), (post(BODY_MAX).chunked(), post(BODY_MAX + 1).chunked())]
    {
        assert_eq!(fits.send().await.created().message, "padded");
        one_more.send().await.refused(413);
    }
}

#[tokio::test]
async fn the_content_type_must_be_application_json() {
    let server = Server::start().await;
    let post = || server.request(Method::POST, "/events").tenant(Tenant::A).body(r#"{"message":"typed"}"#);
    for right in ["application/json", "Application/JSON", "application/json; charset=utf-8", "application/json ;x=y"] {
        post().header("content-type", right).send().await.created();
    }
    for wrong in ["", "text/plain", "application/x-www-form-urlencoded", "application/jsonx", "application/json, x/y"] {
        post().header("content-type", wrong).send().await.refused(415);
    }
    post().send().await.refused(415);
    let twice = post().header("content-type", "application/json").header("content-type", "application/json");
    twice.send().await.refused(415);
}

#[tokio::test]
async fn a_repeated_key_returns_the_first_event_and_posts_nothing() {
    let server = Server::start().await;
    let mut socket = server.connect(Tenant::A).await;
    let first = post_with_key(&server, Tenant::A, "once", "hello").await.created();
    assert_eq!(post_with_key(&server, Tenant::A, "once", "hello").await.created(), first);
    assert_eq!(post_with_key(&server, Tenant::A, "once", " hello\r\n").await.created(), first, "once normalised");
    let marker = server.post(Tenant::A, "marker").await.created();
    assert_eq!(socket.next_events(2).await, [first.clone(), marker.clone()]);
    assert_eq!(server.list(Tenant::A).await.events, [marker, first]);
}

#[tokio::test]
async fn concurrent_posts_with_one_key_post_once() {
    let server = Server::start().await;
    let posts = (0..30).map(|_| post_with_key(&server, Tenant::A, "once", "hello"));
    let answers = within("all answers", futures_util::future::join_all(posts)).await;
    let ids: HashSet<_> = answers.into_iter().map(|answer| answer.created().id).collect();
    assert_eq!((ids.len(), server.list(Tenant::A).await.seq), (1, 1));
}

#[tokio::test]
async fn a_used_key_with_another_message_is_refused() {
    let server = Server::start().await;
    let first = post_with_key(&server, Tenant::A, "once", "hello").await.created();
    post_with_key(&server, Tenant::A, "once", "Hello").await.refused(422);
    assert_eq!(server.list(Tenant::A).await.events, [first]);
}

#[tokio::test]
async fn each_tenant_has_its_own_keys() {
    let server = Server::start().await;
    let of_a = post_with_key(&server, Tenant::A, "once", "for A").await.created();
    let of_b = post_with_key(&server, Tenant::B, "once", "for B").await.created();
    assert_eq!(post_with_key(&server, Tenant::A, "once", "for A").await.created(), of_a);
    assert_eq!(server.list(Tenant::B).await.events, [of_b]);
}

#[tokio::test]
async fn a_key_is_remembered_after_its_event_is_no_longer_kept() {
    let server = Server::with(|settings| settings.retain = 2).await;
    let first = post_with_key(&server, Tenant::A, "once", " hello\r\n").await.created();
    let mut others = server.open().await;
    for n in 0..1_000 {
        others.send(server.new_post(Tenant::A, &n.to_string())).await.created();
    }
    let mut socket = server.connect(Tenant::A).await;
    assert_eq!(post_with_key(&server, Tenant::A, "once", "hello").await.created(), first);
    post_with_key(&server, Tenant::A, "once", "another").await.refused(422);
    let of_b = post_with_key(&server, Tenant::B, "once", "another").await.created();
    assert_ne!(of_b.id, first.id, "the other tenant's keys are its own");
    assert_eq!(post_with_key(&server, Tenant::B, "once", "another").await.created(), of_b, "and so are its events");
    let marker = server.post(Tenant::A, "marker").await.created();
    assert_eq!(socket.next_event().await, marker, "nothing was posted again");
    assert_eq!(server.list(Tenant::A).await.messages(), ["marker", "999"]);
}

#[tokio::test]
async fn a_key_is_1_to_128_visible_ascii_characters_in_one_header() {
    let server = Server::start().await;
    for (n, right) in ["~!\"x", "k", &"k".repeat(128)].into_iter().enumerate() {
        post_with_key(&server, Tenant::A, right, &n.to_string()).await.created();
    }
    for wrong in ["", "a b", "a\tb", "é", &"k".repeat(129)] {
        post_with_key(&server, Tenant::A, wrong, "hello").await.refused(400);
    }
    let twice = server.new_post(Tenant::A, "x").header("idempotency-key", "k2").header("idempotency-key", "k2");
    twice.send().await.refused(400);
}

#[tokio::test]
async fn a_post_with_an_incomplete_body_posts_nothing() {
    let server = Server::start().await;
    let post = server.new_post(Tenant::A, "").header("content-length", "100");
    let mut raw = server.raw().await;
    raw.write([post.head(), br#"{"message":"cut"}"#.to_vec()].concat()).await;
    raw.finish_sending().await;
    assert!(raw.at_end().await || raw.answer().await.status.is_client_error());
    let marker = server.post(Tenant::A, "marker").await.created();
    assert_eq!(server.list(Tenant::A).await.events, [marker]);
}

#[tokio::test]
async fn a_client_that_expects_100_continue_receives_it() {
    let server = Server::start().await;
    let body = json!({ "message": "expected" }).to_string();
    let post = server.new_post(Tenant::A, "").header("expect", "100-continue");
    let mut raw = server.raw().await;
    raw.write(post.header("content-length", body.len().to_string()).head()).await;
    raw.answer().await.is(StatusCode::CONTINUE);
    raw.write(body).await;
    assert_eq!(raw.answer().await.created().message, "expected");
}
