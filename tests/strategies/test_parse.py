"""What may be typed after `--strategy`, and what is said of everything else."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from unfreeze.strategies import STRATEGIES, Combined, Freeze, Full, Head, LoRA, Strategy, StrategyError
from unfreeze.strategies.parse import parse_strategies


def parse(text: str) -> list[Strategy]:
    return parse_strategies(text, STRATEGIES)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("full", Full()),
        ("full:learning_rate=2e-5", Full(learning_rate=2e-5)),
        ("head", Head()),
        ("head:pooler=train", Head(pooler="train")),
        ("freeze:first=6", Freeze(first=6)),
        ("freeze:first=half", Freeze(first="half")),
        ("freeze:last=2", Freeze(last=2)),
        ("freeze:alternating", Freeze(alternating=True)),
        ("freeze:alternating=true,embeddings=train", Freeze(alternating=True, embeddings="train")),
        ("freeze:layers", Freeze(layers=True)),
        ("freeze:embeddings", Freeze(embeddings="freeze")),
        ("freeze: first = 2 , embeddings = train", Freeze(first=2, embeddings="train")),
        ("lora", LoRA()),
        ("lora:r=16,lora_alpha=8,lora_dropout=0", LoRA(r=16, lora_alpha=8, lora_dropout=0.0)),
        ("lora:target_modules=query+key", LoRA(target_modules=("query", "key"))),
        ("lora:target_modules=query+key+value,r=4", LoRA(target_modules=("query", "key", "value"), r=4)),
        ("lora+freeze:first=2", Combined((LoRA(), Freeze(first=2)))),
        ("lora:target_modules=query+key+freeze:first=2", LoRA(target_modules=("query", "key")) + Freeze(first=2)),
        ("freeze:first=1+head+full", Combined((Freeze(first=1), Head(), Full()))),
    ],
)
def test_good_strategies(text: str, expected: Strategy) -> None:
    assert parse(text) == [expected]


def test_a_range_gives_one_strategy_for_each_number() -> None:
    assert parse("freeze:first=0..3") == [Freeze(first=k) for k in range(4)]
    assert parse("freeze:last=2..2,embeddings=freeze") == [Freeze(last=2, embeddings="freeze")]


def test_ranges_multiply() -> None:
    found = parse("lora:r=1..2,lora_alpha=3..4+freeze:first=0..1")
    assert len(found) == len(set(found)) == 8
    assert found[0] == LoRA(r=1, lora_alpha=3) + Freeze(first=0)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "unknown strategy ''. Known: full, head, freeze, gradual"),
        ("loar", "unknown strategy 'loar'. Did you mean lora?"),
        ("Full", "Did you mean full?"),
        ("full+loar:r=8", "unknown strategy 'loar'"),
        ("lora:rank=8", "lora has no setting 'rank'. Known: .*r, lora_alpha"),
        ("lora:targetmodules=query", "no setting 'targetmodules'. Did you mean target_modules?"),
        ("freeze:fist=2", "no setting 'fist'. Did you mean first?"),
        ("lora:r=eight", "r=eight: expected a whole number"),
        ("lora:r=1.5", "r=1.5: expected a whole number"),
        ("lora:r", "r needs a value"),
        ("lora:r=", "r=: expected a whole number"),
        ("lora:r=8,r=16", "r is given twice"),
        ("lora:r=0", "r=0: expected a rank of 1 or more"),
        ("lora:top=0", "top=0: expected 1 layer or more"),
        ("lora:lora_dropout=1", "lora_dropout=1.0: expected 0 or more and less than 1"),
        ("lora:learning_rate=nan", "learning_rate=nan: expected a finite number"),
        ("full:learning_rate=inf", "learning_rate=inf: expected a finite number"),
        ("full:learning_rate=-1e-5", "learning_rate=-1e-5: expected"),
        ("full:learning_rate=0", "learning_rate=0: expected"),
        ("head:pooler=yes", "pooler=yes: expected train or freeze"),
        ("freeze", "nothing to freeze. Give first=k, last=k, alternating, layers or embeddings"),
        ("freeze:embeddings=train", "nothing to freeze"),
        ("freeze:alternating=false", "nothing to freeze"),
        ("freeze:first=2,last=2", "give one of first=k, last=k, alternating and layers"),
        ("freeze:first=-1", "first=-1: expected 0 or more layers"),
        ("freeze:first=most", "first=most: expected a whole number or half"),
        ("freeze:last=half", "last=half: expected a whole number"),
        ("freeze:first=3..1", "first=3..1 is an empty range"),
        ("freeze:first=0..999999999", "first=0..999999999 is no range of layers; there are not so many"),
        (f"freeze:first=0..{'7' * 5000}", "is no range of layers; there are not so many"),
        ("freeze:alternating=1", "alternating=1: expected true or false"),
    ],
)
def test_bad_strategies_say_what_was_expected(text: str, message: str) -> None:
    with pytest.raises(StrategyError, match=message):
        parse(text)


def test_every_mistake_quotes_what_was_typed() -> None:
    for text in ("loar", "lora:rank=8", "lora:r=x", "freeze:first=2,last=2", "freeze:first=3..1"):
        with pytest.raises(StrategyError, match=f"^--strategy {text}: "):
            parse(text)


RATES = st.floats(1e-7, 1.0)
PLAIN = st.one_of(
    st.builds(Full, learning_rate=RATES),
    st.builds(Head, learning_rate=RATES, pooler=st.sampled_from(["train", "freeze"])),
    st.builds(
        Freeze,
        first=st.one_of(st.integers(0, 30), st.just("half")),
        embeddings=st.sampled_from(["train", "freeze", None]),
    ),
    st.builds(Freeze, learning_rate=RATES, last=st.integers(0, 30)),
    st.builds(Freeze, layers=st.just(True)),
    st.builds(
        LoRA,
        r=st.integers(1, 64),
        lora_dropout=st.floats(0, 0.9),
        top=st.one_of(st.none(), st.integers(1, 24)),
        use_dora=st.booleans(),
        use_rslora=st.booleans(),
        target_modules=st.one_of(st.none(), st.lists(st.sampled_from(["query", "dense"]), min_size=1).map(tuple)),
    ),
)


@given(PLAIN)
def test_what_is_printed_can_be_typed(strategy: Strategy) -> None:
    assert parse(str(strategy)) == [strategy]


@given(st.lists(PLAIN, min_size=2, max_size=3))
def test_sums_too(members: list[Strategy]) -> None:
    try:
        total = members[0]
        for member in members[1:]:
            total = total + member
    except StrategyError:
        openers = [member.name for member in members if member.kind == "opener"]
        assert len(set(openers)) < len(openers)
        return
    assert isinstance(total, Combined)
    ignored = [m for m in total.members if m is not total.first_opener() and m.learning_rate != type(m).learning_rate]
    if ignored:
        # A rate that would not count must not be typed as if it did.
        with pytest.raises(StrategyError, match="the learning rate is that of"):
            parse(str(total))
    else:
        assert parse(str(total)) == [total]


def test_a_repeated_opener_is_refused() -> None:
    with pytest.raises(StrategyError, match="more than once"):
        parse("lora:r=8+lora:r=4")


def test_a_misspelt_second_strategy_is_not_taken_for_a_value() -> None:
    with pytest.raises(StrategyError, match="unknown strategy 'lroa'"):
        parse("freeze:first=2+lroa")


@given(st.text(alphabet="fulheadrz:=+,.0123 ", max_size=20))
def test_any_text_parses_or_is_refused(text: str) -> None:
    try:
        found = parse(text)
    except StrategyError:
        return
    assert found


def test_the_table_names_every_strategy_as_it_prints() -> None:
    assert all(strategy.name == name for name, strategy in STRATEGIES.items())
    assert str(Full()) == "full"
    assert str(LoRA(r=4) + Freeze(alternating=True)) == "lora:r=4+freeze:alternating"


def test_all_mistakes_of_one_strategy_at_once() -> None:
    with pytest.raises(StrategyError) as raised:
        parse_strategies("lora:q=3,r=0,lora_alpha=x,zz=1", STRATEGIES)
    lines = str(raised.value).splitlines()
    assert all(line.startswith("--strategy lora:q=3,r=0,lora_alpha=x,zz=1: ") for line in lines)
    rest = [line.partition(": ")[2] for line in lines]
    assert ["'q'" in rest[0], "lora_alpha" in rest[1], "'zz'" in rest[2], "r=0" in rest[3]] == [True] * 4
