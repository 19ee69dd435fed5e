"""Restart: nothing is in memory from one moment on, under load; how long until it is as before."""
