/* Reading: look, copy, check that it was still there, acknowledge; sleep without losing a wake.
 *
 * A reader keeps its own position; `cursor` in the segment follows at each commit.
 * ORDERED: the cursor holds producers back, so a record cannot change under a reader,
 * unless the reader was evicted. LOSSY: it can change at any time, so a copy counts
 * only when, after it was made, the tail had not passed it by a whole ring.
 */
#ifndef SNIPERFORGE_RING_CONSUME_H
#define SNIPERFORGE_RING_CONSUME_H

#include "publish.h"

typedef struct {
    ring_consumer *slot;
    u32 index;
    u64 position, expected; /* next record to look at, and the sequence it should have */
    u64 skip_before;        /* sequences below are passed over (a start in mid-ring) */
    u64 interest;
    u64 end;                /* a group's member reads its share only: up to here */
    bool known;             /* expected is exact: a gap is a loss */
    bool member, adopted;
    bool observer;          /* looks on: holds nobody back, and may be lapped even on an ORDERED ring */
    u64 stalled_ns;
} ring_reader;

static inline bool holds_back(const ring_view *view, const ring_reader *reader) { return view->ordered && !reader->observer; }

static inline u64 tail_read(const ring_view *view, u64 *sequence)
{
    const ring_tail *tail = &view->memory->tail;
    for (;;) {
        u64 before = LOAD(tail->ticket), position = LOAD(tail->position);
        atomic_thread_fence(memory_order_acquire);
        if (PEEK(tail->ticket) >> 16 == before >> 16) {
            *sequence = before >> 16;
            return position;
        }
        cpu_relax();
    }
}

/* SYNC POINT overwrite: what was read before is checked now. Pairs with the
 * release fence after a claim: who read an overwritten byte sees the claim. */
static inline bool still_there(const ring_view *view, const ring_reader *reader)
{
    atomic_thread_fence(memory_order_acquire);
    if (holds_back(view, reader)) {
        u32 seat = PEEK(reader->slot->seat);
        return seat == SEAT_ACTIVE || seat == SEAT_MEMBER;
    }
    return PEEK(view->memory->tail.position) - reader->position <= view->capacity;
}

/* Return the oldest record boundary still in the ring, at most `reach` bytes behind `tail`. */
static inline u64 oldest_boundary(const ring_view *view, u64 tail, u64 reach, bool in_flight)
{
    const ring_memory *memory = view->memory;
    u64 best = tail;
#define CONSIDER(candidate)                                                                                            \
    do {                                                                                                               \
        u64 at_ = (candidate);                                                                                         \
        if (tail - at_ <= reach && tail - at_ > tail - best) best = at_;                                               \
    } while (0)
    CONSIDER(memory->identity.start);
    for (int part = 0; part < RING_CHECKPOINTS; part++) {
        u64 at = LOAD(memory->checkpoints[part]);
        /* A hint, read without order: its stamp proves it. */
        if (at % RING_ALIGN == 0 && LOAD(record_at(view, at)->stamp) == stamp_of(view, at)) CONSIDER(at);
    }
    if (in_flight)
        FOR_BITS(writer, LOAD(memory->registry.producing))
        {
            u64 at = LOAD(memory->producers[writer].intent);
            if (at != RING_IDLE) CONSIDER(at);
        }
#undef CONSIDER
    return best;
}

/* The writers lapped us: go on half a ring behind them, not at the end, and let sequences tell the loss. */
static inline void reader_lapped(const ring_view *view, ring_reader *reader)
{
    u64 sequence, tail = tail_read(view, &sequence);
    u64 at = oldest_boundary(view, tail, view->capacity / 2, false);
    reader->position = at;
    if (at != tail) return;
    if (AHEAD(sequence, reader->expected) && reader->known) ADD_OWN(reader->slot->lost, sequence - reader->expected);
    reader->expected = sequence;
    reader->known = true;
}

static inline bool plausible(const ring_view *view, u64 position, u32 span, u16 kind, u32 length)
{
    if (span < RING_ALIGN || span % RING_ALIGN || span > view->capacity - (position & view->mask)) return false;
    if (kind == KIND_DATA) return span >= RING_HEADER && length <= span - RING_HEADER;
    return kind == KIND_PAD || kind == KIND_HOLE;
}

static inline int state_of(const ring_view *view)
{
    u32 state = LOAD(view->memory->identity.state);
    if (state == STATE_OPEN) return RING_OK;
    return state == STATE_CLOSED && !view->broken ? RING_CLOSED : RING_BROKEN;
}

/* What an absent stamp means: nothing yet, lapped (lossy), evicted, closed, or broken. */
static inline int nothing_there(const ring_view *view, ring_reader *reader)
{
    u64 behind = LOAD(view->memory->tail.position) - reader->position;
    if (holds_back(view, reader) && !still_there(view, reader)) return RING_EVICTED;
    if (behind > view->capacity) {
        if (holds_back(view, reader)) return RING_BROKEN;
        reader_lapped(view, reader);
        return RING_OK;
    }
    if (behind) return RING_EMPTY; /* claimed, not committed */
    int state = state_of(view);
    return state == RING_OK ? RING_EMPTY : state;
}

static inline bool held_by_recorder(const ring_view *view, const ring_reader *reader)
{
    u64 durable = PEEK(view->memory->registry.durable);
    if (!durable || durable == reader->index + 1u) return false;
    /* SYNC POINT recorded: what lies before the recorder's cursor is on disk. */
    return !AHEAD(LOAD(view->memory->consumers[durable - 1].cursor), reader->position);
}

/* Find the next record this reader wants; RING_OK puts it in `found`, the position stays on it. */
static inline int reader_looks(const ring_view *view, ring_reader *reader, ring_record **found)
{
    for (u32 passed = 0; passed < 65536; passed++) {
        if (reader->member && reader->position == reader->end) return RING_EMPTY;
        if (view->guarantee == GUARANTEE_DURABLE && held_by_recorder(view, reader)) {
            int state = state_of(view);
            return state != RING_OK ? state : RING_EMPTY;
        }
        ring_record *record = record_at(view, reader->position);
        /* SYNC POINT commit: the stamp before the record. Pairs with the release in writer_fills. */
        if (LOAD(record->stamp) != stamp_of(view, reader->position)) {
            int result = nothing_there(view, reader);
            if (result != RING_OK) return result;
            continue;
        }
        u32 span = record->span, length = record->length;
        u16 kind = record->kind, type = record->type;
        u64 sequence = record->sequence;
        if (!still_there(view, reader)) {
            if (holds_back(view, reader)) return RING_EVICTED;
            reader_lapped(view, reader);
            continue;
        }
        if (!plausible(view, reader->position, span, kind, length)) return RING_BROKEN;
        if (kind == KIND_DATA) {
            if (sequence != reader->expected && reader->known && AHEAD(sequence, reader->expected) &&
                !AHEAD(reader->skip_before, sequence))
                ADD_OWN(reader->slot->lost, sequence - reader->expected);
            reader->known = true;
            reader->expected = sequence;
            if ((reader->interest >> (type % RING_TYPES) & 1) && !AHEAD(reader->skip_before, sequence)) {
                *found = record;
                return RING_OK;
            }
            reader->expected = sequence + 1;
        } else if (kind == KIND_HOLE) {
            ADD_OWN(reader->slot->holes, 1);
            reader->expected++;
        }
        reader->position += span;
    }
    return RING_EMPTY;
}

static inline void reader_passes(ring_reader *reader, u32 span)
{
    reader->position += span;
    reader->expected++;
}

/* Acknowledge all that was read: the records may be overwritten from here on. */
static inline void reader_commits(ring_view *view, ring_reader *reader)
{
    ring_consumer *slot = reader->slot;
    if (PEEK(slot->cursor) == reader->position) return;
    STORE(slot->expected, reader->expected);
    HOOK(HOOK_DRAINED);
    STORE(slot->cursor, reader->position);
    HOOK(HOOK_ACKNOWLEDGED);
    if (holds_back(view, reader)) wake_producers_at(view, reader->position);
    if (view->guarantee == GUARANTEE_DURABLE && PEEK(view->memory->registry.durable) == reader->index + 1u)
        wake_everybody(view);
}

/* True when looking again is worth it; changes nothing, so it may run without the GIL. */
static inline bool reader_should_look(const ring_view *view, const ring_reader *reader, u64 position)
{
    if (LOAD(view->memory->identity.state) != STATE_OPEN) return true;
    if (holds_back(view, reader) && !still_there(view, reader)) return true;
    if (view->guarantee == GUARANTEE_DURABLE && held_by_recorder(view, reader)) return false;
    if (LOAD(record_at(view, position)->stamp) == stamp_of(view, position)) return true;
    return LOAD(view->memory->tail.position) - position > view->capacity;
}

static inline u32 wake_mask(u64 interest)
{
    u32 mask = (u32)interest | (u32)(interest >> 32);
    return mask ? mask : 1u;
}

/* SYNC POINT wake-consumer: our bit is set before we look again. Pairs with wake_consumers. */
static inline int reader_sleeps(const ring_view *view, const ring_reader *reader, u64 position, u64 until_ns)
{
    ring_sleepers *sleepers = &view->memory->sleepers;
    u64 bit = 1ull << reader->index;
    int result = 0;
    atomic_fetch_or(&sleepers->asleep, bit);
    u32 seen = atomic_load(&sleepers->word);
    /* A waker that is late for our last sleep may have taken the bit of this one: look at it after the word. */
    if (!reader_should_look(view, reader, position) && (atomic_load(&sleepers->asleep) & bit))
        result = futex_wait(&sleepers->word, seen, until_ns, wake_mask(reader->interest));
    atomic_fetch_and(&sleepers->asleep, ~bit);
    return result;
}

#define SPIN_LOOKS 16
#define SPIN_RESTS 4

static inline void reader_spins(const ring_view *view, const ring_reader *reader, u64 position, u64 budget_ns)
{
    u64 until = now_monotonic_ns() + budget_ns, stamp = stamp_of(view, position);
    const ring_record *next = record_at(view, position);
    bool held = view->guarantee == GUARANTEE_DURABLE;
    do {
        if (reader_should_look(view, reader, position)) return;
        /* Only the stamp, and not at every turn: each look takes a line away from the producer that writes it
         * (looking at tail and state as well took a third of the throughput). */
        for (int turn = 0; !held && turn < SPIN_LOOKS; turn++) {
            for (int rest = 0; rest < SPIN_RESTS; rest++) cpu_relax();
            if (LOAD(next->stamp) == stamp) return;
        }
    } while (now_monotonic_ns() < until);
}

/* SYNC POINT wake-producer: our bit before the gate. Pairs with wake_producers. */
static inline int writer_sleeps(ring_view *view, ring_writer *writer, u32 span, u64 until_ns)
{
    ring_gated *gated = &view->memory->gated;
    POKE(gated->enough, writer->gate - view->capacity + ROOM_WORTH_WAKING(view->capacity));
    atomic_fetch_or(&gated->waiting, 1ull << writer->index);
    u32 seen = atomic_load(&gated->word);
    u64 tail = LOAD(view->memory->tail.position), index = tail & view->mask;
    u64 end = tail + span + (index + span > view->capacity ? view->capacity - index : 0);
    look_at_gate(view, writer);
    if (!AHEAD(end, writer->gate) || !(atomic_load(&gated->waiting) & 1ull << writer->index)) return 0;
    return futex_wait(&gated->word, seen, until_ns, ~0u);
}

#endif
