"""Opening the wallet: settings -> signer, with the policy it signs under."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping

from sniperforge.base.errors import ConfigError, DecodeError
from sniperforge.base.keys import key
from sniperforge.base.units import Pubkey
from sniperforge.chain import keystore
from sniperforge.chain.signer import Policy, Signer
from sniperforge.coordinate.builder import PROGRAMS
from sniperforge.coordinate.settings import CoordinateSettings
from sniperforge.dex.venue import Venue
from sniperforge.trading.transaction import LookupTable


def open_signer(settings: CoordinateSettings, venues: Mapping[str, Venue], tips: tuple[Pubkey, ...]) -> Signer:
    """Return the signer of the configured wallet; on paper one made of the seed, if no key is named.

    Raises:
        KeyUnusable: the key file or its passphrase.
        ConfigError: `programs` or `lookup_tables` hold what is no address.
    """
    limits = settings.limits
    own = frozenset(read_keys("coordinate.programs", settings.programs))
    policy = Policy(
        programs=PROGRAMS | own | {venue.program for venue in venues.values()},
        order_lamports_max=max(limits.spend_lamports_max, limits.fees_hour_lamports_max),
        minute_lamports_max=settings.wallet_signs_minute_lamports_max,
        tip_accounts=frozenset(tips),
        lookup_tables={table.address: table.keys for table in read_tables(settings.lookup_tables)},
    )
    return Signer(_secret(settings), policy)


def _secret(settings: CoordinateSettings) -> keystore.Secret:
    if not settings.keypair:
        return keystore.from_seed(hashlib.blake2b(f"paper {settings.paper.seed}".encode(), digest_size=32).digest())
    source = settings.keystore_passphrase
    return keystore.load(settings.keypair, passphrase=keystore.passphrase_from(source) if source else b"")


def read_keys(where: str, values: Iterable[str]) -> tuple[Pubkey, ...]:
    """Return base58 addresses as keys; raises ConfigError naming the setting *where*."""
    try:
        return tuple(key(value) for value in values)
    except DecodeError as problem:
        raise ConfigError(where, str(problem), "write base58 addresses") from None


def read_tables(named: Mapping[str, Iterable[str]]) -> tuple[LookupTable, ...]:
    """Return the lookup tables of the settings; raises ConfigError naming the one that cannot be."""
    tables = []
    for address, values in named.items():
        where = f"coordinate.lookup_tables.{address[:44]}"
        (table,), keys = read_keys("coordinate.lookup_tables", (address,)), read_keys(where, values)
        tables.append(LookupTable(table, keys))
    return tuple(tables)
