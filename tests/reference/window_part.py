"""A part of a whole, as windows of venues and of the mirror remember it."""

from dataclasses import dataclass


def share(part: int, whole: int) -> int:
    return part * 1000 // whole if whole else 0


@dataclass
class Part:
    """A part of a whole: lately, and usually."""

    part: int = 0
    whole: int = 0
    part_fast: int = 0
    whole_fast: int = 0
    base: int = 0
    slots: int = 0
    frozen: int = 0

    def recent(self) -> int:
        part = self.part_fast + (self.part << 16) // 10
        return share(part, self.whole_fast + (self.whole << 16) // 10)

    def roll(self) -> None:
        now = (self.part << 16) // self.whole if self.whole else 0
        is_hot = self.slots >= 20 and now > 4 * self.base + 655
        self.part_fast = (self.part_fast * 9 + (self.part << 16)) // 10
        self.whole_fast = (self.whole_fast * 9 + (self.whole << 16)) // 10
        if self.whole and is_hot and self.frozen < 600:
            self.frozen += 1
        elif self.whole:
            self.frozen = 0
            self.slots = min(self.slots + 1, 300)
            self.base = (self.base * (self.slots - 1) + now) // self.slots
        self.part = self.whole = 0
