"""Several requests answered together, each as if it had come alone."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

from unfreeze.inference.predictor import Predictor
from unfreeze.tasks import TaskError
from unfreeze.tasks.inputs import InputError


@dataclass(frozen=True)
class Asked:
    """What one request hands in: inputs as `Predictor.predict` takes them, and options of the task."""

    inputs: tuple[Any, ...]
    options: Mapping[str, Any]


class Refusal(ValueError):
    """The model does not take what was asked; the message is for whoever asked."""


# One answer for each input of a request; or why there is none, which is a `Refusal` where the request is at fault.
Outcome: TypeAlias = list[Any] | Exception


def answer_together(model: Predictor, requests: Sequence[Asked]) -> list[Outcome]:
    """One outcome for each request. Those with the same options share batches; one that fails spoils no other."""
    outcomes: dict[int, Outcome] = {}
    groups: dict[tuple[tuple[str, Any], ...], dict[int, Asked]] = {}
    for position, asked in enumerate(requests):
        groups.setdefault(tuple(sorted(asked.options.items())), {})[position] = asked
    for options, group in groups.items():
        outcomes |= _same_options(model, group, dict(options))
    return [outcomes[position] for position in range(len(requests))]


def _same_options(model: Predictor, group: dict[int, Asked], options: dict[str, Any]) -> dict[int, Outcome]:
    found: dict[int, Outcome] = {}
    waiting = dict(group)
    while waiting:
        try:
            answers = iter(model.predict([one for asked in waiting.values() for one in asked.inputs], **options))
        except InputError as error:
            # Inputs are read before any network runs, so that trying again without this request costs little.
            refused = _owner(waiting, error.position)
            found[refused] = Refusal(str(error))
            del waiting[refused]
        except Exception as error:
            if len(waiting) > 1:
                return found | _one_by_one(waiting, lambda one: _same_options(model, one, options))
            return found | dict.fromkeys(waiting, Refusal(str(error)) if isinstance(error, TaskError) else error)
        else:
            return found | {at: [next(answers) for _ in asked.inputs] for at, asked in waiting.items()}
    return found


def _one_by_one(
    group: dict[int, Asked], answered: Callable[[dict[int, Asked]], dict[int, Outcome]]
) -> dict[int, Outcome]:
    found: dict[int, Outcome] = {}
    for position, asked in group.items():
        found |= answered({position: asked})
    return found


def _owner(group: Mapping[int, Asked], position: int) -> int:
    """Whose input stands at this position among those of the whole group."""
    for owner, asked in group.items():
        if position < len(asked.inputs):
            return owner
        position -= len(asked.inputs)
    raise IndexError(f"position {position} behind the last input")
