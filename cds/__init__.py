"""Legwork: clinical decision support for legs that ache at rest, as a CDS Hooks service."""
