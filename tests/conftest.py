"""Tiny random networks of every family as local folders, made-up data, and one way to train on them.

Test modules take what they need as fixtures and import nothing from here, so that they run alone as well.
"""

from __future__ import annotations

import os

os.environ["HF_HUB_OFFLINE"] = "1"  # before any Hugging Face import: no test may reach the network
os.environ["HF_HUB_VERBOSITY"] = "critical"  # as the command line sets it, whose first call would change it else
os.environ["TOKENIZERS_PARALLELISM"] = "false"
os.environ.setdefault("OMP_NUM_THREADS", "1")  # of programs that tests start: other tests run beside them

import gc
import random
from collections.abc import Callable, Generator, Iterator, Sequence
from copy import deepcopy
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import torch
from transformers import PreTrainedModel
from transformers.utils import logging as hf_logging

from unfreeze.acceleration.speedups import OFF, Speedups
from unfreeze.batching.collate import Collator
from unfreeze.batching.features import Features
from unfreeze.data.examples import Example, MultiLabelExample, NumberExample, PassageExample, TaggedExample, TextExample
from unfreeze.data.labels import LabelSet
from unfreeze.data.question_example import QuestionExample, Span
from unfreeze.evaluation.evaluate import Evaluation, Evaluator, Split
from unfreeze.models.anatomy import Anatomy, take_anatomy
from unfreeze.models.load import LoadedNetwork, load_network, load_tokenizer
from unfreeze.models.save import save_model
from unfreeze.strategies import STRATEGIES, Strategy
from unfreeze.strategies.parse import parse_strategies
from unfreeze.tasks import (
    Classification,
    MaskedLM,
    MultiLabel,
    NextSentence,
    QuestionAnswering,
    Regression,
    ReplacedToken,
    SentenceOrder,
    Tagging,
    Task,
)
from unfreeze.training.checkpoint import Checkpoints
from unfreeze.training.criterion import Criterion
from unfreeze.training.loop import Trainer
from unfreeze.training.options import TrainingOptions
from unfreeze.training.parameters import Trainables
from unfreeze.training.result import Progress, TrainingResult

torch.set_num_threads(1)
hf_logging.set_verbosity_error()
hf_logging.disable_progress_bar()


# Data: a text's label follows from its words, so that training has something to learn.

WORDS_BY_LABEL = {
    "anger": ("rage", "furious", "shout"),
    "joy": ("happy", "smile", "laughter"),
    "sadness": ("tears", "lonely", "grief"),
}
NAMES = {"LOC": ("berlin", "lima"), "PER": ("anna", "karl", "maria")}
FILLERS = ("the", "a", "we", "saw", "in", "with", "some", "day", "house", "and", "unbelievable")
ALL_WORDS = (*FILLERS, *(w for words in (*WORDS_BY_LABEL.values(), *NAMES.values()) for w in words))


@cache
def make_texts(number: int, seed: int = 0) -> tuple[TextExample, ...]:
    """Texts of 1 to 12 words; the label is that of the one telling word."""
    rng = random.Random(seed)
    texts = []
    for i in range(number):
        label = list(WORDS_BY_LABEL)[i % len(WORDS_BY_LABEL)]
        words = [rng.choice(FILLERS) for _ in range(rng.randint(0, 11))]
        words.insert(rng.randint(0, len(words)), rng.choice(WORDS_BY_LABEL[label]))
        texts.append(TextExample(" ".join(words), label))
    return tuple(texts)


@cache
def make_sentences(number: int, seed: int = 0) -> tuple[TaggedExample, ...]:
    """Sentences of 2 to 12 words with names in them, tagged in IOB2."""
    rng = random.Random(seed)
    sentences = []
    for _ in range(number):
        words, tags = [rng.choice(FILLERS)], ["O"]
        while len(words) < rng.randint(2, 12):
            kind = rng.choice(["LOC", "PER", "O", "O"])
            if kind == "O":
                words, tags = [*words, rng.choice(FILLERS)], [*tags, "O"]
            else:
                names = rng.choices(NAMES[kind], k=rng.randint(1, 2))
                words = [*words, *names]
                tags = [*tags, f"B-{kind}", *[f"I-{kind}"] * (len(names) - 1)]
        sentences.append(TaggedExample(tuple(words), tuple(tags)))
    return tuple(sentences)


@cache
def make_labelled(number: int, seed: int = 0) -> tuple[MultiLabelExample, ...]:
    """Texts with telling words of none to two labels."""
    rng = random.Random(seed)
    texts = []
    for _ in range(number):
        names = rng.sample(list(WORDS_BY_LABEL), k=rng.randint(0, 2))
        words = [*rng.choices(FILLERS, k=rng.randint(1, 10)), *(rng.choice(WORDS_BY_LABEL[name]) for name in names)]
        rng.shuffle(words)
        texts.append(MultiLabelExample(" ".join(words), tuple(sorted(names))))
    return tuple(texts)


@cache
def make_rated(number: int, seed: int = 0) -> tuple[NumberExample, ...]:
    """Pairs of texts, rated by how many of the words are happy."""
    rng = random.Random(seed)
    pairs = []
    for _ in range(number):
        happy = rng.choices(WORDS_BY_LABEL["joy"], k=rng.randint(0, 3))
        words = [*rng.choices(FILLERS, k=rng.randint(1, 6)), *happy]
        rng.shuffle(words)
        pair = " ".join(rng.choices(FILLERS, k=rng.randint(1, 6)))
        pairs.append(NumberExample(" ".join(words), len(happy) / 2, pair=pair))
    return tuple(pairs)


@cache
def make_questions(number: int, seed: int = 0) -> tuple[QuestionExample, ...]:
    """Contexts of 4 to 40 words that name one place, which is what every question asks for; some need two windows."""
    rng = random.Random(seed)
    questions = []
    for i in range(number):
        words = [rng.choice([*FILLERS, *NAMES["PER"]]) for _ in range(rng.choice([3, 5, 8, 40]))]
        position = rng.randint(0, len(words))
        place = " ".join(rng.choices(NAMES["LOC"], k=rng.randint(1, 2)))
        before = "".join(word + " " for word in words[:position])
        context = " ".join([before + place, *words[position:]])
        question = " ".join(rng.choices(FILLERS, k=rng.randint(1, 4)))
        questions.append(QuestionExample(question, context, (Span(place, len(before)),), f"q{seed}-{i}"))
    return tuple(questions)


@cache
def make_passages(number: int, seed: int = 0) -> tuple[PassageExample, ...]:
    """Passages of two or three short sentences; what begins a sentence names the next one."""
    rng = random.Random(seed)
    passages = []
    for _ in range(number):
        sentences = [rng.choices([*FILLERS, *NAMES["PER"]], k=rng.randint(2, 6)) for _ in range(rng.randint(2, 3))]
        text = "\n".join(" ".join(words) for words in sentences)
        passages.append(PassageExample(text, "masked-lm"))
    return tuple(passages)


# Families: the smallest configuration of each, in its own names, and its own kind of tokenizer.


@dataclass(frozen=True)
class Family:
    """One model family: `config` overrides the sizes that have other names there."""

    model_type: str
    tokenizer: Callable[[], Any]
    config: dict[str, Any] = field(default_factory=dict)
    shares_layers: bool = False
    has_pooler: bool = False  # does the classification network read a pooler of the encoder?


SIZES = {
    "hidden_size": 16,
    "num_hidden_layers": 2,
    "num_attention_heads": 2,
    "intermediate_size": 32,
    "max_position_embeddings": 64,
    # Ten times the usual spread: with 0.02 a network this narrow says nearly the same of every text.
    "initializer_range": 0.2,
}
SPECIAL_IDS = {"pad_token_id": 0, "bos_token_id": 2, "eos_token_id": 3, "cls_token_id": 2, "sep_token_id": 3}


def _word_pieces() -> dict[str, int]:
    letters = sorted(set("".join(ALL_WORDS)))
    # Two words in three are whole; the others fall apart into letters, so that words have several pieces.
    whole = [word for i, word in enumerate(ALL_WORDS) if i % 3]
    pieces = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *letters, *(f"##{c}" for c in letters), *whole]
    return {piece: i for i, piece in enumerate(dict.fromkeys(pieces))}


def _wordpiece_tokenizer(class_name: str) -> Any:
    import transformers

    return getattr(transformers, class_name)(vocab=_word_pieces())


def _byte_pieces(specials: Sequence[str]) -> tuple[dict[str, int], list[tuple[str, str]]]:
    from tokenizers.pre_tokenizers import ByteLevel

    merges = [("Ġ", "t"), ("h", "e"), ("Ġt", "he"), ("a", "n"), ("r", "a")]
    pieces = [*specials, *sorted(ByteLevel.alphabet()), *("".join(pair) for pair in merges)]
    return {piece: i for i, piece in enumerate(pieces)}, merges


def _roberta_tokenizer() -> Any:
    from transformers import RobertaTokenizer

    vocabulary, merges = _byte_pieces(["<pad>", "<unk>", "<s>", "</s>", "<mask>"])
    return RobertaTokenizer(vocab=vocabulary, merges=merges)


def _modernbert_tokenizer() -> Any:
    from tokenizers import Tokenizer, models, pre_tokenizers, processors
    from transformers import PreTrainedTokenizerFast

    vocabulary, merges = _byte_pieces(["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"])
    backend = Tokenizer(models.BPE(vocab=vocabulary, merges=merges))
    backend.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    backend.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]", pair="[CLS] $A [SEP] $B [SEP]", special_tokens=[("[CLS]", 2), ("[SEP]", 3)]
    )
    return PreTrainedTokenizerFast(
        tokenizer_object=backend,
        pad_token="[PAD]",
        unk_token="[UNK]",
        cls_token="[CLS]",
        sep_token="[SEP]",
        mask_token="[MASK]",
    )


def _mpnet_tokenizer() -> Any:
    """Word pieces between RoBERTa's special tokens."""
    from transformers import MPNetTokenizer

    names = {"[PAD]": "<pad>", "[UNK]": "[UNK]", "[CLS]": "<s>", "[SEP]": "</s>", "[MASK]": "<mask>"}
    return MPNetTokenizer(vocab={names.get(piece, piece): i for piece, i in _word_pieces().items()})


def _unigram_tokenizer(class_name: str) -> Any:
    import transformers

    brackets = class_name in ("AlbertTokenizer", "DebertaV2Tokenizer")
    frame = ("[CLS]", "[SEP]", "[MASK]") if brackets else ("<s>", "</s>", "<mask>")
    letters = sorted(set("".join(ALL_WORDS)))
    pieces = ["<pad>", "<unk>", *frame, "▁", *letters, *(f"▁{word}" for i, word in enumerate(ALL_WORDS) if i % 3)]
    return getattr(transformers, class_name)(vocab=[(piece, -float(len(piece) < 3)) for piece in pieces])


FAMILIES = {
    family.model_type: family
    for family in (
        Family("bert", lambda: _wordpiece_tokenizer("BertTokenizer"), has_pooler=True),
        Family("roberta", _roberta_tokenizer),
        Family(
            "albert",
            lambda: _unigram_tokenizer("AlbertTokenizer"),
            {"embedding_size": 8},
            shares_layers=True,
            has_pooler=True,
        ),
        Family("electra", lambda: _wordpiece_tokenizer("ElectraTokenizer"), {"embedding_size": 8}),
        Family("distilbert", lambda: _wordpiece_tokenizer("DistilBertTokenizer"), {"hidden_dim": 32}),
        Family("xlm-roberta", lambda: _unigram_tokenizer("XLMRobertaTokenizer")),
        Family("camembert", lambda: _unigram_tokenizer("CamembertTokenizer")),
        Family("modernbert", _modernbert_tokenizer),
        Family(
            "deberta-v2",
            lambda: _unigram_tokenizer("DebertaV2Tokenizer"),
            {"relative_attention": True, "position_buckets": 8, "pos_att_type": ["p2c", "c2p"], "type_vocab_size": 0},
        ),
        Family("mpnet", _mpnet_tokenizer),
    )
}
# In products with the strategies only in the slow tests; the four others differ most from each other.
SLOW_FAMILIES = ("camembert", "deberta-v2", "electra", "mpnet", "roberta", "xlm-roberta")
# With what it is trained on.
TASKS: dict[str, tuple[Task, Callable[..., Sequence[Example]]]] = {
    "classification": (Classification(), make_texts),
    "tagging": (Tagging(), make_sentences),
    "question-answering": (QuestionAnswering(), make_questions),
    "multi-label": (MultiLabel(), make_labelled),
    "regression": (Regression(), make_rated),
    "masked-lm": (MaskedLM(masking="static"), make_passages),
    "next-sentence": (NextSentence(), make_passages),
    "sentence-order": (SentenceOrder(), make_passages),
    "replaced-token": (ReplacedToken(), make_passages),
}
# In products with the strategies and with the families these are there every time, the others in the slow tests.
WITH_STRATEGIES = ("classification", "tagging")
WITH_FAMILIES = (*WITH_STRATEGIES, "question-answering", "masked-lm")
# What tests call the strategy that they run.
STRATEGY_ARGUMENTS = ("strategy_text", "text", "strategy")


def save_family(name: str, folder: Path, *, num_hidden_layers: int = 2, auto_class: str = "AutoModel") -> Path:
    """Write config.json, model.safetensors and the tokenizer of a tiny random network, as a hub would deliver them."""
    import transformers

    family = FAMILIES[name]
    tokenizer = family.tokenizer()
    sizes = {**SIZES, **SPECIAL_IDS, **family.config, "num_hidden_layers": num_hidden_layers}
    sizes["vocab_size"] = len(tokenizer)
    sizes["pad_token_id"] = tokenizer.pad_token_id
    config = transformers.AutoConfig.for_model(name, **sizes)
    torch.manual_seed(0)
    network = getattr(transformers, auto_class).from_config(config)
    with torch.no_grad():
        # Biases start at 0 in a fresh network; trained ones do not.
        for parameter_name, parameter in network.named_parameters():
            if parameter_name.endswith(".bias"):
                parameter.normal_(std=0.1)
    network.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder


@pytest.fixture(scope="session", autouse=True)
def own_cache(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """What tests cache does not lie in the user's folder, nor is found there."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("UNFREEZE_CACHE", str(tmp_path_factory.mktemp("cache")))
        yield


@pytest.fixture(scope="session")
def family_folder(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., str]:
    """`family_folder("bert")`: the path of its saved network, made once."""
    root = tmp_path_factory.mktemp("models")

    @cache
    def folder(name: str, num_hidden_layers: int = 2, auto_class: str = "AutoModel") -> str:
        path = root / f"{name}-{num_hidden_layers}-{auto_class}"
        return str(save_family(name, path, num_hidden_layers=num_hidden_layers, auto_class=auto_class))

    return folder


@pytest.hookimpl(wrapper=True)
def pytest_collection() -> Generator[None, object, object]:
    """What is imported and collected stays for good; to look through a million objects of it takes half a second each
    time that the stock Trainer asks for a collection of garbage, at the end of every training."""
    gc.disable()
    try:
        return (yield)
    finally:
        gc.freeze()
        gc.enable()


def pytest_itemcollected(item: pytest.Item) -> None:
    """Products of three are slow tests, but for their faces: each two of strategy, family and task are tried without
    them, the third being BERT, classification or full fine-tuning."""
    values = getattr(getattr(item, "callspec", None), "params", {})
    family = values.get("family", values.get("model_type", "bert"))
    strategy = next((values[name] for name in STRATEGY_ARGUMENTS if name in values), "full")
    if family != "bert" and values.get("task_name", "classification") != "classification" and strategy != "full":
        item.add_marker(pytest.mark.slow)


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """A test with an argument `family` or `task_name` runs once for each of them."""
    if "family" in metafunc.fixturenames:
        rare = SLOW_FAMILIES if {*STRATEGY_ARGUMENTS} & {*metafunc.fixturenames} else ()
        families = [pytest.param(name, marks=pytest.mark.slow) if name in rare else name for name in FAMILIES]
        metafunc.parametrize("family", families)
    if "task_name" in metafunc.fixturenames:
        fast: Sequence[str] = tuple(TASKS)
        if "family" in metafunc.fixturenames or "model_type" in metafunc.fixturenames:
            fast = WITH_FAMILIES
        if {*STRATEGY_ARGUMENTS} & {*metafunc.fixturenames}:
            fast = WITH_STRATEGIES
        names = [name if name in fast else pytest.param(name, marks=pytest.mark.slow) for name in TASKS]
        metafunc.parametrize("task_name", names)
    if "label_task" in metafunc.fixturenames:
        metafunc.parametrize("label_task", [name for name, (task, _) in TASKS.items() if task.has_labels])


@pytest.fixture(scope="session")
def families() -> dict[str, Family]:
    """The table of families."""
    return FAMILIES


def strategy_of(text: str) -> Strategy:
    """The one strategy that this text names."""
    [strategy] = parse_strategies(text, STRATEGIES)
    return strategy


@pytest.fixture(scope="session")
def make_examples_of() -> Callable[..., Sequence[Example]]:
    """`make_examples_of("tagging", number, seed)`."""
    return lambda task_name, number, seed=0: TASKS[task_name][1](number, seed)


@pytest.fixture(scope="session", name="make_questions")
def _make_questions() -> Callable[..., Sequence[QuestionExample]]:
    """`make_questions(number, seed=0)`."""
    return make_questions


def logits_of(outputs: Any) -> torch.Tensor:
    """What any head says: (batch, labels), (batch, tokens, labels), or (batch, tokens, 2) for start and end."""
    if "start_logits" in outputs:
        return torch.stack([outputs.start_logits, outputs.end_logits], -1)
    return outputs.logits


@pytest.fixture(scope="session", name="logits_of")
def _logits_of() -> Callable[[Any], torch.Tensor]:
    """`logits_of(network(**inputs))`."""
    return logits_of


@dataclass
class Workbench:
    """A network ready to be trained by a strategy, with its data."""

    network: PreTrainedModel
    anatomy: Anatomy
    strategy: Strategy
    task: Task
    tokenizer: Any
    labels: LabelSet
    train: Split
    validation: Split
    trainables: Trainables
    evaluator: Evaluator
    options: TrainingOptions
    folder: Path
    losses: list[float] = field(default_factory=list)

    @property
    def collator(self) -> Collator:
        return self.evaluator.collator

    def logits(self, windows: Sequence[Features], network: Any = None) -> torch.Tensor:
        """What the network, or another one, says of these windows in its current mode."""
        return logits_of((network or self.network)(**self.collator(windows).inputs))

    def state(self) -> dict[str, torch.Tensor]:
        """A copy of all weights by name."""
        return {name: parameter.detach().clone() for name, parameter in self.network.named_parameters()}

    def evaluate(self, network: PreTrainedModel) -> Evaluation:
        """The scores on validation."""
        return self.evaluator.evaluate(network, self.validation)

    def trainer(self, **changes: Any) -> Trainer:
        """The loop over this workbench; `losses` collects what it says of each step."""
        values = {
            "network": self.network,
            "trainables": self.trainables,
            "criterion": Criterion(self.task),
            "collator": self.collator,
            "speedups": self.evaluator.speedups,
            "options": self.options,
            "evaluate": self.evaluate,
            "checkpoints": Checkpoints(self.folder),
            "on_progress": self._progress,
            "used_ids": frozenset(
                i for s in (self.train, self.validation) for w in s.encoded.features for i in w.input_ids
            ),
        }
        return Trainer(**(values | changes))

    def run(self) -> TrainingResult:
        """Train."""
        return self.trainer().train(self.train.encoded.features)

    def save(self, folder: Path) -> Path:
        """Save the network as a run does."""
        self.task.detach(self.network)
        save_model(
            self.network,
            self.tokenizer,
            folder,
            base=self.network.name_or_path,
            auto_class=self.task.auto_class,
            peft_type=self.task.peft_type,
            trained=[name for name, _ in self.network.named_parameters() if self.trainables.ever_trains(name)],
            card="",
        )
        return folder

    def _progress(self, progress: Progress) -> None:
        if progress.metrics is None:
            self.losses.append(progress.loss)


@pytest.fixture
def workbench(family_folder: Callable[..., str], tmp_path: Path) -> Callable[..., Workbench]:
    """`workbench("bert", "classification", "freeze:first=1", dropout=0.0, epochs=2)`; the rest are TrainingOptions."""
    count = 0

    def make(
        family: str = "bert",
        task_name: str = "classification",
        strategy: str | Strategy = "full",
        *,
        dropout: float = 0.1,
        layers: int = 2,
        examples: int = 24,
        model: str | None = None,
        tokens_per_batch: int = 8192,
        speedups: Speedups = OFF,
        **options: Any,
    ) -> Workbench:
        nonlocal count
        count += 1
        chosen = strategy_of(strategy) if isinstance(strategy, str) else strategy
        task, make_examples = TASKS[task_name]
        train: tuple[Example, ...] = tuple(make_examples(examples))
        validation: tuple[Example, ...] = tuple(make_examples(15, seed=1))
        path = model or family_folder(family, layers)
        tokenizer = _load_tokenizer(path)
        labels = task.labels(train)
        values: dict[str, Any] = {
            "epochs": 2,
            "max_steps": None,
            "max_seconds": None,
            "learning_rate": 1e-3,
            "per_device_train_batch_size": 8,
            "gradient_accumulation_steps": 1,
            "weight_decay": 0.01,
            "max_grad_norm": 1.0,
            "lr_scheduler_type": "linear",
            "warmup_steps": 0.0,
            "eval_strategy": "epoch",
            "eval_steps": None,
            "early_stopping_patience": None,
            "metric_for_best_model": task.selection_metric,
            "train_sampling_strategy": "random",
            "frozen_dropout": False,
            "nonfinite": "stop",
            "seed": 0,
        }
        chosen_options = TrainingOptions(**(values | options))
        loaded = _load_network(path, task, chosen_options.seed, labels, family, dropout)
        network = deepcopy(loaded.network)
        task.attach(network, tokenizer, chosen_options.seed)
        anatomy = take_anatomy(network)
        chosen.refuse(anatomy)
        torch.manual_seed(chosen_options.seed)
        chosen.adapt(network, anatomy)
        corruption = task.corruption(tokenizer)
        collator = Collator(tokenizer.pad_token_id, token_labels=task.token_labels, corrupt=corruption)
        evaluator = Evaluator(task, labels, collator, speedups, tokens_per_batch)
        encoded = [task.encode(split, tokenizer, labels, 48) for split in (train, validation)]
        return Workbench(
            network,
            anatomy,
            chosen,
            task,
            tokenizer,
            labels,
            Split(train, encoded[0]),
            Split(validation, encoded[1]),
            Trainables(chosen, anatomy, loaded.new_parameters, chosen_options.epochs),
            evaluator,
            chosen_options,
            tmp_path / f"run-{count}",
        )

    return make


@cache
def _load_tokenizer(path: str) -> Any:
    return load_tokenizer(path)


@cache
def _load_network(path: str, task: Task, seed: int, labels: LabelSet, family: str, dropout: float) -> LoadedNetwork:
    """Loaded once, as a run loads it; each workbench gets a copy."""
    return load_network(path, task.auto_class, seed, **task.config(labels), **_dropout(family, dropout))


def _dropout(family: str, rate: float) -> dict[str, float]:
    """Every dropout of a family at one rate, under the names its configuration has for them."""
    if family == "modernbert":
        names = ["attention_dropout", "embedding_dropout", "mlp_dropout", "classifier_dropout"]
    elif family == "distilbert":
        names = ["dropout", "attention_dropout", "seq_classif_dropout", "qa_dropout"]
    else:
        names = ["hidden_dropout_prob", "attention_probs_dropout_prob", "classifier_dropout"]
        if family == "albert":
            names.append("classifier_dropout_prob")
    return dict.fromkeys(names, rate)


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    """Headless Chromium; tests of pages are skipped without it."""
    chromium = Path("/usr/bin/chromium")
    if not chromium.exists():
        pytest.skip("needs Debian's chromium")
    sync_api = pytest.importorskip("playwright.sync_api")
    with sync_api.sync_playwright() as playwright:
        started = playwright.chromium.launch(executable_path=str(chromium), args=["--no-sandbox"])
        yield started
        started.close()
