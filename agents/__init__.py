"""The stages on Kafka. All input and output of the stream lives here."""
