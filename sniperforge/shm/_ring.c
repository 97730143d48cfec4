/* The Python face of the ring: Segment, Producer, Consumer, Record.
 *
 * The protocol is in the headers (layout, sync, publish, consume, registry); this
 * file turns objects into bytes and results into errors. The GIL is released only
 * where a call waits. The full API is used: the limited one (abi3) was measured at
 * 287 against 180 ns for a publish and a read of 256 bytes.
 */
#define PY_SSIZE_T_CLEAN
#include <Python.h>
#include <structmember.h>

#include "segment.h"

#include "py_common.h"
#include "py_record.h"
#include "py_segment.h"
#include "py_producer.h"
#include "py_consumer.h"
#include "py_counters.h"
#include "py_floor.h"

static PyObject *module_set_raiser(PyObject *module, PyObject *raiser)
{
    (void)module;
    REPLACE(ring_raiser, raiser);
    Py_RETURN_NONE;
}

static PyObject *module_owner_word(PyObject *module, PyObject *pid)
{
    (void)module;
    unsigned long number = PyLong_AsUnsignedLong(pid);
    if (PyErr_Occurred()) return NULL;
    return PyLong_FromUnsignedLongLong(owner_word((u32)number));
}

static PyMethodDef module_methods[] = {
    {"set_raiser", module_set_raiser, METH_O, "Give the function that makes our errors: (code, facts) -> exception."},
    {"owner_word", module_owner_word, METH_O, "Return pid << 32 | start time of a living process, 0 for a dead one."},
    {"create", segment_create, METH_VARARGS, "Format a new segment and return it as Segment."},
    {"map_words", words_map, METH_VARARGS, "map_words(fd, size) -> Words: counters and histograms of one process."},
    {"floor_send", floor_send, METH_VARARGS, "floor_send(words, count, interval_ns): bare futex wakes, paced."},
    {"floor_receive", floor_receive, METH_VARARGS, "floor_receive(words, count, limit_ns) -> latencies of bare wakes."},
    {"attach", segment_attach, METH_VARARGS, "Check an existing segment and return it as Segment."},
    {NULL, NULL, 0, NULL},
};

static struct PyModuleDef module_definition = {
    PyModuleDef_HEAD_INIT, "_ring", "Shared-memory ring: see ring.py.", -1, module_methods, NULL, NULL, NULL, NULL,
};

PyMODINIT_FUNC PyInit__ring(void)
{
    PyObject *module = PyModule_Create(&module_definition);
    if (!module || keywords_ready() < 0) return NULL;
    RecordType = (PyTypeObject *)PyType_FromSpec(&record_spec);
    ViewType = (PyTypeObject *)PyType_FromSpec(&payload_view_spec);
    SegmentType = (PyTypeObject *)PyType_FromSpec(&segment_spec);
    ProducerType = (PyTypeObject *)PyType_FromSpec(&producer_spec);
    ConsumerType = (PyTypeObject *)PyType_FromSpec(&consumer_spec);
    WordsType = (PyTypeObject *)PyType_FromSpec(&words_spec);
    CounterType = (PyTypeObject *)PyType_FromSpec(&counter_spec);
    HistogramType = (PyTypeObject *)PyType_FromSpec(&histogram_spec);
    if (!WordsType || !CounterType || !HistogramType) return NULL;
    if (!RecordType || !ViewType || !SegmentType || !ProducerType || !ConsumerType) return NULL;
    PyModule_AddObjectRef(module, "Record", (PyObject *)RecordType);
    PyModule_AddObjectRef(module, "Segment", (PyObject *)SegmentType);
    PyModule_AddObjectRef(module, "Producer", (PyObject *)ProducerType);
    PyModule_AddObjectRef(module, "Consumer", (PyObject *)ConsumerType);
    PyModule_AddObjectRef(module, "Words", (PyObject *)WordsType);
    PyModule_AddObjectRef(module, "Counter", (PyObject *)CounterType);
    PyModule_AddObjectRef(module, "Histogram", (PyObject *)HistogramType);
    PyModule_AddIntConstant(module, "WORDS_OFFSET", WORDS_OFFSET);
    PyModule_AddIntConstant(module, "HISTOGRAM_WORDS", HISTOGRAM_WORDS);
    PyModule_AddIntConstant(module, "OVERHEAD", (long)RING_SIZE(0));
    PyModule_AddIntConstant(module, "CAPACITY_MIN", (long)RING_CAPACITY_MIN);
    PyModule_AddIntConstant(module, "CAPACITY_MAX", (long)RING_CAPACITY_MAX);
    PyModule_AddIntConstant(module, "PRODUCERS_MAX", RING_PRODUCERS);
    PyModule_AddIntConstant(module, "CONSUMERS_MAX", RING_CONSUMERS);
    PyModule_AddIntConstant(module, "NAME_MAX", RING_NAME_MAX - 1);
    PyModule_AddIntConstant(module, "TOPIC_MAX", RING_TOPIC_MAX - 1);
    return module;
}
