"""What Orca Whirlpool's instructions and events are called, with their accounts.

Sources: orca-so/whirlpools (IDL of 2026), mainnet transactions, the program's own output.
"""

from __future__ import annotations

from sniperforge.dex.borsh import Structs
from sniperforge.dex.layouts import fields
from sniperforge.dex.name_table import table

WHIRLPOOL = table(
    "orca_whirlpool",
    "whirLbMiicVdio4qvUfM5KAg6Ct8VwpYzGff3uctyCc",
    instructions="""
initialize_pool 5fb40aac54aee828
( bumps:u8 tick_spacing:u16 initial_sqrt_price:u128
= whirlpools_config token_mint_a token_mint_b funder whirlpool token_vault_a token_vault_b fee_tier token_program
  system_program rent
initialize_pool_v2 cf2d57f21b3fcc43
( tick_spacing:u16 initial_sqrt_price:u128
= whirlpools_config token_mint_a token_mint_b token_badge_a token_badge_b funder whirlpool token_vault_a token_vault_b
  fee_tier token_program_a token_program_b system_program rent
initialize_pool_with_adaptive_fee 8f5e604cac7c77c7
( initial_sqrt_price:u128 trade_enable_timestamp:option<u64>
= whirlpools_config token_mint_a token_mint_b token_badge_a token_badge_b funder initialize_pool_authority whirlpool
  oracle token_vault_a token_vault_b adaptive_fee_tier token_program_a token_program_b system_program rent
swap f8c69e91e17587c8
( amount:u64 other_amount_threshold:u64 sqrt_price_limit:u128 amount_specified_is_input:bool a_to_b:bool
= token_program token_authority whirlpool token_owner_account_a token_vault_a token_owner_account_b token_vault_b
  tick_array_0 tick_array_1 tick_array_2 oracle
swap_v2 2b04ed0b1ac91e62
( amount:u64 other_amount_threshold:u64 sqrt_price_limit:u128 amount_specified_is_input:bool a_to_b:bool
  / remaining_accounts_info:option<RemainingAccountsInfo>
= token_program_a token_program_b memo_program token_authority whirlpool token_mint_a token_mint_b
  token_owner_account_a token_vault_a token_owner_account_b token_vault_b tick_array_0 tick_array_1 tick_array_2
  oracle *supplemental_tick_arrays
two_hop_swap c360ed6c44a2dbe6
( amount:u64 other_amount_threshold:u64 amount_specified_is_input:bool a_to_b_one:bool a_to_b_two:bool
  sqrt_price_limit_one:u128 sqrt_price_limit_two:u128
= token_program token_authority whirlpool_one whirlpool_two token_owner_account_one_a token_vault_one_a
  token_owner_account_one_b token_vault_one_b token_owner_account_two_a token_vault_two_a token_owner_account_two_b
  token_vault_two_b tick_array_one_0 tick_array_one_1 tick_array_one_2 tick_array_two_0 tick_array_two_1
  tick_array_two_2 oracle_one oracle_two
open_position 87802f4d0f98f031
( position_bump:u8 tick_lower_index:i32 tick_upper_index:i32
= funder owner position position_mint position_token_account whirlpool token_program system_program rent
  associated_token_program
increase_liquidity 2e9cf3760dcdfbb2
( liquidity_amount:u128 token_max_a:u64 token_max_b:u64
= whirlpool token_program position_authority position position_token_account token_owner_account_a
  token_owner_account_b token_vault_a token_vault_b tick_array_lower tick_array_upper
""",
    events="""
PoolInitialized 6476ad570cc6fee5
( whirlpool:pubkey whirlpools_config:pubkey token_mint_a:pubkey token_mint_b:pubkey tick_spacing:u16
  token_program_a:pubkey token_program_b:pubkey decimals_a:u8 decimals_b:u8 initial_sqrt_price:u128
Traded e1ca49af932ba096
( whirlpool:pubkey a_to_b:bool pre_sqrt_price:u128 post_sqrt_price:u128 input_amount:u64 output_amount:u64
  input_transfer_fee:u64 output_transfer_fee:u64 lp_fee:u64 protocol_fee:u64
""",
    own=Structs(
        structs={
            "RemainingAccountsInfo": fields("slices:vec<RemainingAccountsSlice>"),
            "RemainingAccountsSlice": fields("accounts_type:u8 length:u8"),
        }
    ),
)
