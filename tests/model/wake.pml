/* The eventcount: can a consumer sleep on a record that is there?
 *
 * The producer's stamp goes through a store buffer, as on every processor we run
 * on: it becomes visible at the fence, or, without one, at any later time.
 *
 *   -DNO_FENCE     mutation: no full fence between the stamp and the look at `asleep`
 *   -DNO_RECHECK   mutation: the consumer does not look at its bit again after it read the word
 *   -DWORD_FIRST   mutation: the waker bumps the word before it takes the bits
 *
 * The last two are how this code was first written. The model found that a late waker
 * could take the bit of a consumer's next sleep: nobody would wake that one.
 *
 * A lost wake-up is a deadlock: spin reports an invalid end state.
 */
#define ROUNDS 3
#ifdef NO_RECHECK
#define ASLEEP_STILL true
#else
#define ASLEEP_STILL asleep
#endif

byte buffered = 0, stamp = 0;   /* records stored, records visible */
bool asleep = false, sleeping = false;
byte word = 0;

active proctype producer()
{
    byte sent = 0;
    do
    :: sent == ROUNDS -> break
    :: else ->
        sent++;
        buffered = sent;
#ifndef NO_FENCE
        stamp = buffered;               /* the fence drains the store buffer */
#endif
        if
        :: asleep ->
#ifdef WORD_FIRST
            atomic { stamp = buffered; word++ };
            asleep = false;
#else
            atomic { stamp = buffered; asleep = false };   /* a locked instruction drains the buffer too */
            word++;
#endif
            sleeping = false            /* futex wake */
        :: else -> skip
        fi
    od
}

/* The store buffer drains by itself, some time. */
active proctype buffer()
{
    do
    :: stamp < buffered -> stamp = buffered
    :: stamp == ROUNDS -> break
    od
}

active proctype consumer()
{
    byte seen = 0, was;
    do
    :: seen == ROUNDS -> break
    :: else ->
        if
        :: stamp > seen -> seen = stamp
        :: else ->
            asleep = true;
            was = word;
            if
            :: stamp > seen -> asleep = false
#ifndef NO_RECHECK
            :: stamp <= seen && !asleep -> skip            /* a wake meant for our last sleep took our bit */
#endif
            :: stamp <= seen && ASLEEP_STILL ->
                if
                :: atomic { word == was -> sleeping = true };  /* futex wait */
                    (!sleeping)
                :: else -> skip
                fi;
                asleep = false
            fi
        fi
    od
}
