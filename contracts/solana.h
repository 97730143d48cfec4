/* The Solana virtual machine as a C program sees it.
 *
 * serialized input -> accounts, instruction data   (reading)
 * accounts + data  -> cross-program invocations     (writing)
 *
 * No writable globals: the loader refuses them, so all scratch lives on the
 * heap the machine maps at HEAP_START (32 KiB). No signed division, no function
 * with more than five arguments: the bpf target has neither.
 *
 * Source: the loader's input format and the syscalls of agave's program-runtime.
 */
#ifndef SNIPERFORGE_SOLANA_H
#define SNIPERFORGE_SOLANA_H

typedef unsigned char u8;
typedef unsigned short u16;
typedef unsigned int u32;
typedef unsigned long long u64;

#define HEAP_START 0x300000000ULL
#define HEAP_SIZE 32768
#define ACCOUNTS_MAX 24
/* What the loader leaves behind each account so that a call may grow it. */
#define GROWTH 10240
#define STATIC static __attribute__((noinline, unused))

typedef struct { const u8 *bytes; u64 len; } slice;
typedef struct { slice *seeds; u64 count; } signer;
typedef struct { const u8 *key; u8 writable, signer; } meta;
typedef struct { const u8 *program; meta *accounts; u64 accounts_len; u8 *data; u64 data_len; } instruction;

/* The runtime checks that these pointers are the ones it handed out. */
typedef struct {
    u8 *key;
    u64 *lamports;
    u64 data_len;
    u8 *data;
    u8 *owner;
    u64 rent_epoch;
    u8 signer, writable, executable;
} account;

_Static_assert(sizeof(account) == 56, "sol_invoke_signed_c reads accounts 56 bytes apart");
_Static_assert(sizeof(meta) == 16, "sol_invoke_signed_c reads metas 16 bytes apart");

void sol_log_(const void *text, u64 len);
void sol_log_data(const void *slices, u64 count);
u64 sol_invoke_signed_c(const void *ix, const void *accounts, u64 accounts_len, const void *signers, u64 signers_len);
u64 sol_try_find_program_address(const void *seeds, u64 count, const void *program, void *address, u8 *bump);
u64 sol_get_clock_sysvar(void *clock);
u64 sol_get_rent_sysvar(void *rent);

typedef struct {
    account accounts[ACCOUNTS_MAX];
    u64 accounts_len;
    u8 *data;
    u64 data_len;
    u8 *program;
    /* One call at a time is built here. */
    instruction call;
    meta metas[16];
    u8 call_data[128];
    slice seeds[5];
    signer signers[1];
    u8 bumps[8];
    u8 address[32];
    u8 clock[40];
    u8 rent[24];
    u8 event[256];
    char line[192];
    u64 line_len;
} context;

_Static_assert(sizeof(context) < HEAP_SIZE, "scratch fits the heap");

#define CTX ((context *)HEAP_START)

static inline u64 load64(const u8 *p) { return *(const u64 *)p; }
static inline void store64(u8 *p, u64 v) { *(u64 *)p = v; }

static inline void copy32(u8 *to, const u8 *from) {
    for (int i = 0; i < 32; i += 8) store64(to + i, load64(from + i));
}

static inline int same32(const u8 *a, const u8 *b) {
    return load64(a) == load64(b) && load64(a + 8) == load64(b + 8) && load64(a + 16) == load64(b + 16) &&
           load64(a + 24) == load64(b + 24);
}

static inline int zero32(const u8 *a) { return !(load64(a) | load64(a + 8) | load64(a + 16) | load64(a + 24)); }

/* One account of the input; returns where the next begins. A repeated account
 * is one byte naming the first, padded to eight. */
STATIC u8 *read_account(u8 *p, account *to) {
    if (*p != 0xff) {
        *to = CTX->accounts[*p];
        return p + 8;
    }
    to->signer = p[1];
    to->writable = p[2];
    to->executable = p[3];
    to->key = p + 8;
    to->owner = p + 40;
    to->lamports = (u64 *)(p + 72);
    to->data_len = load64(p + 80);
    to->data = p + 88;
    u8 *end = p + 88 + to->data_len + GROWTH;
    end += (8 - (to->data_len & 7)) & 7;
    to->rent_epoch = load64(end);
    return end + 8;
}

/* Fill the context; 0, or 1 when there are more accounts than we keep. */
STATIC u64 read_input(u8 *input) {
    context *c = CTX;
    c->accounts_len = load64(input);
    if (c->accounts_len > ACCOUNTS_MAX) return 1;
    u8 *p = input + 8;
    for (u64 i = 0; i < c->accounts_len; i++) p = read_account(p, &c->accounts[i]);
    c->data_len = load64(p);
    c->data = p + 8;
    c->program = c->data + c->data_len;
    return 0;
}

/* After a call created or grew an account its length in the input is new, and
 * ours is stale: the next call would shrink the account back. */
static inline void refresh(account *a) { a->data_len = load64(a->data - 8); }

static inline void begin(const u8 *program) {
    CTX->call.program = program;
    CTX->call.accounts = CTX->metas;
    CTX->call.accounts_len = 0;
    CTX->call.data = CTX->call_data;
    CTX->call.data_len = 0;
}

static inline void pass(const account *a, u8 writable, u8 is_signer) {
    meta *m = &CTX->metas[CTX->call.accounts_len++];
    m->key = a->key;
    m->writable = writable;
    m->signer = is_signer;
}

static inline void put8(u8 v) { CTX->call_data[CTX->call.data_len++] = v; }
static inline void put32(u32 v) { *(u32 *)(CTX->call_data + CTX->call.data_len) = v; CTX->call.data_len += 4; }
static inline void put64(u64 v) { store64(CTX->call_data + CTX->call.data_len, v); CTX->call.data_len += 8; }
static inline void put_key(const u8 *k) { copy32(CTX->call_data + CTX->call.data_len, k); CTX->call.data_len += 32; }

/* Run the call that was built; signed by the seeds in the context when seeds_len > 0. */
STATIC u64 run(u64 seeds_len) {
    context *c = CTX;
    c->signers[0].seeds = c->seeds;
    c->signers[0].count = seeds_len;
    return sol_invoke_signed_c(&c->call, c->accounts, c->accounts_len, c->signers, seeds_len ? 1 : 0);
}

static inline void seed(u64 index, const void *bytes, u64 len) {
    CTX->seeds[index].bytes = bytes;
    CTX->seeds[index].len = len;
}

/* Derive the address of seeds 0..count-1 and append its bump as seed `count`;
 * 1 when it is not `expected`. */
STATIC u64 derive(u64 count, const u8 *expected, u8 *bump) {
    context *c = CTX;
    if (sol_try_find_program_address(c->seeds, count, c->program, c->address, bump)) return 1;
    seed(count, bump, 1);
    return !same32(c->address, expected);
}

static inline u64 unix_time(void) { sol_get_clock_sysvar(CTX->clock); return load64(CTX->clock + 32); }
static inline u64 epoch(void) { return load64(CTX->clock + 16); }

/* Lamports that free `len` bytes of rent. The threshold is an IEEE double:
 * 2.0 until SIMD-0194, 1.0 after; both are told by their bits. */
STATIC u64 rent_exempt(u64 len) {
    sol_get_rent_sysvar(CTX->rent);
    u64 units = (128 + len) * load64(CTX->rent);
    return load64(CTX->rent + 8) == 0x4000000000000000ULL ? 2 * units : units;
}

/* ── text ───────────────────────────────────────────────────────────────── */

STATIC void say(const char *text) {
    u64 n = 0;
    while (text[n]) n++;
    sol_log_(text, n);
}

STATIC void line_text(const char *text) {
    while (*text) CTX->line[CTX->line_len++] = *text++;
}

STATIC void line_number(u64 v) {
    char digits[20];
    u64 n = 0;
    do { digits[n++] = (char)('0' + v % 10); v /= 10; } while (v);
    while (n) CTX->line[CTX->line_len++] = digits[--n];
}

/* ── 128-bit arithmetic ─────────────────────────────────────────────────── */

typedef struct { u64 hi, lo; } u128;

STATIC void multiply(u64 a, u64 b, u128 *out) {
    u64 al = (u32)a, ah = a >> 32, bl = (u32)b, bh = b >> 32;
    u64 low = al * bl, mid = ah * bl + (low >> 32), mid2 = al * bh + (u32)mid;
    out->lo = (mid2 << 32) | (u32)low;
    out->hi = ah * bh + (mid >> 32) + (mid2 >> 32);
}

/* Quotient and remainder of v / d; 1 when d is 0 or the quotient exceeds 64 bits. */
STATIC u64 divide(const u128 *v, u64 d, u64 *quotient, u64 *remainder) {
    u64 hi = v->hi, lo = v->lo, q = 0;
    if (hi >= d) return 1;
    for (int i = 0; i < 64; i++) {
        u64 carry = hi >> 63;
        hi = (hi << 1) | (lo >> 63);
        lo <<= 1;
        q <<= 1;
        if (carry || hi >= d) { hi -= d; q |= 1; }
    }
    *quotient = q;
    *remainder = hi;
    return 0;
}

/* floor(a * b / d), or its ceiling; 1 on overflow or d == 0. */
STATIC u64 mul_div(u64 a, u64 b, u64 d, u64 *out) {
    u128 v;
    u64 rest;
    multiply(a, b, &v);
    return divide(&v, d, out, &rest);
}

STATIC u64 mul_div_up(u64 a, u64 b, u64 d, u64 *out) {
    u128 v;
    u64 rest;
    multiply(a, b, &v);
    if (divide(&v, d, out, &rest)) return 1;
    if (rest && ++*out == 0) return 1;
    return 0;
}

/* floor(sqrt(a * b)), always below 2^64: bit by bit, squaring the candidate. */
STATIC u64 root_of_product(u64 a, u64 b) {
    u128 v, square;
    u64 root = 0;
    multiply(a, b, &v);
    for (u64 bit = 1ULL << 63; bit; bit >>= 1) {
        u64 candidate = root | bit;
        multiply(candidate, candidate, &square);
        if (square.hi < v.hi || (square.hi == v.hi && square.lo <= v.lo)) root = candidate;
    }
    return root;
}

#endif
