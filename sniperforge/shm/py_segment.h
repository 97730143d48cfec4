/* Segment: the mapping of one ring in this process; seats, state, repair. */
#ifndef SNIPERFORGE_RING_PY_SEGMENT_H
#define SNIPERFORGE_RING_PY_SEGMENT_H

static SegmentObject *segment_new(int fd, Py_ssize_t size, const char *bell_prefix, int liveness)
{
    SegmentObject *segment = (SegmentObject *)object_new(SegmentType);
    if (!segment) return NULL;
    int error = view_mapped(&segment->view, fd, (size_t)size);
    if (error) {
        errno = error;
        PyErr_SetFromErrno(PyExc_OSError);
        Py_DECREF((PyObject *)segment);
        return NULL;
    }
    segment->generation = fork_generation;
    segment->view.liveness = liveness != 0;
    snprintf(segment->view.bell_prefix, sizeof segment->view.bell_prefix, "%s", bell_prefix);
    return segment;
}

static PyObject *segment_create(PyObject *module, PyObject *args)
{
    (void)module;
    int fd;
    Py_ssize_t size, boot_size;
    const char *bell_prefix, *boot_id;
    ring_settings settings = {0};
    unsigned long long capacity, deadline, spin, secret, start, pid_namespace;
    long long offset;
    if (!PyArg_ParseTuple(args, "insKKKKKKLIIsy#", &fd, &size, &bell_prefix, &capacity, &deadline, &spin, &secret, &start,
                          &pid_namespace, &offset, &settings.guarantee, &settings.evict, &settings.topic, &boot_id, &boot_size))
        return NULL;
    settings.capacity = capacity, settings.deadline_ns = deadline, settings.spin_ns = spin;
    settings.secret = secret, settings.start = start, settings.pid_namespace = pid_namespace, settings.clock_offset_ns = offset;
    memcpy(settings.boot_id, boot_id, boot_size < 16 ? (size_t)boot_size : 16);
    if (size != (Py_ssize_t)RING_SIZE(capacity)) {
        PyErr_SetString(PyExc_ValueError, "size must be OVERHEAD + capacity");
        return NULL;
    }
    SegmentObject *segment = segment_new(fd, size, bell_prefix, 1);
    if (!segment) return NULL;
    segment_formatted(&segment->view, &settings);
    view_filled(&segment->view);
    return (PyObject *)segment;
}

static PyObject *segment_attach(PyObject *module, PyObject *args)
{
    (void)module;
    int fd;
    Py_ssize_t size, boot_size;
    const char *bell_prefix, *topic, *boot_id;
    unsigned long long pid_namespace;
    if (!PyArg_ParseTuple(args, "insKzy#", &fd, &size, &bell_prefix, &pid_namespace, &topic, &boot_id, &boot_size)) return NULL;
    unsigned char boot[16] = {0};
    memcpy(boot, boot_id, boot_size < 16 ? (size_t)boot_size : 16);
    if (size < (Py_ssize_t)RING_SIZE(RING_CAPACITY_MIN))
        return raise_fact("foreign", Py_BuildValue("{s:s,s:s}", "topic", topic ? topic : "", "what", "size"));
    SegmentObject *segment = segment_new(fd, size, bell_prefix, 1);
    if (!segment) return NULL;
    const char *differs = segment_differs(&segment->view, topic, boot);
    if (differs) {
        Py_DECREF((PyObject *)segment);
        return raise_fact("foreign", Py_BuildValue("{s:s,s:s}", "topic", topic ? topic : "", "what", differs));
    }
    view_filled(&segment->view);
    segment->view.liveness = segment->view.memory->identity.pid_namespace == pid_namespace;
    return (PyObject *)segment;
}

static void segment_dealloc(PyObject *self)
{
    view_closed(&((SegmentObject *)self)->view);
    object_free(self);
}

static PyObject *segment_reserve(PyObject *self, PyObject *args)
{
    SegmentObject *segment = (SegmentObject *)self;
    const char *name;
    int durable;
    if (!PyArg_ParseTuple(args, "sp", &name, &durable) || !usable(segment, true)) return NULL;
    int result = seat_reserved(&segment->view, name, durable);
    if (result != RING_OK) return raise_code(segment, result);
    Py_RETURN_NONE;
}

static PyObject *segment_repair(PyObject *self, PyObject *args)
{
    SegmentObject *segment = (SegmentObject *)self;
    int evict, evicted;
    if (!PyArg_ParseTuple(args, "p", &evict) || !usable(segment, true)) return NULL;
    int repaired = ring_repair(&segment->view, evict, &evicted);
    return Py_BuildValue("ii", repaired, evicted);
}

/* Close for everybody: publishers are refused, consumers read what is left. */
static PyObject *segment_shut(PyObject *self, PyObject *nothing)
{
    (void)nothing;
    SegmentObject *segment = (SegmentObject *)self;
    if (!usable(segment, true)) return NULL;
    STORE(segment->view.memory->identity.state, STATE_CLOSED);
    wake_producers(&segment->view);
    wake_everybody(&segment->view);
    Py_RETURN_NONE;
}

static PyObject *segment_adopt(PyObject *self, PyObject *nothing)
{
    (void)nothing;
    SegmentObject *segment = (SegmentObject *)self;
    if (!usable(segment, true)) return NULL;
    segment->view.memory->identity.creator = segment->view.self;
    Py_RETURN_NONE;
}

static PyObject *stat_producers(const ring_view *view, u64 *by_type)
{
    PyObject *list = PyList_New(0);
    for (int index = 0; list && index < RING_PRODUCERS; index++) {
        const ring_producer *slot = &view->memory->producers[index];
        u64 owner = LOAD(slot->owner), intent = LOAD(slot->intent);
        if (!owner) continue;
        for (int type = 0; type < RING_TYPES; type++) by_type[type] += PEEK(slot->by_type[type]);
        PyObject *row = Py_BuildValue(
            "{s:s,s:k,s:N,s:K,s:K,s:K,s:N}", "name", slot->name, "pid", (unsigned long)(owner >> 32), "alive",
            PyBool_FromLong(!owner_dead(view, owner)), "sent", (unsigned long long)PEEK(slot->sent), "sent_bytes",
            (unsigned long long)PEEK(slot->sent_bytes), "waits", (unsigned long long)PEEK(slot->waits), "in_flight",
            PyBool_FromLong(intent != RING_IDLE));
        if (!row || PyList_Append(list, row) < 0) return Py_XDECREF(row), Py_DECREF(list), NULL;
        Py_DECREF(row);
    }
    return list;
}

static PyObject *stat_consumers(const ring_view *view, u64 tail, u64 sequence)
{
    static const char *const seat_text[] = {"free", "joining", "active", "evicted", "group", "member"};
    static const char *const reason_text[] = {"", "dead", "slow"};
    PyObject *list = PyList_New(0);
    u64 now = now_coarse_ns() + (u64)view->clock_offset_ns;
    for (int index = 0; list && index < RING_CONSUMERS; index++) {
        const ring_consumer *slot = &view->memory->consumers[index];
        u32 seat = LOAD(slot->seat), reason = PEEK(slot->reason);
        u64 owner = LOAD(slot->owner), cursor = LOAD(slot->cursor), expected = LOAD(slot->expected), beat = PEEK(slot->heartbeat_ns);
        if (seat == SEAT_FREE || seat > SEAT_MEMBER || reason > REASON_SLOW) continue;
        if (seat == SEAT_MEMBER) cursor = LOAD(slot->claim_start) == RING_IDLE ? tail : LOAD(slot->claim_start), expected = sequence;
        if (seat == SEAT_GROUP) expected = sequence;
        PyObject *row = Py_BuildValue(
            "{s:s,s:k,s:N,s:N,s:s,s:s,s:K,s:K,s:K,s:K,s:K,s:K,s:K,s:K}", "name", slot->name, "pid", (unsigned long)(owner >> 32),
            "alive", PyBool_FromLong(owner && !owner_dead(view, owner)), "reserved", PyBool_FromLong(PEEK(slot->reserved)), "seat",
            seat_text[seat], "reason", reason_text[reason], "lag_bytes", (unsigned long long)(tail - cursor), "lag_records",
            (unsigned long long)(AHEAD(sequence, expected) ? sequence - expected : 0), "received",
            (unsigned long long)PEEK(slot->received), "lost", (unsigned long long)PEEK(slot->lost), "holes",
            (unsigned long long)PEEK(slot->holes), "evictions", (unsigned long long)PEEK(slot->evictions), "heartbeat_age_ns",
            (unsigned long long)(beat && now > beat ? now - beat : 0), "interest", (unsigned long long)PEEK(slot->interest));
        if (!row || PyList_Append(list, row) < 0) return Py_XDECREF(row), Py_DECREF(list), NULL;
        Py_DECREF(row);
    }
    return list;
}

static PyObject *stat_types(const u64 *by_type)
{
    PyObject *types = PyDict_New();
    for (int type = 0; types && type < RING_TYPES; type++) {
        if (!by_type[type]) continue;
        PyObject *key = PyLong_FromLong(type), *count = PyLong_FromUnsignedLongLong(by_type[type]);
        if (!key || !count || PyDict_SetItem(types, key, count) < 0) Py_CLEAR(types);
        Py_XDECREF(key);
        Py_XDECREF(count);
    }
    return types;
}

static PyObject *segment_stat(PyObject *self, PyObject *nothing)
{
    (void)nothing;
    SegmentObject *segment = (SegmentObject *)self;
    if (!usable(segment, true)) return NULL;
    const ring_view *view = &segment->view;
    const ring_identity *identity = &view->memory->identity;
    const ring_registry *registry = &view->memory->registry;
    u64 sequence, by_type[RING_TYPES] = {0}, tail = tail_read(view, &sequence);
    int slowest;
    u64 used = tail - oldest_needed(view, &slowest);
    PyObject *producers = stat_producers(view, by_type), *consumers = stat_consumers(view, tail, sequence);
    PyObject *types = stat_types(by_type);
    if (!producers || !consumers || !types) return Py_XDECREF(producers), Py_XDECREF(consumers), Py_XDECREF(types), NULL;
    static const char *const guarantee_text[] = {"lossy", "ordered", "durable"};
    return Py_BuildValue(
        "{s:s,s:s,s:N,s:K,s:K,s:K,s:K,s:K,s:K,s:k,s:N,s:K,s:K,s:L,s:N,s:N,s:N}", "name", identity->topic, "guarantee",
        guarantee_text[view->guarantee % 3], "open", PyBool_FromLong(state_of(view) == RING_OK), "capacity",
        (unsigned long long)view->capacity, "used", (unsigned long long)used, "head", (unsigned long long)sequence, "position",
        (unsigned long long)tail, "holes", (unsigned long long)PEEK(registry->holes), "evicted",
        (unsigned long long)PEEK(registry->evicted), "creator", (unsigned long)(identity->creator >> 32), "creator_alive",
        PyBool_FromLong(!owner_dead(view, identity->creator)), "record_max", (unsigned long long)view->record_max, "deadline_ns",
        (unsigned long long)identity->deadline_ns, "clock_offset_ns", (long long)identity->clock_offset_ns, "producers", producers,
        "consumers", consumers, "types", types);
}

static PyMethodDef segment_methods[] = {
    {"reserve", segment_reserve, METH_VARARGS, "Keep a seat for a consumer that has not come yet."},
    {"repair", segment_repair, METH_VARARGS, "Repair after dead processes: (producers repaired, consumers evicted)."},
    {"shut", segment_shut, METH_NOARGS, "Close the ring for everybody."},
    {"adopt", segment_adopt, METH_NOARGS, "Become the process that answers for this segment."},
    {"stat", segment_stat, METH_NOARGS, "Return everything `ring stat` prints."},
    {NULL, NULL, 0, NULL},
};

static PyType_Slot segment_slots[] = {
    {Py_tp_dealloc, segment_dealloc},
    {Py_tp_methods, segment_methods},
    {Py_tp_doc, "The mapping of one ring."},
    {0, NULL},
};

static PyType_Spec segment_spec = {
    "sniperforge.shm._ring.Segment", sizeof(SegmentObject), 0, Py_TPFLAGS_DEFAULT | Py_TPFLAGS_DISALLOW_INSTANTIATION, segment_slots,
};

#endif
