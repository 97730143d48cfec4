"""Whether a coin can be sold again, found out by buying and selling it on a virtual machine of our own.

accounts of a pool, programs, our two transactions -> LiteSVM -> RoundTrip

The machine is kept with its programs (loading one takes 25 ms for each MB) and
wiped between two trials. It runs the token programs LiteSVM brings and the venue's
own code as the endpoint has it. Import this where it is needed: LiteSVM is not free.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Mapping
from typing import NamedTuple

from solders.account import Account
from solders.clock import Clock
from solders.litesvm import LiteSVM
from solders.pubkey import Pubkey as SoldersPubkey
from solders.transaction import VersionedTransaction
from solders.transaction_metadata import FailedTransactionMetadata

from sniperforge.base.errors import DecodeError, SniperForgeError
from sniperforge.base.events import Pool
from sniperforge.base.keys import key, text
from sniperforge.base.units import BPS_ONE, LAMPORTS_PER_SOL, Pubkey
from sniperforge.chain.localnet import genesis
from sniperforge.chain.localnet.account_json import Snapshot, snapshot
from sniperforge.chain.localnet.bank import epoch_of
from sniperforge.chain.localnet.landed import error_json
from sniperforge.chain.rpc import error_text
from sniperforge.dex.programs import SYSTEM, WSOL, ata
from sniperforge.dex.token import decode_balance

#: Rent and fees of any swap; what is left of it is not counted.
SPARE_LAMPORTS = 10 * LAMPORTS_PER_SOL
#: A pool that is not open yet is tried as it will be: in two seconds (many open in the
#: second after their creation), an hour, a month.
AHEAD_S = (2, 3_600, 30 * 86_400)
SLOTS_A_SECOND = 5 / 2
PROBLEM_CHARACTERS = 200
KEPT = "; sold without closing its account it goes through"
CLOCK = key("SysvarC1ock11111111111111111111111111111111")
SYSVARS = key("Sysvar1111111111111111111111111111111111111")
_NATIVE = key("NativeLoader1111111111111111111111111111111")
_LOADERS_PLAIN = (
    key("BPFLoader1111111111111111111111111111111111"),
    key("BPFLoader2111111111111111111111111111111111"),
)
_LOADER_UPGRADEABLE = key("BPFLoaderUpgradeab1e11111111111111111111111")
_CLOCK = struct.Struct("<QqQQq")
_PROGRAM_STATE, _PROGRAM_BYTES, _CODE_AT = 2, 36, 45
_TOKEN_AMOUNT = struct.Struct("<Q")
_AMOUNT_AT = 64


class Now(NamedTuple):
    """The cluster's time: `slot`, and `unix_s` in seconds since 1970."""

    slot: int
    unix_s: int


class Trial(NamedTuple):
    """What is tried.

    Attributes:
        amount: quote base units the wallet has for the buy.
        wallet: whose; nobody's.
        owned: accounts of the swaps that hold the wallet's own lamports.
        accounts: all the swaps list, as the cluster has them; programs among them are passed over.
        opens: the message that opens the wallet's account of a quote that is not SOL.
        buy: the message of the buy.
        sell: what gives the message of the sell of so many coins, which closes the coin's
            account behind it, or keeps it.
    """

    pool: Pool
    amount: int
    wallet: Pubkey
    owned: frozenset[Pubkey]
    accounts: Mapping[Pubkey, Snapshot]
    now: Now
    opens: bytes
    buy: bytes
    sell: Callable[[int, bool], bytes]


class RoundTrip(NamedTuple):
    """What became of it; see `sniperforge.base.events.SellabilityTested`."""

    sellable: bool = False
    paid: int = 0
    bought: int = 0
    returned: int = 0
    problem: str = ""
    buy_units: int = 0
    sell_units: int = 0
    ahead_s: int = 0

    @property
    def loss_bps(self) -> int:
        """What was paid and did not come back, rounded up; all of it when it cannot be sold."""
        if not self.sellable:
            return BPS_ONE
        return max(0, -((self.returned - self.paid) * BPS_ONE // self.paid))


class _Ran(NamedTuple):
    problem: str
    units: int
    fee: int


class Machine:
    """A virtual machine that is used again and again."""

    def __init__(self) -> None:
        self._svm = LiteSVM().with_sigverify(False).with_blockhash_check(False).with_transaction_history(0)
        self._touched: set[Pubkey] = set()

    def runs(self, program: Pubkey) -> bool:
        """Say whether *program* is installed, or one LiteSVM brings."""
        found = self._svm.get_account(SoldersPubkey(program))
        return found is not None and found.executable

    def install(self, program: Pubkey, code: bytes) -> None:
        """Install an ELF file as *program*; raises ProgramUnreadable."""
        genesis.load(self._svm, program, code, f"program {text(program)}")

    def round_trip(self, trial: Trial) -> RoundTrip:
        """Buy, then sell everything bought, and say what happened.

        Raises:
            DecodeError: an account the swaps need is not what it should be.
        """
        self._wipe()
        try:
            return self._round_trip(trial)
        except SniperForgeError:
            raise
        except Exception as problem:
            # The boundary of an adapter: solders raises LiteSVMError and exports no such name.
            raise DecodeError(
                f"pool {text(trial.pool.address)}: the virtual machine refuses it ({problem})"
            ) from problem

    def _round_trip(self, trial: Trial) -> RoundTrip:
        pool, is_sol = trial.pool, trial.pool.quote_mint == WSOL
        self._place(trial)
        for ahead_s in AHEAD_S:
            self._set_clock(trial.now, ahead_s)
            before = self._worth(trial)
            ran = self._run(trial.buy)
            if not ran.problem:
                break
        else:
            return RoundTrip(problem=f"buy: {ran.problem}", buy_units=ran.units)
        after = self._worth(trial)
        done = RoundTrip(
            paid=before - after - is_sol * ran.fee,
            bought=self._tokens(ata(trial.wallet, pool.base_mint, pool.base_program)),
            buy_units=ran.units,
            ahead_s=ahead_s,
        )
        if done.bought <= 0 or done.paid <= 0:
            return done._replace(problem="buy: it went through and gave nothing")
        ran = self._run(trial.sell(done.bought, True))
        if ran.problem:
            # A coin may only refuse to have its account closed (it keeps a fee there): worth telling.
            kept = self._run(trial.sell(done.bought, False))
            more = "" if kept.problem else KEPT
            return done._replace(problem=f"sell: {ran.problem}{more}", sell_units=ran.units)
        returned = self._worth(trial) - after + is_sol * ran.fee
        if returned <= 0:
            return done._replace(problem="sell: it went through and gave nothing", sell_units=ran.units)
        return done._replace(sellable=True, returned=returned, sell_units=ran.units)

    # ── the state ─────────────────────────────────────────────────────────

    def _wipe(self) -> None:
        """Take away what the trial before left; programs and the machine's own accounts stay."""
        for address in self._touched:
            if not self._is_own(address):
                self._put(address, Snapshot(0, b"", SYSTEM, False))
        self._touched.clear()

    def _is_own(self, address: Pubkey) -> bool:
        found = snapshot(self._svm.get_account(SoldersPubkey(address)))
        return found is not None and (found.executable or found.owner in (SYSVARS, _NATIVE))

    def _put(self, address: Pubkey, state: Snapshot) -> None:
        account = Account(
            lamports=state.lamports,
            data=state.data,
            owner=SoldersPubkey(state.owner),
            executable=False,
            rent_epoch=(1 << 64) - 1,
        )
        self._svm.set_account(SoldersPubkey(address), account)

    def _place(self, trial: Trial) -> None:
        """Put the accounts where they belong, and give the wallet what it pays with."""
        pool, wallet = trial.pool, trial.wallet
        rows = dict(trial.accounts)
        wrapped = Snapshot(genesis.MINT_RENT, genesis.mint_data(None, supply=0, decimals=9), pool.quote_program, False)
        if pool.quote_mint == WSOL:
            rows.setdefault(WSOL, wrapped)
        for address, state in rows.items():
            if not state.executable and state.owner != SYSVARS and not self._is_own(address):
                self._touched.add(address)
                self._put(address, state)
        self._touched |= {wallet, *trial.owned}
        is_sol = pool.quote_mint == WSOL
        self._put(wallet, Snapshot(SPARE_LAMPORTS + (trial.amount if is_sol else 0), b"", SYSTEM, False))
        if not is_sol:
            self._fund(trial)

    def _fund(self, trial: Trial) -> None:
        """Give the wallet quote tokens: an account the token program itself made, with a balance nobody minted."""
        pool = trial.pool
        account = ata(trial.wallet, pool.quote_mint, pool.quote_program)
        ran = self._run(trial.opens)
        made = snapshot(self._svm.get_account(SoldersPubkey(account)))
        if ran.problem or made is None:
            raise DecodeError(f"quote mint {text(pool.quote_mint)}: no account of it can be opened ({ran.problem})")
        data = bytearray(made.data)
        _TOKEN_AMOUNT.pack_into(data, _AMOUNT_AT, trial.amount)
        self._put(account, made._replace(data=bytes(data)))

    def _set_clock(self, now: Now, ahead_s: int) -> None:
        slot = now.slot + int(ahead_s * SLOTS_A_SECOND)
        epoch, _ = epoch_of(slot)
        self._svm.set_clock(
            Clock(
                slot=slot,
                epoch_start_timestamp=now.unix_s,
                epoch=max(epoch, 0),
                leader_schedule_epoch=max(epoch, 0) + 1,
                unix_timestamp=now.unix_s + ahead_s,
            )
        )

    # ── what is there ─────────────────────────────────────────────────────

    def _worth(self, trial: Trial) -> int:
        """Return what the wallet has of the quote: lamports wherever they lie (rents are its own), or tokens."""
        pool = trial.pool
        if pool.quote_mint != WSOL:
            return self._tokens(ata(trial.wallet, pool.quote_mint, pool.quote_program))
        places = {trial.wallet, *trial.owned}
        return sum(self._svm.get_balance(SoldersPubkey(place)) or 0 for place in places)

    def _tokens(self, address: Pubkey) -> int:
        found = snapshot(self._svm.get_account(SoldersPubkey(address)))
        return decode_balance(found.data, found.owner).amount if found is not None else 0

    def _run(self, message: bytes) -> _Ran:
        # One signature of zeros: nobody checks it here.
        transaction = VersionedTransaction.from_bytes(b"\1" + bytes(64) + message)
        self._touched.update(Pubkey(bytes(one)) for one in transaction.message.account_keys)
        self._svm.expire_blockhash()
        result = self._svm.send_transaction(transaction)
        if isinstance(result, FailedTransactionMetadata):
            meta = result.meta()
            error = error_text(error_json(result.err()))
            return _Ran(_line(error, meta.logs()), meta.compute_units_consumed(), meta.fee())
        return _Ran("", result.compute_units_consumed(), result.fee())


def code_at(program: Pubkey, state: Snapshot) -> Pubkey | None:
    """Return which account holds the code of an upgradeable program, None where it lies in the program's own.

    Raises:
        DecodeError: it belongs to a loader this machine does not know.
    """
    if state.owner in _LOADERS_PLAIN:
        return None
    is_program = int.from_bytes(state.data[:4], "little") == _PROGRAM_STATE and len(state.data) == _PROGRAM_BYTES
    if state.owner != _LOADER_UPGRADEABLE or not is_program:
        raise DecodeError(
            f"program {text(program)} belongs to {text(state.owner)}, no loader known here; ask elsewhere"
        )
    return Pubkey(state.data[4:])


def code_in(state: Snapshot) -> bytes:
    """Return the code in the account `code_at` names."""
    return state.data[_CODE_AT:]


def now_in(state: Snapshot | None) -> Now | None:
    """Return the time in the clock sysvar, None where it is not there or not one."""
    if state is None or len(state.data) != _CLOCK.size:
        return None
    slot, _start, _epoch, _leader, unix_s = _CLOCK.unpack(state.data)
    return Now(slot, unix_s) if 0 < slot < 1 << 62 and 0 < unix_s < 1 << 62 else None


def _line(error: str, logs: list[str]) -> str:
    """Return a failure in one line: the runtime's words and the program's. Programs say what they like: it is cut."""
    said = [one for one in logs if "rror" in one and one.startswith("Program log: ")]
    said = said or [one for one in logs if " failed: " in one]
    words = f"{error}: {said[-1].removeprefix('Program log: ')}" if said else error
    return "".join(one if one.isprintable() else " " for one in words)[:PROBLEM_CHARACTERS]
