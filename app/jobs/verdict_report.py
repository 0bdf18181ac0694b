"""``fengsui report verdicts``: what the alarms of a time were, as people said."""

from __future__ import annotations

from dataclasses import dataclass

from app.configured import Paths
from config.settings import Settings
from model.plan import Plan
from pipeline.hindsight.verdicts import Verdicts, summed_up
from store.pipeline_reader import PipelineReader


@dataclass(frozen=True, slots=True)
class VerdictReport:
    """What came of it.

    Attributes:
        begin_ns: alarms that began from here on ...
        end_ns: ... and before this.
        plan: in force, for the names.
        verdicts: the figures.

    """

    begin_ns: int
    end_ns: int
    plan: Plan
    verdicts: Verdicts


def verdict_report(settings: Settings, begin_ns: int, end_ns: int) -> VerdictReport:
    """Sum up what people said of the alarms of a time.

    Raises:
        StoreError: the pipeline has never run with this data folder.

    """
    reader = PipelineReader(Paths.under(settings.data_dir).pipeline_db)
    try:
        plan = reader.plan()
        sites = {asset.id: asset.site for asset in plan.assets}
        told = reader.judged_alarms(begin_ns, end_ns)
        return VerdictReport(begin_ns, end_ns, plan, summed_up(told, lambda asset: sites.get(asset, "")))
    finally:
        reader.close()
