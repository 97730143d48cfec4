"""What the instructions of Solana's own programs are called, where a venue's transaction uses them.

Source: the System, SPL Token, Token-2022, Associated Token Account, Compute Budget
and Memo programs.
"""

from __future__ import annotations

from sniperforge.dex.name_table import table

_TOKEN = """
initialize_mint 00
( decimals:u8 mint_authority:pubkey
= mint rent
initialize_account 01
= account mint owner rent
transfer 03
( amount:u64
= source destination authority *signer
approve 04
( amount:u64
= source delegate owner *signer
revoke 05
= source owner *signer
set_authority 06
( authority_type:u8 new_authority:option<pubkey>
= account authority *signer
mint_to 07
( amount:u64
= mint account authority *signer
burn 08
( amount:u64
= account mint authority *signer
close_account 09
= account destination owner *signer
freeze_account 0a
= account mint authority *signer
thaw_account 0b
= account mint authority *signer
transfer_checked 0c
( amount:u64 decimals:u8
= source mint destination authority *signer
mint_to_checked 0e
( amount:u64 decimals:u8
= mint account authority *signer
burn_checked 0f
( amount:u64 decimals:u8
= account mint authority *signer
initialize_account_2 10
( owner:pubkey
= account mint rent
sync_native 11
= account
initialize_account_3 12
( owner:pubkey
= account mint
initialize_mint_2 14
( decimals:u8 mint_authority:pubkey
= mint
get_account_data_size 15
= mint
initialize_immutable_owner 16
= account
"""

#: The extensions a launch uses, and the token-metadata interface (whose tags are hashes).
_TOKEN_2022 = """
initialize_mint_close_authority 19
( close_authority:option<pubkey>
= mint
transfer_fee_extension 1a
= mint *account
metadata_pointer_extension 27
= mint
initialize_token_metadata d2e11ea258b84d8d
( name:string symbol:string uri:string
= metadata update_authority mint mint_authority
update_token_metadata_authority d7e4a6e45464567b
( new_authority:pubkey
= metadata update_authority
"""

TABLES = (
    table(
        "system",
        "11111111111111111111111111111111",
        instructions="""
create_account 00000000
( lamports:u64 space:u64 owner:pubkey
= source account
assign 01000000
( owner:pubkey
= account
transfer 02000000
( lamports:u64
= source destination
create_account_with_seed 03000000
= source account *base
advance_nonce_account 04000000
= nonce recent_blockhashes authority
allocate 08000000
( space:u64
= account
transfer_with_seed 0b000000
= source base destination
""",
    ),
    table("token", "TokenkegQfeZyiNwAJbNbGKPFXCWuBvf9Ss623VQ5DA", instructions=_TOKEN),
    table("token_2022", "TokenzQdBNbLqP5VEhdkAS6EPFLC1PHnBqCXEpPxuEb", instructions=_TOKEN + _TOKEN_2022),
    table(
        "associated_token",
        "ATokenGPvbdGVxr1b2hvZbsiqW5xWH25efTNsLJA8knL",
        instructions="""
create 00
= payer account owner mint system_program token_program *account
create_idempotent 01
= payer account owner mint system_program token_program *account
""",
    ),
    table(
        "compute_budget",
        "ComputeBudget111111111111111111111111111111",
        instructions="""
request_heap_frame 01
( bytes:u32
set_compute_unit_limit 02
( units:u32
set_compute_unit_price 03
( micro_lamports:u64
set_loaded_accounts_data_size_limit 04
( bytes:u32
""",
    ),
)
