"""Pages for people, served by the service itself: try it, read the knowledge, answer the intake form, connect."""
