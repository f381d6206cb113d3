"""The published texts of the character examples: short enough to be learned by heart."""

TEXTS = {
    "hihello": "hihello",
    "charseq": " if you want you",
    "longseq": (
        "if you want to build a ship, don't drum up people together to collect wood and don't assign them "
        "tasks and work, but rather teach them to long for the endless immensity of the sea."
    ),
}
