"""Citations: is every number of a story in the ledger entry that its line cites?

The story may be ours, saved long ago, or in somebody else's words: what is checked is
its numbers, line by line, against the entries in square brackets. It is no part of how
stories are told, and knows of that only how a moment, a span and a share are written.
"""

import re
from collections.abc import Iterable, Iterator

from airnet.domain.incident import Evidence
from airnet.record.narrative import NS_PER_MS, utc

#: A time in ns since the epoch is above this: September 2001.
EPOCH_NS = 10**18
_CITE = re.compile(r"\[(\d+)\]")
_MOMENT = re.compile(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\.\d{9} UTC")
#: A number after one of these words is that field of the entry, and no other.
_LABELLED = re.compile(r"\b(measured|limit|probability) (\d[\d,.]*\d|\d)")
_EDGES = ".,;:()'\"!?"
#: What a console rules off a story with.
_RULE = " \t─"
_DIGIT = re.compile(r"\d")


def problems(
    story: str, evidence: Iterable[Evidence], derived: frozenset[str] = frozenset()
) -> list[str]:
    """Return what in a story its citations do not bear out; empty is good.

    Args:
        story: plain text, one fact a line, entries in square brackets.
        evidence: the ledger.
        derived: lines, without surrounding space, that were made anew from the ledger
            and the models: where the story has one of them word for word, it holds.
    """
    entries = {entry.sequence: entry for entry in evidence}
    found = []
    for number, line in enumerate(story.splitlines(), 1):
        if line.strip(_RULE) in derived:
            continue
        found += [f"line {number}: {what}" for what in _of_line(line, entries)]
    return found


def _of_line(line: str, entries: dict[int, Evidence]) -> Iterator[str]:
    """Yield what is wrong with one line."""
    cited = [int(cite) for cite in _CITE.findall(line)]
    text = _CITE.sub("", line)
    unknown = [cite for cite in cited if cite not in entries]
    if unknown:
        yield f"the ledger has no entry {unknown[0]}"
        return
    moments, tokens = _tokens(text)
    if not moments and not tokens:
        return
    if not cited:
        yield f"{(moments or tokens)[0]} cites no entry"
        return
    sources = [entries[cite] for cite in cited]
    known_moments, known = _known(sources)
    for moment in moments:
        if moment not in known_moments:
            yield f"{moment} is not in entry {_names(cited)}"
    for token in tokens:
        if token not in known:
            yield f"{token} is not in entry {_names(cited)}"
    for name, value in _LABELLED.findall(text):
        if not any(_says(source, name, value) for source in sources):
            yield f"{name} {value} is not what entry {_names(cited)} says of {name}"


def _names(cited: list[int]) -> str:
    return " or ".join(str(cite) for cite in cited)


def _tokens(text: str) -> tuple[list[str], list[str]]:
    """Return the moments of a text, and its other words that have a digit."""
    moments = _MOMENT.findall(text)
    words = (word.strip(_EDGES) for word in _MOMENT.sub(" ", text).split())
    return moments, [word for word in words if _DIGIT.search(word)]


def _known(sources: Iterable[Evidence]) -> tuple[set[str], set[str]]:
    """Return every moment and every word with a digit that entries bear out."""
    moments: set[str] = set()
    words: set[str] = set()
    times: set[int] = set()
    for source in sources:
        for name, value in (("", source.time_ns), *_leaves(source.body)):
            if name == "tier":
                words.add(f"T{value}")
            elif isinstance(value, str):
                said, told = _tokens(value)
                moments.update(said)
                words.update(told)
            elif isinstance(value, float):
                words.update((f"{value:.6f}", repr(value)))
            elif value >= EPOCH_NS:
                times.add(value)
                moments.add(utc(value))
            else:
                words.update((str(value), f"{value:,}"))
    words.update(
        f"{(late - early) / NS_PER_MS:.3f}"
        for late in times
        for early in times
        if late >= early
    )
    return moments, words


def _leaves(value: object, name: str = "") -> Iterator[tuple[str, str | int | float]]:
    """Yield every text and number in an entry's body, with the field it is in."""
    if isinstance(value, dict):
        for field, one in value.items():
            yield from _leaves(one, field)
    elif isinstance(value, list):
        for one in value:
            yield from _leaves(one, name)
    elif isinstance(value, str | int | float) and not isinstance(value, bool):
        yield name, value


def _says(source: Evidence, name: str, value: str) -> bool:
    """Return whether an entry's own field of this name has this value.

    An entry without such a field may quote one in a sentence: that is looked up as any
    other number is.
    """
    if name not in source.body:
        return True
    field = source.body[name]
    plain = value.replace(",", "")
    wanted = f"{field:.6f}" if isinstance(field, float) else str(field)
    return plain == wanted or any(
        f"{name} {value}" in leaf
        for _, leaf in _leaves(source.body)
        if isinstance(leaf, str)
    )
