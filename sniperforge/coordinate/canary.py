"""The protocol canary: does a swap that somebody else made look like the one we would build?

swap somebody made + our forms     -> Compared: equal, older, differing, not compared    (`compare`)
Compared, … + deploy slots + sizes -> Judged: what differs, by name, and what to do      (`judge`)

A program that is upgraded tells nobody. But successful transactions of others show
what it takes now: how many accounts, which one at which place, with what flags, and
how many bytes of data. Whatever we would have put elsewhere fails, and costs its fee.

What counts as proof:

- An *equal* swap proves our form for its slot: whatever differed before it was
  another client's form, or an older one. So is what differs after it when one payer
  alone does it and the program was not deployed since.
- A *shorter* list that our tables know is an older form of the instruction, not a change.
- Flags are a union over the whole transaction, and clients ask for more than they
  must. So a flag differs only where every equal swap shows more than we would ask
  for, and several payers' instructions show it by themselves.
- A program deployed since the last look is doubted until an equal swap comes after it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Literal, NamedTuple

from sniperforge.base.keys import text
from sniperforge.base.units import ZERO_KEY, Pubkey
from sniperforge.coordinate.canary_forms import TOKEN_PROGRAMS_OF, TRADERS_TOKENS, Form, expected, forms
from sniperforge.dex import instruction_names
from sniperforge.dex.programs import TOKEN, TOKEN_2022
from sniperforge.dex.venue import Venue

#: Instructions that show a flag by themselves, and payers of them, before it is believed.
FLAG_PROOFS_MIN = 3
FLAG_PAYERS_MIN = 2
#: Accounts that change places with the side of the trade.
_TURNING = ("(input_token_account)", "(output_token_account)", "(user_token_in)", "(user_token_out)")
_MINTS = ("base_mint", "quote_mint")
_NO_MINTS: Mapping[Pubkey, Pubkey] = {}
_CURE = "stop trading on {venue}, then compare our table of that instruction with the newest IDL"

Verdict = Literal["equal", "older", "differing", "not compared"]


class Flags(NamedTuple):
    """What a transaction asked for an account."""

    signer: bool
    writable: bool


class Swap(NamedTuple):
    """One successful swap somebody made.

    Attributes:
        told: keys its events tell, by the events' own names.
        flags: of the transaction's accounts; empty where the source does not tell them.
        own: accounts whose flags this instruction alone explains.
        mints: mint of each token account, where the source tells it.
        pool_keys: keys the pool's own account holds, by their names there; empty where nobody fetched it.
    """

    venue: Venue
    signature: str
    slot: int
    payer: Pubkey
    accounts: tuple[Pubkey, ...]
    data: bytes
    told: Mapping[str, Pubkey] = {}
    flags: Mapping[Pubkey, Flags] = {}
    own: frozenset[Pubkey] = frozenset()
    mints: Mapping[Pubkey, Pubkey] = _NO_MINTS
    pool_keys: Mapping[str, Pubkey] = {}


class Difference(NamedTuple):
    """One thing that is not as we would build it.

    Attributes:
        field: which account (place and name), "accounts", "data", "pool account", "deploy slot".
        expected, found: what we would have put there, and what was there.
        cure: what to do.
    """

    field: str
    expected: str
    found: str
    cure: str

    def line(self) -> str:
        """Return it as one line without the cure."""
        return f"{self.field}: expected {self.expected}, found {self.found}"


class Compared(NamedTuple):
    """What became of one swap; `reason` says why it is older or was not compared."""

    swap: Swap
    verdict: Verdict
    name: str
    form: Form | None = None
    differences: tuple[Difference, ...] = ()
    reason: str = ""


# ── one swap ──────────────────────────────────────────────────────────────


def is_trade(name: str) -> bool:
    """Return whether an instruction called *name* trades (migrations and set-ups do not)."""
    return ("swap" in name and not name.startswith("migrate")) or name.startswith(("buy", "sell"))


def compare(swap: Swap) -> Compared:
    """Return how *swap* stands to the nearest form we would build. Pure; raises nothing."""
    venue = swap.venue
    told = instruction_names.instruction(venue.program, swap.data, swap.accounts)
    name = told.name if told and told.name else swap.data[:8].hex()
    ours = [form for form in forms(venue) if swap.data.startswith(form.head)]
    if not ours:
        built = ", ".join(sorted({form.name for form in forms(venue)}))
        return Compared(swap, "not compared", name, reason=f"we do not build {name}, only {built}")
    measured = [(form, *_differences(swap, form)) for form in ours]
    form, _, found = min(measured, key=lambda one: one[1])  # of equally near ones the plainest, which comes first
    if not found:
        return Compared(swap, "equal", name, form)
    if _is_other_side(found, ours):
        side = "sell" if form.is_buy else "buy"
        return Compared(swap, "not compared", name, reason=f"we do not {side} by {name}")
    if reason := _older(swap, form, fits=bool(told and told.has_form)):
        return Compared(swap, "older", name, form, reason=reason)
    return Compared(swap, "differing", name, form, tuple(found))


def _is_other_side(found: Sequence[Difference], ours: Sequence[Form]) -> bool:
    """Say whether only what is paid and what is got changed places, in an instruction we build for one side."""
    one_sided = len({form.is_buy for form in ours}) == 1
    return one_sided and all(one.field.endswith(_TURNING) for one in found)


def _older(swap: Swap, form: Form, *, fits: bool) -> str:
    """Say which older form this is; "" when our tables know none with so few accounts."""
    listed = len(swap.accounts)
    if not fits or listed >= form.fixed:
        return ""
    entry = instruction_names.TABLES[swap.venue.program].instructions.get(form.head)
    known = {len(one.names) for one in entry.forms} if entry else set()
    return f"an older form: {listed} accounts, ours has {form.fixed}" if listed in known else ""


def _differences(swap: Swap, form: Form) -> tuple[int, list[Difference]]:
    """Return how far *swap* is from *form*, and everything that differs."""
    found = list(_places(swap, form))
    far = len(found)
    listed, size = len(swap.accounts), len(swap.data)
    # Longer arguments that our tables read to the last byte describe the accounts behind the list.
    is_open = form.fixed < len(form.rows) or (size > form.size and _reads(swap))
    if listed < form.fixed or (listed > form.fixed and not is_open):
        missing = form.rows[listed : form.fixed]
        more = ", ".join(text(key) for key in swap.accounts[form.fixed :][:4])
        what = f"without {', '.join(row.name for row in missing)}" if missing else f"behind them {more}"
        expect = f"{form.fixed}{' and arrays' if is_open else ''}"
        found.append(_difference(swap, "accounts", expect, f"{listed}, {what}"))
        far += abs(listed - form.fixed)
    if size != form.size and not _reads(swap):
        found.append(_difference(swap, "data", f"{form.size} bytes", f"{size} bytes"))
        far += 1
    return far, found


def _reads(swap: Swap) -> bool:
    """Say whether our tables read the arguments to their last byte: then another length is one they may have."""
    told = instruction_names.instruction(swap.venue.program, swap.data, swap.accounts)
    return told is not None and not told.problem and not told.fields.tail


def _places(swap: Swap, form: Form) -> Iterable[Difference]:
    """Yield every account that stands where we would put another."""
    wanted = expected(form, swap.accounts, swap.told)
    names = {key: row.name for row, key in zip(form.rows, wanted, strict=True) if key is not None}
    mints = {row.role: key for row, key in zip(form.rows, swap.accounts, strict=False) if row.role in _MINTS}
    for at, (row, want, key) in enumerate(zip(form.rows, wanted, swap.accounts, strict=False)):
        field = f"account {at} ({row.name})"
        if row.role in TOKEN_PROGRAMS_OF:
            if key not in (TOKEN, TOKEN_2022):
                yield _difference(swap, field, "a token program", text(key))
        elif want is None:
            if not row.is_optional and key in names and names[key] != row.name:
                yield _difference(swap, field, row.name, f"{text(key)} ({names[key]})")
        elif key != want:
            known = f" ({names[key]})" if key in names else ""
            yield _difference(swap, field, text(want), f"{text(key)}{known}")
            continue
        problem = _of_another_mint(swap, row.role, key, mints)
        if problem := problem or _not_held(swap, row.role, key):
            yield _difference(swap, field, *problem)


def _of_another_mint(swap: Swap, role: str, key: Pubkey, of_sides: Mapping[str, Pubkey]) -> tuple[str, str] | None:
    """Say of which mint a token account is and should be, where both are known and differ."""
    side = "base" if "base" in role else "quote" if "quote" in role else ""
    is_of_tokens = role in TRADERS_TOKENS or role.endswith("_vault")
    mint, wanted = swap.mints.get(key), of_sides.get(f"{side}_mint")
    if not is_of_tokens or mint is None or wanted is None or mint == wanted:
        return None
    return f"a token account of {text(wanted)}", f"{text(key)} of {text(mint)}"


def _not_held(swap: Swap, role: str, key: Pubkey) -> tuple[str, str] | None:
    """Say what the pool's own account holds for *role* where it is not *key*; one nobody fetched says nothing."""
    if role not in _HELD:
        return None
    held = swap.pool_keys.get(_HELD[role] or role, ZERO_KEY)
    if held not in (ZERO_KEY, key):
        return f"{text(held)} as the pool's account says", text(key)
    # Programs that sort their tokens hold token_0_mint, token_vault_b: which is the coin's follows from the mints.
    noun = role.rpartition("_")[2]
    sides = [one for name, one in swap.pool_keys.items() if name.startswith("token_") and noun in name]
    if held == ZERO_KEY and sides and key not in sides:
        return f"a {noun} the pool's account holds", text(key)
    return None


#: What a pool's account holds and the program insists on, with the account's own name where it is another.
#: Recipients and creators are elsewhere; AMM v4 ignores its market's accounts since 2025, and clients put
#: anything there.
_HELD = {
    "observation_state": "observation_key",
    **dict.fromkeys(("base_mint", "quote_mint", "base_vault", "quote_vault", "coin_vault", "pc_vault"), ""),
    **dict.fromkeys(("amm_config", "config", "global_config", "platform_config"), ""),
    **dict.fromkeys(("pool_base_token_account", "pool_quote_token_account", "reserve_x", "reserve_y"), ""),
}


def _difference(swap: Swap, field: str, want: str, found: str) -> Difference:
    return Difference(field, want, found, _CURE.format(venue=swap.venue.name))


# ── all of a venue ────────────────────────────────────────────────────────


class Deployed(NamedTuple):
    """When a program was last deployed: the slot now, and the one known from before (0: none)."""

    slot: int
    known: int = 0


class Judged(NamedTuple):
    """What all that was compared says of a venue.

    Attributes:
        alarms: differences no later equal swap explains away, each with its swap (None: of the program or a pool).
        notes: what is worth telling and no reason to stop.
        pools: how many pools' accounts were looked at.
    """

    venue: str
    compared: tuple[Compared, ...]
    alarms: tuple[tuple[Difference, Swap | None], ...]
    notes: tuple[str, ...]
    deployed: Deployed | None = None
    pools: int = 0

    def count(self, verdict: Verdict) -> int:
        """Return how many swaps came to *verdict*."""
        return sum(one.verdict == verdict for one in self.compared)

    @property
    def proven_slot(self) -> int:
        """Return the slot of the newest swap equal to ours, 0 when there is none."""
        return max((one.swap.slot for one in self.compared if one.verdict == "equal"), default=0)


def judge(
    venue: Venue,
    compared: Sequence[Compared],
    *,
    deployed: Deployed | None = None,
    accounts: Iterable[Difference] = (),
    pools: int = 0,
) -> Judged:
    """Return what is to be told of *venue*.

    Args:
        compared: in any order.
        deployed: of the venue's program, None where nobody asked.
        accounts: how pools' accounts are not as our layouts say; pools: how many were looked at.
    """
    alarms: list[tuple[Difference, Swap | None]] = [(one, None) for one in accounts]
    notes: list[str] = []
    for one in compared:
        if one.verdict != "differing":
            continue
        if why := _explained(one, compared, deployed):
            what = one.differences[0].line()
            notes.append(f"{one.name} of slot {one.swap.slot} differs ({what}), {why}: a client's own form")
        else:
            alarms += [(difference, one.swap) for difference in one.differences]
    alarms += [(difference, None) for difference in _flags(compared)]
    if compared and all(one.verdict in ("older", "not compared") for one in compared):
        notes.append(f"nothing here proves our form: {len(compared)} swaps, none as we build it")
    judged = Judged(venue.name, tuple(compared), tuple(alarms), tuple(dict.fromkeys(notes)), deployed, pools)
    return judged._replace(alarms=(*alarms, *_upgraded(venue, judged)))


def _explained(one: Compared, compared: Sequence[Compared], deployed: Deployed | None) -> str:
    """Say why a swap that differs is no change of the program; "" when it may be one."""
    same = [other for other in compared if other.form and one.form and other.form.head == one.form.head]
    proven = max((other.swap.slot for other in same if other.verdict == "equal"), default=-1)
    if proven >= one.swap.slot:
        return "later ones are equal"
    others = {other.swap.payer for other in same if other.verdict == "differing" and other.swap.slot > proven}
    # One payer alone may be odd. Several may all have met a switch that was thrown without a deploy.
    if deployed is not None and proven >= deployed.slot and len(others) == 1:
        return "of one payer, and the program was not deployed since others were equal"
    return ""


def _upgraded(venue: Venue, judged: Judged) -> list[tuple[Difference, None]]:
    deployed = judged.deployed
    if deployed is None or not deployed.known or deployed.slot <= max(deployed.known, judged.proven_slot):
        return []
    cure = "wait until a swap after that slot is equal to ours, or compare the new IDL with our tables"
    known = f"{deployed.known}, or a later swap equal to ours"
    return [(Difference("deploy slot", known, f"{deployed.slot}", cure), None)]


def _flags(compared: Sequence[Compared]) -> Iterable[Difference]:
    """Yield the accounts for which every equal swap asks more than we would."""
    groups: dict[tuple[bytes, int], list[Compared]] = {}
    for one in compared:
        if one.verdict == "equal" and one.form is not None and one.swap.flags:
            groups.setdefault((one.form.head, one.form.fixed), []).append(one)
    for group in groups.values():
        form = group[0].form
        assert form is not None
        for at, row in enumerate(form.rows[: form.fixed]):
            if row.is_optional or row.is_array:
                continue
            for flag, ours in (("signer", row.signer), ("writable", row.writable)):
                if not ours and (shown := _all_ask(group, at, flag)):
                    swap, field = group[0].swap, f"account {at} ({row.name})"
                    yield _difference(swap, field, f"not {flag}", f"{flag} in all {shown} of {group[0].name}")


def _all_ask(group: Sequence[Compared], at: int, flag: str) -> int:
    """Return how many ask for *flag* at that place when all do and enough prove it, else 0."""
    keys = [(one.swap, one.swap.accounts[at]) for one in group]
    if not all(getattr(swap.flags.get(key, Flags(False, False)), flag) for swap, key in keys):
        return 0
    proofs = [swap for swap, key in keys if key in swap.own]
    payers = {swap.payer for swap in proofs if swap.payer != ZERO_KEY}
    return len(keys) if len(proofs) >= FLAG_PROOFS_MIN and len(payers) >= FLAG_PAYERS_MIN else 0


def pool_of(compared: Compared) -> Pubkey | None:
    """Return the address of the pool a compared swap traded on; None where no form of ours told it."""
    form, swap = compared.form, compared.swap
    if form is None:
        return None
    rows = zip(form.rows, swap.accounts, strict=False)
    return next((key for row, key in rows if form.sources.get(row.role) == "address"), None)
