"""The first state: a virtual machine with the programs and accounts a trader finds on mainnet.

settings -> LiteSVM with: SPL Token, Token-2022, Associated Token, Memo, lookup
tables (LiteSVM brings them), our CPMM under its mainnet id with fee tier 0, the
forger, the wrapped-SOL mint, and a faucet.
"""

from __future__ import annotations

import struct
from importlib import resources
from pathlib import Path

from solders.account import Account
from solders.keypair import Keypair
from solders.litesvm import LiteSVM
from solders.pubkey import Pubkey as SoldersPubkey

from sniperforge.base.keys import key
from sniperforge.base.units import LAMPORTS_PER_SOL, U64_MAX, Pubkey
from sniperforge.chain.localnet import cpmm
from sniperforge.chain.localnet.refusal import ProgramUnreadable
from sniperforge.dex.programs import SYSTEM, TOKEN, WSOL

FORGER = key("Forger1111111111111111111111111111111111111")
FAUCET_LAMPORTS = 500_000_000 * LAMPORTS_PER_SOL
#: Mainnet's figures of Raydium's fee tier 0, per million: 0.25 % of a trade, of
#: which 12 % go to the protocol and 4 % to the fund; opening a pool costs 0.15 SOL.
TRADE_FEE_RATE, PROTOCOL_FEE_RATE, FUND_FEE_RATE = 2_500, 120_000, 40_000
CREATE_POOL_FEE = 150_000_000
#: Charged only by pools that enable it, which `initialize` does not.
CREATOR_FEE_RATE = 500
TOKEN_RENT, MINT_RENT, CONFIG_RENT = 2_039_280, 1_461_600, 2_533_440
_ELF = b"\x7fELF"


def bundled(name: str) -> bytes:
    """Return the built program *name* that ships with the package."""
    return resources.files("sniperforge.chain.localnet").joinpath("programs", f"{name}.so").read_bytes()


def build(faucet: Keypair) -> LiteSVM:
    """Return the virtual machine of block zero.

    Signatures, blockhashes and duplicates are the bank's to check: LiteSVM knows
    one blockhash, and with its history off it forgets what it ran.
    """
    svm = LiteSVM().with_sigverify(False).with_blockhash_check(False).with_transaction_history(0)
    load(svm, cpmm.PROGRAM, bundled("cpmm"))
    load(svm, FORGER, bundled("forger"))
    place(svm, WSOL, MINT_RENT, mint_data(None, supply=0, decimals=9), TOKEN)
    place(svm, cpmm.AMM_CONFIG, CONFIG_RENT, amm_config(), cpmm.PROGRAM)
    receiver = native_token_data(cpmm.ADMIN, TOKEN_RENT)
    place(svm, cpmm.CREATE_FEE_ACCOUNT, TOKEN_RENT, receiver, TOKEN)
    place(svm, Pubkey(bytes(faucet.pubkey())), FAUCET_LAMPORTS, b"", SYSTEM)
    return svm


def load(svm: LiteSVM, program: Pubkey, body: bytes, source: str = "bundled program") -> None:
    """Install an ELF file as *program*; raises ProgramUnreadable when it is none."""
    if not body.startswith(_ELF):
        raise ProgramUnreadable(source, "is not an ELF file")
    try:
        svm.add_program(SoldersPubkey(program), body)
    except Exception as problem:
        # The boundary of an adapter: solders raises LiteSVMError and exports no such name.
        raise ProgramUnreadable(source, f"the loader refuses it ({problem})") from problem


def load_file(svm: LiteSVM, program: Pubkey, path: Path) -> None:
    """Install the program in *path*; raises ProgramUnreadable."""
    try:
        body = path.read_bytes()
    except OSError as problem:
        raise ProgramUnreadable(str(path), problem.strerror or "cannot be read") from None
    load(svm, program, body, str(path))


def place(
    svm: LiteSVM, address: Pubkey, lamports: int, data: bytes, owner: Pubkey, *, executable: bool = False
) -> None:
    """Put an account as it is, whoever may have signed for it or not."""
    account = Account(
        lamports=lamports, data=data, owner=SoldersPubkey(owner), executable=executable, rent_epoch=U64_MAX
    )
    svm.set_account(SoldersPubkey(address), account)


def amm_config() -> bytes:
    """Return the account of fee tier 0."""
    bump = SoldersPubkey.find_program_address([b"amm_config", b"\0\0"], SoldersPubkey(cpmm.PROGRAM))[1]
    head = bytes.fromhex("daf42168cbcb2b6f") + struct.pack("<B?H", bump, False, 0)
    rates = struct.pack("<QQQQ", TRADE_FEE_RATE, PROTOCOL_FEE_RATE, FUND_FEE_RATE, CREATE_POOL_FEE)
    owners = cpmm.ADMIN + cpmm.ADMIN
    return (head + rates + owners + struct.pack("<Q", CREATOR_FEE_RATE)).ljust(236, b"\0")


def mint_data(authority: Pubkey | None, *, supply: int, decimals: int, freeze: Pubkey | None = None) -> bytes:
    """Return the 82 bytes of an initialized mint."""
    return _optional(authority) + struct.pack("<QB?", supply, decimals, True) + _optional(freeze)


def native_token_data(owner: Pubkey, rent: int) -> bytes:
    """Return the 165 bytes of an empty wrapped-SOL account."""
    return WSOL + owner + bytes(8) + bytes(36) + b"\1" + struct.pack("<IQ", 1, rent) + bytes(8) + bytes(36)


def _optional(address: Pubkey | None) -> bytes:
    return bytes(36) if address is None else b"\1\0\0\0" + address
