/* Program-derived addresses: the first hash of the seeds that is no point of ed25519.
 *
 *   seeds ++ bump ++ program ++ "ProgramDerivedAddress"  -> sha256 -> is it a point? next bump : done
 *
 * A buy derives six to eight of them and nothing else in it costs more, so the two
 * halves are written for speed: the hash of the seeds' whole blocks is kept between
 * bumps, and "is it a point" asks for the Legendre symbol only, never for the root.
 *
 * A 32-byte string y is a point when (y^2 - 1) / (d y^2 + 1) is a square mod
 * p = 2^255 - 19, that is when u * v is zero or a quadratic residue. The top bit is the
 * sign of x and not looked at; y is taken mod p. Same answer as curve25519-dalek's
 * decompress, which the runtime uses (Solana's `bytes_are_curve_point`).
 *
 * Field elements: five limbs of 51 bits, products in 128 bits.
 */
#define PY_SSIZE_T_CLEAN
#include <Python.h>
#include <stdint.h>
#include <string.h>

#if defined(__x86_64__)
#include <cpuid.h>
#include <immintrin.h>
#endif

#define SEEDS_MAX 16
#define SEED_BYTES_MAX 32
#define MESSAGE_BYTES_MAX (SEEDS_MAX * SEED_BYTES_MAX + 1 + 32 + 21)

#define INLINE static inline __attribute__((always_inline))

typedef unsigned __int128 u128;
typedef struct { uint64_t limb[5]; } field;

/* ── sha256 ─────────────────────────────────────────────────────────────── */

static const uint32_t ROUND[64] = {
    0x428a2f98, 0x71374491, 0xb5c0fbcf, 0xe9b5dba5, 0x3956c25b, 0x59f111f1, 0x923f82a4, 0xab1c5ed5,
    0xd807aa98, 0x12835b01, 0x243185be, 0x550c7dc3, 0x72be5d74, 0x80deb1fe, 0x9bdc06a7, 0xc19bf174,
    0xe49b69c1, 0xefbe4786, 0x0fc19dc6, 0x240ca1cc, 0x2de92c6f, 0x4a7484aa, 0x5cb0a9dc, 0x76f988da,
    0x983e5152, 0xa831c66d, 0xb00327c8, 0xbf597fc7, 0xc6e00bf3, 0xd5a79147, 0x06ca6351, 0x14292967,
    0x27b70a85, 0x2e1b2138, 0x4d2c6dfc, 0x53380d13, 0x650a7354, 0x766a0abb, 0x81c2c92e, 0x92722c85,
    0xa2bfe8a1, 0xa81a664b, 0xc24b8b70, 0xc76c51a3, 0xd192e819, 0xd6990624, 0xf40e3585, 0x106aa070,
    0x19a4c116, 0x1e376c08, 0x2748774c, 0x34b0bcb5, 0x391c0cb3, 0x4ed8aa4a, 0x5b9cca4f, 0x682e6ff3,
    0x748f82ee, 0x78a5636f, 0x84c87814, 0x8cc70208, 0x90befffa, 0xa4506ceb, 0xbef9a3f7, 0xc67178f2,
};
static const uint32_t START[8] = {0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a,
                                  0x510e527f, 0x9b05688c, 0x1f83d9ab, 0x5be0cd19};

static uint32_t turn(uint32_t word, int bits) { return (word >> bits) | (word << (32 - bits)); }

static void blocks_plain(uint32_t state[8], const uint8_t *data, size_t count)
{
    uint32_t word[64];
    for (; count; count--, data += 64) {
        for (int i = 0; i < 16; i++)
            word[i] = (uint32_t)data[4 * i] << 24 | (uint32_t)data[4 * i + 1] << 16 | (uint32_t)data[4 * i + 2] << 8 |
                      data[4 * i + 3];
        for (int i = 16; i < 64; i++) {
            uint32_t low = turn(word[i - 15], 7) ^ turn(word[i - 15], 18) ^ (word[i - 15] >> 3);
            uint32_t high = turn(word[i - 2], 17) ^ turn(word[i - 2], 19) ^ (word[i - 2] >> 10);
            word[i] = word[i - 16] + low + word[i - 7] + high;
        }
        uint32_t s[8];
        memcpy(s, state, sizeof s);
        for (int i = 0; i < 64; i++) {
            uint32_t one = s[7] + (turn(s[4], 6) ^ turn(s[4], 11) ^ turn(s[4], 25)) + ((s[4] & s[5]) ^ (~s[4] & s[6])) +
                           ROUND[i] + word[i];
            uint32_t two = (turn(s[0], 2) ^ turn(s[0], 13) ^ turn(s[0], 22)) +
                           ((s[0] & s[1]) ^ (s[0] & s[2]) ^ (s[1] & s[2]));
            memmove(s + 1, s, 7 * sizeof *s);
            s[4] += one;
            s[0] = one + two;
        }
        for (int i = 0; i < 8; i++) state[i] += s[i];
    }
}

#if defined(__x86_64__)
__attribute__((target("sha,sse4.1,ssse3"))) static void blocks_native(uint32_t state[8], const uint8_t *data,
                                                                      size_t count)
{
    const __m128i swap = _mm_set_epi64x(0x0c0d0e0f08090a0bULL, 0x0405060700010203ULL);
    __m128i low = _mm_shuffle_epi32(_mm_loadu_si128((const __m128i *)state), 0xb1);
    __m128i high = _mm_shuffle_epi32(_mm_loadu_si128((const __m128i *)(state + 4)), 0x1b);
    __m128i abef = _mm_alignr_epi8(low, high, 8), cdgh = _mm_blend_epi16(high, low, 0xf0);
    for (; count; count--, data += 64) {
        __m128i before_abef = abef, before_cdgh = cdgh, word[4];
        for (int i = 0; i < 4; i++)
            word[i] = _mm_shuffle_epi8(_mm_loadu_si128((const __m128i *)(data + 16 * i)), swap);
        for (int i = 0; i < 16; i++) {
            __m128i now = word[i & 3];
            __m128i sum = _mm_add_epi32(now, _mm_loadu_si128((const __m128i *)(ROUND + 4 * i)));
            cdgh = _mm_sha256rnds2_epu32(cdgh, abef, sum);
            abef = _mm_sha256rnds2_epu32(abef, cdgh, _mm_shuffle_epi32(sum, 0x0e));
            if (i < 12) { /* the word this group becomes four groups on */
                __m128i last = word[(i + 3) & 3];
                __m128i next = _mm_add_epi32(_mm_sha256msg1_epu32(now, word[(i + 1) & 3]),
                                             _mm_alignr_epi8(last, word[(i + 2) & 3], 4));
                word[i & 3] = _mm_sha256msg2_epu32(next, last);
            }
        }
        abef = _mm_add_epi32(abef, before_abef);
        cdgh = _mm_add_epi32(cdgh, before_cdgh);
    }
    __m128i feba = _mm_shuffle_epi32(abef, 0x1b), dchg = _mm_shuffle_epi32(cdgh, 0xb1);
    _mm_storeu_si128((__m128i *)state, _mm_blend_epi16(feba, dchg, 0xf0));
    _mm_storeu_si128((__m128i *)(state + 4), _mm_alignr_epi8(dchg, feba, 8));
}

/* sha, bmi and bmi2: every x86 since 2019 (AMD since 2017) that has the first has the others. */
static int has_native(void)
{
    unsigned a, b, c, d;
    return __get_cpuid_count(7, 0, &a, &b, &c, &d) && (b >> 29 & 1) && (b >> 3 & 1) && (b >> 8 & 1);
}
#endif

static void (*blocks)(uint32_t state[8], const uint8_t *data, size_t count) = blocks_plain;

/* Finish a hash: *state* has taken whole blocks, *rest* are the *size* bytes behind them of *total*. */
static void finish(uint32_t state[8], const uint8_t *rest, size_t size, size_t total, uint8_t digest[32])
{
    uint8_t tail[MESSAGE_BYTES_MAX + 128];
    size_t padded = (size + 9 + 63) / 64 * 64;
    memcpy(tail, rest, size);
    memset(tail + size, 0, padded - size);
    tail[size] = 0x80;
    for (int i = 0; i < 8; i++) tail[padded - 1 - i] = (uint8_t)((uint64_t)total * 8 >> (8 * i));
    blocks(state, tail, padded / 64);
    for (int i = 0; i < 8; i++)
        for (int j = 0; j < 4; j++) digest[4 * i + j] = (uint8_t)(state[i] >> (24 - 8 * j));
}

/* ── the field ──────────────────────────────────────────────────────────── */

#define LOW51 ((1ULL << 51) - 1)

INLINE field carried(u128 t[5])
{
    field out;
    for (int i = 0; i < 4; i++) {
        out.limb[i] = (uint64_t)t[i] & LOW51;
        t[i + 1] += t[i] >> 51;
    }
    out.limb[4] = (uint64_t)t[4] & LOW51;
    u128 over = (t[4] >> 51) * 19 + out.limb[0];
    out.limb[0] = (uint64_t)over & LOW51;
    out.limb[1] += (uint64_t)(over >> 51);
    return out;
}

INLINE field times(const field *a, const field *b)
{
    const uint64_t *x = a->limb, *y = b->limb;
    uint64_t y1 = 19 * y[1], y2 = 19 * y[2], y3 = 19 * y[3], y4 = 19 * y[4];
    u128 t[5] = {
        (u128)x[0] * y[0] + (u128)x[1] * y4 + (u128)x[2] * y3 + (u128)x[3] * y2 + (u128)x[4] * y1,
        (u128)x[0] * y[1] + (u128)x[1] * y[0] + (u128)x[2] * y4 + (u128)x[3] * y3 + (u128)x[4] * y2,
        (u128)x[0] * y[2] + (u128)x[1] * y[1] + (u128)x[2] * y[0] + (u128)x[3] * y4 + (u128)x[4] * y3,
        (u128)x[0] * y[3] + (u128)x[1] * y[2] + (u128)x[2] * y[1] + (u128)x[3] * y[0] + (u128)x[4] * y4,
        (u128)x[0] * y[4] + (u128)x[1] * y[3] + (u128)x[2] * y[2] + (u128)x[3] * y[1] + (u128)x[4] * y[0],
    };
    return carried(t);
}

static field squared(field a, int count)
{
    for (; count; count--) {
        const uint64_t *x = a.limb;
        uint64_t d0 = 2 * x[0], d1 = 2 * x[1], x3 = 19 * x[3], x4 = 19 * x[4];
        u128 t[5] = {
            (u128)x[0] * x[0] + (u128)d1 * x4 + (u128)(2 * x[2]) * x3,
            (u128)d0 * x[1] + (u128)(2 * x[2]) * x4 + (u128)x[3] * x3,
            (u128)d0 * x[2] + (u128)x[1] * x[1] + (u128)(2 * x[3]) * x4,
            (u128)d0 * x[3] + (u128)d1 * x[2] + (u128)x[4] * x4,
            (u128)d0 * x[4] + (u128)d1 * x[3] + (u128)x[2] * x[2],
        };
        a = carried(t);
    }
    return a;
}

/* The one form of *a* below p, as 5 limbs of 51 bits. */
INLINE field reduced(field a)
{
    for (int round = 0; round < 2; round++) {
        for (int i = 0; i < 4; i++) {
            a.limb[i + 1] += a.limb[i] >> 51;
            a.limb[i] &= LOW51;
        }
        a.limb[0] += 19 * (a.limb[4] >> 51);
        a.limb[4] &= LOW51;
    }
    int over = a.limb[0] >= LOW51 - 18;
    for (int i = 1; i < 5; i++) over &= a.limb[i] == LOW51;
    if (over) a = (field){{a.limb[0] - (LOW51 - 18), 0, 0, 0, 0}};
    return a;
}

static int is_small(field a, uint64_t value)
{
    a = reduced(a);
    return a.limb[0] == value && !(a.limb[1] | a.limb[2] | a.limb[3] | a.limb[4]);
}

/* ── the Jacobi symbol, by division steps ───────────────────────────────── */

/* Numbers of five limbs of 62 bits, never negative. */
#define LOW62 ((1ULL << 62) - 1)
#define STEPS 62
#define ROUNDS_MAX 25
typedef struct { uint64_t limb[5]; } wide;
typedef struct { uint64_t ff, fg, gf, gg; } matrix; /* f <- ff f + fg g,  g <- gf f + gg g,  both over 2^62 */

/* 62 steps on the lowest bits: halve an even g; make an odd one even with a multiple of f, f being the
 * one of the two that eta says. *sign* collects, in bit 0, what (2/f) and reciprocity contribute. */
INLINE int64_t steps(int64_t eta, uint64_t f, uint64_t g, matrix *m, unsigned *sign)
{
    uint64_t ff = 1, fg = 0, gf = 0, gg = 1, swap;
    for (int left = STEPS;;) {
        int zeros = __builtin_ctzll(g | (~0ULL << left));
        g >>= zeros;
        ff <<= zeros;
        fg <<= zeros;
        eta -= zeros;
        left -= zeros;
        *sign ^= (unsigned)zeros & (unsigned)((f >> 1) ^ (f >> 2));
        if (!left) break;
        uint64_t factor;
        int wanted = 4;
        if (eta < 0) {
            eta = -eta;
            *sign ^= (unsigned)((f & g) >> 1);
            swap = f, f = g, g = swap;
            swap = ff, ff = gf, gf = swap;
            swap = fg, fg = gg, gg = swap;
            wanted = 6;
        }
        int bits = (int)(eta + 1 < left ? eta + 1 : left);
        if (bits > wanted) bits = wanted;
        factor = f * g * (f * f - 2) & ((1ULL << bits) - 1); /* -g/f: f(2 - f^2) is 1/f mod 64 */
        g += f * factor;
        gf += ff * factor;
        gg += fg * factor;
    }
    *m = (matrix){ff, fg, gf, gg};
    return eta;
}

INLINE void apply(wide *f, wide *g, const matrix *m)
{
    u128 cf = 0, cg = 0;
    for (int i = 0; i < 5; i++) {
        uint64_t x = f->limb[i], y = g->limb[i];
        cf += (u128)m->ff * x + (u128)m->fg * y;
        cg += (u128)m->gf * x + (u128)m->gg * y;
        if (i) {
            f->limb[i - 1] = (uint64_t)cf & LOW62;
            g->limb[i - 1] = (uint64_t)cg & LOW62;
        }
        cf >>= 62;
        cg >>= 62;
    }
    f->limb[4] = (uint64_t)cf;
    g->limb[4] = (uint64_t)cg;
}

/* (z / p): 1, -1, or 0 when it was not found in ROUNDS_MAX (or z is 0). Variable time: nothing here is secret.
 * After Bernstein and Yang's divsteps, with both numbers kept positive so that the symbol is defined. */
INLINE int jacobi(const field *z)
{
    const uint64_t *x = z->limb;
    wide f = {{LOW62 - 18, LOW62, LOW62, LOW62, 0x7f}};
    wide g = {{(x[0] | x[1] << 51) & LOW62, (x[1] >> 11 | x[2] << 40) & LOW62, (x[2] >> 22 | x[3] << 29) & LOW62,
               (x[3] >> 33 | x[4] << 18) & LOW62, x[4] >> 44}};
    int64_t eta = -1;
    unsigned sign = 0;
    matrix m;
    for (int round = 0; round < ROUNDS_MAX; round++) {
        eta = steps(eta, f.limb[0] | f.limb[1] << 62, g.limb[0] | g.limb[1] << 62, &m, &sign);
        apply(&f, &g, &m);
        if (f.limb[0] == 1 && !(f.limb[1] | f.limb[2] | f.limb[3] | f.limb[4])) return sign & 1 ? -1 : 1;
    }
    return 0;
}

static uint64_t load64(const uint8_t *from)
{
    uint64_t word = 0;
    for (int i = 0; i < 8; i++) word |= (uint64_t)from[i] << (8 * i);
    return word;
}

/* Zero, or the steps did not end in time (never seen): the slow way knows.
 * z^((p-1)/2) = z^(2^254 - 10), by the usual chain to z^(2^250 - 1). */
static int is_square_slow(field z)
{
    field z2 = squared(z, 1), z8 = squared(z2, 2), z9 = times(&z, &z8), z11 = times(&z2, &z9), a = squared(z11, 1);
    field z5 = times(&z9, &a);
    a = squared(z5, 5);
    field z10 = times(&a, &z5);
    a = squared(z10, 10);
    field z20 = times(&a, &z10);
    a = squared(z20, 20);
    a = times(&a, &z20);
    a = squared(a, 10);
    field z50 = times(&a, &z10);
    a = squared(z50, 50);
    field z100 = times(&a, &z50);
    a = squared(z100, 100);
    a = times(&a, &z100);
    a = squared(a, 50);
    a = times(&a, &z50); /* z^(2^250 - 1) */
    a = squared(a, 4);   /* 2^254 - 16 */
    field z6 = times(&z2, &z2);
    z6 = times(&z6, &z2);
    field chi = times(&a, &z6); /* 2^254 - 10 */
    return is_small(chi, 1) || is_small(z, 0);
}

/* Edwards d = -121665/121666. */
static const field D = {{0x34dca135978a3ULL, 0x1a8283b156ebdULL, 0x5e7a26001c029ULL, 0x739c663a03cbbULL, 0x52036cee2b6ffULL}};

INLINE int point(const uint8_t y_bytes[32])
{
    uint64_t w0 = load64(y_bytes), w1 = load64(y_bytes + 8), w2 = load64(y_bytes + 16), w3 = load64(y_bytes + 24);
    field y = {{w0 & LOW51, (w0 >> 51 | w1 << 13) & LOW51, (w1 >> 38 | w2 << 26) & LOW51,
                (w2 >> 25 | w3 << 39) & LOW51, (w3 >> 12) & LOW51}};
    field yy = squared(y, 1), u = yy, v = times(&yy, &D);
    /* u = y^2 - 1: 2p is added first so that no limb goes below zero. */
    u.limb[0] += 2 * (LOW51 - 18) - 1;
    for (int i = 1; i < 5; i++) u.limb[i] += 2 * LOW51;
    v.limb[0] += 1;
    field z = times(&u, &v);
    z = reduced(z);
    int symbol = jacobi(&z);
    return symbol ? symbol > 0 : is_square_slow(z);
}

static int is_point_plain(const uint8_t y_bytes[32]) { return point(y_bytes); }

#if defined(__x86_64__)
/* The same lines for a CPU with MULX and SHLX: 2.2 µs become 1.8. */
__attribute__((target("bmi,bmi2"))) static int is_point_native(const uint8_t y_bytes[32]) { return point(y_bytes); }
#endif

static int (*is_point)(const uint8_t y_bytes[32]) = is_point_plain;

/* ── Python ─────────────────────────────────────────────────────────────── */

static PyObject *derive_pda(PyObject *self, PyObject *const *arguments, Py_ssize_t count)
{
    (void)self;
    static const char MARKER[21] = "ProgramDerivedAddress";
    uint8_t message[MESSAGE_BYTES_MAX], digest[32];
    size_t size = 0;
    if (count < 1 || count > SEEDS_MAX) {
        PyErr_Format(PyExc_ValueError, "pda takes a program and at most %d seeds", SEEDS_MAX - 1);
        return NULL;
    }
    for (Py_ssize_t i = 0; i < count; i++) {
        if (!PyBytes_Check(arguments[i])) {
            PyErr_SetString(PyExc_TypeError, "a program and its seeds are bytes");
            return NULL;
        }
        Py_ssize_t length = PyBytes_GET_SIZE(arguments[i]);
        if (length > SEED_BYTES_MAX || (i == 0 && length != 32)) {
            PyErr_SetString(PyExc_ValueError, "a program has 32 bytes and a seed at most 32");
            return NULL;
        }
        if (i) {
            memcpy(message + size, PyBytes_AS_STRING(arguments[i]), (size_t)length);
            size += (size_t)length;
        }
    }
    size_t total = size + 1 + 32 + sizeof MARKER, whole = size / 64 * 64;
    uint8_t *bump = message + size;
    memcpy(bump + 1, PyBytes_AS_STRING(arguments[0]), 32);
    memcpy(bump + 33, MARKER, sizeof MARKER);
    uint32_t seeds[8], state[8];
    memcpy(seeds, START, sizeof seeds);
    blocks(seeds, message, whole / 64);
    for (int try = 255; try >= 0; try--) {
        *bump = (uint8_t)try;
        memcpy(state, seeds, sizeof state);
        finish(state, message + whole, total - whole, total, digest);
        if (!is_point(digest)) return PyBytes_FromStringAndSize((const char *)digest, 32);
    }
    PyErr_SetString(PyExc_ValueError, "no bump gives an address for these seeds");
    return NULL;
}

static PyObject *derive_is_point(PyObject *self, PyObject *key)
{
    (void)self;
    if (!PyBytes_Check(key) || PyBytes_GET_SIZE(key) != 32) {
        PyErr_SetString(PyExc_ValueError, "a key has 32 bytes");
        return NULL;
    }
    return PyBool_FromLong(is_point((const uint8_t *)PyBytes_AS_STRING(key)));
}

static PyObject *derive_use_plain(PyObject *self, PyObject *wanted)
{
    (void)self;
    blocks = blocks_plain;
    is_point = is_point_plain;
#if defined(__x86_64__)
    if (!PyObject_IsTrue(wanted) && has_native()) blocks = blocks_native, is_point = is_point_native;
#else
    (void)wanted;
#endif
    Py_RETURN_NONE;
}

static PyMethodDef methods[] = {
    {"pda", (PyCFunction)(void (*)(void))derive_pda, METH_FASTCALL, "pda(program, *seeds) -> 32 bytes"},
    {"is_point", derive_is_point, METH_O, "is_point(key) -> whether 32 bytes are a point of ed25519"},
    {"use_plain", derive_use_plain, METH_O, "use_plain(yes): without the CPU's sha and bmi2 instructions (tests)"},
    {NULL, NULL, 0, NULL},
};

static struct PyModuleDef module = {
    PyModuleDef_HEAD_INIT, "sniperforge.dex._derive", "Program-derived addresses.", -1, methods, NULL, NULL, NULL, NULL,
};

PyMODINIT_FUNC PyInit__derive(void)
{
#if defined(__x86_64__)
    if (has_native()) blocks = blocks_native, is_point = is_point_native;
#endif
    return PyModule_Create(&module);
}
