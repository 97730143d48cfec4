/* Kill a process at every SYNC POINT and look at what is left.
 *
 * kill_matrix producer|consumer|group POINT KILLS SEED
 * kill_matrix lossy SECONDS
 *
 * Prints "ok <kills> <records> …" or "FAILED: why" and ends with 1.
 */
#include "proof.h"

#define CAPACITY 32768u
#define STALL_LIMIT_NS 8000000000ull

static int hook_target, hook_countdown, hook_pause_us;

void ring_hook(enum ring_hook_point point)
{
    if ((int)point != hook_target || hook_countdown-- > 0) return;
    if (hook_pause_us) {
        usleep((useconds_t)hook_pause_us);
        hook_countdown = 20;
        return;
    }
    kill(getpid(), SIGKILL);
}

/* What survives the victims: how far each author came, who processed what. */
typedef struct {
    au64 finished, published[PRODUCERS_WATCHED];
    au64 seen[PRODUCERS_WATCHED];
    _Atomic unsigned char by_living[1 << 22], by_victims[1 << 22];
} scratch;

static scratch *shared;
static int segment;
static au64 *progress;

static pid_t forked(void)
{
    pid_t parent = getpid(), child = fork();
    if (child == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        if (getppid() != parent) _exit(0);
    }
    return child;
}

static void produce(u64 author, u64 count, u64 seed, u32 pace_us)
{
    ring_view view;
    ring_writer writer;
    message *m = malloc(8192);
    proof_attach(&view, segment, CAPACITY);
    if (producer_sits(&view, &writer, "author") != RING_OK) failed("no producer seat");
    for (u64 number = PEEK(shared->published[author % PRODUCERS_WATCHED]); count && !PEEK(shared->finished); count--, number++) {
        u32 length = message_filled(m, author, number, &seed);
        publish_surely(&view, &writer, m, length);
        POKE(shared->published[author % PRODUCERS_WATCHED], number + 1);
        if (pace_us && number % 16 == 0) usleep(pace_us);
    }
    producer_leaves(&view, &writer);
    _exit(0);
}

/* ── dying producers: everybody else's records arrive, whole, once, in order ── */

typedef struct {
    ring_view view;
    ring_reader reader;
    u64 records, next[PRODUCERS_WATCHED], victim_last, victim_author;
    u64 progress_ns, sequence;
    message *copy;
} watcher;

static void watch(watcher *w)
{
    int result, evicted;
    while (read_message(&w->view, &w->reader, w->copy, &result)) {
        const message *m = w->copy;
        w->records++;
        w->progress_ns = now_monotonic_ns();
        if (m->author < 2) {
            if (m->number != w->next[m->author]) failed("author %d: %d, expected %d", (int)m->author, (int)m->number, (int)w->next[m->author]);
            w->next[m->author]++;
        } else {
            if (m->author < w->victim_author) failed("a victim spoke after its successor");
            if (m->author == w->victim_author && m->number != w->victim_last + 1) failed("a victim's records are out of order");
            w->victim_author = m->author, w->victim_last = m->number;
        }
    }
    if (result != RING_EMPTY) failed("reader result %d", result);
    reader_commits(&w->view, &w->reader);
    if (LOAD(w->view.memory->tail.position) != w->reader.position) {
        if (now_monotonic_ns() - w->progress_ns > 3000000u) ring_repair(&w->view, false, &evicted);
    } else {
        w->progress_ns = now_monotonic_ns();
    }
    if (now_monotonic_ns() - w->progress_ns > STALL_LIMIT_NS) failed("hung: a record was claimed and never came");
}

static void victim_producer(int point, u64 author, u64 seed)
{
    ring_view view;
    ring_writer writer;
    int evicted;
    message *m = malloc(8192);
    proof_attach(&view, segment, CAPACITY);
    hook_target = point;
    bool rare = point == HOOK_SEAT_OWNED || point == HOOK_BETWEEN_STAMPS || point == HOOK_BEFORE_WAKE;
    hook_countdown = rare ? 0 : (int)(random_next(&seed) % 24);
    if (point == HOOK_REPAIRING || point == HOOK_LOCKED) {
        hook_countdown = 0;
        ring_repair(&view, false, &evicted);
    }
    if (producer_sits(&view, &writer, "victim") != RING_OK) failed("victim has no seat");
    for (u64 number = 1; number <= 40; number++) {
        u32 length = message_filled(m, author, number, &seed);
        publish_surely(&view, &writer, m, length);
    }
    producer_leaves(&view, &writer);
    _exit(0);
}

static void kill_producers(int point, int kills, u64 seed)
{
    watcher w = {.copy = malloc(8192)};
    u64 interest = ~0ull, holder;
    int started, killed = 0, status;
    proof_create(&w.view, segment, CAPACITY, GUARANTEE_ORDERED, (u64)0 - 5 * CAPACITY);
    if (consumer_sits(&w.view, &w.reader, "watcher", START_HEAD, 0, interest, false, &started, &holder) != RING_OK) failed("no seat");
    pid_t living[2];
    for (u64 author = 0; author < 2; author++)
        if ((living[author] = forked()) == 0) produce(author, ~0ull, seed + author, 200);
    w.progress_ns = now_monotonic_ns();
    /* A repair can die only while there is something to repair: kill one in mid-claim first. */
    for (u64 author = 2; killed < kills && author < (u64)kills * 8 + 100; author++) {
        int here = point == HOOK_REPAIRING && author % 2 == 0 ? HOOK_CLAIMED : point;
        pid_t victim = forked();
        if (victim == 0) victim_producer(here, author, seed * 31 + author);
        while (waitpid(victim, &status, WNOHANG) == 0) {
            watch(&w);
            reader_sleeps(&w.view, &w.reader, w.reader.position, now_monotonic_ns() + 500000u);
        }
        if (WIFEXITED(status) && WEXITSTATUS(status)) failed("victim failed");
        if (WIFSIGNALED(status) && here == point) killed++;
        watch(&w);
    }
    STORE(shared->finished, 1);
    for (int left = 2; left;) {
        watch(&w);
        pid_t done = waitpid(-1, &status, WNOHANG);
        if (done > 0) left--;
        if (done > 0 && (!WIFEXITED(status) || WEXITSTATUS(status))) failed("a living producer failed");
    }
    while (w.reader.position != LOAD(w.view.memory->tail.position)) watch(&w);
    u64 sequence;
    tail_read(&w.view, &sequence);
    u64 holes = PEEK(w.reader.slot->holes);
    if (w.records + holes != sequence) failed("%llu received + %llu holes != %llu claimed", (unsigned long long)w.records, (unsigned long long)holes, (unsigned long long)sequence);
    for (int author = 0; author < 2; author++)
        if (w.next[author] != PEEK(shared->published[author])) failed("records of a living producer are missing");
    printf("ok %d %llu %llu\n", killed, (unsigned long long)w.records, (unsigned long long)holes);
}

/* ── dying consumers: the name goes on where it stood, producers go on ─────── */

static void victim_consumer(int point, u64 seed, bool living, int round)
{
    char name[16] = "victim";
    /* One that dies while it joins is a stranger each time: nobody of its name comes to tidy up. */
    if (!living && (point == HOOK_SEAT_JOINING || point == HOOK_SEAT_OWNED)) snprintf(name, sizeof name, "v%d", round);
    ring_view view;
    ring_reader reader;
    int started, result;
    u64 holder;
    message *copy = malloc(8192);
    proof_attach(&view, segment, CAPACITY);
    hook_target = living ? 0 : point;
    hook_countdown = point == HOOK_DRAINED || point == HOOK_ACKNOWLEDGED ? (int)(random_next(&seed) % 10) : 0;
    result = consumer_sits(&view, &reader, name, START_RESUME, 0, ~0ull, false, &started, &holder);
    if (result != RING_OK) failed("consumer: no seat, %d", result);
    u64 first[2] = {0, 0}, until = now_monotonic_ns() + (living ? 100000000u : 20000000u);
    while (now_monotonic_ns() < until) {
        for (int count = 0; count < 8 && read_message(&view, &reader, copy, &result); count++) {
            u64 author = copy->author & 1, seen = PEEK(shared->seen[author]);
            bool gap = copy->number > seen;
            /* A seat that was evicted (its victim died while it joined) starts anew; and before anybody has seen a
             * record there is no loss: the first victim joins at the head, and may get no turn to read at all. */
            if (gap && seen && started == STARTED_RESUMED) failed("lost: %llu follows %llu", (unsigned long long)copy->number, (unsigned long long)seen);
            if (first[author] && copy->number != first[author]) failed("out of order after a resume");
            first[author] = copy->number + 1;
            if (copy->number + 1 > seen) POKE(shared->seen[author], copy->number + 1);
        }
        reader_commits(&view, &reader);
        reader_sleeps(&view, &reader, reader.position, now_monotonic_ns() + 1000000u);
    }
    _exit(0); /* without leaving: the next one resumes */
}

static void kill_consumers(int point, int kills, u64 seed)
{
    ring_view view;
    int killed = 0, status, evicted;
    proof_create(&view, segment, CAPACITY, GUARANTEE_ORDERED, 0);
    for (u64 author = 0; author < 2; author++)
        if (forked() == 0) produce(author, ~0ull, seed + author, 300);
    for (int round = 0; killed < kills && round < kills * 4; round++) {
        pid_t victim = forked();
        if (victim == 0) victim_consumer(point, seed * 17 + (u64)round, false, round);
        waitpid(victim, &status, 0);
        if (WIFEXITED(status) && WEXITSTATUS(status)) failed("victim failed");
        killed += WIFSIGNALED(status);
        if (point == HOOK_SEAT_JOINING || point == HOOK_SEAT_OWNED) ring_repair(&view, true, &evicted); /* a new name each time */
    }
    u64 before = PEEK(shared->published[0]);
    pid_t last = forked();
    if (last == 0) victim_consumer(point, seed, true, 0);
    waitpid(last, &status, 0);
    if (!WIFEXITED(status) || WEXITSTATUS(status)) failed("the last consumer failed");
    if (PEEK(shared->published[0]) == before) failed("hung: producers did not go on");
    STORE(shared->finished, 1);
    ring_repair(&view, true, &evicted);
    for (int left = 2; left; left--) {
        if (wait(&status) < 0 || !WIFEXITED(status) || WEXITSTATUS(status)) failed("a producer failed");
    }
    printf("ok %d %llu %llu\n", killed, (unsigned long long)(PEEK(shared->published[0]) + PEEK(shared->published[1])), 0ull);
}

/* ── dying members: nothing lost, the living never see a record twice ──────── */

static void member(int point, u64 seed, bool living, u64 index)
{
    ring_view view;
    ring_reader reader;
    int started, result, evicted;
    u64 holder, idle_since = 0;
    char name[16];
    message *copy = malloc(8192);
    snprintf(name, sizeof name, "m%llu", (unsigned long long)index);
    proof_attach(&view, segment, CAPACITY);
    hook_target = living ? 0 : point;
    hook_countdown = point == HOOK_SEAT_OWNED || point == HOOK_ADOPTING ? 0 : (int)(random_next(&seed) % 6);
    result = member_sits(&view, &reader, name, "@group", START_HEAD, ~0ull, &started, &holder);
    if (result != RING_OK) failed("member: no seat, %d", result);
    for (int rounds = living ? INT_MAX : 30; rounds; rounds--) {
        member_commits(&view, &reader);
        if (member_takes(&view, &reader, 1 + random_next(&seed) % 5) != RING_OK) {
            if (!idle_since) idle_since = now_monotonic_ns();
            else if (now_monotonic_ns() - idle_since > 5000000u) ring_repair(&view, false, &evicted), idle_since = 0;
            if (PEEK(shared->finished) == 2) break;
            reader_sleeps(&view, &reader, reader.position, now_monotonic_ns() + 1000000u);
            continue;
        }
        idle_since = 0;
        while (read_message(&view, &reader, copy, &result)) {
            _Atomic unsigned char *seen = living ? shared->by_living : shared->by_victims;
            if (atomic_fetch_add(&seen[copy->number], 1) && living) failed("the living saw record %llu twice", (unsigned long long)copy->number);
            atomic_fetch_add(progress, 1);
        }
    }
    member_leaves(&view, &reader, true);
    _exit(0);
}

static void kill_members(int point, int kills, u64 seed)
{
    ring_view view;
    int killed = 0, status, evicted;
    proof_create(&view, segment, CAPACITY, GUARANTEE_ORDERED, 0);
    pid_t living[2], producer;
    for (u64 index = 0; index < 2; index++)
        if ((living[index] = forked()) == 0) member(point, seed + index, true, index);
    usleep(20000);
    if ((producer = forked()) == 0) produce(0, 1 << 22, seed, 100);
    for (int round = 0; killed < kills && round < kills * 40; round++) {
        int here = point == HOOK_ADOPTING && round % 2 == 0 ? HOOK_DRAINED : point;
        pid_t victim = forked();
        if (victim == 0) member(here, seed * 13 + (u64)round, false, (u64)round + 2);
        waitpid(victim, &status, 0);
        if (WIFEXITED(status) && WEXITSTATUS(status)) failed("victim failed");
        killed += WIFSIGNALED(status) && here == point;
        /* The one that is to die adopting must find the orphan before the living notice the death. */
    }
    STORE(shared->finished, 1);
    waitpid(producer, &status, 0);
    if (!WIFEXITED(status) || WEXITSTATUS(status)) failed("the producer failed");
    ring_repair(&view, false, &evicted);
    u64 count = PEEK(shared->published[0]), moved = now_monotonic_ns(), last = 0;
    for (u64 done = 0; done < count;) {
        done = 0;
        for (u64 number = 0; number < count; number++) done += PEEK(shared->by_living[number]) || PEEK(shared->by_victims[number]);
        if (PEEK(*progress) != last) last = PEEK(*progress), moved = now_monotonic_ns();
        if (now_monotonic_ns() - moved > STALL_LIMIT_NS) failed("lost: %llu of %llu records came", (unsigned long long)done, (unsigned long long)count);
        usleep(1000);
    }
    usleep(50000);
    STORE(shared->finished, 2);
    for (int index = 0; index < 2; index++) {
        waitpid(living[index], &status, 0);
        if (!WIFEXITED(status) || WEXITSTATUS(status)) failed("a living member failed");
    }
    printf("ok %d %llu %llu\n", killed, (unsigned long long)count, 0ull);
}

/* ── lossy: producers pause in mid-copy while others lap them; received + lost = sent ── */

static void lossy(int seconds)
{
    watcher w = {.copy = malloc(8192)};
    int started, status, evicted;
    u64 holder, sequence, pace = 1, seen[4] = {0};
    proof_create(&w.view, segment, CAPACITY, GUARANTEE_LOSSY, 0);
    if (consumer_sits(&w.view, &w.reader, "slow", START_HEAD, 0, ~0ull, false, &started, &holder) != RING_OK) failed("no seat");
    for (u64 author = 0; author < 3; author++)
        if (forked() == 0) {
            hook_target = HOOK_COPYING, hook_countdown = (int)author * 7, hook_pause_us = 2000;
            produce(author, ~0ull, author + 1, 0);
        }
    u64 until = now_monotonic_ns() + (u64)seconds * 1000000000u;
    int result = 0;
    for (;;) {
        bool over = now_monotonic_ns() > until;
        if (over && !PEEK(shared->finished)) {
            STORE(shared->finished, 1);
            for (int left = 3; left; left--)
                if (wait(&status) < 0 || !WIFEXITED(status) || WEXITSTATUS(status)) failed("a producer failed");
        }
        u32 length = read_message(&w.view, &w.reader, w.copy, &result);
        if (length) {
            w.records++;
            if (w.copy->number < seen[w.copy->author]) failed("a record came twice or out of order");
            seen[w.copy->author] = w.copy->number + 1;
            for (u32 turn = random_next(&pace) % 3000; turn; turn--) cpu_relax();
            reader_commits(&w.view, &w.reader);
        } else if (over) {
            break;
        }
    }
    ring_repair(&w.view, false, &evicted);
    tail_read(&w.view, &sequence);
    u64 lost = PEEK(w.reader.slot->lost), sent = PEEK(shared->published[0]) + PEEK(shared->published[1]) + PEEK(shared->published[2]);
    if (w.records + lost != sequence || sent != sequence) failed("%llu received + %llu lost != %llu sent", (unsigned long long)w.records, (unsigned long long)lost, (unsigned long long)sequence);
    printf("ok 0 %llu %llu\n", (unsigned long long)w.records, (unsigned long long)lost);
}

int main(int count, char **argument)
{
    if (count < 3) return 2;
    shared = mmap(NULL, sizeof *shared, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    progress = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    segment = proof_fd(CAPACITY);
    if (strcmp(argument[1], "lossy") == 0) return lossy(atoi(argument[2])), 0;
    if (count < 5) return 2;
    int point = atoi(argument[2]), kills = atoi(argument[3]);
    u64 seed = strtoull(argument[4], NULL, 10);
    if (strcmp(argument[1], "producer") == 0) kill_producers(point, kills, seed);
    else if (strcmp(argument[1], "consumer") == 0) kill_consumers(point, kills, seed);
    else if (strcmp(argument[1], "group") == 0) kill_members(point, kills, seed);
    else return 2;
    return 0;
}
