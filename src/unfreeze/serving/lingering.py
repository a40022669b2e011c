"""Connections are closed so that a client which is still sending hears why.

Closing a socket with unread bytes resets the connection, and a reset can overtake an answer on its way. So an answer to
what has not arrived whole is followed by the end of what this side sends, and what still comes is read and thrown away:
so much at most, so long.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import h11
from uvicorn.protocols.http.h11_impl import H11Protocol

DISCARDED_BYTES = 8 * 2**20
DISCARDED_SECONDS = 2.0


class LingeringClose(H11Protocol):
    """uvicorn's protocol, whichever way it closes a connection."""

    transport: Any  # for uvicorn an asyncio.Transport

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(_Lingering(transport, self.loop, self._still_arrives))  # type: ignore[arg-type]

    def data_received(self, data: bytes) -> None:
        if self.transport.lingers:
            self.transport.discard(data)
        else:
            super().data_received(data)

    def connection_lost(self, exc: Exception | None) -> None:
        self.transport.stop_clock()
        super().connection_lost(exc)

    def shutdown(self) -> None:
        if not self.transport.is_closing():
            super().shutdown()

    def _still_arrives(self) -> bool:
        unread, _ = self.conn.trailing_data
        return bool(unread) or self.conn.their_state in (h11.SEND_BODY, h11.ERROR)


class _Lingering:
    """A transport whose `close` lingers where something still arrives. It is closing from then on."""

    def __init__(
        self, transport: asyncio.Transport, loop: asyncio.AbstractEventLoop, still_arrives: Callable[[], bool]
    ) -> None:
        self._transport = transport
        self._loop = loop
        self._still_arrives = still_arrives
        self._left = DISCARDED_BYTES
        self._deadline: asyncio.TimerHandle | None = None

    def __getattr__(self, name: str) -> Any:
        return getattr(self._transport, name)

    @property
    def lingers(self) -> bool:
        """Is what arrives thrown away?"""
        return self._deadline is not None

    def is_closing(self) -> bool:
        return self.lingers or self._transport.is_closing()

    def close(self) -> None:
        if self.lingers:
            return
        if self._transport.is_closing() or not self._still_arrives():
            self._transport.close()
            return
        self._deadline = self._loop.call_later(DISCARDED_SECONDS, self._transport.close)
        try:
            self._transport.write_eof()  # once all that was written has gone
            self._transport.resume_reading()
        except OSError:  # the client has gone
            self._transport.close()

    def discard(self, data: bytes) -> None:
        """What has arrived since."""
        self._left -= len(data)
        if self._left < 0:
            self._transport.close()

    def stop_clock(self) -> None:
        """The connection is gone."""
        if self._deadline is not None:
            self._deadline.cancel()
