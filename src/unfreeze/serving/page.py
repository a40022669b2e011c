"""The page to try a model by hand: one file, nothing from elsewhere, and no script but its own runs on it."""

from __future__ import annotations

import secrets
from functools import cache
from pathlib import Path

from starlette.responses import HTMLResponse

NONCE = "{nonce}"


def page_response() -> HTMLResponse:
    """The page, with a new nonce each time: what is not marked with it is not run."""
    nonce = secrets.token_urlsafe(16)
    policy = (
        f"default-src 'none'; script-src 'nonce-{nonce}'; style-src 'nonce-{nonce}'; connect-src 'self'; "
        "img-src data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    )
    headers = {"content-security-policy": policy, "referrer-policy": "no-referrer"}
    return HTMLResponse(_page().replace(NONCE, nonce), headers=headers)


@cache
def _page() -> str:
    return Path(__file__).with_name("page.html").read_text(encoding="utf-8")
