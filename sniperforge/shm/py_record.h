/* Record: one message and its header. Numbers become Python objects only when they are read. */
#ifndef SNIPERFORGE_RING_PY_RECORD_H
#define SNIPERFORGE_RING_PY_RECORD_H

typedef struct {
    PyObject_HEAD
    PyObject *payload;
    unsigned long long key, sequence, origin_ns, trace_id, publish_ns;
    unsigned short type, flags, producer;
} RecordObject;

/* Records come and go by the million: a few are kept. Only under the GIL. */
#define RECORDS_KEPT 256
static RecordObject *kept[RECORDS_KEPT];
static int kept_count;

static void record_dealloc(PyObject *self)
{
    Py_XDECREF(((RecordObject *)self)->payload);
    if (kept_count < RECORDS_KEPT) {
        kept[kept_count++] = (RecordObject *)self; /* keeps its reference to the type */
        return;
    }
    PyTypeObject *type = Py_TYPE(self);
    PyObject_Free(self);
    Py_DECREF(type);
}

static PyObject *record_repr(PyObject *self)
{
    RecordObject *record = (RecordObject *)self;
    return PyUnicode_FromFormat("Record(type=%d, sequence=%llu, key=%llu, flags=%d, bytes=%zd)", (int)record->type,
                                record->sequence, record->key, (int)record->flags, PyObject_Size(record->payload));
}

static PyMemberDef record_members[] = {
    {"payload", T_OBJECT_EX, offsetof(RecordObject, payload), READONLY, "bytes, or a memoryview from views()"},
    {"type", T_USHORT, offsetof(RecordObject, type), READONLY, "record type: the tag of the message"},
    {"flags", T_USHORT, offsetof(RecordObject, flags), READONLY, "flags of the writer"},
    {"producer", T_USHORT, offsetof(RecordObject, producer), READONLY, "slot of the writer"},
    {"key", T_ULONGLONG, offsetof(RecordObject, key), READONLY, "hash of the pool or mint"},
    {"sequence", T_ULONGLONG, offsetof(RecordObject, sequence), READONLY, "counts the records of the ring from 0"},
    {"origin_ns", T_ULONGLONG, offsetof(RecordObject, origin_ns), READONLY, "receive stamp of the frame behind it"},
    {"trace_id", T_ULONGLONG, offsetof(RecordObject, trace_id), READONLY, "launch or order it belongs to"},
    {"publish_ns", T_ULONGLONG, offsetof(RecordObject, publish_ns), READONLY, "epoch stamp made inside publish"},
    {NULL, 0, 0, 0, NULL},
};

static PyType_Slot record_slots[] = {
    {Py_tp_dealloc, record_dealloc},
    {Py_tp_repr, record_repr},
    {Py_tp_members, record_members},
    {Py_tp_doc, "One record of a ring: header fields and payload."},
    {0, NULL},
};

static PyType_Spec record_spec = {
    "sniperforge.shm._ring.Record", sizeof(RecordObject), 0, Py_TPFLAGS_DEFAULT | Py_TPFLAGS_DISALLOW_INSTANTIATION, record_slots,
};

/* Copy the header; the payload is the caller's. */
static RecordObject *record_new(const ring_record *from)
{
    RecordObject *record;
    if (kept_count) {
        record = kept[--kept_count];
        Py_SET_REFCNT((PyObject *)record, 1);
    } else if (!(record = PyObject_New(RecordObject, RecordType))) {
        return NULL;
    }
    record->payload = NULL;
    record->key = from->key;
    record->sequence = from->sequence;
    record->origin_ns = from->origin_ns;
    record->trace_id = from->trace_id;
    record->publish_ns = from->publish_ns;
    record->type = from->type;
    record->flags = from->flags;
    record->producer = from->producer;
    return record;
}

/* ── a payload in place: the buffer keeps the mapping alive, not the record ── */

typedef struct {
    PyObject_HEAD
    SegmentObject *segment;
    const unsigned char *at;
    Py_ssize_t length;
} PayloadViewObject;

static int payload_view_buffer(PyObject *self, Py_buffer *buffer, int flags)
{
    PayloadViewObject *view = (PayloadViewObject *)self;
    return PyBuffer_FillInfo(buffer, self, (void *)(uintptr_t)view->at, view->length, 1, flags);
}

static void payload_view_dealloc(PyObject *self)
{
    PyTypeObject *type = Py_TYPE(self);
    Py_XDECREF((PyObject *)((PayloadViewObject *)self)->segment);
    PyObject_Free(self);
    Py_DECREF(type);
}

static PyType_Slot payload_view_slots[] = {
    {Py_tp_dealloc, payload_view_dealloc},
    {Py_bf_getbuffer, payload_view_buffer},
    {0, NULL},
};

static PyType_Spec payload_view_spec = {
    "sniperforge.shm._ring.PayloadView", sizeof(PayloadViewObject), 0,
    Py_TPFLAGS_DEFAULT | Py_TPFLAGS_DISALLOW_INSTANTIATION, payload_view_slots,
};

static PyObject *payload_in_place(SegmentObject *segment, const unsigned char *at, u32 length)
{
    PayloadViewObject *view = PyObject_New(PayloadViewObject, ViewType);
    if (!view) return NULL;
    Py_INCREF((PyObject *)segment);
    view->segment = segment;
    view->at = at;
    view->length = (Py_ssize_t)length;
    PyObject *memory = PyMemoryView_FromObject((PyObject *)view);
    Py_DECREF((PyObject *)view);
    return memory;
}

#endif
