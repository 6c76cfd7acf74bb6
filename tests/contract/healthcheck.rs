//! Runs the binary's `--healthcheck`, as a container does.

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpListener,
};

use crate::support::{Program, Server, Tenant, within};

async fn check(port: u16) -> Option<i32> {
    let exit = Program::run(&["--healthcheck", "--port", &port.to_string()]).await;
    let lines = usize::from(exit.code != Some(0));
    assert_eq!((exit.stderr.lines().count(), exit.stdout.as_str()), (lines, ""), "{exit:?}");
    exit.code
}

#[tokio::test]
async fn a_running_server_is_healthy_and_a_stopped_one_is_not() {
    let server = Server::start().await;
    let port = server.address().port();
    assert_eq!(check(port).await, Some(0));
    server.stop().await.ended().await;
    assert_eq!(check(port).await, Some(1));
}

#[tokio::test]
async fn a_server_that_listens_on_all_addresses_is_asked_on_the_loopback_address() {
    let program = Program::start(&["--host", "0.0.0.0"]).await;
    let port = program.address().port().to_string();
    program.post(Tenant::A, "x").await.created();
    let exit = Program::run(&["--healthcheck", "--host", "0.0.0.0", "--port", &port]).await;
    assert_eq!(exit.code, Some(0), "{exit:?}");
}

#[tokio::test]
async fn any_answer_but_200_is_unhealthy() {
    let other = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = other.local_addr().unwrap().port();
    let answer = async {
        let (mut tcp, _) = within("the health check", other.accept()).await.unwrap();
        let mut request = [0; 1_024];
        let length = tcp.read(&mut request).await.unwrap();
        assert!(request[..length].starts_with(b"GET /healthz HTTP/1.1\r\n"));
        tcp.write_all(b"HTTP/1.1 503 Service Unavailable\r\ncontent-length: 0\r\n\r\n").await.unwrap();
    };
    assert_eq!(tokio::join!(check(port), answer).0, Some(1));
}
