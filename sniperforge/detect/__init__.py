"""Frames in, believed market events out: attribution, verification, and refusals by name."""
