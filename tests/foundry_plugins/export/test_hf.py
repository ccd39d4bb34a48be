# Copyright 2026 The foundry_plugins authors
# SPDX-License-Identifier: Apache-2.0
"""Export for transformers: equal numbers, no import of this package, nothing left on failure."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from foundry_plugins.contract.errors import UserError
from foundry_plugins.export.architecture import read_architecture
from foundry_plugins.export.checkpoint import read_checkpoint
from foundry_plugins.export.hf import export_hf, write_hf
from foundry_plugins.export.modeling_code_mpt import CodeMPTForCausalLM
from foundry_plugins.export.parity import TRICKY_TEXTS, ParityReport
from foundry_plugins.export.parity_hf import check_hf
from foundry_plugins.export.reference import load_reference


@pytest.fixture(scope="module")
def exported(
    model_checkpoint: Callable[[str], Path],
    samples: list[str],
    tmp_path_factory: pytest.TempPathFactory,
) -> tuple[Path, ParityReport]:
    output = tmp_path_factory.mktemp("export") / "untied"
    return output, export_hf(model_checkpoint("untied_6_heads"), output, samples)


def _figures(report: ParityReport) -> dict[str, float]:
    return {m.name.partition(",")[0]: m.measured for m in report.measurements}


def test_the_report_holds_what_was_measured(exported: tuple[Path, ParityReport]) -> None:
    output, report = exported
    assert report.passed
    figures = _figures(report)
    assert figures["largest logit difference"] <= 1e-5
    assert figures["greedy tokens that differ"] == 0
    assert figures["texts tokenized differently"] == 0
    assert figures["packages of the trained model imported"] == 0
    content = json.loads(report.to_json())
    assert (content["target"], content["output"], content["passed"]) == ("hf", str(output), True)
    assert all(len(row) == 3 for row in report.rows())


@pytest.mark.parametrize("name", ["tied", "layernorm_gelu", "grouped", "alibi_grouped"])
def test_other_variants_give_the_same_logits(
    model_checkpoint: Callable[[str], Path], tmp_path: Path, name: str
) -> None:
    source = read_checkpoint(model_checkpoint(name))
    write_hf(source, read_architecture(source), tmp_path)
    model = CodeMPTForCausalLM.from_pretrained(tmp_path)
    ids = torch.randint(60, 700, (128,)).tolist()
    with torch.inference_mode():
        difference = model(torch.tensor([ids])).logits[0] - load_reference(source)(ids)
    assert difference.abs().max() <= 1e-5


# Not the package's own probe: what a user would type, where this package cannot be found.
STRANGER = """
import sys
class Absent:
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] in ("foundry_plugins", "llmfoundry", "composer", "data_prep"):
            raise ImportError(name)
sys.meta_path.insert(0, Absent())
import json, torch
from transformers import AutoModelForCausalLM, AutoTokenizer
folder, text = sys.argv[1:]
tokenizer = AutoTokenizer.from_pretrained(folder)
model = AutoModelForCausalLM.from_pretrained(folder, trust_remote_code=True)
batch = tokenizer(text, return_tensors="pt", return_token_type_ids=False)
outs = [
    model.generate(**batch, max_new_tokens=20, use_cache=use)[0].tolist() for use in (True, False)
]
model.save_pretrained(folder + "-again")
again = AutoModelForCausalLM.from_pretrained(folder + "-again", trust_remote_code=True)
same = torch.equal(model(**batch).logits, again(**batch).logits)
print(json.dumps([batch.input_ids[0].tolist(), outs, same]))
"""


def test_loads_where_this_package_is_absent(
    exported: tuple[Path, ParityReport],
    model_checkpoint: Callable[[str], Path],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("HF_MODULES_CACHE", str(tmp_path))
    done = subprocess.run(
        [sys.executable, "-P", "-c", STRANGER, str(exported[0]), "def f(x):\n    return"],
        capture_output=True,
        text=True,
        check=False,
        cwd=tmp_path,
    )
    assert done.returncode == 0, done.stderr
    prompt, (cached, plain), same = json.loads(done.stdout)
    assert same
    assert cached == plain
    logits = load_reference(read_checkpoint(model_checkpoint("untied_6_heads")))
    ids = list(prompt)
    while len(ids) < len(cached):
        ids.append(int(logits(ids)[-1].argmax()))
    assert cached == ids


def test_a_wrong_configuration_is_found(
    model_checkpoint: Callable[[str], Path], samples: list[str], tmp_path: Path
) -> None:
    source = read_checkpoint(model_checkpoint("tied"))
    architecture = read_architecture(source)
    write_hf(source, architecture, tmp_path)
    config: dict[str, Any] = json.loads((tmp_path / "config.json").read_text())
    (tmp_path / "config.json").write_text(json.dumps({**config, "alibi_bias_max": 4.0}))
    report = check_hf(source, architecture, tmp_path, tmp_path / "final", samples)
    with pytest.raises(UserError, match=r"not kept .*logit difference.*greedy tokens"):
        report.require_passed()


def test_a_failed_export_leaves_everything_as_it_was(
    exported: tuple[Path, ParityReport], model_checkpoint: Callable[[str], Path], tmp_path: Path
) -> None:
    content = torch.load(model_checkpoint("tied"), weights_only=False)
    # Finite, but the logits overflow: no comparison can hold.
    content["state"]["model"]["model.transformer.norm_f.weight"].fill_(3e38)
    torch.save(content, tmp_path / "overflow.pt")
    shutil.copytree(exported[0], tmp_path / "earlier")
    with pytest.raises(UserError, match=r"not kept .*logit difference"):
        export_hf(tmp_path / "overflow.pt", tmp_path / "earlier", [])
    assert sorted(path.name for path in tmp_path.iterdir()) == ["earlier", "overflow.pt"]
    for file in exported[0].iterdir():
        assert (tmp_path / "earlier" / file.name).read_bytes() == file.read_bytes()


def test_only_an_earlier_export_is_replaced(
    model_checkpoint: Callable[[str], Path], tmp_path: Path
) -> None:
    (tmp_path / "notes.txt").write_text("mine")
    for target in (tmp_path, tmp_path / "notes.txt"):
        with pytest.raises(UserError, match="is not replaced"):
            export_hf(model_checkpoint("tied"), target, [])
    assert (tmp_path / "notes.txt").read_text() == "mine"


def test_tricky_texts_survive_a_round_trip(exported: tuple[Path, ParityReport]) -> None:
    from transformers.models.auto.tokenization_auto import AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(exported[0])
    for text in TRICKY_TEXTS:
        assert tokenizer.decode(tokenizer(text).input_ids) == text
