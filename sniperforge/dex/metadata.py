"""What a coin says of itself on the chain, and who may change that.

mint                     -> address of its Metaplex metadata account
that account's bytes     -> Metadata
mint account's bytes     -> where its metadata is (Token-2022's pointer), Metadata (its extension)

Sources: mpl-token-metadata, state/metadata.rs and utils/metadata.rs (`meta_deser_unchecked`);
Token-2022, extension/metadata_pointer and spl-token-metadata-interface, `TokenMetadata`.
"""

from __future__ import annotations

import struct
from typing import NamedTuple

from sniperforge.base.errors import DecodeError
from sniperforge.base.units import ZERO_KEY, Pubkey
from sniperforge.dex.borsh import Codec, Structs
from sniperforge.dex.layouts import fields
from sniperforge.dex.programs import METADATA, TOKEN, pda
from sniperforge.dex.token import ACCOUNT_SIZE, decode_mint

#: The longest a metadata account ever was; those of today have 607 bytes.
METAPLEX_SIZE_MAX = 679
#: A mint with its extensions; thousands of times what an honest one needs.
MINT_SIZE_MAX = 1 << 20
_METADATA_V1 = 4
_POINTER, _TOKEN_METADATA = 18, 19
_POINTER_SIZE = 64
_TEXTS_AT = {_METADATA_V1: 65, _TOKEN_METADATA: 64}

#: As far as the program itself trusts the bytes: what stands behind `is_mutable` and the
#: edition's nonce was corrupted in old accounts, and the program then takes it for absent.
_METAPLEX = Codec(
    fields(
        "key:u8 update_authority:pubkey mint:pubkey name:string symbol:string uri:string seller_fee_bps:u16 "
        "creators:option<vec<creator>> primary_sale_happened:bool is_mutable:bool"
    ),
    own=Structs({"creator": fields("address:pubkey verified:bool share:u8")}),
)
_TOKEN_2022 = Codec(
    fields("update_authority:pubkey mint:pubkey name:string symbol:string uri:string additional:vec<pair>"),
    own=Structs({"pair": fields("name:string value:string")}),
)


class Metadata(NamedTuple):
    """What a coin says of itself; the texts are as they stand there, without padding.

    Attributes:
        mutable: somebody may change it.
        update_authority: who; the zero key when there is none.
    """

    mutable: bool
    update_authority: Pubkey
    name: bytes
    symbol: bytes
    uri: bytes


def metaplex_address(mint: Pubkey) -> Pubkey:
    """Return the address of the Metaplex metadata account of *mint*."""
    return pda(METADATA, b"metadata", METADATA, mint)


def decode_metaplex(data: bytes, owner: Pubkey, mint: Pubkey) -> Metadata:
    """Return the metadata of *mint* in *data*, an account owned by the program *owner*.

    Raises:
        DecodeError: another program's account, another kind of it, another mint's, or cut short.
    """
    if owner != METADATA:
        raise DecodeError("metadata account is not owned by Metaplex; whoever made it says nothing of the coin")
    if len(data) > METAPLEX_SIZE_MAX:
        raise DecodeError(
            f"metadata account is {len(data)} bytes, the longest has {METAPLEX_SIZE_MAX}; compare METADATA"
        )
    if data[:1] != bytes([_METADATA_V1]):
        raise DecodeError(f"metadata account starts with {data[:1].hex() or 'nothing'}, not 04; ask for the coin's own")
    record = _METAPLEX.decode(data, tail_max=METAPLEX_SIZE_MAX)
    if record.keys["mint"] != mint:
        raise DecodeError("metadata account is of another mint; derive its address from the coin's mint")
    texts = _texts(data, _TEXTS_AT[_METADATA_V1])
    return Metadata(record.ints["is_mutable"] == 1, record.keys["update_authority"], *texts)


def pointed_to(data: bytes, owner: Pubkey) -> Pubkey:
    """Return where the mint in *data* says its metadata is; the zero key when it does not say.

    Raises:
        DecodeError: it is no mint, or its extensions do not end where the account does.
    """
    value = _extension(data, owner, _POINTER)
    if value is None:
        return ZERO_KEY
    if len(value) != _POINTER_SIZE:
        raise DecodeError(f"metadata pointer has {len(value)} bytes, one has {_POINTER_SIZE}; compare the extension")
    return Pubkey(value[32:])


def decode_token_2022(data: bytes, owner: Pubkey, mint: Pubkey) -> Metadata | None:
    """Return the metadata inside the account of *mint*, or None when it has none.

    Raises:
        DecodeError: it is no mint, the extension is another mint's, or does not end where its length says.
    """
    value = _extension(data, owner, _TOKEN_METADATA)
    if value is None:
        return None
    record = _TOKEN_2022.decode(value)
    if record.keys["mint"] != mint:
        raise DecodeError("token metadata is of another mint; the account was not made by Token-2022's program")
    authority = record.keys["update_authority"]
    return Metadata(authority != ZERO_KEY, authority, *_texts(value, _TEXTS_AT[_TOKEN_METADATA]))


def _extension(data: bytes, owner: Pubkey, wanted: int) -> bytes | None:
    """Return the value of the extension *wanted* of a mint; which it is was checked to its end."""
    if len(data) > MINT_SIZE_MAX:
        raise DecodeError(f"mint account is {len(data)} bytes, {MINT_SIZE_MAX} are read; leave this coin alone")
    decode_mint(data, owner)
    at = ACCOUNT_SIZE + 1
    while owner != TOKEN and at + 4 <= len(data):
        kind, size = struct.unpack_from("<HH", data, at)
        if kind == 0:
            return None
        at += 4
        if kind == wanted:
            return data[at : at + size]
        at += size
    return None


def _texts(data: bytes, at: int) -> list[bytes]:
    """Return the three texts from *at* on, which was decoded before, without the zeros Metaplex pads with."""
    texts = []
    for _ in range(3):
        size = int.from_bytes(data[at : at + 4], "little")
        texts.append(data[at + 4 : at + 4 + size].rstrip(b"\0"))
        at += 4 + size
    return texts
