"""What leaves as a document or a letter: stated, drawn, written, sent. Other forms of an invoice belong here."""
