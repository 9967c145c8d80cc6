"""Electronic invoices after EN 16931: UBL, CII, and CII inside a PDF (Factur-X)."""
