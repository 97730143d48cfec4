"""A stand's accounts as `Rounds` fetches them, as they are or changed."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence

from sniperforge.base.units import ZERO_KEY, Pubkey
from sniperforge.chain.localnet import cpmm
from sniperforge.chain.sellability import RoundTrip
from sniperforge.dex.programs import WSOL
from sniperforge.dex.venues import VENUES
from sniperforge.runtime.hand import Account, Found
from sniperforge.runtime.round_trip import Rounds
from tests.unit.chain.localnet.stand import Stand

CPMM = VENUES["raydium_cpmm"]
TENTH = 10**8


class Accounts:
    """What a stand's node would tell; `changed` goes before, None takes an account away."""

    def __init__(self, stand: Stand, changed: Mapping[Pubkey, Account | None] | None = None) -> None:
        self._stand, self.changed = stand, dict(changed or {})
        self.calls: list[list[Pubkey]] = []

    async def fetch(self, addresses: Sequence[Pubkey]) -> Found:
        self.calls.append(list(addresses))
        return {one: self.at(one) for one in addresses}

    def at(self, address: Pubkey) -> Account | None:
        if address in self.changed:
            return self.changed[address]
        found = self._stand.bank.executor.account(address)
        return found and Account(found.owner, found.data, found.lamports, found.executable)

    def there(self, address: Pubkey) -> Account:
        found = self.at(address)
        assert found is not None
        return found


def tried(accounts: Accounts, keys: cpmm.PoolKeys, amount: int = TENTH) -> RoundTrip:
    """Return what became of a buy and a sell with these accounts."""
    return asyncio.run(Rounds(accounts.fetch, "here").run(CPMM, keys.pool, ZERO_KEY, amount))[2]


def vault_of(keys: cpmm.PoolKeys) -> Pubkey:
    """Return the pool's account of the coin."""
    return keys.vaults[1 - keys.side(WSOL)]
