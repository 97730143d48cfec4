/* The protocol between threads (ThreadSanitizer sees them) and the wake-up between processes.
 *
 * stress threads SECONDS    3 producers, 3 consumers, every record checked at every consumer
 * stress wake SECONDS       two processes hand a record to and fro; a sleep of a second is a lost wake
 *
 * Prints "ok <records>" or "FAILED: why" and ends with 1.
 */
#include "proof.h"

#include <sys/syscall.h>

#define CAPACITY 32768u
#define WRITERS 3
#define READERS 3

#ifdef RING_HOOKS
/* Widen the moment between a commit and the look at who sleeps. */
void ring_hook(enum ring_hook_point point)
{
    static u64 random = 1;
    if (point == HOOK_COPIED)
        for (u32 turn = random_next(&random) % 200; turn; turn--) cpu_relax();
}
#endif

static int segment, other;
static _Atomic bool finished;
static au64 total, sent[WRITERS];

static pthread_mutex_t attaching = PTHREAD_MUTEX_INITIALIZER;

static void attach_thread(ring_view *view)
{
    pthread_mutex_lock(&attaching);
    proof_attach(view, segment, CAPACITY);
    pthread_mutex_unlock(&attaching);
    view->self = owner_word((u32)syscall(SYS_gettid)); /* a thread owns its seats */
}

static void *write_records(void *index)
{
    ring_view view;
    ring_writer writer;
    u64 author = (u64)(uintptr_t)index, seed = author + 1, number = 0;
    message *m = malloc(8192);
    attach_thread(&view);
    if (producer_sits(&view, &writer, "thread") != RING_OK) failed("no seat");
    while (!finished) publish_surely(&view, &writer, m, message_filled(m, author, number++, &seed));
    POKE(sent[author], number);
    producer_leaves(&view, &writer);
    free(m);
    return NULL;
}

static void *read_records(void *name)
{
    ring_view view;
    ring_reader reader;
    u64 holder, next[WRITERS] = {0}, count = 0, done = 0;
    int started, result;
    message *copy = malloc(8192);
    attach_thread(&view);
    result = consumer_sits(&view, &reader, name, START_TAIL, 0, ~0ull, false, &started, &holder);
    if (result != RING_OK) failed("no seat");
    atomic_fetch_add(&total, 1);
    while (!done) {
        for (int batch = 0; batch < 32 && read_message(&view, &reader, copy, &result); batch++, count++)
            if (copy->number != next[copy->author]++) failed("author %d out of order", (int)copy->author);
        reader_commits(&view, &reader);
        reader_sleeps(&view, &reader, reader.position, now_monotonic_ns() + 2000000u);
        done = finished;
        for (int author = 0; author < WRITERS; author++) done = done && PEEK(sent[author]) && next[author] == PEEK(sent[author]);
    }
    free(copy);
    return (void *)(uintptr_t)count;
}

static void threads(int seconds)
{
    static char *names[READERS] = {"a", "b", "c"};
    ring_view view;
    pthread_t readers[READERS], writers[WRITERS];
    void *count = NULL;
    proof_create(&view, segment, CAPACITY, GUARANTEE_ORDERED, (1ull << 32) - CAPACITY);
    for (int index = 0; index < READERS; index++) pthread_create(&readers[index], NULL, read_records, names[index]);
    while (PEEK(total) < READERS) usleep(100);
    for (int index = 0; index < WRITERS; index++) pthread_create(&writers[index], NULL, write_records, (void *)(uintptr_t)index);
    sleep((unsigned)seconds);
    finished = true;
    for (int index = 0; index < WRITERS; index++) pthread_join(writers[index], NULL);
    for (int index = 0; index < READERS; index++) pthread_join(readers[index], &count);
    printf("ok %llu\n", (unsigned long long)(uintptr_t)count);
}

/* One side of the ping-pong; returns the records received, or fails on a sleep that nobody ended. */
static u64 play(ring_view *in, ring_reader *reader, ring_view *out, ring_writer *writer, u64 until, bool first, u64 seed)
{
    message *m = malloc(8192);
    int result;
    u64 count = 0;
    if (first) publish_surely(out, writer, m, message_filled(m, 0, 0, &seed));
    while (now_monotonic_ns() < until) {
        while (!read_message(in, reader, m, &result)) {
            /* Both sides stay awake, and often one arms in the very moment in which the other commits. */
            for (u32 turn = random_next(&seed) % 40; turn; turn--) cpu_relax();
            u64 before = now_monotonic_ns();
            if (before > until + 1500000000u) return count;
            int woken = reader_sleeps(in, reader, reader->position, before + 1000000000u);
            if (woken == ETIMEDOUT && now_monotonic_ns() < until && LOAD(record_at(in, reader->position)->stamp) == stamp_of(in, reader->position))
                failed("lost wake-up after %llu records", (unsigned long long)count);
        }
        reader_commits(in, reader);
        count++;
        for (u32 turn = random_next(&seed) % 40; turn; turn--) cpu_relax();
        m->check = 0;
        ring_label label = {.type = 1};
        u64 sequence;
        m->author = 0, m->number = count;
        m->check = check_of(m, sizeof *m);
        if (ring_publish(out, writer, &label, m, sizeof *m, true, &sequence) != RING_OK) failed("full");
    }
    return count;
}

static void wake(int seconds)
{
    ring_view views[2];
    ring_reader reader;
    ring_writer writer;
    int started, status;
    u64 holder, until = now_monotonic_ns() + (u64)seconds * 1000000000u;
    proof_create(&views[0], segment, CAPACITY, GUARANTEE_ORDERED, 0);
    proof_create(&views[1], other, CAPACITY, GUARANTEE_ORDERED, 0);
    pid_t child = fork();
    int side = child == 0;
    proof_attach(&views[0], segment, CAPACITY);
    proof_attach(&views[1], other, CAPACITY);
    consumer_sits(&views[side], &reader, side ? "child" : "parent", START_HEAD, 0, ~0ull, false, &started, &holder);
    producer_sits(&views[!side], &writer, side ? "child" : "parent");
    u64 count = play(&views[side], &reader, &views[!side], &writer, until, !side, (u64)side + 5);
    if (!child) _exit(0);
    waitpid(child, &status, 0);
    if (!WIFEXITED(status) || WEXITSTATUS(status)) failed("the other side failed");
    printf("ok %llu\n", (unsigned long long)count);
}

int main(int count, char **argument)
{
    if (count < 3) return 2;
    segment = proof_fd(CAPACITY);
    other = proof_fd(CAPACITY);
    if (strcmp(argument[1], "threads") == 0) threads(atoi(argument[2]));
    else if (strcmp(argument[1], "wake") == 0) wake(atoi(argument[2]));
    else return 2;
    return 0;
}
