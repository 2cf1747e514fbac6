"""The eight emotions of RAVDESS, in the order of their codes 01 to 08: the order of every label and probability."""

EMOTIONS = ("neutral", "calm", "happy", "sad", "angry", "fearful", "disgust", "surprised")
EMOTION_INDEX = {emotion: index for index, emotion in enumerate(EMOTIONS)}
