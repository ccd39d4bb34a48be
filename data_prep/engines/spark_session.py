# Copyright 2026 The foundry_plugins authors
# SPDX-License-Identifier: Apache-2.0
"""The recipe's section ``spark``, and the Spark session that it asks for."""

from __future__ import annotations

import dataclasses
import os
import re
import shutil
import sys
from typing import Any

from foundry_plugins.contract.errors import UserError, require

# Of Arrow batches.
BATCH_BYTES = 32_000_000
_CONFIG = {
    "spark.app.name": "convert_dataset",
    "spark.ui.showConsoleProgress": "false",
    # The number of partitions is chosen here; merging them would serialize tasks.
    "spark.sql.adaptive.enabled": "false",
    # Of Arrow batches to Python (Spark 4); those from Python are cut here.
    "spark.sql.execution.arrow.maxBytesPerBatch": str(BATCH_BYTES),
    # Slow tasks have more to do, here: a second attempt would do the same again.
    "spark.speculation": "false",
}


@dataclasses.dataclass(frozen=True)
class Spark:
    """How the Spark engine is started.

    Attributes:
        master: Spark's ``--master``, e.g. ``local[8]`` or ``spark://host:7077``; null takes what
            ``spark-submit`` or the environment says.
        config: Further Spark settings, e.g. ``{spark.executor.memory: 8g}``.
        cores: Cores of the cluster, for the estimate of ``convert_dataset plan``; null takes what
            ``master`` or ``config`` say.
    """

    master: str | None = None
    config: dict[str, str] = dataclasses.field(default_factory=dict)
    cores: int | None = None

    def __post_init__(self) -> None:
        require(
            self.cores is None or self.cores >= 1,
            f"`spark.cores` must be at least 1, got {self.cores}.",
        )

    @property
    def num_cores(self) -> int | None:
        """Tasks that run at once; None if the settings do not say.

        >>> Spark("local[8]").num_cores, Spark("spark://host:7077", cores=256).num_cores
        (8, 256)
        """
        if self.cores is not None:
            return self.cores
        if local := re.fullmatch(r"local\[(\d+)[^\]]*\]", self.master or ""):
            return int(local[1])
        if most := self.config.get("spark.cores.max"):
            return int(most)
        executors = self.config.get("spark.executor.instances")
        each = self.config.get("spark.executor.cores")
        return int(executors) * int(each) if executors and each else None


def session(settings: Spark) -> Any:
    """A session with this package's settings.

    Raises:
        UserError: if PySpark or Java is missing, or Spark does not start.
    """
    try:
        from py4j.protocol import Py4JError
        from pyspark.errors import PySparkException
        from pyspark.sql import SparkSession
    except ImportError as error:
        raise UserError(
            "`engine: spark` needs PySpark; install it with pip install 'foundry-plugins[spark]' "
            "on the driver and every executor, or set `engine: local`."
        ) from error
    if not (shutil.which("java") or os.environ.get("JAVA_HOME")):
        raise UserError(
            "`engine: spark` needs Java 17: no `java` is on the PATH and JAVA_HOME is not set; "
            "install it (Debian: openjdk-17-jre-headless) or set `engine: local`."
        )
    # Executors must run the interpreter that has this package.
    os.environ.setdefault("PYSPARK_PYTHON", sys.executable)
    builder: Any = SparkSession.builder
    if settings.master is not None:
        builder = builder.master(settings.master)
    for key, value in {**_CONFIG, **settings.config}.items():
        builder = builder.config(key, value)
    try:
        started = builder.getOrCreate()
    except (PySparkException, Py4JError) as error:
        raise UserError(
            f"Spark did not start ({str(error).splitlines()[0]}); check `spark.master`, got "
            f"{settings.master!r}, and `spark.config`."
        ) from error
    started.sparkContext.setLogLevel("ERROR")
    return started
