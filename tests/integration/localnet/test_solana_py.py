"""solana-py's AsyncClient creates a wallet, sends, confirms and reads everything a trader asks."""

from __future__ import annotations

import pytest
from solana.rpc.async_api import AsyncClient
from solana.rpc.core import RPCException
from solders.keypair import Keypair
from solders.message import MessageV0
from solders.pubkey import Pubkey
from solders.system_program import TransferParams, transfer
from solders.transaction import VersionedTransaction

from sniperforge.chain.localnet import LocalNet
from sniperforge.dex.programs import TOKEN, WSOL
from tests.integration.localnet.net import run, short

SOL = 1_000_000_000


async def _funded(client: AsyncClient) -> Keypair:
    wallet = Keypair()
    airdrop = await client.request_airdrop(wallet.pubkey(), 5 * SOL)
    await client.confirm_transaction(airdrop.value, sleep_seconds=0.05)
    return wallet


async def _signed(client: AsyncClient, wallet: Keypair, to: Pubkey, lamports: int) -> VersionedTransaction:
    recent = (await client.get_latest_blockhash()).value.blockhash
    move = transfer(TransferParams(from_pubkey=wallet.pubkey(), to_pubkey=to, lamports=lamports))
    return VersionedTransaction(MessageV0.try_compile(wallet.pubkey(), [move], [], recent), [wallet])


def test_a_payment_is_created_sent_and_confirmed() -> None:
    """Airdrop, blockhash, send, confirm, and the transaction as the chain keeps it."""

    async def story() -> None:
        async with LocalNet(short()) as net:
            client = AsyncClient(net.rpc_url)
            wallet, to = await _funded(client), Keypair().pubkey()
            payment = await _signed(client, wallet, to, SOL)
            assert (await client.get_fee_for_message(payment.message)).value == 5_000  # type: ignore[arg-type]
            sent = await client.send_transaction(payment)
            await client.confirm_transaction(sent.value, sleep_seconds=0.05)
            assert (await client.get_balance(to)).value == SOL
            assert (await client.get_balance(wallet.pubkey())).value == 4 * SOL - 5_000
            for encoding in ("json", "jsonParsed", "base64"):
                kept = await client.get_transaction(sent.value, encoding=encoding, max_supported_transaction_version=0)
                assert kept.value is not None
                assert kept.value.transaction.meta is not None
                assert kept.value.transaction.meta.fee == 5_000
            status = (await client.get_signature_statuses([sent.value])).value[0]
            assert status is not None
            assert status.err is None
            rows = (await client.get_signatures_for_address(to)).value
            assert [row.signature for row in rows] == [sent.value]
            block = await client.get_block(status.slot, max_supported_transaction_version=0)
            assert block.value is not None
            assert block.value.transactions is not None
            assert len(block.value.transactions) >= 1
            await client.close()

    run(story())


def test_refusals_reach_the_client_as_solanas_own() -> None:
    """Too poor: a preflight failure with logs; twice: already processed."""

    async def story() -> None:
        async with LocalNet(short()) as net:
            client = AsyncClient(net.rpc_url)
            wallet, to = await _funded(client), Keypair().pubkey()
            with pytest.raises(RPCException, match="custom program error: 0x1"):
                await client.send_transaction(await _signed(client, wallet, to, 50 * SOL))
            payment = await _signed(client, wallet, to, SOL)
            sent = await client.send_transaction(payment)
            await client.confirm_transaction(sent.value, sleep_seconds=0.05)
            with pytest.raises(RPCException, match="already been processed"):
                await client.send_transaction(payment)
            await client.close()

    run(story())


def test_the_node_answers_what_clients_ask_of_a_cluster() -> None:
    """Health, version, epochs, leaders, accounts and rent parse as the client's types."""

    async def story() -> None:
        async with LocalNet(short()) as net:
            client = AsyncClient(net.rpc_url)
            assert await client.is_connected()
            slot = (await client.get_slot()).value
            assert (await client.get_block_height()).value == slot - net.bank.first_slot
            assert (await client.get_epoch_info()).value.absolute_slot >= slot
            assert (await client.get_minimum_balance_for_rent_exemption(165)).value == 2_039_280
            leader = (await client.get_slot_leader()).value
            nodes = (await client.get_cluster_nodes()).value
            assert [each.pubkey for each in nodes] == [leader]
            assert (await client.get_vote_accounts()).value.current[0].node_pubkey == leader
            mint = (await client.get_account_info(Pubkey(WSOL))).value
            assert mint is not None
            assert (mint.owner, len(mint.data)) == (Pubkey(TOKEN), 82)
            assert (await client.get_token_supply(Pubkey(WSOL))).value.decimals == 9
            assert (await client.get_supply()).value.total == 500_000_000 * SOL
            assert (await client.get_version()).value.solana_core == "3.1.0"
            assert (await client.get_genesis_hash()).value is not None
            assert (await client.get_block_time(slot)).value is not None
            assert (await client.get_recent_prioritization_fees()).value
            await client.close()

    run(story())
