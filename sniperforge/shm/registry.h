/* Who sits where: joining, leaving, eviction, and the repair of what the dead left.
 *
 * All of it runs under a lock that a dead holder cannot keep (sync.h), in an order
 * that makes every step safe to die after: the owner first, the seat last.
 */
#ifndef SNIPERFORGE_RING_REGISTRY_H
#define SNIPERFORGE_RING_REGISTRY_H

#include "consume.h"

enum ring_start { START_HEAD = 0, START_TAIL = 1, START_RESUME = 2, START_SEQUENCE = 3 };
enum ring_started { STARTED_HEAD = 0, STARTED_TAIL = 1, STARTED_RESUMED = 2, STARTED_SEQUENCE = 3, STARTED_EVICTED = 4 };

static inline void name_put(char *to, const char *name)
{
    memset(to, 0, RING_NAME_MAX);
    strncpy(to, name, RING_NAME_MAX - 1);
}

static inline void interest_set(ring_view *view, u32 index, u64 interest)
{
    POKE(view->memory->consumers[index].interest, interest);
    for (u32 type = 0; type < RING_TYPES; type++) {
        if (interest >> type & 1) atomic_fetch_or(&view->memory->interested[type], 1ull << index);
        else atomic_fetch_and(&view->memory->interested[type], ~(1ull << index));
    }
}

/* Every gate computed before is void after this; returns the tail at that moment. */
static inline u64 epoch_next(ring_view *view, u64 *sequence)
{
    ring_tail *tail = &view->memory->tail;
    for (;;) {
        u64 ticket = LOAD(tail->ticket), position = LOAD(tail->position);
        u64 next = (ticket & ~0xffffull) | ((ticket + 1) & 0xffff);
        if (tail_claim(tail, position, ticket, position, next)) {
            *sequence = ticket >> 16;
            return position;
        }
    }
}

/* Give a seat a position; from SEAT_JOINING on nothing it may still want is overwritten. */
static inline void seat_starts(ring_view *view, ring_reader *reader, int start, u32 seat)
{
    ring_memory *memory = view->memory;
    ring_consumer *slot = reader->slot;
    u64 sequence, tail = tail_read(view, &sequence);
    if (holds_back(view, reader)) {
        POKE(slot->cursor, tail - view->capacity);
        STORE(slot->seat, SEAT_JOINING);
        atomic_fetch_or(&memory->registry.gating, 1ull << reader->index);
        HOOK(HOOK_SEAT_JOINING);
        tail = epoch_next(view, &sequence);
    }
    u64 at = start == START_TAIL ? tail : oldest_boundary(view, tail, view->capacity, true);
    reader->position = at;
    if (start != START_RESUME) { /* resuming after an eviction keeps what it expected: the gap is its loss */
        reader->known = at == tail || at == memory->identity.start;
        reader->expected = at == tail ? sequence : 0;
    } else if (at == tail) {
        if (AHEAD(sequence, reader->expected)) ADD_OWN(slot->lost, sequence - reader->expected);
        reader->expected = sequence;
    }
    STORE(slot->expected, reader->expected);
    STORE(slot->cursor, at);
    POKE(slot->reason, REASON_NONE);
    STORE(slot->seat, seat);
    if (view->ordered) wake_producers(view);
}

static inline void seat_ends(ring_view *view, u32 index, u32 seat, u32 reason)
{
    ring_consumer *slot = &view->memory->consumers[index];
    POKE(slot->reason, reason);
    STORE(slot->seat, seat);
    atomic_fetch_and(&view->memory->registry.gating, ~(1ull << index));
    if (seat == SEAT_EVICTED) {
        ADD_OWN(slot->evictions, 1);
        atomic_fetch_add(&view->memory->registry.evicted, 1);
    } else {
        interest_set(view, index, 0);
        memset(slot->name, 0, RING_NAME_MAX);
        STORE(slot->owner, 0);
    }
}

static inline int seat_named(const ring_view *view, const char *name)
{
    for (int index = 0; index < RING_CONSUMERS; index++) {
        const ring_consumer *slot = &view->memory->consumers[index];
        if (LOAD(slot->seat) != SEAT_FREE && strncmp(slot->name, name, RING_NAME_MAX) == 0) return index;
    }
    return -1;
}

/* A free seat; else one whose dead owner was evicted; else one whose owner is dead and has no reservation. */
static inline int seat_vacant(const ring_view *view)
{
    int evicted = -1, dead = -1;
    for (int index = 0; index < RING_CONSUMERS; index++) {
        const ring_consumer *slot = &view->memory->consumers[index];
        u64 owner = LOAD(slot->owner);
        bool gone = !owner || owner_dead(view, owner);
        u32 seat = LOAD(slot->seat);
        if (seat == SEAT_FREE && gone) return index;
        if (!gone || PEEK(slot->reserved) || seat == SEAT_GROUP || seat == SEAT_MEMBER) continue;
        if (seat == SEAT_EVICTED) evicted = index;
        else dead = index;
    }
    return evicted >= 0 ? evicted : dead;
}

static inline void seat_cleared(ring_view *view, ring_consumer *slot, u32 index, const char *name)
{
    if (LOAD(slot->seat) != SEAT_FREE) seat_ends(view, index, SEAT_FREE, REASON_NONE);
#ifndef RING_MUTATION_PUBLISHED_BEFORE_OWNED
    STORE(slot->owner, view->self);
#endif
    HOOK(HOOK_SEAT_OWNED);
    name_put(slot->name, name);
    POKE(slot->received, 0), POKE(slot->lost, 0), POKE(slot->holes, 0), POKE(slot->evictions, 0);
    POKE(slot->heartbeat_ns, 0), POKE(slot->reserved, 0);
    POKE(slot->claim_start, RING_IDLE), POKE(slot->claim_mark, 0);
    POKE(slot->group, 0);
}

/* Reserve a seat for a consumer that has not come yet: it holds producers back from now on. */
static inline int seat_reserved(ring_view *view, const char *name, bool durable)
{
    ring_reader reader = {0};
    if (registry_lock(view) != RING_OK) return RING_BUSY;
    int index = seat_named(view, name), found = index;
    if (found < 0) index = seat_vacant(view);
    if (index >= 0) {
        reader.slot = &view->memory->consumers[index];
        reader.index = (u32)index;
        if (found < 0) {
            seat_cleared(view, reader.slot, (u32)index, name);
            seat_starts(view, &reader, START_HEAD, SEAT_ACTIVE);
            STORE(reader.slot->owner, 0);
        }
        POKE(reader.slot->reserved, 1);
        if (durable) STORE(view->memory->registry.durable, (u64)index + 1);
    }
    registry_unlock(view);
    return index < 0 ? RING_CROWDED : RING_OK;
}

/* Take a seat by name. `started` says what happened, `holder` names the process that sits there already. */
static inline int consumer_sits(ring_view *view, ring_reader *reader, const char *name, int start, u64 sequence, u64 interest,
                                bool observer, int *started, u64 *holder)
{
    if (registry_lock(view) != RING_OK) return RING_BUSY;
    int index = seat_named(view, name), found = index;
    if (index >= 0) {
        *holder = LOAD(view->memory->consumers[index].owner);
        bool taken = (*holder && !owner_dead(view, *holder)) || LOAD(view->memory->consumers[index].seat) >= SEAT_GROUP;
        if (taken) return registry_unlock(view), RING_TAKEN;
    } else if ((index = seat_vacant(view)) < 0) {
        return registry_unlock(view), RING_CROWDED;
    }
    memset(reader, 0, sizeof *reader);
    reader->observer = observer;
    ring_consumer *slot = reader->slot = &view->memory->consumers[index];
    reader->index = (u32)index;
    if (found < 0) seat_cleared(view, slot, (u32)index, name);
    else STORE(slot->owner, view->self);
    u32 seat = LOAD(slot->seat);
    *started = start;
    if (start == START_RESUME && found >= 0 && seat == SEAT_ACTIVE) {
        reader->position = LOAD(slot->cursor);
        reader->expected = LOAD(slot->expected);
        reader->known = !holds_back(view, reader); /* only a ring we do not hold back can have moved on without us */
    } else if (start == START_RESUME && found >= 0 && seat == SEAT_EVICTED) {
        reader->expected = LOAD(slot->expected);
        reader->known = true;
        seat_starts(view, reader, START_RESUME, SEAT_ACTIVE);
        *started = STARTED_EVICTED;
    } else {
        if (start == START_RESUME) *started = STARTED_HEAD;
        seat_starts(view, reader, start == START_TAIL ? START_TAIL : START_HEAD, SEAT_ACTIVE);
        if (start == START_SEQUENCE) reader->skip_before = reader->expected = sequence, reader->known = true;
    }
    STORE(slot->owner, view->self);
    reader->interest = interest;
    interest_set(view, (u32)index, interest);
    STORE(slot->heartbeat_ns, now_coarse_ns() + (u64)view->clock_offset_ns);
    registry_unlock(view);
    return RING_OK;
}

/* An evicted consumer comes back at the oldest record; what it missed becomes its loss. */
static inline int consumer_returns(ring_view *view, ring_reader *reader, u32 *reason)
{
    if (registry_lock(view) != RING_OK) return RING_BUSY;
    *reason = LOAD(reader->slot->reason);
    bool mine = LOAD(reader->slot->owner) == view->self && LOAD(reader->slot->seat) == SEAT_EVICTED;
    if (mine) {
        reader->known = true;
        reader->skip_before = reader->expected; /* what was returned before the eviction is not returned twice */
        seat_starts(view, reader, START_RESUME, SEAT_ACTIVE);
    }
    registry_unlock(view);
    return mine ? RING_OK : RING_CLOSED;
}

/* Leave. A reserved or kept seat goes on holding producers back at its last commit. */
static inline int consumer_leaves(ring_view *view, ring_reader *reader, bool keep)
{
    u64 bit = 1ull << reader->index;
    atomic_fetch_and(&view->memory->sleepers.armed, ~bit);
    atomic_fetch_and(&view->memory->sleepers.asleep, ~bit);
    if (registry_lock(view) != RING_OK) return RING_BUSY;
    if (LOAD(reader->slot->owner) == view->self) {
        if (keep || PEEK(reader->slot->reserved)) STORE(reader->slot->owner, 0);
        else seat_ends(view, reader->index, SEAT_FREE, REASON_NONE);
    }
    registry_unlock(view);
    if (view->ordered) wake_producers(view);
    return RING_OK;
}

/* Release the gate of dead consumers without a reservation; returns how many. Lock held. */
static inline int evict_dead(ring_view *view)
{
    int evicted = 0;
    FOR_BITS(index, LOAD(view->memory->registry.gating))
    {
        ring_consumer *slot = &view->memory->consumers[index];
        u64 owner = LOAD(slot->owner);
        u32 seat = LOAD(slot->seat);
        if (seat != SEAT_JOINING && (seat != SEAT_ACTIVE || PEEK(slot->reserved))) continue;
        if (!owner_dead(view, owner)) continue;
        seat_ends(view, (u32)index, SEAT_EVICTED, REASON_DEAD);
        STORE(slot->owner, 0);
        evicted++;
    }
    return evicted;
}

/* Evict the consumer that holds the ring back most; true if there was one. Lock held. */
static inline bool evict_slowest(ring_view *view)
{
    int slowest;
    oldest_needed(view, &slowest);
    if (slowest < 0 || LOAD(view->memory->consumers[slowest].seat) != SEAT_ACTIVE) return false;
    if (PEEK(view->memory->registry.durable) == (u64)slowest + 1) return false; /* recorded first, always */
    seat_ends(view, (u32)slowest, SEAT_EVICTED, REASON_SLOW);
    return true;
}

/* ── producers ─────────────────────────────────────────────────────────── */

/* True if `position` is where some claim ended: a boundary the tail once stood on. */
static inline bool boundary(const ring_view *view, u64 position)
{
    if (LOAD(view->memory->tail.position) == position) return true;
    if (LOAD(record_at(view, position)->stamp) == stamp_of(view, position)) return true;
    FOR_BITS(other, LOAD(view->memory->registry.producing))
        if (LOAD(view->memory->producers[other].intent) == position) return true;
    return false;
}

static inline u64 claim_end(const ring_view *view, u64 position, u64 span)
{
    u64 index = position & view->mask;
    return position + span + (index + span > view->capacity ? view->capacity - index : 0);
}

/* Fill the claim of a dead producer with padding. Its intent gates, so nobody writes there meanwhile. */
static inline void pad_hole(ring_view *view, u64 position, u64 span, u16 producer)
{
    u64 at = claim_end(view, position, span) - span;
    put_padding(view, at, (u32)span, KIND_HOLE, producer);
    if (at != position) {
        put_padding(view, position, (u32)(at - position), KIND_PAD, producer);
        STORE(record_at(view, at)->stamp, stamp_of(view, at));
    }
    HOOK(HOOK_REPAIRING);
    STORE(record_at(view, position)->stamp, stamp_of(view, position));
    atomic_fetch_add(&view->memory->registry.holes, 1);
}

static inline void producer_freed(ring_view *view, u32 index, u64 owner)
{
    ring_producer *slot = &view->memory->producers[index];
    atomic_fetch_add(&view->memory->registry.sent, PEEK(slot->sent));
    POKE(slot->sent, 0);
    STORE(slot->intent, RING_IDLE);
    atomic_fetch_and(&view->memory->registry.producing, ~(1ull << index));
    atomic_compare_exchange_strong(&slot->owner, &owner, 0);
}

/* Repair what one dead producer left; false: a living one has the same intent, look again later.
 *
 * Every intent was once the tail, so it is a true record boundary. When two dead
 * producers share one, the winner's claim ends at the first boundary behind it:
 * the smallest of their ends that is a boundary is the true one. */
static inline bool producer_repaired(ring_view *view, u32 index, u64 owner)
{
    ring_memory *memory = view->memory;
    u64 position = LOAD(memory->producers[index].intent), span = PEEK(memory->producers[index].intent_span);
    if (position == RING_IDLE || !AHEAD(LOAD(memory->tail.position), position)) {
        producer_freed(view, index, owner);
        return true;
    }
    u64 end = boundary(view, claim_end(view, position, span)) ? claim_end(view, position, span) : 0;
    FOR_BITS(other, LOAD(memory->registry.producing))
    {
        if (other == index || LOAD(memory->producers[other].intent) != position) continue;
        if (!owner_dead(view, LOAD(memory->producers[other].owner))) return false;
        u64 rival_span = PEEK(memory->producers[other].intent_span), rival = claim_end(view, position, rival_span);
        if (boundary(view, rival) && (!end || AHEAD(end, rival))) end = rival, span = rival_span;
    }
    /* The stamp last: a living winner that finished during the scan stamped before it cleared its intent. */
    bool committed = LOAD(record_at(view, position)->stamp) == stamp_of(view, position);
    atomic_thread_fence(memory_order_acquire);
    /* A hole holds the ring back at one lap. If the tail is further, this intent was written late, for a claim
     * that others won and finished long ago: what lies there now is a newer record (tests/model/ring.pml). */
    bool lapped = LOAD(memory->tail.position) - position > view->capacity;
#ifdef RING_MUTATION_NO_LAP_CHECK
    lapped = false;
#endif
    if (!committed && !lapped) pad_hole(view, position, span, (u16)index);
    producer_freed(view, index, owner);
    return true;
}

/* Free the seats of dead producers and pad their holes; returns how many. Lock held. */
static inline int repair_producers(ring_view *view)
{
    int repaired = 0;
    for (u32 index = 0; index < RING_PRODUCERS; index++) { /* not `producing`: one may have died before its bit */
        u64 owner = LOAD(view->memory->producers[index].owner);
        if (owner_dead(view, owner) && producer_repaired(view, index, owner)) repaired++;
    }
    return repaired;
}

static inline int producer_sits(ring_view *view, ring_writer *writer, const char *name)
{
    if (registry_lock(view) != RING_OK) return RING_BUSY;
    repair_producers(view);
    int index = 0;
    while (index < RING_PRODUCERS && LOAD(view->memory->producers[index].owner)) index++;
    if (index == RING_PRODUCERS) return registry_unlock(view), RING_CROWDED;
    memset(writer, 0, sizeof *writer);
    ring_producer *slot = writer->slot = &view->memory->producers[index];
    writer->index = (u32)index;
    STORE(slot->intent, RING_IDLE);
    STORE(slot->owner, view->self);
    HOOK(HOOK_SEAT_OWNED);
    name_put(slot->name, name);
    POKE(slot->sent, 0), POKE(slot->sent_bytes, 0), POKE(slot->waits, 0);
    for (int type = 0; type < RING_TYPES; type++) POKE(slot->by_type[type], 0);
    atomic_fetch_or(&view->memory->registry.producing, 1ull << index);
    registry_unlock(view);
    return RING_OK;
}

static inline void producer_leaves(ring_view *view, ring_writer *writer)
{
    if (registry_lock(view) != RING_OK) return; /* the reaper will find our process gone */
    if (LOAD(writer->slot->owner) == view->self) producer_freed(view, writer->index, view->self);
    registry_unlock(view);
}

#endif
