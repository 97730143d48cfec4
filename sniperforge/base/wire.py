"""Messages as bytes.

Event <-> msgpack array, tagged by a small integer   (ring records)
Event <-> one JSON object a line                     (pipes, files)

Outside, the field names stay, money is an integer, keys are base58, `type`
names the message and `v` the schema version. Fields we do not know are skipped,
so that a newer writer can talk to an older reader.
"""

from __future__ import annotations

from typing import Any, ClassVar, cast, get_type_hints

import msgspec

from sniperforge.base.errors import DecodeError
from sniperforge.base.events import SCHEMA_VERSION, Event, Pool
from sniperforge.base.units import Pubkey


def _leaves(root: type[Event]) -> list[type[Event]]:
    return [kind for child in root.__subclasses__() for kind in [child, *_leaves(child)]]


#: Tag (= ring record type) of every message type, and back.
TYPES: dict[int, type[Event]] = {cast(int, k.__struct_config__.tag): k for k in _leaves(Event)}
TAGS: dict[type[Event], int] = {kind: tag for tag, kind in TYPES.items()}
NAMES: dict[str, type[Event]] = {kind.__name__: kind for kind in TAGS}
_encoder = msgspec.msgpack.Encoder()
_decoders = {tag: msgspec.msgpack.Decoder(kind) for tag, kind in TYPES.items()}


def encode(event: Event) -> bytes:
    """Return the msgpack bytes of *event* for a ring record of type `TAGS[type(event)]`."""
    return _encoder.encode(event)


def decode(tag: int, payload: bytes | memoryview) -> Event:
    """Return the message in a ring record; raises DecodeError for anything else."""
    decoder = _decoders.get(tag)
    if decoder is None:
        raise DecodeError(f"record type {tag} is not a message of schema {SCHEMA_VERSION}; upgrade this reader")
    try:
        return decoder.decode(payload)
    except (msgspec.DecodeError, ValueError) as problem:
        raise DecodeError(f"{TYPES[tag].__name__}: {problem}; the writer speaks another schema, restart both") from None


# ── JSON lines ────────────────────────────────────────────────────────────


class _Shape:
    """Which fields of a struct are keys, nested structs or plain, read once per type."""

    _known: ClassVar[dict[type, _Shape]] = {}

    def __init__(self, kind: type[msgspec.Struct]) -> None:
        hints = get_type_hints(kind)
        self.kind = kind
        self.fields = kind.__struct_fields__
        self.keys = {name for name in self.fields if hints[name] is Pubkey}
        self.key_maps = {name for name in self.fields if hints[name] == dict[str, Pubkey]}
        self.nested = {name: hints[name] for name in self.fields if hints[name] is Pool}
        self.tag = kind.__struct_config__.tag
        info = msgspec.structs.fields(kind)
        self.defaults: dict[str, object] = {}
        for field in info:
            if field.default is not msgspec.NODEFAULT:
                self.defaults[field.name] = field.default
            elif field.default_factory is not msgspec.NODEFAULT:
                self.defaults[field.name] = field.default_factory()

    @classmethod
    def of(cls, kind: type[msgspec.Struct]) -> _Shape:
        if kind not in cls._known:
            cls._known[kind] = cls(kind)
        return cls._known[kind]


def to_fields(value: msgspec.Struct) -> dict[str, object]:
    """Return a struct as JSON-ready fields: base58 keys, integers, nested objects."""
    from sniperforge.base import keys

    shape = _Shape.of(type(value))
    fields: dict[str, object] = {}
    for name in shape.fields:
        item = getattr(value, name)
        if name in shape.keys:
            item = keys.text(item)
        elif name in shape.key_maps:
            item = {label: keys.text(raw) for label, raw in item.items()}
        elif name in shape.nested:
            item = to_fields(item)
        fields[name] = item
    return fields


def to_json(event: Event) -> bytes:
    """Return one JSON object (no newline): type, v, then the fields under their names."""
    import orjson

    return orjson.dumps({"type": type(event).__name__, "v": SCHEMA_VERSION, **to_fields(event)})


def from_json(line: bytes | str) -> Event:
    """Return the message of one JSON line; raises DecodeError naming what is wrong.

    Unknown fields are skipped, so that a newer writer can talk to an older reader.
    """
    import orjson

    try:
        fields = orjson.loads(line)
    except orjson.JSONDecodeError as problem:
        raise DecodeError(f"not a JSON object: {problem}; one event a line is expected") from None
    if not isinstance(fields, dict):
        raise DecodeError("not a JSON object; one event a line is expected")
    kind = NAMES.get(str(fields.get("type")))
    if kind is None:
        raise DecodeError(f"type {str(fields.get('type'))[:40]!r} is unknown; upgrade this reader")
    return cast(Event, _from_fields(kind, fields))


def _from_fields(kind: type[msgspec.Struct], fields: dict[str, Any]) -> msgspec.Struct:
    from sniperforge.base import keys

    shape = _Shape.of(kind)
    row: list[object] = [] if shape.tag is None else [shape.tag]
    for name in shape.fields:
        if name not in fields:
            if name not in shape.defaults:
                raise DecodeError(f"{kind.__name__}.{name} is missing; the writer speaks another schema")
            row.append(shape.defaults[name])
            continue
        item = fields[name]
        if name in shape.keys:
            item = keys.key(_expect(kind, name, item, str))
        elif name in shape.key_maps:
            item = {str(k): keys.key(_expect(kind, name, v, str)) for k, v in _expect(kind, name, item, dict).items()}
        elif name in shape.nested:
            item = msgspec.to_builtins(
                _from_fields(shape.nested[name], _expect(kind, name, item, dict)), builtin_types=(bytes,)
            )
        row.append(item)
    try:
        return msgspec.convert(row, kind)
    except (msgspec.ValidationError, ValueError) as problem:
        raise DecodeError(f"{kind.__name__}: {problem}; see the schema of this event") from None


def _expect(kind: type, name: str, item: object, wanted: type) -> Any:
    if not isinstance(item, wanted):
        raise DecodeError(f"{kind.__name__}.{name} must be {wanted.__name__}, got {type(item).__name__}")
    return item
