/* Counters and histograms in shared memory: one writer, any reader, no lock.
 *
 * A page of header (text), then 64-bit words. A counter is one word. A histogram is
 * count, sum, max and 976 buckets: values below 16 exactly, above them sixteen
 * buckets to each power of two, so a value is known to one sixteenth.
 */
#ifndef SNIPERFORGE_RING_PY_COUNTERS_H
#define SNIPERFORGE_RING_PY_COUNTERS_H

#define WORDS_OFFSET 4096
#define HISTOGRAM_BUCKETS 976
#define HISTOGRAM_WORDS (HISTOGRAM_BUCKETS + 8)

typedef struct {
    PyObject_HEAD
    ring_view view; /* only its mapping and its guard are used */
    au64 *words;
    Py_ssize_t count;
} WordsObject;

typedef struct {
    PyObject_HEAD
    WordsObject *words;
    au64 *at;
} CellObject;

static PyTypeObject *WordsType, *CounterType, *HistogramType;

static inline u32 bucket_of(u64 value)
{
    if (value < 16) return (u32)value;
    u32 power = 63u - (u32)__builtin_clzll(value);
    return (power - 3) * 16 + (u32)(value >> (power - 4) & 15);
}

static PyObject *words_map(PyObject *module, PyObject *args)
{
    (void)module;
    int fd;
    Py_ssize_t size;
    if (!PyArg_ParseTuple(args, "in", &fd, &size)) return NULL;
    if (size < WORDS_OFFSET + 8 || size % 8) return PyErr_Format(PyExc_ValueError, "size is a page and some words");
    WordsObject *self = (WordsObject *)object_new(WordsType);
    if (!self) return NULL;
    int error = view_mapped(&self->view, fd, (size_t)size);
    if (error) {
        errno = error;
        PyErr_SetFromErrno(PyExc_OSError);
        Py_DECREF((PyObject *)self);
        return NULL;
    }
    self->words = (au64 *)(void *)((unsigned char *)self->view.memory + WORDS_OFFSET);
    self->count = (size - WORDS_OFFSET) / 8;
    return (PyObject *)self;
}

static void words_dealloc(PyObject *self)
{
    view_closed(&((WordsObject *)self)->view);
    object_free(self);
}

static PyObject *words_header(PyObject *self_, PyObject *text)
{
    WordsObject *self = (WordsObject *)self_;
    char *page = (char *)self->view.memory;
    if (text == Py_None) return PyBytes_FromStringAndSize(page + 8, (Py_ssize_t)strnlen(page + 8, WORDS_OFFSET - 8));
    char *bytes;
    Py_ssize_t length;
    if (PyBytes_AsStringAndSize(text, &bytes, &length) < 0) return NULL;
    if (length > WORDS_OFFSET - 9) return PyErr_Format(PyExc_ValueError, "header is %zd bytes, at most %d", length, WORDS_OFFSET - 9);
    memcpy(page + 8, bytes, (size_t)length);
    STORE(*(au64 *)(void *)page, RING_MAGIC);
    Py_RETURN_NONE;
}

static PyObject *cell_new(PyTypeObject *type, PyObject *args, PyObject *keywords, Py_ssize_t needed)
{
    static char *names[] = {"words", "index", NULL};
    WordsObject *words;
    Py_ssize_t index;
    if (!PyArg_ParseTupleAndKeywords(args, keywords, "O!n", names, WordsType, &words, &index)) return NULL;
    if (index < 0 || index + needed > words->count) return PyErr_Format(PyExc_ValueError, "word %zd is outside the segment", index);
    CellObject *self = (CellObject *)object_new(type);
    if (!self) return NULL;
    Py_INCREF((PyObject *)words);
    self->words = words;
    self->at = words->words + index;
    return (PyObject *)self;
}

static PyObject *counter_new(PyTypeObject *type, PyObject *args, PyObject *keywords) { return cell_new(type, args, keywords, 1); }

static PyObject *histogram_new(PyTypeObject *type, PyObject *args, PyObject *keywords)
{
    return cell_new(type, args, keywords, HISTOGRAM_WORDS);
}

static void cell_dealloc(PyObject *self)
{
    Py_XDECREF((PyObject *)((CellObject *)self)->words);
    object_free(self);
}

static PyObject *counter_add(PyObject *self, PyObject *const *args, Py_ssize_t count)
{
    u64 step = 1;
    if (count > 1) return PyErr_Format(PyExc_TypeError, "add() takes one number");
    if (count && !number_in(args[0], UINT64_MAX, "step", &step)) return NULL;
    ADD_OWN(*((CellObject *)self)->at, step);
    Py_RETURN_NONE;
}

static PyObject *counter_set(PyObject *self, PyObject *value)
{
    u64 number;
    if (!number_in(value, UINT64_MAX, "value", &number)) return NULL;
    STORE(*((CellObject *)self)->at, number);
    Py_RETURN_NONE;
}

static PyObject *counter_value(PyObject *self, void *closure)
{
    (void)closure;
    return PyLong_FromUnsignedLongLong(LOAD(*((CellObject *)self)->at));
}

/* Negative values (a clock that was read twice) count as 0. */
static PyObject *histogram_record(PyObject *self, PyObject *object)
{
    au64 *at = ((CellObject *)self)->at;
    long long value = PyLong_AsLongLong(object);
    if (value == -1 && PyErr_Occurred()) return NULL;
    u64 number = value > 0 ? (u64)value : 0;
    ADD_OWN(at[8 + bucket_of(number)], 1);
    ADD_OWN(at[1], number);
    if (number > PEEK(at[2])) POKE(at[2], number);
    STORE(at[0], PEEK(at[0]) + 1);
    Py_RETURN_NONE;
}

static PyObject *histogram_snapshot(PyObject *self, PyObject *nothing)
{
    (void)nothing;
    au64 *at = ((CellObject *)self)->at;
    unsigned long long count = LOAD(at[0]), sum = PEEK(at[1]), max = PEEK(at[2]);
    PyObject *buckets = PyList_New(HISTOGRAM_BUCKETS);
    for (Py_ssize_t index = 0; buckets && index < HISTOGRAM_BUCKETS; index++) {
        PyObject *number = PyLong_FromUnsignedLongLong(PEEK(at[8 + index]));
        if (!number) return Py_DECREF(buckets), NULL;
        PyList_SetItem(buckets, index, number);
    }
    return buckets ? Py_BuildValue("KKKN", count, sum, max, buckets) : NULL;
}

static PyMethodDef words_methods[] = {
    {"header", words_header, METH_O, "header(None) -> text; header(text) writes it, once"},
    {NULL, NULL, 0, NULL},
};

static PyMethodDef counter_methods[] = {
    {"add", (PyCFunction)(void (*)(void))counter_add, METH_FASTCALL, "add(step=1)"},
    {"set", counter_set, METH_O, "set(value): a gauge or a heartbeat"},
    {NULL, NULL, 0, NULL},
};

static PyGetSetDef counter_getset[] = {{"value", counter_value, NULL, "the number now", NULL}, {NULL, NULL, NULL, NULL, NULL}};

static PyMethodDef histogram_methods[] = {
    {"record", histogram_record, METH_O, "record(value): count one value, in whole units"},
    {"snapshot", histogram_snapshot, METH_NOARGS, "snapshot() -> (count, sum, max, buckets)"},
    {NULL, NULL, 0, NULL},
};

static PyType_Slot words_slots[] = {{Py_tp_dealloc, words_dealloc}, {Py_tp_methods, words_methods}, {0, NULL}};
static PyType_Slot counter_slots[] = {
    {Py_tp_new, counter_new}, {Py_tp_dealloc, cell_dealloc}, {Py_tp_methods, counter_methods}, {Py_tp_getset, counter_getset}, {0, NULL},
};
static PyType_Slot histogram_slots[] = {
    {Py_tp_new, histogram_new}, {Py_tp_dealloc, cell_dealloc}, {Py_tp_methods, histogram_methods}, {0, NULL},
};
static PyType_Spec words_spec = {"sniperforge.shm._ring.Words", sizeof(WordsObject), 0,
                                 Py_TPFLAGS_DEFAULT | Py_TPFLAGS_DISALLOW_INSTANTIATION, words_slots};
static PyType_Spec counter_spec = {"sniperforge.shm._ring.Counter", sizeof(CellObject), 0, Py_TPFLAGS_DEFAULT, counter_slots};
static PyType_Spec histogram_spec = {"sniperforge.shm._ring.Histogram", sizeof(CellObject), 0, Py_TPFLAGS_DEFAULT, histogram_slots};

#endif
