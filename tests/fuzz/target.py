"""What is fuzzed: how inputs are made, and what is done with one."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hypothesis.strategies import SearchStrategy

TryOne = Callable[[Any], bool]  # True: taken; False: refused in words. Whatever it raises is a crash.


@dataclass(frozen=True, slots=True)
class Target:
    """prepare: makes what is needed in an empty folder, once; gives the inputs and what is done with each of them.

    limit_s: an input that takes longer hangs. guided: whether coverage of Python code can lead to new inputs.
    """

    name: str
    prepare: Callable[[Path], tuple[SearchStrategy[Any], TryOne]]
    limit_s: float = 5.0
    guided: bool = False
