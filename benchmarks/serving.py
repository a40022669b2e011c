"""What `unfreeze serve` bears: many requests, some of them hostile, against the latency of the idle server.

    python benchmarks/serving.py MODEL [--requests 10000] [--hostile 0.05] [--clients 4] [--output serving.json]

MODEL is a classifier. The server is the real command in a process of its own, the client is this process on the same
machine, and what the client computes is counted as latency. In this order:

* unloaded: good requests one after another, the next when the one before is answered (one client, nothing
  hostile).
* capacity: 16 clients that do the same at once, for some seconds: good requests answered a second.
* loaded: `--requests` requests in all, the share `--hostile` of them of the kinds of `hostile_requests.py`, shuffled.
  They begin at times that are fixed beforehand (exponential gaps, seeded), on average at `--load` (half) of the
  capacity, whether the ones before are answered or not. A latency counts from the time a request was due, so that
  waiting for a connection counts as well. With `--clients` so many clients ask without a break instead, each as soon
  as it is answered; the hostile ones are sent beside them.

It must come out that the server is the same process as before and wrote no traceback, that every good request is
answered 200 and every hostile one 4xx, and that the 99th percentile of good ones is under 3 times the unloaded one.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import random
import socket
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from hostile_requests import Hostile, hostile_requests, post, texts

PATH = "/v1/models/model/classify"
MAX_BODY_BYTES = 262_144
BODY_SECONDS = 2.0  # a body that trickles is given up so early that the benchmark need not wait for it
CLIENTS = 16
MOST_TIMES = 3.0


@dataclass(frozen=True)
class Outcome:
    """What was measured. Latencies are milliseconds of good requests."""

    requests: int
    hostile: int
    hostile_kinds: int
    crashes: int  # the server's end, and every traceback it wrote
    good_not_answered: int
    hostile_not_refused: int
    unloaded_p50: float
    unloaded_p99: float
    capacity_per_second: float
    offered_per_second: float
    loaded_p50: float
    loaded_p99: float
    times_unloaded_p99: float

    @property
    def holds(self) -> bool:
        """Is all as it must be?"""
        faults = self.crashes + self.good_not_answered + self.hostile_not_refused
        return faults == 0 and self.times_unloaded_p99 < MOST_TIMES


async def status_of(port: int, sent: Hostile) -> int:
    """The status that these bytes are answered with; 0 for none."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        writer.write(sent.data)
        trickling = asyncio.ensure_future(_trickle(writer, sent.trickle))
        try:
            answer = await asyncio.wait_for(reader.read(), 60)
        finally:
            trickling.cancel()
    except (ConnectionError, TimeoutError):
        return 0
    finally:
        writer.close()
    line = answer.split(b"\r\n", 1)[0].split()
    return int(line[1]) if len(line) > 1 and line[1].isdigit() else 0


async def _trickle(writer: asyncio.StreamWriter, data: bytes) -> None:
    for byte in data:
        await asyncio.sleep(0.05)
        if writer.is_closing():
            return
        writer.write(bytes([byte]))


def good_requests(number: int) -> list[Hostile]:
    """Good ones, in the form of the others."""
    return [Hostile("good", post(PATH, json.dumps({"inputs": text}).encode())) for text in texts(number)]


async def unloaded(port: int, number: int) -> list[float]:
    """Milliseconds of requests one after another."""
    return [(await _timed(port, one, time.perf_counter()))[1] for one in good_requests(number)]


async def capacity(port: int, seconds: float) -> float:
    """Good requests a second, answered to as many clients as ask without a break."""
    end = time.perf_counter() + seconds
    answered = 0

    async def client(requests: Sequence[Hostile]) -> None:
        nonlocal answered
        while time.perf_counter() < end:
            for one in requests:
                status = await status_of(port, one)
                answered += status == 200  # not in one line: others count while this one waits

    good = good_requests(CLIENTS * 8)
    begin = time.perf_counter()
    await asyncio.gather(*(client(good[i::CLIENTS]) for i in range(CLIENTS)))
    return answered / (time.perf_counter() - begin)


def mixed(number: int, share: float, rng: random.Random) -> list[Hostile]:
    """Good and hostile ones, shuffled."""
    kinds = hostile_requests(PATH, MAX_BODY_BYTES)
    bad = [kinds[i % len(kinds)] for i in range(round(number * share))]
    requests = [*bad, *good_requests(number - len(bad))]
    rng.shuffle(requests)
    return requests


async def asked_by(port: int, clients: int, number: int, share: float, seed: int) -> list[tuple[Hostile, int, float]]:
    """The same of clients that ask as soon as they are answered."""
    requests = iter(mixed(number, share, random.Random(seed)))
    found: list[tuple[Hostile, int, float]] = []

    async def ask(one: Hostile) -> None:
        found.append((one, *await _timed(port, one, time.perf_counter())))

    async def client() -> None:
        aside = []
        for one in requests:
            if one.kind == "good":
                await ask(one)
            else:
                aside.append(asyncio.ensure_future(ask(one)))
        await asyncio.gather(*aside)

    await asyncio.gather(*(client() for _ in range(clients)))
    return found


async def loaded(
    port: int, number: int, share: float, per_second: float, seed: int
) -> list[tuple[Hostile, int, float]]:
    """Of each request what it was, its status and its milliseconds from when it was due."""
    rng = random.Random(seed)
    requests = mixed(number, share, rng)
    due, tasks = time.perf_counter(), []
    for one in requests:
        due += rng.expovariate(per_second)
        await asyncio.sleep(max(0.0, due - time.perf_counter()))
        tasks.append(asyncio.ensure_future(_timed(port, one, due)))
    return [(one, *found) for one, found in zip(requests, await asyncio.gather(*tasks), strict=True)]


async def _timed(port: int, one: Hostile, due: float) -> tuple[int, float]:
    status = await status_of(port, one)
    return status, (time.perf_counter() - due) * 1000


def percentile(values: Sequence[float], share: float) -> float:
    """The smallest value that at least this share of them does not exceed."""
    ranked = sorted(values)
    return ranked[min(len(ranked) - 1, int(share * len(ranked)))]


def measure(
    model: str, *, requests: int, share: float, load: float, clients: int | None = None, seed: int = 0
) -> tuple[Outcome, Counter[str]]:
    """Start a server, measure, stop it; with the kinds that were not refused."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    with tempfile.TemporaryFile("w+") as said:
        command = [*(sys.executable, "-m", "unfreeze", "serve", f"model={model}", "--port", str(port))]
        command += ["--body-seconds", str(BODY_SECONDS), "--max-body-bytes", str(MAX_BODY_BYTES)]
        server = subprocess.Popen(command, stderr=said, stdout=said)
        try:
            wait_for(server, port)
            asyncio.run(unloaded(port, 50))  # whatever is slow the first time
            idle = asyncio.run(unloaded(port, min(1_000, requests)))
            most = asyncio.run(capacity(port, 5.0))
            begin = time.perf_counter()
            if clients is None:
                found = asyncio.run(loaded(port, requests, share, load * most, seed))
            else:
                found = asyncio.run(asked_by(port, clients, requests, share, seed))
            per_second = requests / (time.perf_counter() - begin)
            ended = server.poll() is not None
        finally:
            server.terminate()
            server.wait(60)
        said.seek(0)
        tracebacks = said.read().count("Traceback")
    good = [(status, ms) for one, status, ms in found if one.kind == "good"]
    missed = Counter(f"{one.kind}: {status}" for one, status, _ in found if one.kind != "good" and status // 100 != 4)
    times = [ms for _, ms in good]
    p99 = percentile(idle, 0.99)
    outcome = Outcome(
        requests=len(found),
        hostile=len(found) - len(good),
        hostile_kinds=len({one.kind for one, *_ in found} - {"good"}),
        crashes=ended + tracebacks,
        good_not_answered=sum(status != 200 for status, _ in good),
        hostile_not_refused=missed.total(),
        unloaded_p50=percentile(idle, 0.5),
        unloaded_p99=p99,
        capacity_per_second=most,
        offered_per_second=per_second,
        loaded_p50=percentile(times, 0.5),
        loaded_p99=percentile(times, 0.99),
        times_unloaded_p99=percentile(times, 0.99) / p99,
    )
    return outcome, missed


def wait_for(server: subprocess.Popen[bytes], port: int, seconds: float = 300) -> None:
    """Until the port is open.

    Raises:
        RuntimeError: the server ended, or took too long.
    """
    end = time.monotonic() + seconds
    while time.monotonic() < end and server.poll() is None:
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
            return
        except OSError:
            time.sleep(0.1)
    raise RuntimeError(f"no server on port {port} (exit code {server.poll()})")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model")
    parser.add_argument("--requests", type=int, default=10_000)
    parser.add_argument("--hostile", type=float, default=0.05)
    parser.add_argument("--load", type=float, default=0.5, help="share of the capacity that is offered")
    parser.add_argument("--clients", type=int, help="in place of --load: so many clients that ask without a break")
    parser.add_argument("--output", type=Path)
    options = parser.parse_args()
    outcome, missed = measure(
        options.model, requests=options.requests, share=options.hostile, load=options.load, clients=options.clients
    )
    for name, value in asdict(outcome).items():
        print(f"{name:22} {value:,.2f}" if isinstance(value, float) else f"{name:22} {value:,}")
    for kind, number in missed.most_common():
        print(f"not refused: {kind} ({number} times)")
    if options.output:
        options.output.write_text(json.dumps(asdict(outcome), indent=2) + "\n", encoding="utf-8")
    return 0 if outcome.holds else 1


if __name__ == "__main__":
    raise SystemExit(main())
