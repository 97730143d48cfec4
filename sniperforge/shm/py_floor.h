/* The floor under every blocking transport: a bare futex wake between two processes, in C.
 *
 * Words of a counters segment: 0 futex, 1 stamp, 2 number of the message.
 */
#ifndef SNIPERFORGE_RING_PY_FLOOR_H
#define SNIPERFORGE_RING_PY_FLOOR_H

static WordsObject *floor_words(PyObject *args, const char *format, unsigned long long *first, unsigned long long *second)
{
    WordsObject *words;
    if (!PyArg_ParseTuple(args, format, WordsType, &words, first, second)) return NULL;
    if (words->count >= 3) return words;
    PyErr_SetString(PyExc_ValueError, "three words are needed");
    return NULL;
}

/* floor_send(words, count, interval_ns): stamp, store, wake; paced by an absolute schedule. */
static PyObject *floor_send(PyObject *module, PyObject *args)
{
    (void)module;
    unsigned long long count, interval;
    WordsObject *words = floor_words(args, "O!KK", &count, &interval);
    if (!words) return NULL;
    au32 *futex = (au32 *)(void *)words->words;
    Py_BEGIN_ALLOW_THREADS
    u64 due = now_monotonic_ns();
    for (u64 number = 1; number <= count; number++) {
        due += interval;
        u64 rest = due - 90000u;
        struct timespec until = {(time_t)(rest / 1000000000u), (long)(rest % 1000000000u)};
        while (clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &until, NULL) == EINTR) continue;
        while (now_monotonic_ns() < due) cpu_relax();
        POKE(words->words[1], now_monotonic_ns());
        STORE(words->words[2], number);
        atomic_fetch_add(futex, 1);
        futex_wake(futex, ~0u);
    }
    Py_END_ALLOW_THREADS
    Py_RETURN_NONE;
}

/* floor_receive(words, count, limit_ns) -> nanoseconds of each wake that was seen. */
static PyObject *floor_receive(PyObject *module, PyObject *args)
{
    (void)module;
    unsigned long long count, limit;
    WordsObject *words = floor_words(args, "O!KK", &count, &limit);
    PyObject *list = words ? PyList_New(0) : NULL;
    if (!list) return NULL;
    au32 *futex = (au32 *)(void *)words->words;
    u64 seen = 0, until = now_monotonic_ns() + limit;
    while (seen < count && now_monotonic_ns() < until) {
        u64 number, age = 0;
        Py_BEGIN_ALLOW_THREADS
        u32 word = LOAD(*futex);
        if (LOAD(words->words[2]) == seen) futex_wait(futex, word, now_monotonic_ns() + 100000000u, ~0u);
        age = now_monotonic_ns() - PEEK(words->words[1]);
        number = LOAD(words->words[2]);
        Py_END_ALLOW_THREADS
        if (PyErr_CheckSignals() < 0) return Py_DECREF(list), NULL;
        if (number == seen) continue;
        seen = number;
        PyObject *nanos = PyLong_FromUnsignedLongLong(age);
        if (!nanos || PyList_Append(list, nanos) < 0) return Py_XDECREF(nanos), Py_DECREF(list), NULL;
        Py_DECREF(nanos);
    }
    return list;
}

#endif
