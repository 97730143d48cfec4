/* The id of a thing by its name and parts: 53 bits of BLAKE2b, in one call.
 *
 *   event_id(kind, *parts) -> int       (see sniperforge/base/events.py)
 *
 * Every launch, order and trade is named several times between its frame and its signature; hashlib
 * needs an object and two calls a part for it. What is hashed: kind, then each part's length as
 * four bytes, little endian, and the part; an integer is its decimal text. The digest has 8 bytes,
 * read little endian; the lowest 11 bits go.
 *
 * Source: RFC 7693 (BLAKE2b), unkeyed.
 */
#define PY_SSIZE_T_CLEAN
#include <Python.h>
#include <stdint.h>
#include <string.h>

#define BLOCK 128
#define DIGEST_BYTES 8

typedef struct {
    uint64_t state[8], total;
    size_t filled;
    uint8_t block[BLOCK];
} blake2b;

static const uint64_t START[8] = {
    0x6a09e667f3bcc908ULL, 0xbb67ae8584caa73bULL, 0x3c6ef372fe94f82bULL, 0xa54ff53a5f1d36f1ULL,
    0x510e527fade682d1ULL, 0x9b05688c2b3e6c1fULL, 0x1f83d9abfb41bd6bULL, 0x5be0cd19137e2179ULL,
};
static const uint8_t ORDER[12][16] = {
    {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15}, {14, 10, 4, 8, 9, 15, 13, 6, 1, 12, 0, 2, 11, 7, 5, 3},
    {11, 8, 12, 0, 5, 2, 15, 13, 10, 14, 3, 6, 7, 1, 9, 4}, {7, 9, 3, 1, 13, 12, 11, 14, 2, 6, 5, 10, 4, 0, 15, 8},
    {9, 0, 5, 7, 2, 4, 10, 15, 14, 1, 11, 12, 6, 8, 3, 13}, {2, 12, 6, 10, 0, 11, 8, 3, 4, 13, 7, 5, 15, 14, 1, 9},
    {12, 5, 1, 15, 14, 13, 4, 10, 0, 7, 6, 3, 9, 2, 8, 11}, {13, 11, 7, 14, 12, 1, 3, 9, 5, 0, 15, 4, 8, 6, 2, 10},
    {6, 15, 14, 9, 11, 3, 0, 8, 12, 2, 13, 7, 1, 4, 10, 5}, {10, 2, 8, 4, 7, 6, 1, 5, 15, 11, 9, 14, 3, 12, 13, 0},
    {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15}, {14, 10, 4, 8, 9, 15, 13, 6, 1, 12, 0, 2, 11, 7, 5, 3},
};

static uint64_t turn(uint64_t word, int bits) { return word >> bits | word << (64 - bits); }

static void mix(uint64_t v[16], int a, int b, int c, int d, uint64_t x, uint64_t y)
{
    v[a] += v[b] + x;
    v[d] = turn(v[d] ^ v[a], 32);
    v[c] += v[d];
    v[b] = turn(v[b] ^ v[c], 24);
    v[a] += v[b] + y;
    v[d] = turn(v[d] ^ v[a], 16);
    v[c] += v[d];
    v[b] = turn(v[b] ^ v[c], 63);
}

static void compress(blake2b *hash, int is_last)
{
    uint64_t v[16], word[16];
    for (int i = 0; i < 16; i++) {
        word[i] = 0;
        for (int j = 7; j >= 0; j--) word[i] = word[i] << 8 | hash->block[8 * i + j];
        v[i] = i < 8 ? hash->state[i] : START[i - 8];
    }
    v[12] ^= hash->total;
    if (is_last) v[14] = ~v[14];
    for (int round = 0; round < 12; round++) {
        const uint8_t *at = ORDER[round];
        mix(v, 0, 4, 8, 12, word[at[0]], word[at[1]]);
        mix(v, 1, 5, 9, 13, word[at[2]], word[at[3]]);
        mix(v, 2, 6, 10, 14, word[at[4]], word[at[5]]);
        mix(v, 3, 7, 11, 15, word[at[6]], word[at[7]]);
        mix(v, 0, 5, 10, 15, word[at[8]], word[at[9]]);
        mix(v, 1, 6, 11, 12, word[at[10]], word[at[11]]);
        mix(v, 2, 7, 8, 13, word[at[12]], word[at[13]]);
        mix(v, 3, 4, 9, 14, word[at[14]], word[at[15]]);
    }
    for (int i = 0; i < 8; i++) hash->state[i] ^= v[i] ^ v[i + 8];
}

/* A full block waits for the next byte: the last one, full or not, is compressed as the last. */
static void take(blake2b *hash, const void *data, size_t size)
{
    const uint8_t *from = data;
    while (size) {
        if (hash->filled == BLOCK) {
            compress(hash, 0);
            hash->filled = 0;
        }
        size_t part = BLOCK - hash->filled < size ? BLOCK - hash->filled : size;
        memcpy(hash->block + hash->filled, from, part);
        hash->filled += part;
        hash->total += part;
        from += part;
        size -= part;
    }
}

/* Hash a part behind its length; -1 with an error set. */
static int take_part(blake2b *hash, PyObject *part)
{
    const char *data;
    Py_ssize_t size;
    PyObject *text = NULL;
    if (PyLong_Check(part)) {
        text = part = PyObject_Str(part);
        if (!text) return -1;
    }
    if (PyUnicode_Check(part)) {
        data = PyUnicode_AsUTF8AndSize(part, &size);
    } else if (PyBytes_Check(part)) {
        data = PyBytes_AS_STRING(part);
        size = PyBytes_GET_SIZE(part);
    } else {
        PyErr_Format(PyExc_TypeError, "a part of an id is bytes, text or an integer, got %s", Py_TYPE(part)->tp_name);
        data = NULL;
    }
    if (data) {
        uint8_t length[4] = {(uint8_t)size, (uint8_t)(size >> 8), (uint8_t)(size >> 16), (uint8_t)(size >> 24)};
        take(hash, length, sizeof length);
        take(hash, data, (size_t)size);
    }
    Py_XDECREF(text);
    return data ? 0 : -1;
}

static PyObject *event_id(PyObject *self, PyObject *const *arguments, Py_ssize_t count)
{
    (void)self;
    Py_ssize_t size;
    const char *kind = count && PyUnicode_Check(arguments[0]) ? PyUnicode_AsUTF8AndSize(arguments[0], &size) : NULL;
    if (!kind) {
        if (!PyErr_Occurred()) PyErr_SetString(PyExc_TypeError, "event_id takes the kind as text and its parts");
        return NULL;
    }
    blake2b hash = {.total = 0};
    memcpy(hash.state, START, sizeof START);
    hash.state[0] ^= 0x01010000 ^ DIGEST_BYTES;
    take(&hash, kind, (size_t)size);
    for (Py_ssize_t i = 1; i < count; i++)
        if (take_part(&hash, arguments[i])) return NULL;
    memset(hash.block + hash.filled, 0, BLOCK - hash.filled);
    compress(&hash, 1);
    return PyLong_FromUnsignedLongLong(hash.state[0] >> 11);
}

static PyMethodDef methods[] = {
    {"event_id", (PyCFunction)(void (*)(void))event_id, METH_FASTCALL, "event_id(kind, *parts) -> a stable id of 53 bits"},
    {NULL, NULL, 0, NULL},
};

static struct PyModuleDef module = {
    PyModuleDef_HEAD_INIT, "sniperforge.base._identity", "Stable ids.", -1, methods, NULL, NULL, NULL, NULL,
};

PyMODINIT_FUNC PyInit__identity(void) { return PyModule_Create(&module); }
