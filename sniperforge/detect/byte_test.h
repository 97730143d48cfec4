/* The byte test of scan.py: does a frame hold anything wanted?
 *
 *   ByteTest(tags, tails, groups, escaped, tracked, blind).look(frame) -> 0 nothing, 1 wanted, 2 unclear
 *
 * tests/unit/detect/slow_scan.py says the same in Python and is compared with it.
 */
#ifndef SNIPERFORGE_DETECT_BYTE_TEST_H
#define SNIPERFORGE_DETECT_BYTE_TEST_H

#include "text.h"

#define TAG_LETTERS 10
#define TAGS_MAX 256
#define SPANS_MAX 8
#define WORDS_MAX 256
/* A frame below this size cannot have lost a creation's event to the runtime's limit of 10,000 bytes:
 * the longest one (name, symbol and uri fill a transaction of 1232 bytes) is 2,000 letters, and what
 * came before it is in the frame. */
#define CUT_BYTES_MIN 7000

enum { NOTHING, WANTED, UNCLEAR };

typedef struct { size_t start, end; } span;
typedef struct {
    char letters[TAG_LETTERS];
    int always;
    unsigned spans;
    span span[SPANS_MAX];
} tag;
typedef struct { slice word; unsigned members; } group; /* its members follow it in the list of words */

typedef struct {
    PyObject_HEAD
    PyObject *owned;   /* what the slices point into */
    PyObject *tracked; /* dict: letters of tracked keys; kept by tracking.py */
    PyObject *blind;   /* list of bytes; kept by scan.py */
    unsigned tags, tails, groups, members, escaped;
    tag tag[TAGS_MAX];
    slice tail[WORDS_MAX], member[WORDS_MAX], escape[WORDS_MAX];
    group group[WORDS_MAX];
} byte_test;

static const tag *tag_at(const byte_test *test, slice piece)
{
    if (piece.size < TAG_LETTERS) return NULL;
    for (unsigned i = 0; i < test->tags; i++)
        if (!memcmp(test->tag[i].letters, piece.at, TAG_LETTERS)) return &test->tag[i];
    return NULL;
}

/* Whether one of a trade's keys is tracked; -1 with an error set. */
static int is_tracked(const byte_test *test, const tag *found, slice piece)
{
    for (unsigned i = 0; i < found->spans && PyDict_GET_SIZE(test->tracked); i++) {
        span place = found->span[i];
        if (place.end > piece.size) continue; /* fewer letters than any key has */
        PyObject *letters = PyBytes_FromStringAndSize(piece.at + place.start, (Py_ssize_t)(place.end - place.start));
        int known = letters ? PyDict_Contains(test->tracked, letters) : -1;
        Py_XDECREF(letters);
        if (known) return known;
    }
    return 0;
}

static int has_tail(const byte_test *test, slice piece)
{
    const char *quote = test->tails ? memchr(piece.at, '"', piece.size) : NULL;
    if (!quote) return 0;
    slice payload = {piece.at, (size_t)(quote - piece.at) + 1};
    for (unsigned i = 0; i < test->tails; i++)
        if (ends(payload, test->tail[i])) return 1;
    return 0;
}

/* Whether a payload is wanted; -1 with an error set. */
static int payloads(const byte_test *test, slice frame)
{
    const char *mark = find(frame, DATA);
    while (mark) {
        slice piece = behind(frame, (size_t)(mark - frame.at) + DATA.size);
        frame = piece;
        mark = find(frame, DATA);
        if (mark) piece.size = (size_t)(mark - piece.at);
        const tag *found = tag_at(test, piece);
        if (!found) continue;
        if (found->always) return 1;
        int known = is_tracked(test, found, piece);
        if (known) return known;
        if (has_tail(test, piece)) return 1;
    }
    return 0;
}

static int words(const byte_test *test, slice frame)
{
    const slice *member = test->member;
    for (unsigned i = 0; i < test->groups; member += test->group[i++].members)
        if (holds(frame, test->group[i].word))
            for (unsigned j = 0; j < test->group[i].members; j++)
                if (holds(frame, member[j])) return 1;
    return 0;
}

static int blind_program(const byte_test *test, slice frame)
{
    for (Py_ssize_t i = 0; i < PyList_GET_SIZE(test->blind); i++) {
        PyObject *program = PyList_GET_ITEM(test->blind, i);
        if (PyBytes_Check(program) &&
            holds(frame, (slice){PyBytes_AS_STRING(program), (size_t)PyBytes_GET_SIZE(program)}))
            return 1;
    }
    return 0;
}

static int look_at(const byte_test *test, slice frame)
{
    int wanted = payloads(test, frame);
    if (wanted) return wanted < 0 ? -1 : WANTED;
    if (words(test, frame)) return WANTED;
    if (!starts(frame, NOTIFICATION)) {
        if (!holds(frame, TEXT(" invoke [1]"))) return UNCLEAR;
        if (blind_program(test, frame)) return WANTED;
    }
    if (frame.size > CUT_BYTES_MIN && holds(frame, TEXT("Log truncated"))) return UNCLEAR;
    if (frame.size && memchr(frame.at, '\\', frame.size)) {
        for (unsigned i = 0; i < test->escaped; i++)
            if (holds(frame, test->escape[i])) return WANTED;
        if (holds(frame, TEXT("\\nProgram "))) return WANTED;
        if (holds(frame, TEXT("\\/")) || holds(frame, TEXT("\\u"))) return UNCLEAR;
    }
    return frame.size && frame.at[frame.size - 1] == '}' ? NOTHING : UNCLEAR;
}

static PyObject *byte_test_look(PyObject *self, PyObject *data)
{
    if (!PyBytes_Check(data)) {
        PyErr_SetString(PyExc_TypeError, "a frame is bytes");
        return NULL;
    }
    int answer = look_at((byte_test *)self, (slice){PyBytes_AS_STRING(data), (size_t)PyBytes_GET_SIZE(data)});
    return answer < 0 ? NULL : PyLong_FromLong(answer);
}

/* ── Python ─────────────────────────────────────────────────────────────── */

static int put_slice(slice *into, unsigned *count, PyObject *word)
{
    if (*count == WORDS_MAX || !PyBytes_Check(word) || !PyBytes_GET_SIZE(word)) {
        PyErr_Format(PyExc_ValueError, "a word is bytes, not empty, and there are at most %d", WORDS_MAX);
        return -1;
    }
    into[(*count)++] = (slice){PyBytes_AS_STRING(word), (size_t)PyBytes_GET_SIZE(word)};
    return 0;
}

static int put_slices(slice *into, unsigned *count, PyObject *words)
{
    for (Py_ssize_t i = 0; i < PyTuple_GET_SIZE(words); i++)
        if (put_slice(into, count, PyTuple_GET_ITEM(words, i))) return -1;
    return 0;
}

static int is_pair(PyObject *row)
{
    if (PyTuple_Check(row) && PyTuple_GET_SIZE(row) == 2) return 1;
    PyErr_SetString(PyExc_TypeError, "a row of the byte test's tables is a pair");
    return 0;
}

/* One row (letters, None | ((start, end), …)). */
static int put_tag(byte_test *test, PyObject *row)
{
    const char *letters;
    Py_ssize_t size;
    PyObject *spans;
    if (!is_pair(row) || !PyArg_ParseTuple(row, "y#O", &letters, &size, &spans)) return -1;
    int fits = test->tags < TAGS_MAX && size == TAG_LETTERS &&
               (spans == Py_None || (PyTuple_Check(spans) && PyTuple_GET_SIZE(spans) <= SPANS_MAX));
    if (!fits) {
        PyErr_Format(PyExc_ValueError, "at most %d tags of %d letters with at most %d places of keys", TAGS_MAX,
                     TAG_LETTERS, SPANS_MAX);
        return -1;
    }
    tag *made = &test->tag[test->tags++];
    memcpy(made->letters, letters, TAG_LETTERS);
    made->always = spans == Py_None;
    made->spans = made->always ? 0 : (unsigned)PyTuple_GET_SIZE(spans);
    for (unsigned i = 0; i < made->spans; i++) {
        Py_ssize_t start, end;
        PyObject *place = PyTuple_GET_ITEM(spans, i);
        if (!is_pair(place) || !PyArg_ParseTuple(place, "nn", &start, &end)) return -1;
        if (start < 0 || end <= start) {
            PyErr_SetString(PyExc_ValueError, "a key's letters have a start and a later end");
            return -1;
        }
        made->span[i] = (span){(size_t)start, (size_t)end};
    }
    return 0;
}

/* One row (shared piece, (word, …)). */
static int put_group(byte_test *test, PyObject *row)
{
    PyObject *shared, *members;
    slice word;
    unsigned one = 0, before = test->members;
    if (!is_pair(row) || !PyArg_ParseTuple(row, "OO!", &shared, &PyTuple_Type, &members) || put_slice(&word, &one, shared) ||
        put_slices(test->member, &test->members, members))
        return -1;
    if (test->groups == WORDS_MAX) {
        PyErr_Format(PyExc_ValueError, "at most %d groups of words", WORDS_MAX);
        return -1;
    }
    test->group[test->groups++] = (group){word, test->members - before};
    return 0;
}

static PyObject *byte_test_new(PyTypeObject *type, PyObject *arguments, PyObject *names)
{
    PyObject *tags, *tails, *groups, *escaped, *tracked, *blind;
    if (names && PyDict_GET_SIZE(names)) {
        PyErr_SetString(PyExc_TypeError, "ByteTest takes no names");
        return NULL;
    }
    if (!PyArg_ParseTuple(arguments, "O!O!O!O!O!O!", &PyTuple_Type, &tags, &PyTuple_Type, &tails, &PyTuple_Type, &groups,
                          &PyTuple_Type, &escaped, &PyDict_Type, &tracked, &PyList_Type, &blind))
        return NULL;
    byte_test *test = (byte_test *)type->tp_alloc(type, 0);
    if (!test) return NULL;
    /* The tuples own every word the slices point into. */
    test->owned = Py_NewRef(arguments);
    test->tracked = Py_NewRef(tracked);
    test->blind = Py_NewRef(blind);
    int problem = put_slices(test->tail, &test->tails, tails) || put_slices(test->escape, &test->escaped, escaped);
    for (Py_ssize_t i = 0; !problem && i < PyTuple_GET_SIZE(tags); i++)
        problem = put_tag(test, PyTuple_GET_ITEM(tags, i));
    for (Py_ssize_t i = 0; !problem && i < PyTuple_GET_SIZE(groups); i++)
        problem = put_group(test, PyTuple_GET_ITEM(groups, i));
    if (!problem) return (PyObject *)test;
    Py_DECREF(test);
    return NULL;
}

static void byte_test_dealloc(PyObject *self)
{
    byte_test *test = (byte_test *)self;
    Py_XDECREF(test->owned);
    Py_XDECREF(test->tracked);
    Py_XDECREF(test->blind);
    Py_TYPE(self)->tp_free(self);
}

static PyMethodDef byte_test_methods[] = {
    {"look", byte_test_look, METH_O, "look(frame) -> 0 nothing wanted, 1 wanted, 2 unclear"},
    {NULL, NULL, 0, NULL},
};

static PyTypeObject byte_test_type = {
    PyVarObject_HEAD_INIT(NULL, 0).tp_name = "sniperforge.detect._native.ByteTest",
    .tp_basicsize = sizeof(byte_test),
    .tp_flags = Py_TPFLAGS_DEFAULT,
    .tp_doc = "ByteTest(tags, tails, groups, escaped, tracked, blind)",
    .tp_new = byte_test_new,
    .tp_dealloc = byte_test_dealloc,
    .tp_methods = byte_test_methods,
};

#endif
