"""Read models: what readers ask of all people at once - counts, history, movements, search - kept up to date
from each write of a person, so that nobody has to look through everybody."""
