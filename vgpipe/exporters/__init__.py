"""Exporters write frames to files."""
