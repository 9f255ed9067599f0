"""The embedded stack: its business date, and playing its days. Nothing of this runs on AWS."""
