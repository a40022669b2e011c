"""What a server does not answer it refuses with one shape of problem, whatever it is sent."""

from __future__ import annotations

import json
import socket
import time
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from unfreeze.serving.options import MOST_CHARACTERS, MOST_INPUTS, ServingOptions
from unfreeze.serving.served_model import LoadedModel

CLASSIFY, TAG = "/v1/models/mood/classify", "/v1/models/names/tag"
ANSWER, FILL = "/v1/models/reader/answer", "/v1/models/filler/fill-mask"
PAIR = {"question": "a", "context": "b"}


def problem(heard: Any, status: int) -> str:
    """The sentence of a problem of this status."""
    assert heard.status == status, heard.body
    assert heard.headers["content-type"] == "application/problem+json"
    found = heard.json
    assert found["status"] == status and found["title"] and found["detail"]
    assert set(found) <= {"title", "status", "detail", "errors"}
    assert "Traceback" not in heard.body.decode() and len(heard.body) < 8_000
    return str(found["detail"])


@pytest.mark.parametrize(
    ("path", "body", "status", "says"),
    [
        (CLASSIFY, b"", 422, "body: Field required"),
        (CLASSIFY, b"{", 400, "cannot be read as JSON"),
        (CLASSIFY, b"\xff\xfe{}", 400, "it is not UTF-8 (byte 0)"),
        (CLASSIFY, '{"inputs": "é"}'.encode("utf-16"), 400, "it is not UTF-8"),
        (CLASSIFY, b'\xef\xbb\xbf{"inputs": "a"}', 400, "BOM"),
        (CLASSIFY, b'{"inputs": NaN}', 400, "NaN is no JSON"),
        (CLASSIFY, b'{"inputs": "a", "top_k": -Infinity}', 400, "-Infinity is no JSON"),
        (CLASSIFY, b'{"inputs": "a", "inputs": "b"}', 400, "the key 'inputs' stands there twice"),
        (CLASSIFY, b"[" * 100_000, 400, "nested too deeply"),
        (CLASSIFY, b'{"inputs": ' + b'{"text":' * 20_000, 400, "nested too deeply"),
        (CLASSIFY, b'{"inputs": "a", "top_k": ' + b"9" * 5_000 + b"}", 400, "Exceeds the limit"),
        (CLASSIFY, b'{"inputs": "a", "top_k": 1e400}', 422, "top_k: "),
        (CLASSIFY, b'{"inputs": "\\ud800"}', 422, "inputs: "),
        (CLASSIFY, b'{"inputs": "a", "\\ud800": 1}', 422, "body: "),
        (CLASSIFY, b"null", 422, "body: "),
        (CLASSIFY, [], 422, "body: "),
        (CLASSIFY, "text", 422, "body: "),
        (CLASSIFY, {}, 422, "inputs: Field required"),
        (CLASSIFY, {"inputs": None}, 422, "inputs: "),
        (CLASSIFY, {"inputs": 7}, 422, "inputs: "),
        (CLASSIFY, {"inputs": []}, 422, "at least 1 item"),
        (CLASSIFY, {"inputs": ["a"] * (MOST_INPUTS + 1)}, 422, "at most 64 items"),
        (CLASSIFY, {"inputs": ["a", 7]}, 422, "inputs.1: "),
        (CLASSIFY, {"inputs": [["a"]]}, 422, "inputs.0: "),
        (CLASSIFY, {"inputs": "a" * (MOST_CHARACTERS + 1)}, 422, "at most 20000 characters"),
        (CLASSIFY, {"inputs": {"text": "a", "pair": "b"}}, 422, "inputs.pair: Extra inputs"),
        (CLASSIFY, {"inputs": {"text_pair": "b"}}, 422, "inputs.text: Field required"),
        (CLASSIFY, {"inputs": "a", "topk": 2}, 422, "topk: Extra inputs"),
        (CLASSIFY, {"inputs": "a", "top_k": 0}, 422, "top_k: "),
        (CLASSIFY, {"inputs": "a", "top_k": 2.5}, 422, "top_k: "),
        (CLASSIFY, {"inputs": "a", "top_k": True}, 422, "top_k: "),
        (CLASSIFY, {"inputs": "a", "top_k": "2"}, 422, "top_k: "),
        (CLASSIFY, {"inputs": "a", "top_k": 10**30}, 422, "top_k: "),
        (TAG, {"inputs": "a", "aggregation_strategy": "max"}, 422, "aggregation_strategy: "),
        (TAG, {"inputs": [[]]}, 422, "inputs.0: "),
        (TAG, {"inputs": {"text": "a"}}, 422, "inputs: "),
        (ANSWER, {"inputs": "a"}, 422, "inputs: "),
        (ANSWER, {"inputs": PAIR | {"context": ""}}, 422, "inputs.context: "),
        (ANSWER, {"inputs": PAIR | {"question": " \n\x1c"}}, 422, "inputs.question: "),
        (ANSWER, {"inputs": [PAIR, {"question": "a"}]}, 422, "inputs.1.context: Field required"),
        (FILL, {"inputs": "no mask here"}, 409, "there is no [MASK] in it"),
        (FILL, {"inputs": ["a [MASK]", "none"]}, 409, "there is no [MASK] in it"),
        (FILL, {"inputs": "[MASK] " * 500}, 409, "the network reads"),
        (FILL, {"inputs": ""}, 422, "inputs: "),
        ("/v1/models/mood/tag", {"inputs": "a"}, 409, "POST to /v1/models/mood/classify, not to tag"),
        ("/v1/models/filler/answer", {"inputs": PAIR}, 409, "filler is a model for masked-lm"),
        ("/v1/models/none/classify", {"inputs": "a"}, 404, "No model is called 'none'; there are mood, names"),
        ("/v1/models/%ED%A0%80/classify", {"inputs": "a"}, 404, "No model is called"),
        ("/v1/models/mood/embed", {"inputs": "a"}, 404, "nothing at this address"),
        ("/v1/models/mood/classify/", {"inputs": "a"}, 404, "nothing at this address"),
        ("/docs", b"", 404, "nothing at this address"),
        ("/healthz", {}, 405, "POST is no method of this address; use GET"),
    ],
)
def test_one_sentence_and_the_status(client: Any, path: str, body: Any, status: int, says: str) -> None:
    assert says in problem(client.call("POST", path, body, {"content-type": "application/json"}), status)


@pytest.mark.parametrize("content_type", ["text/plain", "", "application/x-www-form-urlencoded", "json",
                                          "application/json; charset=latin-1"])  # fmt: skip
def test_bodies_are_called_json(client: Any, content_type: str) -> None:
    heard = client.call("POST", CLASSIFY, b'{"inputs": "a"}', {"content-type": content_type})
    assert "expected application/json" in problem(heard, 415)
    for good in ("application/json", "application/json; charset=UTF-8", "Application/JSON"):
        assert client.call("POST", CLASSIFY, b'{"inputs": "a"}', {"content-type": good}).status == 200


@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE", "PATCH", "OPTIONS", "TRACE", "HEAD", "SPELL"])
def test_other_methods_are_refused(client: Any, method: str) -> None:
    heard = client.call(method, CLASSIFY)
    assert heard.status == 405 and heard.headers["allow"] == "POST"


@pytest.mark.parametrize("host", ["evil.example", "evil.example:80", "127.0.0.1.evil.example", "", "[::2]", "\xff"])
def test_foreign_names_are_misdirected(client: Any, host: str) -> None:
    assert "is no name of this server" in problem(client.call("GET", "/healthz", headers={"host": host}), 421)


@pytest.mark.parametrize("host", ["localhost", "LOCALHOST.:8000", "127.0.0.1:1", "[::1]:8000", "127.1.2.3"])
def test_names_of_this_machine_are_taken(client: Any, host: str) -> None:
    assert client.call("GET", "/healthz", headers={"host": host}).status == 200


def test_a_listed_name_is_taken(serving: Callable[..., Any], loaded_models: dict[str, LoadedModel]) -> None:
    with serving([loaded_models["mood"]], ServingOptions(allowed_host=("Models.Example",))) as client:
        assert client.call("GET", "/healthz", headers={"host": "models.example:443"}).status == 200
        assert client.call("GET", "/healthz", headers={"host": "example"}).status == 421


def test_no_other_origin_is_let_in(client: Any) -> None:
    asked = {"origin": "https://evil.example", "access-control-request-method": "POST"}
    for heard in (client.call("OPTIONS", CLASSIFY, headers=asked), client.call("GET", "/v1/models", headers=asked)):
        assert not [name for name in heard.headers if name.startswith("access-control")]


@pytest.fixture(scope="module")
def small(serving: Callable[..., Any], loaded_models: dict[str, LoadedModel]) -> Any:
    """A server that takes little, and not for long."""
    options = ServingOptions(max_body_bytes=1_000, body_seconds=1.0)
    with serving([loaded_models["mood"]], options) as client:
        yield client


HEAD = f"POST {CLASSIFY} HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\n".encode()
BODY = b'{"inputs": "the happy day"}'


def status_of(answer: bytes) -> int:
    """The last status line: one with 100 may stand before it."""
    return int([line for line in answer.split(b"\r\n") if line.startswith(b"HTTP/1.1 ")][-1].split()[1])


def chunked(*parts: bytes) -> bytes:
    return b"".join(b"%x\r\n%s\r\n" % (len(part), part) for part in parts)


def test_size_is_counted_whatever_is_declared(small: Any) -> None:
    large = b'{"inputs": "' + b"a" * 990 + b'"}'
    assert "larger than the 1,000 bytes" in problem(small.call("POST", CLASSIFY, large), 413)
    assert small.call("POST", CLASSIFY, b'{"inputs": "' + b"a" * 985 + b'"}').status == 200
    encoded = HEAD + b"transfer-encoding: chunked\r\n\r\n"
    assert status_of(small.raw(encoded + chunked(*[b"a" * 100] * 11) + b"0\r\n\r\n")) == 413
    assert status_of(small.raw(encoded + chunked(*[b"a" * 100] * 90))) == 413  # without an end
    waiting = HEAD + b"expect: 100-continue\r\ncontent-length: 9999999999999\r\n\r\n"
    assert status_of(small.raw(waiting)) == 413
    closing = HEAD + b"connection: close\r\n"
    sent = closing + b"transfer-encoding: chunked\r\n\r\n" + chunked(BODY[:9], BODY[9:]) + b"0\r\n\r\n"
    assert status_of(small.raw(sent)) == 200
    for lie in (b"transfer-encoding: chunked\r\ncontent-length: 3", b"content-length: -1", b"content-length: a"):
        assert status_of(small.raw(closing + lie + b"\r\n\r\n" + BODY)) in (400, 408)


@settings(max_examples=30, deadline=None)
@given(size=st.integers(0, 3_000), pieces=st.lists(st.integers(1, 700), min_size=1, max_size=6))
def test_the_limit_holds_however_a_body_is_cut(small: Any, size: int, pieces: list[int]) -> None:
    body = (BODY[:-2] + b" " * size)[: max(size - 2, len(BODY) - 2)] + b'"}'
    parts, at = [], 0
    while at < len(body):
        step = pieces[len(parts) % len(pieces)]
        parts.append(body[at : at + step])
        at += step
    sent = HEAD + b"connection: close\r\ntransfer-encoding: chunked\r\n\r\n" + chunked(*parts) + b"0\r\n\r\n"
    assert status_of(small.raw(sent)) == (200 if len(body) <= 1_000 else 413)


def test_what_does_not_arrive_in_time_is_given_up(small: Any) -> None:
    begin = time.monotonic()
    assert status_of(small.raw(HEAD + b"content-length: 500\r\n\r\n" + BODY)) == 408

    def trickle(connection: socket.socket) -> None:
        for byte in BODY[:12]:
            connection.sendall(bytes([byte]))
            time.sleep(0.02)

    assert status_of(small.raw(HEAD + b"content-length: 500\r\n\r\n", then=trickle)) == 408
    assert time.monotonic() - begin < 15


@pytest.mark.slow
def test_a_head_that_never_ends_is_given_up(small: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("unfreeze.serving.header_deadline.HEADER_SECONDS", 0.3)
    assert status_of(small.raw(b"GET /healthz HTTP/1.1\r\nhost: loc")) == 408
    assert status_of(small.raw(b"")) == 408
    begun = b"GET /healthz HTTP/1.1\r\nhost: localhost\r\n\r\n" + b"GET /hea"
    answers = small.raw(begun)
    assert answers.startswith(b"HTTP/1.1 200") and small.call("GET", "/healthz").status == 200


@pytest.mark.parametrize("data", [b"\x16\x03\x01\x02\x00\x01", b"GET\r\n\r\n", b"GET / HTTP/one\r\n\r\n", b"\r\n" * 9,
                                  b"GET /healthz HTTP/1.1\r\n\r\n", b"GET / HTTP/1.1\r\nhost: a\r\nhost: b\r\n\r\n",
                                  b"GET / HTTP/1.1\r\nhost: a\r\nx: " + b"a" * 100_000])  # fmt: skip
def test_what_is_no_http_is_refused(small: Any, monkeypatch: pytest.MonkeyPatch, data: bytes) -> None:
    monkeypatch.setattr("unfreeze.serving.header_deadline.HEADER_SECONDS", 0.3)
    assert 400 <= status_of(small.raw(data)) < 500


ALWAYS_MORE = 2_000_000  # bytes, sent to the end before the answer is read, as most clients do


def chunks_without_end(connection: socket.socket) -> None:
    for _ in range(ALWAYS_MORE // 1_000):
        connection.sendall(chunked(b"a" * 1_000))


@pytest.mark.parametrize(
    ("head", "rest", "status"),
    [
        (HEAD + b"content-length: %d\r\n\r\n" % ALWAYS_MORE, None, 413),
        (HEAD + b"transfer-encoding: chunked\r\n\r\n", chunks_without_end, 413),
        (b"GET / HTTP/one\r\n\r\n", None, 400),
        (b"GET / HTTP/1.1\r\nhost: a\r\nx: ", None, 400),
        (HEAD + b"transfer-encoding: chunked\r\n\r\nzz\r\n", None, 400),
        (HEAD + b"content-length: -1\r\n\r\n", None, 400),
        (b"POST / HTTP/1.1\r\nhost: a\r\nhost: b\r\n\r\n", None, 400),
    ],
)
def test_a_client_hears_why_although_it_is_still_sending(
    small: Any, head: bytes, rest: Callable[[socket.socket], None] | None, status: int
) -> None:
    """Whatever was refused, and however much follows: no reset overtakes the answer."""

    def all_of_it(connection: socket.socket) -> None:
        connection.sendall(b"a" * ALWAYS_MORE)

    assert status_of(small.raw(head, then=rest or all_of_it)) == status


def test_a_head_given_up_hears_why_although_it_goes_on(small: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("unfreeze.serving.header_deadline.HEADER_SECONDS", 0.3)

    def slowly(connection: socket.socket) -> None:
        time.sleep(0.5)
        connection.sendall(b"a" * ALWAYS_MORE)

    assert status_of(small.raw(b"GET /healthz HTTP/1.1\r\nhost: localhost\r\nx: ", then=slowly)) == 408


def test_a_body_given_up_hears_why_although_it_goes_on(small: Any) -> None:
    def slowly(connection: socket.socket) -> None:
        time.sleep(1.5)
        connection.sendall(b"a" * ALWAYS_MORE)

    assert status_of(small.raw(HEAD + b"content-length: 900\r\n\r\n{", then=slowly)) == 408


def test_what_follows_is_read_only_so_much_and_so_long(small: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("unfreeze.serving.lingering.DISCARDED_BYTES", 100_000)

    def for_ever(connection: socket.socket) -> None:
        while True:
            connection.sendall(b"a" * 100_000)

    with pytest.raises(ConnectionError):
        small.raw(b"GET / HTTP/one\r\n\r\n", then=for_ever)
    monkeypatch.setattr("unfreeze.serving.lingering.DISCARDED_BYTES", 2**40)
    monkeypatch.setattr("unfreeze.serving.lingering.DISCARDED_SECONDS", 0.2)
    with pytest.raises(ConnectionError):
        small.raw(b"GET / HTTP/one\r\n\r\n", then=for_ever)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["text", "text_pair", "x"]), inner),
    max_leaves=6,
)


@settings(max_examples=60, deadline=None)
@given(body=st.dictionaries(st.sampled_from(["inputs", "top_k", "aggregation_strategy", "y"]), JSON) | JSON)
def test_any_json_is_answered_or_refused(client: Any, body: Any) -> None:
    for path in (CLASSIFY, TAG, ANSWER, FILL):
        heard = client.call("POST", path, json.dumps(body).encode(), {"content-type": "application/json"})
        if heard.status != 200:
            problem(heard, heard.status)
            assert heard.status in (409, 422)


@settings(max_examples=60, deadline=None)
@given(body=st.binary(max_size=60))
def test_any_bytes_are_refused(client: Any, body: bytes) -> None:
    assert client.call("POST", CLASSIFY, body, {"content-type": "application/json"}).status in (400, 422)
