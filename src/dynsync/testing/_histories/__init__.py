"""Whole histories of two systems and a sync: what happens in them, and what must hold."""
