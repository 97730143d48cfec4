from typing import Any

from sniperforge.base.units import Pubkey

_Told = tuple[dict[str, int], dict[str, Pubkey], dict[str, str], dict[str, tuple[Any, ...]], int, int]

class Plan:
    def __init__(self, fields: tuple[tuple[str, str, bool], ...], /) -> None: ...
    def read(self, data: bytes, at: int, tail_max: int, /) -> _Told | None: ...
