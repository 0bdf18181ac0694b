"""``python -m app.cli``: how the supervisor starts its children, wherever the script is installed."""

from app.cli import main

main()
