/* Borsh's plain fields and texts, read by a table: what borsh.py reads, where nothing has to be nested.
 *
 *   Plan(fields).read(data, at, tail_max) -> (ints, keys, texts, rows, end, tail) | None
 *
 * A field is (name, type, may_end): the data may stop before it, and it and all behind it are zero.
 * A vector may be in a layout as long as it is empty.
 * None says that the bytes do not fit; borsh.py then reads them once more and says why.
 */
#define PY_SSIZE_T_CLEAN
#include <Python.h>
#include <stdint.h>
#include <string.h>

#define FIELDS_MAX 64

typedef enum { U8, U16, U32, U64, I32, I64, BOOL, PUBKEY, STRING, VEC, KINDS } kind;

static const char *const NAMES[KINDS] = {"u8", "u16", "u32", "u64", "i32", "i64", "bool", "pubkey", "string", "vec"};
/* A text or a vector is at least its length. */
static const Py_ssize_t SIZES[KINDS] = {1, 2, 4, 8, 4, 8, 1, 32, 4, 4};

typedef struct { PyObject *name; kind kind; int may_end; } field;

typedef struct {
    PyObject_HEAD
    PyObject *ints, *keys, *texts, *rows; /* every name with its zero; copied for each record */
    Py_ssize_t count;
    field field[FIELDS_MAX];
} plan;

static uint64_t little32(const uint8_t *from)
{
    return (uint64_t)from[0] | (uint64_t)from[1] << 8 | (uint64_t)from[2] << 16 | (uint64_t)from[3] << 24;
}

static uint64_t little(const uint8_t *from, Py_ssize_t size)
{
    switch (size) {
    case 8: return little32(from) | little32(from + 4) << 32;
    case 4: return little32(from);
    case 2: return (uint64_t)from[0] | (uint64_t)from[1] << 8;
    default: return from[0];
    }
}

/* The value of a field of *size* bytes at *from*, which are there. */
static PyObject *value_of(kind kind, const uint8_t *from, Py_ssize_t size)
{
    switch (kind) {
    case PUBKEY: return PyBytes_FromStringAndSize((const char *)from, size);
    case STRING: return PyUnicode_DecodeUTF8((const char *)from, size, "replace");
    case VEC: return PyTuple_New(0);
    case I32: return PyLong_FromLong((int32_t)(uint32_t)little(from, 4));
    case I64: return PyLong_FromLongLong((int64_t)little(from, 8));
    default: return PyLong_FromUnsignedLongLong(little(from, size));
    }
}

/* Read all fields into the copies; 1: done, 0: they do not fit, -1: an error is set. */
static int fill(const plan *self, PyObject *const into[KINDS], const uint8_t *data, Py_ssize_t size, Py_ssize_t *at)
{
    for (const field *one = self->field; one < self->field + self->count; one++) {
        Py_ssize_t left = size - *at, wide = SIZES[one->kind];
        if (!left && one->may_end) return 1;
        if (left < wide) return 0;
        const uint8_t *from = data + *at;
        *at += wide;
        if (one->kind == BOOL && *from > 1) return 0;
        if (one->kind == VEC && little(from, 4)) return 0;
        if (one->kind == STRING) {
            wide = (Py_ssize_t)little(from, 4);
            if (wide > size - *at) return 0;
            from = data + *at;
            *at += wide;
        }
        PyObject *value = value_of(one->kind, from, wide);
        if (!value) return -1;
        int problem = PyDict_SetItem(into[one->kind], one->name, value);
        Py_DECREF(value);
        if (problem) return -1;
    }
    return 1;
}

static PyObject *plan_read(PyObject *object, PyObject *const *arguments, Py_ssize_t count)
{
    const plan *self = (const plan *)object;
    if (count != 3 || !PyBytes_Check(arguments[0])) {
        PyErr_SetString(PyExc_TypeError, "read takes bytes, where to start, and how many bytes may be left");
        return NULL;
    }
    Py_ssize_t size = PyBytes_GET_SIZE(arguments[0]);
    Py_ssize_t at = PyLong_AsSsize_t(arguments[1]), tail_max = PyLong_AsSsize_t(arguments[2]);
    if (PyErr_Occurred()) return NULL;
    if (at < 0 || at > size) Py_RETURN_NONE;
    PyObject *ints = PyDict_Copy(self->ints), *keys = PyDict_Copy(self->keys), *texts = PyDict_Copy(self->texts);
    PyObject *rows = PyDict_Copy(self->rows);
    PyObject *const into[KINDS] = {ints, ints, ints, ints, ints, ints, ints, keys, texts, rows};
    int found = -1;
    if (ints && keys && texts && rows)
        found = fill(self, into, (const uint8_t *)PyBytes_AS_STRING(arguments[0]), size, &at);
    if (found == 1 && size - at <= tail_max) return Py_BuildValue("(NNNNnn)", ints, keys, texts, rows, at, size - at);
    Py_XDECREF(ints);
    Py_XDECREF(keys);
    Py_XDECREF(texts);
    Py_XDECREF(rows);
    if (found < 0) return NULL;
    Py_RETURN_NONE;
}

/* ── Python ─────────────────────────────────────────────────────────────── */

static int put_field(plan *self, PyObject *row)
{
    PyObject *name;
    const char *wanted;
    int may_end, number = 0;
    if (!PyTuple_Check(row)) {
        PyErr_SetString(PyExc_TypeError, "a field is (name, type, may_end)");
        return -1;
    }
    if (!PyArg_ParseTuple(row, "Usp", &name, &wanted, &may_end)) return -1;
    while (number < KINDS && strcmp(wanted, NAMES[number])) number++;
    if (number == KINDS || self->count == FIELDS_MAX) {
        PyErr_Format(PyExc_ValueError, "%s: a plan has at most %d plain fields, texts and vectors", wanted, FIELDS_MAX);
        return -1;
    }
    static const uint8_t ZEROS[32];
    PyObject *zero = value_of((kind)number, ZEROS, number == STRING ? 0 : SIZES[number]);
    PyObject *into = number == VEC ? self->rows : number == STRING ? self->texts : number == PUBKEY ? self->keys : self->ints;
    int problem = zero ? PyDict_SetItem(into, name, zero) : -1;
    Py_XDECREF(zero);
    if (!problem) self->field[self->count++] = (field){Py_NewRef(name), (kind)number, may_end};
    return problem;
}

static PyObject *plan_new(PyTypeObject *type, PyObject *arguments, PyObject *names)
{
    PyObject *fields;
    if (names && PyDict_GET_SIZE(names)) {
        PyErr_SetString(PyExc_TypeError, "Plan takes no names");
        return NULL;
    }
    if (!PyArg_ParseTuple(arguments, "O!", &PyTuple_Type, &fields)) return NULL;
    plan *self = (plan *)type->tp_alloc(type, 0);
    if (!self) return NULL;
    self->ints = PyDict_New();
    self->keys = PyDict_New();
    self->texts = PyDict_New();
    self->rows = PyDict_New();
    int problem = !self->ints || !self->keys || !self->texts || !self->rows;
    for (Py_ssize_t i = 0; !problem && i < PyTuple_GET_SIZE(fields); i++)
        problem = put_field(self, PyTuple_GET_ITEM(fields, i));
    if (!problem) return (PyObject *)self;
    Py_DECREF(self);
    return NULL;
}

static void plan_dealloc(PyObject *object)
{
    plan *self = (plan *)object;
    for (Py_ssize_t i = 0; i < self->count; i++) Py_DECREF(self->field[i].name);
    Py_XDECREF(self->ints);
    Py_XDECREF(self->keys);
    Py_XDECREF(self->texts);
    Py_XDECREF(self->rows);
    Py_TYPE(object)->tp_free(object);
}

static PyMethodDef plan_methods[] = {
    {"read", (PyCFunction)(void (*)(void))plan_read, METH_FASTCALL,
     "read(data, at, tail_max) -> (ints, keys, texts, {}, end, tail) | None"},
    {NULL, NULL, 0, NULL},
};

static PyTypeObject plan_type = {
    PyVarObject_HEAD_INIT(NULL, 0).tp_name = "sniperforge.dex._borsh.Plan",
    .tp_basicsize = sizeof(plan),
    .tp_flags = Py_TPFLAGS_DEFAULT,
    .tp_doc = "Plan(fields)",
    .tp_new = plan_new,
    .tp_dealloc = plan_dealloc,
    .tp_methods = plan_methods,
};

static struct PyModuleDef module = {
    PyModuleDef_HEAD_INIT, "sniperforge.dex._borsh", "Borsh by a table.", -1, NULL, NULL, NULL, NULL, NULL,
};

PyMODINIT_FUNC PyInit__borsh(void)
{
    PyObject *made = PyType_Ready(&plan_type) ? NULL : PyModule_Create(&module);
    if (made && PyModule_AddObjectRef(made, "Plan", (PyObject *)&plan_type)) Py_CLEAR(made);
    return made;
}
