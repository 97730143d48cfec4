/* A constant-product market maker that speaks Raydium CPMM.
 *
 * initialize | deposit | withdraw | swap_base_input | swap_base_output -> token transfers, logs
 *
 * Our own code with that program's instruction data, account lists, account
 * layouts, addresses, rounding, error numbers and logs, so that a client made
 * for it works unchanged. What is left out: creator fees, Token-2022 transfer
 * fees (such a mint is refused, 6007), price observations, and the owner's
 * instructions. docs/localnet.md lists every difference.
 *
 * Source of the interface: the public IDL of raydium_cp_swap 0.2.0.
 */
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

/* ── checks ─────────────────────────────────────────────────────────────── */

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

/* ── calls ──────────────────────────────────────────────────────────────── */

/* Create `target` at its derived address (seeds 0..seeds_len-1 sign). Lamports
 * somebody sent there beforehand must not block the pool: top up, allocate, assign. */
STATIC u64 create(account *payer, account *target, u64 space, const u8 *owner, u64 seeds_len) {
    u64 rent = rent_exempt(space), has = *target->lamports;
    if (has == 0) {
        begin(SYSTEM_KEY);
        pass(payer, 1, 1);
        pass(target, 1, 1);
        put32(0);
        put64(rent);
        put64(space);
        put_key(owner);
        TRY(run(seeds_len));
    } else {
        if (has < rent) {
            begin(SYSTEM_KEY);
            pass(payer, 1, 1);
            pass(target, 1, 0);
            put32(2);
            put64(rent - has);
            TRY(run(0));
        }
        begin(SYSTEM_KEY);
        pass(target, 1, 1);
        put32(8);
        put64(space);
        TRY(run(seeds_len));
        begin(SYSTEM_KEY);
        pass(target, 1, 1);
        put32(1);
        put_key(owner);
        TRY(run(seeds_len));
    }
    refresh(target);
    return 0;
}

/* InitializeAccount3: the vault belongs to the authority. */
STATIC u64 open_vault(account *payer, account *pool, account *vault, account *mint, const u8 *authority) {
    seed(0, SEED_VAULT, sizeof SEED_VAULT - 1);
    seed(1, pool->key, 32);
    seed(2, mint->key, 32);
    if (derive(3, vault->key, &CTX->bumps[1])) return WRONG_SEEDS;
    TRY(create(payer, vault, TOKEN_SIZE, mint->owner, 4));
    begin(mint->owner);
    pass(vault, 1, 0);
    pass(mint, 0, 0);
    put8(18);
    put_key(authority);
    return run(0);
}

/* TransferChecked; from a vault the authority's seeds (0 and 1) sign. */
STATIC u64 transfer(account *from, account *mint, account *to, account *owner, u64 amount) {
    int from_vault = !owner->signer;
    if (from_vault) {
        seed(0, SEED_AUTHORITY, sizeof SEED_AUTHORITY - 1);
        seed(1, &CTX->bumps[0], 1);
    }
    begin(mint->owner);
    pass(from, 1, 0);
    pass(mint, 0, 0);
    pass(to, 1, 0);
    pass(owner, 0, 1);
    put8(12);
    put64(amount);
    put8(mint->data[M_DECIMALS]);
    return run(from_vault ? 2 : 0);
}

STATIC u64 mint_lp(account *mint, account *to, account *authority, u64 amount) {
    seed(0, SEED_AUTHORITY, sizeof SEED_AUTHORITY - 1);
    seed(1, &CTX->bumps[0], 1);
    begin(TOKEN_KEY);
    pass(mint, 1, 0);
    pass(to, 1, 0);
    pass(authority, 0, 1);
    put8(7);
    put64(amount);
    return run(2);
}

static inline u64 balance(const account *token) { return load64(token->data + T_AMOUNT); }

/* Vault less the fees that wait in it; 1 when they exceed it. */
STATIC u64 reserve(const account *pool, const account *vault, u64 side, u64 *out) {
    u64 owed = load64(pool->data + P_PROTOCOL_0 + 8 * side) + load64(pool->data + P_FUND_0 + 8 * side);
    if (owed > balance(vault)) return INSUFFICIENT_VAULT;
    *out = balance(vault) - owed;
    return 0;
}

static inline void emit(u64 len) {
    CTX->seeds[0].bytes = CTX->event;
    CTX->seeds[0].len = len;
    sol_log_data(CTX->seeds, 1);
}

/* ── initialize ─────────────────────────────────────────────────────────── */

enum { I_CREATOR, I_CONFIG, I_AUTHORITY, I_POOL, I_MINT_0, I_MINT_1, I_LP_MINT, I_TOKEN_0, I_TOKEN_1, I_LP_TOKEN,
       I_VAULT_0, I_VAULT_1, I_FEE, I_OBSERVATION, I_TOKEN_PROGRAM, I_PROGRAM_0, I_PROGRAM_1, I_ASSOCIATED, I_SYSTEM,
       I_RENT, I_COUNT };

STATIC u64 check_initialize(void) {
    REQUIRE(CTX->accounts_len >= I_COUNT, TOO_FEW_ACCOUNTS);
    REQUIRE(CTX->data_len >= 32, BAD_INSTRUCTION_DATA);
    REQUIRE(A(I_CREATOR)->signer, NOT_SIGNER);
    TRY(check_config(A(I_CONFIG)));
    TRY(check_authority(A(I_AUTHORITY), &CTX->bumps[0]));
    REQUIRE(zero32(A(I_POOL)->owner) && A(I_POOL)->data_len == 0, ALREADY_INITIALIZED);
    u64 order = 0;
    for (int i = 0; i < 32 && !order; i++) {
        if (A(I_MINT_0)->key[i] < A(I_MINT_1)->key[i]) order = 1;
        if (A(I_MINT_0)->key[i] > A(I_MINT_1)->key[i]) order = 2;
    }
    REQUIRE(order == 1, RULE_BROKEN);
    TRY(check_mint(A(I_MINT_0), A(I_PROGRAM_0)));
    TRY(check_mint(A(I_MINT_1), A(I_PROGRAM_1)));
    TRY(check_extensions(A(I_MINT_0)));
    TRY(check_extensions(A(I_MINT_1)));
    TRY(check_token(A(I_TOKEN_0), A(I_MINT_0)->key, A(I_CREATOR)->key));
    TRY(check_token(A(I_TOKEN_1), A(I_MINT_1)->key, A(I_CREATOR)->key));
    REQUIRE(same32(A(I_FEE)->key, CREATE_FEE_KEY), WRONG_ADDRESS);
    REQUIRE(same32(A(I_TOKEN_PROGRAM)->key, TOKEN_KEY), WRONG_PROGRAM);
    REQUIRE(same32(A(I_ASSOCIATED)->key, ASSOCIATED_KEY), WRONG_PROGRAM);
    REQUIRE(zero32(A(I_SYSTEM)->key), WRONG_PROGRAM);
    REQUIRE(A(I_CONFIG)->data[C_DISABLED] == 0, NOT_APPROVED);
    return 0;
}

STATIC u64 open_lp(void) {
    seed(0, SEED_LP_MINT, sizeof SEED_LP_MINT - 1);
    seed(1, A(I_POOL)->key, 32);
    if (derive(2, A(I_LP_MINT)->key, &CTX->bumps[1])) return WRONG_SEEDS;
    TRY(create(A(I_CREATOR), A(I_LP_MINT), MINT_SIZE, TOKEN_KEY, 3));
    begin(TOKEN_KEY);
    pass(A(I_LP_MINT), 1, 0);
    put8(20);
    put8(LP_DECIMALS);
    put_key(A(I_AUTHORITY)->key);
    put8(0);
    TRY(run(0));
    begin(ASSOCIATED_KEY);
    pass(A(I_CREATOR), 1, 1);
    pass(A(I_LP_TOKEN), 1, 0);
    pass(A(I_CREATOR), 0, 0);
    pass(A(I_LP_MINT), 0, 0);
    pass(A(I_SYSTEM), 0, 0);
    pass(A(I_TOKEN_PROGRAM), 0, 0);
    put8(0);
    TRY(run(0));
    refresh(A(I_LP_TOKEN));
    return 0;
}

/* The pool is at its derived address, or at any fresh key that signs. */
STATIC u64 open_pool(void) {
    u64 seeds_len = 0;
    if (!A(I_POOL)->signer) {
        seed(0, SEED_POOL, sizeof SEED_POOL - 1);
        seed(1, A(I_CONFIG)->key, 32);
        seed(2, A(I_MINT_0)->key, 32);
        seed(3, A(I_MINT_1)->key, 32);
        if (derive(4, A(I_POOL)->key, &CTX->bumps[1])) return WRONG_SEEDS;
        seeds_len = 5;
    }
    return create(A(I_CREATOR), A(I_POOL), POOL_SIZE, CTX->program, seeds_len);
}

STATIC u64 open_observation(void) {
    seed(0, SEED_OBSERVATION, sizeof SEED_OBSERVATION - 1);
    seed(1, A(I_POOL)->key, 32);
    if (derive(2, A(I_OBSERVATION)->key, &CTX->bumps[1])) return WRONG_SEEDS;
    TRY(create(A(I_CREATOR), A(I_OBSERVATION), OBSERVATION_SIZE, CTX->program, 3));
    store64(A(I_OBSERVATION)->data, OBSERVATION_STATE);
    copy32(A(I_OBSERVATION)->data + 11, A(I_POOL)->key);
    return 0;
}

STATIC void write_pool(u64 liquidity, u64 open_time) {
    u8 *p = A(I_POOL)->data;
    store64(p, POOL_STATE);
    copy32(p + P_CONFIG, A(I_CONFIG)->key);
    copy32(p + P_CREATOR, A(I_CREATOR)->key);
    copy32(p + P_VAULT_0, A(I_VAULT_0)->key);
    copy32(p + P_VAULT_1, A(I_VAULT_1)->key);
    copy32(p + P_LP_MINT, A(I_LP_MINT)->key);
    copy32(p + P_MINT_0, A(I_MINT_0)->key);
    copy32(p + P_MINT_1, A(I_MINT_1)->key);
    copy32(p + P_PROGRAM_0, A(I_PROGRAM_0)->key);
    copy32(p + P_PROGRAM_1, A(I_PROGRAM_1)->key);
    copy32(p + P_OBSERVATION, A(I_OBSERVATION)->key);
    p[P_AUTH_BUMP] = CTX->bumps[0];
    p[P_LP_DECIMALS] = LP_DECIMALS;
    p[P_DECIMALS_0] = A(I_MINT_0)->data[M_DECIMALS];
    p[P_DECIMALS_1] = A(I_MINT_1)->data[M_DECIMALS];
    store64(p + P_LP_SUPPLY, liquidity);
    store64(p + P_OPEN_TIME, open_time);
    store64(p + P_EPOCH, epoch());
}

STATIC u64 pay_create_fee(void) {
    u64 fee = load64(A(I_CONFIG)->data + C_CREATE_FEE);
    if (fee == 0) return 0;
    begin(SYSTEM_KEY);
    pass(A(I_CREATOR), 1, 1);
    pass(A(I_FEE), 1, 0);
    put32(2);
    put64(fee);
    TRY(run(0));
    begin(TOKEN_KEY);
    pass(A(I_FEE), 1, 0);
    put8(17);
    return run(0);
}

STATIC u64 initialize(void) {
    say("Instruction: Initialize");
    TRY(check_initialize());
    u64 amount_0 = load64(CTX->data + 8), amount_1 = load64(CTX->data + 16), open_time = load64(CTX->data + 24);
    /* The program opens a pool in the next second at the earliest. */
    u64 now = unix_time();
    if (open_time <= now) open_time = now + 1;
    TRY(open_lp());
    TRY(open_observation());
    TRY(open_vault(A(I_CREATOR), A(I_POOL), A(I_VAULT_0), A(I_MINT_0), A(I_AUTHORITY)->key));
    TRY(open_vault(A(I_CREATOR), A(I_POOL), A(I_VAULT_1), A(I_MINT_1), A(I_AUTHORITY)->key));
    TRY(open_pool());
    TRY(transfer(A(I_TOKEN_0), A(I_MINT_0), A(I_VAULT_0), A(I_CREATOR), amount_0));
    TRY(transfer(A(I_TOKEN_1), A(I_MINT_1), A(I_VAULT_1), A(I_CREATOR), amount_1));
    u64 in_0 = balance(A(I_VAULT_0)), in_1 = balance(A(I_VAULT_1));
    u64 liquidity = root_of_product(in_0, in_1);
    CTX->line_len = 0;
    line_text("liquidity:");
    line_number(liquidity);
    line_text(", lock_lp_amount:100, vault_0_amount:");
    line_number(in_0);
    line_text(",vault_1_amount:");
    line_number(in_1);
    sol_log_(CTX->line, CTX->line_len);
    REQUIRE(liquidity >= LOCKED_LP, TOO_LITTLE_LIQUIDITY);
    TRY(mint_lp(A(I_LP_MINT), A(I_LP_TOKEN), A(I_AUTHORITY), liquidity - LOCKED_LP));
    TRY(pay_create_fee());
    write_pool(liquidity, open_time);
    return 0;
}

/* ── swaps ──────────────────────────────────────────────────────────────── */

enum { S_PAYER, S_AUTHORITY, S_CONFIG, S_POOL, S_IN_TOKEN, S_OUT_TOKEN, S_IN_VAULT, S_OUT_VAULT, S_IN_PROGRAM,
       S_OUT_PROGRAM, S_IN_MINT, S_OUT_MINT, S_OBSERVATION, S_COUNT };

STATIC u64 check_swap(u64 *side_in) {
    REQUIRE(CTX->accounts_len >= S_COUNT, TOO_FEW_ACCOUNTS);
    REQUIRE(CTX->data_len >= 24, BAD_INSTRUCTION_DATA);
    REQUIRE(A(S_PAYER)->signer, NOT_SIGNER);
    TRY(check_authority(A(S_AUTHORITY), &CTX->bumps[0]));
    TRY(check_pool(A(S_POOL)));
    TRY(check_config(A(S_CONFIG)));
    u8 *p = A(S_POOL)->data;
    REQUIRE(same32(A(S_CONFIG)->key, p + P_CONFIG), WRONG_ADDRESS);
    REQUIRE(same32(A(S_OBSERVATION)->key, p + P_OBSERVATION), WRONG_ADDRESS);
    const u8 *in = A(S_IN_VAULT)->key, *out = A(S_OUT_VAULT)->key;
    if (same32(in, p + P_VAULT_0) && same32(out, p + P_VAULT_1)) *side_in = 0;
    else if (same32(in, p + P_VAULT_1) && same32(out, p + P_VAULT_0)) *side_in = 1;
    else return INVALID_VAULT;
    const u8 *mint_in = p + P_MINT_0 + 32 * *side_in, *mint_out = p + P_MINT_1 - 32 * *side_in;
    REQUIRE(same32(A(S_IN_MINT)->key, mint_in) && same32(A(S_OUT_MINT)->key, mint_out), WRONG_ADDRESS);
    REQUIRE(same32(A(S_IN_PROGRAM)->key, A(S_IN_MINT)->owner), WRONG_ADDRESS);
    REQUIRE(same32(A(S_OUT_PROGRAM)->key, A(S_OUT_MINT)->owner), WRONG_ADDRESS);
    TRY(check_token(A(S_IN_TOKEN), mint_in, 0));
    TRY(check_token(A(S_OUT_TOKEN), mint_out, 0));
    REQUIRE(!(p[P_STATUS] & STATUS_NO_SWAP) && unix_time() >= load64(p + P_OPEN_TIME), NOT_APPROVED);
    return 0;
}

typedef struct { u64 reserve_in, reserve_out, amount_in, amount_out, fee; } trade;

/* Fee on the way in, rounded up; what is paid out, rounded down. */
STATIC u64 price_input(trade *t, u64 rate) {
    if (mul_div_up(t->amount_in, rate, RATE_ONE, &t->fee)) return MATH_OVERFLOW;
    u64 net = t->amount_in - t->fee;
    REQUIRE(t->reserve_in + net >= net, MATH_OVERFLOW);
    if (mul_div(net, t->reserve_out, t->reserve_in + net, &t->amount_out)) return MATH_OVERFLOW;
    return 0;
}

/* The least input that pays exactly amount_out, every step rounded up. */
STATIC u64 price_output(trade *t, u64 rate) {
    u64 net;
    REQUIRE(t->amount_out < t->reserve_out, ZERO_TRADING_TOKENS);
    if (mul_div_up(t->reserve_in, t->amount_out, t->reserve_out - t->amount_out, &net)) return MATH_OVERFLOW;
    if (mul_div_up(net, RATE_ONE, RATE_ONE - rate, &t->amount_in)) return MATH_OVERFLOW;
    t->fee = t->amount_in - net;
    return 0;
}

STATIC void emit_swap(const trade *t, u8 base_input) {
    u8 *e = CTX->event;
    store64(e, SWAP_EVENT);
    copy32(e + 8, A(S_POOL)->key);
    store64(e + 40, t->reserve_in);
    store64(e + 48, t->reserve_out);
    store64(e + 56, t->amount_in);
    store64(e + 64, t->amount_out);
    store64(e + 72, 0);
    store64(e + 80, 0);
    e[88] = base_input;
    copy32(e + 89, A(S_IN_MINT)->key);
    copy32(e + 121, A(S_OUT_MINT)->key);
    store64(e + 153, t->fee);
    store64(e + 161, 0);
    /* creator_fee_on is "both", which the program reports as "on the input". */
    e[169] = 1;
    emit(170);
}

STATIC u64 keep_fees(u64 side, u64 fee) {
    u8 *p = A(S_POOL)->data, *config = A(S_CONFIG)->data;
    u64 protocol, fund;
    if (mul_div(fee, load64(config + C_PROTOCOL), RATE_ONE, &protocol)) return MATH_OVERFLOW;
    if (mul_div(fee, load64(config + C_FUND), RATE_ONE, &fund)) return MATH_OVERFLOW;
    store64(p + P_PROTOCOL_0 + 8 * side, load64(p + P_PROTOCOL_0 + 8 * side) + protocol);
    store64(p + P_FUND_0 + 8 * side, load64(p + P_FUND_0 + 8 * side) + fund);
    store64(p + P_EPOCH, epoch());
    return 0;
}

STATIC u64 swap(u64 base_input) {
    u64 side, first, second;
    trade t;
    say(base_input ? "Instruction: SwapBaseInput" : "Instruction: SwapBaseOutput");
    TRY(check_swap(&side));
    TRY(reserve(A(S_POOL), A(S_IN_VAULT), side, &t.reserve_in));
    TRY(reserve(A(S_POOL), A(S_OUT_VAULT), 1 - side, &t.reserve_out));
    u64 rate = load64(A(S_CONFIG)->data + C_TRADE);
    first = load64(CTX->data + 8);
    second = load64(CTX->data + 16);
    if (base_input) {
        REQUIRE(first > 0, NOT_GREATER);
        t.amount_in = first;
        TRY(price_input(&t, rate));
    } else {
        REQUIRE(second > 0, NOT_GREATER);
        t.amount_out = second;
        TRY(price_output(&t, rate));
    }
    REQUIRE(t.amount_in > 0 && t.amount_out > 0, ZERO_TRADING_TOKENS);
    TRY(keep_fees(side, t.fee));
    emit_swap(&t, (u8)base_input);
    REQUIRE(base_input ? t.amount_out >= second : t.amount_in <= first, EXCEEDED_SLIPPAGE);
    TRY(transfer(A(S_IN_TOKEN), A(S_IN_MINT), A(S_IN_VAULT), A(S_PAYER), t.amount_in));
    return transfer(A(S_OUT_VAULT), A(S_OUT_MINT), A(S_OUT_TOKEN), A(S_AUTHORITY), t.amount_out);
}

/* ── deposit and withdraw ───────────────────────────────────────────────── */

enum { L_OWNER, L_AUTHORITY, L_POOL, L_LP_TOKEN, L_TOKEN_0, L_TOKEN_1, L_VAULT_0, L_VAULT_1, L_TOKEN_PROGRAM,
       L_TOKEN_PROGRAM_2022, L_MINT_0, L_MINT_1, L_LP_MINT, L_MEMO, L_COUNT };

STATIC u64 check_liquidity(u64 accounts_min, u8 forbidden) {
    REQUIRE(CTX->accounts_len >= accounts_min, TOO_FEW_ACCOUNTS);
    REQUIRE(CTX->data_len >= 32, BAD_INSTRUCTION_DATA);
    REQUIRE(A(L_OWNER)->signer, NOT_SIGNER);
    TRY(check_authority(A(L_AUTHORITY), &CTX->bumps[0]));
    TRY(check_pool(A(L_POOL)));
    u8 *p = A(L_POOL)->data;
    REQUIRE(same32(A(L_VAULT_0)->key, p + P_VAULT_0) && same32(A(L_VAULT_1)->key, p + P_VAULT_1), RULE_BROKEN);
    REQUIRE(same32(A(L_MINT_0)->key, p + P_MINT_0) && same32(A(L_MINT_1)->key, p + P_MINT_1), WRONG_ADDRESS);
    REQUIRE(same32(A(L_LP_MINT)->key, p + P_LP_MINT), INCORRECT_LP_MINT);
    REQUIRE(same32(A(L_TOKEN_PROGRAM)->key, TOKEN_KEY), WRONG_PROGRAM);
    REQUIRE(same32(A(L_TOKEN_PROGRAM_2022)->key, TOKEN_2022_KEY), WRONG_PROGRAM);
    TRY(check_token(A(L_LP_TOKEN), A(L_LP_MINT)->key, 0));
    TRY(check_token(A(L_TOKEN_0), A(L_MINT_0)->key, 0));
    TRY(check_token(A(L_TOKEN_1), A(L_MINT_1)->key, 0));
    REQUIRE(!(p[P_STATUS] & forbidden), NOT_APPROVED);
    return 0;
}

STATIC void emit_change(const u64 *before, const u64 *moved, u8 change) {
    u8 *e = CTX->event;
    store64(e, LP_CHANGE_EVENT);
    copy32(e + 8, A(L_POOL)->key);
    for (int i = 0; i < 3; i++) store64(e + 40 + 8 * i, before[i]);
    for (int i = 0; i < 2; i++) store64(e + 64 + 8 * i, moved[i]);
    store64(e + 80, 0);
    store64(e + 88, 0);
    e[96] = change;
    emit(97);
}

/* `before`: LP supply, then both reserves. Deposits round up, withdrawals down. */
STATIC u64 share(u64 lp_amount, u64 *before, u64 *moved, u64 is_deposit) {
    before[0] = load64(A(L_POOL)->data + P_LP_SUPPLY);
    TRY(reserve(A(L_POOL), A(L_VAULT_0), 0, &before[1]));
    TRY(reserve(A(L_POOL), A(L_VAULT_1), 1, &before[2]));
    for (int i = 0; i < 2; i++) {
        u64 bad = is_deposit ? mul_div_up(lp_amount, before[1 + i], before[0], &moved[i])
                             : mul_div(lp_amount, before[1 + i], before[0], &moved[i]);
        if (bad) return MATH_OVERFLOW;
    }
    REQUIRE(moved[0] > 0 && moved[1] > 0, ZERO_TRADING_TOKENS);
    return 0;
}

STATIC u64 deposit(void) {
    u64 before[3], moved[2];
    say("Instruction: Deposit");
    TRY(check_liquidity(L_MEMO, STATUS_NO_DEPOSIT));
    u64 lp_amount = load64(CTX->data + 8);
    REQUIRE(lp_amount > 0, NOT_GREATER);
    TRY(share(lp_amount, before, moved, 1));
    emit_change(before, moved, 0);
    REQUIRE(moved[0] <= load64(CTX->data + 16) && moved[1] <= load64(CTX->data + 24), EXCEEDED_SLIPPAGE);
    REQUIRE(before[0] + lp_amount > before[0], MATH_OVERFLOW);
    TRY(transfer(A(L_TOKEN_0), A(L_MINT_0), A(L_VAULT_0), A(L_OWNER), moved[0]));
    TRY(transfer(A(L_TOKEN_1), A(L_MINT_1), A(L_VAULT_1), A(L_OWNER), moved[1]));
    store64(A(L_POOL)->data + P_LP_SUPPLY, before[0] + lp_amount);
    store64(A(L_POOL)->data + P_EPOCH, epoch());
    return mint_lp(A(L_LP_MINT), A(L_LP_TOKEN), A(L_AUTHORITY), lp_amount);
}

STATIC u64 burn_lp(u64 amount) {
    begin(TOKEN_KEY);
    pass(A(L_LP_TOKEN), 1, 0);
    pass(A(L_LP_MINT), 1, 0);
    pass(A(L_OWNER), 0, 1);
    put8(8);
    put64(amount);
    return run(0);
}

STATIC u64 leave_memo(void) {
    static const char MEMO[] = "raydium_withdraw";
    begin(MEMO_KEY);
    for (u64 i = 0; i < sizeof MEMO - 1; i++) put8((u8)MEMO[i]);
    return run(0);
}

STATIC u64 withdraw(void) {
    u64 before[3], moved[2];
    say("Instruction: Withdraw");
    TRY(check_liquidity(L_COUNT, STATUS_NO_WITHDRAW));
    REQUIRE(same32(A(L_MEMO)->key, MEMO_KEY), WRONG_PROGRAM);
    u64 lp_amount = load64(CTX->data + 8);
    REQUIRE(lp_amount > 0, NOT_GREATER);
    REQUIRE(lp_amount <= load64(A(L_POOL)->data + P_LP_SUPPLY), INVALID_INPUT);
    TRY(leave_memo());
    TRY(share(lp_amount, before, moved, 0));
    emit_change(before, moved, 1);
    REQUIRE(moved[0] >= load64(CTX->data + 16) && moved[1] >= load64(CTX->data + 24), EXCEEDED_SLIPPAGE);
    store64(A(L_POOL)->data + P_LP_SUPPLY, before[0] - lp_amount);
    store64(A(L_POOL)->data + P_EPOCH, epoch());
    TRY(burn_lp(lp_amount));
    TRY(transfer(A(L_VAULT_0), A(L_MINT_0), A(L_TOKEN_0), A(L_AUTHORITY), moved[0]));
    return transfer(A(L_VAULT_1), A(L_MINT_1), A(L_TOKEN_1), A(L_AUTHORITY), moved[1]);
}

/* ── entry ──────────────────────────────────────────────────────────────── */

static const char *name_of(u64 code) {
    switch (code) {
    case NOT_SIGNER: return "AccountNotSigner";
    case WRONG_SEEDS: return "ConstraintSeeds";
    case WRONG_ADDRESS: return "ConstraintAddress";
    case WRONG_TOKEN_MINT: return "ConstraintTokenMint";
    case WRONG_TOKEN_OWNER: return "ConstraintTokenOwner";
    case WRONG_ACCOUNT_OWNER: return "AccountOwnedByWrongProgram";
    case WRONG_DISCRIMINATOR: return "AccountDiscriminatorMismatch";
    case NOT_APPROVED: return "NotApproved";
    case EXCEEDED_SLIPPAGE: return "ExceededSlippage";
    case ZERO_TRADING_TOKENS: return "ZeroTradingTokens";
    case UNSUPPORTED_MINT: return "NotSupportMint";
    case INVALID_VAULT: return "InvalidVault";
    default: return "Refused";
    }
}

static u64 dispatch(void) {
    if (CTX->data_len < 8) return UNKNOWN_INSTRUCTION;
    switch (load64(CTX->data)) {
    case INITIALIZE: return initialize();
    case DEPOSIT: return deposit();
    case WITHDRAW: return withdraw();
    case SWAP_BASE_INPUT: return swap(1);
    case SWAP_BASE_OUTPUT: return swap(0);
    default: return UNKNOWN_INSTRUCTION;
    }
}

u64 entrypoint(u8 *input) {
    if (read_input(input)) return INVALID_INPUT;
    u64 code = dispatch();
    if (code && code < 100000) {
        CTX->line_len = 0;
        line_text("AnchorError occurred. Error Code: ");
        line_text(name_of(code));
        line_text(". Error Number: ");
        line_number(code);
        line_text(".");
        sol_log_(CTX->line, CTX->line_len);
    }
    return code;
}
