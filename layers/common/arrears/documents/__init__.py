"""What people read: texts, letters, an agency's case sheet, the court's dossier.

Pure functions of their input: no clock, no network, no AWS; the same input gives the same bytes. `templates` and
`sms_length` need only babel; whatever draws a PDF imports reportlab and looks for the fonts, so a function that only
sends texts imports neither.
"""
