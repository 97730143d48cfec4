/* Consumer: drain, read, views, commit, wait, arm. */
#ifndef SNIPERFORGE_RING_PY_CONSUMER_H
#define SNIPERFORGE_RING_PY_CONSUMER_H

#define STALL_NS 10000000u      /* a claim that stays open this long is looked at: is its owner dead? */
#define WAIT_SLICE_NS 100000000u /* a signal that fell between check and sleep is seen after this at the latest */

static PyObject *consumer_new(PyTypeObject *type, PyObject *args, PyObject *keywords)
{
    static char *names[] = {"segment", "name", "start", "sequence", "interest", "spin_ns", "group", "observer", NULL};
    SegmentObject *segment;
    const char *name, *group;
    int start, started = 0, observer;
    unsigned long long sequence, interest, spin;
    u64 holder = 0;
    if (!PyArg_ParseTupleAndKeywords(args, keywords, "O!siKKKzp", names, SegmentType, &segment, &name, &start, &sequence, &interest, &spin,
                                     &group, &observer))
        return NULL;
    if (!usable(segment, true)) return NULL;
    ConsumerObject *self = (ConsumerObject *)object_new(type);
    if (!self) return NULL;
    Py_INCREF((PyObject *)segment);
    self->segment = segment;
    self->spin_ns = spin;
    self->bell_fd = -1;
    int result = group ? member_sits(&segment->view, &self->reader, name, group, start, interest, &started, &holder)
                       : consumer_sits(&segment->view, &self->reader, name, start, sequence, interest, observer, &started, &holder);
    if (result != RING_OK) {
        Py_DECREF((PyObject *)self);
        if (result == RING_TAKEN)
            return raise_fact("taken", Py_BuildValue("{s:s,s:s,s:k}", "topic", topic_of(segment), "name", name, "pid",
                                                     (unsigned long)(holder >> 32)));
        return raise_fact(result == RING_CROWDED ? "consumers" : "busy", Py_BuildValue("{s:s}", "topic", topic_of(segment)));
    }
    self->started = started;
    self->open = true;
    return (PyObject *)self;
}

static void consumer_released(ConsumerObject *self, bool keep)
{
    if (self->open && self->segment->generation == fork_generation && !self->segment->view.broken)
        (self->reader.member ? member_leaves : consumer_leaves)(&self->segment->view, &self->reader, keep);
    self->open = false;
    if (self->bell_fd >= 0) close(self->bell_fd);
    self->bell_fd = -1;
}

static PyObject *consumer_close(PyObject *self, PyObject *args)
{
    int keep = 0;
    if (!PyArg_ParseTuple(args, "|p", &keep)) return NULL;
    consumer_released((ConsumerObject *)self, keep);
    Py_RETURN_NONE;
}

static void consumer_dealloc(PyObject *self)
{
    ConsumerObject *consumer = (ConsumerObject *)self;
    if (consumer->segment) {
        consumer_released(consumer, false);
        Py_DECREF((PyObject *)consumer->segment);
    }
    object_free(self);
}

/* Come back after an eviction and raise what happened; the next drain goes on with what the ring still holds. */
static PyObject *raise_evicted(ConsumerObject *self)
{
    ring_view *view = &self->segment->view;
    ring_record *found;
    u32 reason = REASON_NONE;
    u64 lost = PEEK(self->reader.slot->lost);
    if (consumer_returns(view, &self->reader, &reason) != RING_OK)
        return raise_fact("released", Py_BuildValue("{s:s}", "topic", topic_of(self->segment)));
    reader_looks(view, &self->reader, &found); /* counts the gap */
    return raise_fact("evicted", Py_BuildValue("{s:s,s:s,s:s,s:K}", "topic", topic_of(self->segment), "name", self->reader.slot->name,
                                               "reason", reason == REASON_DEAD ? "dead" : "slow", "lost",
                                               (unsigned long long)(PEEK(self->reader.slot->lost) - lost)));
}

static PyObject *raise_reader(ConsumerObject *self, int result)
{
    return result == RING_EVICTED ? raise_evicted(self) : raise_code(self->segment, result);
}

/* A claim ahead of us that nobody commits: after a while, see whether its owner lives. */
static void notice_stall(ConsumerObject *self)
{
    ring_view *view = &self->segment->view;
    int evicted;
    if (LOAD(view->memory->tail.position) == self->reader.position) {
        self->reader.stalled_ns = 0;
        return;
    }
    u64 now = now_coarse_ns();
    if (!self->reader.stalled_ns) self->reader.stalled_ns = now;
    else if (now - self->reader.stalled_ns > STALL_NS) {
        self->reader.stalled_ns = 0;
        ring_repair(view, false, &evicted);
    }
}

enum taken_as { AS_RECORD, AS_VIEW, AS_PAYLOAD };

/* Next record as an object; NULL with *result RING_OK means a Python error. */
static PyObject *record_taken(ConsumerObject *self, enum taken_as form, int *result)
{
    ring_view *view = &self->segment->view;
    ring_record *found;
    for (;;) {
        *result = reader_looks(view, &self->reader, &found);
        if (*result != RING_OK) return NULL;
        u32 length = found->length, span = found->span;
        bool sane = plausible(view, self->reader.position, span, KIND_DATA, length);
        PyObject *payload = NULL, *taken;
        if (sane && form == AS_VIEW) payload = payload_in_place(self->segment, (unsigned char *)found + RING_HEADER, length);
        else if (sane) payload = PyBytes_FromStringAndSize((char *)found + RING_HEADER, (Py_ssize_t)length);
        if (sane && !payload) return NULL;
        if (sane && form != AS_PAYLOAD) {
            RecordObject *record = record_new(found);
            if (!record) return Py_DECREF(payload), NULL;
            record->payload = payload;
            taken = (PyObject *)record;
        } else taken = payload;
        if (sane && still_there(view, &self->reader)) {
            reader_passes(&self->reader, span);
            return taken;
        }
        Py_XDECREF(taken); /* overwritten while we copied: look again, the loss is counted there */
        if (sane && holds_back(view, &self->reader)) return *result = RING_EVICTED, NULL;
        if (!sane && still_there(view, &self->reader)) return *result = RING_BROKEN, NULL;
    }
}

static void reader_acknowledges(ring_view *view, ring_reader *reader)
{
    if (reader->member) member_commits(view, reader);
    else if (!holds_back(view, reader) || still_there(view, reader)) reader_commits(view, reader);
}

static inline bool reader_ready(ConsumerObject *self)
{
    if (!usable(self->segment, self->open)) return false;
    ring_view *view = &self->segment->view;
    if (!(self->calls++ & 63)) POKE(self->reader.slot->heartbeat_ns, now_coarse_ns() + (u64)view->clock_offset_ns);
    reader_acknowledges(view, &self->reader);
    return true;
}

static PyObject *drain(ConsumerObject *self, Py_ssize_t most, bool in_place)
{
    if (!reader_ready(self)) return NULL;
    PyObject *list = PyList_New(0);
    int result = RING_OK;
    Py_ssize_t count = 0;
    if (self->reader.member && self->reader.position == self->reader.end)
        member_takes(&self->segment->view, &self->reader, (u64)most);
    for (; list && count < most; count++) {
        PyObject *record = record_taken(self, in_place ? AS_VIEW : AS_RECORD, &result);
        if (!record && result == RING_OK) return Py_DECREF(list), NULL;
        if (!record) break;
        if (PyList_Append(list, record) < 0) return Py_DECREF(record), Py_DECREF(list), NULL;
        Py_DECREF(record);
    }
    if (!list || count) {
        self->reader.stalled_ns = 0;
        ADD_OWN(self->reader.slot->received, (u64)count);
        if (self->reader.adopted) self->redelivered += (u64)count;
        return list;
    }
    if (result == RING_EMPTY || result == RING_OK) {
        reader_acknowledges(&self->segment->view, &self->reader); /* passed by only what nobody here wants */
        notice_stall(self);
        if (!usable(self->segment, self->open)) return Py_DECREF(list), NULL;
        return list;
    }
    Py_DECREF(list);
    return raise_reader(self, result);
}

static bool most_of(PyObject *const *args, Py_ssize_t count, PyObject *names, Py_ssize_t *most)
{
    Py_ssize_t named = names ? PyTuple_Size(names) : 0;
    *most = 256;
    if (count + named > 1 || (named && PyUnicode_CompareWithASCIIString(PyTuple_GetItem(names, 0), "max") != 0)) {
        PyErr_SetString(PyExc_TypeError, "the one argument is max");
        return false;
    }
    if (count + named) *most = PyLong_AsSsize_t(args[0]);
    if (*most == -1 && PyErr_Occurred()) return false;
    if (*most >= 1) return true;
    PyErr_SetString(PyExc_ValueError, "max must be at least 1");
    return false;
}

static PyObject *consumer_drain(PyObject *self, PyObject *const *args, Py_ssize_t count, PyObject *names)
{
    Py_ssize_t most;
    return most_of(args, count, names, &most) ? drain((ConsumerObject *)self, most, false) : NULL;
}

static PyObject *consumer_views(PyObject *self, PyObject *const *args, Py_ssize_t count, PyObject *names)
{
    Py_ssize_t most;
    return most_of(args, count, names, &most) ? drain((ConsumerObject *)self, most, true) : NULL;
}

/* One record in that form; None when there is none now. */
static PyObject *taken_now(ConsumerObject *self, enum taken_as form)
{
    int result = RING_OK;
    if (!reader_ready(self)) return NULL;
    if (self->reader.member && self->reader.position == self->reader.end) member_takes(&self->segment->view, &self->reader, 1);
    PyObject *record = record_taken(self, form, &result);
    if (record) {
        self->reader.stalled_ns = 0;
        ADD_OWN(self->reader.slot->received, 1);
        if (self->reader.adopted) self->redelivered++;
        return record;
    }
    if (result == RING_OK) return NULL;
    if (result != RING_EMPTY) return raise_reader(self, result);
    reader_acknowledges(&self->segment->view, &self->reader);
    notice_stall(self);
    if (!usable(self->segment, self->open)) return NULL;
    Py_RETURN_NONE;
}

static PyObject *consumer_read(PyObject *self, PyObject *nothing)
{
    (void)nothing;
    return taken_now((ConsumerObject *)self, AS_RECORD);
}

static PyObject *consumer_commit(PyObject *self_, PyObject *nothing)
{
    (void)nothing;
    ConsumerObject *self = (ConsumerObject *)self_;
    if (!reader_ready(self)) return NULL;
    Py_RETURN_NONE;
}

/* 1: something to drain; 0: nothing; -1: error set. Leaves the reader's place acknowledged as before. */
static int consumer_peeks(ConsumerObject *self)
{
    ring_record *found;
    if (self->reader.member && self->reader.position == self->reader.end) {
        if (member_should_look(&self->segment->view, &self->reader)) return 1;
        self->reader.position = self->reader.end = LOAD(group_of(&self->segment->view, &self->reader)->cursor);
    }
    int result = reader_looks(&self->segment->view, &self->reader, &found);
    if (result == RING_OK || result == RING_EVICTED) return 1;
    if (result == RING_EMPTY) return self->segment->view.broken ? (raise_code(self->segment, RING_BROKEN), -1) : 0;
    raise_reader(self, result);
    return -1;
}

/* When a timeout of so many nanoseconds, or None, is over; false with an error set. */
static bool until_of(PyObject *limit, u64 *until)
{
    *until = UINT64_MAX;
    if (limit == Py_None) return true;
    long long timeout = PyLong_AsLongLong(limit);
    if (timeout == -1 && PyErr_Occurred()) return false;
    *until = now_monotonic_ns() + (timeout > 0 ? (u64)timeout : 0);
    return true;
}

/* 1: something to drain; 0: the time is over, or a signal came; -1: error set. */
static int consumer_waits(ConsumerObject *self, u64 until)
{
    /* Asking for more says that the last records are done with. If they stayed unacknowledged
     * while we sleep, a producer that waits for their room would wait for ever. */
    if (!reader_ready(self)) return -1;
    for (;;) {
        if (!usable(self->segment, self->open)) return -1;
        const ring_view *view = &self->segment->view;
        u64 now = now_monotonic_ns();
        POKE(self->reader.slot->heartbeat_ns, now + (u64)view->clock_offset_ns);
        int found = consumer_peeks(self);
        if (found) return found;
        if (now >= until) return 0;
        notice_stall(self);
        u64 slice = now + (self->reader.stalled_ns ? STALL_NS : WAIT_SLICE_NS), position = self->reader.position;
        int result = 0;
        if (slice > until) slice = until;
        Py_BEGIN_ALLOW_THREADS
        if (self->spin_ns) reader_spins(view, &self->reader, position, self->spin_ns < slice - now ? self->spin_ns : slice - now);
        result = reader_sleeps(view, &self->reader, position, slice);
        Py_END_ALLOW_THREADS
        if (PyErr_CheckSignals() < 0) return -1;
        /* a signal: give the caller the turn, its handler may have asked it to stop */
        if (result == EINTR) return usable(self->segment, self->open) ? consumer_peeks(self) : -1;
    }
}

static PyObject *consumer_wait(PyObject *self, PyObject *limit)
{
    u64 until;
    int found = until_of(limit, &until) ? consumer_waits((ConsumerObject *)self, until) : -1;
    return found < 0 ? NULL : PyBool_FromLong(found);
}

/* One call a record for whoever has nothing else to wait for. */
static PyObject *taken_in_time(ConsumerObject *self, PyObject *limit, enum taken_as form)
{
    u64 until = 0;
    bool timed = false;
    for (;;) {
        PyObject *record = taken_now(self, form);
        if (record != Py_None) return record;
        /* The clock is asked only when there is something to wait for. */
        if (!timed && !(timed = until_of(limit, &until))) return Py_DECREF(record), NULL;
        int found = consumer_waits(self, until);
        if (!found) return record;
        Py_DECREF(record);
        if (found < 0) return NULL;
    }
}

static PyObject *consumer_receive(PyObject *self, PyObject *limit)
{
    return taken_in_time((ConsumerObject *)self, limit, AS_RECORD);
}

static PyObject *consumer_take(PyObject *self, PyObject *limit)
{
    return taken_in_time((ConsumerObject *)self, limit, AS_PAYLOAD);
}

/* Ask for one byte in the FIFO at the next record; False when something is there already: drain again. */
static PyObject *consumer_arm(PyObject *self_, PyObject *nothing)
{
    (void)nothing;
    ConsumerObject *self = (ConsumerObject *)self_;
    char bytes[64];
    if (!usable(self->segment, self->open)) return NULL;
    if (self->bell_fd < 0) return raise_fact("no bell", Py_BuildValue("{s:s}", "topic", topic_of(self->segment)));
    reader_acknowledges(&self->segment->view, &self->reader);
    while (read(self->bell_fd, bytes, sizeof bytes) == (ssize_t)sizeof bytes) continue;
    au64 *armed = &self->segment->view.memory->sleepers.armed;
    /* SYNC POINT wake-consumer: the bit before the last look, as in reader_sleeps. */
    atomic_fetch_or(armed, 1ull << self->reader.index);
    int found = consumer_peeks(self);
    if (found) atomic_fetch_and(armed, ~(1ull << self->reader.index));
    return found < 0 ? NULL : PyBool_FromLong(!found);
}

/* Take the reading end of our FIFO; producers open the writing end when the generation changes. */
static PyObject *consumer_set_bell(PyObject *self_, PyObject *fd)
{
    ConsumerObject *self = (ConsumerObject *)self_;
    long number = PyLong_AsLong(fd);
    if ((number == -1 && PyErr_Occurred()) || !usable(self->segment, self->open)) return NULL;
    if (self->bell_fd >= 0) close(self->bell_fd);
    self->bell_fd = (int)number;
    atomic_fetch_add(&self->reader.slot->bell, 1);
    Py_RETURN_NONE;
}

static PyObject *consumer_number(PyObject *self_, void *which)
{
    ConsumerObject *self = (ConsumerObject *)self_;
    if (!usable(self->segment, self->open)) return NULL;
    const ring_consumer *slot = self->reader.slot;
    switch ((int)(intptr_t)which) {
    case 0: return PyLong_FromUnsignedLongLong(PEEK(slot->lost));
    case 1: return PyLong_FromUnsignedLongLong(PEEK(slot->received));
    case 2: return PyLong_FromUnsignedLongLong(PEEK(slot->holes));
    case 3: return PyLong_FromUnsignedLongLong(LOAD(self->segment->view.memory->tail.position) - self->reader.position);
    default: return PyLong_FromUnsignedLong(self->reader.index);
    }
}

static PyMethodDef consumer_methods[] = {
    {"drain", (PyCFunction)(void (*)(void))consumer_drain, METH_FASTCALL | METH_KEYWORDS,
     "drain(max=256) -> records; acknowledges what the previous call returned"},
    {"views", (PyCFunction)(void (*)(void))consumer_views, METH_FASTCALL | METH_KEYWORDS,
     "views(max=256) -> records whose payload is a memoryview, valid until commit or the next drain"},
    {"read", consumer_read, METH_NOARGS, "read() -> one record or None; acknowledges the one before"},
    {"commit", consumer_commit, METH_NOARGS, "Acknowledge everything returned so far."},
    {"wait", consumer_wait, METH_O, "wait(timeout_ns or None) -> True when there is something to drain; acknowledges"},
    {"receive", consumer_receive, METH_O, "receive(timeout_ns or None) -> one record, or None at the end of the time or for a signal"},
    {"take", consumer_take, METH_O, "take(timeout_ns or None) -> the payload of one record, otherwise as receive"},
    {"arm", consumer_arm, METH_NOARGS, "arm() -> True: sleep on fileno(); False: drain again; acknowledges"},
    {"set_bell", consumer_set_bell, METH_O, "Give the reading end of the FIFO."},
    {"close", consumer_close, METH_VARARGS, "close(keep=False): leave; a kept or reserved seat goes on gating"},
    {NULL, NULL, 0, NULL},
};

static PyMemberDef consumer_members[] = {
    {"started_code", T_INT, offsetof(ConsumerObject, started), READONLY, "how this consumer started"},
    {"redelivered", T_ULONGLONG, offsetof(ConsumerObject, redelivered), READONLY, "records taken over from dead members"},
    {"bell_fd", T_INT, offsetof(ConsumerObject, bell_fd), READONLY, "reading end of the FIFO, or -1"},
    {"spin_ns", T_ULONGLONG, offsetof(ConsumerObject, spin_ns), 0, "how long wait() spins before it sleeps"},
    {NULL, 0, 0, 0, NULL},
};

static PyGetSetDef consumer_getset[] = {
    {"lost", consumer_number, NULL, "records this consumer never saw: lapped or evicted", (void *)0},
    {"received", consumer_number, NULL, "records returned", (void *)1},
    {"holes", consumer_number, NULL, "claims of dead producers passed by", (void *)2},
    {"lag_bytes", consumer_number, NULL, "bytes between this reader and the tail", (void *)3},
    {"index", consumer_number, NULL, "seat number", (void *)4},
    {NULL, NULL, NULL, NULL, NULL},
};

static PyType_Slot consumer_slots[] = {
    {Py_tp_new, consumer_new},
    {Py_tp_dealloc, consumer_dealloc},
    {Py_tp_methods, consumer_methods},
    {Py_tp_members, consumer_members},
    {Py_tp_getset, consumer_getset},
    {Py_tp_doc, "Reads the records of one ring under a name."},
    {0, NULL},
};

static PyType_Spec consumer_spec = {
    "sniperforge.shm._ring.Consumer", sizeof(ConsumerObject), 0, Py_TPFLAGS_DEFAULT | Py_TPFLAGS_BASETYPE, consumer_slots,
};

#endif
