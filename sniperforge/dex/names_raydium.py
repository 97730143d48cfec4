"""What the instructions and events of Raydium's four programs are called, with their accounts.

AMM v4 numbers its instructions and writes `ray_log` lines instead of events (read by
raydium_amm_layouts). Sources: raydium-io/raydium-amm, raydium-cp-swap, raydium-clmm,
@raydium-io/raydium-sdk-v2 (LaunchLab), mainnet transactions.
"""

from __future__ import annotations

from sniperforge.dex.borsh import Structs
from sniperforge.dex.layouts import fields
from sniperforge.dex.name_table import table

AMM_V4 = table(
    "raydium_amm_v4",
    "675kPX9MHTjS2zt1qfr1NYHuzeLXfQM9H24wFSUt1Mp8",
    instructions="""
initialize2 01
( nonce:u8 open_time:u64 init_pc_amount:u64 init_coin_amount:u64
= token_program associated_token_program system_program rent amm_id authority open_orders lp_mint coin_mint pc_mint
  coin_vault pc_vault target_orders config create_pool_fee_destination market_program market user user_coin user_pc
  user_lp
swap_base_in 09
( amount_in:u64 minimum_amount_out:u64
= token_program amm_id authority open_orders target_orders coin_vault pc_vault market_program market market_bids
  market_asks market_event_queue market_base_vault market_quote_vault market_vault_signer user_source user_destination
  user
= token_program amm_id authority open_orders coin_vault pc_vault market_program market market_bids
  market_asks market_event_queue market_base_vault market_quote_vault market_vault_signer user_source user_destination
  user
swap_base_out 0b
( max_amount_in:u64 amount_out:u64
= token_program amm_id authority open_orders target_orders coin_vault pc_vault market_program market market_bids
  market_asks market_event_queue market_base_vault market_quote_vault market_vault_signer user_source user_destination
  user
= token_program amm_id authority open_orders coin_vault pc_vault market_program market market_bids
  market_asks market_event_queue market_base_vault market_quote_vault market_vault_signer user_source user_destination
  user
swap_base_in_v2 10
( amount_in:u64 minimum_amount_out:u64
= token_program amm_id authority coin_vault pc_vault user_source user_destination user
swap_base_out_v2 11
( max_amount_in:u64 amount_out:u64
= token_program amm_id authority coin_vault pc_vault user_source user_destination user
""",
)

CPMM = table(
    "raydium_cpmm",
    "CPMMoo8L3F4NbTegBCKVNunggL7H1ZpdTHKxQB5qKP1C",
    instructions="""
initialize afaf6d1f0d989bed
( init_amount_0:u64 init_amount_1:u64 open_time:u64
= creator amm_config authority pool_state token_0_mint token_1_mint lp_mint creator_token_0 creator_token_1
  creator_lp_token token_0_vault token_1_vault create_pool_fee observation_state token_program token_0_program
  token_1_program associated_token_program system_program rent
initialize_with_permission 3f37fe4131b25979
( init_amount_0:u64 init_amount_1:u64 open_time:u64 creator_fee_on:u8
= payer creator amm_config authority pool_state token_0_mint token_1_mint lp_mint payer_token_0 payer_token_1
  payer_lp_token token_0_vault token_1_vault create_pool_fee observation_state permission token_program
  token_0_program token_1_program associated_token_program system_program
swap_base_input 8fbe5adac41e33de
( amount_in:u64 minimum_amount_out:u64
= payer authority amm_config pool_state input_token_account output_token_account input_vault output_vault
  input_token_program output_token_program input_token_mint output_token_mint observation_state
swap_base_output 37d96256a34ab4ad
( max_amount_in:u64 amount_out:u64
= payer authority amm_config pool_state input_token_account output_token_account input_vault output_vault
  input_token_program output_token_program input_token_mint output_token_mint observation_state
""",
    events="""
SwapEvent 40c6cde8260871e2
( pool_id:pubkey input_vault_before:u64 output_vault_before:u64 input_amount:u64 output_amount:u64
  input_transfer_fee:u64 output_transfer_fee:u64 base_input:bool / input_mint:pubkey output_mint:pubkey trade_fee:u64
  creator_fee:u64 creator_fee_on_input:bool
LpChangeEvent 79a3cdc939da753c
( pool_id:pubkey lp_amount_before:u64 token_0_vault_before:u64 token_1_vault_before:u64 token_0_amount:u64
  token_1_amount:u64 token_0_transfer_fee:u64 token_1_transfer_fee:u64 change_type:u8
""",
)

CLMM = table(
    "raydium_clmm",
    "CAMMCzo5YL8w4VFF8KVHrK22GGUsp5VTaW7grrKgrWqK",
    instructions="""
create_pool e992d18ecf6840bc
( sqrt_price_x64:u128 / open_time:u64
= pool_creator amm_config pool_state token_mint_0 token_mint_1 token_vault_0 token_vault_1 observation_state
  tick_array_bitmap token_program_0 token_program_1 system_program rent *support_mint_associated_accounts
create_customizable_pool 2b44d4a7592fa401
( sqrt_price_x64:u128 collect_fee_on:u8 enable_dynamic_fee:bool
= pool_creator amm_config pool_state token_mint_0 token_mint_1 token_vault_0 token_vault_1 observation_state
  tick_array_bitmap token_program_0 token_program_1 system_program rent
swap_v2 2b04ed0b1ac91e62
( amount:u64 other_amount_threshold:u64 sqrt_price_limit_x64:u128 is_base_input:bool
= payer amm_config pool_state input_token_account output_token_account input_vault output_vault observation_state
  token_program token_program_2022 memo_program input_vault_mint output_vault_mint *tick_array
swap f8c69e91e17587c8
( amount:u64 other_amount_threshold:u64 sqrt_price_limit_x64:u128 is_base_input:bool
= payer amm_config pool_state input_token_account output_token_account input_vault output_vault observation_state
  token_program tick_array *tick_array
create_amm_config 8934edd4d7756c68
( index:u16 tick_spacing:u16 trade_fee_rate:u32 protocol_fee_rate:u32 fund_fee_rate:u32
= owner amm_config system_program
swap_router_base_in 457d73daf5baf2c4
( amount_in:u64 amount_out_minimum:u64
= payer input_token_account input_token_mint token_program token_program_2022 memo_program *hop
open_position_v2 4db84ad67056f1c7
( tick_lower_index:i32 tick_upper_index:i32 tick_array_lower_start_index:i32 tick_array_upper_start_index:i32
  liquidity:u128 amount_0_max:u64 amount_1_max:u64 with_metadata:bool base_flag:option<bool>
= payer position_nft_owner position_nft_mint position_nft_account metadata_account pool_state protocol_position
  tick_array_lower tick_array_upper personal_position token_account_0 token_account_1 token_vault_0 token_vault_1 rent
  system_program token_program associated_token_program metadata_program token_program_2022 vault_0_mint vault_1_mint
  *remaining
decrease_liquidity_v2 3a7fbc3e4f52c460
( liquidity:u128 amount_0_min:u64 amount_1_min:u64
= nft_owner nft_account personal_position pool_state protocol_position token_vault_0 token_vault_1 tick_array_lower
  tick_array_upper recipient_token_account_0 recipient_token_account_1 token_program token_program_2022 memo_program
  vault_0_mint vault_1_mint *remaining
close_position 7b86510031446262
= nft_owner position_nft_mint position_nft_account personal_position system_program token_program
""",
    events="""
PoolCreatedEvent 195e4b2f7063353f
( token_mint_0:pubkey token_mint_1:pubkey tick_spacing:u16 pool_state:pubkey sqrt_price_x64:u128 tick:i32
  token_vault_0:pubkey token_vault_1:pubkey
SwapEvent 40c6cde8260871e2
( pool_state:pubkey sender:pubkey token_account_0:pubkey token_account_1:pubkey amount_0:u64 transfer_fee_0:u64
  amount_1:u64 transfer_fee_1:u64 zero_for_one:bool sqrt_price_x64:u128 liquidity:u128 tick:i32 / trade_fee_0:u64
  trade_fee_1:u64
CreatePersonalPositionEvent 641e57f9c4df9ace
( pool_state:pubkey minter:pubkey nft_owner:pubkey tick_lower_index:i32 tick_upper_index:i32 liquidity:u128
  deposit_amount_0:u64 deposit_amount_1:u64 deposit_amount_0_transfer_fee:u64 deposit_amount_1_transfer_fee:u64
DecreaseLiquidityEvent 3ade563a44325538
( position_nft_mint:pubkey liquidity:u128 decrease_amount_0:u64 decrease_amount_1:u64 fee_amount_0:u64
  fee_amount_1:u64 reward_amount_0:u64 reward_amount_1:u64 reward_amount_2:u64 transfer_fee_0:u64 transfer_fee_1:u64
LiquidityCalculateEvent ed7094e63954b4a2
( pool_liquidity:u128 pool_sqrt_price_x64:u128 pool_tick:i32 calc_amount_0:u64 calc_amount_1:u64 trade_fee_owed_0:u64
  trade_fee_owed_1:u64 transfer_fee_0:u64 transfer_fee_1:u64
LiquidityChangeEvent 7ef0afce9e58996b
( pool_state:pubkey tick:i32 tick_lower:i32 tick_upper:i32 liquidity_before:u128 liquidity_after:u128
""",
)

_SIMPLE_CURVE = fields("supply:u64 total_quote_fund_raising:u64 migrate_type:u8")

LAUNCHLAB = table(
    "raydium_launchlab",
    "LanMV9sAd7wArD4vJFi2qDdfnVhFxYSUg6eADduJ3uj",
    instructions="""
initialize_v2 4399af27da102620
( base_mint_param:MintParams curve_param:CurveParams vesting_param:VestingParams amm_fee_on:u8
= payer creator global_config platform_config authority pool_state base_mint quote_mint base_vault quote_vault
  metadata_account base_token_program quote_token_program metadata_program system_program rent_program event_authority
  program
initialize_with_token_2022 25be7ede2c9aab11
( base_mint_param:MintParams curve_param:CurveParams vesting_param:VestingParams amm_fee_on:u8
  transfer_fee_extension_param:option<TransferFeeExtensionParams>
= payer creator global_config platform_config authority pool_state base_mint quote_mint base_vault quote_vault
  base_token_program quote_token_program system_program event_authority program
initialize afaf6d1f0d989bed
( base_mint_param:MintParams curve_param:CurveParams vesting_param:VestingParams
= payer creator global_config platform_config authority pool_state base_mint quote_mint base_vault quote_vault
  metadata_account base_token_program quote_token_program metadata_program system_program rent_program event_authority
  program
buy_exact_in faea0d7bd59c13ec
( amount_in:u64 minimum_amount_out:u64 share_fee_rate:u64
= payer authority global_config platform_config pool_state user_base_token user_quote_token base_vault quote_vault
  base_token_mint quote_token_mint base_token_program quote_token_program event_authority program share_fee_receiver
  system_program platform_fee_vault creator_fee_vault
= payer authority global_config platform_config pool_state user_base_token user_quote_token base_vault quote_vault
  base_token_mint quote_token_mint base_token_program quote_token_program event_authority program system_program
  platform_fee_vault creator_fee_vault
= payer authority global_config platform_config pool_state user_base_token user_quote_token base_vault quote_vault
  base_token_mint quote_token_mint base_token_program quote_token_program event_authority program
buy_exact_out 18d3742869039938
( amount_out:u64 maximum_amount_in:u64 share_fee_rate:u64
= payer authority global_config platform_config pool_state user_base_token user_quote_token base_vault quote_vault
  base_token_mint quote_token_mint base_token_program quote_token_program event_authority program share_fee_receiver
  system_program platform_fee_vault creator_fee_vault
= payer authority global_config platform_config pool_state user_base_token user_quote_token base_vault quote_vault
  base_token_mint quote_token_mint base_token_program quote_token_program event_authority program system_program
  platform_fee_vault creator_fee_vault
= payer authority global_config platform_config pool_state user_base_token user_quote_token base_vault quote_vault
  base_token_mint quote_token_mint base_token_program quote_token_program event_authority program
sell_exact_in 9527de9bd37c981a
( amount_in:u64 minimum_amount_out:u64 share_fee_rate:u64
= payer authority global_config platform_config pool_state user_base_token user_quote_token base_vault quote_vault
  base_token_mint quote_token_mint base_token_program quote_token_program event_authority program share_fee_receiver
  system_program platform_fee_vault creator_fee_vault
= payer authority global_config platform_config pool_state user_base_token user_quote_token base_vault quote_vault
  base_token_mint quote_token_mint base_token_program quote_token_program event_authority program system_program
  platform_fee_vault creator_fee_vault
= payer authority global_config platform_config pool_state user_base_token user_quote_token base_vault quote_vault
  base_token_mint quote_token_mint base_token_program quote_token_program event_authority program
sell_exact_out 5fc8472208090ba6
( amount_out:u64 maximum_amount_in:u64 share_fee_rate:u64
= payer authority global_config platform_config pool_state user_base_token user_quote_token base_vault quote_vault
  base_token_mint quote_token_mint base_token_program quote_token_program event_authority program share_fee_receiver
  system_program platform_fee_vault creator_fee_vault
= payer authority global_config platform_config pool_state user_base_token user_quote_token base_vault quote_vault
  base_token_mint quote_token_mint base_token_program quote_token_program event_authority program system_program
  platform_fee_vault creator_fee_vault
= payer authority global_config platform_config pool_state user_base_token user_quote_token base_vault quote_vault
  base_token_mint quote_token_mint base_token_program quote_token_program event_authority program
migrate_to_amm cf52c091fecf91df
( base_lot_size:u64 quote_lot_size:u64 market_vault_signer_nonce:u8
migrate_to_cpswap 885cc8671cda908c
""",
    events="""
PoolCreateEvent 97d7e20976a173ae
( pool_state:pubkey creator:pubkey config:pubkey base_mint_param:MintParams curve_param:CurveParams
  vesting_param:VestingParams / amm_fee_on:u8
TradeEvent bddb7fd34ee661ee
( pool_state:pubkey total_base_sell:u64 virtual_base:u64 virtual_quote:u64 real_base_before:u64 real_quote_before:u64
  real_base_after:u64 real_quote_after:u64 amount_in:u64 amount_out:u64 protocol_fee:u64 platform_fee:u64
  creator_fee:u64 share_fee:u64 trade_direction:u8 pool_status:u8 exact_in:bool
""",
    own=Structs(
        structs={
            "MintParams": fields("decimals:u8 name:string symbol:string uri:string"),
            "VestingParams": fields("total_locked_amount:u64 cliff_period:u64 unlock_period:u64"),
            "TransferFeeExtensionParams": fields("transfer_fee_basis_points:u16 maximum_fee:u64"),
        },
        # Constant product, fixed price, linear price.
        enums={
            "CurveParams": (
                fields("supply:u64 total_base_sell:u64 total_quote_fund_raising:u64 migrate_type:u8"),
                _SIMPLE_CURVE,
                _SIMPLE_CURVE,
            )
        },
    ),
)
