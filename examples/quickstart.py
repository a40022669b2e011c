"""Train one strategy on the bundled sample, look at the scores, predict."""

import sys

import unfreeze

model = sys.argv[1] if len(sys.argv) > 1 else "minilm"
output = sys.argv[2] if len(sys.argv) > 2 else "unfreeze-quickstart"

result = unfreeze.train(model=model, data="sample:emotion", strategy="full", epochs=1, output=output)
record = result.records[0]
print(f"trains {record.trains}")
print(f"test macro F1 {record.test['macro_f1']:.3f}, trained {record.train_seconds:.0f} s")

predictor = unfreeze.load(output)
for prediction in predictor.predict(["Nobody remembered, again.", "They let us keep the dog!"]):
    print(prediction)
