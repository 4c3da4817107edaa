"""hatoba, an all-in-one mail platform. ARCHITECTURE.md says where each line of it lives."""

__version__ = "0.1.0"
