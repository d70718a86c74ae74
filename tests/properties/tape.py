"""Random bytes read as choices: hypothesis draws and shrinks a run of bytes much faster than a structure of values."""

from __future__ import annotations

from collections.abc import Sequence


class Tape:
    """Bytes read one by one as small choices; behind the end all are the first. True while some are left."""

    def __init__(self, tape: bytes) -> None:
        self._rest = iter(tape)
        self._left = len(tape)

    def __bool__(self) -> bool:
        return self._left > 0

    def below(self, count: int) -> int:
        """A number from 0 to before `count`."""
        self._left -= 1
        return next(self._rest, 0) % count

    def several(self, numbers: Sequence[int], count: int) -> tuple[int, ...]:
        """`count` of `numbers`, or a few less."""
        return tuple(dict.fromkeys(numbers[self.below(len(numbers))] for _ in range(count)))
