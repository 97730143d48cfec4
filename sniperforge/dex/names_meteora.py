"""What the instructions and events of Meteora's DLMM, DAMM v2 and DBC are called, with their accounts.

Sources: MeteoraAg's IDLs of dlmm-sdk, damm-v2 and dynamic-bonding-curve (2026),
mainnet transactions, and the programs' own output.
"""

from __future__ import annotations

from sniperforge.dex.borsh import Structs
from sniperforge.dex.layouts import fields
from sniperforge.dex.name_table import table

_BASE_FEE = fields("cliff_fee_numerator:u64 first_factor:u16 second_factor:u64 third_factor:u64 base_fee_mode:u8")
_DYNAMIC_FEE = fields(
    "bin_step:u16 bin_step_u128:u128 filter_period:u16 decay_period:u16 reduction_factor:u16 "
    "max_volatility_accumulator:u32 variable_fee_control:u32"
)
_SWAP_PARAMETERS = fields("amount_in:u64 minimum_amount_out:u64")
_SWAP_PARAMETERS_2 = fields("amount_0:u64 amount_1:u64 swap_mode:u8")

DLMM = table(
    "meteora_dlmm",
    "LBUZKhRxPF3XUpBCjp4YzTKgLccjZhTSDM9YuVaPwxo",
    instructions="""
initialize_lb_pair 2d9aedd2dd0fa65c
( active_id:i32 bin_step:u16
= lb_pair bin_array_bitmap_extension token_mint_x token_mint_y reserve_x reserve_y oracle preset_parameter funder
  token_program system_program rent event_authority program
initialize_lb_pair2 493b2478ed536cc6
( active_id:i32
= lb_pair bin_array_bitmap_extension token_mint_x token_mint_y reserve_x reserve_y oracle preset_parameter funder
  token_badge_x token_badge_y token_program_x token_program_y system_program event_authority program
initialize_customizable_permissionless_lb_pair 2e2729876fb7c840
( params:CustomizableParams
= lb_pair bin_array_bitmap_extension token_mint_x token_mint_y reserve_x reserve_y oracle user_token_x funder
  token_program system_program user_token_y event_authority program
initialize_customizable_permissionless_lb_pair2 f349817e3313f16b
( params:CustomizableParams
= lb_pair bin_array_bitmap_extension token_mint_x token_mint_y reserve_x reserve_y oracle user_token_x funder
  token_badge_x token_badge_y token_program_x token_program_y system_program user_token_y event_authority program
initialize_permission_lb_pair 6c66d555fb033515
( active_id:i32 bin_step:u16 base_factor:u16 base_fee_power_factor:u8 activation_type:u8 protocol_share:u16
= base lb_pair bin_array_bitmap_extension token_mint_x token_mint_y reserve_x reserve_y oracle admin token_badge_x
  token_badge_y token_program_x token_program_y system_program rent event_authority program
initialize_bin_array 235613b94ed44bd3
( index:i64
= lb_pair bin_array funder system_program
swap_exact_out fa49652126cf4bb8
( max_in_amount:u64 out_amount:u64
= lb_pair bin_array_bitmap_extension reserve_x reserve_y user_token_in user_token_out token_x_mint token_y_mint oracle
  host_fee_in user token_x_program token_y_program event_authority program *bin_array
swap f8c69e91e17587c8
( amount_in:u64 min_amount_out:u64
= lb_pair bin_array_bitmap_extension reserve_x reserve_y user_token_in user_token_out token_x_mint token_y_mint oracle
  host_fee_in user token_x_program token_y_program event_authority program *bin_array
swap2 414b3f4ceb5b5b88
( amount_in:u64 min_amount_out:u64 remaining_accounts_info:RemainingAccountsInfo
= lb_pair bin_array_bitmap_extension reserve_x reserve_y user_token_in user_token_out token_x_mint token_y_mint oracle
  host_fee_in user token_x_program token_y_program memo_program event_authority program *bin_array
swap_exact_out2 2bd7f784893cf351
( max_in_amount:u64 out_amount:u64 remaining_accounts_info:RemainingAccountsInfo
= lb_pair bin_array_bitmap_extension reserve_x reserve_y user_token_in user_token_out token_x_mint token_y_mint oracle
  host_fee_in user token_x_program token_y_program memo_program event_authority program *bin_array
initialize_position dbc0ea47bebf6650
( lower_bin_id:i32 width:i32
= payer position lb_pair owner system_program rent event_authority program
add_liquidity_by_strategy2 03dd95da6f8d76d5
( amount_x:u64 amount_y:u64 active_id:i32 max_active_bin_slippage:i32 min_bin_id:i32 max_bin_id:i32 strategy_type:u8
  parameters_0:u128 parameters_1:u128 parameters_2:u128 parameters_3:u128
  remaining_accounts_info:RemainingAccountsInfo
= position lb_pair bin_array_bitmap_extension user_token_x user_token_y reserve_x reserve_y token_x_mint token_y_mint
  sender token_x_program token_y_program event_authority program *bin_array
""",
    events="""
LbPairCreate b94afc7d1bd7bc6f
( lb_pair:pubkey bin_step:u16 token_x:pubkey token_y:pubkey
Swap 516ce3becdd00ac4
( lb_pair:pubkey from:pubkey start_bin_id:i32 end_bin_id:i32 amount_in:u64 amount_out:u64 swap_for_y:bool fee:u64
  protocol_fee:u64 fee_bps:u128 host_fee:u64
Swap2Evt 2e7452d7941b544d
( lb_pair:pubkey from:pubkey start_bin_id:i32 end_bin_id:i32 swap_for_y:bool fee_bps:u128 amount_in:u64
  amount_left:u64 amount_out:u64 mm_fee:u64 protocol_fee:u64 limit_order_fee:u64 host_fee:u64 fees_on_input:bool
  fees_on_token_x:bool
AddLiquidity 1f5e7d5ae3343dba
( lb_pair:pubkey from:pubkey position:pubkey amount_x:u64 amount_y:u64 active_bin_id:i32
PositionCreate 908efc549d352579
( lb_pair:pubkey position:pubkey owner:pubkey
""",
    own=Structs(
        structs={
            # Padding of 60 (96) bytes follows and is a tail.
            "CustomizableParams": fields(
                "active_id:i32 bin_step:u16 base_factor:u16 activation_type:u8 has_alpha_vault:bool "
                "activation_point:option<u64> creator_pool_on_off_control:bool base_fee_power_factor:u8 "
                "concrete_function_type:u8 collect_fee_mode:u8"
            ),
            "RemainingAccountsInfo": fields("slices:vec<RemainingAccountsSlice>"),
            "RemainingAccountsSlice": fields("accounts_type:AccountsType length:u8"),
        },
        enums={"AccountsType": ((), (), (), fields("index:u8"), ())},
    ),
)

DAMM_V2 = table(
    "meteora_damm_v2",
    "cpamdpZCGKUy5JxQXB4dcpGPiikHawvSWAd6mEn1sGG",
    instructions="""
initialize_pool 5fb40aac54aee828
( params:InitializePoolParameters
= creator position_nft_mint position_nft_account payer config pool_authority pool position token_a_mint token_b_mint
  token_a_vault token_b_vault payer_token_a payer_token_b token_a_program token_b_program token_2022_program
  system_program event_authority program token_badge_a token_badge_b
= creator position_nft_mint position_nft_account payer config pool_authority pool position token_a_mint token_b_mint
  token_a_vault token_b_vault payer_token_a payer_token_b token_a_program token_b_program token_2022_program
  system_program event_authority program
initialize_pool_with_dynamic_config 955248c5fdfc440f
( params:InitializeCustomizablePoolParameters
= creator position_nft_mint position_nft_account payer pool_creator_authority config pool_authority pool position
  token_a_mint token_b_mint token_a_vault token_b_vault payer_token_a payer_token_b token_a_program token_b_program
  token_2022_program system_program event_authority program token_badge_a token_badge_b
= creator position_nft_mint position_nft_account payer pool_creator_authority config pool_authority pool position
  token_a_mint token_b_mint token_a_vault token_b_vault payer_token_a payer_token_b token_a_program token_b_program
  token_2022_program system_program event_authority program
initialize_customizable_pool 14a1f118bdddb402
( params:InitializeCustomizablePoolParameters
= creator position_nft_mint position_nft_account payer pool_authority pool position token_a_mint token_b_mint
  token_a_vault token_b_vault payer_token_a payer_token_b token_a_program token_b_program token_2022_program
  system_program event_authority program token_badge_a token_badge_b
= creator position_nft_mint position_nft_account payer pool_authority pool position token_a_mint token_b_mint
  token_a_vault token_b_vault payer_token_a payer_token_b token_a_program token_b_program token_2022_program
  system_program event_authority program
swap f8c69e91e17587c8
( amount_in:u64 minimum_amount_out:u64
= pool_authority pool input_token_account output_token_account token_a_vault token_b_vault token_a_mint token_b_mint
  payer token_a_program token_b_program referral_token_account event_authority program instructions_sysvar
= pool_authority pool input_token_account output_token_account token_a_vault token_b_vault token_a_mint token_b_mint
  payer token_a_program token_b_program referral_token_account event_authority program
swap2 414b3f4ceb5b5b88
( amount_0:u64 amount_1:u64 swap_mode:u8
= pool_authority pool input_token_account output_token_account token_a_vault token_b_vault token_a_mint token_b_mint
  payer token_a_program token_b_program referral_token_account event_authority program instructions_sysvar
= pool_authority pool input_token_account output_token_account token_a_vault token_b_vault token_a_mint token_b_mint
  payer token_a_program token_b_program referral_token_account event_authority program
""",
    events="""
EvtInitializePool e432f655cb428625
( pool:pubkey token_a_mint:pubkey token_b_mint:pubkey creator:pubkey payer:pubkey alpha_vault:pubkey
  pool_fees:PoolFeeParameters sqrt_min_price:u128 sqrt_max_price:u128 activation_type:u8 collect_fee_mode:u8
  liquidity:u128 sqrt_price:u128 activation_point:u64 token_a_flag:u8 token_b_flag:u8 token_a_amount:u64
  token_b_amount:u64 total_amount_a:u64 total_amount_b:u64 pool_type:u8
EvtSwap2 bd4233a826507599
( pool:pubkey trade_direction:u8 collect_fee_mode:u8 has_referral:bool params:SwapParameters2 swap_result:SwapResult2
  included_transfer_fee_amount_in:u64 included_transfer_fee_amount_out:u64 excluded_transfer_fee_amount_out:u64
  current_timestamp:u64 reserve_a_amount:u64 reserve_b_amount:u64
EvtCreatePosition 9c0f77c61db5dd37
( pool:pubkey owner:pubkey position:pubkey position_nft_mint:pubkey
""",
    own=Structs(
        structs={
            "BaseFeeParameters": _BASE_FEE,
            "DynamicFeeParameters": _DYNAMIC_FEE,
            "PoolFeeParameters": fields(
                "base_fee:BaseFeeParameters compounding_fee_bps:u16 padding:u8 dynamic_fee:option<DynamicFeeParameters>"
            ),
            "InitializePoolParameters": fields("liquidity:u128 sqrt_price:u128 activation_point:option<u64>"),
            "InitializeCustomizablePoolParameters": fields(
                "pool_fees:PoolFeeParameters sqrt_min_price:u128 sqrt_max_price:u128 has_alpha_vault:bool "
                "liquidity:u128 sqrt_price:u128 activation_type:u8 collect_fee_mode:u8 activation_point:option<u64>"
            ),
            "SwapParameters2": _SWAP_PARAMETERS_2,
            "SwapResult2": fields(
                "included_fee_input_amount:u64 excluded_fee_input_amount:u64 amount_left:u64 output_amount:u64 "
                "next_sqrt_price:u128 claiming_fee:u64 protocol_fee:u64 compounding_fee:u64 referral_fee:u64"
            ),
        }
    ),
)

DBC = table(
    "meteora_dbc",
    "dbcij3LWUppWqq96dh6gJWwBifmcGfLSB5D4DuSMaqN",
    instructions="""
initialize_virtual_pool_with_spl_token 8c55d7b06636684f
( params:InitializePoolParameters
= config pool_authority creator base_mint quote_mint pool base_vault quote_vault mint_metadata metadata_program payer
  token_quote_program token_program system_program event_authority program
initialize_virtual_pool_with_token2022 a976334e916edc9b
( params:InitializePoolParameters
= config pool_authority creator base_mint quote_mint pool base_vault quote_vault payer token_quote_program
  token_program system_program event_authority program
initialize_virtual_pool_with_token2022_transfer_hook b60de9b12a918702
swap f8c69e91e17587c8
( amount_in:u64 minimum_amount_out:u64
= pool_authority config pool input_token_account output_token_account base_vault quote_vault base_mint quote_mint
  payer token_base_program token_quote_program referral_token_account event_authority program instructions_sysvar
= pool_authority config pool input_token_account output_token_account base_vault quote_vault base_mint quote_mint
  payer token_base_program token_quote_program referral_token_account event_authority program
swap2 414b3f4ceb5b5b88
( amount_0:u64 amount_1:u64 swap_mode:u8
= pool_authority config pool input_token_account output_token_account base_vault quote_vault base_mint quote_mint
  payer token_base_program token_quote_program referral_token_account event_authority program instructions_sysvar
= pool_authority config pool input_token_account output_token_account base_vault quote_vault base_mint quote_mint
  payer token_base_program token_quote_program referral_token_account event_authority program
create_config c9cff3724b6f2fbd
( config_parameters:ConfigParameters
= config fee_claimer leftover_receiver quote_mint payer system_program event_authority program
""",
    events="""
EvtInitializePool e432f655cb428625
( pool:pubkey config:pubkey creator:pubkey base_mint:pubkey pool_type:u8 activation_point:u64
EvtSwap 1b3c15d58aaabb93
( pool:pubkey config:pubkey trade_direction:u8 has_referral:bool params:SwapParameters swap_result:SwapResult
  amount_in:u64 current_timestamp:u64
EvtSwap2 bd4233a826507599
( pool:pubkey config:pubkey trade_direction:u8 has_referral:bool swap_parameters:SwapParameters2
  swap_result:SwapResult2 quote_reserve_amount:u64 migration_threshold:u64 current_timestamp:u64
EvtCurveComplete e5e756549c864b18
( pool:pubkey config:pubkey base_reserve:u64 quote_reserve:u64
EvtCreateConfig 83cfb4aeb449a536
( config:pubkey quote_mint:pubkey fee_claimer:pubkey owner:pubkey pool_fees:PoolFeeParameters collect_fee_mode:u8
  migration_option:u8 activation_type:u8 token_decimal:u8 token_type:u8
  partner_permanent_locked_liquidity_percentage:u8 partner_liquidity_percentage:u8
  creator_permanent_locked_liquidity_percentage:u8 creator_liquidity_percentage:u8 swap_base_amount:u64
  migration_quote_threshold:u64 migration_base_amount:u64 sqrt_start_price:u128 locked_vesting:LockedVestingParams
  migration_fee_option:u8 fixed_token_supply_flag:u8 pre_migration_token_supply:u64 post_migration_token_supply:u64
  curve:vec<CurvePoint>
EvtCreateConfigV2 a34a42bb77c31a90
( config:pubkey quote_mint:pubkey fee_claimer:pubkey leftover_receiver:pubkey config_parameters:ConfigParameters
""",
    own=Structs(
        structs={
            "InitializePoolParameters": fields("name:string symbol:string uri:string"),
            "SwapParameters": _SWAP_PARAMETERS,
            "SwapParameters2": _SWAP_PARAMETERS_2,
            "SwapResult": fields(
                "actual_input_amount:u64 output_amount:u64 next_sqrt_price:u128 trading_fee:u64 protocol_fee:u64 "
                "referral_fee:u64"
            ),
            "SwapResult2": fields(
                "included_fee_input_amount:u64 excluded_fee_input_amount:u64 amount_left:u64 output_amount:u64 "
                "next_sqrt_price:u128 trading_fee:u64 protocol_fee:u64 referral_fee:u64"
            ),
            "BaseFeeParameters": _BASE_FEE,
            "DynamicFeeParameters": _DYNAMIC_FEE,
            "PoolFeeParameters": fields("base_fee:BaseFeeParameters dynamic_fee:option<DynamicFeeParameters>"),
            "LockedVestingParams": fields(
                "amount_per_period:u64 cliff_duration_from_migration_time:u64 frequency:u64 number_of_period:u64 "
                "cliff_unlock_amount:u64"
            ),
            "TokenSupplyParams": fields("pre_migration_token_supply:u64 post_migration_token_supply:u64"),
            "MigrationFee": fields("fee_percentage:u8 creator_fee_percentage:u8"),
            "MigratedPoolFee": fields("collect_fee_mode:u8 dynamic_fee:u8 pool_fee_bps:u16"),
            "LiquidityVestingInfoParams": fields(
                "vesting_percentage:u8 bps_per_period:u16 number_of_periods:u16 "
                "cliff_duration_from_migration_time:u32 frequency:u32"
            ),
            "FeeSchedulerParams": fields(
                "number_of_period:u16 sqrt_price_step_bps:u16 scheduler_expiration_duration:u32 reduction_factor:u64"
            ),
            "CurvePoint": fields("sqrt_price:u128 liquidity:u128"),
            "ConfigParameters": fields(
                "pool_fees:PoolFeeParameters collect_fee_mode:u8 migration_option:u8 activation_type:u8 token_type:u8 "
                "token_decimal:u8 partner_liquidity_percentage:u8 partner_permanent_locked_liquidity_percentage:u8 "
                "creator_liquidity_percentage:u8 creator_permanent_locked_liquidity_percentage:u8 "
                "migration_quote_threshold:u64 sqrt_start_price:u128 locked_vesting:LockedVestingParams "
                "migration_fee_option:u8 token_supply:option<TokenSupplyParams> creator_trading_fee_percentage:u8 "
                "token_update_authority:u8 migration_fee:MigrationFee migrated_pool_fee:MigratedPoolFee "
                "pool_creation_fee:u64 partner_liquidity_vesting_info:LiquidityVestingInfoParams "
                "creator_liquidity_vesting_info:LiquidityVestingInfoParams migrated_pool_base_fee_mode:u8 "
                "migrated_pool_market_cap_fee_scheduler_params:FeeSchedulerParams enable_first_swap_with_min_fee:bool "
                "compounding_fee_bps:u16 padding:u16 curve:vec<CurvePoint>"
            ),
        }
    ),
)
