"""What the server says no with: a JSON-RPC error, as a Solana node words it."""

from __future__ import annotations

from typing import TypeAlias

import orjson

from sniperforge.base.errors import SniperForgeError, UnavailableError

#: Anything JSON can say. A Fragment is JSON that was encoded before.
Json: TypeAlias = "bool | int | float | str | orjson.Fragment | list[Json] | tuple[Json, ...] | dict[str, Json] | None"

INVALID_REQUEST = -32600
METHOD_NOT_FOUND = -32601
INVALID_PARAMS = -32602
PARSE_ERROR = -32700
PREFLIGHT_FAILURE = -32002
SIGNATURE_FAILURE = -32003
BLOCK_NOT_AVAILABLE = -32004
NODE_UNHEALTHY = -32005
SLOT_SKIPPED = -32007
UNSUPPORTED_VERSION = -32015
MIN_CONTEXT_SLOT = -32016


class RpcRefusal(SniperForgeError):
    """A request is answered with an error: code, one line, and facts as JSON."""

    def __init__(self, code: int, message: str, data: Json = None) -> None:
        self.code, self.message, self.data = code, message, data
        super().__init__(message)

    def body(self) -> dict[str, Json]:
        """Return the `error` member of the answer."""
        body: dict[str, Json] = {"code": self.code, "message": self.message}
        if self.data is not None:
            body["data"] = self.data
        return body


class PortBusy(UnavailableError):
    """Another process listens where this localnet should."""

    def __init__(self, host: str, port: int) -> None:
        self.host, self.port = host, port
        super().__init__(f"localnet: {host}:{port} is in use; stop what listens there or choose another --port")


class CloneFailed(UnavailableError):
    """The cluster to copy from did not give what was asked."""

    def __init__(self, url: str, problem: str) -> None:
        self.url = url
        super().__init__(f"localnet: cannot clone from {url}: {problem}; check the URL and the addresses")


class ProgramUnreadable(UnavailableError):
    """A program file is absent or is not a program."""

    def __init__(self, path: str, problem: str) -> None:
        self.path = path
        super().__init__(f"localnet: {path}: {problem}; --program takes ID=FILE.so, an SBF shared object")


def invalid(problem: str) -> RpcRefusal:
    """Return the refusal of bad parameters; *problem* says which and why."""
    return RpcRefusal(INVALID_PARAMS, f"Invalid params: {problem}")
