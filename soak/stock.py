"""The stock transformers Trainer under the same trials: killed, with a torn checkpoint, resumed from every step."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

from soak.trial import Ground, Tally
from soak.workload import make_data, make_model

# A training as its documentation writes it: states every step, resumed from the last one by itself.
PROGRAM = """
import json, sys
from pathlib import Path
import torch
from transformers import (AutoModelForSequenceClassification, AutoTokenizer, DataCollatorWithPadding, Trainer,
                          TrainingArguments, set_seed)
from transformers.trainer_utils import get_last_checkpoint

model, data, output = sys.argv[1:4]
set_seed(1)
tokenizer = AutoTokenizer.from_pretrained(model)
rows = [json.loads(line) for line in Path(data, "train.jsonl").read_text().splitlines()][:48]
names = sorted({row["label"] for row in rows})
train = [{**tokenizer(row["text"]), "labels": names.index(row["label"])} for row in rows]
network = AutoModelForSequenceClassification.from_pretrained(model, num_labels=len(names))
arguments = TrainingArguments(
    output_dir=output, num_train_epochs=3, per_device_train_batch_size=8, learning_rate=1e-3, save_strategy="steps",
    save_steps=1, save_total_limit=int(sys.argv[4]), report_to=[], use_cpu=True, seed=1, disable_tqdm=True,
    logging_strategy="no",
)
trainer = Trainer(model=network, args=arguments, train_dataset=train, data_collator=DataCollatorWithPadding(tokenizer))
last = get_last_checkpoint(output) if Path(output).is_dir() else None
trainer.train(resume_from_checkpoint=last)
torch.manual_seed(0)
trainer.save_model(Path(output, "end"))
"""


class StockRun:
    """One folder with the program and what it needs."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder / "stock"
        self.model = make_model(self.folder / "model")
        self.data = make_data(self.folder / "data", "classification")
        self.program = self.folder / "stock.py"
        self.program.write_text(PROGRAM)

    def start(self, output: Path, kept: int = 2) -> subprocess.Popen[str]:
        """The program, as the leader of a group of its own."""
        return subprocess.Popen(
            [sys.executable, str(self.program), str(self.model), str(self.data), str(output), str(kept)],
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, start_new_session=True,
            env={**os.environ, "OMP_NUM_THREADS": "1"},
        )  # fmt: skip

    def end(self, output: Path, kept: int = 2) -> bytes | None:
        """The weights after running to the end; None if it does not get there."""
        self.start(output, kept).communicate(timeout=300)
        weights = output / "end" / "model.safetensors"
        return weights.read_bytes() if weights.is_file() else None

    def killed(self, ground: Ground, attempts: int) -> str:
        """kill -9 at random instants, then started again."""
        tally, draw = Tally(), ground.random("stock kill")
        begin = time.monotonic()
        expected = self.end(self.folder / "whole")
        seconds = time.monotonic() - begin
        for attempt in range(attempts):
            output = self.folder / f"kill-{attempt}"
            process = self.start(output)
            time.sleep(draw.uniform(0.5, 1.0) * seconds)  # before that it imports
            os.killpg(process.pid, signal.SIGKILL)
            process.communicate()
            tally.add(self.end(output) == expected, f"{attempt}")
        return f"{tally.good} of {tally.attempts} end the same"

    def torn(self) -> str:
        """Each file of the newest checkpoint is cut in half, or not there yet, as when it died while saving."""
        tally, whole = Tally(), self.folder / "torn"
        expected = self.end(whole, kept=2)
        shutil.rmtree(whole / "end")
        newest = sorted(whole.glob("checkpoint-*"), key=lambda one: int(one.name.rpartition("-")[2]))[-1]
        for file in sorted(newest.iterdir()):
            for how in ("cut", "missing"):
                output = self.folder / f"torn-{file.name}-{how}"
                shutil.copytree(whole, output)
                victim = output / newest.name / file.name
                if how == "cut":
                    victim.write_bytes(victim.read_bytes()[: victim.stat().st_size // 2])
                else:
                    victim.unlink()
                tally.add(self.end(output) == expected, f"{file.name} {how}")
                shutil.rmtree(output)
        return f"{tally.good} of {tally.attempts} torn checkpoints end the same"

    def resumed(self) -> str:
        """From the checkpoint of every step."""
        tally, whole = Tally(), self.folder / "resumed"
        expected = self.end(whole, kept=100)
        for checkpoint in sorted(whole.glob("checkpoint-*")):
            output = self.folder / f"from-{checkpoint.name}"
            shutil.copytree(checkpoint, output / checkpoint.name)
            tally.add(self.end(output) == expected, checkpoint.name)
            shutil.rmtree(output)
        return f"{tally.good} of {tally.attempts} end the same"
