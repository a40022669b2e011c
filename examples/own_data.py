"""Data of your own from memory: lists, a pandas DataFrame or a datasets.Dataset take the same road as files."""

import sys

import unfreeze

model = sys.argv[1] if len(sys.argv) > 1 else "minilm"
output = sys.argv[2] if len(sys.argv) > 2 else "unfreeze-own-data"

reviews = [("The soup was cold and so was the waiter.", "bad"), ("We stayed until they closed.", "good")]
more = [(f"Table {i}: {text}", label) for i, (text, label) in enumerate(reviews * 40)]

comparison = unfreeze.compare(model=model, data=more, strategy=["head", "full"], seeds=1, epochs=2, output=output)
for record in comparison.records:
    print(f"{record.strategy:<8} validation {record.validation['macro_f1']:.3f}  test {record.test['macro_f1']:.3f}")
