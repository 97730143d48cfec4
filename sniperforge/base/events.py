"""What happened and what shall happen: every message of the house.

Events are past participles, commands imperatives; `sniperforge.base.wire` turns
both into bytes. The tag of a struct is also the ring's record type. Fields are
appended at the end of a struct with a default, never moved: old records stay
readable.

Every message says what caused it (`cause`), which launch or order it belongs
to (`trace_id`) and when the frame that started it all left the socket
(`origin_ns`): the latency of every leg is a subtraction, not a probe.
"""

from __future__ import annotations

import msgspec

#: A stable 53-bit id for the thing its parts name (exact in jq and in a browser). The same
#: launch or order gets the same id in every process and after every restart, which is what
#: makes "exactly once" and replay checkable.
from sniperforge.base._identity import event_id as event_id
from sniperforge.base.units import ZERO_KEY, Pubkey

SCHEMA_VERSION = 1

#: Ring record type of a raw source frame; frames are not msgpack, see `Frame`.
FRAME = 1


class Event(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """The header every message carries. All times are epoch nanoseconds of one clock.

    Attributes:
        id: stable id, see `event_id`; 0 where nothing refers to it.
        ts_ns: when the stage made this message.
        origin_ns: receive stamp of the frame that started the chain (0: none).
        trace_id: id of the launch (or order) this belongs to.
        cause: id of the message this one answers.
    """

    id: int = 0
    ts_ns: int = 0
    origin_ns: int = 0
    trace_id: int = 0
    cause: int = 0


class Frame(msgspec.Struct, frozen=True, gc=False):
    """One source frame as it arrived: never re-encoded on its way.

    Attributes:
        data: the text of a WebSocket message, or of one recorded transaction or block.
        recv_ns: epoch nanoseconds when the socket (or the tape) gave it.
        source: name of the endpoint or tape.
        late: it was fetched after the fact (gap back-fill, `getTransaction`).
    """

    data: bytes
    recv_ns: int
    source: str = ""
    late: bool = False


class Pool(msgspec.Struct, frozen=True, kw_only=True, array_like=True, gc=False):
    """All that a quote and a swap of one pool need; venue-specific parts by name.

    Attributes:
        venue: name of the venue module.
        address: the pool (or bonding curve) account.
        base_mint: the coin traded; quote_mint: what it is paid in.
        base_reserve, quote_reserve: base units that price the next trade
            (virtual ones on a curve, fees owed already taken off).
        keys: further addresses, named as in the venue's account tables.
        numbers: further integers (fee rates, flags as 0/1, decimals).
        slot: the slot these reserves are from.
    """

    venue: str
    address: Pubkey
    base_mint: Pubkey
    quote_mint: Pubkey
    base_program: Pubkey
    quote_program: Pubkey
    base_reserve: int
    quote_reserve: int
    keys: dict[str, Pubkey] = {}
    numbers: dict[str, int] = {}
    slot: int = 0


# ── market ────────────────────────────────────────────────────────────────


class PoolCreated(Event, frozen=True, kw_only=True, tag=2):
    """A venue's own program made a pool or launched a coin, and we believe it.

    Attributes:
        pool: its state right after creation.
        creator: who the venue records as creator; user: who signed and paid.
        open_time: Unix seconds from which it trades; 0 = at once.
        signature, slot: the transaction; index: which creation inside it.
        believed_by: the evidence, e.g. "event", "instruction", "event+instruction".
        late: seen through back-fill or a fetched transaction.
        source: endpoint that delivered it first.
        name, symbol, uri: what the launch calls itself (untrusted text).
    """

    pool: Pool
    creator: Pubkey
    user: Pubkey
    open_time: int
    slot: int
    signature: str
    index: int
    believed_by: str
    late: bool = False
    source: str = ""
    name: str = ""
    symbol: str = ""
    uri: str = ""


class Swapped(Event, frozen=True, kw_only=True, tag=3):
    """A trade executed. Reserves are those after it, as `Pool` counts them; -1 = not told.

    Where the source names no mint, `base_mint` is the zero key and "base" stands for
    the pool's first token: the venue's `apply`, which knows the pool, turns it round.

    Attributes:
        is_buy: the base mint was bought.
        base_amount, quote_amount: base units that moved, fees included on the quote side.
        creator: the coin's creator of record, where the trade tells it (it can change,
            and the accounts of the next swap follow it); else the zero key.
        numbers: what else the trade left behind that `pool.numbers` holds, by the same
            names (a price that two reserves cannot say exactly); for the venue's `apply`.
    """

    venue: str
    pool: Pubkey
    base_mint: Pubkey
    trader: Pubkey
    is_buy: bool
    base_amount: int
    quote_amount: int
    base_reserve: int
    quote_reserve: int
    slot: int
    signature: str
    index: int = 0
    creator: Pubkey = ZERO_KEY
    numbers: dict[str, int] = {}


class LiquidityChanged(Event, frozen=True, kw_only=True, tag=4):
    """Liquidity was added or removed outside a trade; reserves as in `Swapped`.

    Where the source names no mint, `base_mint` is the zero key and "base" stands for
    the pool's first token: the venue's `apply`, which knows the pool, turns it round.

    Attributes:
        numbers: as in `Swapped`.
    """

    venue: str
    pool: Pubkey
    added: bool
    base_amount: int
    quote_amount: int
    base_reserve: int
    quote_reserve: int
    slot: int
    signature: str
    index: int = 0
    base_mint: Pubkey = ZERO_KEY
    numbers: dict[str, int] = {}


class CurveCompleted(Event, frozen=True, kw_only=True, tag=5):
    """A bonding curve sold out; trading stops there until the coin has migrated."""

    venue: str
    pool: Pubkey
    base_mint: Pubkey
    slot: int
    signature: str
    index: int = 0


class PoolMigrated(Event, frozen=True, kw_only=True, tag=6):
    """A coin moved from its curve to a pool of another venue.

    `new_pool` is the zero key where the source does not tell it.
    """

    venue: str
    pool: Pubkey
    base_mint: Pubkey
    new_venue: str
    new_pool: Pubkey
    slot: int
    signature: str
    index: int = 0


class LaunchDisbelieved(Event, frozen=True, kw_only=True, tag=7):
    """Something looked like a creation and was refused; `reason` names the rule.

    `values` holds what the rule compared, as text.
    """

    reason: str
    venue: str
    slot: int
    signature: str
    source: str = ""
    values: dict[str, str] = {}


class TokenInspected(Event, frozen=True, kw_only=True, tag=8):
    """Facts of a mint account, read from the chain after `PoolCreated`.

    Attributes:
        mint_authority, freeze_authority: the zero key when there is none.
        extensions: names of the Token-2022 extensions present.
        found: False when the account could not be read.
    """

    mint: Pubkey
    token_program: Pubkey
    found: bool
    decimals: int = 0
    supply: int = 0
    mint_authority: Pubkey = ZERO_KEY
    freeze_authority: Pubkey = ZERO_KEY
    extensions: tuple[str, ...] = ()


class TransactionWanted(Event, frozen=True, kw_only=True, tag=9):
    """Command: fetch this transaction, its frame did not carry enough."""

    signature: str
    slot: int
    reason: str


class TokenWanted(Event, frozen=True, kw_only=True, tag=10):
    """Command: read this mint account."""

    mint: Pubkey


class CreationWanted(Event, frozen=True, kw_only=True, tag=11):
    """Command: find the transaction that made this account; a TransactionWanted for it is the answer.

    Attributes:
        account: a pool or curve of which nothing but its own account was seen.
        slot: of that state.
        slot_min, second_min: what was made before that slot or Unix second is no news. Both:
            the slot is the word of whoever showed the account.
    """

    venue: str
    account: Pubkey
    slot: int
    slot_min: int
    second_min: int


# ── feeds ─────────────────────────────────────────────────────────────────


class FeedChanged(Event, frozen=True, kw_only=True, tag=16):
    """An endpoint changed state: connected, subscribed, lost, stalled, refused."""

    source: str
    state: str
    detail: str = ""


class GapSeen(Event, frozen=True, kw_only=True, tag=17):
    """Slots nobody showed us; `filled` transactions came by back-fill later."""

    source: str
    slot_from: int
    slot_to: int
    closed: bool = False
    filled: int = 0


class InputRefused(Event, frozen=True, kw_only=True, tag=18):
    """A piece of input was unusable; counted and skipped. `where` is file:line or endpoint."""

    where: str
    problem: str
    cure: str


# ── decisions ─────────────────────────────────────────────────────────────


class BotStarted(Event, frozen=True, kw_only=True, tag=24):
    """A bot (re)started and asks for its open positions."""

    bot: str


class LaunchRefused(Event, frozen=True, kw_only=True, tag=25):
    """A bot looked at a launch and said no: the filter's name and its values."""

    bot: str
    pool: Pubkey
    base_mint: Pubkey
    venue: str
    filter: str
    values: dict[str, str] = {}


class LaunchPassed(Event, frozen=True, kw_only=True, tag=28):
    """A bot that only watches looked at a launch and every filter said yes."""

    bot: str
    pool: Pubkey
    base_mint: Pubkey
    venue: str


#: Reason of a sell that sells nothing: the coins are burned and their account closed.
WRITE_OFF = "write_off"


class OrderProposed(Event, frozen=True, kw_only=True, tag=26):
    """Command: a bot wants this trade; `id` is the order id, the same after every restart.

    Attributes:
        side: "buy" or "sell".
        pool: the newest state the bot knows.
        amount_in: quote base units to spend (buy) or base units to sell (sell).
        amount_out_min: least to accept; 0 lets the coordinator compute it from
            `slippage_bps` and the pool at signing.
        reason: why ("entry", "take_profit[0]", "stop_loss", "time_stop", …); `WRITE_OFF`
            makes a sell of all that is held a burning.
        attempt: 0 for the first try; an exit tried again counts up.
        position_id: the position a sell belongs to; a buy's is its own id.
        waited_ns: how long an entry waited on purpose, for the pool to open or for
            the facts of its mint: no part of anybody's latency.
    """

    bot: str
    side: str
    pool: Pool
    amount_in: int
    amount_out_min: int
    slippage_bps: int
    priority_fee_micro_lamports: int
    tip_lamports: int
    reason: str
    attempt: int
    position_id: int
    creator: Pubkey = ZERO_KEY
    waited_ns: int = 0


class ExitArmed(Event, frozen=True, kw_only=True, tag=27):
    """A bot watches a position again (after a fill or a restart)."""

    bot: str
    position_id: int
    detail: str = ""


# ── money ─────────────────────────────────────────────────────────────────


class OrderRefused(Event, frozen=True, kw_only=True, tag=32):
    """Admission said no: the limit's name, what was asked, what is allowed; `detail` where numbers do not say it."""

    order_id: int
    bot: str
    pool: Pubkey
    limit: str
    asked: int
    allowed: int
    position_id: int = 0
    side: str = ""
    detail: str = ""


class OrderSigned(Event, frozen=True, kw_only=True, tag=33):
    """The order is journaled and signed; its bytes exist, none has left."""

    order_id: int
    bot: str
    signature: str
    size_bytes: int
    position_id: int = 0
    side: str = ""


class OrderSent(Event, frozen=True, kw_only=True, tag=34):
    """The bytes left through a lane."""

    order_id: int
    bot: str
    signature: str
    lane: str
    position_id: int = 0
    side: str = ""


class OrderLanded(Event, frozen=True, kw_only=True, tag=35):
    """A fill: the transaction succeeded; amounts are balance deltas from the chain.

    Attributes:
        base_amount, quote_amount: moved, both positive; quote excludes fees below.
        fee_lamports: base and priority fee; tip_lamports: tip; rent_lamports:
            lamports locked in accounts opened (negative: returned).
        commitment: "processed", "confirmed" or "finalized".
    """

    order_id: int
    bot: str
    pool: Pubkey
    base_mint: Pubkey
    side: str
    signature: str
    slot: int
    base_amount: int
    quote_amount: int
    fee_lamports: int
    tip_lamports: int
    rent_lamports: int
    commitment: str
    position_id: int = 0
    reason: str = ""


class OrderFailed(Event, frozen=True, kw_only=True, tag=36):
    """The order ended without a fill; what it cost anyway is in `fee_lamports`.

    `problem` is the chain's error ("slippage", "InstructionError[2, Custom 6]", …);
    `retryable` says whether the same intent with a new quote may work.
    """

    order_id: int
    bot: str
    pool: Pubkey
    side: str
    problem: str
    retryable: bool
    fee_lamports: int = 0
    signature: str = ""
    position_id: int = 0


class OrderExpired(Event, frozen=True, kw_only=True, tag=37):
    """The blockhash died and the chain says the order never landed."""

    order_id: int
    bot: str
    pool: Pubkey
    side: str
    signature: str
    position_id: int = 0


class PositionChanged(Event, frozen=True, kw_only=True, tag=38):
    """A position after a fill (or told again after a restart: `recovered`).

    Attributes:
        state: "open" or "closed".
        base_amount: base units held now.
        spent_lamports: everything paid in so far, fees, tips and rent included.
        received_lamports: everything paid out so far, fees taken off.
        entry_quote, entry_base: what the entry fills moved, for the entry price.
        pool: newest pool state the coordinator knows.
    """

    position_id: int
    bot: str
    pool: Pool
    state: str
    base_amount: int
    spent_lamports: int
    received_lamports: int
    entry_quote: int
    entry_base: int
    opened_ns: int
    recovered: bool = False
    creator: Pubkey = ZERO_KEY
    reason: str = ""


# ── system ────────────────────────────────────────────────────────────────


class StageChanged(Event, frozen=True, kw_only=True, tag=48):
    """A stage process changed state: starting, ready, backing-off, stopped, dead."""

    stage: str
    state: str
    pid: int = 0
    detail: str = ""


class HaltChanged(Event, frozen=True, kw_only=True, tag=49):
    """Trading was halted or resumed, on *venue* or ("") everywhere; exits stay allowed when `exits_allowed`."""

    halted: bool
    exits_allowed: bool = True
    reason: str = ""
    venue: str = ""


# ── facts about a launch, each after PoolCreated and none in its way ───────


class BundleSeen(Event, frozen=True, kw_only=True, tag=50):
    """What was bought of a launch in its own slot; told when that slot is over.

    The creator is whoever the venue records as such, and whoever signed and paid.

    Attributes:
        pool: address of the launch; slot: its slot.
        buys: all buys seen, buyers: different wallets behind them (one that the source
            does not name counts as none); creator_buys: those of the creator.
        creator_quote, others_quote: quote base units paid, fees included.
        creator_base, others_base: coins they got, base units.
        supply: of the coin, base units; 0: not known.
        creator_bps, others_bps: the coins as a share of the supply, rounded up; -1: not known.
        complete: False when trades of that slot may be missing: the launch itself came
            late, or the input ended, or there was no room to go on counting.
    """

    venue: str
    pool: Pubkey
    base_mint: Pubkey
    slot: int
    buys: int
    buyers: int
    creator_buys: int
    creator_quote: int
    others_quote: int
    creator_base: int
    others_base: int
    supply: int = 0
    creator_bps: int = -1
    others_bps: int = -1
    complete: bool = True


class CreatorKnown(Event, frozen=True, kw_only=True, tag=51):
    """What this process remembers of a creator, told right behind his PoolCreated.

    Attributes:
        creator: as PoolCreated tells it.
        launches: coins before this one that are remembered, which this wallet created or
            signed for; 64 means that or more.
        rugged: how many of them lost 80 % of their liquidity to a withdrawal, or were
            sold off by him soon after the launch.
        lifetime_s_median: from launch to rug, or else to the last trade seen; seconds,
            rounded down, of two middle ones the shorter; 0 when there is no launch.
        watched_s: how long this process has been watching: no launches in ten
            seconds say little.
        signer_launches, signer_rugged: the same of the wallet that signed and paid; it may
            be the creator's own, a clean name's user, or a platform's with thousands.
    """

    creator: Pubkey
    venue: str
    pool: Pubkey
    base_mint: Pubkey
    launches: int
    rugged: int
    lifetime_s_median: int
    watched_s: int
    signer_launches: int = 0
    signer_rugged: int = 0


class FactsWanted(Event, frozen=True, kw_only=True, tag=52):
    """Command: read from the chain what *facts* names of this pool and tell each as its own event.

    Attributes:
        pool: as PoolCreated told it; its keys say which accounts are the pool's own.
        creator: whose share shall be told apart; the zero key for nobody's.
        facts: of "holders", "liquidity", "metadata", "sellable".
        quote_amount: size of the buy that "sellable" tries, quote base units; 0: a small one.
    """

    pool: Pool
    creator: Pubkey = ZERO_KEY
    facts: tuple[str, ...] = ("holders", "liquidity", "metadata")
    quote_amount: int = 0


class HoldersInspected(Event, frozen=True, kw_only=True, tag=53):
    """Who holds a coin, by its largest accounts (a node tells twenty), summed by owner.

    Shares are of the whole supply. What speaks against a coin is rounded up, what
    speaks for it down.

    Attributes:
        found: False when it could not be read; then nothing below means anything.
        slot: the state that was read.
        supply: base units.
        counted: owners counted, without pools, curves and what is burned.
        whole: the accounts seen are all there are that hold anything worth telling.
        top_1_bps, top_5_bps, top_10_bps: share of the largest owners together, rounded up.
        creator_bps: the creator's share among them, rounded up.
        excluded: accounts of pools and curves left out; excluded_bps: their share, rounded down.
        burned_bps: share at addresses nobody has a key for, rounded down.
    """

    venue: str
    pool: Pubkey
    base_mint: Pubkey
    found: bool
    slot: int = 0
    supply: int = 0
    counted: int = 0
    whole: bool = False
    top_1_bps: int = 0
    top_5_bps: int = 0
    top_10_bps: int = 0
    creator_bps: int = 0
    excluded: int = 0
    excluded_bps: int = 0
    burned_bps: int = 0


class LiquidityInspected(Event, frozen=True, kw_only=True, tag=54):
    """How much of a pool's liquidity nobody can withdraw any more.

    Attributes:
        applicable: False for a venue without an LP mint (a curve, or concentrated
            liquidity); then nothing below means anything.
        found: False when it could not be read.
        slot: the state that was read.
        minted: LP tokens the pool counts as given out; supply: those that exist.
        burned: minted and gone, or held where nobody has a key; locked: held by a
            locker that never gives them back. Base units.
        burned_bps, locked_bps: shares of *minted*, rounded down; of nothing minted: 0.
    """

    venue: str
    pool: Pubkey
    base_mint: Pubkey
    applicable: bool
    found: bool = False
    slot: int = 0
    lp_mint: Pubkey = ZERO_KEY
    minted: int = 0
    supply: int = 0
    burned: int = 0
    locked: int = 0
    burned_bps: int = 0
    locked_bps: int = 0


class MetadataInspected(Event, frozen=True, kw_only=True, tag=55):
    """What a coin says of itself on the chain, and who may change that. The texts are untrusted.

    Attributes:
        found: False when it could not be read.
        slot: the state that was read.
        standard: "metaplex", "token_2022", "none" (it has no metadata), or "foreign"
            (the mint points to an account of a program this house does not read).
        mutable: somebody may change it. True for a foreign one: nobody says no.
        update_authority: who; the zero key when there is none.
        name, symbol, uri: cut to 64, 32 and 256 characters.
        name_bytes, symbol_bytes, uri_bytes: how long they are, without padding.
    """

    venue: str
    pool: Pubkey
    base_mint: Pubkey
    found: bool
    slot: int = 0
    standard: str = "none"
    mutable: bool = False
    update_authority: Pubkey = ZERO_KEY
    name: str = ""
    symbol: str = ""
    uri: str = ""
    name_bytes: int = 0
    symbol_bytes: int = 0
    uri_bytes: int = 0


class SellabilityTested(Event, frozen=True, kw_only=True, tag=56):
    """What became of a buy and a sell of all it gave, tried on a virtual machine with the pool's own accounts.

    The transactions are those this build would sign, of a wallet nobody has. Fees of the
    network and rents are left out, those of the venue and of the coin are in.

    Attributes:
        quote_mint: what is paid with.
        found: False when it could not be tried (accounts or a program could not be read,
            or are not what they should be); then nothing below means anything.
        slot: the state that was tried.
        amount: what the buy was to pay at most; paid: what it paid; returned: what the
            sell gave back; all quote base units. bought: coins it got, base units.
        sellable: both went through and something came back.
        loss_bps: of what was paid, not returned; rounded up; 10,000 when it cannot be sold.
        problem: which of the two failed and how, in one line; "" when none did.
        buy_units, sell_units: compute units used.
        ahead_s: how far ahead of now the pool was open for it.
    """

    venue: str
    pool: Pubkey
    base_mint: Pubkey
    found: bool
    quote_mint: Pubkey = ZERO_KEY
    slot: int = 0
    amount: int = 0
    paid: int = 0
    bought: int = 0
    returned: int = 0
    sellable: bool = False
    loss_bps: int = 0
    problem: str = ""
    buy_units: int = 0
    sell_units: int = 0
    ahead_s: int = 0
