"""Requests that a server must refuse: every kind is bytes on a connection, and the answer must be 4xx.

They are what broken clients and attackers send: no HTTP, no JSON, lies about sizes, too much, too deep, too slow.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

WORDS = "the old house by the lake was sold to a young couple who had never seen it before"


@dataclass(frozen=True)
class Hostile:
    """Bytes to send at once; `trickle` follows one byte at a time, as long as the server listens."""

    kind: str
    data: bytes
    trickle: bytes = b""


def post(path: str, body: bytes, content_type: str = "application/json", **headers: str) -> bytes:
    """A request as a client that behaves would write it, but for what is given."""
    fields = {"host": "127.0.0.1", "content-type": content_type, "content-length": str(len(body)), **headers}
    lines = [f"POST {path} HTTP/1.1", *(f"{name.replace('_', '-')}: {value}" for name, value in fields.items())]
    return "\r\n".join([*lines, "connection: close", "", ""]).encode("latin-1") + body


def hostile_requests(path: str, max_body_bytes: int) -> list[Hostile]:
    """One of each kind, for the route of a model.

    Args:
        path: such as /v1/models/mood/classify.
        max_body_bytes: what the server takes at most.
    """
    large = b'{"inputs": "' + b"a" * max_body_bytes + b'"}'
    head = f"POST {path} HTTP/1.1\r\nhost: 127.0.0.1\r\ncontent-type: application/json\r\n".encode()
    chunk = b"%x\r\n%s\r\n" % (1000, b"a" * 1000)
    good = b'{"inputs": "a"}'
    found: Mapping[str, bytes] = {
        "no HTTP": b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + bytes(range(64)) + b"\r\n\r\n",
        "unknown version": b"GET / HTTP/one\r\n\r\n",
        "header without end": b"GET / HTTP/1.1\r\nhost: 127.0.0.1\r\nx: " + b"a" * 100_000,
        "two hosts": b"GET / HTTP/1.1\r\nhost: 127.0.0.1\r\nhost: evil.example\r\n\r\n",
        "foreign host": post(path, good, host="evil.example"),
        "negative length": head + b"content-length: -5\r\n\r\n" + good,
        "larger than allowed": post(path, large),
        "larger than allowed, in chunks": head
        + b"transfer-encoding: chunked\r\n\r\n"
        + chunk * (max_body_bytes // 1000 + 1)
        + b"0\r\n\r\n",
        "length that is a lie": head + b"content-length: 99999999999\r\nexpect: 100-continue\r\n\r\n",
        "chunk sizes that are none": head + b"transfer-encoding: chunked\r\n\r\nzz\r\nabc\r\n",
        "no JSON": post(path, b"inputs=a"),
        "half a JSON": post(path, b'{"inputs": "a'),
        "not UTF-8": post(path, b'{"inputs": "\xff\xfe"}'),
        "UTF-16": post(path, json.dumps({"inputs": "a"}).encode("utf-16")),
        "NaN": post(path, b'{"inputs": NaN}'),
        "a number of 5,000 digits": post(path, b'{"inputs": "a", "top_k": ' + b"9" * 5_000 + b"}"),
        "nested 50,000 times": post(path, b"[" * 50_000),
        "nested objects": post(path, b'{"inputs":' * 20_000),
        "a key twice": post(path, b'{"inputs": "a", "inputs": "b"}'),
        "half a surrogate": post(path, b'{"inputs": "\\ud800"}'),
        "unknown key": post(path, b'{"inputs": "a", "__proto__": {"x": 1}}'),
        "no text": post(path, b'{"inputs": {"$gt": ""}}'),
        "a list without end": post(path, json.dumps({"inputs": ["a"] * 10_000}).encode()),
        "empty list": post(path, b'{"inputs": []}'),
        "a text that is too long": post(path, json.dumps({"inputs": "a" * 100_000}).encode()),
        "empty body": post(path, b""),
        "another type": post(path, good, content_type="text/plain"),
        "no such model": post(path.replace("/models/", "/models/..%2f..%2fetc%2fpasswd"), good),
        "out of the tree": post("/../../../../etc/passwd", good),
        "a method that is none": post(path, good).replace(b"POST", b"BREW", 1),
    }
    # A server gives a trickling body up long before its end.
    slow = Hostile("a body that trickles", head + b"content-length: 4000\r\n\r\n", b" " * 4000)
    return [*(Hostile(kind, data) for kind, data in found.items()), slow]


def texts(number: int) -> list[Any]:
    """What good requests ask about: texts of 1 to 40 words, always the same."""
    words = WORDS.split()
    return [" ".join(words[(i + j) % len(words)] for j in range(1 + (7 * i) % 40)) for i in range(number)]
