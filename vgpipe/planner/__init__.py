"""Forecasts what a run takes before anything is loaded: memory, time, disk."""
