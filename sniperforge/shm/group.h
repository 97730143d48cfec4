/* Competing consumers: every record goes to exactly one member of a group.
 *
 * A group has a seat of its own; its cursor and ticket (claims made << 8 | last
 * member) are one 16-byte word pair. A member takes a share [start, end):
 *
 *   share, TENTATIVE n      written into the member's own seat; it gates from here on
 *   CAS on {cursor, ticket} the share is taken
 *   FINAL n                 by the member, or by whoever takes the next share
 *
 * So a dead member's share can always be judged: FINAL is its own; TENTATIVE n is
 * its own only if the ticket still says (n, this member), since the next claim
 * would have marked it. What it had not acknowledged is adopted by another member.
 */
#ifndef SNIPERFORGE_RING_GROUP_H
#define SNIPERFORGE_RING_GROUP_H

#include "registry.h"

#define NO_LAST 0xffu

static inline ring_consumer *group_of(const ring_view *view, const ring_reader *reader)
{
    return &view->memory->consumers[PEEK(reader->slot->group) - 1];
}

static inline ring_tail *group_word(ring_consumer *group) { return (ring_tail *)(void *)group; }

/* Walk over committed records from `start`; stop after `most` that are wanted, or at the first that is not there. */
static inline u64 share_end(const ring_view *view, u64 start, u64 interest, u64 most)
{
    u64 at = start, wanted = 0;
    for (u32 walked = 0; wanted < most && walked < 65536; walked++) {
        ring_record *record = record_at(view, at);
        if (LOAD(record->stamp) != stamp_of(view, at)) break;
        u32 span = record->span, length = record->length;
        u16 kind = record->kind, type = record->type;
        /* A share that others took long ago may be overwritten while we look: then the claim fails. */
        if (!plausible(view, at, span, kind, length)) break;
        if (kind == KIND_DATA && (interest >> (type % RING_TYPES) & 1)) wanted++;
        at += span;
    }
    return at;
}

/* True if the share in a dead member's seat was really taken by it. */
static inline bool share_was_taken(const ring_view *view, u32 index)
{
    const ring_consumer *member = &view->memory->consumers[index];
    u64 mark = LOAD(member->claim_mark);
    if (LOAD(member->claim_start) == RING_IDLE) return false;
    if ((mark & 3) == CLAIM_FINAL) return true;
    u64 ticket = LOAD(view->memory->consumers[PEEK(member->group) - 1].expected);
    return ticket >> 8 == mark >> 2 && (ticket & 0xff) == index;
}

/* Turn dead members into orphans whose share waits for adoption; returns how many shares. Lock held. */
static inline int find_orphans(ring_view *view)
{
    int found = 0;
    for (u32 index = 0; index < RING_CONSUMERS; index++) {
        ring_consumer *slot = &view->memory->consumers[index];
        if (LOAD(slot->seat) != SEAT_MEMBER || !LOAD(slot->owner) || !owner_dead(view, LOAD(slot->owner))) continue;
        if (share_was_taken(view, index)) {
            STORE(slot->claim_mark, CLAIM_FINAL);
            STORE(slot->owner, 0);
            atomic_fetch_or(&view->memory->registry.orphans, 1ull << index);
            found++;
        } else {
            STORE(slot->claim_start, RING_IDLE);
            seat_ends(view, index, SEAT_FREE, REASON_DEAD);
        }
    }
    return found;
}

/* Give an abandoned share of our group to this reader; a share in two dead hands is taken from both. */
static inline bool member_adopts(ring_view *view, ring_reader *reader)
{
    ring_registry *registry = &view->memory->registry;
    bool adopted = false;
    if (registry_lock(view) != RING_OK) return false;
    find_orphans(view); /* one of the dead may have died while it adopted: the share is then in two hands */
    FOR_BITS(index, LOAD(registry->orphans))
    {
        ring_consumer *orphan = &view->memory->consumers[index];
        if (PEEK(orphan->group) != PEEK(reader->slot->group)) continue;
        u64 start = LOAD(orphan->claim_start), end = PEEK(orphan->claim_end);
        if (adopted && start != reader->position) continue;
        POKE(reader->slot->claim_end, end);
        POKE(reader->slot->claim_mark, CLAIM_FINAL);
        STORE(reader->slot->claim_start, start);
        HOOK(HOOK_ADOPTING);
        STORE(orphan->claim_start, RING_IDLE);
        seat_ends(view, (u32)index, SEAT_FREE, REASON_NONE);
        atomic_fetch_and(&registry->orphans, ~(1ull << index));
        reader->position = start;
        reader->end = end;
        adopted = true;
    }
    registry_unlock(view);
    return adopted;
}

/* Take the next share of at most `most` records; RING_EMPTY leaves the reader at the group's cursor. */
static inline int member_takes(ring_view *view, ring_reader *reader, u64 most)
{
    ring_consumer *group = group_of(view, reader), *slot = reader->slot;
    reader->known = false;
    reader->adopted = PEEK(view->memory->registry.orphans) && member_adopts(view, reader);
    if (reader->adopted) return RING_OK;
    for (;;) {
        u64 ticket = LOAD(group->expected), start = LOAD(group->cursor), number = ticket >> 8;
        if ((ticket & 0xff) != NO_LAST && number) {
            u64 tentative = number << 2 | CLAIM_TENTATIVE;
            atomic_compare_exchange_strong(&view->memory->consumers[ticket & 0x3f].claim_mark, &tentative, number << 2 | CLAIM_FINAL);
        }
        u64 end = share_end(view, start, reader->interest, most);
        if (end == start) {
            if (LOAD(group->cursor) != start) continue;
            STORE(slot->claim_start, RING_IDLE);
            reader->position = reader->end = start;
            return RING_EMPTY;
        }
        POKE(slot->claim_end, end);
        POKE(slot->claim_mark, (number + 1) << 2 | CLAIM_TENTATIVE);
        STORE(slot->claim_start, start);
        HOOK(HOOK_MEMBER_TENTATIVE);
        if (!tail_claim(group_word(group), start, ticket, end, (number + 1) << 8 | reader->index)) continue;
        HOOK(HOOK_MEMBER_CLAIMED);
        STORE(slot->claim_mark, (number + 1) << 2 | CLAIM_FINAL);
        reader->position = start;
        reader->end = end;
        return RING_OK;
    }
}

/* Acknowledge what was read of the share. */
static inline void member_commits(ring_view *view, ring_reader *reader)
{
    u64 start = PEEK(reader->slot->claim_start);
    if (start == RING_IDLE || start == reader->position) return;
    HOOK(HOOK_DRAINED);
    STORE(reader->slot->claim_start, reader->position == reader->end ? RING_IDLE : reader->position);
    HOOK(HOOK_ACKNOWLEDGED);
    wake_producers(view);
}

static inline bool member_should_look(const ring_view *view, const ring_reader *reader)
{
    if (LOAD(view->memory->registry.orphans)) return true;
    u64 cursor = LOAD(group_of(view, reader)->cursor);
    return LOAD(record_at(view, cursor)->stamp) == stamp_of(view, cursor);
}

/* ── joining, leaving, dying ───────────────────────────────────────────── */

static inline int group_sits(ring_view *view, const char *name, int start, bool *made)
{
    int index = seat_named(view, name);
    *made = index < 0;
    if (index >= 0) return LOAD(view->memory->consumers[index].seat) == SEAT_GROUP ? index : -2;
    if ((index = seat_vacant(view)) < 0) return -1;
    ring_reader reader = {.slot = &view->memory->consumers[index], .index = (u32)index};
    seat_cleared(view, reader.slot, (u32)index, name);
    seat_starts(view, &reader, start == START_TAIL ? START_TAIL : START_HEAD, SEAT_GROUP);
    STORE(reader.slot->owner, 0);
    return index;
}

/* Take a member's seat in the group `name`; the first member makes the group at `start`. */
static inline int member_sits(ring_view *view, ring_reader *reader, const char *name, const char *group_name, int start, u64 interest,
                              int *started, u64 *holder)
{
    if (registry_lock(view) != RING_OK) return RING_BUSY;
    bool made;
    find_orphans(view);
    int taken = seat_named(view, name), index, group = group_sits(view, group_name, start, &made);
    if (taken >= 0) {
        *holder = LOAD(view->memory->consumers[taken].owner);
        if (*holder && !owner_dead(view, *holder)) return registry_unlock(view), RING_TAKEN;
    }
    if (group < 0) return registry_unlock(view), group == -2 ? RING_TAKEN : RING_CROWDED;
    index = seat_vacant(view);
    if (index < 0 || index == group) return registry_unlock(view), RING_CROWDED;
    memset(reader, 0, sizeof *reader);
    reader->slot = &view->memory->consumers[index];
    reader->index = (u32)index;
    reader->member = true;
    reader->interest = interest;
    seat_cleared(view, reader->slot, (u32)index, name);
    POKE(reader->slot->group, (u32)group + 1);
    reader->position = reader->end = LOAD(view->memory->consumers[group].cursor);
    atomic_fetch_or(&view->memory->registry.gating, 1ull << index);
    STORE(reader->slot->seat, SEAT_MEMBER);
    interest_set(view, (u32)index, interest);
    *started = !made ? STARTED_RESUMED : start == START_TAIL ? STARTED_TAIL : STARTED_HEAD;
    registry_unlock(view);
    return RING_OK;
}

static inline bool group_has_members(const ring_view *view, u32 group)
{
    for (u32 index = 0; index < RING_CONSUMERS; index++) {
        const ring_consumer *slot = &view->memory->consumers[index];
        if (LOAD(slot->seat) != SEAT_MEMBER || PEEK(slot->group) != group + 1) continue;
        if (LOAD(slot->owner) && !owner_dead(view, LOAD(slot->owner))) return true;
    }
    return false;
}

/* Drop groups that nobody living reads; returns how many. Lock held. */
static inline int evict_dead_groups(ring_view *view)
{
    int evicted = 0;
    FOR_BITS(group, LOAD(view->memory->registry.gating))
    {
        ring_consumer *slot = &view->memory->consumers[group];
        if (LOAD(slot->seat) != SEAT_GROUP || PEEK(slot->reserved) || group_has_members(view, (u32)group)) continue;
        for (u32 index = 0; index < RING_CONSUMERS; index++) {
            ring_consumer *member = &view->memory->consumers[index];
            if (LOAD(member->seat) != SEAT_MEMBER || PEEK(member->group) != group + 1) continue;
            atomic_fetch_and(&view->memory->registry.orphans, ~(1ull << index));
            seat_ends(view, index, SEAT_FREE, REASON_DEAD);
        }
        seat_ends(view, (u32)group, SEAT_FREE, REASON_DEAD);
        atomic_fetch_add(&view->memory->registry.evicted, 1);
        evicted++;
    }
    return evicted;
}

/* Leave: what was not acknowledged goes to another member; the last one out takes the group along, unless `keep`. */
static inline int member_leaves(ring_view *view, ring_reader *reader, bool keep)
{
    u64 bit = 1ull << reader->index;
    atomic_fetch_and(&view->memory->sleepers.armed, ~bit);
    atomic_fetch_and(&view->memory->sleepers.asleep, ~bit);
    if (registry_lock(view) != RING_OK) return RING_BUSY;
    if (LOAD(reader->slot->owner) == view->self) {
        u32 group = PEEK(reader->slot->group) - 1;
        if (LOAD(reader->slot->claim_start) != RING_IDLE) {
            STORE(reader->slot->owner, 0);
            atomic_fetch_or(&view->memory->registry.orphans, bit);
        } else {
            seat_ends(view, reader->index, SEAT_FREE, REASON_NONE);
        }
        if (!keep && !LOAD(view->memory->registry.orphans) && !group_has_members(view, group)) seat_ends(view, group, SEAT_FREE, REASON_NONE);
    }
    registry_unlock(view);
    wake_producers(view);
    wake_everybody(view);
    return RING_OK;
}

/* ── repair of everything ──────────────────────────────────────────────── */

/* What a supervisor calls when a child died, and everyone who finds the ring stalled. */
static inline int ring_repair(ring_view *view, bool evict, int *evicted)
{
    *evicted = 0;
    if (registry_lock(view) != RING_OK) return 0;
    int repaired = repair_producers(view), orphans = view->ordered ? find_orphans(view) : 0;
    if (evict && view->ordered) *evicted = evict_dead(view) + evict_dead_groups(view);
    registry_unlock(view);
    if (repaired || orphans || *evicted) {
        /* A producer may have died between clearing a sleeper's bit and waking it. */
        wake_producers(view);
        atomic_fetch_add(&view->memory->sleepers.word, 1);
        futex_wake(&view->memory->sleepers.word, ~0u);
        for (u32 slot = 0; slot < RING_CONSUMERS; slot++)
            if (LOAD(view->memory->consumers[slot].owner) && PEEK(view->memory->consumers[slot].bell)) bell_ring(view, slot);
    }
    return repaired + orphans;
}

#endif
