from sniperforge.dex.venue import Step

_Spans = tuple[tuple[int, int], ...]

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

def read_logs(frame: bytes, programs: bytes, make: type[Step], /) -> tuple[str, int, tuple[Step, ...]] | None: ...
