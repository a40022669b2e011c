"""What an inspection found, as tables: ruled ones in a terminal, plain text elsewhere."""

from __future__ import annotations

from collections.abc import Sequence

from unfreeze.cli.tables import print_table
from unfreeze.cli.terminal import one_line
from unfreeze.experiments.inspect_model import Inspection
from unfreeze.models.architecture import Architecture
from unfreeze.tasks.tokenisation import TokenRow
from unfreeze.training.part_flow import PartFlow

NOTHING = "-"

PARAMETER_COLUMNS = ("strategy", "trained", "share", "rate", "epochs", "memory", "forward", "dX", "dW", "of full")
PART_COLUMNS = ("part", "parameters", "share", "fp32")
TOKEN_COLUMNS = ("position", "token", "id", "segment", "text", "word", "characters")
FLOW_COLUMNS = ("part", "parameters", "trains", "got a gradient", "gradient norm", "update size", "backward through it")
LEGEND = """
rate: the peak learning rate. memory: weights, gradients and AdamW's means in fp32, without activations
forward, dX, dW: GFLOP of this step for outputs, gradients of inputs, and those of weights
got a gradient: the share of what trains whose gradient is not zero; of embeddings that is the tokens of this batch, of
  LoRA one matrix of two, since the other waits until this one has left zero
update size: the change in one step by the size of the weights, both where there was a gradient; - if they start at zero
backward through it: a gradient has to pass to something below that trains
"""


def print_inspections(inspections: Sequence[Inspection]) -> None:
    """Of each model one table of parameters and costs, then one of the gradient flow for each strategy."""
    for model in dict.fromkeys(one.model_name for one in inspections):
        of_model = [one for one in inspections if one.model_name == model]
        print_architecture(model, of_model[0].architecture)
        full = next((one.flow.operations.total for one in of_model if one.strategy == "full"), None)
        print_table(model, PARAMETER_COLUMNS, [parameter_row(one, full) for one in of_model])
        for one in of_model:
            print_table(f"{one.strategy}: {one.trains}", FLOW_COLUMNS, [*map(flow_row, one.flow.parts)])
            for warning in one.flow.warnings:
                print(f"warning: {one_line(warning)}")
            for change in one.flow.changes:
                print(one_line(change))
    print(LEGEND, end="")


def parameter_row(one: Inspection, full: float | None) -> list[str]:
    """Cells under PARAMETER_COLUMNS; `full` is what a step of full fine-tuning costs, where that was inspected too."""
    operations = one.flow.operations
    kinds = (operations.forward, operations.input_gradients, operations.weight_gradients)
    return [
        one.strategy,
        f"{one.trainable_parameters:,}",
        f"{100 * one.trainable_parameters / one.total_parameters:.2f} %",
        f"{one.learning_rate:g}",
        str(one.epochs),
        _size(one.training_bytes),
        *(f"{kind / 1e9:,.3g}" for kind in kinds),
        NOTHING if full is None else f"{100 * operations.total / full:.0f} %",
    ]


def print_architecture(model: str, one: Architecture) -> None:
    """Sizes in a line each, then the parameters of each part."""
    sizes = {
        "vocabulary": one.vocab_size,
        "hidden size": one.hidden_size,
        "layers": one.layers_applied,
        "heads": one.num_heads,
        "feed-forward size": one.intermediate_size,
        "positions": one.max_positions,
        "segments": one.segments,
    }
    known = ", ".join(f"{name} {value:,}" for name, value in sizes.items() if value)
    print(one_line(f"{model}: {one.network} ({one.model_type}): {known}"))
    for peculiarity in one.peculiarities:
        print(f"  {one_line(peculiarity)}")
    total = sum(one.parameters.values())
    rows = [
        [part, f"{number:,}", f"{100 * number / total:.2f} %", _size(4 * number)]
        for part, number in one.parameters.items()
    ]
    print_table(model, PART_COLUMNS, [*rows, ["all", f"{total:,}", "100.00 %", _size(one.weights_bytes)]])


def print_tokens(model: str, rows: Sequence[TokenRow]) -> None:
    """One line for each token."""
    cells = [
        [
            str(one.position),
            one.token,
            str(one.id),
            _number(one.segment),
            _number(one.text),
            _number(one.word),
            NOTHING if one.characters is None else f"{one.characters[0]}-{one.characters[1]}",
        ]
        for one in rows
    ]
    print_table(f"{model}: {len(rows)} tokens", TOKEN_COLUMNS, cells)


def _number(value: int | None) -> str:
    return NOTHING if value is None else str(value)


def _size(number: int) -> str:
    return f"{number / 1e9:.2f} GB" if number >= 1e9 else f"{number / 1e6:.1f} MB"


def flow_row(part: PartFlow) -> list[str]:
    """Cells under FLOW_COLUMNS."""
    trains = {0: "no", part.parameters: "yes"}.get(part.trainable_parameters, f"{part.trainable_parameters:,}")
    return [
        part.name,
        f"{part.parameters:,}",
        trains,
        _share(part.gradient_share),
        NOTHING if part.gradient_norm is None else f"{part.gradient_norm:.3g}",
        NOTHING if part.update_size is None else f"{part.update_size:.2g}",
        "yes" if part.passes_through else "no",
    ]


def _share(share: float | None) -> str:
    if share is None:
        return NOTHING
    return "no" if share == 0 else f"{100 * share:.3g} %"
