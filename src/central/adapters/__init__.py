"""The world outside: one room a neighbour, each implements ports of the application."""
