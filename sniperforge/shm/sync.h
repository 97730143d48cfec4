/* What the protocol stands on: atomics, futex, clock, life and death, the view of a process.
 *
 * SYNC POINTs are named pairs; in a build with -DRING_HOOKS each of them is also
 * a place where a test may stop or kill the process (ring_hook).
 */
#ifndef SNIPERFORGE_RING_SYNC_H
#define SNIPERFORGE_RING_SYNC_H

#include "layout.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>
#if defined(__linux__)
#include <linux/futex.h>
#include <sys/syscall.h>
#endif
#if defined(__APPLE__)
#include <libproc.h>
#endif

#define LOAD(place) atomic_load_explicit(&(place), memory_order_acquire)
#define PEEK(place) atomic_load_explicit(&(place), memory_order_relaxed)
#define STORE(place, value) atomic_store_explicit(&(place), (value), memory_order_release)
#define POKE(place, value) atomic_store_explicit(&(place), (value), memory_order_relaxed)
#define ADD_OWN(place, value) POKE(place, PEEK(place) + (value)) /* one writer only */
#define AHEAD(a, b) ((int64_t)((a) - (b)) > 0)                   /* positions wrap at 2^64 */

#define FOR_BITS(bit, bits)                                                                                            \
    for (u64 rest_##bit = (bits), bit = 0; rest_##bit && ((bit = (u64)__builtin_ctzll(rest_##bit)), 1);                \
         rest_##bit &= rest_##bit - 1)

enum ring_result {
    RING_OK = 0,
    RING_EMPTY,
    RING_FULL,
    RING_CLOSED,
    RING_BROKEN,
    RING_EVICTED,
    RING_CROWDED,
    RING_BUSY,
    RING_TAKEN,
    RING_INTERRUPTED,
};

/* ── hooks of the kill matrix ──────────────────────────────────────────── */

enum ring_hook_point {
    HOOK_NONE,
    HOOK_INTENT_STORED,   /* intent written, nothing claimed */
    HOOK_CLAIMED,         /* claim made, nothing written */
    HOOK_COPYING,         /* half of the payload copied */
    HOOK_COPIED,          /* all written, not committed */
    HOOK_BETWEEN_STAMPS,  /* record committed, padding before it not yet */
    HOOK_COMMITTED,       /* committed, intent still there */
    HOOK_BEFORE_WAKE,     /* sleeper's bit cleared, not yet woken */
    HOOK_DRAINED,         /* consumer has copies, has not acknowledged */
    HOOK_ACKNOWLEDGED,    /* cursor moved, producers not yet woken */
    HOOK_SEAT_OWNED,      /* seat has an owner, no state yet */
    HOOK_SEAT_JOINING,    /* seat gates, its cursor is provisional */
    HOOK_LOCKED,          /* registry locked */
    HOOK_REPAIRING,       /* a hole is half padded */
    HOOK_MEMBER_TENTATIVE,/* a group's member wrote its share, has not claimed it */
    HOOK_MEMBER_CLAIMED,  /* share claimed, not marked final */
    HOOK_ADOPTING,        /* a dead member's share is in two hands */
    HOOK_LAST,
};

#ifdef RING_HOOKS
extern void ring_hook(enum ring_hook_point point);
#define HOOK(point) ring_hook(point)
#else
#define HOOK(point) ((void)0)
#endif

/* ── the view of one process ───────────────────────────────────────────── */

typedef struct {
    ring_memory *memory;
    unsigned char *data;
    u64 capacity, mask, secret, self;
    int64_t clock_offset_ns;
    u32 guarantee, evict, record_max;
    bool ordered, liveness; /* liveness: another pid namespace means unknown, and unknown is not dead */
    size_t size;
    _Atomic bool broken; /* set by the SIGBUS guard */
    char bell_prefix[160];
    int bell_fd[RING_CONSUMERS];
    u32 bell_seen[RING_CONSUMERS];
} ring_view;

static inline u64 now_monotonic_ns(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (u64)t.tv_sec * 1000000000u + (u64)t.tv_nsec;
}

static inline u64 now_coarse_ns(void)
{
#ifdef CLOCK_MONOTONIC_COARSE
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC_COARSE, &t);
    return (u64)t.tv_sec * 1000000000u + (u64)t.tv_nsec;
#else
    return now_monotonic_ns();
#endif
}

static inline void cpu_relax(void)
{
#if defined(__x86_64__)
    __builtin_ia32_pause();
#elif defined(__aarch64__)
    __asm__ __volatile__("yield");
#endif
}

/* One 16-byte compare-and-swap on {position, ticket}: claims bytes and a sequence at once.
 * x86 by hand, because gcc calls libatomic for it; the rest by the compiler's builtin. */
static inline bool tail_claim(ring_tail *tail, u64 position, u64 ticket, u64 position_new, u64 ticket_new)
{
#if defined(__x86_64__) && !defined(__SANITIZE_THREAD__)
    bool won;
    __asm__ __volatile__("lock cmpxchg16b %1"
                         : "=@ccz"(won), "+m"(*tail), "+a"(position), "+d"(ticket)
                         : "b"(position_new), "c"(ticket_new)
                         : "memory");
    return won;
#else
    unsigned __int128 expected = (unsigned __int128)ticket << 64 | position;
    unsigned __int128 wanted = (unsigned __int128)ticket_new << 64 | position_new;
    return __sync_bool_compare_and_swap((unsigned __int128 *)(void *)tail, expected, wanted);
#endif
}

/* ── futex, or short sleeps where there is none ────────────────────────── */

static inline int futex_wait(au32 *word, u32 seen, u64 until_ns, u32 mask)
{
#if defined(__linux__)
    struct timespec t = {(time_t)(until_ns / 1000000000u), (long)(until_ns % 1000000000u)};
    /* Absolute CLOCK_MONOTONIC: a wait that is interrupted and resumed does not grow. */
    long result = syscall(SYS_futex, word, FUTEX_WAIT_BITSET, seen, &t, NULL, mask);
    return result == 0 ? 0 : errno;
#else
    (void)mask;
    struct timespec nap = {0, 50000};
    while (PEEK(*word) == seen && now_monotonic_ns() < until_ns)
        if (nanosleep(&nap, NULL) != 0) return errno;
    return 0;
#endif
}

static inline void futex_wake(au32 *word, u32 mask)
{
#if defined(__linux__)
    syscall(SYS_futex, word, FUTEX_WAKE_BITSET, INT_MAX, NULL, NULL, mask);
#else
    (void)word, (void)mask;
#endif
}

/* ── life and death ────────────────────────────────────────────────────── */

/* Return pid << 32 | low half of its start time, or 0 when no such process lives. */
static inline u64 owner_word(u32 pid)
{
#if defined(__linux__)
    char path[40], text[512];
    snprintf(path, sizeof path, "/proc/%u/stat", pid);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0) return 0;
    ssize_t got = read(fd, text, sizeof text - 1);
    close(fd);
    if (got <= 0) return 0;
    text[got] = 0;
    char *at = strrchr(text, ')'); /* a program may be called ") Z" */
    if (!at || at[1] != ' ') return 0;
    if (at[2] == 'Z' || at[2] == 'X') return 0; /* killed, its parent has not looked yet */
    at += 2;
    for (int field = 3; field < 22 && at; field++)
        if ((at = strchr(at, ' '))) at++;
    if (!at) return 0;
    u64 start = strtoull(at, NULL, 10);
#elif defined(__APPLE__)
    struct proc_bsdinfo info;
    if (proc_pidinfo((int)pid, PROC_PIDTBSDINFO, 0, &info, sizeof info) != (int)sizeof info) return 0;
    u64 start = info.pbi_start_tvsec * 1000000u + info.pbi_start_tvusec;
#else
    if (kill((pid_t)pid, 0) != 0 && errno == ESRCH) return 0;
    u64 start = 1;
#endif
    return (u64)pid << 32 | (u32)(start ? start : 1);
}

/* True only when it is certain: no such pid, a zombie, or another process under the old number. */
static inline bool owner_dead(const ring_view *view, u64 owner)
{
    if (!owner || !view->liveness || owner == view->self) return false;
    u32 pid = (u32)(owner >> 32);
    if (kill((pid_t)pid, 0) != 0 && errno == ESRCH) return true;
#if defined(__linux__)
    if (access("/proc/self/stat", R_OK) != 0) return false; /* no /proc: unknown is not dead */
#endif
    return owner_word(pid) != owner;
}

/* A lock that survives its holder: its word names the owner, and a dead owner is succeeded. */
static inline int registry_lock(const ring_view *view)
{
    au64 *lock = &view->memory->registry.lock;
    u64 until = now_monotonic_ns() + 2000000000u;
    for (;;) {
        u64 holder = 0;
        if (atomic_compare_exchange_strong(lock, &holder, view->self)) break;
        if (owner_dead(view, holder) && atomic_compare_exchange_strong(lock, &holder, view->self)) break;
        if (view->broken || now_monotonic_ns() > until) return RING_BUSY;
        struct timespec nap = {0, 50000};
        nanosleep(&nap, NULL);
    }
    HOOK(HOOK_LOCKED);
    return RING_OK;
}

static inline void registry_unlock(const ring_view *view) { STORE(view->memory->registry.lock, 0); }

static inline ring_record *record_at(const ring_view *view, u64 position)
{
    return (ring_record *)(void *)(view->data + (position & view->mask));
}

static inline u64 stamp_of(const ring_view *view, u64 position) { return position ^ view->secret; }

#endif
