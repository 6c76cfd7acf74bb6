"""Connects this network namespace to another one, and delays each packet in both directions.

It does what netem does in kernels that have it. It needs root and Linux, and ends when its standard input ends.

    delay.py NAMESPACE MILLISECONDS

The address of this namespace is 10.77.0.1, and that of the other is 10.77.0.2.
"""

import collections
import ctypes
import fcntl
import os
import selectors
import struct
import subprocess
import sys
import time

TUNSETIFF = 0x400454CA
IFF_TUN_NO_PI = 0x1001
CLONE_NEWNET = 0x40000000


def open_tunnel(name, address):
    """Makes a tunnel device in the namespace of this process, and gives it an address."""
    device = os.open("/dev/net/tun", os.O_RDWR | os.O_NONBLOCK)
    fcntl.ioctl(device, TUNSETIFF, struct.pack("16sH", name.encode(), IFF_TUN_NO_PI))
    subprocess.run(["ip", "address", "add", f"{address}/24", "dev", name], check=True)
    subprocess.run(["ip", "link", "set", name, "txqueuelen", "10000", "up"], check=True)
    return device


def enter(namespace):
    with open(f"/var/run/netns/{namespace}") as handle:
        if ctypes.CDLL(None, use_errno=True).setns(handle.fileno(), CLONE_NEWNET):
            raise OSError(ctypes.get_errno(), "the namespace cannot be entered")


def main(namespace, delay):
    near = open_tunnel("feed-near", "10.77.0.1")
    enter(namespace)
    far = open_tunnel("feed-far", "10.77.0.2")
    other, waiting = {near: far, far: near}, collections.deque()
    selector = selectors.DefaultSelector()
    for file in (near, far, sys.stdin.fileno()):
        selector.register(file, selectors.EVENT_READ)
    print("ready", flush=True)
    while True:
        pause = max(0, waiting[0][0] - time.monotonic()) if waiting else None
        for key, _ in selector.select(pause):
            if key.fd not in other:
                return
            try:
                for _ in range(64):
                    waiting.append((time.monotonic() + delay, other[key.fd], os.read(key.fd, 65_535)))
            except BlockingIOError:
                pass
        while waiting and waiting[0][0] <= time.monotonic():
            _, device, packet = waiting.popleft()
            try:
                os.write(device, packet)
            except OSError:
                pass  # a queue that is full loses packets, as a line does


if __name__ == "__main__":
    main(sys.argv[1], float(sys.argv[2]) / 1000)
