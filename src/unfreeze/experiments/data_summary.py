"""What `comparison.json` says of the data, as the first model reads them."""

from __future__ import annotations

from typing import Any

from unfreeze.data.sources import Corpus
from unfreeze.experiments.distributions import label_distribution, length_distribution
from unfreeze.experiments.prepare import Prepared, reading


def data_summary(corpus: Corpus, prepared: Prepared) -> dict[str, Any]:
    """The value of `data`."""
    return {
        "name": corpus.name,
        "sha256": corpus.sha256,
        "sizes": {name: len(examples) for name, examples in corpus.splits.items()},
        "tag_scheme": corpus.tag_scheme,
        "labels": list(prepared.labels.names),
        "read_by": prepared.model_name,
        "reading": {name: reading(split) for name, split in prepared.splits.items()},
        "lengths": length_distribution(prepared.splits)
        | {"max_length": prepared.max_length, "in_windows": prepared.task.reads_windows},
        "label_counts": label_distribution(corpus.splits, prepared.labels.names, corpus.tag_scheme),
        "checks": [str(finding) for finding in corpus.findings],
        "notes": list(corpus.notes),
    }
