"""Every protocol and vendor, one file or folder each with a same-stem sample configuration.

``CONNECTORS`` names the module of each; the modules are imported when a configuration uses them, because some are slow
to import. What a module must offer stands in ``connectors.contract``.
"""

from __future__ import annotations

CONNECTORS: dict[str, str] = {
    "gb26875": "connectors.gb26875",
    "influxdb": "connectors.influxdb",
    "mqtt": "connectors.mqtt.readings",
    "mqtt_alarms": "connectors.mqtt.alarms",
    "replay": "connectors.replay",
    "webhook": "connectors.webhook",
}
