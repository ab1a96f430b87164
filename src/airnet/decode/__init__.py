"""decode: Frames to Headers, Messages and Sessions. Never raises on foreign bytes."""

from airnet.decode.streams import Decoder, holes, key_of, type_text

__all__ = ["Decoder", "holes", "key_of", "type_text"]
