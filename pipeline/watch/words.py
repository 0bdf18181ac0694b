"""What can be wrong with the system itself, in words. The codes are part of what other programs read."""

from __future__ import annotations

from enum import StrEnum

from model.text import Text


class Code(StrEnum):
    """One way in which the system does not do its work."""

    STARTING = "starting"
    LOOP_STANDS = "loop_stands"
    SOURCE_DISCONNECTED = "source_disconnected"
    NO_DATA = "no_data"
    WATERMARK_LAG = "watermark_lag"
    JOURNAL_FULL = "journal_full"
    STORE_FAILING = "store_failing"
    SINK_FAILING = "sink_failing"


SAID: dict[Code, Text] = {
    Code.STARTING: Text("正在启动，尚未开始研判", "starting, nothing is judged yet"),
    Code.LOOP_STANDS: Text("处理环节停滞", "a loop stands still"),
    Code.SOURCE_DISCONNECTED: Text("数据源断开", "a source is disconnected"),
    Code.NO_DATA: Text("所有定时上报的传感器均无数据", "no sensor that should report does"),
    Code.WATERMARK_LAG: Text("读数滞后", "the newest reading is old"),
    Code.JOURNAL_FULL: Text("磁盘已满，停止接收", "the disk is full, nothing is taken in"),
    Code.STORE_FAILING: Text("报警库无法写入", "events cannot be stored"),
    Code.SINK_FAILING: Text("通知送不出去", "a sink does not take what is due"),
}
