/* What the Python types share: objects, errors, keywords. */
#ifndef SNIPERFORGE_RING_PY_COMMON_H
#define SNIPERFORGE_RING_PY_COMMON_H

typedef struct {
    PyObject_HEAD
    ring_view view;
    u32 generation;
} SegmentObject;

typedef struct {
    PyObject_HEAD
    SegmentObject *segment;
    ring_writer writer;
    u64 deadline_ns;
    bool open;
} ProducerObject;

typedef struct {
    PyObject_HEAD
    SegmentObject *segment;
    ring_reader reader;
    u64 spin_ns;
    unsigned long long redelivered;
    u32 calls;
    int started, bell_fd;
    bool open;
} ConsumerObject;

static PyTypeObject *RecordType, *ViewType, *SegmentType, *ProducerType, *ConsumerType;
static PyObject *ring_raiser;

#define REPLACE(place, value)                                                                                      \
    do {                                                                                                               \
        PyObject *old_ = (place);                                                                                      \
        Py_XINCREF(value);                                                                                             \
        (place) = (value);                                                                                             \
        Py_XDECREF(old_);                                                                                              \
    } while (0)

/* Raise what ring.py makes of a code and its facts; `facts` is stolen. Always returns NULL. */
static PyObject *raise_fact(const char *code, PyObject *facts)
{
    if (!facts) return NULL;
    if (!ring_raiser) {
        PyErr_SetString(PyExc_RuntimeError, code);
        Py_DECREF(facts);
        return NULL;
    }
    PyObject *error = PyObject_CallFunction(ring_raiser, "sO", code, facts);
    Py_DECREF(facts);
    if (error) {
        PyErr_SetObject((PyObject *)Py_TYPE(error), error);
        Py_DECREF(error);
    }
    return NULL;
}

static const char *topic_of(const SegmentObject *segment)
{
    return segment->view.memory && !segment->view.broken ? segment->view.memory->identity.topic : "";
}

static PyObject *raise_code(const SegmentObject *segment, int result)
{
    const char *code = result == RING_CLOSED    ? "closed"
                       : result == RING_CROWDED ? "crowded"
                       : result == RING_BUSY    ? "busy"
                                                : "broken";
    return raise_fact(code, Py_BuildValue("{s:s}", "topic", topic_of(segment)));
}

/* Say why a handle may not be used; always false. */
static bool refused(const SegmentObject *segment)
{
    if (segment->view.broken) raise_code(segment, RING_BROKEN);
    else if (segment->generation != fork_generation)
        raise_fact("forked", Py_BuildValue("{s:s}", "topic", topic_of(segment)));
    else raise_fact("released", Py_BuildValue("{s:s}", "topic", topic_of(segment)));
    return false;
}

/* True when this handle may be used here and now; else an error is set. */
static inline bool usable(const SegmentObject *segment, bool open)
{
    return (open && segment->generation == fork_generation && !PEEK(segment->view.broken)) || refused(segment);
}

static PyObject *object_new(PyTypeObject *type)
{
    allocfunc allocate = (allocfunc)PyType_GetSlot(type, Py_tp_alloc);
    return allocate(type, 0);
}

static void object_free(PyObject *self)
{
    PyTypeObject *type = Py_TYPE(self);
    freefunc release = (freefunc)PyType_GetSlot(type, Py_tp_free);
    release(self);
    Py_DECREF(type);
}

/* ── fast keyword arguments ────────────────────────────────────────────── */

enum { WORD_TYPE, WORD_PAYLOAD, WORD_KEY, WORD_ORIGIN, WORD_TRACE, WORD_FLAGS, WORDS };
static const char *const word_text[WORDS] = {"type", "payload", "key", "origin_ns", "trace_id", "flags"};
static PyObject *word[WORDS];

static int keywords_ready(void)
{
    for (int index = 0; index < WORDS; index++)
        if (!word[index] && !(word[index] = PyUnicode_InternFromString(word_text[index]))) return -1;
    return 0;
}

static int word_index(PyObject *name)
{
    for (int index = 0; index < WORDS; index++)
        if (name == word[index]) return index;
    for (int index = 0; index < WORDS; index++)
        if (PyUnicode_CompareWithASCIIString(name, word_text[index]) == 0) return index;
    PyErr_Format(PyExc_TypeError, "publish() has no argument %R", name);
    return -1;
}

static bool number_read(PyObject *object, u64 limit, const char *name, u64 *number)
{
    *number = PyLong_AsUnsignedLongLong(object);
    if (*number == (u64)-1 && PyErr_Occurred()) {
        if (PyErr_ExceptionMatches(PyExc_OverflowError))
            PyErr_Format(PyExc_ValueError, "%s must be from 0 to %llu", name, (unsigned long long)limit);
        return false;
    }
    if (*number > limit) {
        PyErr_Format(PyExc_ValueError, "%s must be from 0 to %llu", name, (unsigned long long)limit);
        return false;
    }
    return true;
}

static inline bool number_in(PyObject *object, u64 limit, const char *name, u64 *number)
{
    if (!object) return *number = 0, true;
    return number_read(object, limit, name, number);
}

#endif
