"""Which accounts a feed watches: what the venues say of theirs, in the feed's words.

names of venues -> AccountFilter, …
"""

from __future__ import annotations

from collections.abc import Iterable

from sniperforge.dex.pool_accounts import POOL_ACCOUNTS
from sniperforge.feeds.settings import AccountFilter


def accounts_of(venues: Iterable[str]) -> tuple[AccountFilter, ...]:
    """Return the filters of these venues' pool accounts, one for each."""
    known = [POOL_ACCOUNTS[name] for name in venues]
    return tuple(AccountFilter(program=one.program, size=one.size, head=one.head) for one in known)
