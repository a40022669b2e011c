"""How a server serves: every field is a flag of `unfreeze serve`."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Annotated, get_type_hints

# What one request may hold is part of the API's schema; what a server takes in all is set when it starts.
MOST_INPUTS = 64
MOST_CHARACTERS = 20_000
MOST_QUESTION_CHARACTERS = 2_000


@dataclass(frozen=True)
class ServingOptions:
    """Where a server listens, how it makes batches, and what is too much for it."""

    host: Annotated[str, "address to listen on; others than those of this machine let other machines in"] = "127.0.0.1"
    port: Annotated[int, "port to listen on"] = 8000
    allowed_host: Annotated[tuple[str, ...], "a further name that requests may call this server by"] = ()
    max_batch_size: Annotated[int, "inputs that a model reads at once"] = 32
    max_wait_ms: Annotated[float, "how long the first of a batch waits for others, in milliseconds"] = 2.0
    max_queue: Annotated[int, "inputs that wait for a model at most; more are told to come again (429)"] = 256
    max_body_bytes: Annotated[int, "size of a request at most; larger ones are refused (413)"] = 262_144
    body_seconds: Annotated[float, "how long a request may take to arrive (408)"] = 10.0
    timeout_seconds: Annotated[float, "how long a request waits for its answer (504)"] = 30.0

    @classmethod
    def help_of(cls, name: str) -> str:
        """What a field means, for people."""
        [text] = get_type_hints(cls, include_extras=True)[name].__metadata__
        return str(text)

    def mistakes(self) -> list[tuple[str, str]]:
        """(name of a field, what was expected of it) for every value that cannot be."""
        found = []
        for one in fields(self):
            value = getattr(self, one.name)
            if one.name == "port":
                if not 1 <= value <= 65_535:
                    found.append((one.name, "expected a port from 1 to 65535, such as 8000"))
            elif isinstance(value, int) and value < 1:
                found.append((one.name, "expected 1 or more"))
            elif isinstance(value, float) and not self._least(one.name) <= value <= 86_400:
                found.append((one.name, f"expected a number from {self._least(one.name):g} to 86400"))
        return found

    @staticmethod
    def _least(name: str) -> float:
        return 0.0 if name == "max_wait_ms" else 0.1
