"""Content identifiers: SHA-256 of a blob, or of a record in deterministic CBOR (DAG-CBOR), as a CIDv1 in base32."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Mapping
from typing import Any

_RAW = 0x55
_DAG_CBOR = 0x71
_SHA2_256 = b"\x12\x20"
_UNSIGNED, _NEGATIVE, _BYTES, _TEXT, _LIST, _MAP, _TAG = range(7)
_CID_TAG = 42


def cid_of_blob(content: bytes) -> str:
    """Begins with bafkrei."""
    return _cid(_RAW, content)


def cid_of_record(record: Mapping[str, Any]) -> str:
    """Begins with bafyrei. Raises ValueError for what the data model does not have, such as fractions."""
    return _cid(_DAG_CBOR, encode(record))


def is_cid(text: object) -> bool:
    """Whether this is a CIDv1 of the kind made here."""
    if not isinstance(text, str) or len(text) != 59 or not text.startswith("b"):
        return False
    try:
        decoded = _decode_base32(text)
    except ValueError:
        return False
    return decoded[0] == 1 and decoded[1] in (_RAW, _DAG_CBOR) and decoded[2:4] == _SHA2_256


def encode(value: Any) -> bytes:
    """DAG-CBOR: shortest lengths, map keys ordered by length and then bytes, ``$link`` and ``$bytes`` as such."""
    match value:
        case None:
            return b"\xf6"
        case bool():
            return b"\xf5" if value else b"\xf4"
        case int():
            return _head(_UNSIGNED, value) if value >= 0 else _head(_NEGATIVE, -1 - value)
        case str():
            encoded = value.encode()
            return _head(_TEXT, len(encoded)) + encoded
        case list():
            return _head(_LIST, len(value)) + b"".join(map(encode, value))
        case {"$link": str(link), **rest} if not rest:
            decoded = b"\x00" + _decode_base32(link)
            return _head(_TAG, _CID_TAG) + _head(_BYTES, len(decoded)) + decoded
        case {"$bytes": str(text), **rest} if not rest:
            content = base64.b64decode(text + "=" * (-len(text) % 4), validate=True)
            return _head(_BYTES, len(content)) + content
        case dict():
            keys = sorted(value, key=lambda key: (len(key.encode()), key.encode()))
            return _head(_MAP, len(keys)) + b"".join(encode(key) + encode(value[key]) for key in keys)
    raise ValueError(f"{value!r} is not in the AT Protocol's data model")


def _cid(codec: int, content: bytes) -> str:
    digest = hashlib.sha256(content).digest()
    return "b" + base64.b32encode(bytes((1, codec)) + _SHA2_256 + digest).decode().lower().rstrip("=")


def _decode_base32(cid: str) -> bytes:
    text = cid[1:].upper()
    return base64.b32decode(text + "=" * (-len(text) % 8))


def _head(kind: int, number: int) -> bytes:
    if number < 24:
        return bytes((kind << 5 | number,))
    for extra, size in ((24, 1), (25, 2), (26, 4), (27, 8)):
        if number < 1 << 8 * size:
            return bytes((kind << 5 | extra,)) + number.to_bytes(size, "big")
    raise ValueError(f"{number} does not fit into 64 bits")
