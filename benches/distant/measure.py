"""Measures how fast a distant reader receives a list and a burst of events, over a connection with 50 ms of round trip.

The reader is in a network namespace that this script makes and removes. It needs root and Linux, and uses no other machine.

    python3 benches/distant/measure.py [SERVER]     a built server; target/release/event-feed without the argument

A list of 1,000 of the largest events (2.1 MB) is read three times, and 400 such events are received as they are posted.
"""

import json
import pathlib
import socket
import statistics
import subprocess
import sys
import time

HERE = pathlib.Path(__file__).parent
NAMESPACE = "event-feed-far"
NEAR = "10.77.0.1"
ONE_WAY_MS = "25"
REPETITIONS = 3
EVENT = "\U0001F600" * 500

LIST = f"GET /events HTTP/1.1\r\nHost: {NEAR}\r\nX-Tenant-ID: tenant_a\r\nConnection: close\r\n\r\n"
SOCKET = (
    f"GET /ws?tenant=tenant_a HTTP/1.1\r\nHost: {NEAR}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
    "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
)


def receive(port, request, until):
    """Runs in the other namespace. Says when the answer, or the subscription, has begun; then how many bytes came, and within how
    many seconds of the first of them."""
    tcp = socket.create_connection((NEAR, port))
    tcp.sendall(request.encode())
    tcp.recv(1 << 10)
    print("ready", flush=True)
    count, first, last = 0, None, None
    while count < until and (piece := tcp.recv(1 << 20)):
        last = time.monotonic()
        first = first or last
        count += len(piece)
    print(count, last - first)


def post(port, count):
    body = json.dumps({"message": EVENT}, ensure_ascii=False).encode()
    head = (
        "POST /events HTTP/1.1\r\nHost: localhost\r\nX-Tenant-ID: tenant_a\r\nContent-Type: application/json\r\n"
        f"Content-Length: {len(body)}\r\n\r\n"
    )
    tcp = socket.create_connection(("127.0.0.1", port))
    answers = tcp.makefile("rb")
    for _ in range(count):
        tcp.sendall(head.encode() + body)
        length = 0
        while (line := answers.readline()) not in (b"\r\n", b""):
            if line.lower().startswith(b"content-length:"):
                length = int(line.split(b":")[1])
        answers.read(length)


def measure(name, port, request, until, meanwhile=lambda: None):
    rates = []
    for _ in range(REPETITIONS):
        command = ["ip", "netns", "exec", NAMESPACE, sys.executable, __file__, "receive", str(port), request, str(until)]
        reader = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        reader.stdout.readline()
        meanwhile()
        count, seconds = reader.stdout.readline().split()
        rates.append(int(count) / float(seconds) / 1e6)
    print(f"{name}: {statistics.median(rates):.2f} MB/s, of {min(rates):.2f} to {max(rates):.2f}")


def main(server):
    subprocess.run(["ip", "netns", "add", NAMESPACE], check=True)
    line = subprocess.Popen(
        [sys.executable, HERE / "delay.py", NAMESPACE, ONE_WAY_MS], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    line.stdout.readline()
    command = [server, "--host", "0.0.0.0", "--port", "0", "--log", "event_feed=info"]
    program = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)
    try:
        address = next(text for text in program.stderr if "http://" in text)
        port = int(address.rstrip().rstrip("/").rsplit(":", 1)[1])
        post(port, 1_000)
        measure("a list of 2.1 MB", port, LIST, 1 << 30)
        # Each event is a frame of some 2,160 bytes; the last few are left out, so that nothing waits for a heartbeat.
        measure("a burst of 400 events", port, SOCKET, 390 * 2_160, lambda: post(port, 400))
    finally:
        program.terminate()
        program.wait()
        line.stdin.close()
        line.wait()
        subprocess.run(["ip", "netns", "delete", NAMESPACE], check=True)


if __name__ == "__main__":
    if sys.argv[1:2] == ["receive"]:
        receive(int(sys.argv[2]), sys.argv[3], int(sys.argv[4]))
    else:
        main(sys.argv[1] if len(sys.argv) > 1 else "target/release/event-feed")
