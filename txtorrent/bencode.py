"""Bencoding (BEP 3), strictly: the bencode.py library with its lax and unsafe steps replaced.

What peers and strangers send goes through here and nowhere else. Nothing but `BencodeError`
comes out of malformed input, whatever it is, in time linear in its length.
"""

import re
from collections import deque
from collections.abc import Callable
from typing import Any, Final, NoReturn, TypeAlias

from bencodepy import BencodeDecoder, BencodeEncoder

Value: TypeAlias = bytes | int | list["Value"] | dict[bytes, "Value"]

MAX_DEPTH: Final = 100
"""Lists and dicts within each other; a torrent file has folders at most this deep."""
MAX_TOKENS: Final = 1_000_000
"""Values and keys of a document: bounds the objects that 10 MB of input may turn into."""
NETWORK_DEPTH: Final = 8
"""MAX_DEPTH of messages from the network, which need four."""
NETWORK_TOKENS: Final = 10_000
"""MAX_TOKENS of messages from the network: 1,400 peers as dicts fit, and any compact list."""

_MAX_INT: Final = 2**63 - 1
_MIN_INT: Final = -(2**63)

# Digits only, no leading zeros, no minus zero; the bound on digits keeps int() cheap.
_INT = re.compile(rb"i(0|-?[1-9][0-9]{0,18})e")
_LENGTH = re.compile(rb"(0|[1-9][0-9]{0,9}):")
_END: Final = ord("e")
_DICT: Final = ord("d")


class BencodeError(ValueError):
    """The bytes are not strict bencoding, or the value cannot be bencoded."""


class _Budget:
    """What is left of a document's tokens."""

    __slots__ = ("tokens",)

    def __init__(self, tokens: int) -> None:
        self.tokens = tokens


_Step: TypeAlias = "Callable[[bytes, int, int, _Budget], tuple[Value, int]]"


def _malformed(data: bytes, at: int, what: str) -> NoReturn:
    """Data cut inside a number looks malformed as well: say that it ends early instead."""
    tail = data[at : at + 22].lstrip(b"i-")
    if at + 22 > len(data) and (not tail or tail.isdigit()):
        raise BencodeError("the data ends early")
    raise BencodeError(f"{what} at byte {at}")


class _StrictDecoder(BencodeDecoder):  # type: ignore[misc]
    """The library's decoder with each of its steps made strict; holds no state.

    A step takes the data, where its value starts, how much deeper it may go and the budget; it
    returns the value and where that ends. Reading past the data is an IndexError, caught where
    a document begins.
    """

    decode_func: list[_Step]

    def __init__(self) -> None:
        super().__init__()
        self.decode_func = [self._refuse] * 256
        self.decode_func[ord("i")] = self.decode_int
        self.decode_func[ord("l")] = self.decode_list
        self.decode_func[_DICT] = self.decode_dict
        for digit in b"0123456789":
            self.decode_func[digit] = self.decode_string

    def _refuse(self, x: bytes, f: int, depth: int, budget: _Budget) -> NoReturn:
        raise BencodeError(f"no value starts at byte {f}")

    def decode_int(self, x: bytes, f: int, depth: int, budget: _Budget) -> tuple[int, int]:
        match = _INT.match(x, f)
        if match is None:
            _malformed(x, f, "a malformed integer")
        number = int(match[1])
        if not _MIN_INT <= number <= _MAX_INT:
            raise BencodeError(f"an integer of more than 64 bits at byte {f}")
        return number, match.end()

    def decode_string(self, x: bytes, f: int, depth: int, budget: _Budget) -> tuple[bytes, int]:
        match = _LENGTH.match(x, f)
        if match is None:
            _malformed(x, f, "a malformed string length")
        start = match.end()
        end = start + int(match[1])
        if end > len(x):
            raise BencodeError("the data ends early")
        return x[start:end], end

    def decode_list(self, x: bytes, f: int, depth: int, budget: _Budget) -> tuple[Value, int]:
        if depth <= 0:
            raise BencodeError(f"nested too deep at byte {f}")
        steps = self.decode_func
        items: list[Value] = []
        f += 1
        while (kind := x[f]) != _END:
            budget.tokens -= 1
            if budget.tokens < 0:
                raise BencodeError("too many values")
            item, f = steps[kind](x, f, depth - 1, budget)
            items.append(item)
        return items, f + 1

    def decode_dict(self, x: bytes, f: int, depth: int, budget: _Budget) -> tuple[Value, int]:
        if depth <= 0:
            raise BencodeError(f"nested too deep at byte {f}")
        steps = self.decode_func
        values: dict[bytes, Value] = {}
        f += 1
        while x[f] != _END:
            key, start = self.decode_key(x, f, values, budget)
            values[key], f = steps[x[start]](x, start, depth - 1, budget)
        return values, f + 1

    def decode_key(
        self, x: bytes, f: int, earlier: dict[bytes, Value], budget: _Budget
    ) -> tuple[bytes, int]:
        """A dict's next key, for which and for whose value the budget pays."""
        budget.tokens -= 2
        if budget.tokens < 0:
            raise BencodeError("too many values")
        key, end = self.decode_string(x, f, 0, budget)
        if key in earlier:
            raise BencodeError(f"a key that occurs twice at byte {f}")
        return key, end


class _StrictEncoder(BencodeEncoder):  # type: ignore[misc]
    """The library's encoder, for exactly the four types of bencoding; holds no state."""

    def __init__(self) -> None:
        super().__init__()
        self.encode_func = {
            bytes: self.encode_bytes,
            int: self.encode_int,
            list: self.encode_list,
            dict: self.encode_dict,
        }

    def encode_int(self, x: int, r: "deque[bytes]") -> None:
        if not _MIN_INT <= x <= _MAX_INT:
            raise BencodeError("an integer of more than 64 bits")
        r.append(b"i%de" % x)

    def encode_bytes(self, x: bytes, r: "deque[bytes]") -> None:
        r.append(b"%d:" % len(x))
        r.append(x)

    def encode_dict(self, x: dict[Any, Any], r: "deque[bytes]") -> None:
        if not all(type(key) is bytes for key in x):
            raise BencodeError("a dict key that is not bytes")
        super().encode_dict(x, r)


_DECODER: Final = _StrictDecoder()
_ENCODER: Final = _StrictEncoder()


def decode(data: bytes, *, max_depth: int = MAX_DEPTH, max_tokens: int = MAX_TOKENS) -> Value:
    """The value that `data` is, all of it. BencodeError when it is anything else."""
    value, end = decode_prefix(data, max_depth=max_depth, max_tokens=max_tokens)
    if end != len(data):
        raise BencodeError(f"{len(data) - end} bytes too many after the value")
    return value


def decode_prefix(
    data: bytes, offset: int = 0, *, max_depth: int = MAX_DEPTH, max_tokens: int = MAX_TOKENS
) -> tuple[Value, int]:
    """The value that starts at `offset` and the offset after it; more bytes may follow
    (ut_metadata, BEP 9). BencodeError when no value is there, it is cut, nested deeper than
    `max_depth` or of more than `max_tokens` values and keys."""
    if offset < 0:
        raise BencodeError(f"no value starts at byte {offset}")
    try:
        step = _DECODER.decode_func[data[offset]]
        return step(data, offset, max_depth, _Budget(max_tokens - 1))
    except IndexError:
        raise BencodeError("the data ends early") from None
    except RecursionError:
        raise BencodeError("nested too deep") from None


def encode(value: Value) -> bytes:
    """The bencoding of `value`, dict keys sorted.

    BencodeError unless it is made of exactly bytes, int, list and dict (bool, str, None and
    subclasses are refused) with 64-bit ints and keys of bytes.
    """
    try:
        encoded: bytes = _ENCODER.encode(value)
    except KeyError as error:
        raise BencodeError(f"a {error.args[0].__name__} cannot be bencoded") from None
    except RecursionError:
        raise BencodeError("nested too deep") from None
    return encoded


def decode_with_spans(
    data: bytes, *, max_depth: int = MAX_DEPTH, max_tokens: int = MAX_TOKENS
) -> tuple[dict[bytes, Value], dict[bytes, tuple[int, int]]]:
    """The dict that starts `data`, and for each of its keys where in `data` its value lies, as
    (start, end): an info-hash is taken over the bytes as they came, never over a re-encoding, which
    would sort the keys. What follows the dict is ignored. BencodeError as of `decode_prefix`, and
    when something other than a dict starts there.
    """
    if data and data[0] != _DICT:
        raise BencodeError("not a dict")
    decoder, budget = _DECODER, _Budget(max_tokens - 1)
    values: dict[bytes, Value] = {}
    spans: dict[bytes, tuple[int, int]] = {}
    f = 1
    try:
        while data[f] != _END:
            key, start = decoder.decode_key(data, f, values, budget)
            step = decoder.decode_func[data[start]]
            values[key], f = step(data, start, max_depth - 1, budget)
            spans[key] = start, f
    except IndexError:
        raise BencodeError("the data ends early") from None
    except RecursionError:
        raise BencodeError("nested too deep") from None
    return values, spans
