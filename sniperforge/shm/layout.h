/* The memory of a ring, drawn and asserted.
 *
 *   0      identity    who made it, for whom, how large: written once, magic last
 *   512    tail        {position, sequence << 16 | epoch}: one 16-byte compare-and-swap claims a record
 *   640    sleepers    who sleeps, who armed a doorbell, the futex word of consumers
 *   768    gated       producers that wait for room, their futex word
 *   896    registry    robust lock, bitmaps of slots in use, totals of those who left
 *   1024   interested  per record type (mod 64): bitmap of the consumers that want it
 *   1536   checkpoints 16 record boundaries, one for each sixteenth of the ring
 *   2048   producers   32 slots
 *   ....   consumers   64 slots
 *   ....   data        a power of two of bytes, records 16-byte aligned; then room for one header
 *
 * Lines are 128 bytes: x86 prefetches pairs of lines, Apple's lines are that long.
 * A record, 64 bytes of header and then its payload:
 *
 *   0  stamp     position ^ secret; storing it is the commit
 *   8  span      bytes from this record to the next, header and padding included
 *   12 kind      DATA, PAD (skip to the start of the ring), HOLE (its producer died)
 *   14 producer  slot of the writer
 *   16 length    payload bytes      20 type      22 flags      24 sequence
 *   32 publish_ns    40 key    48 origin_ns    56 trace_id
 *
 * The stamp holds its own position and a 64-bit secret of the segment, so nothing
 * has to be zeroed, and no payload (names of coins are chosen by attackers) can
 * pose as a header when an old lap is looked at.
 */
#ifndef SNIPERFORGE_RING_LAYOUT_H
#define SNIPERFORGE_RING_LAYOUT_H

#include <stdalign.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef uint64_t u64;
typedef uint32_t u32;
typedef uint16_t u16;
typedef _Atomic uint64_t au64;
typedef _Atomic uint32_t au32;

#define RING_MAGIC 0x31474e4952464e53ull /* "SNFRING1", little endian */
#define RING_VERSION 1u
#define RING_LAYOUT 0x20261123u /* changes with any offset below */
#define RING_LINE 128
#define RING_PRODUCERS 32
#define RING_CONSUMERS 64
#define RING_CHECKPOINTS 16
#define RING_TYPES 64
#define RING_NAME_MAX 40
#define RING_TOPIC_MAX 256
#define RING_CAPACITY_MIN 4096ull
#define RING_CAPACITY_MAX (1ull << 32)
#define RING_HEADER 64u
#define RING_ALIGN 16u
#define RING_IDLE 1ull /* never a position: positions are multiples of 16 */

enum ring_kind { KIND_DATA = 1, KIND_PAD = 2, KIND_HOLE = 3 };
enum ring_guarantee { GUARANTEE_LOSSY = 0, GUARANTEE_ORDERED = 1, GUARANTEE_DURABLE = 2 };
enum ring_state { STATE_OPEN = 1, STATE_CLOSED = 2 };
enum ring_seat { SEAT_FREE = 0, SEAT_JOINING = 1, SEAT_ACTIVE = 2, SEAT_EVICTED = 3, SEAT_GROUP = 4, SEAT_MEMBER = 5 };
enum ring_reason { REASON_NONE = 0, REASON_DEAD = 1, REASON_SLOW = 2 };
enum ring_claim_state { CLAIM_NONE = 0, CLAIM_TENTATIVE = 1, CLAIM_FINAL = 2 };

typedef struct {
    au64 magic;
    u32 version, layout;
    u64 size, capacity, secret, uid, creator, pid_namespace;
    unsigned char boot_id[16];
    int64_t clock_offset_ns;
    u64 deadline_ns, spin_ns, start; /* start: the first position ever */
    u32 guarantee, evict;
    au32 state;
    u32 record_max;
    char topic[RING_TOPIC_MAX];
} ring_identity;

typedef struct {
    alignas(RING_LINE) au64 position; /* where the next record starts */
    au64 ticket;                      /* sequence of the next record << 16 | epoch of joins */
} ring_tail;

typedef struct {
    alignas(RING_LINE) au64 asleep; /* consumers in a futex wait */
    au64 armed;                     /* consumers that want their doorbell rung */
    au32 word;
} ring_sleepers;

typedef struct {
    alignas(RING_LINE) au64 waiting; /* producers in a futex wait */
    au64 enough;                     /* a cursor this far has made room worth waking them for */
    au32 word;
} ring_gated;

typedef struct {
    alignas(RING_LINE) au64 lock; /* owner word of the process that changes seats */
    au64 producing, gating;       /* bitmaps: supersets of the slots in use */
    au64 sent, holes, evicted;    /* totals, producers that left included */
    au64 durable;                 /* 1 + slot of the recorder of a DURABLE ring */
    au64 orphans;                 /* members' seats whose share waits for adoption */
} ring_registry;

typedef struct {
    alignas(RING_LINE) au64 owner; /* pid << 32 | start time: one word, taken by compare-and-swap */
    au64 intent;                   /* position about to be claimed, or RING_IDLE */
    au64 intent_span;
    au64 sent, sent_bytes, waits, heartbeat_ns;
    char name[RING_NAME_MAX];
    alignas(RING_LINE) au64 by_type[RING_TYPES];
} ring_producer;

typedef struct {
    alignas(RING_LINE) au64 cursor; /* all before it is acknowledged; a group: all before it is claimed */
    au64 expected;                  /* sequence of the record at cursor; a group: claims made << 8 | last member */
    au64 received, lost, holes, evictions, heartbeat_ns;
    alignas(RING_LINE) au64 owner;
    au32 seat, reason;
    au64 interest;
    au64 claim_start, claim_end, claim_mark; /* a member's share: [start, end), number << 2 | state */
    au32 reserved, bell;                     /* reserved: never forgotten; bell: generation of its FIFO */
    au32 group, pad;
    char name[RING_NAME_MAX];
} ring_consumer;

typedef struct {
    ring_identity identity;
    alignas(512) ring_tail tail;
    ring_sleepers sleepers;
    ring_gated gated;
    ring_registry registry;
    alignas(RING_LINE) au64 interested[RING_TYPES];
    alignas(RING_LINE) au64 checkpoints[RING_CHECKPOINTS];
    alignas(2048) ring_producer producers[RING_PRODUCERS];
    ring_consumer consumers[RING_CONSUMERS];
} ring_memory;

typedef struct {
    au64 stamp;
    u32 span;
    u16 kind, producer;
    u32 length;
    u16 type, flags;
    u64 sequence, publish_ns, key, origin_ns, trace_id;
} ring_record;

_Static_assert(sizeof(ring_record) == RING_HEADER, "a record header is 64 bytes");
_Static_assert(offsetof(ring_record, length) == 16, "a PAD needs 16 bytes and no more");
_Static_assert(sizeof(ring_identity) <= 512, "identity ends before the tail");
_Static_assert(offsetof(ring_memory, tail) == 512, "tail at 512");
_Static_assert(offsetof(ring_memory, sleepers) == 640, "sleepers at 640");
_Static_assert(offsetof(ring_memory, gated) == 768, "gated at 768");
_Static_assert(offsetof(ring_memory, registry) == 896, "registry at 896");
_Static_assert(offsetof(ring_memory, interested) == 1024, "interested at 1024");
_Static_assert(offsetof(ring_memory, checkpoints) == 1536, "checkpoints at 1536");
_Static_assert(offsetof(ring_memory, producers) == 2048, "producers at 2048");
_Static_assert(sizeof(ring_producer) % RING_LINE == 0, "producer slots share no line");
_Static_assert(sizeof(ring_consumer) % RING_LINE == 0, "consumer slots share no line");

#define RING_DATA ((sizeof(ring_memory) + 4095u) & ~(size_t)4095u)
/* A PAD may be the last 16 bytes of the ring, and a reader may look at a whole header there. */
#define RING_SIZE(capacity) (RING_DATA + (capacity) + RING_HEADER)

#endif
