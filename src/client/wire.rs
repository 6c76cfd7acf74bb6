//! Reads what the server sends from [`Json`]: frames, lists and answers. Their meaning is not decided here.
//!
//! By hand, over the browser's own parser: serde's readers, one for each type and all that they hold, would be a quarter
//! of the client. Natively the same lines run over serde_json, and a test compares them with serde.

use std::{str::FromStr, sync::Arc};

use uuid::Uuid;

use super::{ANSWER_LIMIT, Answer, ListAnswer, NoAnswer, browser::Json};
use crate::feed::{
    Ended, Event, Message, Position, Problem, Report, TenantReport, Timestamp,
    protocol::{Hello, Incoming},
};

/// A value that can be read from JSON, whole or not at all.
pub trait FromJson: Sized {
    /// Reads it; `None` if something is missing or of another kind.
    fn from_json(json: &Json) -> Option<Self>;
}

impl Json {
    /// The text under this name.
    #[must_use]
    pub fn text(&self, name: &str) -> Option<String> {
        self.member(name)?.as_text()
    }

    /// The whole number under this name.
    #[must_use]
    pub fn number(&self, name: &str) -> Option<u64> {
        self.member(name)?.as_number()
    }

    /// Whether what is under this name is true.
    #[must_use]
    pub fn flag(&self, name: &str) -> Option<bool> {
        self.member(name)?.as_flag()
    }

    /// The uuid under this name.
    #[must_use]
    pub fn uuid(&self, name: &str) -> Option<Uuid> {
        Uuid::try_parse(&self.text(name)?).ok()
    }

    /// The value that the text under this name stands for.
    #[must_use]
    pub fn parsed<T: FromStr>(&self, name: &str) -> Option<T> {
        self.text(name)?.parse().ok()
    }
}

/// Reads a frame; `None` if it cannot be read.
#[must_use]
pub fn frame(text: &str) -> Option<Incoming> {
    let json = Json::parse(text)?;
    let milliseconds = |name| json.number(name)?.try_into().ok();
    Some(match json.text("type")?.as_str() {
        "connection_established" => Incoming::ConnectionEstablished(Hello {
            tenant_id: json.parsed("tenant_id")?,
            connection_id: json.uuid("connection_id")?,
            timestamp: timestamp(&json)?,
            epoch: json.uuid("epoch")?,
            seq: json.number("seq")?,
            heartbeat_ms: milliseconds("heartbeat_ms")?,
            reconnect_ms: milliseconds("reconnect_ms")?,
            connections: json.number("connections"),
            build: json.text("build")?,
        }),
        "event_created" => Incoming::EventCreated {
            seq: json.number("seq")?,
            event: Arc::new(Event::from_json(&json.member("event")?)?),
        },
        "heartbeat" => Incoming::Heartbeat {
            seq: json.number("seq")?,
            reconnect_ms: milliseconds("reconnect_ms")?,
            connections: json.number("connections"),
        },
        _ => Incoming::Unknown,
    })
}

/// Reads the answer to a `GET /events`.
#[must_use]
pub fn list(answer: &Answer) -> ListAnswer {
    let position = answer.position.as_ref()?.parse().ok()?;
    let events = events(answer.body.as_ref()?)?;
    (answer.status == 200).then_some((position, events))
}

/// Reads the answer to a server function.
///
/// # Errors
/// The server's refusal, which is a problem of status 400 or above. A lost answer is a problem of status 0; so is a refusal
/// that is not the server's, as only the server refuses with a problem. A success that cannot be read keeps its status: it
/// comes from somebody else, for example from a proxy that wants people to sign in.
pub fn result<T: FromJson>(answer: Result<Answer, NoAnswer>) -> Result<T, Problem> {
    let Answer { status, body, .. } = answer.map_err(|error| match error {
        NoAnswer::Late => no_answer(&format!("no answer came within {} seconds", ANSWER_LIMIT / 1000)),
        NoAnswer::Unreachable => no_answer("the server cannot be reached"),
    })?;
    let read = body.and_then(|json| match status {
        ..400 => T::from_json(&json).map(Ok),
        _ => Problem::from_json(&json).map(Err),
    });
    read.unwrap_or_else(|| {
        let problem = no_answer("the answer cannot be read");
        Err(Problem { status: if status < 400 { status } else { 0 }, ..problem })
    })
}

/// The problem that stands for an answer which did not come, or cannot be read.
#[must_use]
pub fn no_answer(detail: &str) -> Problem {
    let [kind, title, detail] = ["about:blank", "No answer", detail].map(String::from);
    Problem { kind, title, status: 0, detail }
}

/// Reads a list of events.
#[must_use]
pub fn events(json: &Json) -> Option<Vec<Arc<Event>>> {
    json.items()?.iter().map(|item| Event::from_json(item).map(Arc::new)).collect()
}

fn timestamp(json: &Json) -> Option<Timestamp> {
    Timestamp::parse(&json.text("timestamp")?).ok()
}

impl FromJson for Event {
    fn from_json(json: &Json) -> Option<Self> {
        Some(Self {
            id: json.uuid("id")?,
            tenant_id: json.parsed("tenant_id")?,
            message: Message::parse(&json.text("message")?).ok()?,
            timestamp: timestamp(json)?,
        })
    }
}

impl FromJson for Position {
    fn from_json(json: &Json) -> Option<Self> {
        Some(Self { epoch: json.uuid("epoch")?, seq: json.number("seq")? })
    }
}

impl FromJson for Problem {
    fn from_json(json: &Json) -> Option<Self> {
        Some(Self {
            kind: json.text("type")?,
            title: json.text("title")?,
            status: json.number("status")?.try_into().ok()?,
            detail: json.text("detail")?,
        })
    }
}

impl FromJson for Report {
    fn from_json(json: &Json) -> Option<Self> {
        let [a, b] = &json.member("tenants")?.items()?[..] else { return None };
        Some(Self {
            epoch: json.uuid("epoch")?,
            timestamp: timestamp(json)?,
            build: json.text("build")?,
            tenants: [TenantReport::from_json(a)?, TenantReport::from_json(b)?],
            refused_origin: json.number("refused_origin")?,
            refused_host: json.number("refused_host")?,
        })
    }
}

impl FromJson for TenantReport {
    fn from_json(json: &Json) -> Option<Self> {
        Some(Self {
            epoch: json.uuid("epoch")?,
            connections: json.number("connections")?,
            accepted: json.number("accepted")?,
            delivered: json.number("delivered")?,
            ended: Ended::from_json(&json.member("ended")?)?,
        })
    }
}

impl FromJson for Ended {
    fn from_json(json: &Json) -> Option<Self> {
        Some(Self {
            slow: json.number("slow")?,
            silent: json.number("silent")?,
            stopping: json.number("stopping")?,
            unreachable: json.number("unreachable")?,
            policy: json.number("policy")?,
            closed_by_peer: json.number("closed_by_peer")?,
        })
    }
}

#[cfg(test)]
mod tests {
    use serde::Serialize;

    use super::*;
    use crate::feed::{Tenant, protocol::Outgoing};

    fn event(n: u128) -> Event {
        Event {
            id: Uuid::from_u128(n),
            tenant_id: Tenant::B,
            message: Message::parse("a \"quoted\"\nline \u{1F600}").unwrap(),
            timestamp: Timestamp::parse("2026-11-23T08:00:00.123Z").unwrap(),
        }
    }

    fn hello() -> Hello {
        Hello {
            tenant_id: Tenant::A,
            connection_id: Uuid::from_u128(1),
            timestamp: event(0).timestamp,
            epoch: Uuid::from_u128(2),
            seq: 41,
            heartbeat_ms: 15_000,
            reconnect_ms: 500,
            connections: Some(3),
            build: String::from("x"),
        }
    }

    fn json(value: &impl Serialize) -> Json {
        Json::parse(&serde_json::to_string(value).unwrap()).unwrap()
    }

    #[test]
    fn a_frame_is_read_as_serde_reads_it() {
        let frames = [
            Outgoing::ConnectionEstablished(&hello()).encode(),
            Outgoing::EventCreated { seq: 7, event: &event(3) }.encode(),
            Outgoing::Heartbeat { seq: 7, reconnect_ms: 500, connections: Some(3) }.encode(),
            Outgoing::Heartbeat { seq: 7, reconnect_ms: 500, connections: None }.encode(),
            String::from(r#"{"type":"news","of":1}"#),
        ];
        for text in frames {
            assert_eq!(frame(&text), Incoming::decode(&text).ok(), "{text}");
        }
    }

    #[test]
    fn a_frame_with_an_unknown_number_of_connections_is_read() {
        let whole = [
            Outgoing::ConnectionEstablished(&hello()).encode(),
            Outgoing::Heartbeat { seq: 7, reconnect_ms: 500, connections: Some(3) }.encode(),
        ];
        let count = |frame| match frame {
            Some(Incoming::ConnectionEstablished(Hello { connections, .. })) => connections,
            Some(Incoming::Heartbeat { connections, .. }) => connections,
            other => panic!("{other:?}"),
        };
        for text in whole {
            assert_eq!(count(frame(&text)), Some(3));
            for unknown in ["-1", "1.5", "null", "\"3\""] {
                let text = text.replace("\"connections\":3", &format!("\"connections\":{unknown}"));
                assert_eq!(count(frame(&text)), None, "{text}");
            }
            assert_eq!(count(frame(&text.replace(",\"connections\":3", ""))), None);
        }
    }

    #[test]
    fn what_lacks_something_or_has_it_of_another_kind_is_not_read() {
        let mut broken = vec![String::new(), String::from("[]"), String::from("null"), String::from("{}")];
        let whole = [
            Outgoing::ConnectionEstablished(&hello()).encode(),
            Outgoing::EventCreated { seq: 7, event: &event(3) }.encode(),
            Outgoing::Heartbeat { seq: 7, reconnect_ms: 500, connections: Some(3) }.encode(),
        ];
        for text in whole {
            let whole: serde_json::Map<_, _> = serde_json::from_str(&text).unwrap();
            for name in whole.keys().filter(|name| *name != "connections") {
                let mut less = whole.clone();
                less.remove(name);
                broken.push(serde_json::to_string(&less).unwrap());
                for other in
                    [serde_json::json!(-1), serde_json::json!(1.5), serde_json::json!([]), serde_json::json!(null)]
                {
                    let mut wrong = whole.clone();
                    wrong.insert(name.clone(), other);
                    broken.push(serde_json::to_string(&wrong).unwrap());
                }
            }
        }
        for text in broken {
            assert_eq!(frame(&text), None, "{text}");
        }
    }

    #[test]
    fn a_list_is_read_whole_or_not_at_all() {
        let answer = |status, position: Option<&str>, body: Option<Json>| Answer {
            status,
            position: position.map(str::to_owned),
            body,
        };
        let position = Position { epoch: Uuid::from_u128(2), seq: 2 };
        let at = position.to_string();
        let events = [event(2), event(1)];
        let read = list(&answer(200, Some(&at), Some(json(&events))));
        assert_eq!(read, Some((position, events.map(Arc::new).to_vec())));

        let mut short = json(&[event(1)]).items().unwrap();
        assert_eq!(list(&answer(200, Some(&at), short.pop())), None, "no list");
        assert_eq!(list(&answer(200, None, Some(json(&[event(1)])))), None, "no position");
        assert_eq!(list(&answer(503, Some(&at), Some(json(&[event(1)])))), None, "a refusal");
        assert_eq!(list(&answer(200, Some(&at), None)), None, "no JSON");
        assert_eq!(list(&answer(200, Some(&at), Json::parse("[{}]"))), None, "no event");
    }

    #[test]
    fn only_the_servers_own_problem_is_a_refusal() {
        let answer = |status, body: &str| Ok(Answer { status, position: None, body: Json::parse(body) });
        let status = |answer| result::<Event>(answer).map_err(|problem| problem.status);
        let accepted = serde_json::to_string(&event(3)).unwrap();
        assert_eq!(status(answer(200, &accepted)), Ok(event(3)));
        let problem = r#"{"type":"about:blank","title":"Full","status":503,"detail":"Try again."}"#;
        assert_eq!(status(answer(503, problem)), Err(503));
        for (code, body) in [(502, "<h1>Bad gateway</h1>"), (504, r#"{"detail":"upstream timed out"}"#), (500, "")] {
            assert_eq!(status(answer(code, body)), Err(0), "{code}");
        }
        for body in ["<title>Sign in</title>", "", "{}", "null"] {
            assert_eq!(status(answer(200, body)), Err(200), "{body}");
        }
        for lost in [NoAnswer::Late, NoAnswer::Unreachable] {
            assert_eq!(status(Err(lost)), Err(0));
        }
    }

    #[test]
    fn what_is_written_is_read_again() {
        assert_eq!(Event::from_json(&json(&event(3))), Some(event(3)));
        let position = Position { epoch: Uuid::from_u128(2), seq: 41 };
        assert_eq!(Position::from_json(&json(&position)), Some(position));
        let text = |text: &str| text.to_owned();
        let problem = Problem { kind: text("about:blank"), title: text("No"), status: 422, detail: text("Do.") };
        assert_eq!(Problem::from_json(&json(&problem)), Some(problem));
        let ended = Ended { slow: 1, silent: 2, stopping: 3, unreachable: 6, policy: 4, closed_by_peer: 5 };
        let tenant =
            |connections| TenantReport { epoch: Uuid::from_u128(3), connections, accepted: 7, delivered: 8, ended };
        let hello = hello();
        let report = Report {
            epoch: hello.epoch,
            timestamp: hello.timestamp,
            build: hello.build,
            tenants: [tenant(6), tenant(9)],
            refused_origin: 10,
            refused_host: 11,
        };
        assert_eq!(Report::from_json(&json(&report)), Some(report));
    }

    #[test]
    fn what_comes_over_the_wire_obeys_the_rules() {
        let mut text = serde_json::to_value(event(3)).unwrap();
        text["message"] = "  ".into();
        assert_eq!(Event::from_json(&json(&text)), None);
    }
}
