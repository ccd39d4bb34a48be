# Copyright 2026 The foundry_plugins authors
# SPDX-License-Identifier: Apache-2.0
"""Loggers that obey a training YAML.

Foundry's ``python_log_level`` sets the level of the logger ``llmfoundry`` and so of all below it;
those of other packages stay at WARNING, whatever the YAML says.
"""

from __future__ import annotations

import logging


def logger(module: str) -> logging.Logger:
    """The logger of a module, by its ``__name__``."""
    return logging.getLogger(f"llmfoundry.{module}")
