"""Things kept between requests, in one small SQLite file: written by one thread, bounded, and never worth a failure."""
