"""`sniperforge quote|simulate|buy|sell`: one trade by hand, shown in full before anything is sent."""

from __future__ import annotations

from typing import TYPE_CHECKING

import typer

from sniperforge_cli.run import RPC_ENV, WS_ENV

if TYPE_CHECKING:
    from sniperforge.base.units import Pubkey
    from sniperforge.coordinate.settings import CoordinateSettings
    from sniperforge.dex.venue import Venue
    from sniperforge.runtime.hand import Plan, Wanted

_VENUE = typer.Option(..., "--venue", "-v", help="raydium_cpmm, pumpfun, …")
_POOL = typer.Option("", "--pool", help="Address of the pool.")
_MINT = typer.Option("", "--mint", help="The coin, where the pool follows from it (pumpfun, pumpswap, launchlab).")
_AMOUNT = typer.Option(..., "--amount", "-a", help="Base units paid in; with --exact-out what shall arrive.")
_EXACT = typer.Option(False, "--exact-out", help="--amount is what shall arrive.")
_SLIPPAGE = typer.Option(100, "--slippage-bps", help="How much worse than the quote is accepted; 100 is 1 %.")
_STATE = typer.Option("", "--state", help="File of accounts as getMultipleAccounts gives them: no network.")
_RPC = typer.Option("", "--rpc", envvar=RPC_ENV, help="HTTP endpoint to read the accounts from.")
_WALLET = typer.Option("", "--wallet", help="Who pays and receives (with --send: the key file's).")
_TIP = typer.Option(0, "--tip", help="Lamports to --tip-account.")
_TIP_ACCOUNT = typer.Option("", "--tip-account", help="Who gets the tip.")
_PRICE = typer.Option(0, "--priority-fee", help="Micro-lamports for each compute unit.")
_BLOCKHASH = typer.Option("", "--blockhash", help="Of the unsigned transaction; --rpc asks for a recent one.")
_JSON = typer.Option(False, "--json", help="One JSON object.")
_SEND = typer.Option(False, "--send", help="Sign and send it, and wait for the fill.")
_KEYPAIR = typer.Option("", "--keypair", help="0600 key file or keystore that signs (--send).")
_JOURNAL = typer.Option("", "--journal", help="SQLite journal of this wallet (--send).")
_CONFIG = typer.Option("", "--config", "-c", help="Take limits and endpoints from the [coordinate] table of this file.")
_WS = typer.Option("", "--ws", envvar=WS_ENV, help="WebSocket endpoint for the confirmation (--send).")
_LIVE = typer.Option(False, "--live", help="Allow real money; the file of --config must say so too.")
_BOT = typer.Option("hand", "--bot", help="Whose position is sold, and who the journal says traded.")
_POSITION = typer.Option(0, "--position", help="Number of the position to sell, where there are several.")


def register(root: typer.Typer) -> None:
    """Put the verbs of this module on *root*."""
    for verb in (quote, simulate, buy, sell):
        root.command()(verb)


def quote(
    venue: str = _VENUE,
    pool: str = _POOL,
    mint: str = _MINT,
    amount: int = _AMOUNT,
    side: str = typer.Option("buy", "--side", help="buy or sell."),
    exact_out: bool = _EXACT,
    slippage_bps: int = _SLIPPAGE,
    state: str = _STATE,
    rpc: str = _RPC,
    json: bool = _JSON,
) -> None:
    """Say what a trade would give, and what selling it back would.

    Examples:

    sniperforge quote --venue pumpfun --mint MINT --amount 100000000 --rpc URL

    sniperforge quote -v raydium_cpmm --pool POOL -a 1000000 --side sell --state accounts.json --json
    """
    from sniperforge.runtime.hand import Wanted
    from sniperforge_cli.run import chosen

    is_buy = chosen("--side", side, ("buy", "sell")) == "buy"
    wanted = Wanted(is_buy, amount, exact_out, slippage_bps)
    _show(_plan(venue, pool, mint, state, rpc, "", wanted), json=json)


def simulate(
    venue: str = _VENUE,
    pool: str = _POOL,
    mint: str = _MINT,
    amount: int = typer.Option(..., "--amount", "-a", help="Base units of the quote to buy for."),
    state: str = _STATE,
    rpc: str = _RPC,
    json: bool = _JSON,
) -> None:
    """Buy and sell all of it again on a virtual machine here, and say whether that works and what it loses.

    Accounts and programs are those of the endpoint; the wallet is one nobody has.
    Nothing is sent. It ends with 1 when the coin cannot be bought or sold.

    Examples:

    sniperforge simulate --venue pumpfun --mint MINT --amount 100000000 --rpc URL

    sniperforge simulate -v raydium_cpmm --pool POOL -a 100000000 --state accounts.json --json
    """
    from sniperforge.base.errors import EXIT_FAILED
    from sniperforge.base.wire import to_json
    from sniperforge.runtime import hand, hand_view, round_trip

    named, address, coin = _named(venue, pool, mint, state, rpc)
    source = hand.StateFile(state) if state else None
    tested = round_trip.by_hand(named, address, coin, amount, source=source, rpc=rpc)
    typer.echo(to_json(tested) if json else "\n".join(hand_view.tested_lines(tested)))
    if not tested.sellable:
        raise typer.Exit(EXIT_FAILED)


def buy(
    venue: str = _VENUE,
    pool: str = _POOL,
    mint: str = _MINT,
    amount: int = _AMOUNT,
    exact_out: bool = _EXACT,
    slippage_bps: int = _SLIPPAGE,
    wallet: str = _WALLET,
    tip: int = _TIP,
    tip_account: str = _TIP_ACCOUNT,
    priority_fee: int = _PRICE,
    blockhash: str = _BLOCKHASH,
    state: str = _STATE,
    rpc: str = _RPC,
    send: bool = _SEND,
    keypair: str = _KEYPAIR,
    journal: str = _JOURNAL,
    config: str = _CONFIG,
    ws: str = _WS,
    live: bool = _LIVE,
    bot: str = _BOT,
    json: bool = _JSON,
) -> None:
    """Plan a buy: quote, fees, limits, accounts by name, and the unsigned transaction.

    Without --send nothing is signed and nothing leaves. With it the order goes
    through journal, limits and signer like any bot's, and the fill is told.

    Examples:

    sniperforge buy -v raydium_cpmm --pool POOL -a 100000000 --wallet WALLET --state accounts.json

    sniperforge buy -v pumpfun --mint MINT -a 50000000 --rpc URL --send --keypair key.json --config live.toml --live
    """
    from sniperforge.runtime.hand import Wanted

    owner, tips = _parties(wallet, tip_account, send=send)
    wanted = Wanted(True, amount, exact_out, slippage_bps, owner, tip, tips, priority_fee)
    plan = _plan(venue, pool, mint, state, rpc, blockhash, wanted)
    if not send:
        _show(plan, json=json)
        return
    settings = _settings(config, rpc, ws, keypair, journal, tip_account, exact_out=exact_out, live=live)
    _send(plan, settings, bot, 0, json=json)


def sell(
    venue: str = _VENUE,
    pool: str = _POOL,
    mint: str = _MINT,
    amount: int = _AMOUNT,
    slippage_bps: int = _SLIPPAGE,
    exact_out: bool = _EXACT,
    close: bool = typer.Option(False, "--close", help="All is sold: close the coin's account, its rent comes back."),
    wallet: str = _WALLET,
    tip: int = _TIP,
    tip_account: str = _TIP_ACCOUNT,
    priority_fee: int = _PRICE,
    blockhash: str = _BLOCKHASH,
    state: str = _STATE,
    rpc: str = _RPC,
    send: bool = _SEND,
    keypair: str = _KEYPAIR,
    journal: str = _JOURNAL,
    config: str = _CONFIG,
    ws: str = _WS,
    live: bool = _LIVE,
    bot: str = _BOT,
    position: int = _POSITION,
    json: bool = _JSON,
) -> None:
    """Plan a sell: quote, fees, limits, accounts by name, and the unsigned transaction.

    With --send it is sold from a position of the journal, and its profit is told.

    Examples:

    sniperforge sell -v raydium_cpmm --pool POOL -a 5000000 --wallet WALLET --rpc URL

    sniperforge sell -v pumpfun --mint MINT -a 5000000 --rpc URL --send --keypair key.json --journal my.sqlite
    """
    from sniperforge.base.errors import UsageError
    from sniperforge.runtime.hand import Wanted

    if send and exact_out:
        raise UsageError("--exact-out: a position is sold by what goes in; leave it out, or leave --send out")
    owner, tips = _parties(wallet, tip_account, send=send)
    wanted = Wanted(False, amount, exact_out, slippage_bps, owner, tip, tips, priority_fee, close)
    plan = _plan(venue, pool, mint, state, rpc, blockhash, wanted)
    if not send:
        _show(plan, json=json)
        return
    settings = _settings(config, rpc, ws, keypair, journal, tip_account, exact_out=False, live=live)
    _send(plan, settings, bot, position, json=json)


# ── the parts ─────────────────────────────────────────────────────────────


def _parties(wallet: str, tip_account: str, *, send: bool) -> tuple[Pubkey, Pubkey]:
    """Return the wallet and who gets the tip; the zero key for nobody (a sent order is the signer's)."""
    from sniperforge.base.errors import UsageError
    from sniperforge.base.units import ZERO_KEY
    from sniperforge.runtime.hand import key_option

    tips = key_option(tip_account, option="--tip-account")
    if send:
        return ZERO_KEY, tips
    if not wallet:
        raise UsageError("--wallet: missing; say who pays and receives (or --send with --keypair)")
    return key_option(wallet, option="--wallet"), tips


def _named(venue: str, pool: str, mint: str, state: str, rpc: str) -> tuple[Venue, Pubkey, Pubkey]:
    """Return the venue, the pool's address and the coin that are meant; accounts must be there to be read."""
    from sniperforge.base.errors import UsageError
    from sniperforge.dex.venues import VENUES
    from sniperforge.runtime import hand
    from sniperforge_cli.run import chosen

    named = VENUES[chosen("--venue", venue, VENUES)]
    if not state and not rpc:
        raise UsageError("--state: missing; give a file of accounts, or --rpc with an endpoint to read them from")
    address, coin = hand.address_of(named, pool=pool, mint=mint)
    return named, address, coin


def _plan(venue: str, pool: str, mint: str, state: str, rpc: str, blockhash: str, wanted: Wanted) -> Plan:
    """Read the accounts and work the trade out."""
    from sniperforge.runtime import hand

    named, address, coin = _named(venue, pool, mint, state, rpc)
    source = hand.StateFile(state) if state else hand.Endpoint(rpc)
    found = hand.load_pool(named, address, coin, source)
    recent = bytes(hand.key_option(blockhash, option="--blockhash"))
    if not blockhash and rpc and any(wanted.wallet):
        recent = hand.Endpoint(rpc).blockhash()
    return hand.make_plan(named, found, wanted, recent)


def _show(plan: Plan, *, json: bool) -> None:
    from sniperforge.runtime import hand_view
    from sniperforge.runtime.decoding import json_text

    if json:
        typer.echo(json_text(hand_view.as_json(plan)))
    else:
        typer.echo("\n".join(hand_view.lines(plan)))


def _settings(
    config: str, rpc: str, ws: str, keypair: str, journal: str, tip_account: str, *, exact_out: bool, live: bool
) -> CoordinateSettings:
    """Return what the coordinator is told: the file's table with the command line laid over it."""
    import msgspec

    from sniperforge.base.config import settings
    from sniperforge.coordinate.settings import CoordinateSettings
    from sniperforge.runtime.topology import check_live, load

    topology = load(config) if config else None
    base = topology.coordinate if topology else CoordinateSettings()
    check_live(base, asked=live, where=topology.source.where("coordinate.live") if topology else "--live")
    given: dict[str, object] = {"execution": "rpc", "buy_exact_out": exact_out}
    options = (("rpc", rpc), ("ws", ws), ("keypair", keypair), ("journal", journal))
    given |= {name: value for name, value in options if value}
    if tip_account:
        given["tip_accounts"] = (tip_account,)
    return settings(CoordinateSettings, {**msgspec.to_builtins(base), **given}, path="coordinate").checked()


def _send(plan: Plan, settings: CoordinateSettings, bot: str, position: int, *, json: bool) -> None:
    """Send it and tell the fill."""
    import asyncio

    from sniperforge.base.clock import SystemClock
    from sniperforge.base.wire import to_json
    from sniperforge.runtime import hand_view
    from sniperforge.runtime.hand_order import Sending, send

    told = asyncio.run(send(plan, Sending(settings, bot, position), SystemClock()))
    if json:
        for event in told:
            typer.echo(to_json(event))
    else:
        typer.echo("\n".join((*hand_view.lines(plan), *hand_view.fill_lines(told))))
