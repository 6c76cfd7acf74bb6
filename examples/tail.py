#!/usr/bin/env python3
"""Prints a tenant's events as lines of JSON: the kept ones, and then each new one. It reconnects by the contract.

    pip install websockets
    python3 tail.py tenant_a [HOST:PORT]
"""

import argparse
import json
import random
import sys
import time
from contextlib import closing
from http.client import HTTPConnection, HTTPException

from websockets.exceptions import ConnectionClosed, WebSocketException
from websockets.sync.client import connect

# The client's duties of docs/contract.md, in seconds.
LIMIT = 10  # for a handshake, the hello, a list
LONGEST_WAIT = 30
STABLE = 10  # so long live, and the next loss counts as the first

REFUSED = 1008  # the close code after which a client stops


class Lost(Exception):
    """The connection is of no use any more."""


class Tail:
    def __init__(self, feed, tenant):
        self.feed = feed
        self.tenant = tenant
        self.epoch = None  # changes when the feed begins again
        self.printed = 0  # the `seq` up to which all events of that process are printed, or gone
        self.window = 0.5  # the window over which to spread a return
        self.live_since = None

    def run(self):
        """Connects, and reconnects after each loss: with full jitter over a window that doubles with each attempt."""
        attempts = 0
        while True:
            self.live_since = None
            try:
                self.receive()
            except ConnectionClosed as closed:
                if closed.rcvd and closed.rcvd.code == REFUSED:
                    sys.exit(f"stopped: {closed.rcvd.reason}")
            except (OSError, ValueError, HTTPException, WebSocketException, Lost):
                pass
            if self.live_since and time.monotonic() - self.live_since >= STABLE:
                attempts = 0
            time.sleep(random.uniform(0, min(LONGEST_WAIT, self.window * 2 ** min(attempts, 10))))
            attempts += 1

    def receive(self):
        """Subscribes first, and reads the list second: so nothing is missing, and `seq` shows what comes twice."""
        address = f"ws://{self.feed}/ws?tenant={self.tenant}"
        with connect(address, open_timeout=LIMIT, close_timeout=1) as socket:
            hello = json.loads(socket.recv(timeout=LIMIT))
            if hello["tenant_id"] != self.tenant:
                raise Lost
            if hello["epoch"] != self.epoch:
                self.epoch, self.printed = hello["epoch"], 0
            self.window = hello["reconnect_ms"] / 1000
            self.complete(hello["seq"])
            self.live_since = time.monotonic()
            while True:
                # A TimeoutError after two heartbeat intervals of silence is an OSError.
                frame = json.loads(socket.recv(timeout=2 * hello["heartbeat_ms"] / 1000))
                if frame["type"] == "event_created":
                    self.complete(frame["seq"] - 1)
                    self.print(frame["seq"], frame["event"])
                elif frame["type"] == "heartbeat":
                    self.window = frame["reconnect_ms"] / 1000
                    self.complete(frame["seq"])

    def complete(self, seq):
        """Prints everything up to `seq`: reads the list if anything is missing."""
        deadline = time.monotonic() + LIMIT
        while self.printed < seq:
            with closing(HTTPConnection(self.feed, timeout=LIMIT)) as server:
                server.request("GET", "/events", headers={"X-Tenant-ID": self.tenant})
                answer = server.getresponse()
                if answer.status != 200:
                    raise Lost
                events = json.load(answer)
            epoch, newest = answer.headers["Feed-Position"].split(":")
            newest = int(newest)
            if epoch != self.epoch or time.monotonic() > deadline:
                raise Lost
            if newest < seq:  # from a server that lags
                time.sleep(random.uniform(0, self.window))
                continue
            oldest = newest - len(events) + 1
            if oldest > self.printed + 1:
                print("Some older events are no longer available.", file=sys.stderr)
            for number, event in enumerate(reversed(events), oldest):
                self.print(number, event)
            self.printed = newest

    def print(self, seq, event):
        if seq <= self.printed:
            return
        if event["tenant_id"] != self.tenant:
            print("An event of another tenant arrived. It was dropped.", file=sys.stderr)
            return
        try:
            print(json.dumps(event), flush=True)
        except OSError as error:
            sys.exit(f"cannot print: {error}")
        self.printed = seq


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description="Prints a tenant's events as lines of JSON.")
    parser.add_argument("tenant", choices=["tenant_a", "tenant_b"])
    parser.add_argument("feed", nargs="?", default="localhost:3000", metavar="HOST:PORT")
    arguments = parser.parse_args()
    try:
        Tail(arguments.feed, arguments.tenant).run()
    except KeyboardInterrupt:
        pass
