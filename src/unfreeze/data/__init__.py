"""Files to examples: readers, labels, splits, checks and sources. No torch, no tokenizer."""
