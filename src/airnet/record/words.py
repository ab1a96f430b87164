"""Words: is every line of a story told in the words of the entry that it cites?

Numbers are looked up by record.citations; here it is names of causes, actions,
targets, sessions, rules and states, comparators, units, and the sentences around them.
"""

import difflib
import re
from collections.abc import Iterable, Iterator

from airnet.domain.incident import Evidence, Incident
from airnet.record.wordings import Book, Line, headings

_CITE = re.compile(r"\[(\d+)\]")
#: A line's citations; a bracket before them belongs to what is told.
_CITES = re.compile(r" ?(?:\[\d+\])+$")
_SLOT = re.compile(r"\{([a-z ]+)\}")
#: Numbers by their shape, unit included; which number is looked up elsewhere.
_NUMBERS = {
    "moment": r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\.\d{9} UTC",
    "span": r"\d+\.\d{3} ms",
}
#: What a console rules off a story with.
_RULE = " \t─"
SECTIONS = frozenset(
    {
        "What happened",
        "What was decided and done",
        "How it ended",
        "Under which configuration",
        "What moved the model",
    }
)


def problems(
    story: str,
    evidence: Iterable[Evidence],
    incidents: Iterable[Incident],
    derived: frozenset[str] = frozenset(),
) -> list[str]:
    """Return which words of a story are not those of the ledger; empty is good.

    Args:
        story: plain text as `airnet explain` writes it, one fact a line.
        evidence: the ledger.
        incidents: whose stories it may tell.
        derived: lines, without surrounding space, that were made anew from the ledger
            and the models: the story has them word for word, or they are none.
    """
    book = Book(evidence)
    heads = [line for one in incidents for line in headings(one)]
    found = []
    for number, line in enumerate(story.splitlines(), 1):
        plain = line.strip(_RULE)
        if plain and plain not in SECTIONS | derived:
            found += [f"line {number}: {what}" for what in _of(plain, book, heads)]
    return found


def _of(line: str, book: Book, heads: list[Line]) -> Iterator[str]:
    """Yield what is wrong with the words of one line, the first thing only."""
    tail = _CITES.search(line)
    cited = [int(cite) for cite in _CITE.findall(tail.group())] if tail else []
    text = line[: tail.start()] if tail else line
    if any(cite not in book.entries for cite in cited):
        return  # told of its numbers
    lines = list(book.lines(cited)) if cited else heads
    # A heading of nothing ends with the space before it, which is stripped here.
    texts = (text,) if cited else (text, f"{text} ")
    patterns = [_pattern(one, is_filled=True) for one in lines]
    if any(one.fullmatch(each) for one in patterns for each in texts):
        return
    where = "entry " + " or ".join(map(str, cited)) if cited else "the ledger"
    if not lines:
        yield f'"{text}" is nothing that {where} is told as'
        return
    nearest = max(lines, key=lambda one: _nearness(one, text))
    wrong = _wrong_slots(nearest, text)
    if wrong:
        name, said = wrong[0]
        told = f'{name} is told as "{said}", and is "{nearest.slots[name]}"'
        yield f"{told}, by {where}"
        return
    yield f"{_difference(nearest, text)}, by {where}"


def _wrong_slots(line: Line, text: str) -> list[tuple[str, str]]:
    """Return which slots a text has otherwise; none where it is not such a line."""
    names = [name for name in _SLOT.findall(line.template) if name in line.slots]
    given = _pattern(line, is_filled=False).fullmatch(text)
    if given is None or not _SLOT.sub("", line.template).strip():
        return []
    pairs = zip(names, given.groups(), strict=True)
    return [(name, said) for name, said in pairs if said != line.slots[name]]


def _nearness(line: Line, text: str) -> tuple[bool, int, float]:
    """Return how near a text is to a line: that has its words, or most of them."""
    wrong = _wrong_slots(line, text)
    return bool(wrong), -len(wrong), _likeness(_filled(line, text), text)


def _difference(line: Line, text: str) -> str:
    """Return in which words a text is not that line."""
    wanted, words = _filled(line, text).split(), text.split()
    matcher = difflib.SequenceMatcher(None, words, wanted, autojunk=False)
    for tag, first, last, start, end in matcher.get_opcodes():
        if tag != "equal":
            there = " ".join(words[first:last])
            return f'it has "{there}" for "{" ".join(wanted[start:end])}"'
    return f'it is not spaced as "{_filled(line, text)}"'


def _likeness(one: str, other: str) -> float:
    matcher = difflib.SequenceMatcher(None, one.split(), other.split(), autojunk=False)
    return matcher.ratio()


def _filled(line: Line, text: str) -> str:
    """Return a line with what its entry says, and the numbers that a text has."""
    numbers = {name: re.findall(shape, text) for name, shape in _NUMBERS.items()}

    def fill(slot: re.Match[str]) -> str:
        name = slot.group(1)
        if name in line.slots:
            return line.slots[name]
        if numbers[name]:
            return str(numbers[name].pop(0))
        bare = re.search(r"(\d+\.\d{3}) [a-z]", text)  # of another unit
        return f"{bare.group(1)} ms" if bare and name == "span" else f"({name})"

    return _SLOT.sub(fill, line.template)


def _pattern(line: Line, *, is_filled: bool) -> re.Pattern[str]:
    """Return what a text matches that is this line, with its slots filled or open."""
    pieces = _SLOT.split(line.template)
    for place, piece in enumerate(pieces):
        if place % 2 == 0:
            pieces[place] = re.escape(piece)
        elif piece not in line.slots:
            pieces[place] = _NUMBERS[piece]
        elif is_filled:
            pieces[place] = re.escape(line.slots[piece])
        else:
            pieces[place] = "(.*?)"
    return re.compile("".join(pieces))
