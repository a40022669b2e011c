"""What an inspection found, as tables: ruled ones in a terminal, plain text elsewhere."""

from __future__ import annotations

from collections.abc import Sequence

from unfreeze.cli.tables import print_table
from unfreeze.data.findings import printable
from unfreeze.experiments.inspect_model import Inspection
from unfreeze.training.part_flow import PartFlow

NOTHING = "-"

PARAMETER_COLUMNS = ("strategy", "trained", "share", "rate", "epochs", "forward", "dX", "dW", "of full")
FLOW_COLUMNS = ("part", "parameters", "trains", "got a gradient", "gradient norm", "update size", "backward through it")
LEGEND = """
rate: the peak learning rate. forward, dX, dW: GFLOP of this step for outputs, gradients of inputs, and those of weights
got a gradient: the share of what trains whose gradient is not zero; of embeddings that is the tokens of this batch, of
  LoRA one matrix of two, since the other waits until this one has left zero
update size: the change in one step by the size of the weights, both where there was a gradient; - if they start at zero
backward through it: a gradient has to pass to something below that trains
"""


def print_inspections(inspections: Sequence[Inspection]) -> None:
    """Of each model one table of parameters and costs, then one of the gradient flow for each strategy."""
    for model in dict.fromkeys(one.model_name for one in inspections):
        of_model = [one for one in inspections if one.model_name == model]
        full = next((one.flow.operations.total for one in of_model if one.strategy == "full"), None)
        print_table(printable(model), PARAMETER_COLUMNS, [parameter_row(one, full) for one in of_model])
        for one in of_model:
            print_table(printable(f"{one.strategy}: {one.trains}"), FLOW_COLUMNS, [*map(flow_row, one.flow.parts)])
            for warning in one.flow.warnings:
                print(f"warning: {printable(warning)}")
            for change in one.flow.changes:
                print(printable(change))
    print(LEGEND, end="")


def parameter_row(one: Inspection, full: float | None) -> list[str]:
    """Cells under PARAMETER_COLUMNS; `full` is what a step of full fine-tuning costs, where that was inspected too."""
    operations = one.flow.operations
    kinds = (operations.forward, operations.input_gradients, operations.weight_gradients)
    return [
        printable(one.strategy),
        f"{one.trainable_parameters:,}",
        f"{100 * one.trainable_parameters / one.total_parameters:.2f} %",
        f"{one.learning_rate:g}",
        str(one.epochs),
        *(f"{kind / 1e9:,.3g}" for kind in kinds),
        NOTHING if full is None else f"{100 * operations.total / full:.0f} %",
    ]


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
