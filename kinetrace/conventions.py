"""What clip tables, importers and the command line must say alike; imports nothing, so that the command line may."""

SPLITS = ("train", "val", "test")
UNUSED = "unused"  # what a split column says of clips that no split gets
UNKNOWN = "unknown"  # the subject, where a data set does not name it
FPS = 25.0  # frames a second of sign recordings that came without a clock
