/* A segment in this process: mapped, checked, guarded; forks and truncation noticed. */
#ifndef SNIPERFORGE_RING_SEGMENT_H
#define SNIPERFORGE_RING_SEGMENT_H

#include "group.h"

#define GUARDED_MAX 256

static ring_view *guarded[GUARDED_MAX];
static struct sigaction before_guard;
static u32 fork_generation;

static void after_fork(void) { fork_generation++; }

/* Somebody shrank the segment under us: put zero pages there instead of dying, and remember.
 * Zeroes hold no valid state and no valid stamp, so every call ends as RING_BROKEN. */
static void on_sigbus(int number, siginfo_t *info, void *context)
{
    for (int index = 0; index < GUARDED_MAX; index++) {
        ring_view *view = guarded[index];
        unsigned char *at = info->si_addr, *base = view ? (unsigned char *)view->memory : NULL;
        if (!view || at < base || at >= base + view->size) continue;
        void *zero = mmap(base, view->size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
        view->broken = true;
        if (zero != MAP_FAILED) return;
    }
    if (before_guard.sa_flags & SA_SIGINFO) {
        before_guard.sa_sigaction(number, info, context);
    } else if (before_guard.sa_handler != SIG_DFL && before_guard.sa_handler != SIG_IGN) {
        before_guard.sa_handler(number);
    } else {
        signal(SIGBUS, SIG_DFL);
        raise(SIGBUS);
    }
}

static void guard(ring_view *view)
{
    static bool installed;
    if (!installed) {
        struct sigaction action = {0};
        action.sa_sigaction = on_sigbus;
        action.sa_flags = SA_SIGINFO | SA_ONSTACK;
        sigemptyset(&action.sa_mask);
        sigaction(SIGBUS, &action, &before_guard);
        pthread_atfork(NULL, NULL, after_fork);
        installed = true;
    }
    for (int index = 0; index < GUARDED_MAX; index++)
        if (!guarded[index]) {
            guarded[index] = view;
            return;
        }
}

static void view_closed(ring_view *view)
{
    for (int index = 0; index < GUARDED_MAX; index++)
        if (guarded[index] == view) guarded[index] = NULL;
    for (int slot = 0; slot < RING_CONSUMERS; slot++)
        if (view->bell_fd[slot] >= 0) close(view->bell_fd[slot]);
    if (view->memory) munmap(view->memory, view->size);
    view->memory = NULL;
}

static int view_mapped(ring_view *view, int fd, size_t size)
{
    memset(view, 0, sizeof *view);
    for (int slot = 0; slot < RING_CONSUMERS; slot++) view->bell_fd[slot] = -1;
    int flags = MAP_SHARED;
#ifdef MAP_POPULATE
    flags |= MAP_POPULATE; /* a first touch costs 5-11 us a page, on the hot path */
#endif
    void *at = mmap(NULL, size, PROT_READ | PROT_WRITE, flags, fd, 0);
    if (at == MAP_FAILED) return errno;
    view->memory = at;
    view->size = size;
    guard(view);
#ifdef MADV_DONTDUMP
    madvise(at, size, MADV_DONTDUMP);
#endif
    return 0;
}

static void view_filled(ring_view *view)
{
    const ring_identity *identity = &view->memory->identity;
    view->data = (unsigned char *)view->memory + RING_DATA;
    view->capacity = identity->capacity;
    view->mask = identity->capacity - 1;
    view->secret = identity->secret;
    view->clock_offset_ns = identity->clock_offset_ns;
    view->guarantee = identity->guarantee;
    view->ordered = identity->guarantee != GUARANTEE_LOSSY;
    view->evict = identity->evict;
    view->record_max = identity->record_max;
    view->self = owner_word((u32)getpid());
}

typedef struct {
    u64 capacity, deadline_ns, spin_ns, secret, start, pid_namespace;
    int64_t clock_offset_ns;
    u32 guarantee, evict;
    unsigned char boot_id[16];
    const char *topic;
} ring_settings;

/* Write the identity of a new, zeroed segment; its magic last, so that nobody attaches to half of it. */
static void segment_formatted(ring_view *view, const ring_settings *settings)
{
    ring_memory *memory = view->memory;
    ring_identity *identity = &memory->identity;
    identity->version = RING_VERSION;
    identity->layout = RING_LAYOUT;
    identity->size = view->size;
    identity->capacity = settings->capacity;
    identity->secret = settings->secret;
    identity->uid = geteuid();
    identity->creator = owner_word((u32)getpid());
    identity->pid_namespace = settings->pid_namespace;
    memcpy(identity->boot_id, settings->boot_id, sizeof identity->boot_id);
    identity->clock_offset_ns = settings->clock_offset_ns;
    identity->deadline_ns = settings->deadline_ns;
    identity->spin_ns = settings->spin_ns;
    identity->start = settings->start;
    identity->guarantee = settings->guarantee;
    identity->evict = settings->evict;
    identity->record_max = (u32)(settings->capacity / 4 - RING_HEADER);
    snprintf(identity->topic, sizeof identity->topic, "%s", settings->topic);
    POKE(memory->tail.position, settings->start);
    for (int part = 0; part < RING_CHECKPOINTS; part++) POKE(memory->checkpoints[part], RING_IDLE);
    for (int slot = 0; slot < RING_PRODUCERS; slot++) POKE(memory->producers[slot].intent, RING_IDLE);
    for (int slot = 0; slot < RING_CONSUMERS; slot++) POKE(memory->consumers[slot].claim_start, RING_IDLE);
    POKE(identity->state, STATE_OPEN);
    STORE(identity->magic, RING_MAGIC);
}

/* Return NULL when the segment is ours and whole, else the name of the first thing that is not. */
static const char *segment_differs(const ring_view *view, const char *topic, const unsigned char *boot_id)
{
    const ring_identity *identity = &view->memory->identity;
    if (LOAD(identity->magic) != RING_MAGIC) return "magic";
    if (identity->version != RING_VERSION) return "version";
    if (identity->layout != RING_LAYOUT) return "layout";
    if (identity->uid != geteuid()) return "owner";
    if (memcmp(identity->boot_id, boot_id, sizeof identity->boot_id) != 0) return "boot id";
    u64 capacity = identity->capacity;
    if (capacity < RING_CAPACITY_MIN || capacity > RING_CAPACITY_MAX || (capacity & (capacity - 1))) return "capacity";
    if (identity->size != view->size || view->size != RING_SIZE(capacity)) return "size";
    if (identity->record_max != capacity / 4 - RING_HEADER || identity->start % RING_ALIGN) return "limits";
    if (identity->guarantee > GUARANTEE_DURABLE || LOAD(identity->state) - 1u > 1u) return "state";
    if (strnlen(identity->topic, RING_TOPIC_MAX) == RING_TOPIC_MAX) return "name";
    if (topic && strcmp(identity->topic, topic) != 0) return "name";
    return NULL;
}

#endif
