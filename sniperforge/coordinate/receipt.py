"""What a transaction really moved: getTransaction's answer into balance deltas.

transaction + wallet -> Receipt -> OrderLanded

Only `meta.err` and balances count; what the message asked for does not. All
arithmetic is such that the fill explains the wallet's change to the lamport:
a buy's change = -(quote + fee + tip + rent), a sell's = quote - fee - tip - rent.

Source: Solana's JSON-RPC documentation (getTransaction, encoding json).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

import msgspec

from sniperforge.base.errors import DecodeError
from sniperforge.base.events import OrderLanded, event_id
from sniperforge.base.keys import text
from sniperforge.base.units import ZERO_KEY, Pubkey
from sniperforge.chain.rpc import error_text
from sniperforge.coordinate.journal import Order
from sniperforge.dex.programs import WSOL


class Receipt(NamedTuple):
    """Deltas of one transaction, in lamports and base units, signed from the wallet's side.

    Attributes:
        error: "" when it succeeded.
        lamports: change of the wallet and its wrapped SOL together.
        base: change of the coin over all the wallet's accounts of it.
        rent: locked in (negative: returned from) accounts of the wallet.
    """

    slot: int
    error: str
    fee: int
    lamports: int
    base: int
    tip: int
    rent: int


class _Amount(msgspec.Struct):
    amount: str


class _TokenBalance(msgspec.Struct):
    accountIndex: int
    mint: str
    uiTokenAmount: _Amount
    owner: str = ""


class _Loaded(msgspec.Struct):
    writable: list[str] = []
    readonly: list[str] = []


class _Meta(msgspec.Struct):
    err: Any
    fee: int
    preBalances: list[int]
    postBalances: list[int]
    preTokenBalances: list[_TokenBalance] | None = None
    postTokenBalances: list[_TokenBalance] | None = None
    loadedAddresses: _Loaded | None = None


class _Message(msgspec.Struct):
    accountKeys: list[str]


class _Body(msgspec.Struct):
    message: _Message
    signatures: list[str]


class _Transaction(msgspec.Struct):
    slot: int
    meta: _Meta
    transaction: _Body


def read_receipt(
    answer: Mapping[str, Any],
    *,
    signature: str,
    wallet: Pubkey,
    base_mint: Pubkey,
    owned: frozenset[Pubkey] = frozenset(),
    tip_account: Pubkey = ZERO_KEY,
) -> Receipt:
    """Return what the transaction moved for *wallet*.

    Args:
        answer: getTransaction's result.
        signature: the one that was asked for; another one is refused.
        base_mint: the coin.
        owned: further accounts that hold the wallet's rent (venue accounts opened for it).
        tip_account: who got the tip; the zero key for nobody.

    Raises:
        DecodeError: the answer is not that transaction, or not one of this wallet.
    """
    try:
        tx = msgspec.convert(answer, _Transaction)
        return _read(tx, signature, text(wallet), text(base_mint), {text(key) for key in owned}, text(tip_account))
    except (msgspec.ValidationError, ValueError, IndexError) as problem:
        raise DecodeError(f"getTransaction {signature}: {problem}; ask another endpoint") from None


def _read(tx: _Transaction, signature: str, wallet: str, mint: str, owned: set[str], tip_account: str) -> Receipt:
    meta, loaded = tx.meta, tx.meta.loadedAddresses or _Loaded()
    keys = [*tx.transaction.message.accountKeys, *loaded.writable, *loaded.readonly]
    if tx.transaction.signatures[0] != signature or keys[0] != wallet:
        raise ValueError("it is another transaction, or another wallet paid it")
    if not len(keys) == len(meta.preBalances) == len(meta.postBalances):
        raise ValueError(f"{len(keys)} accounts, {len(meta.preBalances)} and {len(meta.postBalances)} balances")
    deltas = [after - before for before, after in zip(meta.preBalances, meta.postBalances, strict=True)]
    tokens: dict[int, tuple[str, int]] = {}
    for sign, balances in ((-1, meta.preTokenBalances), (1, meta.postTokenBalances)):
        for balance in balances or ():
            if balance.owner == wallet:
                _, so_far = tokens.get(balance.accountIndex, ("", 0))
                tokens[balance.accountIndex] = (balance.mint, so_far + sign * int(balance.uiTokenAmount.amount))
    wrapped = sum(change for held, change in tokens.values() if held == WSOL_TEXT)
    rent = sum(deltas[index] for index in tokens) - wrapped
    rent += sum(delta for index, delta in enumerate(deltas) if keys[index] in owned and index not in tokens and index)
    return Receipt(
        slot=tx.slot,
        error=error_text(meta.err),
        fee=meta.fee,
        lamports=deltas[0] + wrapped,
        base=sum(change for held, change in tokens.values() if held == mint),
        tip=sum(delta for key, delta in zip(keys, deltas, strict=True) if key == tip_account),
        rent=rent,
    )


def fill(order: Order, receipt: Receipt, *, commitment: str, now_ns: int) -> OrderLanded:
    """Return the fill of a transaction that succeeded.

    Raises:
        DecodeError: the balances moved the wrong way for this order.
    """
    intent = order.intent
    costs = receipt.fee + receipt.tip + receipt.rent
    is_buy = intent.side == "buy"
    base = receipt.base if is_buy else -receipt.base
    quote = -(receipt.lamports + costs) if is_buy else receipt.lamports + costs
    if base < 0 or (is_buy and quote < 0):
        raise DecodeError(
            f"order {order.id} ({order.signature}): a {intent.side} moved {base} coins and {quote} lamports; "
            "ask another endpoint and compare with the chain"
        )
    return OrderLanded(
        id=event_id("landed", order.id),
        ts_ns=now_ns,
        origin_ns=intent.origin_ns,
        trace_id=intent.trace_id,
        cause=order.id,
        order_id=order.id,
        bot=intent.bot,
        pool=intent.pool.address,
        base_mint=intent.pool.base_mint,
        side=intent.side,
        signature=order.signature,
        slot=receipt.slot,
        base_amount=base,
        quote_amount=quote,
        fee_lamports=receipt.fee,
        tip_lamports=receipt.tip,
        rent_lamports=receipt.rent,
        commitment=commitment,
        position_id=intent.position_id,
        reason=intent.reason,
    )


WSOL_TEXT = text(WSOL)
