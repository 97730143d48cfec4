from sniperforge.base.units import Pubkey

_Spans = tuple[tuple[int, int], ...]
_Row = tuple[Pubkey, int, int, Pubkey, list[bytes], list[str], tuple[Pubkey, ...], bytes]

class ByteTest:
    def __init__(
        self,
        tags: tuple[tuple[bytes, _Spans | None], ...],
        tails: tuple[bytes, ...],
        groups: tuple[tuple[bytes, tuple[bytes, ...]], ...],
        escaped: tuple[bytes, ...],
        tracked: dict[bytes, int],
        blind: list[bytes],
        /,
    ) -> None: ...
    def look(self, frame: bytes, /) -> int: ...

def read_logs(frame: bytes, programs: bytes, /) -> tuple[str, int, list[_Row]] | None: ...
