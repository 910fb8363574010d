"""Inputs that are nearly right, for hypothesis: bytes with edits, documents with values that have no place in them."""

import json
from collections.abc import Sequence
from typing import Any

from hypothesis import strategies as st

TEXTS = st.text(st.characters() | st.sampled_from("\0\ud800\udfff\uffff"), max_size=70)
NUMBERS = st.sampled_from([0, -1, 1, 2**31, -(2**31), 2**53 + 1, 2**64, 1e308, -0.0, float("inf"), float("nan")])
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-(10**40), 10**40) | st.floats() | NUMBERS | TEXTS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXTS, inner, max_size=3),
    max_leaves=6,
)
_SIZES = st.sampled_from([b"\0\0\0\0", b"\xff\xff\xff\xff", b"\x7f\xff\xff\xff", b"\0\0\0\1", b"\x80\0\0\0"])
_EDITS = st.tuples(
    st.sampled_from(["replace", "insert", "delete", "cut", "repeat"]), st.integers(0, 2**24), st.integers(1, 64)
)


@st.composite
def damaged_bytes(draw: st.DrawFn, corpus: Sequence[bytes], most_edits: int = 6) -> bytes:
    """One of `corpus` after some edits, or noise now and then."""
    if draw(st.integers(0, 19)) == 0:
        return draw(st.binary(max_size=300))
    data = bytearray(draw(st.sampled_from(corpus)))
    for kind, where, length in draw(st.lists(_EDITS, max_size=most_edits)):
        at = where % (len(data) + 1)
        match kind:
            case "replace":
                new = draw(st.binary(min_size=1, max_size=8) | _SIZES)
                data[at : at + len(new)] = new
            case "insert":
                data[at:at] = draw(st.binary(min_size=1, max_size=length))
            case "delete":
                del data[at : at + length]
            case "cut":
                del data[at:]
            case "repeat":
                data[at:at] = data[at : at + length] * 3
    return bytes(data)


@st.composite
def damaged_documents(draw: st.DrawFn, corpus: Sequence[Any]) -> Any:
    """One of `corpus` (JSON-like) in which some values, however deep, are gone or others."""
    document = json.loads(json.dumps(draw(st.sampled_from(corpus))))
    for _ in range(draw(st.integers(0, 3))):
        inside = document
        while isinstance(inside, dict | list) and inside:
            keys = sorted(inside) if isinstance(inside, dict) else range(len(inside))
            key = draw(st.sampled_from(keys))
            deeper = inside[key]
            if isinstance(deeper, dict | list) and deeper and draw(st.integers(0, 3)):
                inside = deeper
                continue
            match draw(st.sampled_from(("other", "other", "gone", "more"))):
                case "other":
                    inside[key] = draw(VALUES)
                case "gone":
                    del inside[key]
                case "more" if isinstance(inside, list):
                    inside.append(draw(VALUES | st.just(deeper)))
                case "more":
                    inside[draw(TEXTS)] = draw(VALUES)
            break
    return document


def as_json(document: Any, *, ascii_only: bool) -> bytes:
    """The document as bytes, halves of surrogate pairs and NaN too."""
    return json.dumps(document, ensure_ascii=ascii_only).encode(errors="surrogatepass")
