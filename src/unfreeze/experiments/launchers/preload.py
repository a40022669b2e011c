"""What every run imports. Only the fork server imports this module; the processes it forks find all of it loaded."""

from __future__ import annotations

import numpy
import peft
import torch

# transformers loads a class's module when the class is first asked for.
from transformers import (
    AutoConfig,
    AutoModel,
    AutoModelForSequenceClassification,
    AutoModelForTokenClassification,
    AutoTokenizer,
    PreTrainedModel,
    PreTrainedTokenizerBase,
)

import unfreeze.experiments.work as work

LOADED = (
    numpy,
    peft,
    torch,
    AutoConfig,
    AutoModel,
    AutoModelForSequenceClassification,
    AutoModelForTokenClassification,
    AutoTokenizer,
    PreTrainedModel,
    PreTrainedTokenizerBase,
    work,
)
