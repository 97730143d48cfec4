"""Readers: they watch every ring and touch none."""
