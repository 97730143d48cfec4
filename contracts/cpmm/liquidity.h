/* deposit and withdraw: shares of both reserves for LP tokens. */
#include "calls.h"

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
