"""Methods that read accounts and tokens.

State is always the newest processed one, whatever commitment is asked: there is
one leader and no fork, so nothing processed is ever taken back.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

from solders.pubkey import Pubkey as SoldersPubkey

from sniperforge.base.keys import text
from sniperforge.base.units import Pubkey
from sniperforge.chain.localnet.account_json import (
    TOKEN_PROGRAMS,
    Snapshot,
    account_json,
    amount_json,
    is_mint,
    is_token_account,
    snapshot,
    token_amount,
    token_mint,
    token_owner,
)
from sniperforge.chain.localnet.node import Node
from sniperforge.chain.localnet.params import Options, Params, read_key
from sniperforge.chain.localnet.refusal import Json, invalid
from sniperforge.dex.programs import SYSTEM

KEYS_MAX = 100
LARGEST_MAX = 20


def get_balance(node: Node, params: Params) -> Json:
    """Lamports of an account, 0 for an absent one."""
    address = params.key(0, "pubkey")
    return node.answer(node.bank.svm.get_balance(SoldersPubkey(address)) or 0, params.options(1))


def get_account_info(node: Node, params: Params) -> Json:
    """One account, null for an absent one."""
    options = params.options(1)
    return node.answer(encode(node, params.key(0, "pubkey"), options, "binary"), options)


def get_multiple_accounts(node: Node, params: Params) -> Json:
    """Up to 100 accounts, in the order asked."""
    options = params.options(1)
    addresses = [read_key(each, "pubkeys") for each in params.texts(0, "pubkeys", size_max=KEYS_MAX)]
    return node.answer([encode(node, each, options, "base64") for each in addresses], options)


def get_program_accounts(node: Node, params: Params) -> Json:
    """Every account of a program that passes the filters."""
    program, options = params.key(0, "program id"), params.options(1)
    encoding, part, filters = options.encoding("binary"), options.slice(), options.filters()
    rows: list[Json] = [
        {"pubkey": text(address), "account": account_json(account, encoding, part, _decimals(node, account))}
        for address, account in owned(node, program)
        if all(each.holds(account) for each in filters)
    ]
    return node.answer(rows, options) if options.flag("withContext") else rows


def get_token_account_balance(node: Node, params: Params) -> Json:
    """Base units in a token account."""
    account = node.bank.executor.account(params.key(0, "pubkey"))
    if account is None or not is_token_account(account):
        raise invalid("not a Token account" if account is not None else "could not find account")
    return node.answer(amount_json(token_amount(account), _decimals(node, account)), params.options(1))


def get_token_accounts_by_owner(node: Node, params: Params) -> Json:
    """Token accounts of a wallet, by mint or token program."""
    owner, options = params.key(0, "owner"), params.options(2)
    return node.answer(_token_accounts(node, params.options(1), options, lambda each: token_owner(each) == owner))


def get_token_accounts_by_delegate(node: Node, params: Params) -> Json:
    """Token accounts a delegate may spend from, by mint or token program."""
    delegate, options = params.key(0, "delegate"), params.options(2)
    wanted = b"\1\0\0\0" + delegate
    return node.answer(_token_accounts(node, params.options(1), options, lambda each: each.data[72:108] == wanted))


def get_token_supply(node: Node, params: Params) -> Json:
    """Base units of a mint in existence."""
    mint = _mint(node, params)
    return node.answer(amount_json(int.from_bytes(mint.data[36:44], "little"), mint.data[44]), params.options(1))


def get_token_largest_accounts(node: Node, params: Params) -> Json:
    """The 20 largest holders of a mint."""
    mint, address = _mint(node, params), params.key(0, "mint")
    holders = [
        (token_amount(account), holder)
        for holder, account in owned(node, mint.owner)
        if is_token_account(account) and token_mint(account) == address
    ]
    rows: list[Json] = [
        {"address": text(holder), **amount_json(amount, mint.data[44])}
        for amount, holder in sorted(holders, reverse=True)[:LARGEST_MAX]
    ]
    return node.answer(rows, params.options(1))


def get_largest_accounts(node: Node, params: Params) -> Json:
    """The 20 richest accounts of the system program."""
    holders = sorted(((account.lamports, each) for each, account in owned(node, SYSTEM)), reverse=True)
    rows: list[Json] = [{"address": text(each), "lamports": lamports} for lamports, each in holders[:LARGEST_MAX]]
    return node.answer(rows, params.options(0))


def get_minimum_balance(node: Node, params: Params) -> Json:
    """Lamports that free an account of that size of rent."""
    return node.bank.svm.minimum_balance_for_rent_exemption(params.number(0, "size"))


def encode(node: Node, address: Pubkey, options: Options, default: str) -> Json:
    """Return the account at *address* as *options* ask, None when there is none."""
    encoding, part = options.encoding(default), options.slice()
    account = node.bank.executor.account(address)
    if account is None or (account.lamports == 0 and not account.data):
        return None
    return account_json(account, encoding, part, _decimals(node, account))


def owned(node: Node, program: Pubkey) -> Iterator[tuple[Pubkey, Snapshot]]:
    """Yield every account of *program* that exists."""
    for address, account in node.bank.svm.get_program_accounts(SoldersPubkey(program)):
        state = snapshot(account)
        if state is not None and state.lamports > 0:
            yield Pubkey(bytes(address)), state


def _decimals(node: Node, account: Snapshot) -> int:
    return (node.bank.executor.decimals(token_mint(account)) or 0) if is_token_account(account) else 0


def _mint(node: Node, params: Params) -> Snapshot:
    account = node.bank.executor.account(params.key(0, "mint"))
    if account is None or not is_mint(account):
        raise invalid("not a Token mint" if account is not None else "could not find account")
    return account


def _token_accounts(node: Node, which: Options, options: Options, wanted: Callable[[Snapshot], bool]) -> Json:
    encoding, part = options.encoding("binary"), options.slice()
    mint = None if "mint" not in which.body else read_key(which.body["mint"], "mint")
    if mint is None:
        programs = {read_key(which.body.get("programId"), "programId")}
        if not programs <= set(TOKEN_PROGRAMS):
            raise invalid("unrecognized Token program id")
    else:
        programs = set(TOKEN_PROGRAMS)
    return [
        {"pubkey": text(address), "account": account_json(account, encoding, part, _decimals(node, account))}
        for program in sorted(programs)
        for address, account in owned(node, program)
        if is_token_account(account) and wanted(account) and mint in (None, token_mint(account))
    ]
