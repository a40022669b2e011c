"""Was it memory that an operation lacked? torch says so in several ways."""

from __future__ import annotations

# Of a GPU's allocator, the CPU's, oneDNN's and cuBLAS's.
_SAYINGS = ("out of memory", "can't allocate memory", "could not create a memory", "CUBLAS_STATUS_ALLOC_FAILED")


def is_out_of_memory(error: BaseException) -> bool:
    """Is this what is raised where memory runs out?

    >>> is_out_of_memory(MemoryError()), is_out_of_memory(RuntimeError("shapes do not match"))
    (True, False)
    """
    return isinstance(error, MemoryError) or (
        isinstance(error, RuntimeError) and any(one in str(error) for one in _SAYINGS)
    )
