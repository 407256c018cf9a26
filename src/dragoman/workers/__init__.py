"""Work on files of strangers, in processes that may be killed: text and pages of PDFs, pictures, OCR."""
