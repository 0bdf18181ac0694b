"""What can be wrong with the system itself, in words. The codes are part of what other programs read."""

from __future__ import annotations

from enum import StrEnum

from model.alarm import Grade
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
    JOURNAL_DAMAGE = "journal_damage"
    MESSAGES_LOST = "messages_lost"
    CLOCK_OFFSET = "clock_offset"
    SINK_FAILING = "sink_failing"
    ARCHIVE_FAILING = "archive_failing"
    GROUPING_FAILING = "grouping_failing"


SAID: dict[Code, Text] = {
    Code.STARTING: Text("正在启动，尚未开始研判", "starting, nothing is judged yet"),
    Code.LOOP_STANDS: Text("处理环节停滞", "a loop stands still"),
    Code.SOURCE_DISCONNECTED: Text("数据源断开", "a source is disconnected"),
    Code.NO_DATA: Text("所有定时上报的传感器均无数据", "no sensor that should report does"),
    Code.WATERMARK_LAG: Text("读数滞后", "the newest reading is old"),
    Code.JOURNAL_FULL: Text("磁盘已满，停止接收", "the disk is full, nothing is taken in"),
    Code.STORE_FAILING: Text("报警库无法写入", "events cannot be stored"),
    Code.JOURNAL_DAMAGE: Text("日志损坏，有输入丢失", "the journal is damaged, inputs are missing"),
    Code.MESSAGES_LOST: Text("消息在到达前丢失", "messages were lost before they came"),
    Code.CLOCK_OFFSET: Text("本机时钟不准", "our own clock is off"),
    Code.SINK_FAILING: Text("通知送不出去", "a sink does not take what is due"),
    Code.ARCHIVE_FAILING: Text("历史归档写不进去", "the archive cannot be written"),
    Code.GROUPING_FAILING: Text("报警不再归并为事件", "alarms are not grouped into incidents any more"),
}

#: Which of them are alarms as well, and how grave they are unless configured otherwise.
GRADES: dict[Code, Grade] = {
    Code.LOOP_STANDS: Grade.RED,
    Code.SOURCE_DISCONNECTED: Grade.ORANGE,
    Code.NO_DATA: Grade.ORANGE,
    Code.WATERMARK_LAG: Grade.YELLOW,
    Code.JOURNAL_FULL: Grade.RED,
    Code.STORE_FAILING: Grade.RED,
    Code.JOURNAL_DAMAGE: Grade.ORANGE,
    Code.MESSAGES_LOST: Grade.ORANGE,
    Code.CLOCK_OFFSET: Grade.YELLOW,
    Code.SINK_FAILING: Grade.ORANGE,
    Code.ARCHIVE_FAILING: Grade.YELLOW,
    Code.GROUPING_FAILING: Grade.YELLOW,
}

#: These are over when a person says so: nothing brings back what is lost.
LASTING = frozenset({Code.JOURNAL_DAMAGE, Code.MESSAGES_LOST})


def _card(code: Code, zh: str, en: str) -> Text:
    anchor = f"docs/operations.md#system-{code.value.replace('_', '-')}"
    return Text(f"{zh}（{anchor}）", f"{en} ({anchor})")


ADVICE: dict[Code, Text] = {
    Code.LOOP_STANDS: _card(
        Code.LOOP_STANDS, "查看磁盘与接收方；必要时重启。", "Look at the disk and at the receiver; restart if need be."
    ),
    Code.SOURCE_DISCONNECTED: _card(
        Code.SOURCE_DISCONNECTED, "运行 fengsui probe；检查代理与网络。", "fengsui probe; look at broker and network."
    ),
    Code.NO_DATA: _card(
        Code.NO_DATA,
        "检查网关与现场网络；期间按无监测处置。",
        "Look at gateways and network; nothing is seen meanwhile.",
    ),
    Code.WATERMARK_LAG: _card(Code.WATERMARK_LAG, "检查网关时钟与链路。", "Look at the gateways' clocks and links."),
    Code.JOURNAL_FULL: _card(
        Code.JOURNAL_FULL,
        "立即腾出磁盘空间；期间不研判新读数。",
        "Make room on the disk now; no reading is judged meanwhile.",
    ),
    Code.STORE_FAILING: _card(Code.STORE_FAILING, "检查磁盘与数据库文件。", "Look at the disk and the database files."),
    Code.JOURNAL_DAMAGE: _card(
        Code.JOURNAL_DAMAGE,
        "检查磁盘；核对缺失时段的现场情况；处理后复位。",
        "Look at the disk; ask the sites about the missing time; reset when it is dealt with.",
    ),
    Code.MESSAGES_LOST: _card(
        Code.MESSAGES_LOST,
        "检查代理的会话与队列设置；核对现场；处理后复位。",
        "Look at the broker's sessions and queues; ask the sites; reset when it is dealt with.",
    ),
    Code.CLOCK_OFFSET: _card(Code.CLOCK_OFFSET, "检查 NTP 对时。", "Look at NTP (timedatectl)."),
    Code.SINK_FAILING: _card(
        Code.SINK_FAILING, "运行 fengsui probe；改用电话通知。", "fengsui probe; notify by telephone meanwhile."
    ),
    Code.ARCHIVE_FAILING: _card(
        Code.ARCHIVE_FAILING,
        "查看 archiver 的日志与磁盘空间。",
        "Look at the archiver's log and at the room on the disk.",
    ),
    Code.GROUPING_FAILING: _card(
        Code.GROUPING_FAILING,
        "报警照常，逐条处理；查看日志中的原因后重启。",
        "Alarms go on, one by one; read the cause in the log, then restart.",
    ),
}
