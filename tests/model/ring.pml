/* The ring's claim, gate, commit and repair, for every interleaving and every death.
 *
 * Two producers, one consumer, a ring of CAP cells, LAST records. A producer may
 * die between any two steps (DEATHS times in all); the reaper repairs. Cells stand
 * for records of equal size; positions do not wrap here (the C code is started
 * at 2^64 - 5 rings by its own test).
 *
 *   -DLOSSY          the consumer does not hold producers back (no consumer here)
 *   -DNO_INFLIGHT    mutation: the gate forgets producers in flight
 *   -DCLAIM_FIRST    mutation: the intent is written after the claim
 *   -DNO_LAP_CHECK   mutation: the reaper does not ask whether the position was lapped; this is how the
 *                    code was first written, and this model found the record it would have overwritten
 *
 * Asserted: no cell has two writers, nothing unread is overwritten, the consumer
 * sees every position once; no deadlock (spin's invalid end states).
 */
#define CAP 2
#define IDLE 99
#ifndef LAST
#define LAST 4
#endif
#ifndef DEATHS
#define DEATHS 2
#endif

byte tail = 0, cursor = 0, deaths = 0, finished = 0;
byte stamp[CAP];          /* position + 1 of the committed record, 0: none */
byte intent[2] = IDLE;
bool dead[2], inside[2];  /* inside: between claim and commit, writing */
byte writers[CAP];

#define OTHER (1 - id)
#define MAY_DIE if :: atomic { deaths < DEATHS -> deaths++; goto died } :: true -> skip fi

proctype producer(byte id)
{
    byte position, gate;
    do
    :: tail >= LAST -> intent[id] = IDLE; break
    :: else ->
        /* SYNC POINT gate: tail before cursors and intents */
        gate = tail;
#ifndef LOSSY
        gate = (cursor < gate -> cursor : gate);
#endif
#ifndef NO_INFLIGHT
        gate = (intent[OTHER] < gate -> intent[OTHER] : gate);
#endif
        gate = gate + CAP;
        position = tail;
        if
        :: position >= gate || position >= LAST -> intent[id] = IDLE
        :: else ->
#ifndef CLAIM_FIRST
            intent[id] = position;
#endif
            MAY_DIE;
            if
            :: atomic { tail == position -> tail++; inside[id] = true };
                MAY_DIE;
#ifdef CLAIM_FIRST
                intent[id] = position;
#endif
                atomic { writers[position % CAP]++; assert(writers[position % CAP] == 1) };
#ifndef LOSSY
                assert(cursor + CAP > position);
#endif
                MAY_DIE;
                atomic { stamp[position % CAP] = position + 1; writers[position % CAP]--; inside[id] = false };
                MAY_DIE;
                intent[id] = IDLE
            :: else -> skip
            fi
        fi
    od;
    finished++;
    goto done;
died:
    dead[id] = true;
done:
    skip
}

/* Runs whenever somebody died: pads the hole, frees the seat. */
active proctype reaper()
{
    byte id, position;
    do
    :: dead[0] -> id = 0; goto repair
    :: dead[1] -> id = 1; goto repair
    :: finished == 2 -> break
    continue:
        skip
    od;
    goto end;
repair:
    position = intent[id];
    if
    :: position == IDLE || tail <= position -> skip
    :: else ->
        if
        /* a living one with the same intent either won or will think again: look later */
        :: intent[OTHER] == position && !dead[OTHER] ->
            (intent[OTHER] != position || dead[OTHER] || stamp[position % CAP] == position + 1);
            goto repair
        :: else -> skip
        fi;
        if
        :: stamp[position % CAP] != position + 1 ->
            /* An intent may be written late, when others won its position long ago and the ring was
             * lapped since: a true hole holds the tail within one ring. */
            if
#ifndef NO_LAP_CHECK
            :: tail > position + CAP -> skip
            :: else -> stamp[position % CAP] = position + 1
#else
            :: stamp[position % CAP] = position + 1
#endif
            fi
        :: else -> skip
        fi
    fi;
    /* the dead write no more */
    atomic {
        if :: inside[id] && writers[position % CAP] > 0 -> writers[position % CAP]-- :: else -> skip fi;
        inside[id] = false; intent[id] = IDLE; dead[id] = false
    };
    /* the supervisor starts it again */
    run producer(id);
    goto continue;
end:
    skip
}

#ifndef LOSSY
active proctype consumer()
{
    do
    :: cursor == LAST -> break
    :: stamp[cursor % CAP] == cursor + 1 ->
        assert(cursor < tail);
        cursor++
    od
}
#endif

init { atomic { run producer(0); run producer(1) } }
