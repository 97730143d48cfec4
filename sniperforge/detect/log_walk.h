/* The ordinary logsNotification as steps: what logs.py tells, for the one spelling validators send.
 *
 *   read_logs(frame, programs, Step) -> (signature, slot, steps) | None
 *
 * No escape, no byte above 0x7e, no error, no cut, nothing that contradicts itself. Anything else is
 * None, and inputs.py and logs.py decide: the rules of attribution live there, and what is told here
 * is what they would have told, call for call.
 */
#ifndef SNIPERFORGE_DETECT_LOG_WALK_H
#define SNIPERFORGE_DETECT_LOG_WALK_H

#include "text.h"

/* As in logs.py. */
#define DEPTH_MAX 16
#define LINES_MAX 20000
/* A transaction lists 64 accounts at most, and five of them are programs; more are left to Python. */
#define PROGRAMS_MAX 64
/* Calls with something to tell, and those above them; a transaction may make 64 in all. */
#define ROWS_MAX 128
#define KEY_LETTERS_MIN 32
#define KEY_LETTERS_MAX 44

typedef struct {
    slice name;
    uint8_t key[32];
    int kept;       /* its texts are told */
    PyObject *told; /* the key as bytes, NULL until a step needs it */
} program;

/* A call there is something to tell of; its two lists are NULL until there is something in them. */
typedef struct {
    program *program, *parent; /* parent: NULL for an outer one */
    int depth, index;
    PyObject *payloads, *texts;
} row;

typedef struct {
    program *program;
    row *told; /* NULL until there is something to tell */
} frame_call;

typedef struct {
    const uint8_t *programs; /* those whose texts are told, 32 bytes each */
    size_t programs_count;
    int depth, outer, seen, rows;
    frame_call stack[DEPTH_MAX];
    program program[PROGRAMS_MAX]; /* in the order they were first called */
    row row[ROWS_MAX];             /* in order of execution */
} walk;

/* What a line or the whole frame turns out to be. */
enum { FAILED = -1, ODD, FINE };

/* Digit of a letter plus one; 0: no letter of that alphabet. Filled when the module is made. */
static uint8_t base58_digit[256], base64_digit[256];

static void fill_digits(void)
{
    static const char BASE58[] = "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz";
    static const char BASE64[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    for (int i = 0; BASE58[i]; i++) base58_digit[(uint8_t)BASE58[i]] = (uint8_t)(i + 1);
    for (int i = 0; BASE64[i]; i++) base64_digit[(uint8_t)BASE64[i]] = (uint8_t)(i + 1);
}

/* The 32 bytes of a key's text, by ten letters (58^10 < 2^59) at a time; 0 when it is none. */
static int read_key(slice text, uint8_t key[32])
{
    if (text.size < KEY_LETTERS_MIN || text.size > KEY_LETTERS_MAX) return 0;
    uint64_t word[4] = {0, 0, 0, 0}; /* the lowest first */
    size_t zeros = 0, zero_bytes = 0;
    while (zeros < text.size && text.at[zeros] == '1') zeros++;
    for (size_t at = 0; at < text.size;) {
        uint64_t piece = 0, factor = 1;
        for (int i = 0; i < 10 && at < text.size; i++, at++) {
            uint8_t digit = base58_digit[(uint8_t)text.at[at]];
            if (!digit) return 0;
            piece = piece * 58 + digit - 1;
            factor *= 58;
        }
        unsigned __int128 carry = piece;
        for (int i = 0; i < 4; i++) {
            carry += (unsigned __int128)word[i] * factor;
            word[i] = (uint64_t)carry;
            carry >>= 64;
        }
        if (carry) return 0;
    }
    for (int i = 0; i < 4; i++) {
        uint64_t whole = word[3 - i];
        for (int j = 7; j >= 0; j--, whole >>= 8) key[8 * i + j] = (uint8_t)whole;
    }
    while (zero_bytes < 32 && !key[zero_bytes]) zero_bytes++;
    return zeros == zero_bytes;
}

/* The bytes of canonical base64; NULL without an error set when it is something else. */
static PyObject *read_base64(slice text)
{
    if (text.size % 4) return NULL;
    size_t padding = 0;
    while (padding < 2 && padding < text.size && text.at[text.size - 1 - padding] == '=') padding++;
    size_t letters = text.size - padding;
    PyObject *out = PyBytes_FromStringAndSize(NULL, (Py_ssize_t)(text.size / 4 * 3 - padding));
    if (!out) return NULL;
    uint8_t *to = (uint8_t *)PyBytes_AS_STRING(out);
    const uint8_t *from = (const uint8_t *)text.at;
    size_t at = 0;
    uint32_t bad = 0;
    for (; at + 4 <= letters; at += 4, to += 3) {
        uint32_t a = base64_digit[from[at]], b = base64_digit[from[at + 1]];
        uint32_t c = base64_digit[from[at + 2]], d = base64_digit[from[at + 3]];
        bad |= !a | !b | !c | !d;
        uint32_t three = (a - 1) << 18 | (b - 1) << 12 | (c - 1) << 6 | (d - 1);
        to[0] = (uint8_t)(three >> 16);
        to[1] = (uint8_t)(three >> 8);
        to[2] = (uint8_t)three;
    }
    uint32_t bits = 0;
    for (size_t i = at; i < letters; i++) {
        uint32_t digit = base64_digit[from[i]];
        bad |= !digit;
        bits = bits << 6 | (digit - 1);
    }
    if (padding == 1) { /* three letters, two bytes and two bits that say nothing */
        to[0] = (uint8_t)(bits >> 10);
        to[1] = (uint8_t)(bits >> 2);
        bad |= bits & 3;
    } else if (padding == 2) {
        to[0] = (uint8_t)(bits >> 4);
        bad |= bits & 15;
    }
    if (!bad) return out;
    Py_DECREF(out);
    return NULL;
}

/* Make the row of every call on the stack without one. */
static int make_rows(walk *w)
{
    for (int i = 0; i < w->depth; i++) {
        if (w->stack[i].told) continue;
        if (w->rows == ROWS_MAX) return ODD;
        row *made = w->stack[i].told = &w->row[w->rows++];
        *made = (row){w->stack[i].program, i ? w->stack[i - 1].program : NULL, i + 1, w->outer, NULL, NULL};
    }
    return FINE;
}

/* Give *item* (stolen) to the program on top: to its texts, or to its payloads. */
static int tell(walk *w, int is_text, PyObject *item)
{
    if (!item) return PyErr_Occurred() ? FAILED : ODD;
    int found = make_rows(w);
    if (found == FINE) {
        row *top = w->stack[w->depth - 1].told;
        PyObject **into = is_text ? &top->texts : &top->payloads;
        if (!*into) *into = PyList_New(0);
        if (!*into || PyList_Append(*into, item)) found = FAILED;
    }
    Py_DECREF(item);
    return found;
}

static int on_payloads(walk *w, slice text)
{
    if (!w->depth) return ODD;
    for (;;) {
        const char *space = text.size ? memchr(text.at, ' ', text.size) : NULL;
        size_t size = space ? (size_t)(space - text.at) : text.size;
        int problem = tell(w, 0, read_base64((slice){text.at, size}));
        if (problem != FINE || !space) return problem;
        text = behind(text, size + 1);
    }
}

/* Whether keys, or their texts, are alike: eight bytes tell nearly all of them apart without a call. */
static int alike(const void *one, const void *other, size_t size)
{
    uint64_t head[2];
    if (size < sizeof *head) return !memcmp(one, other, size);
    memcpy(head, one, sizeof *head);
    memcpy(head + 1, other, sizeof *head);
    return head[0] == head[1] && !memcmp(one, other, size);
}

static int same(slice one, slice other) { return one.size == other.size && alike(one.at, other.at, one.size); }

/* The program of that name; NULL when it is none, or one too many. A name is decoded once a frame. */
static program *program_of(walk *w, slice name)
{
    for (int i = 0; i < w->seen; i++)
        if (same(w->program[i].name, name)) return &w->program[i];
    if (w->seen == PROGRAMS_MAX) return NULL;
    program *made = &w->program[w->seen];
    if (!read_key(name, made->key)) return NULL;
    made->name = name;
    made->told = NULL;
    made->kept = 0;
    for (size_t i = 0; i < w->programs_count; i++) made->kept |= alike(w->programs + 32 * i, made->key, 32);
    w->seen++;
    return made;
}

static int on_invoke(walk *w, slice name, slice number)
{
    int depth = 0;
    if (number.size < 1 || number.size > 2 || number.at[0] == '0') return ODD;
    for (size_t i = 0; i < number.size; i++) {
        if (number.at[i] < '0' || number.at[i] > '9') return ODD;
        depth = depth * 10 + number.at[i] - '0';
    }
    if (depth != w->depth + 1 || depth > DEPTH_MAX) return ODD;
    program *called = program_of(w, name);
    if (!called) return ODD;
    w->stack[w->depth++] = (frame_call){called, NULL};
    w->outer += depth == 1;
    return FINE;
}

/* A key has one text, so the names are compared and not the keys. */
static int on_success(walk *w, slice name)
{
    if (!w->depth || !same(w->stack[w->depth - 1].program->name, name)) return ODD;
    w->depth--;
    return FINE;
}

static int on_line(walk *w, slice line)
{
    if (!starts(line, TEXT("Program ")))
        return !ends(line, TEXT(" units")) && holds(line, TEXT("Log truncated")) ? ODD : FINE;
    slice rest = behind(line, 8);
    if (starts(rest, TEXT("log: "))) {
        if (!w->depth || !w->stack[w->depth - 1].program->kept || ends(line, TEXT(" units"))) return FINE;
        slice text = behind(rest, 5);
        return tell(w, 1, PyUnicode_DecodeASCII(text.at, (Py_ssize_t)text.size, NULL));
    }
    /* Nearly always it is the program on top that ends: its name has no space to look for. */
    if (w->depth && ends(rest, TEXT(" success")) && on_success(w, (slice){rest.at, rest.size - 8}) == FINE) return FINE;
    if (ends(line, TEXT(" units"))) return FINE;
    if (starts(rest, TEXT("data: "))) return on_payloads(w, behind(rest, 6));
    if (starts(rest, TEXT("return: ")))
        return holds(rest, TEXT("]")) || holds(rest, TEXT(" failed: ")) ? ODD : FINE;
    const char *space = rest.size ? memchr(rest.at, ' ', rest.size) : NULL;
    if (!space) return ODD;
    slice name = {rest.at, (size_t)(space - rest.at)}, verb = behind(rest, name.size);
    if (verb.size == 8 && starts(verb, TEXT(" success"))) return on_success(w, name);
    if (starts(verb, TEXT(" invoke [")) && ends(verb, TEXT("]")))
        return on_invoke(w, name, (slice){verb.at + 9, verb.size - 10});
    return ODD;
}

/* Walk the texts of a JSON array without escapes; *rest* is behind its bracket, and after the call behind the other. */
static int on_lines(walk *w, slice *rest)
{
    if (starts(*rest, TEXT("]"))) {
        *rest = behind(*rest, 1);
        return FINE;
    }
    for (int count = 0; count < LINES_MAX; count++) {
        if (!starts(*rest, TEXT("\""))) return ODD;
        slice line = behind(*rest, 1);
        const char *quote = line.size ? memchr(line.at, '"', line.size) : NULL;
        if (!quote) return ODD;
        line.size = (size_t)(quote - line.at);
        *rest = behind(*rest, line.size + 2);
        int found = on_line(w, line);
        if (found != FINE) return found;
        if (!rest->size) return ODD;
        char next = rest->at[0];
        *rest = behind(*rest, 1);
        if (next == ']') return FINE;
        if (next != ',') return ODD;
    }
    return ODD;
}

static int skip(slice *rest, slice word)
{
    if (!starts(*rest, word)) return 0;
    *rest = behind(*rest, word.size);
    return 1;
}

static int skip_number(slice *rest, uint64_t *value)
{
    size_t size = 0;
    *value = 0;
    for (; size < rest->size && size < 19 && rest->at[size] >= '0' && rest->at[size] <= '9'; size++)
        *value = *value * 10 + (uint64_t)(rest->at[size] - '0');
    if (!size || (size > 1 && rest->at[0] == '0')) return 0;
    *rest = behind(*rest, size);
    return 1;
}

static int skip_signature(slice *rest, slice *signature)
{
    size_t size = 0;
    while (size < rest->size && size < 91 && base64_digit[(uint8_t)rest->at[size]] && rest->at[size] != '+' &&
           rest->at[size] != '/')
        size++;
    if (size < 64 || size > 90) return 0;
    *signature = (slice){rest->at, size};
    *rest = behind(*rest, size);
    return 1;
}

/* Whether no byte asks for JSON's or Unicode's rules, and the runtime's words stand at the start of texts only. */
static int is_plain(slice frame)
{
    uint8_t odd = 0;
    for (size_t i = 0; i < frame.size; i++) {
        int8_t letter = (int8_t)frame.at[i]; /* from 0x80 on it is below zero */
        odd |= (uint8_t)(letter < 0x20) | (uint8_t)(letter == 0x7f) | (uint8_t)(letter == '\\');
    }
    if (odd) return 0;
    const char *end = frame.at + frame.size;
    for (const char *mark = find(frame, DATA); mark;) {
        if (mark == frame.at || mark[-1] != '"') return 0;
        mark += DATA.size;
        mark = find((slice){mark, (size_t)(end - mark)}, DATA);
    }
    return 1;
}

/* A list of steps as a tuple, the last one first; none for NULL. */
static PyObject *reversed(PyObject *list)
{
    if (!list) return PyTuple_New(0);
    return PyList_Reverse(list) ? NULL : PyList_AsTuple(list);
}

static PyObject *key_of(program *called)
{
    if (!called->told) called->told = PyBytes_FromStringAndSize((const char *)called->key, 32);
    return Py_XNewRef(called->told);
}

static PyObject *tuple_of(PyObject *list) { return list ? PyList_AsTuple(list) : PyTuple_New(0); }

/* make(program, accounts, data, events, logs, children, index, depth, parent) of a row; what it called is in *below*. */
static PyObject *step_of(const row *told, PyObject *below, PyObject *make)
{
    static const char NOBODY[32];
    PyObject *parent = told->parent ? key_of(told->parent) : PyBytes_FromStringAndSize(NOBODY, 32), *step = NULL;
    PyObject *arguments[9] = {key_of(told->program), PyTuple_New(0), PyBytes_FromStringAndSize(NULL, 0),
                              tuple_of(told->payloads), tuple_of(told->texts), reversed(below),
                              PyLong_FromLong(told->index), PyLong_FromLong(told->depth), parent};
    int missing = 0;
    for (int i = 0; i < 9; i++) missing |= !arguments[i];
    if (!missing) step = PyObject_Vectorcall(make, arguments, 9, NULL);
    for (int i = 0; i < 9; i++) Py_XDECREF(arguments[i]);
    return step;
}

/* The rows as a tree of steps: from the last to the first, each takes what stands one deeper. */
static PyObject *steps_of(walk *w, PyObject *make)
{
    PyObject *below[DEPTH_MAX + 2] = {NULL}, *steps = NULL;
    int left = w->rows;
    for (; left; left--) {
        const row *told = &w->row[left - 1];
        PyObject *step = step_of(told, below[told->depth + 1], make);
        Py_CLEAR(below[told->depth + 1]);
        if (!below[told->depth]) below[told->depth] = PyList_New(0);
        int problem = !step || !below[told->depth] || PyList_Append(below[told->depth], step);
        Py_XDECREF(step);
        if (problem) break;
    }
    if (!left) steps = reversed(below[1]);
    for (int i = 0; i < DEPTH_MAX + 2; i++) Py_XDECREF(below[i]);
    return steps;
}

static void drop(walk *w)
{
    for (int i = 0; i < w->seen; i++) Py_XDECREF(w->program[i].told);
    for (int i = 0; i < w->rows; i++) {
        Py_XDECREF(w->row[i].payloads);
        Py_XDECREF(w->row[i].texts);
    }
}

static PyObject *native_read_logs(PyObject *self, PyObject *const *arguments, Py_ssize_t count)
{
    (void)self;
    if (count != 3 || !PyBytes_Check(arguments[0]) || !PyBytes_Check(arguments[1]) ||
        PyBytes_GET_SIZE(arguments[1]) % 32) {
        PyErr_SetString(PyExc_TypeError, "read_logs takes a frame, the programs' ids in one row of bytes, and Step");
        return NULL;
    }
    slice rest = {PyBytes_AS_STRING(arguments[0]), (size_t)PyBytes_GET_SIZE(arguments[0])}, signature;
    uint64_t slot, subscription;
    if (!starts(rest, NOTIFICATION) || !is_plain(rest) || !skip(&rest, NOTIFICATION) ||
        !skip(&rest, TEXT(",\"params\":{\"result\":{\"context\":{\"slot\":")) ||
        !skip_number(&rest, &slot) || !skip(&rest, TEXT("},\"value\":{\"signature\":\"")) ||
        !skip_signature(&rest, &signature) || !skip(&rest, TEXT("\",\"err\":null,\"logs\":[")))
        Py_RETURN_NONE;
    walk w; /* its three arrays are filled as they are used */
    w.programs = (const uint8_t *)PyBytes_AS_STRING(arguments[1]);
    w.programs_count = (size_t)PyBytes_GET_SIZE(arguments[1]) / 32;
    w.depth = w.seen = w.rows = 0;
    w.outer = -1;
    int found = on_lines(&w, &rest);
    if (found == FINE && (w.depth || !skip(&rest, TEXT("}},\"subscription\":"))))
        found = ODD;
    if (found == FINE && (!skip_number(&rest, &subscription) || rest.size != 2 || !starts(rest, TEXT("}}")))) found = ODD;
    PyObject *steps = found == FINE ? steps_of(&w, arguments[2]) : NULL;
    drop(&w);
    if (steps)
        return Py_BuildValue("(s#KN)", signature.at, (Py_ssize_t)signature.size, (unsigned long long)slot, steps);
    if (PyErr_Occurred()) return NULL;
    Py_RETURN_NONE;
}

#endif
