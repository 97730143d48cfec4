"""@solana/kit, as npm gives it, creates a payment, sends it and confirms it by subscription."""

from __future__ import annotations

import asyncio
import shutil
import subprocess
from pathlib import Path

import orjson
import pytest

from sniperforge.chain.localnet import LocalNet
from tests.integration.localnet.net import run, short

SCRIPT = Path(__file__).with_name("pay.mjs")
INSTALL_S = 120


@pytest.fixture(scope="module")
def kit(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with @solana/kit installed and the script in it."""
    if shutil.which("node") is None or shutil.which("npm") is None:
        pytest.skip("no node and npm on this machine")
    folder = tmp_path_factory.mktemp("kit")
    (folder / "package.json").write_text('{"name": "pay", "private": true, "type": "module"}')
    command = ["npm", "install", "--no-audit", "--no-fund", "@solana/kit@>=5 <9"]
    try:
        subprocess.run(command, cwd=folder, check=True, capture_output=True, timeout=INSTALL_S)
    except (subprocess.CalledProcessError, subprocess.TimeoutExpired):
        pytest.skip("npm could not install @solana/kit: no registry within reach")
    shutil.copy(SCRIPT, folder)
    return folder


def test_a_payment_is_created_sent_and_confirmed(kit: Path) -> None:
    """The amounts are exact and the chain's copy says what it cost."""

    async def story() -> None:
        async with LocalNet(short(slot_ms=100)) as net:
            node = await asyncio.create_subprocess_exec(
                "node", SCRIPT.name, net.rpc_url, net.ws_url, cwd=kit,
                stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
            )  # fmt: skip
            said, complaint = await node.communicate()
            assert node.returncode == 0, complaint.decode()
            told = orjson.loads(said)
            landed = net.bank.history.find(told.pop("signature"))
            assert landed is not None
            assert told == {"balance": "1000000000", "fee": "5000", "lamports": "1000000000", "decimals": 9}

    run(story())
