"""What each function does: load, let the domain decide, carry out, record. No rule of collection lives here."""
