"""What a coordinator is told: one frozen struct, every number with its unit."""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec

from sniperforge.base.errors import ConfigError
from sniperforge.base.units import LAMPORTS_PER_SOL
from sniperforge.trading.risk import Limits

Positive = Annotated[int, msgspec.Meta(ge=1)]
NotNegative = Annotated[int, msgspec.Meta(ge=0)]
Bps = Annotated[int, msgspec.Meta(ge=0, le=10_000)]
Commitment = Literal["processed", "confirmed", "finalized"]
TableKeys = Annotated[tuple[str, ...], msgspec.Meta(min_length=1, max_length=256)]


class PaperSettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How the paper chain behaves.

    Attributes:
        seed: of all its luck; equal seeds and equal inputs give equal runs.
        wallet_lamports: what it starts with.
        latency_ms: send-to-landing delays, one drawn for each order. The default
            is one recorded slot (median 361 ms, p90 423, worst 648 of 48, mainnet
            February 2026) after a wait inside the running one.
        landing_bps: chance of each order to land at all, in 1/10000.
        expiry_ms: after which an order that does not land is expired (151 blocks).
        account_rent_lamports: locked when the coin's token account is opened
            (rent of 165 bytes).
    """

    seed: int = 1
    wallet_lamports: NotNegative = 10 * LAMPORTS_PER_SOL
    latency_ms: tuple[Positive, ...] = (390, 430, 470, 510, 550, 590, 630, 680, 740, 1010)
    landing_bps: Bps = 9_300
    expiry_ms: Positive = 55_000
    account_rent_lamports: NotNegative = 2_039_280


class CoordinateSettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Settings of one coordinator (one wallet).

    Attributes:
        execution: "paper", or "rpc": real transactions to `rpc`.
        live: must be true for "rpc" to anything but this very machine.
        rpc, ws: URLs of the JSON-RPC endpoint and its WebSocket; without `ws`
            confirmation is by polling alone.
        keypair: a 0600 Solana CLI keypair or a keystore; may be empty on paper.
        keystore_passphrase: "env:NAME" or "fd:N", for a keystore.
        journal: path of the SQLite journal; its folder must exist.
        durability: "process" survives kill -9, "power" a power cut too.
        programs: ids the signer lets a message call beside the venues' own.
        tip_accounts: who may receive tips; the first one does.
        lookup_tables: address of a table -> every key it holds, in its order; used
            for orders that do not fit a transaction without.
        lane: name of the sender in events.
        confirm_commitment: when a fill is believed and told.
        blockhash_commitment, blockhash_poll_ms, blockhash_age_ms_max: which
            blockhash, how often asked, how old it may be when signed.
        expiry_commitment: block height at this commitment must have passed the
            order's last valid one before it is called expired.
        resend_ms, status_poll_ms: pace of re-sending and of polling behind the subscription.
        balance_poll_ms: how often the wallet is read again.
        rpc_timeout_ms, rpc_attempts: of each call.
        senders: warm connections for sending.
        compute_units_buy, compute_units_sell: 0 takes the venue's own figure.
        buy_exact_out: a buy names the coins it wants and the most to pay, where the
            venue can; else it names what it pays and the least to get.
        wallet_signs_minute_lamports_max: the signer's own cap over all entries of a minute.
        canary_poll_s: how often recent swaps of every venue are compared with what we
            would build (needs `rpc`); 0: never.
        canary_transactions_max: how many are fetched of each venue each time.
        canary_exits: whether a venue that differs still lets positions out.
    """

    execution: Literal["paper", "rpc"] = "paper"
    live: bool = False
    rpc: str = ""
    ws: str = ""
    keypair: str = ""
    keystore_passphrase: str = ""
    journal: str = "sniperforge-journal.sqlite"
    durability: Literal["process", "power"] = "process"
    programs: tuple[str, ...] = ()
    tip_accounts: tuple[str, ...] = ()
    lookup_tables: dict[str, TableKeys] = {}
    lane: str = "rpc"
    confirm_commitment: Literal["confirmed", "finalized"] = "confirmed"
    blockhash_commitment: Literal["processed", "confirmed"] = "confirmed"
    blockhash_poll_ms: Positive = 400
    blockhash_age_ms_max: Positive = 20_000
    expiry_commitment: Commitment = "finalized"
    resend_ms: Positive = 500
    status_poll_ms: Positive = 500
    balance_poll_ms: Positive = 5_000
    rpc_timeout_ms: Positive = 3_000
    rpc_attempts: Positive = 4
    senders: Positive = 2
    compute_units_buy: NotNegative = 0
    compute_units_sell: NotNegative = 0
    buy_exact_out: bool = False
    wallet_signs_minute_lamports_max: Positive = LAMPORTS_PER_SOL
    canary_poll_s: NotNegative = 0
    canary_transactions_max: Positive = 20
    canary_exits: Literal["allow", "refuse"] = "allow"
    limits: Limits = Limits()
    paper: PaperSettings = PaperSettings()

    def checked(self) -> CoordinateSettings:
        """Return the settings, or raise ConfigError naming the key that contradicts another."""
        if self.execution == "rpc":
            if not self.rpc:
                raise ConfigError("coordinate.rpc", 'is empty with execution = "rpc"', "set the URL of an RPC endpoint")
            if not self.keypair:
                raise ConfigError("coordinate.keypair", 'is empty with execution = "rpc"', "set the path of a key file")
        if self.canary_poll_s and not self.rpc:
            raise ConfigError("coordinate.rpc", "is empty with a canary", "set an endpoint, or canary_poll_s = 0")
        if not self.paper.latency_ms:
            raise ConfigError("coordinate.paper.latency_ms", "is empty", "list at least one delay")
        return self
