/* Writing: gate, claim, fill, commit, wake.
 *
 *   intent = position      before the claim, so that a claim without an owner cannot be
 *   claim  = CAS on tail   position, sequence and epoch of joins in one word pair
 *   fill                   header and payload
 *   stamp  = commit        a record behind padding is stamped first, the padding last:
 *                          whoever sees the stamp at the claimed position sees all of it
 *   intent = idle
 *
 * Producers wait for the slowest consumer (ORDERED) and always for producers in
 * flight: without the second a lapped producer would write into a newer record.
 */
#ifndef SNIPERFORGE_RING_PUBLISH_H
#define SNIPERFORGE_RING_PUBLISH_H

#include "sync.h"

typedef struct {
    ring_producer *slot;
    u32 index;
    u64 gate, soft; /* claims may reach gate; past soft the gate is looked at again */
    u64 epoch;
    bool gate_known;
} ring_writer;

typedef struct {
    u64 position, sequence;
    u32 pad, span;
} ring_claim;

typedef struct {
    u16 type, flags;
    u64 key, origin_ns, trace_id;
} ring_label;

static inline u32 span_of(u64 length) { return (u32)((RING_HEADER + length + RING_ALIGN - 1) & ~(u64)(RING_ALIGN - 1)); }

/* ── waking ────────────────────────────────────────────────────────────── */

static inline void bell_path(const ring_view *view, u32 slot, char *path, size_t size)
{
    snprintf(path, size, "%s.%u", view->bell_prefix, slot);
}

/* Write one byte into the FIFO of a consumer that armed it; a reader that is gone costs one failed open. */
static inline void bell_ring(ring_view *view, u32 slot)
{
    u32 generation = LOAD(view->memory->consumers[slot].bell);
    if (view->bell_fd[slot] < 0 || view->bell_seen[slot] != generation) {
        char path[192];
        struct stat found;
        if (view->bell_fd[slot] >= 0) close(view->bell_fd[slot]);
        bell_path(view, slot, path, sizeof path);
        int fd = open(path, O_WRONLY | O_NONBLOCK | O_CLOEXEC | O_NOFOLLOW);
        if (fd >= 0 && (fstat(fd, &found) != 0 || !S_ISFIFO(found.st_mode) || found.st_uid != geteuid())) {
            close(fd);
            fd = -1;
        }
        view->bell_fd[slot] = fd;
        view->bell_seen[slot] = generation;
    }
    if (view->bell_fd[slot] >= 0 && write(view->bell_fd[slot], "!", 1) < 0 && errno == EPIPE) {
        close(view->bell_fd[slot]);
        view->bell_fd[slot] = -1;
    }
}

static inline void wake_these(ring_view *view, u64 wanted, u32 futex_mask)
{
    ring_sleepers *sleepers = &view->memory->sleepers;
    u64 asleep = PEEK(sleepers->asleep) & wanted, armed = PEEK(sleepers->armed) & wanted;
    if (asleep) {
        /* Bits are cleared by the waker: a burst of records costs one system call, not one each.
         * First the bits, then the word: a consumer that reads the word and then still finds its
         * bit will see the word change (tests/model/wake.pml). */
        u64 were = atomic_fetch_and(&sleepers->asleep, ~asleep);
        HOOK(HOOK_BEFORE_WAKE);
        atomic_fetch_add(&sleepers->word, 1);
        if (were & asleep) futex_wake(&sleepers->word, futex_mask);
    }
    if (armed) {
        u64 were = atomic_fetch_and(&sleepers->armed, ~armed);
        FOR_BITS(slot, were & armed) bell_ring(view, (u32)slot);
    }
}

/* SYNC POINT wake-consumer: the stamp is visible before we look who sleeps.
 * Pairs with the read-modify-write of `asleep`/`armed` in reader_sleeps: either
 * the consumer sees the record, or we see the consumer. */
static inline void wake_consumers(ring_view *view, u32 type)
{
    atomic_thread_fence(memory_order_seq_cst);
    ring_sleepers *sleepers = &view->memory->sleepers;
    if (!(PEEK(sleepers->asleep) | PEEK(sleepers->armed))) return;
    u64 wanted = LOAD(view->memory->interested[type % RING_TYPES]);
    if ((PEEK(sleepers->asleep) | PEEK(sleepers->armed)) & wanted) wake_these(view, wanted, 1u << (type % 32));
}

static inline void wake_everybody(ring_view *view)
{
    atomic_thread_fence(memory_order_seq_cst);
    wake_these(view, ~0ull, ~0u);
}

/* What a waiting producer wants free before it is woken: room for one record would have it sleep again at once. */
#define ROOM_WORTH_WAKING(capacity) ((capacity) / 8)

static inline void wake_producers(ring_view *view)
{
    /* SYNC POINT wake-producer: the cursor is visible before we look who waits.
     * Pairs with the read-modify-write of `waiting` in writer_sleeps. */
    atomic_thread_fence(memory_order_seq_cst);
    ring_gated *gated = &view->memory->gated;
    if (!PEEK(gated->waiting)) return;
    u64 were = atomic_exchange(&gated->waiting, 0);
    atomic_fetch_add(&gated->word, 1);
    if (were) futex_wake(&gated->word, ~0u);
}

/* The same by a consumer that came to `cursor`: not before it has freed enough. What is enough is never
 * beyond the tail, so a consumer that takes all there is wakes them; and they look themselves every 20 ms. */
static inline void wake_producers_at(ring_view *view, u64 cursor)
{
    atomic_thread_fence(memory_order_seq_cst);
    ring_gated *gated = &view->memory->gated;
    if (LOAD(gated->waiting) && !AHEAD(PEEK(gated->enough), cursor)) wake_producers(view);
}

/* ── gate ──────────────────────────────────────────────────────────────── */

/* Where a consumer seat holds the ring back, or `otherwise` when it does not. */
static inline u64 seat_gate(const ring_consumer *seat, u64 otherwise)
{
    switch (LOAD(seat->seat)) {
    case SEAT_JOINING:
    case SEAT_ACTIVE:
    case SEAT_GROUP:
        return LOAD(seat->cursor);
    case SEAT_MEMBER: {
        u64 start = LOAD(seat->claim_start);
        return start == RING_IDLE ? otherwise : start;
    }
    default:
        return otherwise;
    }
}

/* Return the first position that must not be overwritten; `slowest` gets the seat that holds it, or -1. */
static inline u64 oldest_needed(const ring_view *view, int *slowest)
{
    ring_memory *memory = view->memory;
    /* SYNC POINT gate: tail before intents and cursors. A claim made after this
     * load starts at or behind `tail`, so what the scan misses cannot be older.
     * The same for a group: its cursor is looked at before its members' shares. */
    u64 tail = LOAD(memory->tail.position), oldest = tail;
    *slowest = -1;
    if (view->ordered) {
        u64 gating = LOAD(memory->registry.gating), members = 0;
        FOR_BITS(slot, gating)
        {
            if (LOAD(memory->consumers[slot].seat) == SEAT_MEMBER) {
                members |= 1ull << slot;
                continue;
            }
            u64 at = seat_gate(&memory->consumers[slot], tail);
            if (AHEAD(oldest, at)) oldest = at, *slowest = (int)slot;
        }
        FOR_BITS(member, members)
        {
            u64 at = seat_gate(&memory->consumers[member], tail);
            if (AHEAD(oldest, at)) oldest = at, *slowest = (int)member;
        }
    }
#ifndef RING_MUTATION_NO_INFLIGHT
    FOR_BITS(writer, LOAD(memory->registry.producing))
    {
        u64 at = LOAD(memory->producers[writer].intent);
        if (at != RING_IDLE && AHEAD(oldest, at)) oldest = at, *slowest = -2 - (int)writer;
    }
#endif
    return oldest;
}

static inline void look_at_gate(ring_view *view, ring_writer *writer)
{
    int slowest;
    /* The epoch first: a consumer that joins behind the tail changes it, so this gate dies with it. */
    u64 epoch = LOAD(view->memory->tail.ticket) & 0xffff;
    u64 oldest = oldest_needed(view, &slowest);
    writer->gate = oldest + view->capacity;
    writer->epoch = epoch;
    writer->gate_known = true;
    /* Late, but not at every record: each look fetches lines that the consumers write. */
    u64 tail = PEEK(view->memory->tail.position), late = writer->gate - view->capacity / 4, next = tail + view->capacity / 16;
    writer->soft = AHEAD(late, next) ? late : AHEAD(next, writer->gate) ? writer->gate : next;
    /* Sleepers whose interest we pass by still hold us back: nudge them at half a ring, not when it is full. */
    if (view->ordered && tail - oldest > view->capacity / 2 && LOAD(view->memory->sleepers.asleep))
        wake_everybody(view);
}

/* ── claim and commit ──────────────────────────────────────────────────── */

static inline int writer_claims(ring_view *view, ring_writer *writer, u32 span, ring_claim *claim)
{
    ring_tail *tail = &view->memory->tail;
    ring_producer *slot = writer->slot;
    bool looked = false;
    POKE(slot->intent_span, span);
    for (;;) {
        /* A torn pair of loads is refused by the compare-and-swap. */
        u64 ticket = LOAD(tail->ticket), position = LOAD(tail->position);
        u64 index = position & view->mask;
        u64 pad = index + span > view->capacity ? view->capacity - index : 0, end = position + pad + span;
        bool stale = !writer->gate_known || writer->epoch != (ticket & 0xffff);
        if (stale || (!looked && AHEAD(end, writer->soft))) {
            look_at_gate(view, writer);
            looked = !stale;
            continue;
        }
        if (AHEAD(end, writer->gate)) {
            STORE(slot->intent, RING_IDLE);
            return RING_FULL;
        }
#ifndef RING_MUTATION_CLAIM_FIRST
        /* SYNC POINT intent: seen by whoever sees the claim. Pairs with `gate` and the reaper. */
        STORE(slot->intent, position);
#endif
        HOOK(HOOK_INTENT_STORED);
        if (tail_claim(tail, position, ticket, end, ticket + 0x10000)) {
#ifdef RING_MUTATION_CLAIM_FIRST
            HOOK(HOOK_CLAIMED);
            STORE(slot->intent, position);
#endif
            *claim = (ring_claim){position, ticket >> 16, (u32)pad, span};
            break;
        }
    }
    HOOK(HOOK_CLAIMED);
    /* SYNC POINT overwrite: the claim is visible before any byte it overwrites.
     * Pairs with the acquire fence of still_there in a reader. */
    atomic_thread_fence(memory_order_release);
    return RING_OK;
}

static inline void put_padding(ring_view *view, u64 position, u32 span, u16 kind, u16 producer)
{
    ring_record *record = record_at(view, position);
    record->span = span;
    record->kind = kind;
    record->producer = producer;
}

static inline void copy_in(unsigned char *to, const void *from, size_t length)
{
#ifdef RING_HOOKS
    memcpy(to, from, length / 2);
    HOOK(HOOK_COPYING);
    memcpy(to + length / 2, (const char *)from + length / 2, length - length / 2);
#else
    memcpy(to, from, length);
#endif
}

static inline void writer_fills(ring_view *view, ring_writer *writer, const ring_claim *claim, const ring_label *label,
                                const void *payload, u32 length)
{
    u64 position = claim->position + claim->pad;
    ring_record *record = record_at(view, position);
    record->span = claim->span;
    record->kind = KIND_DATA;
    record->producer = (u16)writer->index;
    record->length = length;
    record->type = label->type;
    record->flags = label->flags;
    record->sequence = claim->sequence;
    record->key = label->key;
    record->origin_ns = label->origin_ns;
    record->trace_id = label->trace_id;
    copy_in((unsigned char *)record + RING_HEADER, payload, length);
    record->publish_ns = now_monotonic_ns() + (u64)view->clock_offset_ns;
    HOOK(HOOK_COPIED);
    if (claim->pad) put_padding(view, claim->position, claim->pad, KIND_PAD, (u16)writer->index);
    /* SYNC POINT commit: the record before its stamp. Pairs with the acquire in reader_looks. */
    STORE(record->stamp, stamp_of(view, position));
    if (claim->pad) {
        HOOK(HOOK_BETWEEN_STAMPS);
        STORE(record_at(view, claim->position)->stamp, stamp_of(view, claim->position));
    }
}

static inline void writer_done(ring_view *view, ring_writer *writer, const ring_claim *claim, u16 type, u32 length)
{
    u64 part = view->capacity / RING_CHECKPOINTS;
    u64 end = claim->position + claim->pad + claim->span;
    HOOK(HOOK_COMMITTED);
    if ((claim->position & ~(part - 1)) != (end & ~(part - 1)))
        POKE(view->memory->checkpoints[(claim->position / part) % RING_CHECKPOINTS], claim->position);
    ADD_OWN(writer->slot->sent, 1);
    ADD_OWN(writer->slot->sent_bytes, length);
    ADD_OWN(writer->slot->by_type[type % RING_TYPES], 1);
    STORE(writer->slot->intent, RING_IDLE);
}

/* Publish one record without waiting; `wake` is false inside a batch.
 * A counter of `sent` and the stamp are two stores: `intent` still set tells the
 * reaper to look whether the last one was counted. */
static inline int ring_publish(ring_view *view, ring_writer *writer, const ring_label *label, const void *payload, u32 length,
                               bool wake, u64 *sequence)
{
    ring_claim claim;
    int result = writer_claims(view, writer, span_of(length), &claim);
    if (result != RING_OK) return result;
#ifdef RING_MUTATION_NO_FENCE
    /* What a processor may do without the fence in wake_consumers: look who sleeps before the stamp is out. */
    wake = wake && (PEEK(view->memory->sleepers.asleep) | PEEK(view->memory->sleepers.armed));
#endif
    writer_fills(view, writer, &claim, label, payload, length);
    writer_done(view, writer, &claim, label->type, length);
    if (wake) wake_consumers(view, label->type);
    /* The next record's lines were last read by a consumer: fetch them back while the caller makes that record.
     * Measured with a consumer close behind: 6 to 13 % more records a second. */
    u64 next = claim.position + claim.pad + claim.span;
    for (u32 line = 0; line < claim.span; line += 64) __builtin_prefetch(view->data + ((next + line) & view->mask), 1);
    *sequence = claim.sequence;
    return RING_OK;
}

#endif
