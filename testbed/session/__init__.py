"""The run: its lifecycle, its session file, its verdict."""
