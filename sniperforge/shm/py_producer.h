/* Producer: publish, and what happens when the ring is full. */
#ifndef SNIPERFORGE_RING_PY_PRODUCER_H
#define SNIPERFORGE_RING_PY_PRODUCER_H

typedef struct {
    ring_label label;
    const char *payload;
    u32 length;
    Py_buffer buffer;
    bool buffered;
} letter;

static PyObject *producer_new(PyTypeObject *type, PyObject *args, PyObject *keywords)
{
    static char *names[] = {"segment", "name", "deadline_ns", NULL};
    SegmentObject *segment;
    const char *name;
    unsigned long long deadline;
    if (!PyArg_ParseTupleAndKeywords(args, keywords, "O!sK", names, SegmentType, &segment, &name, &deadline)) return NULL;
    if (!usable(segment, true)) return NULL;
    int state = state_of(&segment->view);
    if (state != RING_OK) return raise_code(segment, state);
    ProducerObject *self = (ProducerObject *)object_new(type);
    if (!self) return NULL;
    Py_INCREF((PyObject *)segment);
    self->segment = segment;
    self->deadline_ns = deadline;
    int result = producer_sits(&segment->view, &self->writer, name);
    if (result != RING_OK) {
        Py_DECREF((PyObject *)self);
        return raise_fact(result == RING_CROWDED ? "producers" : "busy", Py_BuildValue("{s:s}", "topic", topic_of(segment)));
    }
    self->open = true;
    return (PyObject *)self;
}

static void producer_released(ProducerObject *self)
{
    if (self->open && self->segment->generation == fork_generation && !self->segment->view.broken)
        producer_leaves(&self->segment->view, &self->writer);
    self->open = false;
}

static PyObject *producer_close(PyObject *self, PyObject *nothing)
{
    (void)nothing;
    producer_released((ProducerObject *)self);
    Py_RETURN_NONE;
}

static void producer_dealloc(PyObject *self)
{
    ProducerObject *producer = (ProducerObject *)self;
    if (producer->segment) {
        producer_released(producer);
        Py_DECREF((PyObject *)producer->segment);
    }
    object_free(self);
}

static inline bool letter_filled(letter *letter, PyObject *const *value, u32 record_max, const SegmentObject *segment)
{
    u64 type, flags;
    if (!number_in(value[WORD_TYPE], 0xffff, "type", &type) || !number_in(value[WORD_FLAGS], 0xffff, "flags", &flags) ||
        !number_in(value[WORD_KEY], UINT64_MAX, "key", &letter->label.key) ||
        !number_in(value[WORD_ORIGIN], UINT64_MAX, "origin_ns", &letter->label.origin_ns) ||
        !number_in(value[WORD_TRACE], UINT64_MAX, "trace_id", &letter->label.trace_id))
        return false;
    letter->label.type = (u16)type;
    letter->label.flags = (u16)flags;
    letter->buffered = false;
    Py_ssize_t length;
    if (PyBytes_Check(value[WORD_PAYLOAD])) {
        letter->payload = PyBytes_AS_STRING(value[WORD_PAYLOAD]);
        length = PyBytes_GET_SIZE(value[WORD_PAYLOAD]);
    } else {
        if (PyObject_GetBuffer(value[WORD_PAYLOAD], &letter->buffer, PyBUF_SIMPLE) < 0) return false;
        letter->buffered = true;
        letter->payload = letter->buffer.buf;
        length = letter->buffer.len;
    }
    if ((u64)length > record_max) {
        if (letter->buffered) PyBuffer_Release(&letter->buffer);
        raise_fact("too large", Py_BuildValue("{s:s,s:n,s:k}", "topic", topic_of(segment), "size", length, "size_max",
                                              (unsigned long)record_max));
        return false;
    }
    letter->length = (u32)length;
    return true;
}

/* At the deadline: the dead first, then, if the ring's policy says so, the slowest of the living. */
static bool make_room(ring_view *view)
{
    if (registry_lock(view) != RING_OK) return false;
    bool room = repair_producers(view) + evict_dead(view) + evict_dead_groups(view) > 0;
    if (!room && view->evict) room = evict_slowest(view);
    registry_unlock(view);
    if (room) wake_everybody(view);
    return room;
}

static PyObject *raise_full(ProducerObject *self)
{
    const ring_view *view = &self->segment->view;
    int slowest;
    u64 oldest = oldest_needed(view, &slowest), tail = LOAD(view->memory->tail.position);
    const char *name = "", *role = "nobody";
    unsigned long pid = 0;
    if (slowest >= 0) {
        name = view->memory->consumers[slowest].name, role = "consumer";
        pid = (unsigned long)(LOAD(view->memory->consumers[slowest].owner) >> 32);
    } else if (slowest <= -2) {
        name = view->memory->producers[-2 - slowest].name, role = "producer";
        pid = (unsigned long)(LOAD(view->memory->producers[-2 - slowest].owner) >> 32);
    }
    return raise_fact("full", Py_BuildValue("{s:s,s:s,s:s,s:k,s:K,s:K}", "topic", topic_of(self->segment), "holder", name, "role", role,
                                            "pid", pid, "lag_bytes", (unsigned long long)(tail - oldest), "waited_ns",
                                            (unsigned long long)self->deadline_ns));
}

/* Wait for room, then publish; -1 with an error set when the deadline passed in vain. */
static int publish_slowly(ProducerObject *self, const letter *letter, bool wake, u64 *sequence)
{
    ring_view *view = &self->segment->view;
    u64 until = now_monotonic_ns() + self->deadline_ns;
    bool pressed = false;
    ADD_OWN(self->writer.slot->waits, 1);
    wake_everybody(view); /* sleepers whose interest we passed by hold us back */
    for (;;) {
        u64 now = now_monotonic_ns();
        if (now >= until) {
            if (pressed && !view->evict) return raise_full(self), -1;
            pressed = true;
            if (!make_room(view)) return raise_full(self), -1;
            self->writer.gate_known = false;
        } else {
            u64 slice = now + 20000000u < until ? now + 20000000u : until;
            int slowest;
            Py_BEGIN_ALLOW_THREADS
            writer_sleeps(view, &self->writer, span_of(letter->length), slice);
            Py_END_ALLOW_THREADS
            if (PyErr_CheckSignals() < 0) return -1;
            if (!usable(self->segment, self->open)) return -1;
            oldest_needed(view, &slowest);
            int evicted;
            if (slowest <= -2 && now_monotonic_ns() >= slice) ring_repair(view, false, &evicted);
        }
        int result = state_of(view);
        if (result == RING_OK) result = ring_publish(view, &self->writer, &letter->label, letter->payload, letter->length, wake, sequence);
        if (result == RING_OK) return 0;
        if (result != RING_FULL) return raise_code(self->segment, result), -1;
    }
}

static int letter_published(ProducerObject *self, const letter *letter, bool wake, u64 *sequence)
{
    ring_view *view = &self->segment->view;
    int result = state_of(view);
    if (result == RING_OK) result = ring_publish(view, &self->writer, &letter->label, letter->payload, letter->length, wake, sequence);
    if (result == RING_OK) return view->broken ? (raise_code(self->segment, RING_BROKEN), -1) : 0;
    if (result == RING_FULL) return publish_slowly(self, letter, wake, sequence);
    raise_code(self->segment, result);
    return -1;
}

static PyObject *producer_publish(PyObject *self_, PyObject *const *args, Py_ssize_t count, PyObject *names)
{
    ProducerObject *self = (ProducerObject *)self_;
    PyObject *value[WORDS] = {0};
    Py_ssize_t named = names ? PyTuple_GET_SIZE(names) : 0;
    if (count > WORDS) return PyErr_Format(PyExc_TypeError, "publish() takes at most %d arguments", WORDS);
    for (Py_ssize_t index = 0; index < count; index++) value[index] = args[index];
    for (Py_ssize_t index = 0; index < named; index++) {
        int at = word_index(PyTuple_GetItem(names, index));
        if (at < 0) return NULL;
        if (value[at]) return PyErr_Format(PyExc_TypeError, "publish() got %s twice", word_text[at]);
        value[at] = args[count + index];
    }
    if (!value[WORD_TYPE] || !value[WORD_PAYLOAD]) return PyErr_Format(PyExc_TypeError, "publish() needs type and payload");
    letter letter;
    u64 sequence = 0;
    if (!usable(self->segment, self->open) || !letter_filled(&letter, value, self->segment->view.record_max, self->segment))
        return NULL;
    int result = letter_published(self, &letter, true, &sequence);
    if (letter.buffered) PyBuffer_Release(&letter.buffer);
    return result < 0 ? NULL : PyLong_FromUnsignedLongLong(sequence);
}

/* Publish [(type, payload[, key[, origin_ns[, trace_id[, flags]]]]), ...] with one wake. */
static PyObject *producer_publish_many(PyObject *self_, PyObject *rows)
{
    ProducerObject *self = (ProducerObject *)self_;
    if (!usable(self->segment, self->open)) return NULL;
    if (!PyList_Check(rows)) return PyErr_Format(PyExc_TypeError, "publish_many() takes a list of tuples (type, payload, ...)");
    u64 sequence = 0;
    Py_ssize_t done = 0;
    int result = 0;
    for (; result == 0 && done < PyList_Size(rows); done++) {
        PyObject *row = PyList_GetItem(rows, done), *value[WORDS] = {0};
        Py_ssize_t fields = PyTuple_Check(row) ? PyTuple_Size(row) : 0;
        if (fields < 2 || fields > WORDS) {
            PyErr_Format(PyExc_TypeError, "publish_many(): row %zd is not a tuple (type, payload, ...)", done);
            result = -1;
            break;
        }
        for (Py_ssize_t index = 0; index < fields; index++) value[index] = PyTuple_GetItem(row, index);
        letter letter;
        if (!letter_filled(&letter, value, self->segment->view.record_max, self->segment)) {
            result = -1;
            break;
        }
        result = letter_published(self, &letter, false, &sequence);
        if (letter.buffered) PyBuffer_Release(&letter.buffer);
    }
    if (done) wake_everybody(&self->segment->view);
    return result < 0 ? NULL : PyLong_FromSsize_t(done);
}

static PyObject *producer_sent(PyObject *self, void *closure)
{
    (void)closure;
    ProducerObject *producer = (ProducerObject *)self;
    if (!usable(producer->segment, producer->open)) return NULL;
    return PyLong_FromUnsignedLongLong(PEEK(producer->writer.slot->sent));
}

static PyMethodDef producer_methods[] = {
    {"publish", (PyCFunction)(void (*)(void))producer_publish, METH_FASTCALL | METH_KEYWORDS,
     "publish(type, payload, key=0, origin_ns=0, trace_id=0, flags=0) -> sequence"},
    {"publish_many", producer_publish_many, METH_O, "publish_many([(type, payload, ...), ...]) -> how many; one wake for all"},
    {"close", producer_close, METH_NOARGS, "Leave the ring; the slot is free again."},
    {NULL, NULL, 0, NULL},
};

static PyMemberDef producer_members[] = {
    {"deadline_ns", T_ULONGLONG, offsetof(ProducerObject, deadline_ns), 0, "how long publish may wait for room"},
    {NULL, 0, 0, 0, NULL},
};

static PyGetSetDef producer_getset[] = {
    {"sent", producer_sent, NULL, "records published through this handle", NULL},
    {NULL, NULL, NULL, NULL, NULL},
};

static PyType_Slot producer_slots[] = {
    {Py_tp_new, producer_new},
    {Py_tp_dealloc, producer_dealloc},
    {Py_tp_methods, producer_methods},
    {Py_tp_members, producer_members},
    {Py_tp_getset, producer_getset},
    {Py_tp_doc, "Publishes records to one ring."},
    {0, NULL},
};

static PyType_Spec producer_spec = {
    "sniperforge.shm._ring.Producer", sizeof(ProducerObject), 0, Py_TPFLAGS_DEFAULT | Py_TPFLAGS_BASETYPE, producer_slots,
};

#endif
