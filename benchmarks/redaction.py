# Copyright 2026 The foundry_plugins authors
# SPDX-License-Identifier: Apache-2.0
"""Redaction: recall and precision by kind on planted secrets, and MB per CPU second on real code.

Planted: snippets in some twenty languages (`planted_secrets`), as many that hold none
(`planted_negatives`); a secret counts as found if one span of its kind covers it whole and is not
much longer. The peer is detect-secrets with its plugins and its filters by text, one file a
snippet; what it finds counts whatever the kind. Real code: the Python files of this
environment, where every find was judged by hand once (`JUDGED`), as no program can.

    python -m benchmarks.redaction [--mb 60] [--seed 2027]
"""

from __future__ import annotations

import argparse
import collections
import importlib
import tempfile
import time
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from benchmarks import measure
from benchmarks.planted_negatives import TEMPLATES, negatives
from benchmarks.planted_secrets import Planted, positives
from data_prep.document import Document
from data_prep.redact.documents import find, redact
from data_prep.redact.settings import Redaction
from data_prep.redact.spans import KINDS, Span

REDACTION = Redaction(names="pattern")
# All plugins, and the filters that look at the text alone; none that asks a vendor.
_PEER_SETTINGS = {
    "plugins_used": [
        {"name": name}
        for name in (
            *("ArtifactoryDetector", "AWSKeyDetector", "AzureStorageKeyDetector"),
            *("Base64HighEntropyString", "BasicAuthDetector", "CloudantDetector"),
            *("DiscordBotTokenDetector", "GitHubTokenDetector", "GitLabTokenDetector"),
            *("HexHighEntropyString", "IbmCloudIamDetector", "IbmCosHmacDetector"),
            *("JwtTokenDetector", "KeywordDetector", "MailchimpDetector", "NpmDetector"),
            *("OpenAIDetector", "PrivateKeyDetector", "PypiTokenDetector", "SendGridDetector"),
            *("SlackDetector", "SoftlayerDetector", "SquareOAuthDetector", "StripeDetector"),
            *("TelegramBotTokenDetector", "TwilioKeyDetector"),
        )
    ],
    "filters_used": [
        {"path": f"detect_secrets.filters.heuristic.{name}"}
        for name in (
            *("is_potential_uuid", "is_likely_id_string", "is_templated_secret"),
            *("is_sequential_string", "is_indirect_reference", "is_not_alphanumeric_string"),
            *("is_prefixed_with_dollar_sign",),
        )
    ],
}
# The languages that its keyword plugin tells apart.
_ENDINGS = {
    "Python": ".py",
    "JavaScript": ".js",
    "Java": ".java",
    "Go": ".go",
    "C": ".c",
    "C++": ".cpp",
    "C#": ".cs",
    "Swift": ".swift",
    "YAML": ".yaml",
    "INI": ".ini",
    "TOML": ".toml",
    "HCL": ".tf",
}
# Distinct finds in real code, judged by reading each in its line: right in form, wrong, where.
JUDGED = {
    "python environment: 62,012 files, 652 MB (standard library left out)": {
        "emails": "90 right, 0 wrong, of 603 drawn at random",
        "ip_addresses": "89 right, 1 wrong (a version), of 601 drawn at random",
        "keys": "21 right, 0 wrong, all there are",
        "passwords": "39 right, 0 wrong, all there are",
        "names (one file in ten)": "58 right, 2 wrong (organisations), all there are",
    },
    "python standard library with its tests: 2,044 files, 32 MB": {
        "emails": "57 right, 3 wrong (file names, a login), of 232 drawn at random",
        "ip_addresses": "13 right, 2 wrong (section, version), all outside test_ipaddress",
        "keys": "none there",
        "passwords": "7 right, 0 wrong, all there are",
        "names": "92 right, 2 wrong (organisations), all there are",
    },
    "npm and corepack: 1,759 files, 12 MB": {
        "emails": "45 right, 0 wrong, of 61 drawn at random",
        "ip_addresses": "5 right, 0 wrong, all there are",
        "keys": "1 right, 0 wrong, all there are",
        "passwords": "1 right, 0 wrong, all there are",
        "names": "36 right, 0 wrong, all there are",
    },
}


def main() -> None:
    """Measures and writes ``results/redaction.json``."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("--mb", type=float, default=60.0, help="real code to time")
    parser.add_argument("--seed", type=int, default=2027, help="of the planted secrets")
    arguments = parser.parse_args()
    planted = list(positives(arguments.seed, 6000))
    clean = list(negatives(arguments.seed, 8 * len(TEMPLATES)))
    results = {
        "planted": {"seed": arguments.seed, "snippets": len(planted), "clean": len(clean)},
        **_quality(planted, clean),
        "detect_secrets": _peer(planted, clean),
        "speed": _speed(int(arguments.mb * 1e6)),
        "judged_by_hand": JUDGED,
    }
    path = measure.write("redaction", results, "detect-secrets", "google-re2")
    print(path.read_text())


def _spans(case: Planted) -> list[Span]:
    """What is found, in characters."""
    data = case.text.encode()
    return [
        Span(len(data[: s.start].decode()), len(data[: s.end].decode()), s.kind)
        for s in find(data, case.language, REDACTION)
    ]


def _covers(span: Span, start: int, end: int, kind: str, label: str) -> bool:
    if span.kind != kind:
        return False
    if label == "private_key":  # the armour stays
        return start <= span.start and span.end <= end
    return span.start <= start and end <= span.end and span.end - span.start <= 2 * (end - start)


def _quality(planted: Iterable[Planted], clean: Iterable[Planted]) -> dict[str, Any]:
    """Recall and precision by kind, and the labels that are not all found."""
    total: collections.Counter[str] = collections.Counter()
    found: collections.Counter[str] = collections.Counter()
    wrong: collections.Counter[str] = collections.Counter()
    labels: dict[str, list[int]] = collections.defaultdict(lambda: [0, 0])
    for case in (*planted, *clean):
        spans = _spans(case)
        left = set(spans)
        for start, end, kind, label in case.spans:
            hits = {span for span in spans if _covers(span, start, end, kind, label)}
            left -= hits
            total[kind] += 1
            found[kind] += bool(hits)
            labels[f"{kind}/{label}"][0] += bool(hits)
            labels[f"{kind}/{label}"][1] += 1
        wrong.update(span.kind for span in left)
    return {
        "kinds": {
            kind: {
                "recall": round(found[kind] / total[kind], 4),
                "precision": round(found[kind] / (found[kind] + wrong[kind]), 4),
                "planted": total[kind],
                "found": found[kind],
                "wrong": wrong[kind],
            }
            for kind in KINDS
        },
        "not_all_found": {
            label: f"{hits} of {count}"
            for label, (hits, count) in sorted(labels.items())
            if hits < count
        },
    }


def _peer(planted: list[Planted], clean: list[Planted]) -> dict[str, Any]:
    """detect-secrets on the same snippets: keys and passwords, and finds elsewhere."""
    from detect_secrets import SecretsCollection
    from detect_secrets.settings import transient_settings

    found: collections.Counter[str] = collections.Counter()
    total: collections.Counter[str] = collections.Counter()
    wrong, num_bytes, cpu = 0, 0, 0.0
    with tempfile.TemporaryDirectory() as folder, transient_settings(_PEER_SETTINGS):
        for number, case in enumerate((*planted, *clean)):
            file = Path(folder) / f"{number}{_ENDINGS.get(case.language, '.txt')}"
            file.write_text(case.text)
            num_bytes += len(case.text.encode())
            start = time.process_time()
            secrets = SecretsCollection()
            secrets.scan_file(str(file))
            cpu += time.process_time() - start
            values = {secret.secret_value for _, secret in secrets if secret.secret_value}
            right = set()
            for first, last, kind, _ in case.spans:
                if kind in ("keys", "passwords"):
                    truth = case.text[first:last]
                    # A part of the secret will do: some plugins report its prefix alone.
                    hits = {value for value in values if value in truth or truth in value}
                    right |= hits
                    total[kind] += 1
                    found[kind] += bool(hits)
            wrong += len(values - right)
    return {
        **{f"{kind}_recall": round(found[kind] / total[kind], 4) for kind in sorted(total)},
        "precision": round(found.total() / (found.total() + wrong), 4),
        "mb_per_cpu_second_on_snippets": round(num_bytes / 1e6 / cpu, 3),
    }


def _speed(num_bytes: int) -> dict[str, Any]:
    """MB per CPU second of the whole, with and without names, and of each detector."""
    documents = [
        Document.of("x").replace(text=text, path=path) for path, text in measure.corpus(num_bytes)
    ]
    size = sum(len(document.text.encode()) for document in documents)
    texts = [document.text.encode() for document in documents]
    redact(Document.of("password = 'a1b2c3'; token = '9uKEmFfXzOWo69EeNQnWrqfMU'"), REDACTION, 1)
    rates: dict[str, Any] = {"files": len(documents), "mb": round(size / 1e6, 1)}
    for name, redaction in (("default", Redaction()), ("with_names", REDACTION)):
        _, cost = measure.cost_of(lambda r=redaction: [redact(d, r, 17) for d in documents], 3)
        rates[name] = cost.rates(size)["mb_per_cpu_second"]
    for kind in KINDS:
        module = importlib.import_module(f"data_prep.redact.{kind}")
        _, cost = measure.cost_of(
            lambda m=module: [list(m.find(data, "Python", REDACTION)) for data in texts], 2
        )
        rates[kind] = cost.rates(size)["mb_per_cpu_second"]
    counts: collections.Counter[str] = collections.Counter()
    for document in documents:
        counts.update(redact(document, REDACTION, 17)[1])
    return {"mb_per_cpu_second": rates, "spans": dict(sorted(counts.items()))}


if __name__ == "__main__":
    main()
