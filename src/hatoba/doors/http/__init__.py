"""HTTP doors: metrics and health on loopback; what mail servers and mail programs ask for over HTTPS."""
