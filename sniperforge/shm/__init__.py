"""Shared memory between the processes of one host: rings, counters, heartbeats.

`ring` carries every event between pinned processes; `counters` holds what an
observer reads without asking. The protocol is C (`_ring.c` and its headers).
"""
