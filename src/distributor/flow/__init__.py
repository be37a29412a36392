"""The stages of the product, from ingestion to feedback. They pass work on by rows and never import each other."""
