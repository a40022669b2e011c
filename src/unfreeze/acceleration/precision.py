"""Which arithmetic the matrix products run in, chosen by a probe on this machine."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any, Literal

from unfreeze.acceleration.fp32_products import onednn_products

if TYPE_CHECKING:
    import torch

PrecisionChoice = Literal["auto", "fp32", "bf16"]

# A product of a MiniLM-sized layer: small enough for milliseconds, large enough to be bound by arithmetic.
PROBE_SHAPE = (1024, 768, 768)
PROBE_REPEATS = 5
MINIMUM_GAIN = 1.15  # a lever below this is not worth its rounding
FP32_TOLERANCE = 1e-5  # relative; oneDNN may compute "fp32" in bf16 on CPUs with AMX, which errs by 1e-2


class PrecisionError(ValueError):
    """This machine does not compute in the precision that is asked for."""


@dataclass(frozen=True)
class Precision:
    """The choice and what was measured; `reason` is said aloud."""

    name: Literal["fp32", "bf16"]
    onednn_fp32: bool
    reason: str

    def as_json(self) -> dict[str, Any]:
        """What decides numbers."""
        return {"name": self.name, "onednn_fp32": self.onednn_fp32}

    def taken_over(self, earlier: Mapping[str, Any]) -> Precision:
        """What was chosen earlier on this kind of machine, where it can be had here."""
        if dict(earlier) == self.as_json() or (earlier.get("name") == "bf16" and not _can_bf16()):
            return self
        name: Literal["fp32", "bf16"] = "bf16" if earlier.get("name") == "bf16" else "fp32"
        return Precision(name, bool(earlier.get("onednn_fp32")), f"{name}, as the runs before ({self.reason} now)")

    def products(self) -> AbstractContextManager[None]:
        """Which library computes products in fp32, in backward passes too."""
        return onednn_products(self.onednn_fp32)

    @contextmanager
    def active(self, device: str = "cpu") -> Iterator[None]:
        """Run what is inside in this precision. Weights, optimizer and loss stay in fp32."""
        import torch

        with self.products():
            if self.name == "fp32":
                yield
            else:
                with torch.autocast(torch.device(device).type, dtype=torch.bfloat16):
                    yield


PLAIN = Precision("fp32", False, "fp32 as torch computes it by default")


def choose_precision(choice: PrecisionChoice, device: str = "cpu", *, speedups: bool = True) -> Precision:
    """Probe the machine and choose: oneDNN fp32 where it rounds no worse, bf16 only with the hardware for it.

    With `auto` a clock decides, so another run may be made in other products; what is asked for by name is the same
    every time on one machine.
    """
    import torch

    if not speedups:
        return PLAIN
    if torch.device(device).type != "cpu":
        has_it = torch.cuda.is_bf16_supported(including_emulation=False)
        wanted = choice == "bf16" or (choice == "auto" and has_it)
        return Precision("bf16" if wanted else "fp32", False, f"{'bf16' if wanted else 'fp32'} on {device}")
    if choice == "fp32" or (choice == "bf16" and _has_bf16_hardware()):
        exact = _onednn_is_exact()
        return Precision(choice, exact, f"{choice} as asked, without a probe{', with oneDNN' if exact else ''}")
    plain = _seconds(torch.float32)
    with onednn_products(True):
        onednn = _seconds(torch.float32)
    use_onednn = _onednn_is_exact() and plain / onednn > MINIMUM_GAIN
    said = f"oneDNN fp32 {plain / onednn:.1f}x, " if use_onednn else ""
    best_fp32 = onednn if use_onednn else plain
    if not _has_bf16_hardware():
        # Without the instructions bf16 products are emulated, 44 to 500 times slower (pytorch issue 146508).
        return Precision("fp32", use_onednn, f"fp32: this CPU has no bf16 instructions; probe: {said}fp32 1x")
    bf16 = _seconds(torch.bfloat16)
    if best_fp32 / bf16 > MINIMUM_GAIN:
        return Precision("bf16", use_onednn, f"bf16: probe {plain / bf16:.1f}x fp32 ({said}weights stay fp32)")
    return Precision("fp32", use_onednn, f"fp32: probe gives bf16 only {best_fp32 / bf16:.2f}x; {said}fp32 1x")


def steady_precision(name: Literal["fp32", "bf16"] = "fp32", device: str = "cpu") -> Precision:
    """What a saved model answers in: nothing is timed, so the choice is the same at every call on a machine.

    Raises:
        PrecisionError: bf16 is asked for, and this device would only imitate it.
    """
    import torch

    on_cpu = torch.device(device).type == "cpu"
    if name == "bf16" and not (_has_bf16_hardware() if on_cpu else torch.cuda.is_bf16_supported(False)):
        raise PrecisionError(
            f"--precision bf16: this {'CPU' if on_cpu else 'GPU'} has no bf16 instructions, so it would be slower than "
            "fp32. Leave it out."
        )
    exact = on_cpu and _onednn_is_exact()
    return Precision(name, exact, f"{name} as asked for" if name == "bf16" else "fp32 rounded as torch does by default")


def _can_bf16() -> bool:
    import torch

    return torch.cuda.is_available() or _has_bf16_hardware()


def _has_bf16_hardware() -> bool:
    import torch

    probe = getattr(torch.cpu, "_is_avx512_bf16_supported", None)
    return bool(probe()) if probe is not None else False


@cache
def _onednn_is_exact() -> bool:
    """Does oneDNN round fp32 products no worse than torch does by default?"""
    with onednn_products(True):
        return _relative_error() < FP32_TOLERANCE


def _operands(dtype: torch.dtype) -> tuple[torch.Tensor, torch.Tensor]:
    import torch

    generator = torch.Generator().manual_seed(0)
    m, k, n = PROBE_SHAPE
    left, right = torch.randn(m, k, generator=generator), torch.randn(k, n, generator=generator)
    return left.to(dtype), right.to(dtype)


def _seconds(dtype: torch.dtype) -> float:
    import torch

    left, right = _operands(dtype)
    torch.mm(left, right)
    best = float("inf")
    for _ in range(PROBE_REPEATS):
        begin = time.perf_counter()
        torch.mm(left, right)
        best = min(best, time.perf_counter() - begin)
    return best


def _relative_error() -> float:
    import torch

    left, right = _operands(torch.float32)
    exact = left.double() @ right.double()
    return float(((left @ right).double() - exact).norm() / exact.norm())
