"""What the project checks and builds itself with; nothing of it is deployed."""
