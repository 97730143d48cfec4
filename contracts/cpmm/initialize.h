/* initialize: two mints and two amounts become a pool, its vaults and its LP mint. */
#include "calls.h"

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
