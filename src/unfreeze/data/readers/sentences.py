"""Gathers words and tags, line by line, into sentences."""

from __future__ import annotations

from unfreeze.data.examples import Example, Origin, TaggedExample
from unfreeze.data.findings import Problems


class Sentences:
    """The sentences read so far, and the one being read."""

    def __init__(self, file: str, problems: Problems, *, tagged: bool) -> None:
        self.file = file
        self.problems = problems
        self.tagged = tagged
        self.examples: list[Example] = []
        self.words: list[str] = []
        self.tags: list[str] = []
        self.first_line = 0

    def add(self, word: str, tag: str, line: int) -> None:
        """One more word; an empty word or tag is an error."""
        if not word or (self.tagged and not tag):
            self.problems.error("empty-column", f"the {'tag' if word else 'word'} is empty", line)
            return
        if not self.words:
            self.first_line = line
        self.words.append(word)
        self.tags.append(tag)

    def finish(self) -> None:
        """The sentence ends here; nothing happens between sentences."""
        if self.words:
            tags = tuple(self.tags) if self.tagged else None
            self.examples.append(TaggedExample(tuple(self.words), tags, Origin(self.file, self.first_line)))
        self.words, self.tags = [], []
