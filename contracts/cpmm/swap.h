/* swap_base_input and swap_base_output: constant product, the fee on the way in. */
#include "calls.h"

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
    REQUIRE(same32(in, p + P_VAULT_0) || same32(in, p + P_VAULT_1), RULE_BROKEN);
    REQUIRE(same32(out, p + P_VAULT_0) || same32(out, p + P_VAULT_1), RULE_BROKEN);
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
