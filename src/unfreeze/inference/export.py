"""A trained model in another form, checked against the original on real examples before it takes its place."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from copy import deepcopy
from dataclasses import asdict, dataclass, is_dataclass
from pathlib import Path
from typing import Any, Literal

from unfreeze.data.examples import Example
from unfreeze.inference.export_card import export_card
from unfreeze.inference.output_difference import largest_difference
from unfreeze.inference.predictor import Predictor, load_predictor
from unfreeze.models.explained import ModelError
from unfreeze.models.extensions import NOT_STOCK, recorded
from unfreeze.models.save import save_beside, save_stock
from unfreeze.storage.atomic import fresh_folder, write_json
from unfreeze.storage.folders import OutputError, refuse_file

Format = Literal["merged", "onnx", "onnx-int8"]
POINT = 0.01  # of a score
ALLOWED_POINTS = 0.5
EXPORT_FILE = "export.json"


class ScoreLost(Exception):
    """The exported model scores worse than the original, and nothing was left of it."""


@dataclass(frozen=True)
class Checked:
    """The exported model against the original, on the same examples."""

    examples: int
    metric: str
    original: float
    exported: float
    largest_output_difference: float  # of any number that the networks give for the first of these examples

    @property
    def points_lost(self) -> float:
        """Below 0 where the exported model scores better."""
        return (self.original - self.exported) / POINT


@dataclass(frozen=True)
class Exported:
    """What was written."""

    folder: Path
    format: Format
    opset: int | None  # of the ONNX operators
    checked: Checked | None  # None: nobody looked

    def as_json(self) -> dict[str, Any]:
        """What `export.json` holds."""
        checked = None
        if self.checked is not None:
            checked = asdict(self.checked) | {"points_lost": round(self.checked.points_lost, 4)}
        return {"format": self.format, "opset": self.opset, "checked": checked}


def export(
    original: Predictor,
    name: str,
    output: Path,
    format: Format,
    examples: Sequence[Example] | None,
    *,
    allowed_points: float = ALLOWED_POINTS,
    told: Callable[[str], object] = lambda words: None,
) -> Exported:
    """Write the model into a new folder.

    Args:
        original: as `load_predictor` gives it.
        name: of the original, for the model card.
        examples: labelled ones to compare both on; None: the exported model is not looked at.
        allowed_points: so much may its score be worse, in hundredths.
        told: hears what is being done.

    Raises:
        ScoreLost: it is worse; OutputError: something lies at `output`, or has come there meanwhile. Nothing is written
            then.
        ModelError: this model cannot be had in this form.
    """
    refuse_used(output)
    refuse_impossible(original, name, format)
    with _placed(output) as temporary:
        opset = _write(original, temporary, format)
        _configuration(original, format).save_pretrained(temporary)
        save_beside(original.tokenizer, temporary, "")
        checked = None
        if examples is not None:
            told(f"both models answer {len(examples):,} examples")
            exported = load_predictor(temporary, task=original.task, device="cpu")
            checked = _checked(original, exported, examples)
            _refuse_worse(checked, output, allowed_points)
        done = Exported(output, format, opset, checked)
        (temporary / "README.md").write_text(export_card(done.as_json(), original, name), encoding="utf-8")
        write_json(temporary / EXPORT_FILE, done.as_json())
    return done


def usage_of(model: Predictor) -> dict[str, Any]:
    """What its `config.json` must say, so that it is used as it was trained."""
    known = getattr(model.network.config, "unfreeze", None) or {}
    settings: dict[str, Any] = asdict(model.task) if is_dataclass(model.task) else {}
    said = {"task": model.task.name, "task_settings": settings, "max_length": model.max_length}
    return {**known, **said, "lower_case": model.lower_case}


def refuse_used(output: Path) -> None:
    """OutputError where something lies already."""
    refuse_file(output)
    if output.is_dir() and any(output.iterdir()):
        raise OutputError(f"--output {output}: the folder is not empty, and nothing is overwritten. Choose another.")
    if output.resolve() == Path.cwd():
        # The new folder takes the place of an empty one, and who stands in that would be nowhere.
        raise OutputError(f"--output {output}: is the folder that you are in; expected one to create. Give it a name.")


@contextmanager
def _placed(output: Path) -> Iterator[Path]:
    try:
        with fresh_folder(output.resolve()) as temporary:
            yield temporary
    except FileExistsError as error:
        if error.filename != str(output.resolve()):
            raise
        refused = f"--output {output}: something has come to lie there meanwhile, and nothing is overwritten."
        raise OutputError(f"{refused} Choose another.") from None


def refuse_impossible(original: Predictor, name: str, format: Format) -> None:
    """ModelError where this model cannot be had in this form."""
    from unfreeze.inference.onnx_network import OnnxNetwork

    if isinstance(original.network, OnnxNetwork):
        raise ModelError(f"{name}: is an ONNX model already. Give the model that it was exported from.")
    if format == "merged" and recorded(original.network.config):
        raise ModelError(
            f"{name}: cannot be merged into a stock model: {NOT_STOCK}. Export it with --format onnx, or train with "
            "--strategy lora, which can be merged."
        )


def _configuration(original: Predictor, format: Format) -> Any:
    config = deepcopy(original.network.config)
    config.update(original.task.config(original.labels))
    config.architectures = [type(original.network).__name__]
    config.unfreeze = usage_of(original) | ({} if format == "merged" else {"format": format})
    return config


def _write(original: Predictor, folder: Path, format: Format) -> int | None:
    """The network; returns the opset where it is ONNX."""
    if format == "merged":
        save_stock(original.network, folder)
        return None
    from unfreeze.inference.onnx_export import write_onnx

    return write_onnx(original.network, original.tokenizer, folder, int8=format == "onnx-int8")


def _checked(original: Predictor, exported: Predictor, examples: Sequence[Example]) -> Checked:
    metric = original.task.selection_metric
    before, after = (model.evaluate(examples).metrics[metric] for model in (original, exported))
    difference = largest_difference(original, exported, examples)
    return Checked(len(examples), metric, before, after, difference)


def _refuse_worse(checked: Checked, output: Path, allowed_points: float) -> None:
    if not checked.points_lost <= allowed_points:  # NaN is worse
        raise ScoreLost(
            f"--output {output}: not written. {checked.metric} on {checked.examples:,} examples is "
            f"{checked.exported:.4f}, that of the original {checked.original:.4f}: {checked.points_lost:.2f} points "
            f"less, and {allowed_points:g} are allowed. --allow-difference {_above(checked.points_lost)} takes it."
        )


def _above(points: float) -> str:
    """A rounded number of points that is not less."""
    return f"{points + 0.005:.2f}"
