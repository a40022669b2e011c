"""The port that a server listens on, taken before any model is loaded and opened when all are."""

from __future__ import annotations

import errno
import os
import socket

from unfreeze.serving.mistakes import ServingError
from unfreeze.serving.options import ServingOptions

BACKLOG = 1024  # connections that the system accepts before the server does
FIRST_FREE_PORT = 1024  # lower ones are the administrator's


def taken_port(options: ServingOptions) -> socket.socket:
    """A socket that holds the port; nobody can connect before `open_port`.

    Raises:
        ServingError: it is taken, not allowed, or there is no such address.
    """
    host, port = options.host, options.port
    try:
        [(family, kind, protocol, _, address), *_] = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError):  # a name that is no name at all
        raise ServingError(
            f"--host {host}: no such name or address. Use 127.0.0.1 for this machine alone, 0.0.0.0 for all."
        ) from None
    opened = socket.socket(family, kind, protocol)
    try:
        opened.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # not to wait for connections of a server before
        opened.bind(address)
    except OSError as error:
        opened.close()
        raise _refused(error, options) from None
    return opened


def open_port(taken: socket.socket, options: ServingOptions) -> None:
    """Let clients connect.

    Raises:
        ServingError: another program has opened the port in the meantime.
    """
    try:
        taken.listen(BACKLOG)
    except OSError as error:
        raise _refused(error, options) from None


def address_of(options: ServingOptions) -> str:
    """What to type into a browser."""
    host = f"[{options.host}]" if ":" in options.host else options.host
    return f"http://{host}:{options.port}"


def _refused(error: OSError, options: ServingOptions) -> ServingError:
    host, port = options.host, options.port
    if error.errno == errno.EADDRINUSE:
        other = port + 1 if port < 65_535 else 8000
        return ServingError(
            f"--port {port}: another program listens there on {host}. Stop it, or choose another port: --port {other}."
        )
    if error.errno in (errno.EACCES, errno.EPERM):
        advice = f"Choose one from {FIRST_FREE_PORT}, such as --port 8000."
        return ServingError(f"--port {port}: you may not listen there. {advice}")
    if error.errno == errno.EADDRNOTAVAIL:
        advice = "Use 127.0.0.1 for this machine alone, 0.0.0.0 for all."
        return ServingError(f"--host {host}: is no address of this machine. {advice}")
    return ServingError(f"--host {host} --port {port}: cannot be listened on ({os.strerror(error.errno or 0)}).")
