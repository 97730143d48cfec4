"""SniperForge: sees a new pool in the first frames that carry it, judges it, buys, manages, gets out."""

__version__ = "0.1.0"
