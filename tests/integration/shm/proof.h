/* What the proofs share: a segment in a temporary file, messages that carry their own checksum, hooks. */
#ifndef PROOF_H
#define PROOF_H

#include "group.h"
#include "segment.h"

#include <sched.h>
#include <stdarg.h>
#include <sys/prctl.h>
#include <sys/wait.h>

#define PRODUCERS_WATCHED 64

typedef struct {
    u64 author, number, check;
    unsigned char filler[];
} message;

static _Noreturn void failed(const char *format, ...)
{
    va_list list;
    va_start(list, format);
    printf("FAILED: ");
    vprintf(format, list);
    printf("\n");
    fflush(stdout);
    _exit(1);
}

static inline u64 mixed(u64 value)
{
    value ^= value >> 33;
    value *= 0xff51afd7ed558ccdull;
    value ^= value >> 33;
    value *= 0xc4ceb9fe1a85ec53ull;
    return value ^ value >> 33;
}

static inline u32 random_next(u64 *state)
{
    *state = *state * 6364136223846793005ull + 1442695040888963407ull;
    return (u32)(*state >> 33);
}

static u64 check_of(const message *m, u32 length)
{
    u64 sum = mixed(m->author) ^ mixed(m->number + 77) ^ length;
    for (u32 index = 0; index < length - sizeof *m; index++) sum = mixed(sum + m->filler[index]);
    return sum;
}

static u32 message_filled(message *m, u64 author, u64 number, u64 *random)
{
    u32 length = (u32)sizeof *m + random_next(random) % 700;
    m->author = author;
    m->number = number;
    for (u32 index = 0; index < length - sizeof *m; index++) m->filler[index] = (unsigned char)random_next(random);
    m->check = check_of(m, length);
    return length;
}

static int proof_fd(size_t capacity)
{
    char path[] = "/dev/shm/sf-proof-XXXXXX";
    int fd = mkstemp(path);
    if (fd < 0) failed("no segment: %s", strerror(errno));
    unlink(path);
    if (posix_fallocate(fd, 0, (off_t)(RING_SIZE(capacity))) != 0) failed("no room for a segment");
    return fd;
}

static void proof_create(ring_view *view, int fd, u64 capacity, u32 guarantee, u64 start)
{
    ring_settings settings = {.capacity = capacity, .secret = 0x9e3779b97f4a7c15ull, .start = start, .guarantee = guarantee, .topic = "proof"};
    if (view_mapped(view, fd, RING_SIZE(capacity)) != 0) failed("not mapped");
    segment_formatted(view, &settings);
    view_filled(view);
    view->liveness = true;
}

static void proof_attach(ring_view *view, int fd, u64 capacity)
{
    if (view_mapped(view, fd, RING_SIZE(capacity)) != 0) failed("not mapped");
    view_filled(view);
    view->liveness = true;
}

/* Publish as a producer does that may wait: repair what the dead left, then evict them. */
static void publish_surely(ring_view *view, ring_writer *writer, const void *bytes, u32 length)
{
    ring_label label = {.type = 1};
    u64 sequence, since = now_monotonic_ns();
    int evicted;
    while (ring_publish(view, writer, &label, bytes, length, true, &sequence) != RING_OK) {
        writer_sleeps(view, writer, span_of(length), now_monotonic_ns() + 2000000u);
        u64 waited = now_monotonic_ns() - since;
        if (waited > 5000000u) ring_repair(view, waited > 200000000u, &evicted);
        if (waited > 8000000000u) failed("producer hung: no room for 8 s");
    }
}

/* Read one message into `copy`; 0 when there is nothing. Void copies of a lossy ring are read again. */
static u32 read_message(ring_view *view, ring_reader *reader, message *copy, int *result)
{
    ring_record *found;
    for (;;) {
        *result = reader_looks(view, reader, &found);
        if (*result != RING_OK) return 0;
        u32 length = found->length, span = found->span;
        if (length <= 4096) memcpy(copy, (unsigned char *)found + RING_HEADER, length);
        if (!still_there(view, reader)) continue;
        if (length < sizeof *copy || length > 4096) failed("torn length %u", length);
        if (copy->check != check_of(copy, length)) failed("torn record of author %llu", (unsigned long long)copy->author);
        reader_passes(reader, span);
        return length;
    }
}

#endif
