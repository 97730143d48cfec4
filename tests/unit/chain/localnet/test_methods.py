"""One request or many: each gets its own answer, and what is no request is told so."""

from __future__ import annotations

import json

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sniperforge.chain.localnet import methods
from tests.unit.chain.localnet.stand import Stand
from tests.unit.chain.localnet.test_params import JSON_VALUES

STAND = Stand()


def answers(body: object) -> object:
    """Return the parsed answer to *body*."""
    return orjson.loads(methods.answer(STAND.node, json.dumps(body).encode()))


def test_a_batch_is_answered_in_order() -> None:
    """Good and bad side by side, each with its id."""
    batch = [
        {"jsonrpc": "2.0", "id": "a", "method": "getHealth"},
        {"jsonrpc": "2.0", "id": None, "method": "noSuch"},
        {"jsonrpc": "2.0", "id": 3, "method": "getBalance", "params": ["short"]},
        7,
    ]
    rows = answers(batch)
    assert isinstance(rows, list)
    assert rows[0] == {"jsonrpc": "2.0", "id": "a", "result": "ok"}
    assert [row["error"]["code"] for row in rows[1:]] == [-32601, -32602, -32600]
    assert [row["id"] for row in rows] == ["a", None, 3, None]
    assert rows[1]["error"]["message"] == "Method not found: noSuch"


@pytest.mark.parametrize(
    ("raw", "code"),
    [(b"{", -32700), (b"[]", -32600), (b"7", -32600), (b'{"method":7}', -32600), (b"[" + b"1," * 100 + b"1]", -32600)],
)
def test_what_is_no_request_is_told_so(raw: bytes, code: int) -> None:
    """Not JSON, an empty batch, no object, no method, too large a batch."""
    answer = orjson.loads(methods.answer(STAND.node, raw))
    assert (answer["error"]["code"], answer["id"]) == (code, None)


@given(st.sampled_from(sorted(methods.METHODS)), st.lists(JSON_VALUES, max_size=4))
def test_any_parameters_are_answered(name: str, params: list[object]) -> None:
    """Every method gives a result or a refusal, whatever it is handed."""
    answer = answers({"jsonrpc": "2.0", "id": 1, "method": name, "params": params})
    assert isinstance(answer, dict)
    assert ("result" in answer) is not ("error" in answer)
