"""The screens of stores during `tests/run chaos`' rolling restart: WebSockets to the notifiers, opened again whenever they end.

    screens.py watch HOST:PORT LOG TOKENS...   TOKENS: STORE_NUMBER=TOKEN; until SIGTERM
    screens.py check LOG HOST                   what they showed against what Redis at HOST has

Wrong is: a screen that does not show an order of its store, or shows another state of it than the order has; the list that comes
with each connection takes the place of what was shown before. An order that had ended before its screen was connected again is
not in that list, and right is that nothing is shown of it.
"""
import base64
import json
import os
import selectors
import signal
import socket
import struct
import sys
import time

ENDS = {"delivered", "collected", "cancelled", "returned", "rejected"}
AGAIN_S = 0.5


# ---- one screen ----

class Screen:
    def __init__(self, store, token, address, say):
        self.store, self.token, self.address, self.say = store, token, address, say
        self.wire, self.bytes, self.open, self.again = None, b"", False, 0.0

    def dial(self):
        host, port = self.address
        try:
            self.wire = socket.create_connection((host, port), 5)
            key = base64.b64encode(os.urandom(16)).decode()
            self.wire.sendall((f"GET /v1/store-feed HTTP/1.1\r\nHost: {host}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                               f"Sec-WebSocket-Key: {key}\r\nSec-WebSocket-Version: 13\r\n"
                               f"Sec-WebSocket-Protocol: lifecircle.v1.json\r\nAuthorization: Bearer {self.token}\r\n\r\n").encode())
        except OSError:
            self.end()
            return False
        self.bytes, self.open = b"", False
        return True

    def end(self):
        if self.wire is not None:
            self.wire.close()
        self.wire, self.again = None, time.time() + AGAIN_S

    def write(self, kind, payload):
        mask = os.urandom(4)
        body = bytes(b ^ mask[i % 4] for i, b in enumerate(payload))
        self.wire.sendall(bytes([0x80 | kind, 0x80 | len(payload)]) + mask + body)

    def read(self):
        """False when it has ended."""
        try:
            got = self.wire.recv(65536)
            if not got:
                return False
            self.bytes += got
            if not self.open:
                head, mark, rest = self.bytes.partition(b"\r\n\r\n")
                if not mark:
                    return True
                if b" 101 " not in head.split(b"\r\n")[0]:
                    return False
                self.open, self.bytes = True, rest
                self.write(1, b'{"type":"hello"}')
            return self.frames()
        except OSError:
            return False

    def frames(self):
        while len(self.bytes) >= 2:
            kind, n, at = self.bytes[0] & 15, self.bytes[1] & 127, 2
            if n == 126:
                n, at = int.from_bytes(self.bytes[2:4], "big"), 4
            elif n == 127:
                n, at = int.from_bytes(self.bytes[2:10], "big"), 10
            if len(self.bytes) < at + n:
                break
            payload, self.bytes = self.bytes[at:at + n], self.bytes[at + n:]
            if kind == 8:
                return False
            if kind == 9:
                self.write(10, payload)
            elif kind in (1, 2):
                self.heard(json.loads(payload))
        return True

    def heard(self, message):
        if message["type"] == "tickets":
            self.say({"store": self.store, "all": {t["order_id"]: t["status"] for t in message["tickets"]}})
        elif message["type"] == "ticket":
            self.say({"store": self.store, "order": message["order_id"], "status": message["status"]})


def watch(address, log, tokens):
    host, port = address.rsplit(":", 1)
    done = []
    signal.signal(signal.SIGTERM, lambda *_: done.append(1))
    with open(log, "w", encoding="utf-8", buffering=1) as out, selectors.DefaultSelector() as ready:
        def say(what):
            print(json.dumps({"at": int(time.time() * 1000), **what}), file=out)
        screens = [Screen(int(n), token, (host, int(port)), say) for n, token in (t.split("=", 1) for t in tokens)]
        while not done:
            for screen in screens:
                if screen.wire is None and time.time() >= screen.again and screen.dial():
                    ready.register(screen.wire, selectors.EVENT_READ, screen)
            for key, _ in ready.select(0.2):
                if not key.data.read():
                    ready.unregister(key.fileobj)
                    say({"store": key.data.store, "cut": True})
                    key.data.end()
    return 0


# ---- afterwards ----

def records(host):
    """Every order: its store, its state by name, and when it was placed first and changed last."""
    names = ["", "created", "held", "placed", "confirmed", "enroute_to_pickup", "arrived_at_pickup", "picked_up",
             "enroute_to_dropoff", "arrived_at_dropoff", "delivered", "ready_for_collection", "collected", "cancelled", "returned",
             "rejected", "returning"]
    with socket.create_connection((host, 6379), 10) as wire, wire.makefile("rb") as lines:
        def answer():
            line = lines.readline()
            if line[:1] == b"$":
                n = int(line[1:])
                return None if n < 0 else lines.read(n + 2)[:-2]
            if line[:1] == b"*":
                return [answer() for _ in range(int(line[1:]))]
            return line[1:-2]

        def ask(*words):
            wire.sendall(b"*%d\r\n" % len(words) + b"".join(b"$%d\r\n%s\r\n" % (len(w), w) for w in words))
            return answer()
        cursor, keys = b"0", set()
        while True:
            cursor, some = ask(b"SCAN", cursor, b"MATCH", b"{bal}:order:*", b"COUNT", b"1000")
            keys.update(some)
            if cursor == b"0":
                break
        for key in keys:
            head = ask(b"GET", key)
            store, = struct.unpack_from("<I", head, 20)
            placed, = struct.unpack_from("<q", head, 96 + 8 * 2)
            updated, = struct.unpack_from("<q", head, 80)
            yield key.rsplit(b":", 1)[1].decode(), store, names[head[1]], placed, updated


def check(log, host):
    shown, filled, changes, cuts, lists, wrong, orders = {}, {}, 0, 0, 0, [], 0
    with open(log, encoding="utf-8") as lines:
        for line in map(json.loads, lines):
            mine = shown.setdefault(line["store"], {})
            if "all" in line:
                mine.clear()
                mine.update(line["all"])
                filled[line["store"]] = line["at"]
                lists += 1
            elif "order" in line:
                mine[line["order"]] = line["status"]
                changes += 1
            else:
                cuts += 1
    for order, store, state, placed, updated in records(host):
        if store not in filled:
            continue
        orders += 1
        seen = shown[store].get(order)
        if seen is None and not (state in ENDS and updated <= filled[store] + 1000) and placed > 0:
            wrong.append(f"the screen of store {store} does not show {order}, which is {state}")
        elif seen is not None and seen != state:
            wrong.append(f"the screen of store {store} shows {order} as {seen}; it is {state}")
    print(f"  {changes} changes of {orders} orders were shown on {len(filled)} screens, cut {cuts} times: {len(wrong)} missed")
    for words in wrong[:20]:
        print("  WRONG " + words)
    return 1 if wrong or not changes or not cuts or not orders else 0


if sys.argv[1] == "watch":
    sys.exit(watch(sys.argv[2], sys.argv[3], sys.argv[4:]))
sys.exit(check(sys.argv[2], sys.argv[3]))
