"""MQTT: readings from a broker, alarms to one; what both need of a client stands in ``broker``."""
