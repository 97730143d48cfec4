/* A pool's accounts: layouts, addresses, and the checks every instruction makes.
 *
 * Source: PoolState, AmmConfig and error numbers of the public IDL of
 * raydium_cp_swap 0.2.0; constraint errors are Anchor's.
 */
#ifndef SNIPERFORGE_CPMM_POOL_H
#define SNIPERFORGE_CPMM_POOL_H

#include "../solana.h"

enum {
    UNKNOWN_INSTRUCTION = 101,
    BAD_INSTRUCTION_DATA = 102,
    NOT_WRITABLE = 2000,
    RULE_BROKEN = 2003,
    WRONG_SEEDS = 2006,
    WRONG_ADDRESS = 2012,
    WRONG_TOKEN_MINT = 2014,
    WRONG_TOKEN_OWNER = 2015,
    NOT_GREATER = 2505,
    ALREADY_INITIALIZED = 3000,
    WRONG_DISCRIMINATOR = 3002,
    TOO_FEW_ACCOUNTS = 3005,
    WRONG_ACCOUNT_OWNER = 3007,
    WRONG_PROGRAM = 3008,
    NOT_SIGNER = 3010,
    NOT_APPROVED = 6000,
    INVALID_INPUT = 6003,
    INCORRECT_LP_MINT = 6004,
    EXCEEDED_SLIPPAGE = 6005,
    ZERO_TRADING_TOKENS = 6006,
    UNSUPPORTED_MINT = 6007,
    INVALID_VAULT = 6008,
    TOO_LITTLE_LIQUIDITY = 6009,
    MATH_OVERFLOW = 6011,
    INSUFFICIENT_VAULT = 6012,
};

#define INITIALIZE 0xed9b980d1f6dafafULL
#define DEPOSIT 0xb6f2e15289c623f2ULL
#define WITHDRAW 0x22a16d949c4612b7ULL
#define SWAP_BASE_INPUT 0xde331ec4da5abe8fULL
#define SWAP_BASE_OUTPUT 0xadb44aa35662d937ULL
#define SWAP_EVENT 0xe2710826e8cdc640ULL
#define LP_CHANGE_EVENT 0x3c75da39c9cda379ULL
#define POOL_STATE 0x46dec3d7f5e3edf7ULL
#define AMM_CONFIG 0x6f2bcbcb6821f4daULL
#define OBSERVATION_STATE 0x84a5098135c5ae7aULL

#define POOL_SIZE 637
#define OBSERVATION_SIZE 4075
#define MINT_SIZE 82
#define TOKEN_SIZE 165
#define RATE_ONE 1000000ULL
#define LOCKED_LP 100
#define LP_DECIMALS 9

/* Byte offsets in PoolState. */
enum {
    P_CONFIG = 8, P_CREATOR = 40, P_VAULT_0 = 72, P_VAULT_1 = 104, P_LP_MINT = 136, P_MINT_0 = 168, P_MINT_1 = 200,
    P_PROGRAM_0 = 232, P_PROGRAM_1 = 264, P_OBSERVATION = 296, P_AUTH_BUMP = 328, P_STATUS = 329,
    P_LP_DECIMALS = 330, P_DECIMALS_0 = 331, P_DECIMALS_1 = 332, P_LP_SUPPLY = 333, P_PROTOCOL_0 = 341,
    P_FUND_0 = 357, P_OPEN_TIME = 373, P_EPOCH = 381,
};
/* Byte offsets in AmmConfig, token accounts and mints. */
enum { C_DISABLED = 9, C_TRADE = 12, C_PROTOCOL = 20, C_FUND = 28, C_CREATE_FEE = 36 };
enum { T_MINT = 0, T_OWNER = 32, T_AMOUNT = 64, M_DECIMALS = 44 };
enum { STATUS_NO_DEPOSIT = 1, STATUS_NO_WITHDRAW = 2, STATUS_NO_SWAP = 4 };

static const u8 TOKEN_KEY[32] = {6, 221, 246, 225, 215, 101, 161, 147, 217, 203, 225, 70, 206, 235, 121, 172,
                                 28, 180, 133, 237, 95, 91, 55, 145, 58, 140, 245, 133, 126, 255, 0, 169};
static const u8 TOKEN_2022_KEY[32] = {6, 221, 246, 225, 238, 117, 143, 222, 24, 66, 93, 188, 228, 108, 205, 218,
                                      182, 26, 252, 77, 131, 185, 13, 39, 254, 189, 249, 40, 216, 161, 139, 252};
static const u8 ASSOCIATED_KEY[32] = {140, 151, 37, 143, 78, 36, 137, 241, 187, 61, 16, 41, 20, 142, 13, 131,
                                      11, 90, 19, 153, 218, 255, 16, 132, 4, 142, 123, 216, 219, 233, 248, 89};
static const u8 MEMO_KEY[32] = {5, 74, 83, 90, 153, 41, 33, 6, 77, 36, 232, 113, 96, 218, 56, 124,
                                124, 53, 181, 221, 188, 146, 187, 129, 228, 31, 168, 64, 65, 5, 68, 141};
static const u8 SYSTEM_KEY[32] = {0};
/* DNXgeM9EiiaAbaWvwjHj9fQQLAX5ZsfHyvmYUNRAdNC8 */
static const u8 CREATE_FEE_KEY[32] = {183, 208, 34, 82, 84, 172, 7, 227, 178, 189, 63, 134, 193, 240, 241, 16,
                                      63, 192, 112, 140, 193, 90, 239, 20, 7, 58, 166, 69, 63, 85, 234, 105};

static const char SEED_AUTHORITY[] = "vault_and_lp_mint_auth_seed";
static const char SEED_POOL[] = "pool";
static const char SEED_LP_MINT[] = "pool_lp_mint";
static const char SEED_VAULT[] = "pool_vault";
static const char SEED_OBSERVATION[] = "observation";

#define A(i) (&CTX->accounts[i])
#define REQUIRE(condition, code) do { if (!(condition)) return (code); } while (0)
#define TRY(expression) do { u64 failed_ = (expression); if (failed_) return failed_; } while (0)

static inline int is_token_program(const u8 *key) { return same32(key, TOKEN_KEY) || same32(key, TOKEN_2022_KEY); }

STATIC u64 check_config(const account *config) {
    REQUIRE(same32(config->owner, CTX->program), WRONG_ACCOUNT_OWNER);
    REQUIRE(config->data_len >= 236 && load64(config->data) == AMM_CONFIG, WRONG_DISCRIMINATOR);
    return 0;
}

/* The authority's seeds stay in the context for the call that follows. */
STATIC u64 check_authority(const account *authority, u8 *bump) {
    seed(0, SEED_AUTHORITY, sizeof SEED_AUTHORITY - 1);
    return derive(1, authority->key, bump) ? WRONG_SEEDS : 0;
}

STATIC u64 check_pool(const account *pool) {
    REQUIRE(same32(pool->owner, CTX->program), WRONG_ACCOUNT_OWNER);
    REQUIRE(pool->data_len == POOL_SIZE && load64(pool->data) == POOL_STATE, WRONG_DISCRIMINATOR);
    REQUIRE(pool->writable, NOT_WRITABLE);
    return 0;
}

STATIC u64 check_mint(const account *mint, const account *program) {
    REQUIRE(is_token_program(program->key), WRONG_PROGRAM);
    REQUIRE(same32(mint->owner, program->key), WRONG_ACCOUNT_OWNER);
    REQUIRE(mint->data_len >= MINT_SIZE && mint->data[45] == 1, WRONG_DISCRIMINATOR);
    return 0;
}

/* Only pointers to, and texts of, metadata do not touch a transfer. */
STATIC u64 check_extensions(const account *mint) {
    if (mint->data_len == MINT_SIZE) return 0;
    REQUIRE(mint->data_len > TOKEN_SIZE && mint->data[TOKEN_SIZE] == 1, UNSUPPORTED_MINT);
    u64 at = TOKEN_SIZE + 1;
    while (at + 4 <= mint->data_len) {
        u16 kind = *(u16 *)(mint->data + at), size = *(u16 *)(mint->data + at + 2);
        if (kind == 0) return 0;
        REQUIRE(kind == 18 || kind == 19, UNSUPPORTED_MINT);
        at += 4 + (u64)size;
    }
    return 0;
}

STATIC u64 check_token(const account *token, const u8 *mint, const u8 *owner) {
    REQUIRE(is_token_program(token->owner), WRONG_ACCOUNT_OWNER);
    REQUIRE(token->data_len >= TOKEN_SIZE, WRONG_DISCRIMINATOR);
    REQUIRE(same32(token->data + T_MINT, mint), WRONG_TOKEN_MINT);
    REQUIRE(!owner || same32(token->data + T_OWNER, owner), WRONG_TOKEN_OWNER);
    return 0;
}

#endif
