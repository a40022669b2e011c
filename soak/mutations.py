"""Contents that are nearly valid: one to a few changes of bytes, of the kinds that break parsers."""

from __future__ import annotations

import random

# What parsers stumble over: ends, escapes, numbers out of range, marks, other kinds of line ends, depth.
PIECES: tuple[bytes, ...] = (
    b"\0", b"\n", b"\r", b"\r\n", b"\t", b" ", b'"', b"'", b'""', b",", b";", b"|", b":", b"{", b"}", b"[", b"]", b"\\",
    b"\\u0000", b"\\ud83d", b"\xff", b"\xc3", b"\xed\xa0\x80", b"\xef\xbb\xbf", b"\xff\xfe", b"\x1f\x8b", b"PK\x03\x04",
    b"PAR1", "\u2028".encode(), "\x85".encode(), "\ufffd".encode(), "\u200b".encode(), "İ".encode(), "ß".encode(),
    "😀".encode(), b"null", b"true", b"NaN", b"-Infinity", b"1e999", b"-1", b"0", b"9" * 5_000, b"18446744073709551616",
    b"[[" * 2_000, b'{"a":' * 2_000, b"x" * 20_000, b"*a", b"&a", b"!!python/object:os.system", b"<<: ", b"? ", b"- ",
    b"2023-13-45", b"0b", b"1:99", b"...\n---\n", b"B-", b"I-PER", b"O", b"-DOCSTART-", b"# ", b"1-2", b"1.1", b"_",
    b'"text"', b"[]", b"{}",
    b"<html>", b"version https://git-lfs.github.com/spec/",
)  # fmt: skip


def mutated(content: bytes, draw: random.Random) -> bytes:
    """A changed copy."""
    changed = bytearray(content)
    for _ in range(draw.choice((1, 1, 1, 2, 3, 6))):
        _change(changed, draw)
    return bytes(changed)


def _change(content: bytearray, draw: random.Random) -> None:
    start = draw.randint(0, len(content))
    stop = min(len(content), start + draw.choice((1, 1, 2, 4, 16, 64, 1_000)))
    kind = draw.randrange(25)  # most kinds more often than the last one
    if kind == 24:
        content[:] = draw.choice(PIECES)
    elif kind % 8 == 0 and start < len(content):
        content[start] ^= 1 << draw.randrange(8)
    elif kind % 8 == 1:
        content[start:stop] = draw.choice(PIECES)
    elif kind % 8 == 2:
        content[start:start] = draw.choice(PIECES)
    elif kind % 8 == 3:
        del content[start:stop]
    elif kind % 8 == 4:
        del content[start:]
    elif kind % 8 == 5:  # a part once more, elsewhere
        place = draw.randint(0, len(content))
        content[place:place] = content[start:stop]
    elif kind % 8 == 6:
        content[start:start] = draw.randbytes(draw.randint(1, 8))
    else:  # lines change places
        lines = bytes(content).split(b"\n")
        draw.shuffle(lines)
        content[:] = b"\n".join(lines)
