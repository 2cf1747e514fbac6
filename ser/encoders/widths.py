"""How wide the layers of convolutional encoders are; they lie side by side, as one layer of the hidden states."""

YAMNET = (32, 64, 128, 128, 256, 256, 512, 512, 512, 512, 512, 512, 1024, 1024)  # the last: the embedding
# Convolutions, products, of which the third is the embedding, and the embedding after PCA and quantisation
VGGISH = (64, 128, 256, 256, 512, 512, 4096, 4096, 128, 128)
WIDTHS = {"yamnet": YAMNET, "vggish": VGGISH}
