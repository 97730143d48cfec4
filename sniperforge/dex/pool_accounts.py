"""Pool and curve accounts: how each venue's are known among all accounts of its program, and which look young.

venue -> PoolAccount (program, size, first bytes)            for a node's filters
account's bytes + what counts as lately -> young, or not     (is_young)

Youth is a guess that saves questions, never a belief: who made an account, and when,
the transaction says that made it. Where an account holds a time, the time is
asked; a curve is young while most of its coins are unsold; where there is neither, a
pool nobody has traded in. PumpSwap's pools tell nothing of the kind and all pass.

Sizes and first bytes are those of the layouts in each venue's own file.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import NamedTuple

from sniperforge.base.units import Pubkey
from sniperforge.dex import meteora_damm_v2_layouts as damm
from sniperforge.dex import meteora_dbc_layouts as dbc
from sniperforge.dex import meteora_dlmm_layouts as dlmm
from sniperforge.dex import orca_whirlpool_layouts as orca
from sniperforge.dex import pumpfun_layouts as pumpfun
from sniperforge.dex import pumpswap_layouts as pumpswap
from sniperforge.dex import raydium_amm_layouts as amm
from sniperforge.dex import raydium_clmm_layouts as clmm
from sniperforge.dex import raydium_cpmm_layouts as cpmm
from sniperforge.dex import raydium_launchlab_layouts as launchlab
from sniperforge.dex.borsh import Record
from sniperforge.dex.venues import VENUES

#: A slot of 400 ms, the longest there are: shorter ones make *lately* shorter, never longer.
_SLOTS, _SECONDS = 5, 2
#: Slots stay below for seven years more, Unix seconds passed it in 2001.
_SLOTS_END = 1_000_000_000


class Lately(NamedTuple):
    """From when on something counts as young: a Unix second, and a slot."""

    second: int
    slot: int


def lately(second: int, slot: int, *, age_s: int) -> Lately:
    """Return what was *age_s* before this second and slot."""
    return Lately(second - age_s, max(slot - age_s * _SLOTS // _SECONDS, 0))


class PoolAccount(NamedTuple):
    """The pool (or curve) account of one venue.

    Attributes:
        size: bytes of every one of them; 0: they differ, see the venue.
        head: first bytes of every one of them; b"": it has no discriminator.
        decode: raw account -> its fields; raises DecodeError.
        young: whether those fields say that it was made lately.
        tells: what that is read from, for the docs.
    """

    venue: str
    program: Pubkey
    size: int
    head: bytes
    decode: Callable[[bytes], Record]
    young: Callable[[Record, Lately], bool]
    tells: str


def is_young(account: PoolAccount, raw: bytes, since: Lately) -> bool:
    """Say whether the *raw* account looks like one made lately; raises DecodeError for any other account."""
    return account.young(account.decode(raw), since)


# ── what tells the age of each ────────────────────────────────────────────


def _pumpfun(state: Record, since: Lately) -> bool:
    """Half of the virtual coins are real ones: 74 % at the usual start, half after 27 SOL."""
    ints = state.ints
    return not ints["complete"] and 2 * ints["real_token_reserves"] >= ints["virtual_token_reserves"]


def _launchlab(state: Record, since: Lately) -> bool:
    ints = state.ints
    return ints["status"] == launchlab.STATUS_FUND and 2 * ints["real_base"] <= ints["total_base_sell"]


def _dbc(state: Record, since: Lately) -> bool:
    """Whether its point is a slot or a second stands in its config; their numbers are far apart."""
    point = state.ints["activation_point"]
    return not state.ints["is_migrated"] and point >= (since.slot if point < _SLOTS_END else since.second)


def _activated(state: Record, since: Lately) -> bool:
    ints = state.ints
    return ints["activation_point"] >= (since.second if ints["activation_type"] else since.slot)


def _cpmm(state: Record, since: Lately) -> bool:
    return state.ints["open_time"] >= since.second


def _amm(state: Record, since: Lately) -> bool:
    """Its open time is the creator's word, often 0."""
    return state.ints["pool_open_time"] >= since.second or _zero(state, "swap_coin_in_amount", "swap_pc_in_amount")


def _clmm(state: Record, since: Lately) -> bool:
    """As in AMM v4, the open time may be 0."""
    return state.ints["open_time"] >= since.second or _zero(state, "fee_growth_global_0_x64", "fee_growth_global_1_x64")


def _whirlpool(state: Record, since: Lately) -> bool:
    return _zero(state, "fee_growth_global_a", "fee_growth_global_b")


def _dlmm(state: Record, since: Lately) -> bool:
    """Only pairs made for a launch have an activation point."""
    traded = ("protocol_fee_x", "protocol_fee_y", "volatility_accumulator", "volatility_reference")
    return _zero(state, *traded) or (state.ints["activation_point"] > 0 and _activated(state, since))


def _zero(state: Record, *names: str) -> bool:
    return not any(state.ints[name] for name in names)


def _curve(raw: bytes) -> Record:
    return pumpfun.decode_account("BondingCurve", raw)


def _pumpswap_pool(raw: bytes) -> Record:
    return pumpswap.decode_account("Pool", raw)


def _unknown(state: Record, since: Lately) -> bool:
    return True


#: venue -> size, first bytes, how it is decoded, whether it is young, and what tells that.
_TABLE: Mapping[str, tuple[int, bytes, Callable[[bytes], Record], Callable[[Record, Lately], bool], str]] = {
    # It has grown with its program, and old ones were extended: 49 bytes to 151 and more.
    "pumpfun": (0, pumpfun.account_head("BondingCurve"), _curve, _pumpfun, "coins left"),
    # Eight sizes so far, 211 to 300 bytes.
    "pumpswap": (0, pumpswap.account_head("Pool"), _pumpswap_pool, _unknown, "nothing"),
    "raydium_cpmm": (cpmm.POOL_STATE_SIZE, cpmm.POOL_STATE, cpmm.decode_pool_state, _cpmm, "open time"),
    # The oldest of these programs: its accounts start with their fields.
    "raydium_amm_v4": (amm.AMM_INFO_SIZE, b"", amm.decode_amm_info, _amm, "open time, no trade yet"),
    "raydium_launchlab": (
        launchlab.POOL_STATE_SIZE,
        launchlab.POOL_STATE,
        launchlab.decode_pool_state,
        _launchlab,
        "coins left",
    ),
    "meteora_damm_v2": (damm.POOL_SIZE, damm.POOL, damm.decode_pool, _activated, "activation point"),
    "meteora_dbc": (dbc.VIRTUAL_POOL_SIZE, dbc.VIRTUAL_POOL, dbc.decode_virtual_pool, _dbc, "activation point"),
    "meteora_dlmm": (dlmm.LB_PAIR_SIZE, dlmm.LB_PAIR, dlmm.decode_lb_pair, _dlmm, "activation point, no trade yet"),
    "orca_whirlpool": (orca.WHIRLPOOL_SIZE, orca.WHIRLPOOL, orca.decode_whirlpool, _whirlpool, "no trade yet"),
    "raydium_clmm": (clmm.POOL_STATE_SIZE, clmm.POOL_STATE, clmm.decode_pool_state, _clmm, "open time, no trade yet"),
}

#: Every venue's, by its name.
POOL_ACCOUNTS: Mapping[str, PoolAccount] = {
    name: PoolAccount(name, VENUES[name].program, *row) for name, row in _TABLE.items()
}
