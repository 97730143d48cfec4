/* What the program asks of others: the system and token programs, and the log. */
#ifndef SNIPERFORGE_CPMM_CALLS_H
#define SNIPERFORGE_CPMM_CALLS_H

#include "pool.h"

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

#endif
