"""Figures as SVG, drawn directly: readable in black and white and by the colour-blind, with units on every axis. Pure."""
