"""The linear probe of every layer, beside a sweep over how many layers train."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from unfreeze.evaluation.layer_probe import LayerProbe, probe_layers
from unfreeze.experiments.bench import Bench
from unfreeze.experiments.launchers.launcher import Death
from unfreeze.experiments.travelling import Travelling
from unfreeze.models.anatomy import take_anatomy
from unfreeze.models.load import load_network
from unfreeze.settings import Settings, SettingsError
from unfreeze.strategies import Freeze, Strategy
from unfreeze.tasks import Task

LEAST_SWEEP = 3  # strategies `freeze:first=k` that make a sweep


@dataclass(frozen=True)
class ProbeJob(Travelling):
    """A model to probe; it can be sent to another process."""

    seed: int


def wants_probe(settings: Settings, fitting: Mapping[str, Sequence[Strategy]], task: Task) -> bool:
    """`--probe`, or by default a sweep over the number of frozen layers, where a task has labels to probe for.

    Raises:
        SettingsError: it was asked for, and the task has none.
    """
    if not task.has_labels:
        if settings.probe:
            raise SettingsError([f"--probe: {task.name} has no labels that a layer could be probed for. Leave it out."])
        return False
    if settings.probe is not None:
        return settings.probe
    return any(
        sum(isinstance(one, Freeze) and isinstance(one.first, int) for one in known) >= LEAST_SWEEP
        for known in fitting.values()
    )


def probe_models(
    bench: Bench, fitting: Mapping[str, Sequence[Strategy]], before: Sequence[dict[str, Any]]
) -> list[dict[str, Any]]:
    """The entries of `probe` in `comparison.json`; a model that was probed by an earlier command is not again."""
    known = {entry["model_name"]: entry for entry in before}
    jobs = [
        ProbeJob(bench.prepared[model], bench.weights_of(model), bench.settings.seed)
        for model in fitting
        if model not in known
    ]
    for job, result in bench.launcher.run(probe_model, jobs, lambda job, message: None):
        model = job.prepared.model_name
        if isinstance(result, Death):
            bench.listener.said(f"{model}: the layers could not be probed: {result.reason}")
            continue
        entry = asdict(result)
        known[model] = {"model_name": model, "split": "validation", **entry, "layers": list(entry["layers"])}
        scores = ", ".join(f"{one.score:.4f}" for one in result.layers)
        bench.listener.said(
            f"{model}: linear probe of the layers, embeddings first: validation {result.metric} {scores}"
        )
    return list(known.values())


def probe_model(job: ProbeJob, say: Callable[[Any], None]) -> LayerProbe:
    """Load the pretrained network and probe it."""
    prepared = job.prepared
    loaded = load_network(prepared.model_name, prepared.task.auto_class, job.seed, **prepared.config_overrides)
    network = loaded.network.to(prepared.collator.device)
    return probe_layers(
        network,
        take_anatomy(network),
        prepared.evaluator,
        prepared.train,
        prepared.validation,
        prepared.metric,
        seed=job.seed,
        label_weights=prepared.label_weights,
    )
