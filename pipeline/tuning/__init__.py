"""Limits of rules from quiet readings and a budget of false alarms, and what they then would find; pure."""
