"""Floating-point operations of a training step, from what actually requires gradients.

Counted are matrix products. One that multiplies n numbers for each of m results costs 2nm operations forward, as many
for the gradient of its input if something below trains (dX), and as many for the gradient of its weight if that trains
(dW): a linear layer with 24 h^2 operations a token costs 72 h^2 in full fine-tuning. Attention between s tokens of
width h costs 4 s^2 h forward and 8 s^2 h backward, local attention too, which torch computes in full. Biases, norms,
softmax, what a fused kernel computes twice, and backward passes that are written by hand are not counted.

Where outputs of frozen layers are cached, these layers count once for each window, whichever run computed them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from math import prod
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from torch import Tensor, nn

    from unfreeze.batching.features import Batch
    from unfreeze.models.anatomy import Anatomy

# A step costs P(length) + windows * Q(length) with P and Q of degree 2, so two numbers of windows and three lengths
# in a row tell everything. Short ones, because each probe is a forward pass.
PROBE_LENGTHS = (2, 3, 4)


@dataclass(frozen=True)
class Operations:
    """Floating-point operations by what they compute."""

    forward: float
    input_gradients: float  # dX: a gradient on its way down to something that trains
    weight_gradients: float  # dW: spared by every frozen weight

    @property
    def total(self) -> float:
        """All three."""
        return self.forward + self.input_gradients + self.weight_gradients


Growth = tuple[float, float, float, float, float, float]  # one factor for each of `_basis`


@dataclass(frozen=True)
class StepCost:
    """Operations of one forward and backward pass as a function of the lengths of the windows in it."""

    forward: Growth
    input_gradients: Growth
    weight_gradients: Growth

    def of(self, lengths: Sequence[int]) -> float:
        """Operations of a step on windows of these lengths, padding not counted."""
        return self.parts(lengths).total

    def parts(self, lengths: Sequence[int]) -> Operations:
        """The same by what is computed, so that it shows what freezing spares."""
        basis = _basis(lengths)
        kinds = (self.forward, self.input_gradients, self.weight_gradients)
        return Operations(*(sum(a * b for a, b in zip(kind, basis, strict=True)) for kind in kinds))


def _basis(lengths: Sequence[int]) -> Growth:
    """What costs grow with: windows, tokens, squares of lengths; and what is computed once for all windows
    (positions, a norm of weights): once, by the longest length, by its square."""
    longest = max(lengths)
    squares = sum(length * length for length in lengths)
    return (len(lengths), sum(lengths), squares, 1, longest, longest * longest)


def step_cost(network: nn.Module, anatomy: Anatomy, batch: Batch, known_layers: int = 0) -> StepCost:
    """Watch short forward passes in the current `requires_grad` state and add up what their backward passes will cost.

    Of the batch only the tokens of the first window are used.

    Args:
        known_layers: what so many of the lowest layers give is known, and neither they nor what lies under them run.
    """
    top = network.get_submodule(anatomy.layer_prefixes[known_layers - 1]) if known_layers else None
    measured = [
        [_operations(network, batch, windows, length, top) for length in PROBE_LENGTHS] for windows in (1, 2)
    ]  # [windows - 1][length]

    def growth(kind: Callable[[Operations], float]) -> Growth:
        one, two = ([kind(operations) for operations in row] for row in measured)
        by_window = [b - a for a, b in zip(one, two, strict=True)]
        once = [a - b for a, b in zip(one, by_window, strict=True)]
        return (*_quadratic(by_window), *_quadratic(once))

    return StepCost(
        growth(lambda operations: operations.forward),
        growth(lambda operations: operations.input_gradients),
        growth(lambda operations: operations.weight_gradients),
    )


def _quadratic(values: Sequence[float]) -> tuple[float, float, float]:
    """(a, b, c) of a + bs + cs^2 through the values at the three probe lengths."""
    first, second, third = values
    start = PROBE_LENGTHS[0]
    c = (third - 2 * second + first) / 2
    b = second - first - c * (2 * start + 1)
    return first - b * start - c * start * start, b, c


@dataclass(frozen=True)
class _Product:
    """One matrix product of a forward pass: operations, what a gradient has to be computed for, and its result's node
    in the graph of the backward pass."""

    operations: float
    gradients: tuple[bool, bool]  # of the left operand and of the right one
    right_is_weight: bool
    node: Any


def _operations(
    network: nn.Module, batch: Batch, windows: int, length: int, known: nn.Module | None = None
) -> Operations:
    """Of a step; what has been computed when `known` has run is left out."""
    import torch

    products: list[_Product] = []
    devices = {values.device for values in batch.inputs.values() if values.is_cuda}
    with ExitStack() as stack:
        stack.enter_context(torch.random.fork_rng(devices=devices))
        stack.enter_context(torch.enable_grad())
        stack.enter_context(_products_watched(products))
        if known is not None:
            stack.enter_context(known.register_forward_hook(lambda *_: products.clear()))
        outputs = network(**_probe(batch, windows, length))
    values = outputs.values() if isinstance(outputs, Mapping) else outputs
    reached = _reached_by_backward(value for value in values if hasattr(value, "grad_fn"))
    forward = input_gradients = weight_gradients = 0.0
    for product in products:
        forward += product.operations
        if product.node in reached:
            left, right = (product.operations * needed for needed in product.gradients)
            input_gradients += left + (0.0 if product.right_is_weight else right)
            weight_gradients += right if product.right_is_weight else 0.0
    return Operations(forward, input_gradients, weight_gradients)


def _probe(batch: Batch, windows: int, length: int) -> dict[str, Tensor]:
    """Inputs of this shape (windows, length), made of the first window's tokens."""
    import torch

    columns = torch.arange(length) % len(batch.features[0])
    rows = torch.zeros(windows, dtype=torch.long)
    return {
        name: (values[rows][:, columns] if values.dim() > 1 else values[rows]) for name, values in batch.inputs.items()
    }


def _reached_by_backward(outputs: Iterable[Tensor]) -> set[Any]:
    """The nodes of the graph that a backward pass from these outputs runs through."""
    reached: set[Any] = set()
    waiting = [output.grad_fn for output in outputs]
    while waiting:
        node = waiting.pop()
        if node is not None and node not in reached:
            reached.add(node)
            waiting += [below for below, _ in node.next_functions]
    return reached


@contextmanager
def _products_watched(products: list[_Product]) -> Iterator[None]:
    """Note every matrix product that is called inside, whichever module or function calls it."""
    from torch.overrides import TorchFunctionMode

    class Watch(TorchFunctionMode):
        def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
            result = func(*args, **(kwargs or {}))
            describe = PRODUCTS.get(getattr(func, "__name__", ""))
            if describe is not None:
                # By position: operands come first in every signature, whether they are called by name or not.
                products.extend(describe(result, *args, *(kwargs or {}).values()))
            return result

    with Watch():
        yield


def _linear(result: Tensor, input: Tensor, weight: Tensor, *rest: Any) -> list[_Product]:
    gradients = (input.requires_grad, weight.requires_grad)
    return [_Product(2 * result.numel() * input.shape[-1], gradients, True, _node(result))]


def _matmul(result: Tensor, left: Tensor, right: Tensor, *rest: Any) -> list[_Product]:
    return [_of_two(result, 2 * result.numel() * left.shape[-1], left, right)]


def _swapped_matmul(result: Tensor, right: Tensor, left: Tensor) -> list[_Product]:
    return _matmul(result, left, right)


def _added_matmul(result: Tensor, added: Tensor, left: Tensor, right: Tensor, *rest: Any) -> list[_Product]:
    return _matmul(result, left, right)


def _einsum(result: Tensor, equation: str, *operands: Tensor) -> list[_Product]:
    if len(operands) != 2:
        return []  # of one tensor: a sum or a permutation
    sizes: dict[str | int, int] = {}
    for word, tensor in zip(equation.replace(" ", "").partition("->")[0].split(","), operands, strict=True):
        before, dots, after = word.partition("...")
        # Axes under an ellipsis have no letter; they are aligned on the right, and those of size 1 are repeated.
        unnamed = range(tensor.dim() - len(before) - len(after) if dots else 0, 0, -1)
        for axis, size in zip((*before, *unnamed, *after), tensor.shape, strict=True):
            sizes[axis] = max(size, sizes.get(axis, 1))
    return [_of_two(result, 2 * prod(sizes.values()), *operands)]


def _convolution(result: Tensor, input: Tensor, weight: Tensor, *rest: Any) -> list[_Product]:
    return [_of_two(result, 2 * result.numel() * weight[0].numel(), input, weight)]


def _attention(result: Tensor, query: Tensor, key: Tensor, value: Tensor, *rest: Any) -> list[_Product]:
    scores = 2.0 * query.numel() * key.shape[-2]
    below = query.requires_grad or key.requires_grad
    return [
        _Product(scores, (query.requires_grad, key.requires_grad), False, _node(result)),
        _Product(scores / query.shape[-1] * value.shape[-1], (below, value.requires_grad), False, _node(result)),
    ]


def _of_two(result: Tensor, operations: float, left: Tensor, right: Tensor) -> _Product:
    from torch import nn

    if isinstance(left, nn.Parameter):
        left, right = right, left
    gradients = (left.requires_grad, right.requires_grad)
    return _Product(operations, gradients, isinstance(right, nn.Parameter), _node(result))


def _node(result: Tensor) -> Any:
    """The product itself in the graph. What only reshapes its result may drop out of the graph: in-place additions to a
    view are recorded for what it is a view of."""
    node: Any = result.grad_fn
    while node is not None and node.name().startswith(RESHAPING):
        node = node.next_functions[0][0]
    return node


RESHAPING = ("View", "UnsafeView", "Permute", "Squeeze", "Unsqueeze", "Transpose", "TBackward")

# How torch calls its products, and the functions that describe them.
PRODUCTS: dict[str, Callable[..., list[_Product]]] = {
    "linear": _linear,
    **dict.fromkeys(("matmul", "__matmul__", "mm", "bmm"), _matmul),
    "__rmatmul__": _swapped_matmul,
    **dict.fromkeys(("addmm", "baddbmm", "addmm_", "baddbmm_"), _added_matmul),
    "einsum": _einsum,
    **dict.fromkeys(("conv1d", "conv2d"), _convolution),
    "scaled_dot_product_attention": _attention,
}
