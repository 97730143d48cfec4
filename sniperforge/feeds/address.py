"""Addresses of sources: what a URI means, and how a URL is shown without its key.

text -> Endpoint or Tape          (parse_source)
URL -> text fit for a screen      (masked, scrubbed)

Providers put API keys into the query (Helius, Alchemy), the path (QuickNode,
Chainstack, Triton) or the user part, so all three are masked.
"""

from __future__ import annotations

import re
from pathlib import PurePath
from typing import cast, get_args
from urllib.parse import SplitResult, parse_qsl, unquote, urlsplit

from sniperforge.base.errors import ConfigError
from sniperforge.feeds.settings import Commitment, Endpoint, EndpointKind, Tape

MASK = "***"
_KEY_LIKE = re.compile(r"(?=.*\d)[\w.~%+=-]{8,}|[\w.~%+=-]{16,}")
_HOST_KEY_LIKE = re.compile(r"(?=.*\d)[A-Za-z0-9]{20,}")
_SECRET_CHARACTERS_MIN = 4


def masked(url: str) -> str:
    """Return *url* with everything that may be a key replaced by ***.

    Query values, user and password, long or digit-bearing path parts and
    key-like host labels are masked; the fragment is dropped. A text that is no
    URL becomes *** as a whole.
    """
    try:
        parts = urlsplit(url)
        host, port = parts.hostname or "", parts.port
    except ValueError:
        return MASK
    if not parts.scheme or not host:
        return MASK
    shown = ".".join(MASK if _HOST_KEY_LIKE.fullmatch(label) else label for label in host.split("."))
    shown = f"[{shown}]" if ":" in host else shown
    user = f"{MASK}@" if "@" in parts.netloc else ""
    place = f":{port}" if port is not None else ""
    path = "/".join(MASK if _KEY_LIKE.fullmatch(part) else part for part in parts.path.split("/"))
    pairs = [piece.partition("=") for piece in parts.query.split("&")] if parts.query else []
    query = "&".join(f"{name}={MASK}" if equals else MASK for name, equals, _ in pairs)
    return f"{parts.scheme}://{user}{shown}{place}{path}{'?' + query if query else ''}"


def scrubbed(text: str, url: str) -> str:
    """Return *text* in one line of at most 300 characters, with every secret part of *url* masked in it.

    A server that answers "invalid API key abc" must not print abc through us.
    """
    for secret in sorted(_secrets(url), key=len, reverse=True):
        text = text.replace(secret, MASK)
    text = "".join(letter if letter.isprintable() else " " for letter in text)
    return " ".join(text.split())[:300]


def _secrets(url: str) -> set[str]:
    try:
        parts = urlsplit(url)
    except ValueError:
        return {url} if url else set()
    found = {value for _, value in parse_qsl(parts.query)}
    found |= {piece.partition("=")[2] or piece for piece in parts.query.split("&")}
    found |= {part for part in parts.path.split("/") if _KEY_LIKE.fullmatch(part)}
    found |= {label for label in (parts.hostname or "").split(".") if _HOST_KEY_LIKE.fullmatch(label)}
    if "@" in parts.netloc:
        found |= set(parts.netloc.rpartition("@")[0].split(":"))
    found |= {unquote(secret) for secret in found}
    return {secret for secret in found if len(secret) >= _SECRET_CHARACTERS_MIN}


def parse_source(uri: str) -> Endpoint | Tape:
    """Return what *uri* names; raises ConfigError saying what is wrong with it.

    Forms: `tape:PATH[?speed=2x|max][&stamps=recorded][&name=N]`, `-` (lines on
    standard input), `ws://…` and `wss://…` with `#logs`, `#block`, `#transaction`,
    `#program` or `#pumpportal` behind, optionally `#logs&commitment=confirmed&name=N`. The
    query of a ws URL belongs to the server and is passed on untouched.
    """
    if uri == "-":
        return Tape(path="-", speed=0.0)
    if uri.startswith("tape:"):
        return _tape(uri)
    if uri.startswith(("ws://", "wss://")):
        return _endpoint(uri)
    shown = masked(uri) if "://" in uri else uri[:60]
    raise ConfigError(f"source {shown!r}", "is not a known kind of source", "use tape:PATH, ws://…, wss://… or -")


def _tape(uri: str) -> Tape:
    path, question, query = uri.removeprefix("tape:").rpartition("?")
    # A question mark belongs to the name when no option follows it.
    if not question or (query and "=" not in query):
        path, query = uri.removeprefix("tape:"), ""
    options = _options(uri, query, {"speed", "stamps", "name"})
    stamps = options.get("stamps", "now")
    speed = _speed(uri, options.get("speed", "1"))
    if not path:
        raise ConfigError(f"source {uri!r}", "names no file", "write tape:PATH")
    if stamps not in ("now", "recorded"):
        raise ConfigError(f"source {uri!r}", f"stamps={stamps} is unknown", "use stamps=now or stamps=recorded")
    name = options.get("name") or PurePath(path).name
    return Tape(path=path, speed=speed, name=name, stamps="recorded" if stamps == "recorded" else "now")


def _speed(uri: str, text: str) -> float:
    if text == "max":
        return 0.0
    if re.fullmatch(r"\d{1,6}(\.\d{1,3})?x?", text) and (speed := float(text.removesuffix("x"))) > 0:
        return speed
    raise ConfigError(
        f"source {uri!r}", f"speed={text} is not a speed", "use speed=1, speed=10, speed=0.5 or speed=max"
    )


def _endpoint(uri: str) -> Endpoint:
    where = f"source {masked(uri)!r}"
    url, _, fragment = uri.partition("#")
    parts = checked_url(url, where, ("ws", "wss"))
    kind, _, rest = fragment.partition("&")
    if kind.startswith("kind="):
        kind = kind.removeprefix("kind=")
    kind = kind or "logs"
    if kind not in get_args(EndpointKind):
        raise ConfigError(
            where,
            f"#{kind[:40]} is not a kind of subscription",
            "use #logs, #block, #transaction, #program or #pumpportal",
        )
    options = _options(masked(uri), rest, {"commitment", "name"})
    commitment = options.get("commitment", "")
    if commitment not in get_args(Commitment):
        raise ConfigError(where, f"commitment {commitment[:40]!r} is unknown", "use processed, confirmed or finalized")
    name = options.get("name") or default_name(parts)
    return Endpoint(url=url, kind=cast(EndpointKind, kind), name=name, commitment=cast(Commitment, commitment))


def checked_url(url: str, where: str, schemes: tuple[str, ...]) -> SplitResult:
    """Return the parts of *url*; raises ConfigError, without quoting it, when no client could use it."""
    try:
        parts = urlsplit(url)
        usable = bool(parts.hostname) and (parts.port or 1) > 0
    except ValueError:
        usable = False
    if not usable or not url.isascii() or any(letter <= " " for letter in url):
        raise ConfigError(where, "is not a URL with a host and a port", "write scheme://host[:port]/path in ASCII")
    if parts.scheme not in schemes:
        raise ConfigError(where, f"scheme {parts.scheme[:20]!r} is not served here", f"use {' or '.join(schemes)}")
    return parts


def default_name(parts: SplitResult) -> str:
    """Return the label of an endpoint that has none: its host and port, masked."""
    return masked(f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}").partition("://")[2]


def _options(uri: str, query: str, known: set[str]) -> dict[str, str]:
    options = dict(parse_qsl(query, keep_blank_values=True))
    for name in options:
        if name not in known:
            cure = f"use {', '.join(sorted(known))}"
            raise ConfigError(f"source {uri!r}", f"option {name[:40]!r} is unknown", cure)
    return options
