"""What is remembered of the people who launch: how many coins, how they ended, how long they lived.

PoolCreated                -> CreatorKnown     (and remembered)
Swapped, LiquidityChanged  -> remembered       (of coins remembered here)

A coin is remembered under two wallets, the one the venue records as its creator and the
one that signed, and both histories are told: a launch may name anybody its creator, and
a platform may sign for thousands. Its second home (the pool it migrates to) is no
launch. Anybody may open one: what happens to the liquidity there counts only where one
of the hands that launched the coin opened it.

Two ways to end a coin are told: its liquidity was withdrawn, or its creator bought at
the launch and sold all of that soon after. Every memory here is bounded; what is
forgotten is forgotten in the order of launches.
"""

from __future__ import annotations

from collections import OrderedDict

import msgspec
from msgspec.structs import replace

from sniperforge.base.events import CreatorKnown, LiquidityChanged, Pool, PoolCreated, Swapped, event_id
from sniperforge.base.units import BPS_ONE, NANOS_PER_SECOND, ZERO_KEY, Pubkey
from sniperforge.dex.token_pair import oriented

#: Coins of one wallet that are remembered; more of them say nothing new about it.
COINS_EACH_MAX = 64
#: Pools of one coin whose trades count: its curve, where that went, and a few more.
POOLS_EACH_MAX = 8
#: A withdrawal that leaves less than this share of the liquidity is a rug.
LEFT_BPS_RUGGED = 2_000
#: So much of what the creator bought, sold again, is all of it: dust stays behind.
SOLD_BPS_ALL = 9_900
_PPM = 1_000_000
#: Liquidity added later counts too, up to a million times the first.
_LEFT_PPM_MAX = _PPM * _PPM


# Without the collector: tens of thousands of these would make each of its full rounds 30 ms long.
class _Coin(msgspec.Struct, gc=False):
    mint: Pubkey
    hands: tuple[Pubkey, ...]
    born_ns: int
    seen_ns: int
    rugged_ns: int = 0
    bought: int = 0
    sold: int = 0
    places: tuple[Pubkey, ...] = ()


class _Home(msgspec.Struct, gc=False):
    """A pool of a coin, and how much liquidity it has against when it was made, trades aside.

    `turned`: the pool, where its first token is not the coin; `is_own`: one of the coin's
    hands opened it.
    """

    coin: _Coin
    turned: Pool | None
    is_own: bool
    left_ppm: int = _PPM


class Creators:
    """The coins launched lately, by who launched them.

    Args:
        coins_max: how many are remembered; 0: none, and nothing is told.
        sold_within_s: how soon after the launch a creator who sells all rugs it.
    """

    def __init__(self, *, coins_max: int, sold_within_s: int) -> None:
        self._coins_max, self._sold_within_ns = coins_max, sold_within_s * NANOS_PER_SECOND
        self._coins: OrderedDict[Pubkey, _Coin] = OrderedDict()
        self._by_hand: dict[Pubkey, dict[Pubkey, None]] = {}
        self._by_pool: dict[Pubkey, _Home] = {}
        self._since_ns = 0

    def __len__(self) -> int:
        return len(self._coins)

    def watching(self, now_ns: int) -> None:
        """Note that from now on launches are seen (the first such moment counts)."""
        self._since_ns = self._since_ns or now_ns

    def launch(self, created: PoolCreated, now_ns: int) -> list[CreatorKnown]:
        """Return what is known of the creator before *created*, then remember it."""
        if not self._coins_max:
            return []
        self.watching(now_ns)
        pool = created.pool
        coin, hands = self._coins.get(pool.base_mint), _hands(created)
        told = self._known(created, coin.hands[:1] if coin is not None else (), now_ns)
        if coin is None:
            coin = self._remember(_Coin(pool.base_mint, hands, now_ns, now_ns))
        if pool.address not in self._by_pool and len(coin.places) < POOLS_EACH_MAX:
            turned = None if pool.numbers.get("base_is_0", 1) else replace(pool, keys={}, numbers={"base_is_0": 0})
            coin.places += (pool.address,)
            self._by_pool[pool.address] = _Home(coin, turned, any(hand in coin.hands for hand in hands))
        return [told]

    def swapped(self, trade: Swapped, now_ns: int) -> None:
        """Note that the coin lives, and what its creator trades."""
        home = self._by_pool.get(trade.pool)
        if home is None:
            return
        coin = home.coin
        coin.seen_ns = now_ns
        if trade.trader not in coin.hands:
            return
        told = trade if home.turned is None else oriented(trade, home.turned)
        if isinstance(told, Swapped) and told.is_buy:
            coin.bought += told.base_amount
            return
        coin.sold += told.base_amount
        soon = now_ns - coin.born_ns <= self._sold_within_ns
        if coin.bought and soon and coin.sold * BPS_ONE >= coin.bought * SOLD_BPS_ALL:
            coin.rugged_ns = coin.rugged_ns or now_ns

    def liquidity(self, change: LiquidityChanged, now_ns: int) -> None:
        """Note how much of the coin's liquidity is left; where the venue tells no reserves, nothing is known."""
        home = self._by_pool.get(change.pool)
        if home is None or not home.is_own:
            return
        told = change if home.turned is None else oriented(change, home.turned)
        amount, after = told.quote_amount, told.quote_reserve
        before = after - amount if change.added else after + amount
        if after < 0 or before <= 0:
            return
        home.left_ppm = min(home.left_ppm * after // before, _LEFT_PPM_MAX)
        if home.left_ppm * BPS_ONE <= LEFT_BPS_RUGGED * _PPM:
            home.coin.rugged_ns = home.coin.rugged_ns or now_ns

    def clear(self) -> None:
        """Forget everybody."""
        for memory in (self._coins, self._by_hand, self._by_pool):
            memory.clear()
        self._since_ns = 0

    def _known(self, created: PoolCreated, first: tuple[Pubkey, ...], now_ns: int) -> CreatorKnown:
        """Return the histories of *created*'s creator (with the one who launched the coin) and of its signer."""
        pool = created.pool
        coins = self._history((created.creator, *first), pool.base_mint)
        signer = _signer(created)
        signed = coins if not first and signer == created.creator else self._history((signer,), pool.base_mint)
        lives = sorted((coin.rugged_ns or coin.seen_ns) - coin.born_ns for coin in coins)
        return CreatorKnown(
            id=event_id("CreatorKnown", created.id),
            ts_ns=now_ns,
            origin_ns=created.origin_ns,
            trace_id=created.trace_id,
            cause=created.id,
            creator=created.creator,
            venue=pool.venue,
            pool=pool.address,
            base_mint=pool.base_mint,
            launches=len(coins),
            rugged=_rugged(coins),
            lifetime_s_median=lives[(len(lives) - 1) // 2] // NANOS_PER_SECOND if lives else 0,
            watched_s=max(now_ns - self._since_ns, 0) // NANOS_PER_SECOND,
            signer_launches=len(signed),
            signer_rugged=_rugged(signed),
        )

    def _history(self, wallets: tuple[Pubkey, ...], but: Pubkey) -> list[_Coin]:
        """Return the latest coins of *wallets*, without the coin *but*."""
        mints = {mint: None for wallet in wallets for mint in self._by_hand.get(wallet, ()) if mint != but}
        return [self._coins[mint] for mint in mints][-COINS_EACH_MAX:]

    def _remember(self, coin: _Coin) -> _Coin:
        self._coins[coin.mint] = coin
        for hand in coin.hands:
            mints = self._by_hand.setdefault(hand, {})
            mints[coin.mint] = None
            if len(mints) > COINS_EACH_MAX:
                del mints[next(iter(mints))]
        if len(self._coins) > self._coins_max:
            self._forget(self._coins.popitem(last=False)[1])
        return coin

    def _forget(self, coin: _Coin) -> None:
        for address in coin.places:
            del self._by_pool[address]
        for hand in coin.hands:
            mints = self._by_hand.get(hand, {})
            mints.pop(coin.mint, None)
            if not mints:
                self._by_hand.pop(hand, None)


def _rugged(coins: list[_Coin]) -> int:
    return sum(1 for coin in coins if coin.rugged_ns)


def _signer(created: PoolCreated) -> Pubkey:
    """Return who signed for a launch; anybody may send the migration of a finished curve."""
    return ZERO_KEY if created.pool.numbers.get("canonical", 0) else created.user


def _hands(created: PoolCreated) -> tuple[Pubkey, ...]:
    hands = (created.creator, _signer(created))
    return tuple(dict.fromkeys(hand for hand in hands if hand != ZERO_KEY))
