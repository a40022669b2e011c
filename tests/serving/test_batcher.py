"""The queue of a model: what is answered together, what is dropped, what is refused, and how it ends."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import CancelledError, ThreadPoolExecutor
from dataclasses import replace
from typing import Any

import pytest

from unfreeze.inference.answering import Asked, Refusal, answer_together
from unfreeze.serving.batcher import Batcher, QueueFullError, StoppingError
from unfreeze.serving.options import ServingOptions
from unfreeze.serving.served_model import LoadedModel


class Gated:
    """A real model behind a gate, so that a test decides when a batch is done; it notes what it was given at once."""

    def __init__(self, model: Any) -> None:
        self.model = model
        self.gate = threading.Event()
        self.batches: list[list[Any]] = []

    def predict(self, inputs: list[Any], **options: Any) -> list[Any]:
        self.batches.append(list(inputs))
        assert self.gate.wait(30)
        if "BROKEN" in inputs:
            raise RuntimeError("broken")
        return list(self.model.predict(inputs, **options))

    def __getattr__(self, name: str) -> Any:
        return getattr(self.model, name)


@pytest.fixture
def gated(loaded_models: dict[str, LoadedModel]) -> Gated:
    return Gated(loaded_models["mood"].model)


@pytest.fixture
def batcher(gated: Gated) -> Iterator[Batcher]:
    made = Batcher(gated, max_batch_size=4, max_wait_seconds=0.0, max_queue=6)  # type: ignore[arg-type]
    yield made
    gated.gate.set()
    made.close()


def text(*inputs: str, **options: Any) -> Asked:
    return Asked(inputs, options)


def occupy(batcher: Batcher, gated: Gated) -> None:
    """Let the thread begin a batch that waits at the gate."""
    batcher.submit(text("first"))
    while not gated.batches:
        time.sleep(0.005)


def test_what_waits_is_answered_together_and_never_cut(batcher: Batcher, gated: Gated) -> None:
    occupy(batcher, gated)
    futures = [batcher.submit(one) for one in (text("a"), text("b", "c"), text("d", "e"), text("f"))]
    assert batcher.waiting == 6
    gated.gate.set()
    assert [len(future.result(30)) for future in futures] == [1, 2, 2, 1]
    assert gated.batches == [["first"], ["a", "b", "c"], ["d", "e", "f"]]
    assert batcher.waiting == 0


def test_a_full_queue_says_when_to_come_again(batcher: Batcher, gated: Gated) -> None:
    occupy(batcher, gated)
    batcher.submit(text(*"abcd"))
    with pytest.raises(QueueFullError) as full:
        batcher.submit(text(*"abc"))
    assert 1 <= full.value.retry_seconds <= 60
    batcher.submit(text(*"ab"))


def test_an_empty_queue_takes_more_than_it_holds(batcher: Batcher, gated: Gated) -> None:
    gated.gate.set()
    assert len(batcher.submit(text(*"abcdefghij")).result(30)) == 10


def test_what_nobody_waits_for_is_not_computed(batcher: Batcher, gated: Gated) -> None:
    occupy(batcher, gated)
    left, stays = batcher.submit(text("left")), batcher.submit(text("stays"))
    assert left.cancel()
    gated.gate.set()
    assert len(stays.result(30)) == 1 and gated.batches[1:] == [["stays"]]
    with pytest.raises(CancelledError):
        left.result()


def test_one_that_fails_spoils_no_other(batcher: Batcher, gated: Gated) -> None:
    occupy(batcher, gated)
    futures = [batcher.submit(one) for one in (text("a"), text("BROKEN"), text("b", top_k=2), text("c", no_option=1))]
    gated.gate.set()
    assert len(futures[0].result(30)) == 1 and len(futures[2].result(30)[0]) == 2
    with pytest.raises(RuntimeError, match="broken"):
        futures[1].result(30)
    with pytest.raises(Refusal, match="no_option: classification has no such option"):
        futures[3].result(30)
    assert len(batcher.submit(text("and on it goes")).result(30)) == 1


def test_the_end_answers_what_waits_and_takes_nothing_new(batcher: Batcher, gated: Gated) -> None:
    occupy(batcher, gated)
    waiting = batcher.submit(text("a"))
    closing = threading.Thread(target=batcher.close)
    closing.start()
    time.sleep(0.05)
    with pytest.raises(StoppingError):
        batcher.submit(text("b"))
    gated.gate.set()
    closing.join(30)
    assert len(waiting.result(0)) == 1


def test_refusals_name_whose_input_it_is(loaded_models: dict[str, LoadedModel]) -> None:
    """Of many requests with the same options, in one batch, those without a mask are refused, each for itself."""
    requests = [text("a [MASK]", "b [MASK]"), text("c"), text("[MASK]", "d"), text("e [MASK]")]
    outcomes = answer_together(loaded_models["filler"].model, requests)
    assert [len(one) if isinstance(one, list) else str(one)[:3] for one in outcomes] == [2, "'c'", "'d'", 1]


def gated_server(loaded: LoadedModel) -> tuple[Gated, LoadedModel]:
    gated = Gated(loaded.model)
    return gated, replace(loaded, model=gated)  # type: ignore[arg-type]


def until(held: Callable[[], bool]) -> None:
    end = time.monotonic() + 30
    while not held():
        assert time.monotonic() < end
        time.sleep(0.01)


def waiting_of(client: Any) -> int:
    return int(client.call("GET", "/readyz").json["models"]["mood"]["waiting"])


def test_busy_servers_refuse_give_up_and_stay_alive(
    serving: Callable[..., Any], loaded_models: dict[str, LoadedModel]
) -> None:
    gated, loaded = gated_server(loaded_models["mood"])
    options = ServingOptions(max_queue=2, max_batch_size=2, max_wait_ms=0.0, timeout_seconds=1.5)
    with serving([loaded], options) as client, ThreadPoolExecutor(8) as pool:
        call = ("POST", "/v1/models/mood/classify", {"inputs": "a"})
        first = pool.submit(client.call, *call)
        until(lambda: bool(gated.batches))
        waiting = [pool.submit(client.call, *call) for _ in range(2)]
        until(lambda: waiting_of(client) == 2)
        full = client.call(*call)
        assert full.status == 429 and 1 <= int(full.headers["retry-after"]) <= 60
        assert client.call("GET", "/healthz").status == 200  # the event loop is free
        assert [one.result().status for one in (first, *waiting)] == [504] * 3
        gated.gate.set()
        until(lambda: waiting_of(client) == 0)
        assert client.call(*call).status == 200
        assert gated.batches == [["a"], ["a"]]  # those whose time ran out were never computed


def test_who_leaves_is_not_waited_for(serving: Callable[..., Any], loaded_models: dict[str, LoadedModel]) -> None:
    gated, loaded = gated_server(loaded_models["mood"])
    body = b'{"inputs": "left"}'
    head = b"POST /v1/models/mood/classify HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\n"
    with serving([loaded], ServingOptions(max_wait_ms=0.0, max_batch_size=1)) as client, ThreadPoolExecutor(2) as pool:
        first = pool.submit(client.ask, "mood", "classify", "first")
        until(lambda: bool(gated.batches))

        def leave(connection: Any) -> None:
            until(lambda: waiting_of(client) == 1)
            connection.shutdown(2)

        client.raw(head + b"content-length: %d\r\n\r\n" % len(body) + body, then=leave)
        time.sleep(0.2)
        gated.gate.set()
        first.result()
        assert client.ask("mood", "classify", "last")
        assert gated.batches == [["first"], ["last"]]


def test_a_model_that_fails_is_a_problem_and_not_the_end(
    serving: Callable[..., Any], loaded_models: dict[str, LoadedModel], caplog: pytest.LogCaptureFixture
) -> None:
    gated, loaded = gated_server(loaded_models["mood"])
    gated.gate.set()
    with serving([loaded]) as client:
        heard = client.call("POST", "/v1/models/mood/classify", {"inputs": "BROKEN"})
        assert heard.status == 500 and heard.json["detail"] == "The model failed; the server's log says why."
        assert client.ask("mood", "classify", "a")
    assert "RuntimeError: broken" in caplog.text


def test_the_server_finishes_what_it_began(serving: Callable[..., Any], loaded_models: dict[str, LoadedModel]) -> None:
    gated, loaded = gated_server(loaded_models["mood"])
    with ThreadPoolExecutor(4) as pool:
        with serving([loaded], ServingOptions(max_batch_size=1)) as client:
            calls = [pool.submit(client.ask, "mood", "classify", "a") for _ in range(3)]
            until(lambda: bool(gated.batches) and waiting_of(client) == 2)
            threading.Timer(0.5, gated.gate.set).start()
        assert [len(one.result()) for one in calls] == [1, 1, 1]
