"""Compare three strategies with two seeds each on the bundled entity sample."""

import sys

import unfreeze
from unfreeze.strategies import Freeze, Full, LoRA

model = sys.argv[1] if len(sys.argv) > 1 else "minilm"
output = sys.argv[2] if len(sys.argv) > 2 else "unfreeze-compare"

comparison = unfreeze.compare(
    model=model,
    data="sample:ner",
    strategy=[Full(), Freeze(first="half"), LoRA(r=4)],
    seeds=2,
    epochs=1,
    max_eval_samples=60,
    output=output,
)
for record in comparison.records:
    print(f"{record.strategy:<20} seed {record.seed}  entity F1 {record.test['entity_f1']:.3f}")
print(f"recommended: {comparison.recommended}")
for reason in comparison.summary["recommendation"]["reasons"]:
    print(f"  - {reason}")
