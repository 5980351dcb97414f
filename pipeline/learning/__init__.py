"""Hedgers that learn for a desk: how the training of each is begun, by a command or by a run of the desk.

Importing this needs no extra; training does, `deep` for networks and `rl` for agents.
"""
