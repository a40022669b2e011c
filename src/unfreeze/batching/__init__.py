"""Examples to tensors: encoded windows, their order, and padded batches."""
