"""Everything that is fuzzed, in a hand-written table."""

import configuration
import media
import messages
import streams
from target import Target

TARGETS: list[Target] = [*messages.TARGETS, *streams.TARGETS, *media.TARGETS, *configuration.TARGETS]
