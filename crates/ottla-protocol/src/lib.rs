//! Kafka's wire messages behind one door, with record data left as bytes.
